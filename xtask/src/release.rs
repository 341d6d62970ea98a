//! Makes the page's folder from the build. Files that are loaded together go into a folder with the hash of their content in its name, so a
//! page never gets a file of another version. `index.html` names these folders, and is the only list of a version's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::compress;
use crate::error::Error;
use crate::headers;
use crate::html;
use crate::precache;

const STEP: &str = "naming the files of this version";
const REMEDY: &str = "Restore index.html from the repository.";
const PAGE: &str = "index.html";
/// The inline script of the page, and the tag that it replaces.
const BOOT: &str = "assets/boot.js";
const BOOT_TAG: &str = "<script src=\"./assets/boot.js\"></script>";
/// Attributes that contain the address of a file.
const ADDRESSES: [&str; 4] = ["src", "href", "data-js", "data-wasm"];
/// The page's script tag, from which start.js and src/site.rs read the folders.
const PAGE_MARK: &str = "data-wasm";
/// The script that starts the engine; it gets the address of the weights.
const LOADER: &str = "worker_loader.js";
/// Folders that the page's code needs to know.
const NAMED: [&str; 3] = ["app", "texts", "samples"];
const WEIGHTS: &str = "weights";

/// Files that are loaded together, by their path in their folder.
type Group = BTreeMap<String, Vec<u8>>;

/// Makes `out` from the plain names in `built`. `service_worker` is sw.js without its file lists.
///
/// # Errors
/// If a file cannot be read or written, or `index.html` lacks a tag.
pub fn publish(built: &Path, service_worker: &Path, out: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(out) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(STEP, out, error)),
        _ => {}
    }
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    let mut moved = BTreeMap::new();
    let mut weights = BTreeMap::new();
    for path in compress::files_below(built)? {
        let old = path.strip_prefix(built).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if old == PAGE || compress::is_compressed(&path) {
            continue;
        }
        let bytes = read(&path)?;
        if is_public(&old) {
            write(&out.join(&old), &bytes)?;
        }
        match place(&old) {
            // One folder per file: a release that changes one leaves the others in every cache.
            Some((WEIGHTS, name)) => {
                let file = format!("{}/{name}", put(out, WEIGHTS, &Group::from([(name.clone(), bytes)]))?);
                weights.insert(name, file);
            }
            Some((group, name)) => {
                groups.entry(group).or_default().insert(name.clone(), bytes);
                moved.insert(old, (group, name));
            }
            None => {}
        }
    }
    if let Some(loader) = groups.get_mut("engine").and_then(|engine| engine.get_mut(LOADER)) {
        let list = serde_json::to_string(&weights).map_err(|error| Error::new(STEP, error, REMEDY))?;
        loader.splice(..0, format!("self.stridescopeWeights={list};\n").into_bytes());
    }
    let folders: BTreeMap<&str, String> =
        groups.iter().map(|(name, group)| Ok((*name, put(out, name, group)?))).collect::<Result<_, Error>>()?;

    let boot = text(&built.join(BOOT))?;
    let page = with_boot(&text(&built.join(PAGE))?, &boot)?;
    let address = |old: &str| {
        let (group, name) = moved.get(old)?;
        Some(format!("./{}/{name}", folders.get(group)?))
    };
    write(&out.join(PAGE), with_addresses(&page, &folders, address)?.as_bytes())?;
    precache::write(out, service_worker)
}

/// The group of a file and its path in the group, from its path in the built page.
fn place(path: &str) -> Option<(&'static str, String)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    let below = |start: &str| path.strip_prefix(start).unwrap_or(path).to_string();
    match (folder, kind) {
        ("", "js" | "wasm") if name.starts_with("worker") => Some(("engine", name.into())),
        ("", "js" | "wasm") if name.starts_with("app") => Some(("app", name.into())),
        ("", "css") => Some(("app", name.into())),
        _ if matches!(path, "stride-scope.js" | "assets/boot.js" | "assets/start.js") => Some(("app", name.into())),
        _ if matches!(path, "assets/icon.svg" | "assets/icons/apple-touch-180.png") => Some(("app", name.into())),
        ("assets/lang" | "assets/learn", _) => Some(("texts", below("assets/"))),
        ("assets/labels", "tsv") if name.ends_with(".ko.tsv") => Some(("texts", below("assets/"))),
        ("assets/samples" | "assets/samples/previews" | "assets/samples/thumbs", "png" | "jpg" | "webp") => {
            Some(("samples", below("assets/samples/")))
        }
        ("assets/weights", "safetensors") => Some((WEIGHTS, name.into())),
        _ => None,
    }
}

/// Whether a file also has an address without a version, because others use it: the element, the images and small weights of links and
/// scripts, and what browsers and other sites request by themselves.
fn is_public(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match place(path) {
        None => true,
        Some(("app", name)) => matches!(name.as_str(), "stride-scope.js" | "icon.svg" | "apple-touch-180.png"),
        Some(("samples", _)) => folder == "assets/samples",
        Some((WEIGHTS, name)) => name.starts_with("tiny-"),
        Some(_) => false,
    }
}

