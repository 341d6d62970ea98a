//! Names with a hash for the engine's files, which trunk leaves without one: hosts then let browsers keep them.

use std::fs;
use std::path::Path;

use crate::compress;
use crate::error::Error;

const STEP: &str = "naming the engine";
const LOADER: &str = "worker_loader.js";
const SCRIPT: &str = "worker.js";
const WASM: &str = "worker_bg.wasm";

/// Renames the engine's script and wasm in `dist`, if that was not done yet. The loader keeps its name, by which pages start it.
pub fn engine(dist: &Path) -> Result<(), Error> {
    let at = |name: &str| dist.join(name);
    if !at(SCRIPT).exists() {
        return Ok(());
    }
    let wasm = read(&at(WASM))?;
    let script = read(&at(SCRIPT))?;
    let hash = &compress::sha256(&[&script[..], &wasm].concat())[..16];
    let (new_script, new_wasm) = (format!("worker-{hash}.js"), format!("worker-{hash}_bg.wasm"));
    write(&at(&new_script), &replaced(&script, SCRIPT, WASM, &new_wasm)?)?;
    write(&at(LOADER), &replaced(&read(&at(LOADER))?, LOADER, SCRIPT, &new_script)?)?;
    write(&at(&new_wasm), &wasm)?;
    for old in [SCRIPT, WASM] {
        fs::remove_file(at(old)).map_err(|error| Error::file(STEP, &at(old), error))?;
    }
    Ok(())
}

/// The text of a file with one name in the place of another, which must occur.
fn replaced(text: &[u8], file: &str, old: &str, new: &str) -> Result<Vec<u8>, Error> {
    let text = String::from_utf8_lossy(text);
    if !text.contains(old) {
        return Err(Error::new(STEP, format!("{file} does not name {old}"), "Use the version of trunk that xtask installs."));
    }
    Ok(text.replace(old, new).into_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::file(STEP, path, error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    compress::replace(path, bytes).map_err(|error| Error::file(STEP, path, error))?;
    compress::forget(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_files_name_each_other_with_their_hash() -> Result<(), Box<dyn std::error::Error>> {
        let dist = tempfile::tempdir()?;
        let at = |name: &str| dist.path().join(name);
        fs::write(at(LOADER), "import init from './worker.js';await init();")?;
        fs::write(at(SCRIPT), "fetch(new URL('worker_bg.wasm', import.meta.url))")?;
        fs::write(at(WASM), "wasm")?;
        engine(dist.path())?;
        let loader = fs::read_to_string(at(LOADER))?;
        let name =
            loader.strip_prefix("import init from './worker-").and_then(|rest| rest.split(".js").next()).unwrap_or_default();
        assert_eq!(name.len(), 16, "{loader}");
        let script = fs::read_to_string(at(&format!("worker-{name}.js")))?;
        assert_eq!(script, format!("fetch(new URL('worker-{name}_bg.wasm', import.meta.url))"));
        assert_eq!(fs::read_to_string(at(&format!("worker-{name}_bg.wasm")))?, "wasm");
        assert!(!at(SCRIPT).exists() && !at(WASM).exists());

        engine(dist.path())?;
        assert_eq!(fs::read_to_string(at(LOADER))?, loader, "a second time nothing is left to do");

        fs::write(at(SCRIPT), "fetches nothing")?;
        fs::write(at(WASM), "wasm")?;
        let error = engine(dist.path()).expect_err("another trunk").to_string();
        assert!(error.contains("worker.js does not name worker_bg.wasm"), "{error}");
        Ok(())
    }
}
