//! Writes into sw.js which files the site consists of, so that it can keep them on a visitor's device.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::compress;
use crate::error::Error;
use crate::headers;
use crate::html;

const STEP: &str = "listing the files for offline use";
const REMEDY: &str = "Restore assets/sw.js and Trunk.toml from the repository.";
const WORKER: &str = "sw.js";
const PAGE: &str = "index.html";
/// What the page's address means, which is not always a file's name: some hosts send visitors away from `index.html`.
const PAGE_KEY: &str = "./";
/// The page's own tag, which start.js reads.
const SCRIPT_MARK: &str = "data-wasm";
const VERSION_MARK: &str = "data-version";
/// The picture that the page starts with, and its small copy, among the samples.
const FIRST_PICTURE: [&str; 2] = ["chelsea.png", "previews/chelsea.webp"];

/// When a file is kept on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// With the first visit: without it there is no page.
    AtOnce,
    /// When it was used once.
    Later,
    /// Never, or only by the page and when asked to.
    Never,
}

type Sums = BTreeMap<String, String>;

/// Writes the lists into the copy of `script` at the site's root, and the version into the page. Their compressed forms go.
pub fn write(site: &Path, script: &Path) -> Result<(), Error> {
    let script = read(script)?;
    let page = read(&site.join(PAGE))?;
    let (mut at_once, mut later) = (Sums::new(), Sums::new());
    for path in compress::files_below(site)? {
        let name = path.strip_prefix(site).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let list = match kept(&name) {
            Kept::AtOnce => &mut at_once,
            Kept::Later => &mut later,
            Kept::Never => continue,
        };
        let bytes = fs::read(&path).map_err(|error| Error::file(STEP, &path, error))?;
        list.insert(name, sum(&bytes));
    }

    let version = version(&script, &with_version(&page, "")?, [&at_once, &later]);
    let page = with_version(&page, &version)?;
    at_once.insert(PAGE_KEY.into(), sum(page.as_bytes()));
    store(&site.join(WORKER), &filled(&script, &at_once, &later, &version)?)?;
    store(&site.join(PAGE), &page)
}

/// When a file of the site is kept, by its path below the site's folder.
fn kept(path: &str) -> Kept {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    if compress::is_compressed(Path::new(path)) {
        return Kept::Never;
    }
    match (headers::group(folder), name) {
        (Some("app" | "texts"), _) => Kept::AtOnce,
        (Some("engine"), _) => Kept::Later,
        (Some("samples"), name) if FIRST_PICTURE.contains(&name) || name.starts_with("thumbs/") => Kept::AtOnce,
        (Some("samples"), _) => Kept::Later,
        (Some("weights"), name) if name.starts_with("tiny-") => Kept::Later,
        // What the browser shows of a page that is installed.
        (None, _) if path == "manifest.webmanifest" || path == "assets/icon.svg" || path.starts_with("assets/icons/") => {
            Kept::AtOnce
        }
        // The page has a key of its own, the worker is the browser's business, and what others know the page does not load.
        _ => Kept::Never,
    }
}

/// A SHA-256 as browsers write it.
fn sum(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}

/// Changes whenever anything does that a visitor gets.
fn version(script: &str, page: &str, lists: [&Sums; 2]) -> String {
    let mut text = format!("{script}\n{page}\n");
    for (path, sum) in lists.into_iter().flatten() {
        text += &format!("{path} {sum}\n");
    }
    compress::sha256(text.as_bytes()).chars().take(16).collect()
}

fn with_version(page: &str, version: &str) -> Result<String, Error> {
    let mut found = false;
    let changed = html::change_tags(page, |mut tag| {
        tag.get(SCRIPT_MARK)?;
        found = true;
        tag.set(VERSION_MARK, version);
        Some(tag.to_string())
    });
    if found { Ok(changed) } else { Err(Error::new(STEP, format!("no tag of {PAGE} has {SCRIPT_MARK}"), REMEDY)) }
}

fn filled(script: &str, at_once: &Sums, later: &Sums, version: &str) -> Result<String, Error> {
    let mut text = script.to_string();
    for (empty, name, value) in [
        ("const FILES = {};", "FILES", list(at_once)),
        ("const LATER = {};", "LATER", list(later)),
        ("const VERSION = \"\";", "VERSION", format!("\"{version}\"")),
    ] {
        if text.matches(empty).count() != 1 {
            return Err(Error::new(STEP, format!("{WORKER} has no line `{empty}` to fill in"), REMEDY));
        }
        text = text.replace(empty, &format!("const {name} = {value};"));
    }
    Ok(text)
}

/// A list as JavaScript, one file a line.
fn list(sums: &Sums) -> String {
    let lines: Vec<String> =
        sums.iter().map(|(path, sum)| format!("  {}: \"{sum}\",\n", serde_json::Value::from(path.as_str()))).collect();
    format!("{{\n{}}}", lines.concat())
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file(STEP, path, error))
}

