//! Checks the dependencies: licences, sources, and known vulnerabilities.

use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

const STEP: &str = "audit of the crates";
const NPM_STEP: &str = "audit of the npm packages";
const REMEDY: &str = "Read the output above; deny.toml says what is allowed.";
/// The workspaces of the clone, by folder.
const WORKSPACES: [&str; 2] = [".", "fuzz"];

/// All checks, with the current advisory databases.
pub fn run(project: &Project) -> Result<(), Error> {
    deny(project, &["advisories", "bans", "licenses", "sources"])?;
    announce(NPM_STEP);
    let mut npm = setup::node()?.npm();
    npm.arg("audit").current_dir(project.tests());
    process::run(NPM_STEP, &mut npm, "Raise the versions in tests/package.json.")?;
    announce("nothing is known against what this depends on");
    Ok(())
}

/// The checks that need no database.
pub fn at_rest(project: &Project) -> Result<(), Error> {
    deny(project, &["bans", "licenses", "sources"])
}

fn deny(project: &Project, checks: &[&str]) -> Result<(), Error> {
    let program = setup::auditor(project)?;
    for workspace in WORKSPACES {
        announce(&format!("{STEP}: {} in {workspace}", checks.join(", ")));
        let mut deny = process::command(&program);
        deny.arg("--manifest-path").arg(project.root.join(workspace).join("Cargo.toml"));
        deny.arg("--config").arg(project.root.join("deny.toml")).args(["--locked", "--log-level", "error"]);
        deny.args(["check", "--hide-inclusion-graph"]).args(checks);
        process::run(STEP, deny.current_dir(&project.root), REMEDY)?;
    }
    Ok(())
}
