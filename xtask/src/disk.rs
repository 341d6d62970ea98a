//! Whether a disk is full: the cause behind many errors that do not say so.

use std::path::Path;

use crate::process;

/// With less than this the compiler and the browsers fail in their own ways.
const LEAST_MB: u64 = 500;

/// A sentence about the disk of a folder, if there is next to no room left on it.
pub fn shortage(folder: &Path) -> Option<String> {
    let folder = folder.ancestors().find(|folder| folder.is_dir())?;
    let free_mb = free_mb(&process::probe(process::command("df").arg("-Pk").arg(folder))?)?;
    (free_mb < LEAST_MB).then(|| {
        format!(
            "The disk of {} has {free_mb} MB left: free about 5 GB, or set CARGO_TARGET_DIR to a folder on another disk, and run this \
             again, which goes on where it stopped.",
            folder.display()
        )
    })
}

/// The free megabytes in the output of `df -Pk`.
fn free_mb(output: &str) -> Option<u64> {
    // The name of the file system can hold spaces: the columns count from the one in percent.
    let columns: Vec<&str> = output.lines().last()?.split_whitespace().collect();
    let percent = columns.iter().position(|column| column.ends_with('%'))?;
    Some(columns.get(percent.checked_sub(1)?)?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        let cases = [
            ("/dev/vda 264091904 193060112 57547196 78% /", Some(56_198)),
            ("my disk 2048 2048 0 100% /mnt/a b", Some(0)),
            ("/dev/vda - - - - /", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(free_mb(&format!("{head}{line}")), expected, "{line}");
        }
        assert_eq!(free_mb(""), None);
    }
}
