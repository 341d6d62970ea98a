//! The tools of the page build: wasm-bindgen, which writes the JavaScript for a wasm file, and trunk, which assembles the page.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::WasmToolchain;
use crate::error::Error;
use crate::process::{self, announce};
use crate::project::{Project, version_in_output};

/// The release of trunk that Trunk.toml and index.html expect.
const TRUNK_VERSION: &str = "0.21.14";

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
        announce("compiler for fuzzing: adding nightly with rustup");
        let mut rustup = process::command("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        process::run("compiler for fuzzing", &mut rustup, "Run `rustup toolchain install nightly`.")?;
    }
    require(project, "cargo-fuzz", "cargo-fuzz", FUZZ_VERSION)
}

/// The tools of the page build.
#[derive(Clone, Debug)]
pub struct PageTools {
    /// The compiler.
    pub wasm: WasmToolchain,
    trunk: PathBuf,
    wasm_bindgen: PathBuf,
}

impl PageTools {
    /// Finds both tools in the right version, or builds them from source.
    pub fn require(project: &Project, wasm: WasmToolchain) -> Result<Self, Error> {
        let bindgen_version = project.locked_version("wasm-bindgen")?;
        let wasm_bindgen = require(project, "wasm-bindgen", "wasm-bindgen-cli", &bindgen_version)?;
        let trunk = require(project, "trunk", "trunk", TRUNK_VERSION)?;
        Ok(Self { wasm, trunk, wasm_bindgen })
    }

    /// The wasm-bindgen that matches the library's version.
    pub fn wasm_bindgen(&self) -> Command {
        process::command(&self.wasm_bindgen)
    }

    /// trunk, with the right compiler and wasm-bindgen first on the search path.
    pub fn trunk(&self) -> Result<Command, Error> {
        let mut trunk = process::command(&self.trunk);
        self.wasm.select(&mut trunk);
        trunk.env("PATH", first_on_path(&self.wasm_bindgen)?).env("TRUNK_SKIP_VERSION_CHECK", "true");
        // trunk parses NO_COLOR as true or false and fails at the usual "1".
        if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            trunk.env("NO_COLOR", "true");
        }
        Ok(trunk)
    }
}

fn first_on_path(program: &Path) -> Result<OsString, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folder = program.parent().map(Path::to_path_buf);
    env::join_paths(folder.into_iter().chain(env::split_paths(&path)))
        .map_err(|error| Error::new("page build", error, "Move the clone to a folder without a colon in its name."))
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

fn install(project: &Project, package: &str, version: &str) -> Result<(), Error> {
    announce(&format!("{package} {version}: building it from source (a few minutes, once)"));
    let remedy = format!("Read the output above, or put {package} {version} on the search path yourself.");
    let cargo = || {
        let mut cargo = process::command("cargo");
        // Outside the clone, so that its cargo configuration has no effect, and in cargo's own temporary folder.
        cargo.current_dir(env::temp_dir()).env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
        cargo.args(["install", package, "--version", version, "--root"]).arg(project.tools());
        cargo
    };
    process::run(package, cargo().arg("--locked"), &remedy).or_else(|_| {
        // A release can pin a dependency that was yanked since.
        announce(&format!("{package} {version}: again, with newer versions of what it depends on"));
        process::run(package, &mut cargo(), &remedy)
    })
}
