//! Debian packages, on systems with apt-get.

use crate::error::Error;
use crate::process;

/// Whether this system has apt-get.
pub fn available() -> bool {
    process::find("apt-get").is_some()
}

/// Installs packages.
pub fn install(step: &str, packages: &[&str]) -> Result<(), Error> {
    let named = format!("{step}: installing the system packages {} as root, with apt-get", packages.join(", "));
    process::timed(&named, "a minute or two, once", || {
        // An update that fails in part is no reason to stop: apt-get reports it, and the packages may be known already.
        let stale = as_root(step, &["apt-get", "update", "--quiet"]);
        let mut line = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet"];
        line.push("--no-install-recommends");
        line.extend(packages);
        as_root(step, &line).map_err(|error| stale.err().unwrap_or(error))
    })
}

/// Runs a command as root: directly if already root, otherwise with sudo.
pub fn as_root(step: &str, line: &[&str]) -> Result<(), Error> {
    let remedy = format!("Run `{}` as root, then this again.", line.join(" "));
    let mut whoami = process::command("id");
    let is_root = process::read(step, whoami.arg("-u"), &remedy)? == "0";
    let mut words = line.iter();
    let mut command = match (is_root, words.next()) {
        (true, Some(program)) => process::command(program),
        (true, None) => return Ok(()),
        (false, _) if process::find("sudo").is_some() => {
            words = line.iter();
            process::command("sudo")
        }
        (false, _) => {
            return Err(Error::new(step, "it takes root, and there is no sudo", remedy));
        }
    };
    process::run(step, command.args(words), &remedy)
}
