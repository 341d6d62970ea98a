//! Writes the plan of the benchmark, with its networks and inputs as files for ONNX Runtime and tfjs, and converts real weights from tfjs's
//! format. `cargo xtask` runs it, so that only tasks which take networks compile what reads and writes them.

#![cfg_attr(test, allow(clippy::expect_used))]

mod error;
mod folded;
mod onnx;
mod plan;
mod proto;
mod tfjs;
mod weights;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_weights::{Card, Checkpoint, formats::safetensors, synthetic};
use tempfile::NamedTempFile;

use error::Error;
use plan::{Case, Extent, Plan, Weights};

/// Networks as files in other formats.
#[derive(Debug, Parser)]
enum Task {
    /// Write the plan of the benchmark, plan.json, and the networks that it names
    Plan {
        /// Their folder
        folder: PathBuf,
        /// The real weights of resnet50-a
        weights: PathBuf,
        #[command(flatten)]
        extent: Extent,
    },
    /// Convert the real weights of resnet50-a from TensorFlow.js's format
    Weights {
        /// The folder of their model.json
        folder: PathBuf,
        /// The file to write
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Plan { folder, weights, extent } => write_plan(&folder, &weights, &Plan::of(extent)),
        Task::Weights { folder, out } => weights::convert(&folder, &out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the files of the plan into `folder`, and the plan itself.
fn write_plan(folder: &Path, real_weights: &Path, plan: &Plan) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
    for case in plan.cases.iter().chain(&plan.memory) {
        write_case(folder, real_weights, case)?;
    }
    write(&folder.join("plan.json"), plan.json()?.to_string().as_bytes())
}

/// Writes the input and the network of a case, unless they are up to date.
fn write_case(folder: &Path, real_weights: &Path, case: &Case) -> Result<(), Error> {
    // A recompiled program may encode networks differently.
    let program = std::env::current_exe().map_err(|error| Error::new(error, "Run this as `cargo xtask bench`."))?;
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
        println!("    {}, {} weights", case.net, case.weights.word());
        let (graph, checkpoint) = load(case, real_weights)?;
        write(&onnx, &onnx::encode(case.net, &graph, &checkpoint)?)?;
        let files = tfjs::encode(&graph, &checkpoint)?;
        write(&described, &files.weights)?;
        write(&description, &files.description)?;
    }
    Ok(())
}

/// Writes a file atomically.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(|error| Error::file(path, error))
}

/// The network of a case, and its weights.
fn load(case: &Case, real_weights: &Path) -> Result<(Graph, Checkpoint), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(error, "Run `cargo xtask test native` to see what broke.");
    match case.weights {
        Weights::Synthetic => {
            let graph = plan::graph(case.net, case.size)?;
            let checkpoint = synthetic::checkpoint(&graph);
            Ok((graph, checkpoint))
        }
        Weights::Catalogue => {
            let spec = ArchSpec::named(case.net).map_err(|error| failed(&error))?;
            let bytes = fs::read(real_weights).map_err(|error| Error::file(real_weights, error))?;
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