fn store(path: &Path, text: &str) -> Result<(), Error> {
    compress::replace(path, text.as_bytes()).map_err(|error| Error::file(STEP, path, error))?;
    compress::forget(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../assets/sw.js");
    const HTML: &str = r#"<script src="./assets/start.js" data-wasm="./app.wasm"></script>"#;

    #[test]
    fn what_the_page_needs_is_kept_at_once_and_the_rest_when_used_or_never() {
        let cases = [
            ("index.html", Kept::Never),
            ("sw.js", Kept::Never),
            ("app-0123456789abcdef/app_bg.wasm", Kept::AtOnce),
            ("app-0123456789abcdef/app-split.js", Kept::AtOnce),
            ("app-0123456789abcdef/app.js.br", Kept::Never),
            ("app-0123456789abcdef/styles.css", Kept::AtOnce),
            ("app-0123456789abcdef/start.js", Kept::AtOnce),
            ("app-0123456789abcdef/stride-scope.js", Kept::AtOnce),
            ("manifest.webmanifest", Kept::AtOnce),
            ("manifest.webmanifest.gz", Kept::Never),
            ("stride-scope.js", Kept::Never),
            ("assets/icon.svg", Kept::AtOnce),
            ("assets/icons/icon-192.png", Kept::AtOnce),
            ("assets/catalogue.json", Kept::Never),
            ("texts-0123456789abcdef/labels/imagenet-1k.ko.tsv", Kept::AtOnce),
            ("texts-0123456789abcdef/lang/ko.json", Kept::AtOnce),
            ("texts-0123456789abcdef/learn/en.html", Kept::AtOnce),
            ("samples-0123456789abcdef/chelsea.png", Kept::AtOnce),
            ("samples-0123456789abcdef/thumbs/camera.jpg", Kept::AtOnce),
            ("samples-0123456789abcdef/previews/chelsea.webp", Kept::AtOnce),
            ("samples-0123456789abcdef/camera.png", Kept::Later),
            ("samples-0123456789abcdef/previews/camera.webp", Kept::Later),
            ("assets/samples/chelsea.png", Kept::Never),
            ("engine-0123456789abcdef/worker.js", Kept::Later),
            ("engine-0123456789abcdef/worker_bg.wasm", Kept::Later),
            ("engine-0123456789abcdef/worker_loader.js", Kept::Later),
            ("weights-0123456789abcdef/tiny-a.safetensors", Kept::Later),
            ("weights-0123456789abcdef/resnet50-a.safetensors", Kept::Never),
            ("assets/weights/tiny-a.safetensors", Kept::Never),
            ("assets/weights/README.md", Kept::Never),
            ("assets/og/page.png", Kept::Never),
            ("404.html", Kept::Never),
            ("oembed/cost.json", Kept::Never),
            (".stridescope-dist", Kept::Never),
        ];
        for (path, expected) in cases {
            assert_eq!(kept(path), expected, "{path}");
        }
        for picture in FIRST_PICTURE {
            assert!(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/samples")).join(picture).is_file(), "{picture}");
        }
    }

    #[test]
    fn the_worker_lists_the_files_and_has_the_page_s_version() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (site, script) = (folder.path().join("site"), folder.path().join("sw.js"));
        for folder in ["app-0123456789abcdef", "engine-0123456789abcdef"] {
            fs::create_dir_all(site.join(folder))?;
        }
        let (app, engine) = ("app-0123456789abcdef/app.wasm", "engine-0123456789abcdef/worker.js");
        fs::write(&script, SCRIPT)?;
        for (name, text) in
            [(PAGE, HTML), (app, "app"), (engine, "worker"), ("README.md", "no"), ("sw.js.br", "of an older list")]
        {
            fs::write(site.join(name), text)?;
        }
        write(&site, &script)?;

        let (page, worker) = (fs::read_to_string(site.join(PAGE))?, fs::read_to_string(site.join(WORKER))?);
        let version = page.split("data-version=\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or("no version")?;
        assert_eq!(version.len(), 16);
        assert!(worker.contains(&format!("const VERSION = \"{version}\";")), "{worker}");
        let files = format!("const FILES = {{\n  \"./\": \"{}\",\n  \"{app}\": \"{}\",\n}};", sum(page.as_bytes()), sum(b"app"));
        assert!(worker.contains(&files), "{worker}");
        assert!(worker.contains(&format!("const LATER = {{\n  \"{engine}\": \"{}\",\n}};", sum(b"worker"))), "{worker}");
        assert!(!site.join("sw.js.br").exists());

        write(&site, &script)?;
        assert_eq!(fs::read_to_string(site.join(PAGE))?, page, "nothing changed");
        for (name, text) in [(app, "app 2"), (engine, "worker 2"), (PAGE, HTML.replace("./app", "./b").as_str())] {
            let before = fs::read_to_string(site.join(WORKER))?;
            fs::write(site.join(name), text)?;
            write(&site, &script)?;
            assert_ne!(fs::read_to_string(site.join(WORKER))?, before, "{name} changed");
            assert!(!fs::read_to_string(site.join(PAGE))?.contains(version), "{name} changed");
        }
        Ok(())
    }

    #[test]
    fn a_checksum_is_written_as_browsers_do() {
        assert_eq!(sum(b""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn a_script_or_a_page_with_nothing_to_fill_in_is_refused() {
        let none = Sums::new();
        for missing in ["const FILES = {};", "const LATER = {};", "const VERSION = \"\";"] {
            let error = filled(&SCRIPT.replace(missing, ""), &none, &none, "1").expect_err("a gap").to_string();
            assert!(error.contains(missing), "{error}");
        }
        assert!(with_version("<script></script>", "1").expect_err("no mark").to_string().contains("data-wasm"));
    }
}