/// Writes a group of files, and returns the name of its folder.
fn put(out: &Path, name: &str, group: &Group) -> Result<String, Error> {
    let mut sums = String::new();
    for (file, bytes) in group {
        sums += &format!("{file} {}\n", compress::sha256(bytes));
    }
    let hash: String = compress::sha256(sums.as_bytes()).chars().take(16).collect();
    let folder = format!("{name}-{hash}");
    for (file, bytes) in group {
        write(&out.join(&folder).join(file), bytes)?;
    }
    Ok(folder)
}

/// Inlines the script that runs before the first paint, so that it always has the page's own version.
fn with_boot(page: &str, boot: &str) -> Result<String, Error> {
    if page.matches(BOOT_TAG).count() != 1 {
        return Err(Error::new(STEP, format!("{PAGE} has no line {BOOT_TAG}"), REMEDY));
    }
    if boot != headers::BOOT {
        let remedy = "Build xtask anew: it knows the script's checksum, by which the policy lets it run.";
        return Err(Error::new(STEP, format!("{BOOT} is not the one that xtask was built with"), remedy));
    }
    Ok(page.replacen(BOOT_TAG, &format!("<script>{boot}</script>"), 1))
}

/// Rewrites the addresses in the page's tags, and adds the folders to its script tag.
fn with_addresses(
    page: &str,
    folders: &BTreeMap<&str, String>,
    address: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let mut missing = Vec::new();
    let mut is_marked = false;
    let changed = html::change_tags(page, |mut tag| {
        for name in ADDRESSES {
            if let Some(new) = tag.get(name).and_then(|old| old.strip_prefix("./")).and_then(&address) {
                tag.set(name, &new);
            }
        }
        if tag.get(PAGE_MARK).is_some() {
            is_marked = true;
            for name in NAMED {
                match folders.get(name) {
                    Some(folder) => tag.set(&format!("data-{name}"), &format!("./{folder}/")),
                    None => missing.push(name),
                }
            }
            match address(LOADER) {
                Some(loader) => tag.set("data-engine", &loader),
                None => missing.push(LOADER),
            }
        }
        Some(tag.to_string())
    });
    if !is_marked {
        return Err(Error::new(STEP, format!("no tag of {PAGE} has {PAGE_MARK}"), REMEDY));
    }
    match missing.first() {
        None => Ok(changed),
        Some(name) => Err(Error::new(STEP, format!("the build holds no file for {name}"), REMEDY)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::file(STEP, path, error))
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file(STEP, path, error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)).map_err(|error| Error::file(STEP, path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = r#"<head><link rel="icon" href="./assets/icon.svg"><link rel="manifest" href="./manifest.webmanifest">
<script src="./assets/boot.js"></script><link rel="stylesheet" href="./styles.css"/>
<script type="module" src="./assets/start.js" data-js="./app.js" data-wasm="./app_bg.wasm"></script></head>"#;

    fn built(folder: &Path, changed: &[(&str, &str)]) -> Result<(), Error> {
        let files = [
            (PAGE, HTML),
            (BOOT, headers::BOOT),
            ("app.js", "import './app-split.js'"),
            ("app_bg.wasm", "page"),
            ("app-split_drawn.wasm", "figures"),
            ("styles.css", "p{}"),
            ("styles.css.br", "of an older build"),
            ("sw.js", "of the site"),
            ("stride-scope.js", "element"),
            ("manifest.webmanifest", "{}"),
            ("worker.js", "engine"),
            (LOADER, "import init from './worker.js';"),
            ("assets/start.js", "start"),
            ("assets/icon.svg", "icon"),
            ("assets/icons/icon-192.png", "large icon"),
            ("assets/lang/ko.json", "{}"),
            ("assets/labels/imagenet-1k.ko.tsv", "labels"),
            ("assets/learn/en.html", "article"),
            ("assets/samples/cat.png", "cat"),
            ("assets/samples/thumbs/cat.jpg", "small cat"),
            ("assets/weights/tiny-a.safetensors", "a"),
            ("assets/weights/large.safetensors", "large"),
            ("assets/weights/README.md", "readme"),
        ];
        for (name, text) in files.iter().chain(changed) {
            write(&folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Every file of a site, with hashes in folder names replaced by `#`, and the hashes.
    fn published(folder: &Path) -> Result<(Vec<String>, BTreeMap<String, String>), Error> {
        let mut hashes = BTreeMap::new();
        let mut names = Vec::new();
        for path in compress::files_below(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let (first, rest) = name.split_once('/').unwrap_or(("", &name));
            names.push(match headers::group(first) {
                Some(group) => {
                    let key = if group == WEIGHTS { rest } else { group };
                    hashes.insert(key.to_string(), first.to_string());
                    format!("{group}-#/{rest}")
                }
                None => name,
            });
        }
        names.sort();
        Ok((names, hashes))
    }

    #[test]
    fn page_files_are_versioned_and_public_files_keep_their_addresses() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (from, out) = (folder.path().join("built"), folder.path().join("dist"));
        let sw = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/sw.js");
        built(&from, &[])?;
        write(&out.join("of-an-older-build.js"), b"")?;
        publish(&from, &sw, &out)?;
        let (names, folders) = published(&out)?;
        let expected = [
            "app-#/app-split_drawn.wasm",
            "app-#/app.js",
            "app-#/app_bg.wasm",
            "app-#/boot.js",
            "app-#/icon.svg",
            "app-#/start.js",
            "app-#/stride-scope.js",
            "app-#/styles.css",
            "assets/icon.svg",
            "assets/icons/icon-192.png",
            "assets/samples/cat.png",
            "assets/weights/README.md",
            "assets/weights/tiny-a.safetensors",
            "engine-#/worker.js",
            "engine-#/worker_loader.js",
            "index.html",
            "manifest.webmanifest",
            "samples-#/cat.png",
            "samples-#/thumbs/cat.jpg",
            "stride-scope.js",
            "sw.js",
            "texts-#/labels/imagenet-1k.ko.tsv",
            "texts-#/lang/ko.json",
            "texts-#/learn/en.html",
            "weights-#/large.safetensors",
            "weights-#/tiny-a.safetensors",
        ];
        assert_eq!(names, expected);

        let page = fs::read_to_string(out.join(PAGE))?;
        let of = |name: &str| folders.get(name).cloned().unwrap_or_default();
        for part in [
            format!(r#"href="./{}/icon.svg""#, of("app")),
            r#"href="./manifest.webmanifest""#.into(),
            format!("<script>{}</script>", headers::BOOT),
            format!(r#"href="./{}/styles.css""#, of("app")),
            format!(r#"src="./{0}/start.js" data-js="./{0}/app.js" data-wasm="./{0}/app_bg.wasm" data-app="./{0}/""#, of("app")),
            format!(
                r#"data-texts="./{}/" data-samples="./{}/" data-engine="./{}/worker_loader.js""#,
                of("texts"),
                of("samples"),
                of("engine")
            ),
        ] {
            assert!(page.contains(&part), "{part} is not in\n{page}");
        }
        let loader = fs::read_to_string(out.join(of("engine")).join(LOADER))?;
        let (large, small) = (of("large.safetensors"), of("tiny-a.safetensors"));
        let list =
            format!(r#"{{"large.safetensors":"{large}/large.safetensors","tiny-a.safetensors":"{small}/tiny-a.safetensors"}}"#);
        assert_eq!(loader, format!("self.stridescopeWeights={list};\nimport init from './worker.js';"));
        Ok(())
    }

    #[test]
    fn a_folders_name_changes_only_with_its_content() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (from, out) = (folder.path().join("built"), folder.path().join("dist"));
        let sw = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/sw.js");
        let names = |changed: &[(&str, &str)]| -> Result<BTreeMap<String, String>, Error> {
            built(&from, changed)?;
            publish(&from, &sw, &out)?;
            Ok(published(&out)?.1)
        };
        let first = names(&[])?;
        assert_eq!(names(&[])?, first, "the same again");
        let cases: [(&str, &[&str]); 7] = [
            ("app-split_drawn.wasm", &["app"]),
            ("assets/start.js", &["app"]),
            ("worker.js", &["engine"]),
            ("assets/learn/en.html", &["texts"]),
            ("assets/samples/thumbs/cat.jpg", &["samples"]),
            // The engine's loader contains their names.
            ("assets/weights/tiny-a.safetensors", &["engine", "tiny-a.safetensors"]),
            ("assets/icons/icon-192.png", &[]),
        ];
        for (file, expected) in cases {
            let other = names(&[(file, "changed")])?;
            let changed: Vec<&str> =
                first.iter().filter(|(key, name)| other.get(*key) != Some(*name)).map(|(key, _)| key.as_str()).collect();
            assert_eq!(changed, expected, "{file}");
        }
        Ok(())
    }

    #[test]
    fn incomplete_pages_and_unknown_inline_scripts_are_rejected() {
        let none = |_: &str| None;
        let error = |result: Result<String, Error>| result.expect_err("refused").to_string();
        assert!(error(with_boot("<script></script>", headers::BOOT)).contains("has no line"));
        assert!(error(with_boot(BOOT_TAG, "changed")).contains("not the one that xtask was built with"));
        assert!(error(with_addresses("<script></script>", &BTreeMap::new(), none)).contains("data-wasm"));
        assert!(error(with_addresses(HTML, &BTreeMap::new(), none)).contains("no file for app"));
        assert!(!headers::BOOT.contains("</") && !headers::BOOT.contains("<!--"), "it stands in a page");
    }
}
