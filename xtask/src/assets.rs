//! The files of the page that are not compiled: index.html and assets/, some of them at the page's root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::compress;
use crate::error::Error;

const STEP: &str = "copying assets";
const PAGE: &str = "index.html";
/// Files at the root: a service worker controls the folder that it is in, and the others have short addresses.
const AT_ROOT: [&str; 4] = ["manifest.webmanifest", "stride-scope.js", "styles.css", "sw.js"];
/// How the names of the compiled programs' files begin, at the root.
const PROGRAMS: [&str; 2] = ["app", "worker"];

/// Makes the uncompiled files of the build those of the clone: copies what changed, and removes what is no longer there.
pub fn place(clone: &Path, built: &Path) -> Result<(), Error> {
    let mut placed = BTreeSet::from([built.join(PAGE)]);
    copy_changed(&clone.join(PAGE), &built.join(PAGE))?;
    let assets = clone.join("assets");
    for path in compress::files_below(&assets)? {
        let target = target(path.strip_prefix(&assets).unwrap_or(&path), built);
        copy_changed(&path, &target)?;
        placed.insert(target);
    }
    for path in compress::files_below(built)? {
        if !placed.contains(&path) && !is_program(&path, built) {
            fs::remove_file(&path).map_err(|error| Error::file(STEP, &path, error))?;
        }
    }
    Ok(())
}

/// Where a file of assets/ is in the build.
fn target(inside: &Path, built: &Path) -> PathBuf {
    let at_root = AT_ROOT.iter().any(|name| inside == Path::new(name));
    if at_root { built.join(inside) } else { built.join("assets").join(inside) }
}

fn is_program(path: &Path, built: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.parent() == Some(built) && PROGRAMS.iter().any(|program| name.starts_with(program))
}

fn copy_changed(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|error| Error::file(STEP, from, error))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).and_then(|()| compress::replace(to, &bytes)).map_err(|error| Error::file(STEP, to, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_copied_to_their_places_only() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (clone, built) = (folder.path().join("clone"), folder.path().join("built"));
        fs::create_dir_all(clone.join("assets/samples/thumbs"))?;
        fs::create_dir_all(built.join("assets"))?;
        for name in ["index.html", "assets/sw.js", "assets/styles.css", "assets/start.js", "assets/samples/thumbs/cat.jpg"] {
            fs::write(clone.join(name), "new")?;
        }
        let programs = ["app.js", "app_bg.wasm", "app-split.js", "worker.js", "worker_loader.js"];
        let stale = ["index.html", "sw.js", "assets/start.js", "assets/sw.js", "assets/gone.png", "gone.css", "sw.js.br"];
        for name in programs.iter().chain(&stale) {
            fs::write(built.join(name), "old")?;
        }
        place(&clone, &built)?;

        let mut files: Vec<String> = compress::files_below(&built)?
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&built).ok()?.to_string_lossy().replace('\\', "/")))
            .collect();
        files.sort();
        let mut expected = vec!["index.html", "assets/samples/thumbs/cat.jpg", "assets/start.js", "styles.css", "sw.js"];
        expected.extend(programs);
        expected.sort();
        assert_eq!(files, expected);
        for name in files {
            let text = if programs.contains(&name.as_str()) { "old" } else { "new" };
            assert_eq!(fs::read_to_string(built.join(&name))?, text, "{name}");
        }
        Ok(())
    }
}
