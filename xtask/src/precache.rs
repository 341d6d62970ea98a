//! Writes the site's file lists into sw.js, so that it can cache the site on a visitor's device.

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
const REMEDY: &str = "Restore assets/sw.js and index.html from the repository.";
const WORKER: &str = "sw.js";
const PAGE: &str = "index.html";
/// The page's own address. Not always a file name: some hosts redirect `index.html`.
const PAGE_KEY: &str = "./";
/// The attribute of the page's script tag, which start.js reads.
const SCRIPT_MARK: &str = "data-wasm";
const VERSION_MARK: &str = "data-version";
/// The initial image among the samples, and its thumbnail.
const FIRST_PICTURE: [&str; 2] = ["chelsea.png", "previews/chelsea.webp"];

/// When a file is cached on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CachePolicy {
    /// At the first visit: the page needs it.
    AtInstall,
    /// After its first use.
    OnUse,
    /// Never, or only by the page with consent.
    Never,
}

type Sums = BTreeMap<String, String>;

/// Writes the lists into the copy of `script` at the site's root, and the version into the page. Deletes their compressed forms.
pub fn write(site: &Path, script: &Path) -> Result<(), Error> {
    let script = read(script)?;
    let page = read(&site.join(PAGE))?;
    let (mut at_once, mut later) = (Sums::new(), Sums::new());
    for path in compress::files_below(site)? {
        let name = path.strip_prefix(site).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let list = match cache_policy(&name) {
            CachePolicy::AtInstall => &mut at_once,
            CachePolicy::OnUse => &mut later,
            CachePolicy::Never => continue,
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

/// When a file of the site is cached, by its path in the site's folder.
fn cache_policy(path: &str) -> CachePolicy {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    if compress::is_compressed(Path::new(path)) {
        return CachePolicy::Never;
    }
    match (headers::group(folder), name) {
        (Some("app" | "texts"), _) => CachePolicy::AtInstall,
        (Some("engine"), _) => CachePolicy::OnUse,
        (Some("samples"), name) if FIRST_PICTURE.contains(&name) || name.starts_with("thumbs/") => CachePolicy::AtInstall,
        (Some("samples"), _) => CachePolicy::OnUse,
        (Some("weights"), name) if name.starts_with("tiny-") => CachePolicy::OnUse,
        // What the browser shows of an installed page.
        (None, _) if path == "manifest.webmanifest" || path == "assets/icon.svg" || path.starts_with("assets/icons/") => {
            CachePolicy::AtInstall
        }
        // The page has a key of its own, the browser updates the service worker, and the page does not load files for other sites.
        _ => CachePolicy::Never,
    }
}

/// A SHA-256 in the form of subresource integrity.
fn sum(bytes: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(bytes)))
}

/// A version that changes with any file that a visitor gets.
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

/// A list as JavaScript, one file per line.
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
    compress::remove_compressed(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../assets/sw.js");
    const HTML: &str = r#"<script src="./assets/start.js" data-wasm="./app.wasm"></script>"#;

    #[test]
    fn files_are_cached_at_once_on_use_or_never() {
        let cases = [
            ("index.html", CachePolicy::Never),
            ("sw.js", CachePolicy::Never),
            ("app-0123456789abcdef/app_bg.wasm", CachePolicy::AtInstall),
            ("app-0123456789abcdef/app-split.js", CachePolicy::AtInstall),
            ("app-0123456789abcdef/app.js.br", CachePolicy::Never),
            ("app-0123456789abcdef/styles.css", CachePolicy::AtInstall),
            ("app-0123456789abcdef/start.js", CachePolicy::AtInstall),
            ("app-0123456789abcdef/stride-scope.js", CachePolicy::AtInstall),
            ("manifest.webmanifest", CachePolicy::AtInstall),
            ("manifest.webmanifest.gz", CachePolicy::Never),
            ("stride-scope.js", CachePolicy::Never),
            ("assets/icon.svg", CachePolicy::AtInstall),
            ("assets/icons/icon-192.png", CachePolicy::AtInstall),
            ("assets/catalogue.json", CachePolicy::Never),
            ("texts-0123456789abcdef/labels/imagenet-1k.ko.tsv", CachePolicy::AtInstall),
            ("texts-0123456789abcdef/lang/ko.json", CachePolicy::AtInstall),
            ("texts-0123456789abcdef/learn/en.html", CachePolicy::AtInstall),
            ("samples-0123456789abcdef/chelsea.png", CachePolicy::AtInstall),
            ("samples-0123456789abcdef/thumbs/camera.jpg", CachePolicy::AtInstall),
            ("samples-0123456789abcdef/previews/chelsea.webp", CachePolicy::AtInstall),
            ("samples-0123456789abcdef/camera.png", CachePolicy::OnUse),
            ("samples-0123456789abcdef/previews/camera.webp", CachePolicy::OnUse),
            ("assets/samples/chelsea.png", CachePolicy::Never),
            ("engine-0123456789abcdef/worker.js", CachePolicy::OnUse),
            ("engine-0123456789abcdef/worker_bg.wasm", CachePolicy::OnUse),
            ("engine-0123456789abcdef/worker_loader.js", CachePolicy::OnUse),
            ("weights-0123456789abcdef/tiny-a.safetensors", CachePolicy::OnUse),
            ("weights-0123456789abcdef/resnet50-a.safetensors", CachePolicy::Never),
            ("assets/weights/tiny-a.safetensors", CachePolicy::Never),
            ("assets/weights/README.md", CachePolicy::Never),
            ("assets/og/page.png", CachePolicy::Never),
            ("404.html", CachePolicy::Never),
            ("oembed/cost.json", CachePolicy::Never),
            (".stridescope-dist", CachePolicy::Never),
        ];
        for (path, expected) in cases {
            assert_eq!(cache_policy(path), expected, "{path}");
        }
        for picture in FIRST_PICTURE {
            assert!(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/samples")).join(picture).is_file(), "{picture}");
        }
    }

    #[test]
    fn the_service_worker_has_the_file_lists_and_the_pages_version() -> Result<(), Box<dyn std::error::Error>> {
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
    fn checksums_have_the_form_of_subresource_integrity() {
        assert_eq!(sum(b""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn a_script_or_page_without_placeholders_is_rejected() {
        let none = Sums::new();
        for missing in ["const FILES = {};", "const LATER = {};", "const VERSION = \"\";"] {
            let error = filled(&SCRIPT.replace(missing, ""), &none, &none, "1").expect_err("a gap").to_string();
            assert!(error.contains(missing), "{error}");
        }
        assert!(with_version("<script></script>", "1").expect_err("no mark").to_string().contains("data-wasm"));
    }
}
