//! The release build of the page.

use crate::assets;
use crate::bindgen;
use crate::compress::{self, Asset};
use crate::error::Error;
use crate::process::{self, timed};
use crate::project::Project;
use crate::release;
use crate::setup::{self, WASM_TARGET, WasmToolchain};
use crate::sizes::{self, Record};
use crate::split;
use crate::strip;

const STEP: &str = "page build";
/// The packages of the browser's programs.
const PAGE: &str = "stridescope";
const ENGINE: &str = "stridescope-worker";

/// Builds the page, without its compressed forms.
pub fn build(project: &Project) -> Result<(), Error> {
    let wasm = prepare(project)?;
    let usually = "about 5 minutes the first time, then only what changed";
    timed("compiling the page and the engine", usually, || compile(project, &wasm, &[PAGE, ENGINE]))?;
    bindgen::engine(project)?;
    finish(project)
}

/// Builds the page with its compressed forms, and fails if it exceeds its budgets or its recorded sizes.
pub fn build_within_budget(project: &Project) -> Result<(), Error> {
    build(project)?;
    check(project)
}

/// Builds the page and records its sizes.
pub fn build_and_record(project: &Project) -> Result<(), Error> {
    build(project)?;
    Record::write(&project.sizes(), &compressed(project)?)
}

/// Rebuilds the page's own code and updates it, and changed files of assets/, in the last build.
pub fn rebuild(project: &Project) -> Result<(), Error> {
    let wasm = prepare(project)?;
    if !project.built().join(bindgen::LOADER).is_file() {
        return Err(Error::new(STEP, "there is no build whose engine could be kept", "Run `cargo xtask build` first."));
    }
    timed("compiling the page", "about 2 minutes the first time", || compile(project, &wasm, &[PAGE]))?;
    finish(project)?;
    check(project)
}

/// Finds what the build needs, and fails at once where it could not write its result.
fn prepare(project: &Project) -> Result<WasmToolchain, Error> {
    project.check_writable()?;
    setup::wasm(project)
}

/// Compiles packages for the browser, in one call, so that what they share is compiled once.
fn compile(project: &Project, wasm: &WasmToolchain, packages: &[&str]) -> Result<(), Error> {
    let mut cargo = wasm.cargo();
    cargo.args(["build", "--locked", "--profile", "web", "--target", WASM_TARGET]).current_dir(&project.root);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    let remedy =
        "Read the compiler's output above; after a failed download or a full disk the same command goes on where it stopped.";
    process::run(STEP, &mut cargo, remedy)
}

/// Makes the page of the compiled programs and the other files.
fn finish(project: &Project) -> Result<(), Error> {
    assets::place(&project.root, &project.built())?;
    timed("splitting the page", "a few seconds", || split::page(project))?;
    strip::all(&project.built())?;
    publish(project)
}

/// Gives the built files their versioned names.
pub fn publish(project: &Project) -> Result<(), Error> {
    release::publish(&project.built(), &project.service_worker(), &project.dist())
}

/// Compresses the page and compares its sizes with the budgets and the record.
fn check(project: &Project) -> Result<(), Error> {
    let assets = compressed(project)?;
    let record = Record::read(&project.sizes())?;
    process::print(sizes::table(&assets, &record).trim_end_matches('\n'));
    sizes::check(&assets, &record)
}

/// Compresses the page as a host would.
fn compressed(project: &Project) -> Result<Vec<Asset>, Error> {
    timed("compressing the page", "about a minute, then only what changed", || {
        compress::all(&project.dist(), &project.compressed())
    })
}
