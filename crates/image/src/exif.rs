//! The EXIF orientation of PNG and WebP files. Browsers apply it or not, depending on format and version, so it is removed before the
//! browser decodes the file and applied to the pixels afterwards. For JPEG all browsers apply it, and the file is left alone.

use super::Rgb;
use super::png::{self, Chunk};
use std::ops::Range;

/// A file without its orientation tag, and the orientation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upright {
    /// The orientation, from 2 to 8 (EXIF 2.3, section 4.6.4, tag 0x0112).
    pub orientation: u8,
    /// The bytes to decode instead of the file.
    pub parts: Vec<Part>,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A range of the file, unchanged.
    Kept(Range<u64>),
    /// Replacement bytes.
    Changed(Vec<u8>),
}

/// Offset of a WebP's flags, which state which chunks follow, and the flag for EXIF.
const FLAGS: u64 = 20;
const HAS_EXIF: u8 = 0x08;
/// More than any camera writes.
const MAX_EXIF_BYTES: u64 = 1 << 20;

/// Finds an orientation other than upright in a PNG or WebP of `length` bytes. `read` returns a range of the file, truncated at its end.
pub fn find(length: u64, read: impl Fn(Range<u64>) -> Vec<u8>) -> Option<Upright> {
    let head = read(0..FLAGS + 1);
    if head.starts_with(png::SIGNATURE) {
        let Chunk { whole, content, .. } = png_chunk(length, &read)?;
        let orientation = orientation(&read(content))?;
        return Some(Upright { orientation, parts: vec![Part::Kept(0..whole.start), Part::Kept(whole.end..length)] });
    }
    if head.len() as u64 > FLAGS
        && head.starts_with(b"RIFF")
        && head[8..16] == *b"WEBPVP8X"
        && head[FLAGS as usize] & HAS_EXIF != 0
    {
        let exif = webp_chunk(length, &read)?;
        let content = read(exif.start + 8..exif.end);
        let orientation = orientation(content.strip_prefix(b"Exif\0\0").unwrap_or(&content))?;
        let left = (length - 8 - (exif.end - exif.start)) as u32;
        let mut start = head;
        start[4..8].copy_from_slice(&left.to_le_bytes());
        start[FLAGS as usize] &= !HAS_EXIF;
        return Some(Upright {
            orientation,
            parts: vec![Part::Changed(start), Part::Kept(FLAGS + 1..exif.start), Part::Kept(exif.end..length)],
        });
    }
    None
}

/// The chunk with the EXIF of a PNG.
fn png_chunk(length: u64, read: &impl Fn(Range<u64>) -> Vec<u8>) -> Option<Chunk> {
    let mut at = png::SIGNATURE.len() as u64;
    loop {
        let chunk = png::chunk(at, length, read)?;
        if chunk.name == *b"eXIf" && chunk.whole.end - at <= MAX_EXIF_BYTES {
            return Some(chunk);
        }
        at = chunk.whole.end;
    }
}

/// The EXIF chunk of a WebP: name, length, content, and the padding byte of an odd length.
fn webp_chunk(length: u64, read: &impl Fn(Range<u64>) -> Vec<u8>) -> Option<Range<u64>> {
    let mut at = 12;
    loop {
        let header = read(at..at + 8);
        let (name, size) = header.split_first_chunk::<4>()?;
        let size = u64::from(u32::from_le_bytes(size.try_into().ok()?));
        let end = at + 8 + size + size % 2;
        match name {
            _ if end > length => return None,
            b"EXIF" if size <= MAX_EXIF_BYTES => return Some(at..end),
            _ => at = end,
        }
    }
}

/// The orientation in the first directory of a TIFF; `None` if it is upright.
fn orientation(tiff: &[u8]) -> Option<u8> {
    const TAG: u16 = 0x0112;
    const ENTRY: usize = 12;
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = tiff.get(at..at + 4)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize)
    };
    let directory = long(4)?;
    let entries = usize::from(short(directory)?);
    let entry = (0..entries).map(|index| directory + 2 + ENTRY * index).find(|at| short(*at) == Some(TAG))?;
    u8::try_from(short(entry + 8)?).ok().filter(|value| (2..=8).contains(value))
}

impl Rgb {
    /// Rotates and mirrors the pixels as an EXIF orientation states; unchanged for an unknown orientation.
    pub fn turned(self, orientation: u8) -> Self {
        let (width, height) = (self.width, self.height);
        // Whether axes are swapped; then whether the stored columns and rows are read from the end.
        let (is_transposed, from_right, from_bottom) = match orientation {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, false, true),
            7 => (true, true, true),
            8 => (true, true, false),
            _ => return self,
        };
        let (to_width, to_height) = if is_transposed { (height, width) } else { (width, height) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for row in 0..to_height {
            for column in 0..to_width {
                let (x, y) = if is_transposed { (row, column) } else { (column, row) };
                let x = if from_right { width - 1 - x } else { x };
                let y = if from_bottom { height - 1 - y } else { y };
                pixels.extend_from_slice(&self.pixels[3 * (y * width + x)..][..3]);
            }
        }
        Self { width: to_width, height: to_height, pixels }
    }
}
