//! Two versions of the site, for the test of what happens when one takes the other's place: what was built, and the same with a change in every file
//! that may have one, so that all of its folders have other names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compress;
use crate::dist::{self, Base, Source};
use crate::error::Error;
use crate::process::announce;
use crate::project::Project;
use crate::release;

const STEP: &str = "making two versions of the site";
/// Where the browser tests serve it.
const PATH: &str = "/some/path/";
/// A section of wasm that means nothing: 0, its length, and its name with the name's length.
const SECTION: &[u8] = b"\x00\x05\x04next";

/// Makes the versions `1` and `2` of what was built last, and returns the folder that they are in.
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

/// A file with something in it that changes nothing but its checksum. Weights are known by theirs, and the first script by the policy.
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
        // Readers of pictures stop where the picture ends.
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
    fn what_changes_is_still_what_it_was() {
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
