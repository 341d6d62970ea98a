//! The error type of this program.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// A failure: its cause and the remedy, on one line.
#[derive(Debug, thiserror::Error)]
#[error("{cause}. {remedy}")]
pub struct Error {
    /// The cause, without a full stop.
    cause: String,
    /// The remedy: one or two full sentences.
    remedy: String,
}

impl Error {
    /// An error with its remedy.
    pub fn new(cause: impl Display, remedy: impl Into<String>) -> Self {
        Self { cause: cause.to_string().trim_end_matches('.').into(), remedy: remedy.into() }
    }

    /// An error from reading or writing a file.
    pub fn file(path: &Path, error: io::Error) -> Self {
        let remedy = "Check that the file is there, that you may write to it and that the disk is not full.";
        Self::new(format!("{}: {error}", path.display()), remedy)
    }
}
