//! Compares the networks with ONNX Runtime and tfjs in the same browser, page and run, and measures the page itself; `bench` does the
//! measuring.

use crate::cli::BenchOptions;
use crate::compress::replace;
use crate::error::Error;
use crate::page;
use crate::process::{self, announce, timed};
use crate::project::Project;
use crate::setup;
use crate::weights;

const STEP: &str = "benchmark";
/// Path of the results in the clone.
const RESULTS: &str = "bench/RESULTS.md";
/// Output of the benchmark without a browser.
const NATIVE: &str = "native.txt";

/// Builds the page, has the networks written for the other engines, and measures all engines.
pub fn run(project: &Project, options: BenchOptions) -> Result<(), Error> {
    weights::fetch(project)?;
    let browser = setup::browser(project)?;
    page::build_within_budget(project)?;

    let folder = project.target.join("bench");
    timed("benchmark: writing the networks for the other engines", "a minute the first time", || {
        let mut networks = process::command("cargo");
        networks.args(["run", "--package", "stridescope-bench", "--", "plan"]).arg(&folder).arg(project.root.join(weights::FILE));
        let flags = [("--full", options.full), ("--webgpu", options.webgpu), ("--gpu", options.gpu)];
        networks.args(flags.into_iter().filter_map(|(flag, is_set)| is_set.then_some(flag))).current_dir(&project.root);
        process::run(STEP, &mut networks, "Read the output above.")
    })?;

    let native = folder.join(NATIVE);
    if options.gpu {
        announce("benchmark: the GPU without a browser");
        let mut bench = process::command("cargo");
        bench
            .args(["bench", "--profile", "dev", "--package", "stridescope-engine", "--features", "gpu", "--bench", "gpu"])
            .current_dir(&project.root);
        let remedy = "See that this machine's GPU has a driver for Vulkan, Metal or DirectX 12.";
        let output = process::read(STEP, &mut bench, remedy)?;
        replace(&native, output.as_bytes()).map_err(|error| Error::file(STEP, &native, error))?;
    }

    announce(STEP);
    let mut node = browser.node.node();
    node.arg(project.root.join("bench/bench.mjs")).arg(folder.join("plan.json"));
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
