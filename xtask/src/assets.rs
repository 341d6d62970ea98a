//! The files of assets/ in the built page: some lie at its root, and all follow when only a part is built again.

use std::fs;
use std::io;
use std::path::Path;

use crate::compress;
use crate::error::Error;

const STEP: &str = "copying assets";
/// Files whose place is the site's root: a worker rules over the folder that it lies in, and the others have a short address.
const AT_ROOT: [&str; 3] = ["manifest.webmanifest", "stride-scope.js", "sw.js"];
const STYLES: &str = "styles.css";

/// Takes out of dist/assets what lies at the root of dist/, or at the root under a name with a hash.
pub fn tidy(dist: &Path) -> Result<(), Error> {
    for name in AT_ROOT.into_iter().chain([STYLES]) {
        remove(&dist.join("assets").join(name))?;
    }
    Ok(())
}

/// Copies what changed in assets/ since the last build into the page.
pub fn refresh(assets: &Path, dist: &Path) -> Result<(), Error> {
    let styles = hashed_styles(dist)?;
    for path in compress::files_below(assets)? {
        let inside = path.strip_prefix(assets).unwrap_or(&path);
        let target = match inside.to_str() {
            Some(STYLES) => styles.as_ref().map_or(dist.join("assets").join(STYLES), |name| dist.join(name)),
            Some(name) if AT_ROOT.contains(&name) => dist.join(name),
            _ => dist.join("assets").join(inside),
        };
        copy_changed(&path, &target)?;
    }
    Ok(())
}

/// The name that trunk gave the styles.
fn hashed_styles(dist: &Path) -> Result<Option<String>, Error> {
    let entries = fs::read_dir(dist).map_err(|error| Error::file(STEP, dist, error))?;
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.find(|name| name.starts_with("styles-") && name.ends_with(".css")))
}

fn copy_changed(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = fs::read(from).map_err(|error| Error::file(STEP, from, error))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    let written = fs::create_dir_all(folder).and_then(|()| compress::replace(to, &bytes));
    written.map_err(|error| Error::file(STEP, to, error))?;
    compress::forget(to)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(STEP, path, error)),
        _ => compress::forget(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_follow_to_their_places_and_nowhere_else() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (assets, dist) = (folder.path().join("assets"), folder.path().join("dist"));
        fs::create_dir_all(assets.join("samples/thumbs"))?;
        fs::create_dir_all(dist.join("assets"))?;
        for name in ["sw.js", "styles.css", "start.js", "samples/thumbs/cat.jpg"] {
            fs::write(assets.join(name), "new")?;
        }
        for name in
            ["sw.js", "styles-0123456789abcdef.css", "assets/sw.js", "assets/sw.js.br", "assets/start.js", "assets/start.js.br"]
        {
            fs::write(dist.join(name), "old")?;
        }
        refresh(&assets, &dist)?;
        tidy(&dist)?;

        let mut files: Vec<String> = compress::files_below(&dist)?
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&dist).ok()?.to_string_lossy().replace('\\', "/")))
            .collect();
        files.sort();
        assert_eq!(files, ["assets/samples/thumbs/cat.jpg", "assets/start.js", "styles-0123456789abcdef.css", "sw.js"]);
        for name in files {
            assert_eq!(fs::read_to_string(dist.join(&name))?, "new", "{name}");
        }
        Ok(())
    }
}
