//! The tools that render the examples of docs/: Hugo, Jekyll's Markdown renderer, and IPython.

use super::apt;
use crate::error::Error;
use crate::process;

const STEP: &str = "programs of the examples";
const REMEDY: &str = "Install Hugo, Ruby with kramdown-parser-gfm, and Python with IPython, then run this again.";
const PACKAGES: [&str; 3] = ["hugo", "ruby-kramdown-parser-gfm", "python3-ipython"];

/// Finds them, or installs them.
pub fn require() -> Result<(), Error> {
    let mut missing = missing();
    if !missing.is_empty() && apt::available() {
        apt::install(STEP, &missing)?;
        missing = self::missing();
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::new(STEP, format!("{} cannot be found", missing.join(", ")), REMEDY)) }
}

/// The Debian packages of the missing tools.
fn missing() -> Vec<&'static str> {
    let works = |line: &[&str]| {
        line.split_first().is_some_and(|(program, rest)| process::probe(process::command(program).args(rest)).is_some())
    };
    let has_ipython = |python: &&str| works(&[python, "-c", "import IPython; print(IPython.__version__)"]);
    let found = [
        works(&["hugo", "version"]),
        works(&["ruby", "-rkramdown", "-rkramdown-parser-gfm", "-e", "puts Kramdown::VERSION"]),
        // Debian's package is for Debian's Python, which may not be the first on the search path.
        ["python3", "/usr/bin/python3"].iter().any(has_ipython),
    ];
    PACKAGES.into_iter().zip(found).filter(|(_, found)| !found).map(|(package, _)| package).collect()
}
