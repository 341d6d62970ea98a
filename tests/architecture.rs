//! The arrows of ARCHITECTURE.md: which crate knows which, and which folder of the page imports which.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may know of the others. A crate that is missing here fails the test.
const CRATES: [(&str, &[&str]); 12] = [
    ("i18n", &[]),
    ("kernels", &[]),
    ("arch", &["i18n"]),
    ("image", &["i18n"]),
    ("weights", &["arch", "i18n", "image"]),
    ("engine", &["arch", "i18n", "kernels", "weights"]),
    ("protocol", &["arch", "i18n", "weights"]),
    ("link", &["arch", "i18n", "protocol", "weights"]),
    ("view", &["arch", "i18n", "link", "protocol", "weights"]),
    ("worker", &["arch", "engine", "i18n", "image", "kernels", "protocol", "weights"]),
    ("cli", &["arch", "engine", "i18n", "image", "weights"]),
    ("page", &["arch", "i18n", "image", "link", "protocol", "view", "weights"]),
];

/// The page's modules, the highest first: each imports those after it, and itself.
const PAGE: [&str; 9] = ["shell", "figures", "parts", "session", "engine_client", "language", "deferred", "dom", "site"];

fn project() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).to_path_buf()
}

/// The crates of this project that a manifest lists under `[dependencies]`.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.strip_prefix("stridescope-")?.split(['.', ' ', '=']).next()?.to_string())).collect()
}

#[test]
fn each_crate_knows_what_it_may() {
    let folders = fs::read_dir(project().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut manifests: BTreeMap<String, PathBuf> =
        folders.map(|folder| (folder.file_name().unwrap().to_string_lossy().into_owned(), folder)).collect();
    manifests.insert("page".into(), project().join("src"));
    assert_eq!(manifests.keys().map(String::as_str).collect::<BTreeSet<_>>(), CRATES.map(|(name, _)| name).into());
    for (name, may_know) in CRATES {
        let known = dependencies(&fs::read_to_string(manifests[name].join("Cargo.toml")).unwrap());
        assert_eq!(known, may_know.iter().map(|name| name.to_string()).collect(), "{name}");
        // Down only: what it knows stands before it in the table.
        let before: Vec<&str> = CRATES.iter().map(|(name, _)| *name).take_while(|other| *other != name).collect();
        assert!(known.iter().all(|known| before.contains(&known.as_str())), "{name}");
    }
}

#[test]
fn the_pages_arrows_go_down() {
    let mut open = vec![project().join("src")];
    let mut count = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let within = path.strip_prefix(project().join("src")).unwrap().with_extension("");
        let module = within.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if path.extension().is_none_or(|kind| kind != "rs") || ["main", "build"].contains(&module.as_str()) {
            continue;
        }
        let place = |name: &str| PAGE.iter().position(|module| *module == name);
        let from = place(&module).unwrap_or_else(|| panic!("{module} has no place among the page's modules"));
        for import in fs::read_to_string(&path).unwrap().split("crate::").skip(1) {
            let name: String = import.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '_').collect();
            let to = place(&name).unwrap_or_else(|| panic!("{}: crate::{name}", path.display()));
            assert!(to >= from, "{}: {module} imports {name}, which is above it", path.display());
            count += 1;
        }
    }
    assert!(count > 100, "{count} imports");
}
