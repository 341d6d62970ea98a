//! Brotli at its highest quality, as a static host would serve the page. It is slow, so results are cached by content. Also gzip, for hosts
//! and programs without brotli.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::process::announce;

const STEP: &str = "compression";
const QUALITY: i32 = 11;
/// 4 MiB, the maximum of every decoder: with a larger window this encoder makes the engine larger.
const WINDOW_BITS: i32 = 22;
const COMPRESSED: [&str; 11] = ["css", "html", "js", "json", "mjs", "svg", "tsv", "txt", "wasm", "webmanifest", "xml"];
/// File name endings of compressed forms.
const ENDINGS: [&str; 2] = ["br", "gz"];
/// Smaller files compress in under a second and are not announced.
const WORTH_A_LINE: usize = 1_000_000;

/// A file of the page and its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Path below the page's folder.
    pub path: PathBuf,
    /// Uncompressed size.
    pub raw_bytes: u64,
    /// Compressed size.
    pub brotli_bytes: u64,
}

/// Writes `FILE.br` beside each compressible file below `folder`, and returns those files sorted by path. Results are stored in `cache`.
pub fn all(folder: &Path, cache: &Path) -> Result<Vec<Asset>, Error> {
    fs::create_dir_all(cache).map_err(|error| Error::file(STEP, cache, error))?;
    let mut assets = Vec::new();
    for path in compressible(folder)? {
        let bytes = fs::read(&path).map_err(|error| Error::file(STEP, &path, error))?;
        let short = path.strip_prefix(folder).unwrap_or(&path).to_path_buf();
        let compressed = cached(&bytes, &short, cache)?;
        let beside = with_ending(&path, "br");
        fs::write(&beside, &compressed).map_err(|error| Error::file(STEP, &beside, error))?;
        assets.push(Asset { path: short, raw_bytes: bytes.len() as u64, brotli_bytes: compressed.len() as u64 });
    }
    Ok(assets)
}

/// Writes `FILE.gz` beside each compressible file below `folder`.
pub fn gzip_all(folder: &Path) -> Result<(), Error> {
    for path in compressible(folder)? {
        let bytes = fs::read(&path).map_err(|error| Error::file(STEP, &path, error))?;
        let beside = with_ending(&path, "gz");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder.write_all(&bytes).and_then(|()| encoder.finish());
        compressed.and_then(|compressed| fs::write(&beside, compressed)).map_err(|error| Error::file(STEP, &beside, error))?;
    }
    Ok(())
}

/// Deletes the compressed forms of a file, which a server would otherwise send in place of its new content.
pub fn remove_compressed(path: &Path) -> Result<(), Error> {
    for stale in ENDINGS.map(|ending| with_ending(path, ending)) {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file(STEP, &stale, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a file is the compressed form of another.
pub fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|kind| ENDINGS.iter().any(|ending| kind == *ending))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// The files below a folder that compress well, sorted by path.
fn compressible(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = files_below(folder)?;
    paths.retain(|path| path.extension().is_some_and(|kind| COMPRESSED.iter().any(|known| kind == *known)));
    paths.sort();
    Ok(paths)
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Error::file(STEP, &folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

fn cached(bytes: &[u8], name: &Path, cache: &Path) -> Result<Vec<u8>, Error> {
    let path = cache.join(format!("{}-{QUALITY}-{WINDOW_BITS}.br", sha256(bytes)));
    if let Ok(compressed) = fs::read(&path) {
        return Ok(compressed);
    }
    if bytes.len() >= WORTH_A_LINE {
        announce(&format!("compressing {} (about half a minute for 10 MB)", name.display()));
    }
    let compressed = brotli(bytes)?;
    replace(&path, &compressed).map_err(|error| Error::file(STEP, &path, error))?;
    Ok(compressed)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let parameters =
        BrotliEncoderParams { quality: QUALITY, lgwin: WINDOW_BITS, size_hint: bytes.len(), ..BrotliEncoderParams::default() };
    let mut compressed = Vec::new();
    let mut source = bytes;
    brotli::BrotliCompress(&mut source, &mut compressed, &parameters)
        .map_err(|error| Error::new(STEP, error, "This is a defect: please report it."))?;
    Ok(compressed)
}

/// The SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Writes a file atomically.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(name);
    let written = fs::File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // Report the first error only.
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_are_written_once() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (page, cache) = (folder.path().join("dist"), folder.path().join("cache"));
        fs::create_dir_all(page.join("assets"))?;
        let text = "stride ".repeat(1_000);
        fs::write(page.join("assets/app.js"), &text)?;
        fs::write(page.join("weights.safetensors"), "not compressed")?;

        let assets = all(&page, &cache)?;
        assert_eq!(assets.len(), 1);
        assert_eq!(assets[0].path, Path::new("assets/app.js"));
        assert_eq!(assets[0].raw_bytes, 7_000);
        assert!(assets[0].brotli_bytes < 100, "{assets:?}");

        let compressed = fs::read(page.join("assets/app.js.br"))?;
        let mut restored = Vec::new();
        brotli::BrotliDecompress(&mut compressed.as_slice(), &mut restored)?;
        assert_eq!(restored, text.as_bytes());

        let entry = fs::read_dir(&cache)?.next().ok_or("nothing was kept")??.path();
        fs::write(&entry, "kept")?;
        assert_eq!(all(&page, &cache)?[0].brotli_bytes, 4, "the second time it comes out of the cache");
        Ok(())
    }

    #[test]
    fn gzip_files_exist_until_they_are_deleted() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("manifest.webmanifest");
        fs::write(&path, "stride ".repeat(1_000))?;
        fs::write(folder.path().join("cat.png"), "not compressed")?;
        gzip_all(folder.path())?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 3);

        let compressed = fs::File::open(with_ending(&path, "gz"))?;
        let restored = io::read_to_string(flate2::read::GzDecoder::new(compressed))?;
        assert_eq!(restored, fs::read_to_string(&path)?);
        assert!(is_compressed(&with_ending(&path, "gz")) && !is_compressed(&path));
        remove_compressed(&path)?;
        remove_compressed(&path)?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 2);
        Ok(())
    }

    #[test]
    fn replacing_a_file_leaves_no_temporary_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        replace(&path, b"one")?;
        replace(&path, b"two")?;
        assert_eq!(fs::read(&path)?, b"two");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        assert!(replace(&folder.path().join("no/such/folder"), b"").is_err());
        Ok(())
    }
}
