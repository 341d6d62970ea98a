//! Strips the build: function names from wasm files, a third of their size, and comments and blanks from the engine's script, another
//! third.

use std::fs;
use std::path::Path;

use crate::error::Error;

const STEP: &str = "stripping";
const HEADER: usize = 8;
const CUSTOM: u8 = 0;

/// Removes the name section of every wasm file in a folder, and comments and blanks of the engine's script. The page's script is left
/// alone: the splitter assembled it, and it relies on line breaks in place of semicolons.
pub fn all(folder: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::file(STEP, folder, error))?;
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let strip = match name.rsplit_once('.') {
            Some((_, "wasm")) => without_names,
            Some(("worker", "js")) => without_blanks,
            _ => continue,
        };
        let bytes = fs::read(&path).map_err(|error| Error::file(STEP, &path, error))?;
        if let Some(stripped) = strip(&bytes).filter(|stripped| stripped.len() < bytes.len()) {
            fs::write(&path, stripped).map_err(|error| Error::file(STEP, &path, error))?;
        }
    }
    Ok(())
}

/// The script without comments and blanks; `None` if it is not text.
fn without_blanks(script: &[u8]) -> Option<Vec<u8>> {
    // A final comment without a line break would stay.
    let script = format!("{}\n", std::str::from_utf8(script).ok()?);
    let stripped = minifier::js::minify(&script).ok()?;
    Some(stripped.to_string().into_bytes())
}

/// The module without its `name` section; `None` if it is malformed.
fn without_names(module: &[u8]) -> Option<Vec<u8>> {
    let mut kept = module.get(..HEADER)?.to_vec();
    let mut rest = &module[HEADER..];
    while let [id, after_id @ ..] = rest {
        let (size, after_size) = unsigned(after_id)?;
        let content = after_size.get(..size)?;
        let section = rest.len() - after_size.len() + size;
        let is_names = *id == CUSTOM && unsigned(content).is_some_and(|(len, name)| name.get(..len) == Some(b"name"));
        if !is_names {
            kept.extend(&rest[..section]);
        }
        rest = &rest[section..];
    }
    Some(kept)
}

/// Parses a LEB128 number; returns it and the rest.
fn unsigned(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_section_is_removed() {
        let header = *b"\0asm\x01\0\0\0";
        let names = b"\0\x07\x04name\x01\x02".to_vec();
        let other = b"\0\x06\x05other".to_vec();
        let types = b"\x01\x81\x00\x00".to_vec();
        let module = [&header[..], &types, &names, &other].concat();
        assert_eq!(without_names(&module), Some([&header[..], &types, &other].concat()));
        assert_eq!(without_names(&module[..module.len() - 1]), None, "cut off");
        assert_eq!(without_names(b"\0asm"), None);
    }

    #[test]
    fn comments_and_blanks_are_removed_outside_quotes() {
        let script = b"// One.\nexport default  function (a) {\n    /* two */ return a + ' // three  ';\n}\n";
        let stripped = without_blanks(script).and_then(|bytes| String::from_utf8(bytes).ok());
        assert_eq!(stripped.as_deref(), Some("export default function(a){return a+' // three  ';}"));
        assert_eq!(without_blanks(&[0xff]), None);
    }

    #[test]
    fn only_the_engines_script_is_rewritten() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let files =
            [("worker.js", "f(1)"), ("app-1.js", "f( 1 ) // one"), ("sw.js", "f( 1 ) // one"), ("worker.css", "f( 1 ) // one")];
        for (name, _) in files {
            fs::write(folder.path().join(name), "f( 1 ) // one")?;
        }
        all(folder.path())?;
        for (name, wanted) in files {
            assert_eq!(fs::read_to_string(folder.path().join(name))?, wanted, "{name}");
        }
        Ok(())
    }
}
