//! What the command line writes: standard output, standard error, and files of the user's.

use crate::Failure;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes to standard output; a reader that has gone away (a closed pipe) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure(format!("cannot write: {error}"))),
        _ => Ok(()),
    }
}

/// Writes one line to standard error. The result does not depend on it, so nothing fails where it is closed or full.
pub fn note(text: &str) {
    let line = text.replace(['\n', '\r'], " ") + "\n";
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Where a file's bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Into a file.
    File,
    /// Into a pipe or a device, which may be standard output itself.
    Stream,
}

/// Writes a file so that it is there whole or not at all, and touches nothing else.
///
/// The bytes go into a new file in the same folder, under a name that nobody else has, which then takes the place of the old one and has
/// its permissions. A symbolic link stays one: what it leads to is replaced, as `cp` and a shell's `>` do; and like `cp`, a link that leads
/// nowhere is refused. A pipe or a device, and what stands under `/dev` and `/proc`, is written to as it is.
///
/// # Errors
/// A sentence with the path. What was there before is there still.
pub fn write(path: &Path, bytes: &[u8]) -> Result<Written, Failure> {
    let cannot = |why: &dyn Display| Failure(format!("{} cannot be written: {why}", path.display()));
    let (target, old) = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(cannot(&"it is a folder; name a file in it")),
        Ok(found) if !found.is_file() || ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)) => {
            let mut stream = OpenOptions::new().write(true).open(path).map_err(|error| cannot(&error))?;
            stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|error| cannot(&error))?;
            return Ok(Written::Stream);
        }
        Ok(_) => {
            let target = fs::canonicalize(path).map_err(|error| cannot(&error))?;
            // A file that must not be written to must not be replaced either.
            let old = OpenOptions::new().write(true).open(&target).map_err(|error| cannot(&error))?;
            (target, Some(old))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            return Err(cannot(&"it is a link to a file that is not there; remove the link, or name that file"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => (path.to_path_buf(), None),
        Err(error) => return Err(cannot(&error)),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stridescope-").suffix(".part");
    #[cfg(unix)]
    if old.is_none() {
        use std::os::unix::fs::PermissionsExt;
        // What the user's umask leaves of it, as for any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    if !folder.is_dir() {
        return Err(cannot(&format!("there is no folder {}", folder.display())));
    }
    // The kind alone: the rest of the error names a file that the user has never heard of.
    let unmade = |error: io::Error| cannot(&format!("nothing can be put into its folder: {}", io::Error::from(error.kind())));
    let mut part = builder.tempfile_in(folder).map_err(unmade)?;
    let file = part.as_file_mut();
    let done = file.write_all(bytes).and_then(|()| old.as_ref().map_or(Ok(()), |old| become_like(file, old)));
    done.and_then(|()| file.sync_all()).map_err(|error| cannot(&error))?;
    // Dropped for any reason before this, the new file is removed.
    part.persist(&target).map_err(|error| cannot(&error.error))?;
    Ok(Written::File)
}

/// Gives a file the owner and the permissions of the one whose place it takes.
fn become_like(new: &File, old: &File) -> io::Result<()> {
    let like = old.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let own = new.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            fchown(new, Some(like.uid()), Some(like.gid()))
                .map_err(|_| io::Error::other("it belongs to another user or group; write to a name of your own"))?;
        }
    }
    new.set_permissions(like.permissions())
}
