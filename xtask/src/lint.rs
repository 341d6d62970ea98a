//! Checks formatting, clippy with warnings denied, and the licences and sources of the crates.

use std::process::Command;

use crate::audit;
use crate::error::Error;
use crate::process::{self, announce, timed};
use crate::project::Project;
use crate::setup;

/// The packages of the browser's programs, checked in the profile of the page build.
const PROGRAMS: [&str; 2] = ["stridescope", "stridescope-worker"];

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
            PROGRAMS[0],
            "--exclude",
            PROGRAMS[1],
        ]),
        project,
    )?;
    let mut cargo = wasm.cargo();
    cargo.args(["clippy", "--profile", "web", "--target", setup::WASM_TARGET]);
    cargo.args(PROGRAMS.iter().flat_map(|package| ["--package", package]));
    clippy("clippy: page and engine", &mut cargo, project)?;
    audit::at_rest(project)?;
    announce("no complaints");
    Ok(())
}

fn clippy(step: &str, command: &mut Command, project: &Project) -> Result<(), Error> {
    command.args(["--", "--deny", "warnings"]).current_dir(&project.root);
    timed(step, "minutes the first time, then only what changed", || process::run(step, command, "Mend what it points at above."))
}
