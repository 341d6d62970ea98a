//! The release build of the page.

use std::fs;
use std::path::Path;

use crate::assets;
use crate::compress::{self, Asset};
use crate::error::Error;
use crate::hashed;
use crate::offline;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup::{self, PageTools};
use crate::sizes::{self, Record};
use crate::split;
use crate::strip;

const STEP: &str = "page build";
/// Where the page finds weights of its own site.
const WEIGHTS: &str = "assets/weights";

/// Builds the page and fails if it is larger than its budgets, or than what is recorded of it.
pub fn build_within_budget(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    sizes::check(&build(project, &tools)?, &Record::read(&project.sizes())?)
}

/// Builds the page and records how large it is.
pub fn build_and_record(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    Record::write(&project.sizes(), &build(project, &tools)?)
}

/// Builds the page into dist/, compressed files included, and prints its sizes.
pub fn build(project: &Project, tools: &PageTools) -> Result<Vec<Asset>, Error> {
    announce("page build");
    let mut trunk = tools.trunk()?;
    trunk.arg("build").current_dir(&project.root);
    process::run(STEP, &mut trunk, "Read the output of trunk and cargo above.")?;
    finish(project, tools)
}

/// Compiles the page's own code again and puts it, and what changed in assets/, into the last build.
pub fn rebuild(project: &Project) -> Result<(), Error> {
    let tools = setup::page(project)?;
    announce("page build, without the engine");
    let mut cargo = tools.wasm.cargo();
    cargo.args(["build", "--locked", "--profile", "web", "--target", setup::WASM_TARGET, "--bin", "app"]);
    cargo.args(["--no-default-features", "--features", "ui"]).current_dir(&project.root);
    process::run(STEP, &mut cargo, "Read the compiler's output above.")?;
    assets::refresh(&project.assets(), &project.dist())?;
    sizes::check(&finish(project, &tools)?, &Record::read(&project.sizes())?)
}

/// What trunk leaves to be done, up to the sizes.
fn finish(project: &Project, tools: &PageTools) -> Result<Vec<Asset>, Error> {
    let dist = project.dist();
    split::page(project, tools)?;
    strip::all(&dist)?;
    hashed::engine(&dist)?;
    assets::tidy(&dist)?;
    list_weights(&dist)?;
    offline::write(&dist, &project.service_worker())?;
    let assets = compress::all(&dist, &project.compressed())?;
    process::print(sizes::table(&assets, &Record::read(&project.sizes()).unwrap_or_default()).trim_end_matches('\n'));
    Ok(assets)
}

/// Follows a change of the weights in a page that is built already.
pub fn weights_changed(project: &Project) -> Result<(), Error> {
    list_weights(&project.dist())?;
    offline::write(&project.dist(), &project.service_worker())
}

/// Writes the names of the weights that the site carries to a file beside them, so that the page need not ask for
/// files that may be missing.
fn list_weights(dist: &Path) -> Result<(), Error> {
    let folder = dist.join(WEIGHTS);
    fs::create_dir_all(&folder).map_err(|error| Error::file(STEP, &folder, error))?;
    let entries = fs::read_dir(&folder).map_err(|error| Error::file(STEP, &folder, error))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    names.sort();
    let list = folder.join("present.json");
    let text = serde_json::Value::from(names).to_string();
    compress::replace(&list, text.as_bytes()).map_err(|error| Error::file(STEP, &list, error))?;
    compress::forget(&list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_the_weights_of_the_site_and_nothing_else() -> Result<(), Box<dyn std::error::Error>> {
        let dist = tempfile::tempdir()?;
        let folder = dist.path().join(WEIGHTS);
        list_weights(dist.path())?;
        assert_eq!(fs::read_to_string(folder.join("present.json"))?, "[]");

        for name in ["tiny-b.safetensors", "tiny-a.safetensors", "tiny-a.json", "x.safetensors.1.partial"] {
            fs::write(folder.join(name), "")?;
        }
        fs::write(folder.join("present.json.br"), "of an older list")?;
        list_weights(dist.path())?;
        assert!(!folder.join("present.json.br").exists());
        let text = fs::read_to_string(folder.join("present.json"))?;
        assert_eq!(text, r#"["tiny-a.safetensors","tiny-b.safetensors"]"#);
        Ok(())
    }
}
