//! Format, clippy with warnings denied, and the crates' licences and sources.

use std::process::Command;

use crate::audit;
use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

/// Native code: package, then the rest of the arguments. The release profile, as for tests, so that both share what is
/// compiled for the host.
const NATIVE: [(&str, &[&str]); 3] = [
    ("clippy: library and command line", &["--package", "stridescope", "--features", "cli"]),
    ("clippy: kernels", &["--package", "stridescope-kernels"]),
    ("clippy: xtask", &["--package", "xtask"]),
];

/// Code for the browser, in the profile of the page build.
const WASM: [(&str, &[&str]); 2] = [
    ("clippy: page", &["--features", "ui", "--lib", "--bin", "app"]),
    ("clippy: engine", &["--features", "webgpu", "--lib", "--bin", "worker"]),
];

/// Checks format and lints of everything, for every target that it is compiled for.
pub fn run(project: &Project) -> Result<(), Error> {
    announce("format");
    let mut format = process::command("cargo");
    format.args(["fmt", "--all", "--check"]).current_dir(&project.root);
    process::run("format check", &mut format, "Run `cargo fmt --all`.")?;

    let wasm = setup::lint(project)?;
    for (step, arguments) in NATIVE {
        let mut cargo = process::command("cargo");
        cargo.args(["clippy", "--release", "--all-targets"]).args(arguments);
        clippy(step, &mut cargo, project)?;
    }
    for (step, arguments) in WASM {
        let mut cargo = wasm.cargo();
        cargo.args(["clippy", "--profile", "web", "--target", setup::WASM_TARGET, "--package", "stridescope"]);
        clippy(step, cargo.args(arguments), project)?;
    }
    audit::at_rest(project)?;
    announce("no complaints");
    Ok(())
}

fn clippy(step: &str, command: &mut Command, project: &Project) -> Result<(), Error> {
    announce(step);
    command.args(["--", "--deny", "warnings"]).current_dir(&project.root);
    process::run(step, command, "Mend what it points at above.")
}
