//! wasm-bindgen: writes the JavaScript for a wasm file. It is compiled into this program, and so always has the version of the library.

use std::fs;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

use crate::error::Error;
use crate::process::timed;
use crate::project::Project;

/// The script that starts the engine in a worker.
pub const LOADER: &str = "worker_loader.js";

const STEP: &str = "writing the JavaScript of a program";
const START: &str = "import init from './worker.js';await init();";

/// Writes the engine's script, its wasm and its loader into the built page.
pub fn engine(project: &Project) -> Result<(), Error> {
    let built = project.built();
    timed("writing the engine's script", "a few seconds", || {
        write(&project.wasm("worker"), "worker", &built, |bindgen| bindgen)
    })?;
    let loader = built.join(LOADER);
    fs::write(&loader, START).map_err(|error| Error::file(STEP, &loader, error))
}

/// Writes `NAME.js` and `NAME_bg.wasm` for the web into a folder.
pub fn write(wasm: &Path, name: &str, out: &Path, adjust: fn(&mut Bindgen) -> &mut Bindgen) -> Result<(), Error> {
    let failed = |error| Error::new(STEP, format!("{error:#}"), "Build again with `cargo xtask build`.");
    let mut bindgen = Bindgen::new();
    let bindgen = bindgen.web(true).map_err(failed)?;
    adjust(bindgen.input_path(wasm).out_name(name).omit_default_module_path(false)).generate(out).map_err(failed)
}
