//! The zip that `torch.save` writes: its parts are stored as they are, and there are few of them.
//!
//! Nothing is unpacked: a part is a range of the file. The format is that of PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

use crate::formats::safetensors::is_name;
use crate::shorten;
use std::ops::Range;
use stridescope_i18n::{Message, msg};

/// How a zip begins: with the header of its first part.
pub const LOCAL: &[u8] = b"PK\x03\x04";
/// How a part's line in the directory begins.
const LISTED: &[u8] = b"PK\x01\x02";
/// How the record at the end begins, which says where the directory is.
const END: &[u8] = b"PK\x05\x06";
/// Length of that record without its remark, which can be 65,535 bytes long.
const END_LEN: usize = 22;
/// Longest directory in bytes; a ResNet-152's, with all that its training needs, is 200,000 bytes long.
const LONGEST_DIRECTORY: usize = 4_000_000;

/// A part, and where its bytes lie in the file.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its name: folder and file.
    pub name: &'a str,
    /// Its bytes.
    pub range: Range<usize>,
}

/// Finds the parts of a zip, in the order of their bytes.
///
/// # Errors
/// A clause that says what is wrong.
pub fn parts(bytes: &[u8]) -> Result<Vec<Part<'_>>, Message> {
    let end = end_record(bytes).ok_or(msg!("its zip has no directory at its end; it may be cut off"))?;
    let broken = || msg!("its zip's directory is damaged");
    let field = |at: usize| number::<2>(bytes, end + at).ok_or_else(broken);
    let (disk, first_disk, here, count) = (field(4)?, field(6)?, field(8)?, field(10)?);
    let (len, start) = number::<4>(bytes, end + 12).zip(number::<4>(bytes, end + 16)).ok_or_else(broken)?;
    if (disk, first_disk, here) != (0, 0, count) {
        return Err(msg!("its zip is spread over several files"));
    }
    if count == 0xffff || len == 0xffff_ffff || start == 0xffff_ffff {
        return Err(msg!("its zip has over 65,534 parts or 4 GB"));
    }
    if len > LONGEST_DIRECTORY {
        let most = LONGEST_DIRECTORY as f64 / 1e6;
        return Err(msg!("its zip's directory is {} bytes long; that of weights takes less than {} MB", len, most));
    }
    let directory = start.checked_add(len).filter(|stop| *stop <= end).and_then(|stop| bytes.get(start..stop));
    let mut rest = directory.ok_or_else(broken)?;
    let mut parts = Vec::with_capacity(count.min(len / 46));
    for _ in 0..count {
        let (part, behind) = part(bytes, start, rest)?;
        parts.push(part);
        rest = behind;
    }
    parts.sort_unstable_by_key(|part| (part.range.start, part.range.end));
    match parts.windows(2).find(|pair| pair[0].range.end > pair[1].range.start) {
        Some(pair) => Err(msg!("its parts \"{}\" and \"{}\" overlap", shorten(pair[0].name), shorten(pair[1].name))),
        None => Ok(parts),
    }
}

/// Where the record at the end begins: the last that reaches, with its remark, just to the end of the file.
fn end_record(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_LEN)?;
    let is_one =
        |at: &usize| bytes[*at..].starts_with(END) && number::<2>(bytes, at + 20).is_some_and(|remark| at + remark == last);
    (last.saturating_sub(0xffff)..=last).rev().find(is_one)
}

/// A part by the first line of a directory, and what is behind that line. Parts end where the directory begins.
fn part<'a>(bytes: &'a [u8], directory: usize, line: &'a [u8]) -> Result<(Part<'a>, &'a [u8]), Message> {
    let broken = || msg!("its zip's directory is damaged");
    if !line.starts_with(LISTED) {
        return Err(broken());
    }
    let short = |at: usize| number::<2>(line, at).ok_or_else(broken);
    let long = |at: usize| number::<4>(line, at).ok_or_else(broken);
    let (flags, method, packed, size, local) = (short(8)?, short(10)?, long(20)?, long(24)?, long(42)?);
    let name_end = 46 + short(28)?;
    let behind = line.get(name_end + short(30)? + short(32)?..).ok_or_else(broken)?;
    let name = line.get(46..name_end).ok_or_else(broken)?;
    let name = std::str::from_utf8(name).ok().filter(|name| is_name(name)).ok_or(msg!("a part of its zip has no proper name"))?;
    // PyTorch stores; what is packed could unpack to anything.
    if flags & 1 != 0 {
        return Err(msg!("its part \"{}\" is encrypted", shorten(name)));
    }
    if method != 0 || packed != size {
        return Err(msg!("its part \"{}\" is compressed, which PyTorch's never are", shorten(name)));
    }
    let beyond = || msg!("its part \"{}\" reaches beyond the file's parts; the file may be damaged", shorten(name));
    let header = bytes.get(local..).filter(|header| header.starts_with(LOCAL)).ok_or_else(beyond)?;
    let (name_len, extra_len) = number::<2>(header, 26).zip(number::<2>(header, 28)).ok_or_else(beyond)?;
    let start = local + 30 + name_len + extra_len;
    let end = start.checked_add(size).filter(|end| *end <= directory).ok_or_else(beyond)?;
    Ok((Part { name, range: start..end }, behind))
}

/// A little-endian number of `N` bytes, at most 4.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes: &[u8; N] = bytes.get(at..)?.first_chunk()?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
