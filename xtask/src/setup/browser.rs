//! A Chromium for the browser tests.

use std::env;
use std::path::PathBuf;

use super::{Node, apt};
use crate::error::Error;
use crate::process::{self, timed};
use crate::project::Project;

const STEP: &str = "browser";
const REMEDY: &str = "Install Chromium or Chrome, or set STRIDESCOPE_CHROMIUM to its executable, then run this again.";
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// The programs of the browser tests.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Node, which drives Chromium.
    pub node: Node,
    /// Chromium's executable.
    pub chromium: PathBuf,
}

impl Browser {
    /// Finds Chromium, or installs it. The npm packages must be installed already.
    pub fn require(project: &Project, node: &Node) -> Result<Self, Error> {
        let chromium = match env::var_os("STRIDESCOPE_CHROMIUM").map(PathBuf::from) {
            Some(path) if path.is_file() => path,
            Some(path) => {
                let cause = format!("STRIDESCOPE_CHROMIUM is {}, which is no file", path.display());
                return Err(Error::new(STEP, cause, REMEDY));
            }
            None => match installed(project, node) {
                Some(path) => path,
                None => install(project, node)?,
            },
        };
        Ok(Self { node: *node, chromium })
    }
}

fn installed(project: &Project, node: &Node) -> Option<PathBuf> {
    NAMES
        .iter()
        .find_map(|name| process::find(name))
        .or_else(|| Some(PathBuf::from(MAC)))
        .filter(|path| path.is_file())
        .or_else(|| playwrights_own(project, node))
}

/// Path of the browser that playwright downloads.
fn playwrights_own(project: &Project, node: &Node) -> Option<PathBuf> {
    let script = "process.stdout.write(require('playwright-core').chromium.executablePath())";
    let mut command = node.node();
    command.current_dir(project.tests()).args(["--input-type=commonjs", "--eval", script]);
    process::probe(&mut command).map(PathBuf::from).filter(|path| path.is_file())
}

fn install(project: &Project, node: &Node) -> Result<PathBuf, Error> {
    if apt::available() {
        let done = apt::install(STEP, &["chromium"]);
        if let Some(path) = installed(project, node) {
            return done.map(|()| path);
        }
    }
    timed("browser: downloading Chromium with playwright", "about a minute, once", || {
        let script = project.tests().join("node_modules/playwright-core/cli.js");
        let mut playwright = node.node();
        playwright.current_dir(project.tests()).arg(script).args(["install", "chromium"]);
        process::run(STEP, &mut playwright, REMEDY)
    })?;
    installed(project, node).ok_or_else(|| Error::new(STEP, "there is still no Chromium", REMEDY))
}
