//! The folders of the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::process;

/// The folders used by the tasks.
#[derive(Clone, Debug)]
pub struct Project {
    /// The clone.
    pub root: PathBuf,
    /// Cargo's target directory, wherever it is configured.
    pub target: PathBuf,
    /// The cache across clones: tools built from source and downloaded weights.
    pub cache: PathBuf,
}

impl Project {
    /// Finds the folders.
    pub fn open() -> Result<Self, Error> {
        let step = "finding the project";
        let remedy = "Run this as `cargo xtask` inside a clone of Stridescope.";
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest.parent().map(Path::to_path_buf).unwrap_or_default();

        let mut metadata = process::command("cargo");
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(&root);
        let metadata: Value = serde_json::from_str(&process::read(step, &mut metadata, remedy)?)
            .map_err(|error| Error::new(step, error, remedy))?;
        let target = metadata["target_directory"]
            .as_str()
            .map(PathBuf::from)
            .ok_or_else(|| Error::new(step, "cargo names no target directory", remedy))?;

        let cache = env::var_os("XDG_CACHE_HOME")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cache")))
            .ok_or_else(|| Error::new(step, "there is no home folder to keep tools in", "Set XDG_CACHE_HOME."))?
            .join("stridescope");
        Ok(Self { root, target, cache })
    }

    /// The built files under plain names, from the compilers and assets/.
    pub fn built(&self) -> PathBuf {
        self.scratch().join("built")
    }

    /// The served page, with versioned file names.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The page's files other than code.
    pub fn assets(&self) -> PathBuf {
        self.root.join("assets")
    }

    /// The service worker's script, before the build adds the file lists.
    pub fn service_worker(&self) -> PathBuf {
        self.assets().join("sw.js")
    }

    /// The recorded sizes of the page.
    pub fn sizes(&self) -> PathBuf {
        self.root.join("bench/sizes.json")
    }

    /// The cache of compressed files.
    pub fn compressed(&self) -> PathBuf {
        self.scratch().join("brotli")
    }

    /// The browser tests and their npm packages.
    pub fn tests(&self) -> PathBuf {
        self.root.join("tests")
    }

    /// `cargo install`'s root for the tools built from source.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Temporary files that can be recreated at any time.
    pub fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The data folder beside the clone, if there is one.
    pub fn shared(&self) -> Option<PathBuf> {
        let shared = self.root.parent()?.join("shared");
        shared.is_dir().then_some(shared)
    }

    /// The version of `package` in Cargo.lock.
    pub fn locked_version(&self, package: &str) -> Result<String, Error> {
        let step = "reading Cargo.lock";
        let path = self.root.join("Cargo.lock");
        let lock = fs::read_to_string(&path).map_err(|error| Error::file(step, &path, error))?;
        version_in_lock(&lock, package)
            .map(String::from)
            .ok_or_else(|| Error::new(step, format!("it has no {package}"), "Restore Cargo.lock from the repository."))
    }
}

/// The version of the first package with that name in the text of a Cargo.lock.
fn version_in_lock<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// The first version number in a program's output for `--version`: `trunk 0.21.14`, `v20.20.2`.
pub fn version_in_output(text: &str) -> Option<&str> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = text.get(start..)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_file_versions_match_the_exact_package() {
        let lock = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"0.2.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"s\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version_in_lock(lock, "wasm-bindgen-shared"), Some("0.2.1"));
        assert_eq!(version_in_lock(lock, "wasm"), None);
        assert_eq!(version_in_lock("name = \"wasm-bindgen\"", "wasm-bindgen"), None);
        assert_eq!(version_in_lock("", "wasm-bindgen"), None);
    }

    #[test]
    fn versions_are_found_in_program_output() {
        let cases = [
            ("wasm-bindgen 0.2.130", Some("0.2.130")),
            ("trunk 0.21.14\n", Some("0.21.14")),
            ("v20.20.2", Some("20.20.2")),
            ("0.2.130 (abcdef)", Some("0.2.130")),
            ("none", None),
        ];
        for (text, expected) in cases {
            assert_eq!(version_in_output(text), expected, "{text}");
        }
    }
}
