//! Runs the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cli::Part;
use crate::compress::files_below;
use crate::error::Error;
use crate::page;
use crate::process::{self, announce, in_words};
use crate::project::Project;
use crate::releases;
use crate::setup::{self, Browser};
use crate::weights;

const READ_ABOVE: &str = "Read the failing test's output above.";
/// Time limit for the browser tests of one file, in milliseconds: many times the usual, so that only a hanging test fails.
const MAX_MS: u32 = 20 * 60_000;
/// How much is tested: `quick`, `whole` or `nightly`. Tests read it to leave out what takes too long for it.
const EXTENT: &str = "STRIDESCOPE_TESTS";
/// The file and the suite of the quick tests: by the suite's name, or with newer Nodes by the full names of its tests.
const QUICK_FILE: &str = "browser/page/engines.test.mjs";
const QUICK_SUITE: &str = "^the page in chromium( [0-9]|$)";
const REPORTER: &str = "./browser/support/reporter.mjs";

/// Runs a part of the tests, without one all that a change must pass, and prints how long each step took. Gets what they need first.
pub fn run(project: &Project, part: Option<Part>) -> Result<(), Error> {
    let mut run = Run { project, extent: extent(part), times: Vec::new() };
    let result = run.part(part);
    process::print(&run.summary());
    result?;
    announce("all tests passed");
    Ok(())
}

fn extent(part: Option<Part>) -> &'static str {
    match part {
        Some(Part::Quick) => "quick",
        Some(Part::Nightly) => "nightly",
        Some(Part::Native | Part::Browser) | None => "whole",
    }
}

/// One run, with the duration of each step so far.
struct Run<'a> {
    project: &'a Project,
    extent: &'static str,
    times: Vec<(&'static str, Duration)>,
}

impl Run<'_> {
    fn part(&mut self, part: Option<Part>) -> Result<(), Error> {
        let project = self.project;
        if part == Some(Part::Quick) {
            self.native(&[])?;
            self.step("page build", || page::build_within_budget(project))?;
            return self.quick_in_browser();
        }
        self.step("weights", || weights::fetch(project))?;
        if part != Some(Part::Browser) {
            // With the tests that need the real weights.
            self.native(&["--", "--include-ignored"])?;
        }
        if part != Some(Part::Native) {
            self.step("page build", || page::build_within_budget(project))?;
            self.in_browser()?;
        }
        Ok(())
    }

    fn step<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let started = Instant::now();
        let result = step();
        self.times.push((name, started.elapsed()));
        result
    }

    fn native(&mut self, options: &[&str]) -> Result<(), Error> {
        let (project, extent) = (self.project, self.extent);
        self.step("native tests", || {
            announce("native tests (about 2 minutes when they are compiled)");
            let mut cargo = process::command("cargo");
            cargo.arg("test").args(options).current_dir(&project.root).env(EXTENT, extent);
            if let Some(shared) = project.shared() {
                cargo.env("STRIDESCOPE_SHARED", shared);
            }
            process::run("native tests", &mut cargo, READ_ABOVE)
        })
    }

    fn quick_in_browser(&mut self) -> Result<(), Error> {
        let (project, extent) = (self.project, self.extent);
        let browser = setup::browser(project)?;
        let mut node = node(&browser, project, extent);
        node.arg(format!("--test-name-pattern={QUICK_SUITE}")).arg(QUICK_FILE);
        describe_site(&mut node, project, &browser);
        self.step("main scenario in Chromium", || {
            announce("main scenario in Chromium (about a minute)");
            process::run("main scenario in Chromium", &mut node, READ_ABOVE)
        })
    }

    fn in_browser(&mut self) -> Result<(), Error> {
        let (project, extent) = (self.project, self.extent);
        let (browser, cli, releases, pictures) = self.step("tools and files of the browser tests", || {
            let browser = setup::browser(project)?;
            setup::engines()?;
            setup::examples()?;
            Ok((browser, command_line(project)?, releases::make(project)?, pictures(project)?))
        })?;
        let mut node = node(&browser, project, extent);
        node.args(test_files(&project.root)?);
        describe_site(&mut node, project, &browser);
        node.env("STRIDESCOPE_CLI", cli).env("STRIDESCOPE_RELEASES", releases).env("STRIDESCOPE_PICTURES", pictures);
        let package = weights::archive(project);
        if package.is_file() {
            node.env("STRIDESCOPE_PACKAGE", package);
        }
        self.step("browser tests", || {
            announce("browser tests (about half an hour; each file prints its time as it ends)");
            process::run("browser tests", &mut node, READ_ABOVE)
        })
    }

    fn summary(&self) -> String {
        let width = self.times.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let total: Duration = self.times.iter().map(|(_, time)| *time).sum();
        let lines = self.times.iter().map(|(name, time)| format!("    {name:<width$}  {}\n", in_words(*time)));
        format!("==> times\n{}    {:<width$}  {}", lines.collect::<String>(), "together", in_words(total))
    }
}

