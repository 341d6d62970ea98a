//! PNGs of 16 bits a channel. Some browsers round them to 8 bits where the reference shifts them, and then round once more for what is
//! transparent: up to three grey levels in all. Here the upper bytes are taken out of the file, once its data are inflated (PNG
//! specification, third edition, sections 7.2 and 9).

use super::Rgb;
use super::png::{self, Chunk, SIGNATURE};
use std::ops::Range;

/// More than this is left to the browser: the values stand in memory twice.
const MOST_BYTES: u64 = 48_000_000;

/// A PNG of 16 bits, not interlaced, without a colour that stands for transparency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deep {
    width: usize,
    height: usize,
    channels: usize,
    /// Where its compressed data lie, in order: a zlib stream.
    pub data: Vec<Range<u64>>,
}

/// Looks for one in a file of so many bytes. `read` gives the bytes of a range, fewer where the file ends.
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
    if signature != SIGNATURE || bytes == 0 || bytes > MOST_BYTES {
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
    /// The picture over white, from its inflated data; nothing where these are not what they should be.
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

/// Undoes a row's filter, by the row above it as it became; nothing where there is no such filter.
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

/// Whichever of left, above and above left is nearest to left + above - above left, in this order.
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
