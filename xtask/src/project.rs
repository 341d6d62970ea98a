//! The folders of the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::process;
use crate::setup::WASM_TARGET;

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

    /// A program that was compiled for the browser.
    pub fn wasm(&self, program: &str) -> PathBuf {
        self.target.join(WASM_TARGET).join("web").join(program).with_extension("wasm")
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

    /// Fails where the page could not be written, before anything is compiled for it.
    pub fn check_writable(&self) -> Result<(), Error> {
        [self.dist(), self.built()].iter().try_for_each(|folder| check_writable(folder))
    }
}

fn check_writable(folder: &Path) -> Result<(), Error> {
    let probe = folder.join(".writable");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, "")).and_then(|()| fs::remove_file(&probe));
    written.map_err(|error| {
        let remedy = "Free some space there, or clone into a folder that you may write to.";
        Error::new("page build", format!("nothing can be written to {}: {error}", folder.display()), remedy)
    })
}

/// The first version number in a program's output for `--version`: `cargo-deny 0.20.2`, `v20.20.2`.
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
    fn a_folder_that_cannot_be_written_is_one_clear_sentence() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let named = folder.path().join("한글 and spaces/dist");
        check_writable(&named).expect("it can be made");
        assert_eq!(fs::read_dir(&named)?.count(), 0, "nothing is left in it");
        let file = folder.path().join("file");
        fs::write(&file, "")?;
        let error = check_writable(&file.join("dist")).expect_err("a file is in the way").to_string();
        assert!(error.starts_with("page build failed: nothing can be written to") && error.contains("clone into"), "{error}");
        Ok(())
    }

    #[test]
    fn versions_are_found_in_program_output() {
        let cases = [
            ("cargo-deny 0.20.2\n", Some("0.20.2")),
            ("v20.20.2", Some("20.20.2")),
            ("0.2.130 (abcdef)", Some("0.2.130")),
            ("none", None),
        ];
        for (text, expected) in cases {
            assert_eq!(version_in_output(text), expected, "{text}");
        }
    }
}
