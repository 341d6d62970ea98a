//! PNGs with 16 bits per channel. Some browsers round to 8 bits where the reference shifts, and round again for transparency: up to three
//! grey levels in total. Here the upper bytes are taken from the inflated data of the file (PNG specification, third edition, sections 7.2
//! and 9).

use super::Rgb;
use super::png::{self, Chunk, SIGNATURE};
use std::ops::Range;

/// Larger images are left to the browser, since the values are held in memory twice.
const MAX_BYTES: u64 = 48_000_000;

/// A 16-bit PNG, not interlaced and without a colour that stands for transparency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deep {
    width: usize,
    height: usize,
    channels: usize,
    /// Ranges of its compressed data in the file, in order: together a zlib stream.
    pub data: Vec<Range<u64>>,
}

/// Finds one in a file of `length` bytes. `read` returns a range of the file, truncated at its end.
pub fn find(length: u64, read: impl Fn(Range<u64>) -> Vec<u8>) -> Option<Deep> {
    let head = read(0..29);
    let (signature, rest) = head.split_at_checked(SIGNATURE.len())?;
    let [_, _, _, _, b'I', b'H', b'D', b'R', w0, w1, w2, w3, h0, h1, h2, h3, 16, colour, 0, 0, 0] = *rest else { return None };
    let channels = match colour {
        0 => 1,
        2 => 3,
        4 => 2,
        6 => 4,
        _ => return None,
    };
    let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    let bytes = u64::from(height).checked_mul(1 + 2 * channels * u64::from(width))?;
    if signature != SIGNATURE || bytes == 0 || bytes > MAX_BYTES {
        return None;
    }
    let mut data = Vec::new();
    let mut at = SIGNATURE.len() as u64;
    loop {
        let Chunk { name, whole, content } = png::chunk(at, length, &read)?;
        match &name {
            b"tRNS" => return None,
            b"IDAT" => data.push(content),
            b"IEND" => return Some(Deep { width: width as usize, height: height as usize, channels: channels as usize, data }),
            _ => {}
        }
        at = whole.end;
    }
}

impl Deep {
    /// The image composited over white, from its inflated data; `None` if the data are malformed.
    pub fn pixels(&self, mut data: Vec<u8>) -> Option<Rgb> {
        let (pixel, line) = (2 * self.channels, 1 + 2 * self.channels * self.width);
        if data.len() != line * self.height {
            return None;
        }
        for start in (0..data.len()).step_by(line) {
            let (above, row) = data.split_at_mut(start);
            let above = above.len().checked_sub(line).and_then(|from| above.get(from + 1..));
            let (filter, row) = row.get_mut(..line)?.split_first_mut()?;
            unfilter(*filter, row, above, pixel)?;
        }
        let rgba = data.chunks_exact(line).flat_map(|row| row[1..].chunks_exact(pixel)).flat_map(|values| match *values {
            [grey, _] => [grey, grey, grey, 255],
            [grey, _, alpha, _] => [grey, grey, grey, alpha],
            [red, _, green, _, blue, _] => [red, green, blue, 255],
            [red, _, green, _, blue, _, alpha, ..] => [red, green, blue, alpha],
            _ => [255; 4],
        });
        Some(Rgb::from_rgba(self.width, self.height, &rgba.collect::<Vec<u8>>()))
    }
}

/// Reverses the filter of a row, given the decoded row above; `None` for an unknown filter.
fn unfilter(filter: u8, row: &mut [u8], above: Option<&[u8]>, pixel: usize) -> Option<()> {
    for at in 0..row.len() {
        let left = at.checked_sub(pixel);
        let a = left.map_or(0, |left| row[left]);
        let b = above.map_or(0, |above| above[at]);
        let c = above.zip(left).map_or(0, |(above, left)| above[left]);
        let predicted = match filter {
            0 => 0,
            1 => a,
            2 => b,
            3 => a.midpoint(b),
            4 => paeth(a, b, c),
            _ => return None,
        };
        row[at] = row[at].wrapping_add(predicted);
    }
    Some(())
}

/// The Paeth predictor: of left, above and above left, in this order, the one nearest to left + above - above left.
fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let estimate = i16::from(a) + i16::from(b) - i16::from(c);
    let off = |value: u8| (estimate - i16::from(value)).abs();
    if off(a) <= off(b) && off(a) <= off(c) {
        a
    } else if off(b) <= off(c) {
        b
    } else {
        c
    }
}
