//! The files of assets/ in the built page, before they get versioned names: some belong at its root, and all are updated in a partial
//! rebuild.

use std::fs;
use std::io;
use std::path::Path;

use crate::compress;
use crate::error::Error;

const STEP: &str = "copying assets";
/// Files at the root: a service worker controls the folder that it is in, trunk puts styles there, and the others have short addresses.
const AT_ROOT: [&str; 4] = ["manifest.webmanifest", "stride-scope.js", "styles.css", "sw.js"];

/// Removes the root files from the build's assets/ folder.
pub fn remove_root_files(dist: &Path) -> Result<(), Error> {
    for name in AT_ROOT {
        remove(&dist.join("assets").join(name))?;
    }
    Ok(())
}

/// Copies files of assets/ that changed since the last build into the page.
pub fn refresh(assets: &Path, dist: &Path) -> Result<(), Error> {
    for path in compress::files_below(assets)? {
        let inside = path.strip_prefix(assets).unwrap_or(&path);
        let target = match inside.to_str() {
            Some(name) if AT_ROOT.contains(&name) => dist.join(name),
            _ => dist.join("assets").join(inside),
        };
        copy_changed(&path, &target)?;
    }
    Ok(())
}

fn copy_changed(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|error| Error::file(STEP, from, error))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    let written = fs::create_dir_all(folder).and_then(|()| compress::replace(to, &bytes));
    written.map_err(|error| Error::file(STEP, to, error))?;
    compress::remove_compressed(to)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(STEP, path, error)),
        _ => compress::remove_compressed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_copied_to_their_places_only() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (assets, dist) = (folder.path().join("assets"), folder.path().join("dist"));
        fs::create_dir_all(assets.join("samples/thumbs"))?;
        fs::create_dir_all(dist.join("assets"))?;
        for name in ["sw.js", "styles.css", "start.js", "samples/thumbs/cat.jpg"] {
            fs::write(assets.join(name), "new")?;
        }
        for name in ["sw.js", "styles.css", "assets/sw.js", "assets/sw.js.br", "assets/start.js", "assets/start.js.br"] {
            fs::write(dist.join(name), "old")?;
        }
        refresh(&assets, &dist)?;
        remove_root_files(&dist)?;

        let mut files: Vec<String> = compress::files_below(&dist)?
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&dist).ok()?.to_string_lossy().replace('\\', "/")))
            .collect();
        files.sort();
        assert_eq!(files, ["assets/samples/thumbs/cat.jpg", "assets/start.js", "styles.css", "sw.js"]);
        for name in files {
            assert_eq!(fs::read_to_string(dist.join(&name))?, "new", "{name}");
        }
        Ok(())
    }
}
