//! Malformed zips, and zips that are not PyTorch's.

use super::torch::zipped;
use super::{Case, case, large, no_pickle};

/// An empty dictionary, which is a valid pickle without tensors.
const EMPTY: &[u8] = b"\x80\x02}.";

/// The offset of the first such signature.
fn at(zip: &[u8], signature: &[u8; 4]) -> usize {
    zip.windows(4).position(|four| four == signature).unwrap()
}

/// A zip of a pickle and a storage, with bytes replaced at an offset from the first such signature.
fn changed(signature: &[u8; 4], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut zip = zipped(&[("a/data.pkl", EMPTY), ("a/data/0", &[0; 64])]);
    let start = at(&zip, signature) + offset;
    zip[start..start + bytes.len()].copy_from_slice(bytes);
    zip
}

/// A directory entry of zero bytes, with the file's first header.
fn listed(name: &[u8], extra: usize) -> Vec<u8> {
    let mut line = vec![0; 46];
    line[..4].copy_from_slice(b"PK\x01\x02");
    line[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
    line[30..32].copy_from_slice(&(extra as u16).to_le_bytes());
    [line, name.to_vec(), vec![0; extra]].concat()
}

/// A file with one header, a directory, and an end record that claims a number of entries.
fn directory(lines: &[u8], claimed: u16) -> Vec<u8> {
    let header = [&b"PK\x03\x04"[..], &[0; 26]].concat();
    let counts = [claimed.to_le_bytes(), claimed.to_le_bytes()].concat();
    let place = [(lines.len() as u32).to_le_bytes(), (header.len() as u32).to_le_bytes()].concat();
    [&header, lines, b"PK\x05\x06\0\0\0\0", &counts, &place, &[0; 2]].concat()
}

pub fn cases() -> Vec<Case> {
    let says = no_pickle;
    let (list, local, end) = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06");
    let no_directory = says("its zip has no directory at its end; it may be cut off");
    let damaged = says("its zip's directory is damaged");
    let spread = says("its zip is spread over several files");
    let beyond = says(r#"its part "a/data.pkl" reaches beyond the file's parts; the file may be damaged"#);
    let compressed = says(r#"its part "a/data.pkl" is compressed, which PyTorch's never are"#);
    let large_zip = says("its zip has over 65,534 parts or 4 GB");
    let no_name = says("a part of its zip has no proper name");
    let no_pickle = says("its zip holds no data.pkl; it may be a TorchScript model");
    let sound = zipped(&[("a/data.pkl", EMPTY), ("a/data/0", &[0; 64])]);
    let huge = &u32::MAX.to_le_bytes();
    let almost = &(u32::MAX - 1).to_le_bytes();
    let mut cases = vec![
        case("a signature alone", b"PK\x03\x04", no_directory.clone()),
        case("no directory", &sound[..at(&sound, list)], no_directory.clone()),
        case("half a directory", &sound[..at(&sound, end) - 20], no_directory.clone()),
        case("no record at the end", &sound[..at(&sound, end)], no_directory.clone()),
        case("half a record at the end", &sound[..sound.len() - 1], no_directory.clone()),
        case("a byte behind the end", [&sound[..], b"x"].concat(), no_directory.clone()),
        case("a remark that is not there", changed(end, 20, &[1, 0]), no_directory.clone()),
        case("of several disks", changed(end, 4, &[1]), spread.clone()),
        case("its directory on another disk", changed(end, 6, &[1]), spread.clone()),
        case("more parts in all than here", changed(end, 10, &[3]), spread),
        case("one part too many", changed(end, 8, &[3, 0, 3, 0]), damaged.clone()),
        case("65,534 parts that are not there", changed(end, 8, &[0xfe, 0xff, 0xfe, 0xff]), damaged.clone()),
        case("as many parts as only a zip64 has", changed(end, 8, &[0xff; 4]), large_zip.clone()),
        case("a directory as long as only a zip64's", changed(end, 12, huge), large_zip.clone()),
        case("a directory where only a zip64's is", changed(end, 16, huge), large_zip),
        case(
            "a directory of 4 GB",
            changed(end, 12, almost),
            says("its zip's directory is 4294967294 bytes long; that of weights takes less than 4 MB"),
        ),
        case("a directory behind the end", changed(end, 16, almost), damaged.clone()),
        case("a directory that begins a byte late", changed(end, 16, &[at(&sound, list) as u8 + 1]), damaged.clone()),
        case("a directory of no bytes", changed(end, 12, &[0]), damaged.clone()),
        case("a line that is none", changed(list, 0, b"XX"), damaged.clone()),
        case("a name longer than the directory", changed(list, 28, &[0xff, 0xff]), damaged.clone()),
        case("extras longer than the directory", changed(list, 30, &[0xff, 0xff]), damaged.clone()),
        case("a remark longer than the directory", changed(list, 32, &[0xff, 0xff]), damaged),
        case("encrypted", changed(list, 8, &[1]), says(r#"its part "a/data.pkl" is encrypted"#)),
        case("deflated", changed(list, 10, &[8]), compressed.clone()),
        case("deflated into little: a bomb", changed(list, 24, almost), compressed.clone()),
        case("packed by zstandard", changed(list, 10, &[93]), compressed.clone()),
        case("packed by an unknown method", changed(list, 10, huge), compressed.clone()),
        case("sizes that differ", changed(list, 20, &[3]), compressed.clone()),
        case("sizes that only a zip64 has", changed(list, 20, &[0xff; 8]), beyond.clone()),
        case("4 GB in a small file", changed(list, 20, &[*almost, *almost].concat()), beyond.clone()),
        case(
            "into the directory",
            changed(list, 20, &[100, 0, 0, 0, 100, 0, 0, 0]),
            says(r#"its parts "a/data.pkl" and "a/data/0" overlap"#),
        ),
        case("a part behind the end", changed(list, 42, almost), beyond.clone()),
        case("a part without a header", changed(list, 42, &[1]), beyond.clone()),
        case("a header without a signature", changed(list, 42, &[30]), beyond.clone()),
        case("a header with a long name", changed(local, 26, &[0xff, 0xff]), beyond.clone()),
        case("a header with long extras", changed(local, 28, &[0xff, 0xff]), beyond),
        case("a name that is no text", changed(list, 46, &[0xff]), no_name.clone()),
        case("a name with a line break", changed(list, 47, b"\n"), no_name.clone()),
        case("a name of 501 letters", zipped(&[(&"n".repeat(501), EMPTY)]), no_name),
        case("no parts", directory(b"", 0), no_pickle.clone()),
        case("another part", zipped(&[("a/other", b"x")]), no_pickle.clone()),
        case("no folder", zipped(&[("data.pkl", EMPTY)]), no_pickle.clone()),
        case("a document", zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]), no_pickle.clone()),
        case("a pickle too deep", zipped(&[("a/b/data.pkl", EMPTY)]), no_pickle.clone()),
        case(
            "big-endian",
            zipped(&[("a/data.pkl", EMPTY), ("a/byteorder", b"big")]),
            says("it was written on a big-endian machine"),
        ),
        case("two pickles", zipped(&[("a/data.pkl", EMPTY), ("b/data.pkl", EMPTY)]), says(r#"its zip holds "b/data.pkl" twice"#)),
        case(
            "two stores of one name",
            zipped(&[("a/data.pkl", EMPTY), ("a/data/0", b"1"), ("b/data/0", b"2")]),
            says(r#"its zip holds "b/data/0" twice"#),
        ),
        case("no tensors", zipped(&[("a/data.pkl", EMPTY)]), says("it holds no dictionary of tensors")),
        case("a pickle of no bytes", zipped(&[("a/data.pkl", b"")]), says("its pickle is cut off at byte 0")),
    ];
    // An entry inside another, through the first one's header.
    let mut inner = sound.clone();
    let second = inner.windows(4).rposition(|four| four == list).unwrap();
    inner[second + 42..second + 46].copy_from_slice(&[0; 4]);
    cases.push(case("two parts with one header", inner, says(r#"its parts "a/data.pkl" and "a/data/0" overlap"#)));
    let dense = |count: usize, name: &[u8], extra: usize| listed(name, extra).repeat(count);
    let too_long = |len: usize| says(&format!("its zip's directory is {len} bytes long; that of weights takes less than 4 MB"));
    cases.extend([
        large(
            "65,534 parts",
            move || directory(&dense(65_534, b"a/data/12345", 0), 65_534),
            says(r#"its zip holds "a/data/12345" twice"#),
        ),
        large("65,534 parts of no name", move || directory(&dense(65_534, b"", 0), 65_534), no_pickle.clone()),
        large("parts with all the extras there is room for", move || directory(&dense(60, b"", 65_535), 60), no_pickle.clone()),
        large("the longest directory", || directory(&vec![0; 4_000_000], 0), no_pickle),
        large("30 MB of extras", move || directory(&dense(457, b"", 65_535), 457), too_long(457 * 65_581)),
        large("100 MB of lines", move || directory(&dense(2_173_913, b"", 0), 65_534), too_long(2_173_913 * 46)),
        large(
            "100 MB of records at the end",
            || [&b"PK\x03\x04"[..], &b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\0\0\0\0\xff\xff".repeat(4_545_454)].concat(),
            no_directory.clone(),
        ),
        large("100 MB of zeros", || [&b"PK\x03\x04"[..], &vec![0; 100_000_000]].concat(), no_directory),
    ]);
    cases
}
