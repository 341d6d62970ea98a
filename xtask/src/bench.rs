//! Compares the networks with ONNX Runtime and tfjs in the same browser, page and run, and measures the page itself; `tests/bench` does the
//! measuring.

mod plan;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_weights::{Card, Checkpoint, formats::safetensors, synthetic};

use crate::args::BenchOptions;
use crate::compress::replace;
use crate::error::Error;
use crate::onnx;
use crate::page;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;
use crate::tfjs;
use crate::weights;
use plan::{Case, Plan, Weights};

const STEP: &str = "benchmark";
/// Path of the results in the clone.
const RESULTS: &str = "bench/RESULTS.md";
/// Output of the benchmark without a browser.
const NATIVE: &str = "native.txt";

/// Builds the page, writes the networks for the other engines, and measures all engines.
pub fn run(project: &Project, options: BenchOptions) -> Result<(), Error> {
    weights::fetch(project)?;
    let tools = setup::page(project)?;
    let browser = setup::browser(project)?;
    page::build(project, &tools)?;

    announce("benchmark: writing the networks for the other engines");
    let folder = project.target.join("bench");
    let weights = project.root.join(weights::FILE);
    let plan = write_plan(&folder, &weights, &Plan::of(options))?;

    let native = folder.join(NATIVE);
    if options.gpu {
        announce("benchmark: the GPU without a browser");
        let mut bench = process::command("cargo");
        bench
            .args(["bench", "--profile", "dev", "--package", "stridescope-engine", "--features", "gpu", "--bench", "gpu"])
            .current_dir(&project.root);
        write(
            &native,
            process::read(STEP, &mut bench, "See that this machine's GPU has a driver for Vulkan, Metal or DirectX 12.")?
                .as_bytes(),
        )?;
    }

    announce(STEP);
    let mut node = browser.node.node();
    node.arg(project.tests().join("bench/bench.mjs")).arg(&plan);
    if options.write {
        node.arg("--write").arg(project.root.join(RESULTS));
    }
    node.current_dir(project.tests())
        .env("STRIDESCOPE_DIST", project.dist())
        .env("STRIDESCOPE_CHROMIUM", &browser.chromium)
        .env("STRIDESCOPE_NETWORKS", &folder)
        .env("STRIDESCOPE_NATIVE", &native);
    process::run(STEP, &mut node, "Read the output above.")
}

/// Writes the files of the plan into `folder`, and the plan itself; returns its path.
fn write_plan(folder: &Path, real_weights: &Path, plan: &Plan) -> Result<PathBuf, Error> {
    fs::create_dir_all(folder).map_err(|error| Error::file(STEP, folder, error))?;
    for case in plan.cases.iter().chain(&plan.memory) {
        write_case(folder, real_weights, case)?;
    }
    let path = folder.join("plan.json");
    write(&path, plan.json()?.to_string().as_bytes())?;
    Ok(path)
}

