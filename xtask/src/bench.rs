//! Measuring the networks against ONNX Runtime in the same browser, page and run; `tests/bench` does the measuring.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use stridescope::arch::{ArchSpec, Graph, Input, lower};
use stridescope::weights::{Card, Checkpoint, formula, safetensors};

use crate::args::BenchOptions;
use crate::compress::replace;
use crate::error::Error;
use crate::onnx;
use crate::page;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;
use crate::weights;

const STEP: &str = "benchmark";
/// Where the results go, in the clone.
const RESULTS: &str = "bench/RESULTS.md";

/// Whose weights a network runs with, as the worker's protocol names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weights {
    Formula,
    Catalogue,
}

impl Weights {
    fn word(self) -> &'static str {
        match self {
            Self::Formula => "formula",
            Self::Catalogue => "catalogue",
        }
    }
}

/// One network on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    net: &'static str,
    weights: Weights,
    /// Side of the input in pixels.
    size: usize,
    /// `cpu` or `webgpu`.
    backend: &'static str,
}

impl Case {
    const fn new(net: &'static str, weights: Weights, size: usize, backend: &'static str) -> Self {
        Self { net, weights, size, backend }
    }

    fn model(&self) -> String {
        format!("{}-{}-{}.onnx", self.net, self.weights.word(), self.size)
    }

    fn input(&self) -> String {
        format!("input-{}.f32", self.size)
    }

    /// What `tests/bench/bench.mjs` needs to know.
    fn plan(&self) -> Value {
        json!({
            "net": self.net, "weights": self.weights.word(), "size": self.size, "backend": self.backend,
            "model": self.model(), "input": self.input(),
        })
    }
}

const CPU: [Case; 5] = [
    Case::new("resnet50-a", Weights::Formula, 224, "cpu"),
    Case::new("resnet50-b", Weights::Formula, 224, "cpu"),
    Case::new("resnet50-c", Weights::Formula, 224, "cpu"),
    Case::new("resnet50-d", Weights::Formula, 224, "cpu"),
    Case::new("resnet50-a", Weights::Catalogue, 224, "cpu"),
];

/// Small, because a GPU that is only software takes its time.
const WEBGPU: [Case; 1] = [Case::new("tiny-d", Weights::Formula, 128, "webgpu")];

/// Builds the page, writes the networks for the other engine, and measures both.
pub fn run(project: &Project, options: BenchOptions) -> Result<(), Error> {
    weights::fetch(project)?;
    let tools = setup::page(project)?;
    let browser = setup::browser(project)?;
    page::build(project, &tools)?;

    announce("benchmark: writing the networks as ONNX");
    let folder = project.target.join("bench");
    let weights = project.root.join(weights::FILE);
    let mut cases = CPU.to_vec();
    if options.webgpu {
        cases.extend(WEBGPU);
    }
    let plan = write_plan(&folder, &weights, &cases)?;

    announce(STEP);
    let mut node = browser.node.node();
    node.arg(project.tests().join("bench/bench.mjs")).arg(&plan);
    if options.write {
        node.arg("--write").arg(project.root.join(RESULTS));
    }
    node.current_dir(project.tests())
        .env("STRIDESCOPE_DIST", project.dist())
        .env("STRIDESCOPE_CHROMIUM", &browser.chromium)
        .env("STRIDESCOPE_ONNX_DIR", &folder);
    process::run(STEP, &mut node, "Read the output above.")
}

