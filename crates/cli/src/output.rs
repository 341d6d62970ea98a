//! Output of the command line: standard output, standard error, and files.

use crate::Failure;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Writes to standard output; a closed pipe is not an error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure(format!("cannot write: {error}"))),
        _ => Ok(()),
    }
}

/// Writes one line to standard error. Errors are ignored, since the result does not depend on it.
pub fn note(text: &str) {
    let line = text.replace(['\n', '\r'], " ") + "\n";
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Where [`write()`] put the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Into a regular file.
    File,
    /// Into a pipe or a device, possibly standard output itself.
    Stream,
}

/// Writes a file atomically: it is complete or unchanged.
///
/// The bytes go to a new file in the same folder, under a unique name, which is renamed over the old file and takes over its permissions.
/// Through a symbolic link the target is replaced, as with `cp` and a shell's `>`; a dangling link is refused, as with `cp`. A pipe, a
/// device, and anything under `/dev` and `/proc` is written to directly.
///
/// # Errors
/// A sentence with the path. An existing file is unchanged.
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
            // A read-only file must not be replaced either.
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
        // As for any new file: the user's umask is applied.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    if !folder.is_dir() {
        return Err(cannot(&format!("there is no folder {}", folder.display())));
    }
    // Only the kind: the full error names a temporary file that means nothing to the user.
    let unmade = |error: io::Error| cannot(&format!("nothing can be put into its folder: {}", io::Error::from(error.kind())));
    let mut part = builder.tempfile_in(folder).map_err(unmade)?;
    let file = part.as_file_mut();
    let done = file.write_all(bytes).and_then(|()| old.as_ref().map_or(Ok(()), |old| copy_metadata(file, old)));
    done.and_then(|()| file.sync_all()).map_err(|error| cannot(&error))?;
    // If this is not reached, dropping `part` removes the new file.
    part.persist(&target).map_err(|error| cannot(&error.error))?;
    Ok(Written::File)
}

/// Copies the owner and the permissions of the file to be replaced.
fn copy_metadata(new: &File, old: &File) -> io::Result<()> {
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
