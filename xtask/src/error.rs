//! The error type of these tasks.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// A failed step: its name, the cause and the remedy, on one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{step} failed: {cause}. {remedy}")]
pub struct Error {
    /// The step as a noun: "page build".
    pub step: String,
    /// The cause, without a full stop.
    pub cause: String,
    /// The remedy: one or two full sentences.
    pub remedy: String,
}

impl Error {
    /// An error of `step`. Line breaks in `cause` become spaces, and its full stop is removed.
    pub fn new(step: &str, cause: impl Display, remedy: impl Into<String>) -> Self {
        let words: Vec<String> = cause.to_string().split_whitespace().map(String::from).collect();
        Self { step: step.into(), cause: words.join(" ").trim_end_matches('.').into(), remedy: remedy.into() }
    }

    /// An error from reading or writing a file during `step`.
    pub fn file(step: &str, path: &Path, error: io::Error) -> Self {
        Self::new(
            step,
            format!("{}: {error}", path.display()),
            "Check that the file is there, that you may write to it and that the disk is not full.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_that_names_step_cause_and_remedy() {
        let error = Error::new("page build", "cargo ended\n  with 1.", "Read its output above.");
        assert_eq!(error.to_string(), "page build failed: cargo ended with 1. Read its output above.");
    }
}
