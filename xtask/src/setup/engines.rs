//! Other browsers for the browser tests: Firefox and WebKitGTK, with their drivers and a virtual screen.

use super::apt;
use crate::error::Error;
use crate::process;

const STEP: &str = "other browsers";
const REMEDY: &str = "Install Firefox ESR, WebKitGTK's WebDriver with MiniBrowser, and Xvfb, then run this again.";
/// A program and its Debian package.
const PROGRAMS: [(&str, &str); 3] = [("firefox-esr", "firefox-esr"), ("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")];

/// Installs the missing ones.
pub fn require() -> Result<(), Error> {
    let missing = || PROGRAMS.iter().filter(|(program, _)| process::find(program).is_none());
    let packages: Vec<&str> = missing().map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !apt::available() {
        return Err(Error::new(STEP, format!("{} is missing, and there is no apt-get", packages.join(", ")), REMEDY));
    }
    apt::install(STEP, &packages)
}
