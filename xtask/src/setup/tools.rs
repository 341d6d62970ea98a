//! Cargo's own tools: for licences and advisories, fuzzing, and mutation testing. None of them is needed for the page or its tests.

use std::env;
use std::path::PathBuf;

use crate::error::Error;
use crate::process::{self, timed};
use crate::project::{Project, version_in_output};

/// The release of cargo-fuzz.
const FUZZ_VERSION: &str = "0.13.2";

/// The release of cargo-deny.
const DENY_VERSION: &str = "0.20.2";

/// The release of cargo-mutants.
const MUTANTS_VERSION: &str = "27.1.0";

/// cargo-mutants, for mutation testing.
pub fn mutator(project: &Project) -> Result<PathBuf, Error> {
    require(project, "cargo-mutants", "cargo-mutants", MUTANTS_VERSION)
}

/// cargo-deny, for licences and known vulnerabilities.
pub fn auditor(project: &Project) -> Result<PathBuf, Error> {
    require(project, "cargo-deny", "cargo-deny", DENY_VERSION)
}

/// cargo-fuzz and its compiler.
pub fn fuzzer(project: &Project) -> Result<PathBuf, Error> {
    let mut rustup = process::command("rustup");
    let toolchains = process::probe(rustup.args(["toolchain", "list"])).unwrap_or_default();
    if !toolchains.lines().any(|line| line.starts_with("nightly")) {
        timed("compiler for fuzzing: adding nightly with rustup", "half a minute, once", || {
            let mut rustup = process::command("rustup");
            rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
            process::run("compiler for fuzzing", &mut rustup, "Check the network, then run `rustup toolchain install nightly`.")
        })?;
    }
    require(project, "cargo-fuzz", "cargo-fuzz", FUZZ_VERSION)
}

fn require(project: &Project, program: &str, package: &str, version: &str) -> Result<PathBuf, Error> {
    let installed = project.tools().join("bin").join(program).with_extension(env::consts::EXE_EXTENSION);
    let has_version = |path: &PathBuf| {
        // Called as cargo does: `cargo-fuzz fuzz --version`.
        let output =
            process::probe(process::command(path).args(program.strip_prefix("cargo-")).arg("--version")).unwrap_or_default();
        version_in_output(&output) == Some(version)
    };
    let known = std::iter::once(installed.clone()).chain(process::find(program)).find(has_version);
    match known {
        Some(path) => Ok(path),
        None => install(project, package, version).map(|()| installed),
    }
}

/// How the tools are compiled: they run for seconds, so they must compile fast, not run fast.
const QUICK: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
];

/// Downloads a tool where cargo-binstall is installed, and otherwise builds it from source.
fn install(project: &Project, package: &str, version: &str) -> Result<(), Error> {
    let remedy = format!("Check the network and read the output above, or put {package} {version} on the search path yourself.");
    let cargo = |task: &[&str]| {
        let mut cargo = process::command("cargo");
        // Outside the clone, so that its cargo configuration has no effect, and in cargo's own temporary folder.
        cargo.current_dir(env::temp_dir()).env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR").envs(QUICK);
        cargo.args(task).args([package, "--version", version, "--root"]).arg(project.tools());
        cargo
    };
    if process::find("cargo-binstall").is_some() {
        return timed(&format!("{package} {version}: downloading it with cargo-binstall"), "a few seconds, once", || {
            process::run(package, &mut cargo(&["binstall", "--no-confirm"]), &remedy)
        });
    }
    timed(&format!("{package} {version}: building it from source"), "3 to 5 minutes, once", || {
        process::run(package, &mut cargo(&["install", "--locked"]), &remedy)
    })
}