/// Writes the input and the network of a case, unless they are up to date.
fn write_case(folder: &Path, real_weights: &Path, case: &Case) -> Result<(), Error> {
    // A recompiled program may encode networks differently.
    let program = std::env::current_exe().map_err(|error| Error::new(STEP, error, "Run this as `cargo xtask bench`."))?;
    let input = folder.join(case.input());
    if !is_newer(&input, &[&program]) {
        let values = synthetic::input(case.batch * 3 * case.size * case.size);
        write(&input, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    let sources: &[&Path] = match case.weights {
        Weights::Synthetic => &[&program],
        Weights::Catalogue => &[&program, real_weights],
    };
    let [onnx, description, described] =
        [case.onnx(), case.description(), case.described_weights()].map(|name| folder.join(name));
    if [&onnx, &description, &described].iter().any(|file| !is_newer(file, sources)) {
        process::print(&format!("    {}, {} weights", case.net, case.weights.word()));
        let (graph, checkpoint) = load(case, real_weights)?;
        write(&onnx, &onnx::encode(case.net, &graph, &checkpoint)?)?;
        let files = tfjs::encode(&graph, &checkpoint)?;
        write(&described, &files.weights)?;
        write(&description, &files.description)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes).map_err(|error| Error::file(STEP, path, error))
}

/// The network of a case, and its weights.
fn load(case: &Case, real_weights: &Path) -> Result<(Graph, Checkpoint), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(STEP, error, "Run `cargo xtask test native` to see what broke.");
    match case.weights {
        Weights::Synthetic => {
            let graph = plan::graph(case.net, case.size)?;
            let checkpoint = synthetic::checkpoint(&graph);
            Ok((graph, checkpoint))
        }
        Weights::Catalogue => {
            let spec = ArchSpec::named(case.net).map_err(|error| failed(&error))?;
            let bytes = fs::read(real_weights).map_err(|error| Error::file(STEP, real_weights, error))?;
            let checkpoint = safetensors::read(bytes).map_err(|error| failed(&error))?;
            let classes = checkpoint.card.as_ref().map_or(spec.classes, Card::class_count);
            let graph = lower(&ArchSpec { classes, ..spec }, Input::square(case.size)).map_err(|error| failed(&error))?;
            Ok((graph, checkpoint))
        }
    }
}

/// Whether a file exists and is newer than all `sources`.
fn is_newer(file: &Path, sources: &[&Path]) -> bool {
    let date = |path: &Path| -> Option<SystemTime> { fs::metadata(path).and_then(|file| file.modified()).ok() };
    date(file).is_some_and(|written| sources.iter().all(|source| date(source).is_some_and(|changed| changed <= written)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Case = Case {
        net: "tiny-d",
        weights: Weights::Synthetic,
        size: 64,
        batch: 2,
        backend: "cpu",
        visits: 1,
        warm_ups: 0,
        rounds: 1,
    };

    #[test]
    fn networks_are_written_once_and_again_when_their_weights_change() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let weights = folder.path().join("tiny-d.safetensors");
        let graph = plan::graph("tiny-d", 64)?;
        fs::write(&weights, safetensors::write(&synthetic::checkpoint(&graph), stridescope_weights::Dtype::F32)?)?;
        let cases = [TINY, Case { weights: Weights::Catalogue, ..TINY }];
        let out = folder.path().join("bench");
        fs::create_dir(&out)?;
        let write = || cases.iter().try_for_each(|case| write_case(&out, &weights, case));

        write()?;
        assert_eq!(fs::metadata(out.join("input-2x64.f32"))?.len(), 2 * 4 * 3 * 64 * 64);
        let files = |case: Case| [case.onnx(), case.description(), case.described_weights()].map(|name| out.join(name));
        let [made, read] = cases.map(files);
        for (one, other) in made.iter().zip(&read) {
            assert_eq!(fs::read(one)?, fs::read(other)?, "the same weights make the same file");
        }

        for file in made.iter().chain(&read) {
            fs::write(file, "kept")?;
        }
        write()?;
        assert!(made.iter().chain(&read).all(|file| fs::read(file).is_ok_and(|bytes| bytes == b"kept")));

        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(&weights)?.set_modified(later)?;
        write()?;
        assert!(made.iter().all(|file| fs::read(file).is_ok_and(|bytes| bytes == b"kept")));
        assert!(read.iter().all(|file| fs::metadata(file).is_ok_and(|file| file.len() > 4)), "they were written anew");
        Ok(())
    }

    #[test]
    fn damaged_weights_are_an_error_and_leave_no_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let weights = folder.path().join("weights");
        fs::write(&weights, "not weights")?;
        let case = Case { weights: Weights::Catalogue, ..TINY };
        assert!(write_case(folder.path(), &weights, &case).is_err());
        for name in [case.onnx(), case.description(), case.described_weights()] {
            assert!(!folder.path().join(name).exists());
        }
        Ok(())
    }
}
