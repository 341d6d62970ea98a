//! The chunks that a PNG is made of (PNG specification, third edition, section 5.3).

use std::ops::Range;

/// What every PNG begins with; its first chunk follows.
pub const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length and name before a chunk's content, and the checksum behind it, in bytes.
const BEFORE: u64 = 8;
const BEHIND: u64 = 4;

/// A chunk.
pub struct Chunk {
    /// Its name.
    pub name: [u8; 4],
    /// All of it.
    pub whole: Range<u64>,
    /// What it holds.
    pub content: Range<u64>,
}

/// The chunk that begins at a byte of a file of so many; nothing where the file ends before it does.
pub fn chunk(at: u64, length: u64, read: &impl Fn(Range<u64>) -> Vec<u8>) -> Option<Chunk> {
    let header = read(at..at + BEFORE);
    let (size, name) = header.split_first_chunk::<4>()?;
    let name = name.try_into().ok()?;
    let content = at + BEFORE..at + BEFORE + u64::from(u32::from_be_bytes(*size));
    let whole = at..content.end + BEHIND;
    (whole.end <= length).then_some(Chunk { name, whole, content })
}
