//! Cuts the page's wasm at the functions that leptos' `wasm_split` marks: what starts, and a file for each figure that comes later.

use std::fs;
use std::path::{Path, PathBuf};

use wasm_split_cli_support::{Options, transform};

use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup::{PageTools, WASM_TARGET};

const STEP: &str = "splitting the page";
const REMEDY: &str = "Read the output above.";

/// Puts the pieces of the page in the place of the one file that trunk wrote.
pub fn page(project: &Project, tools: &PageTools) -> Result<(), Error> {
    announce(STEP);
    let dist = project.dist();
    let whole = project.target.join(WASM_TARGET).join("web/app.wasm");
    let wasm = fs::read(&whole).map_err(|error| Error::file(STEP, &whole, error))?;
    let scratch = project.scratch().join("split");
    match fs::remove_dir_all(&scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(STEP, &scratch, error)),
        _ => {}
    }
    fs::create_dir_all(&scratch).map_err(|error| Error::file(STEP, &scratch, error))?;

    let stem = stem(&dist)?;
    let main = scratch.join("main.wasm");
    // Every name carries the hash that trunk gave the whole, so that no browser mixes pieces of two builds.
    let renamed = |name: &str| format!("{stem}-{name}");
    let (script, link) = (format!("./{stem}.js"), format!("./{}", renamed("split.js")));
    let mut options = Options::new(&wasm);
    options.output_dir = &scratch;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = &script;
    remove_pieces(&dist, &renamed(""))?;
    let pieces = transform(options).map_err(|error| Error::new(STEP, format!("{error:#}"), REMEDY))?.split_modules;

    let mut bindgen = tools.wasm_bindgen();
    bindgen.args(["--target", "web", "--no-typescript", "--keep-lld-exports", "--out-name", &stem, "--out-dir"]);
    process::run(STEP, bindgen.arg(&dist).arg(&main), REMEDY)?;

    let mut text = read(&scratch.join(&link))?;
    for piece in pieces {
        let name = piece.file_name().unwrap_or_default().to_string_lossy().into_owned();
        text = text.replace(&format!("./{name}"), &format!("./{}", renamed(&name)));
        copy(&piece, &dist.join(renamed(&name)))?;
    }
    let path = dist.join(&link);
    fs::write(&path, text).map_err(|error| Error::file(STEP, &path, error))
}

/// Takes away the pieces of an earlier build of the same name.
fn remove_pieces(dist: &Path, start: &str) -> Result<(), Error> {
    let entries = fs::read_dir(dist).map_err(|error| Error::file(STEP, dist, error))?;
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)) {
            fs::remove_file(&path).map_err(|error| Error::file(STEP, &path, error))?;
        }
    }
    Ok(())
}

/// The page's script without its ending, `app-0123456789abcdef`.
fn stem(dist: &Path) -> Result<String, Error> {
    let entries = fs::read_dir(dist).map_err(|error| Error::file(STEP, dist, error))?;
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| {
            name.strip_suffix(".js").filter(|stem| stem.starts_with("app-") && !stem.ends_with("-split")).map(String::from)
        })
        .ok_or_else(|| Error::new(STEP, format!("{} holds no app-*.js", dist.display()), REMEDY))
}

fn read(path: &PathBuf) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file(STEP, path, error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(|_| ()).map_err(|error| Error::file(STEP, from, error))
}
