//! Two versions of the site, for the test of an update: the build, and the same with a harmless change in every file, so that all folder
//! names differ.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compress;
use crate::dist::{self, Base, Source};
use crate::error::Error;
use crate::process::announce;
use crate::project::Project;
use crate::release;

const STEP: &str = "making two versions of the site";
/// The path at which the browser tests serve it.
const PATH: &str = "/some/path/";
/// A custom section of wasm without effect: 0, its length, and its name with the name's length.
const SECTION: &[u8] = b"\x00\x05\x04next";

/// Makes the versions `1` and `2` of the last build, and returns their folder.
pub fn make(project: &Project) -> Result<PathBuf, Error> {
    announce(STEP);
    let folder = project.scratch().join("releases");
    let (changed, next) = (folder.join("changed"), folder.join("next"));
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(STEP, &folder, error)),
        _ => {}
    }
    for path in compress::files_below(&project.built())? {
        let bytes = fs::read(&path).map_err(|error| Error::file(STEP, &path, error))?;
        let name = path.strip_prefix(project.built()).unwrap_or(&path);
        let target = changed.join(name);
        let parent = target.parent().unwrap_or(&changed);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&target, in_next_version(name, bytes)))
            .map_err(|error| Error::file(STEP, &target, error))?;
    }
    release::publish(&changed, &project.service_worker(), &next)?;
    let base = Base { origin: None, path: PATH.into() };
    dist::complete(&Source::of(project), &base, &folder.join("1"))?;
    dist::complete(&Source { dist: next, ..Source::of(project) }, &base, &folder.join("2"))?;
    Ok(folder)
}

/// Changes a file's checksum without changing its meaning. Weights and the inline script are excluded, since their checksums are known
/// elsewhere.
fn in_next_version(name: &Path, mut bytes: Vec<u8>) -> Vec<u8> {
    if name == Path::new("assets/boot.js") {
        return bytes;
    }
    let more: &[u8] = match name.extension().and_then(|kind| kind.to_str()) {
        Some("wasm") => SECTION,
        Some("js") => b"\n// next\n",
        Some("css") => b"\n/* next */\n",
        Some("html") => b"\n<!-- next -->\n",
        Some("json" | "svg") => b"\n",
        // Decoders ignore bytes after the end of an image.
        Some("png" | "jpg" | "webp") => b"next",
        _ => b"",
    };
    bytes.extend(more);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_keep_their_meaning() {
        for (name, before, after) in [
            ("app_bg.wasm", &b"\0asm\x01\0\0\0"[..], &b"\0asm\x01\0\0\0\0\x05\x04next"[..]),
            ("worker.js", b"f()", b"f()\n// next\n"),
            ("assets/boot.js", b"f()", b"f()"),
            ("assets/weights/tiny-a.safetensors", b"a", b"a"),
            ("assets/lang/ko.json", b"{}", b"{}\n"),
        ] {
            assert_eq!(in_next_version(Path::new(name), before.to_vec()), after, "{name}");
        }
    }
}