/// Writes what the cases need into `folder`, and the list of them; returns the list's path.
fn write_plan(folder: &Path, real_weights: &Path, cases: &[Case]) -> Result<PathBuf, Error> {
    fs::create_dir_all(folder).map_err(|error| Error::file(STEP, folder, error))?;
    // A program that was compiled anew may describe other networks.
    let program = std::env::current_exe().map_err(|error| Error::new(STEP, error, "Run this as `cargo xtask bench`."))?;
    for case in cases {
        let input = folder.join(case.input());
        if !is_newer(&input, &[&program]) {
            let bytes: Vec<u8> = formula::input(3 * case.size * case.size).iter().flat_map(|value| value.to_le_bytes()).collect();
            replace(&input, &bytes).map_err(|error| Error::file(STEP, &input, error))?;
        }
        let model = folder.join(case.model());
        let sources: &[&Path] = match case.weights {
            Weights::Formula => &[&program],
            Weights::Catalogue => &[&program, real_weights],
        };
        if !is_newer(&model, sources) {
            println!("    {}", case.model());
            let (graph, checkpoint) = load(case, real_weights)?;
            let bytes = onnx::encode(case.net, &graph, &checkpoint)?;
            replace(&model, &bytes).map_err(|error| Error::file(STEP, &model, error))?;
        }
    }
    let plan = folder.join("plan.json");
    let list: Vec<Value> = cases.iter().map(Case::plan).collect();
    let text = Value::from(list).to_string();
    replace(&plan, text.as_bytes()).map_err(|error| Error::file(STEP, &plan, error))?;
    Ok(plan)
}

/// The network of a case, and its weights.
fn load(case: &Case, real_weights: &Path) -> Result<(Graph, Checkpoint), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(STEP, error, "Run `cargo xtask test native` to see what broke.");
    let spec = ArchSpec::named(case.net).map_err(|error| failed(&error))?;
    let lowered = |spec: &ArchSpec| lower(spec, Input::square(case.size)).map_err(|error| failed(&error));
    match case.weights {
        Weights::Formula => {
            let graph = lowered(&spec)?;
            let checkpoint = formula::checkpoint(&graph);
            Ok((graph, checkpoint))
        }
        Weights::Catalogue => {
            let bytes = fs::read(real_weights).map_err(|error| Error::file(STEP, real_weights, error))?;
            let checkpoint = safetensors::read(bytes).map_err(|error| failed(&error))?;
            let classes = checkpoint.card.as_ref().map_or(spec.classes, Card::class_count);
            Ok((lowered(&ArchSpec { classes, ..spec })?, checkpoint))
        }
    }
}

/// Whether a file is there and was written after all of `sources`.
fn is_newer(file: &Path, sources: &[&Path]) -> bool {
    let date = |path: &Path| -> Option<SystemTime> { fs::metadata(path).and_then(|file| file.modified()).ok() };
    date(file).is_some_and(|written| sources.iter().all(|source| date(source).is_some_and(|changed| changed <= written)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_once_and_again_when_their_weights_change() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let weights = folder.path().join("tiny-d.safetensors");
        let graph = lower(&ArchSpec::named("tiny-d")?, Input::square(64))?;
        fs::write(&weights, safetensors::write(&formula::checkpoint(&graph), stridescope::weights::Dtype::F32)?)?;
        let cases = [Weights::Formula, Weights::Catalogue].map(|weights| Case::new("tiny-d", weights, 64, "cpu"));
        let out = folder.path().join("bench");

        let plan = write_plan(&out, &weights, &cases)?;
        let plan: Value = serde_json::from_slice(&fs::read(plan)?)?;
        assert_eq!(plan[0]["model"], "tiny-d-formula-64.onnx");
        assert_eq!(plan[1]["weights"], "catalogue");
        assert_eq!(fs::metadata(out.join("input-64.f32"))?.len(), 4 * 3 * 64 * 64);
        let models = cases.map(|case| out.join(case.model()));
        assert_eq!(fs::read(&models[0])?, fs::read(&models[1])?, "the same weights make the same file");

        for model in &models {
            fs::write(model, "kept")?;
        }
        write_plan(&out, &weights, &cases)?;
        assert!(models.iter().all(|model| fs::read(model).is_ok_and(|bytes| bytes == b"kept")));

        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(&weights)?.set_modified(later)?;
        write_plan(&out, &weights, &cases)?;
        assert_eq!(fs::read(&models[0])?, b"kept");
        assert!(fs::read(&models[1])?.len() > 1_000_000, "it was written anew");
        Ok(())
    }

    #[test]
    fn damaged_weights_are_an_error_and_leave_no_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let weights = folder.path().join("weights");
        fs::write(&weights, "not weights")?;
        let case = Case::new("tiny-a", Weights::Catalogue, 64, "cpu");
        assert!(write_plan(folder.path(), &weights, &[case]).is_err());
        assert!(!folder.path().join(case.model()).exists());
        Ok(())
    }
}
