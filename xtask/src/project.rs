//! Where things are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::process;

/// The folders that the tasks work in.
#[derive(Clone, Debug)]
pub struct Project {
    /// The clone.
    pub root: PathBuf,
    /// Cargo's target directory, wherever the environment or a configuration put it.
    pub target: PathBuf,
    /// What outlives a clone: the tools built from source and the downloaded weights.
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

    /// The files of the page under plain names, as compilers and assets/ give them.
    pub fn built(&self) -> PathBuf {
        self.scratch().join("built")
    }

    /// The page as it is served, each file under the name of its version.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// What the page has besides its code.
    pub fn assets(&self) -> PathBuf {
        self.root.join("assets")
    }

    /// The script that keeps the page on a device, before the build lists the files in it.
    pub fn service_worker(&self) -> PathBuf {
        self.assets().join("sw.js")
    }

    /// How large the page was when that was last recorded.
    pub fn sizes(&self) -> PathBuf {
        self.root.join("bench/sizes.json")
    }

    /// Where compressed files are kept by content.
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

    /// What these tasks keep between two runs and can always make again.
    pub fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The folder of data beside the clone, if this machine has one.
    pub fn shared(&self) -> Option<PathBuf> {
        let shared = self.root.parent()?.join("shared");
        shared.is_dir().then_some(shared)
    }

    /// The version of `package` that Cargo.lock pins.
    pub fn locked_version(&self, package: &str) -> Result<String, Error> {
        let step = "reading Cargo.lock";
        let path = self.root.join("Cargo.lock");
        let lock = fs::read_to_string(&path).map_err(|error| Error::file(step, &path, error))?;
        version_in_lock(&lock, package)
            .map(String::from)
            .ok_or_else(|| Error::new(step, format!("it has no {package}"), "Restore Cargo.lock from the repository."))
    }
}

/// The version of the first package of that name in the text of a Cargo.lock.
fn version_in_lock<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// The first run of digits and dots in what a program prints for `--version`: `trunk 0.21.14`, `v20.20.2`.
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
    fn a_lock_file_gives_the_version_of_exactly_that_package() {
        let lock = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"0.2.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"s\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version_in_lock(lock, "wasm-bindgen-shared"), Some("0.2.1"));
        assert_eq!(version_in_lock(lock, "wasm"), None);
        assert_eq!(version_in_lock("name = \"wasm-bindgen\"", "wasm-bindgen"), None);
        assert_eq!(version_in_lock("", "wasm-bindgen"), None);
    }

    #[test]
    fn a_version_is_found_in_what_a_program_prints() {
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
