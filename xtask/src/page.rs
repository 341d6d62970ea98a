//! The release build of the page.

use crate::assets;
use crate::compress::{self, Asset};
use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::release;
use crate::setup::{self, PageTools};
use crate::sizes::{self, Record};
use crate::split;
use crate::strip;

const STEP: &str = "page build";

/// Builds the page and fails if it exceeds its budgets or its recorded sizes.
pub fn build_within_budget(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    sizes::check(&build(project, &tools)?, &Record::read(&project.sizes())?)
}

/// Builds the page and records its sizes.
pub fn build_and_record(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    Record::write(&project.sizes(), &build(project, &tools)?)
}

/// Builds the page into dist/, with compressed files, and prints its sizes.
pub fn build(project: &Project, tools: &PageTools) -> Result<Vec<Asset>, Error> {
    announce("page build");
    let mut trunk = tools.trunk()?;
    trunk.args(["build", "--dist"]).arg(project.built()).current_dir(&project.root);
    process::run(STEP, &mut trunk, "Read the output of trunk and cargo above.")?;
    finish(project, tools)
}

/// Rebuilds the page's own code and updates it, and changed files of assets/, in the last build.
pub fn rebuild(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    if !project.built().join("index.html").is_file() {
        return Err(Error::new(STEP, "there is no build whose engine could be kept", "Run `cargo xtask build` first."));
    }
    announce("page build, without the engine");
    let mut cargo = tools.wasm.cargo();
    cargo.args(["build", "--locked", "--profile", "web", "--target", setup::WASM_TARGET, "--package", "stridescope"]);
    cargo.current_dir(&project.root);
    process::run(STEP, &mut cargo, "Read the compiler's output above.")?;
    assets::refresh(&project.assets(), &project.built())?;
    sizes::check(&finish(project, &tools)?, &Record::read(&project.sizes())?)
}

/// Completes trunk's output, up to the sizes.
fn finish(project: &Project, tools: &PageTools) -> Result<Vec<Asset>, Error> {
    let built = project.built();
    split::page(project, tools)?;
    strip::all(&built)?;
    assets::remove_root_files(&built)?;
    let assets = publish(project)?;
    process::print(sizes::table(&assets, &Record::read(&project.sizes()).unwrap_or_default()).trim_end_matches('\n'));
    Ok(assets)
}

/// Gives the built files their versioned names and compresses them.
pub fn publish(project: &Project) -> Result<Vec<Asset>, Error> {
    release::publish(&project.built(), &project.service_worker(), &project.dist())?;
    compress::all(&project.dist(), &project.compressed())
}
