//! The chunks of a PNG (PNG specification, third edition, section 5.3).

use std::ops::Range;

/// The first bytes of every PNG; the first chunk follows.
pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes before a chunk's content (length and name), and after it (checksum).
const BEFORE: u64 = 8;
const BEHIND: u64 = 4;

/// A chunk.
pub struct Chunk {
    /// Its four-letter name.
    pub name: [u8; 4],
    /// Range of the whole chunk in the file.
    pub whole: Range<u64>,
    /// Range of its content in the file.
    pub content: Range<u64>,
}

/// Reads the chunk at `at` in a file of `length` bytes; `None` if the file ends before the chunk does.
pub fn chunk(at: u64, length: u64, read: &impl Fn(Range<u64>) -> Vec<u8>) -> Option<Chunk> {
    let header = read(at..at + BEFORE);
    let (size, name) = header.split_first_chunk::<4>()?;
    let name = name.try_into().ok()?;
    let content = at + BEFORE..at + BEFORE + u64::from(u32::from_be_bytes(*size));
    let whole = at..content.end + BEHIND;
    (whole.end <= length).then_some(Chunk { name, whole, content })
}
