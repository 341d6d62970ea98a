//! Runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Part;
use crate::compress::files_below;
use crate::error::Error;
use crate::page;
use crate::process::{self, announce};
use crate::project::Project;
use crate::releases;
use crate::setup::{self, Browser};
use crate::weights;

const READ_ABOVE: &str = "Read the failing test's output above.";
/// Time limit for the browser tests of one file, in milliseconds: many times the usual, so that only a hanging test fails.
const MAX_MS: u32 = 20 * 60_000;

/// Runs a part of the tests. Downloads missing tools and the real weights first.
pub fn run(project: &Project, part: Part) -> Result<(), Error> {
    weights::fetch(project)?;
    if part != Part::Browser {
        native(project)?;
    }
    if part != Part::Native {
        in_browser(project)?;
    }
    announce("all tests passed");
    Ok(())
}

fn native(project: &Project) -> Result<(), Error> {
    let step = "native tests";
    announce(step);
    let mut cargo = process::command("cargo");
    cargo.arg("test").current_dir(&project.root);
    if let Some(shared) = project.shared() {
        cargo.env("STRIDESCOPE_SHARED", shared);
    }
    process::run(step, &mut cargo, READ_ABOVE)
}

fn in_browser(project: &Project) -> Result<(), Error> {
    let step = "browser tests";
    let (browser, cli) = prepare(project)?;
    setup::engines()?;
    setup::examples()?;
    let files = test_files(&project.tests())?;
    let mut node = browser.node.node();
    // One file at a time: the tests measure, and share the CPU with a software GPU.
    node.args(["--test", "--test-concurrency=1", &format!("--test-timeout={MAX_MS}")]).args(files).current_dir(project.tests());
    describe_site(&mut node, project, &browser, &cli);
    node.env("STRIDESCOPE_RELEASES", releases::make(project)?).env("STRIDESCOPE_PICTURES", pictures(project)?);
    let package = weights::archive(project);
    if package.is_file() {
        node.env("STRIDESCOPE_PACKAGE", package);
    }
    announce(step);
    process::run(step, &mut node, READ_ABOVE)
}

/// Prepares the browser tests: tools, the page (within its budgets) and the command line, whose path is returned.
pub fn prepare(project: &Project) -> Result<(Browser, PathBuf), Error> {
    page::build_within_budget(project)?;
    let browser = setup::browser(project)?;

    let step = "build of the command line";
    announce(step);
    let mut cargo = process::command("cargo");
    // With the same packages as the native tests: different features would compile all of burn again.
    cargo.args(["test", "--no-run", "--test", "cli"]);
    process::run(step, cargo.current_dir(&project.root), "Read the compiler's output above.")?;
    let cli = project.target.join("debug/stridescope").with_extension(std::env::consts::EXE_EXTENSION);
    Ok((browser, cli))
}

/// Draws the random images for all browser engines, with the expected crops. Returns their folder.
fn pictures(project: &Project) -> Result<PathBuf, Error> {
    let step = "pictures for the browsers";
    announce(step);
    let folder = project.target.join("pictures");
    let mut cargo = process::command("cargo");
    cargo.args(["run", "--example", "pictures", "--"]);
    cargo.arg(&folder).args(["60", "128"]).current_dir(&project.root);
    process::run(step, &mut cargo, READ_ABOVE)?;
    Ok(folder)
}

/// Passes all paths to scripts that drive the browser.
pub fn describe_site(command: &mut Command, project: &Project, browser: &Browser, cli: &PathBuf) {
    command.env("STRIDESCOPE_DIST", project.dist()).env("STRIDESCOPE_CHROMIUM", &browser.chromium).env("STRIDESCOPE_CLI", cli);
    if let Some(shared) = project.shared() {
        command.env("STRIDESCOPE_SHARED", shared);
    }
}

/// The bench's tests and the browser's, by path, so that each folder's come one after another.
fn test_files(tests: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = files_below(&tests.join("bench"))?;
    files.extend(files_below(&tests.join("browser"))?);
    files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_browser_tests_is_run() -> Result<(), Error> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
        let files = test_files(&tests)?;
        for folder in ["bench", "browser/embedding", "browser/engine", "browser/page", "browser/privacy", "browser/robustness"] {
            assert!(files.iter().any(|file| file.parent() == Some(tests.join(folder).as_path())), "{folder} has no tests");
        }
        assert!(files.is_sorted());
        Ok(())
    }
}
