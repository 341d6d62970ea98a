//! Node and the npm packages of the browser tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::apt;
use crate::error::Error;
use crate::process::{self, timed};
use crate::project::version_in_output;

/// The first release whose test runner has `--test-concurrency`.
const OLDEST: [u32; 2] = [20, 10];

/// Node and npm, which are on the search path.
#[derive(Clone, Copy, Debug)]
pub struct Node;

/// Finds node and npm, or installs them.
pub fn require() -> Result<Node, Error> {
    let step = "node";
    let remedy = "Install Node.js 20.10 or newer, with npm, then run this again.";
    let found = || {
        let version = process::probe(process::command("node").arg("--version"))?;
        process::find("npm").map(|_| version)
    };
    if found().is_none() && apt::available() {
        apt::install(step, &["nodejs", "npm"])?;
    }
    match found() {
        Some(version) if is_recent(&version) => Ok(Node),
        Some(version) => Err(Error::new(step, format!("{version} is too old"), remedy)),
        None => Err(Error::new(step, "node and npm are not on the search path", remedy)),
    }
}

impl Node {
    /// A node command.
    pub fn node(&self) -> Command {
        process::command("node")
    }

    /// An npm command.
    pub fn npm(&self) -> Command {
        process::command("npm")
    }

    /// Installs the packages of `folder`/package-lock.json, unless they are up to date.
    pub fn require_packages(&self, folder: &Path) -> Result<(), Error> {
        if are_current(folder) {
            return Ok(());
        }
        timed("npm packages of the browser tests: installing them", "half a minute, once", || {
            let mut npm = self.npm();
            npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
            process::run("npm packages", &mut npm, "Check the network, and HTTPS_PROXY behind a proxy, then run this again.")
        })
    }
}

/// npm writes `node_modules/.package-lock.json` last, so its date is that of a complete installation.
fn are_current(folder: &Path) -> bool {
    let date = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified()).ok();
    match (date("node_modules/.package-lock.json"), date("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}

fn is_recent(version: &str) -> bool {
    let Some(version) = version_in_output(version) else {
        return false;
    };
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    numbers.as_slice() >= OLDEST.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_rejected() {
        let cases =
            [("v20.20.2", true), ("v20.10.0", true), ("v22.0.0", true), ("v20.9.1", false), ("v18.19.0", false), ("", false)];
        for (version, expected) in cases {
            assert_eq!(is_recent(version), expected, "{version}");
        }
    }

    #[test]
    fn packages_are_current_once_installed_after_the_lock_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(!are_current(folder.path()), "nothing is there");
        fs::write(folder.path().join("package-lock.json"), "{}")?;
        assert!(!are_current(folder.path()), "no packages");
        fs::create_dir(folder.path().join("node_modules"))?;
        fs::write(folder.path().join("node_modules/.package-lock.json"), "{}")?;
        assert!(are_current(folder.path()), "installed after the lock");
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(folder.path().join("package-lock.json"))?.set_modified(later)?;
        assert!(!are_current(folder.path()), "the lock is newer");
        Ok(())
    }
}
