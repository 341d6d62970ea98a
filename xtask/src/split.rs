//! Splits the page's wasm at the functions marked with leptos' `wasm_split`: the start, and a file for each figure that is loaded later.

use std::fs;
use std::path::{Path, PathBuf};

use wasm_split_cli_support::{Options, transform};

use crate::bindgen;
use crate::error::Error;
use crate::project::Project;

const STEP: &str = "splitting the page";
const REMEDY: &str = "Read the output above.";
/// File stem of the page's script and wasm, and prefix of the chunks' names.
const STEM: &str = "app";
/// How the loader script compiles chunks.
const STREAMING: &str = "WebAssembly.instantiateStreaming(src, imports)";
/// The replacement.
const INSTANTIATED: &str = r#"
async function instantiated(src, imports) {
    const response = await src;
    if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
    const type = response.headers.get("Content-Type");
    if (type?.trim().toLowerCase() === "application/wasm") return WebAssembly.instantiateStreaming(response, imports);
    return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}
"#;

/// Writes the page's script, its start and its chunks into the built page.
pub fn page(project: &Project) -> Result<(), Error> {
    let dist = project.built();
    let whole = project.wasm(STEM);
    let wasm = fs::read(&whole).map_err(|error| Error::file(STEP, &whole, error))?;
    let scratch = project.scratch().join("split");
    match fs::remove_dir_all(&scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(STEP, &scratch, error)),
        _ => {}
    }
    fs::create_dir_all(&scratch).map_err(|error| Error::file(STEP, &scratch, error))?;

    let main = scratch.join("main.wasm");
    let renamed = |name: &str| format!("{STEM}-{name}");
    let (script, link) = (format!("./{STEM}.js"), format!("./{}", renamed("split.js")));
    let mut options = Options::new(&wasm);
    options.output_dir = &scratch;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = &script;
    remove_pieces(&dist, &renamed(""))?;
    let pieces = transform(options).map_err(|error| Error::new(STEP, format!("{error:#}"), REMEDY))?.split_modules;

    bindgen::write(&main, STEM, &dist, |bindgen| bindgen.keep_lld_exports(true))?;

    let mut text = without_streaming(&read(&scratch.join(&link))?)?;
    for piece in pieces {
        let name = piece.file_name().unwrap_or_default().to_string_lossy().into_owned();
        text = text.replace(&format!("./{name}"), &format!("./{}", renamed(&name)));
        copy(&piece, &dist.join(renamed(&name)))?;
    }
    let path = dist.join(&link);
    fs::write(&path, text).map_err(|error| Error::file(STEP, &path, error))
}

/// Deletes the chunks of an earlier build with the same name.
fn remove_pieces(dist: &Path, start: &str) -> Result<(), Error> {
    let entries = fs::read_dir(dist).map_err(|error| Error::file(STEP, dist, error))?;
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start)) {
            fs::remove_file(&path).map_err(|error| Error::file(STEP, &path, error))?;
        }
    }
    Ok(())
}

/// Makes the loader script independent of the host's media type: browsers compile while streaming only with wasm's own type.
fn without_streaming(script: &str) -> Result<String, Error> {
    if !script.contains(STREAMING) {
        return Err(Error::new(
            STEP,
            format!("the script does not hold {STREAMING}"),
            "Use the version of wasm_split_cli_support in Cargo.lock.",
        ));
    }
    Ok(script.replace(STREAMING, "instantiated(src, imports)") + INSTANTIATED)
}

fn read(path: &PathBuf) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file(STEP, path, error))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::copy(from, to).map(|_| ()).map_err(|error| Error::file(STEP, from, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_compiled_whatever_their_media_type() {
        let script = "const a = () => (WebAssembly.instantiateStreaming(src, imports));\nconst b = () => (WebAssembly.instantiateStreaming(src, imports));";
        let changed = without_streaming(script).expect("it has what is changed");
        assert!(
            changed.starts_with("const a = () => (instantiated(src, imports));\nconst b = () => (instantiated(src, imports));"),
            "{changed}"
        );
        assert_eq!(changed.matches("instantiateStreaming").count(), 1, "{changed}");
        let error = without_streaming("const a = 1;").expect_err("another script").to_string();
        assert!(error.contains("does not hold WebAssembly"), "{error}");
    }
}