/// Node's test runner, one file at a time: the tests measure, and share the CPU with a software GPU.
fn node(browser: &Browser, project: &Project, extent: &str) -> Command {
    let mut node = browser.node.node();
    node.args(["--test", "--test-concurrency=1", &format!("--test-timeout={MAX_MS}"), &format!("--test-reporter={REPORTER}")]);
    node.current_dir(project.tests()).env(EXTENT, extent);
    node
}

/// Builds the command line, and returns its path.
fn command_line(project: &Project) -> Result<PathBuf, Error> {
    let step = "build of the command line";
    announce(step);
    let mut cargo = process::command("cargo");
    // With the same packages as the native tests: different features would compile all of burn again.
    cargo.args(["test", "--no-run", "--test", "cli"]);
    process::run(step, cargo.current_dir(&project.root), "Read the compiler's output above.")?;
    Ok(project.target.join("debug/stridescope").with_extension(std::env::consts::EXE_EXTENSION))
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

/// Passes the paths that every script needs that drives the browser.
fn describe_site(command: &mut Command, project: &Project, browser: &Browser) {
    command.env("STRIDESCOPE_DIST", project.dist()).env("STRIDESCOPE_CHROMIUM", &browser.chromium);
    if let Some(shared) = project.shared() {
        command.env("STRIDESCOPE_SHARED", shared);
    }
}

/// The bench's tests and the browser's, by path, so that each folder's come one after another.
fn test_files(clone: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = files_below(&clone.join("bench"))?;
    files.extend(files_below(&clone.join("tests/browser"))?);
    files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn clone() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn every_folder_of_browser_tests_is_run() -> Result<(), Error> {
        let files = test_files(&clone())?;
        for folder in ["embedding", "engine", "page", "privacy", "robustness", "support"] {
            let folder = clone().join("tests/browser").join(folder);
            assert!(files.iter().any(|file| file.parent() == Some(folder.as_path())), "{} has no tests", folder.display());
        }
        assert!(files.iter().any(|file| file.parent() == Some(clone().join("bench").as_path())), "the bench has no tests");
        assert!(files.is_sorted());
        Ok(())
    }

    #[test]
    fn the_quick_suite_and_the_reporter_exist() -> std::io::Result<()> {
        let tests = clone().join("tests");
        let text = fs::read_to_string(tests.join(QUICK_FILE))?;
        assert!(text.contains("describe(`the page in ${name}`") && text.contains("[\"chromium\","), "{QUICK_SUITE}");
        assert!(tests.join(REPORTER).is_file());
        Ok(())
    }

    #[test]
    fn each_part_has_its_extent() {
        let cases = [
            (None, "whole"),
            (Some(Part::Native), "whole"),
            (Some(Part::Browser), "whole"),
            (Some(Part::Quick), "quick"),
            (Some(Part::Nightly), "nightly"),
        ];
        for (part, expected) in cases {
            assert_eq!(extent(part), expected, "{part:?}");
        }
    }
}
