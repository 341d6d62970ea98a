//! Checks formatting, clippy with warnings denied, and the licences and sources of the crates.

use std::process::Command;

use crate::audit;
use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

/// The browser programs: name and package. They are checked in the profile of the page build.
const WASM: [(&str, &str); 2] = [("page", "stridescope"), ("engine", "stridescope-worker")];

/// Runs all checks, for every target.
pub fn run(project: &Project) -> Result<(), Error> {
    announce("format");
    let mut format = process::command("cargo");
    format.args(["fmt", "--all", "--check"]).current_dir(&project.root);
    process::run("format check", &mut format, "Run `cargo fmt --all`.")?;

    let wasm = setup::lint(project)?;
    clippy(
        "clippy: native code",
        process::command("cargo").args([
            "clippy",
            "--all-targets",
            "--workspace",
            "--exclude",
            "stridescope",
            "--exclude",
            "stridescope-worker",
        ]),
        project,
    )?;
    for (program, package) in WASM {
        let mut cargo = wasm.cargo();
        cargo.args(["clippy", "--profile", "web", "--target", setup::WASM_TARGET, "--package", package]);
        clippy(&format!("clippy: {program}"), &mut cargo, project)?;
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
