//! Malformed safetensors files.

use super::{Case, case, large, no_safetensors};
use std::fmt::Write;

/// A header and the length of the data.
fn file(header: impl AsRef<[u8]>, data: usize) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes()[..], header, &vec![0; data]].concat()
}

/// A header with one tensor "a" and these members.
fn one(members: &str, data: usize) -> Vec<u8> {
    file(format!("{{\"a\":{{{members}}}}}"), data)
}

fn member(name: &str, shape: &str, offsets: &str) -> String {
    format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#)
}

/// A header with these f32 tensors: name, shape and offsets.
fn tensors(members: &[(&str, &str, &str)], data: usize) -> Vec<u8> {
    let members: Vec<String> = members.iter().map(|(name, shape, offsets)| member(name, shape, offsets)).collect();
    file(format!("{{{}}}", members.join(",")), data)
}

fn claiming(len: u64, rest: &[u8]) -> Vec<u8> {
    [&len.to_le_bytes()[..], rest].concat()
}

fn stored_as(dtype: &str) -> String {
    format!(
        r#"tensor "a" is stored as {dtype}; only f32, f16 and bf16 can be read. Save it as f32 first, in PyTorch with model.float()"#
    )
}

fn no_card(why: &str) -> String {
    format!("the description inside the weights file cannot be read: {why}. Download it again, or convert it anew")
}

pub fn cases() -> Vec<Case> {
    [headers(), other_files(), fields(), places(), scales(), cards(), bombs()].into_iter().flatten().collect()
}

/// The length field, and headers that are no JSON.
fn headers() -> Vec<Case> {
    let sound = tensors(&[("a", "[2]", "[0,8]")], 8);
    let says = no_safetensors;
    let claims = |len: u64| says(&format!("its header claims {len} bytes, and those of weights take less than 0.5 MB"));
    vec![
        case("empty", [], says("it is 0 bytes long, too short for a header")),
        case("one byte", [0], says("it is 1 bytes long, too short for a header")),
        case("seven bytes", &sound[..7], says("it is 7 bytes long, too short for a header")),
        case("the length alone", &sound[..8], says("its header of 54 bytes is longer than the file of 8 bytes")),
        case("cut in the header", &sound[..40], says("its header of 54 bytes is longer than the file of 40 bytes")),
        case("cut before the data", &sound[..62], says(r#"tensor "a" lies beyond the end of the file, which may be cut off"#)),
        case("cut in the data", &sound[..69], says(r#"tensor "a" lies beyond the end of the file, which may be cut off"#)),
        case("a header of no length", claiming(0, b""), says("its header does not begin with a brace")),
        case("a header of no length, then data", claiming(0, b"{}"), says("its header does not begin with a brace")),
        case(
            "a header just allowed, short file",
            claiming(500_000, b"{}"),
            says("its header of 500000 bytes is longer than the file of 10 bytes"),
        ),
        case("a header just too long", claiming(500_001, b"{}"), claims(500_001)),
        case("a header of almost 100 MB, short file", claiming(99_999_999, b"{}"), claims(99_999_999)),
        case("a header of 2^32 bytes", claiming(1 << 32, b"{}"), claims(1 << 32)),
        case("a header of 2^63 bytes", claiming(1 << 63, b"{}"), claims(1 << 63)),
        case("a header of 2^64 - 1 bytes", claiming(u64::MAX, b"{}"), claims(u64::MAX)),
        case("a header of 2^64 - 8 bytes", claiming(u64::MAX - 7, b"{}"), claims(u64::MAX - 7)),
        case("no UTF-8", file([b'{', 0xff, 0xfe, b'}'], 0), says("its header is not UTF-8 text")),
        case("a character cut off", file("{\"é".as_bytes().split_last().unwrap().1, 0), says("its header is not UTF-8 text")),
        case("UTF-16", file([b'{', 0, b'}', 0], 0), says("its header is not the JSON it should be")),
        case("a byte-order mark", file("\u{feff}{}", 0), says("its header does not begin with a brace")),
        case("leading spaces", file("  {}", 0), says("its header does not begin with a brace")),
        case("an array", file("[]", 0), says("its header does not begin with a brace")),
        case("a number", file("7", 0), says("its header does not begin with a brace")),
        case("null", file("null", 0), says("its header does not begin with a brace")),
        case("a brace alone", file("{", 0), says("its header is not the JSON it should be")),
        case("no value", file("{\"a\": ", 0), says("its header is not the JSON it should be")),
        case("two objects", file("{}{}", 0), says("its header is not the JSON it should be")),
        case("text behind the object", file("{}x", 0), says("its header is not the JSON it should be")),
        case("a comma too many", file("{\"a\":1,}", 0), says("its header is not the JSON it should be")),
        case("single quotes", file("{'a':1}", 0), says("its header is not the JSON it should be")),
        case("a comment", file("{/**/}", 0), says("its header is not the JSON it should be")),
        case("no number", file("{\"a\":NaN}", 0), says("its header is not the JSON it should be")),
        case("a number beyond all bounds", file("{\"a\":1e999}", 0), says("its header is not the JSON it should be")),
        case("half a surrogate pair", file("{\"\\ud800\":1}", 0), says("its header is not the JSON it should be")),
        case("a raw line break in a name", file("{\"a\nb\":1}", 0), says("its header is not the JSON it should be")),
        case(
            "200 brackets",
            file(format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)), 0),
            says("its header is not the JSON it should be"),
        ),
    ]
}

/// Common files that are not weights.
fn other_files() -> Vec<Case> {
    let says = |what: &str| no_safetensors(&format!("it is {what}"));
    let lfs = "a pointer of Git LFS, which stands for the file that is meant";
    let page = "a web page, perhaps one about the file that is meant";
    let pickle = "a pickle that torch.save did not write";
    vec![
        case("a pointer of Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102\n", says(lfs)),
        case("a web page", b"<!DOCTYPE html>\n<html><head><title>404</title>", says(page)),
        case("a web page after a line break", b"\r\n  <html lang=\"en\">", says(page)),
        case("an answer in XML", b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", says(page)),
        case(
            "an index",
            b"{\"metadata\":{\"total_size\":1},\"weight_map\":{}}",
            says("a text of JSON, perhaps an index of several files or a configuration"),
        ),
        case("a PNG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on", says("a picture")),
        case("a JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", says("a picture")),
        case("gzip", b"\x1f\x8b\x08\x00\xe9\x1c\x8f\x65\x00\x03", says("packed by gzip, and must be unpacked first")),
        case("HDF5", b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", says("a file of HDF5, as Keras writes them")),
        case("GGUF", b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0", says("a file of GGUF, which holds language models")),
        case("an empty zip", [&b"PK\x05\x06"[..], &[0; 18]].concat(), says("a zip without a first part")),
        case("a pickle of protocol 2", b"\x80\x02}q\x00X\x06\0\0\0weightq\x01Ns.", says(pickle)),
        case("a pickle of protocol 4", b"\x80\x04\x95\x1a\0\0\0\0\0\0\0}\x94\x8c\x06weight\x94Ns.", says(pickle)),
        case(
            "any text",
            b"These are no weights at all.",
            no_safetensors("its header claims 8241904413164529748 bytes, and those of weights take less than 0.5 MB"),
        ),
    ]
}

/// The members of a tensor.
fn fields() -> Vec<Case> {
    let says = |what: &str| no_safetensors(&format!("tensor \"a\" {what}"));
    let (no_type, no_shape) = ("has no number type", "has no shape of whole numbers");
    let no_place = "does not say in two whole numbers where it lies";
    let with = |dtype: &str| one(&format!(r#""dtype":{dtype},"shape":[1],"data_offsets":[0,4]"#), 4);
    let shaped = |shape: &str| one(&format!(r#""dtype":"F32","shape":{shape},"data_offsets":[0,4]"#), 4);
    let placed = |offsets: &str| one(&format!(r#""dtype":"F32","shape":[1],"data_offsets":{offsets}"#), 4);
    vec![
        case("no object", file(r#"{"a":1}"#, 0), says(no_type)),
        case("a list", file(r#"{"a":["F32",[1],[0,4]]}"#, 4), says(no_type)),
        case("null", file(r#"{"a":null}"#, 0), says(no_type)),
        case("nothing said", one("", 0), says(no_type)),
        case("no type", one(r#""shape":[1],"data_offsets":[0,4]"#, 4), says(no_type)),
        case("no shape", one(r#""dtype":"F32","data_offsets":[0,4]"#, 4), says(no_shape)),
        case("no offsets", one(r#""dtype":"F32","shape":[1]"#, 4), says(no_place)),
        case("a type in lower case", with("\"f8\""), stored_as("f8")),
        case("a type that is a number", with("32"), says(no_type)),
        case("a type with a line break", with(r#""F\n32""#), says(no_type)),
        case("doubles", with("\"F64\""), stored_as("f64")),
        case("unsigned bytes", with("\"U8\""), stored_as("u8")),
        case("truth values", with("\"BOOL\""), stored_as("bool")),
        case("integers of 32 bits", with("\"I32\""), stored_as("i32")),
        case("eighths", with("\"F8_E4M3\""), stored_as("f8_e4m3")),
        case("half bytes", with("\"F4\""), stored_as("f4")),
        case("six bits", with("\"F6_E2M3\""), stored_as("f6_e2m3")),
        case("complex numbers", with("\"C64\""), stored_as("c64")),
        case("a type nobody knows", with("\"QUATERNION\""), stored_as("quaternion")),
        case("a shape that is a number", shaped("1"), says(no_shape)),
        case("a shape that is text", shaped("\"1\""), says(no_shape)),
        case("a negative side", shaped("[-1]"), says(no_shape)),
        case("half a side", shaped("[0.5]"), says(no_shape)),
        case("a side with a point", shaped("[1.0]"), says(no_shape)),
        case("a side beyond 64 bits", shaped("[18446744073709551616]"), says(no_shape)),
        case("a side that is null", shaped("[1,null]"), says(no_shape)),
        case("a shape within a shape", shaped("[[1]]"), says(no_shape)),
        case("one side that overflows", shaped("[18446744073709551615]"), says("has a shape too large to exist")),
        case("two sides that overflow", shaped("[4294967296,4294967296]"), says("has a shape too large to exist")),
        case("overflow before a zero", shaped("[4294967296,4294967296,0]"), says("has a shape too large to exist")),
        case("a shape too large", shaped("[2]"), says("takes 8 bytes by its shape, but lies from byte 0 to 4")),
        case("a shape too small", shaped("[0]"), says("takes 0 bytes by its shape, but lies from byte 0 to 4")),
        case(
            "a scalar of eight bytes",
            one(r#""dtype":"F32","shape":[],"data_offsets":[0,8]"#, 8),
            says("takes 4 bytes by its shape, but lies from byte 0 to 8"),
        ),
        case(
            "halves of four bytes",
            one(r#""dtype":"F16","shape":[1],"data_offsets":[0,4]"#, 4),
            says("takes 2 bytes by its shape, but lies from byte 0 to 4"),
        ),
        case("one offset", placed("[0]"), says(no_place)),
        case("three offsets", placed("[0,2,4]"), says(no_place)),
        case("offsets as an object", placed(r#"{"start":0,"end":4}"#), says(no_place)),
        case("a negative offset", placed("[-4,0]"), says(no_place)),
        case("offsets with a point", placed("[0.0,4.0]"), says(no_place)),
        case("offsets that are text", placed(r#"["0","4"]"#), says(no_place)),
        case("offsets the wrong way round", placed("[4,0]"), says("takes 4 bytes by its shape, but lies from byte 4 to 0")),
    ]
}

/// The ranges and names of tensors.
fn places() -> Vec<Case> {
    let says = no_safetensors;
    let long = "n".repeat(501);
    let cut = says(r#"tensor "a" lies beyond the end of the file, which may be cut off"#);
    vec![
        case("past the end", tensors(&[("a", "[2]", "[0,8]")], 4), cut.clone()),
        case("wholly past the end", tensors(&[("a", "[1]", "[4096,4100]")], 4), cut.clone()),
        case("past all bounds", tensors(&[("a", "[1]", "[18446744073709551611,18446744073709551615]")], 4), cut),
        case(
            "a gap at the start",
            tensors(&[("a", "[1]", "[4,8]")], 8),
            says(r#"4 bytes before tensor "a" belong to no tensor"#),
        ),
        case(
            "a gap between",
            tensors(&[("a", "[1]", "[0,4]"), ("b", "[1]", "[8,12]")], 12),
            says(r#"4 bytes before tensor "b" belong to no tensor"#),
        ),
        case("a byte too many", tensors(&[("a", "[1]", "[0,4]")], 5), says("1 bytes at its end belong to no tensor")),
        case("no tensors, but bytes", file("{}", 3), says("3 bytes at its end belong to no tensor")),
        case("an overlap", tensors(&[("a", "[2]", "[0,8]"), ("b", "[2]", "[4,12]")], 12), says(r#"tensors "a" and "b" overlap"#)),
        case(
            "the same bytes",
            tensors(&[("a", "[1]", "[0,4]"), ("b", "[1]", "[0,4]")], 4),
            says(r#"tensors "a" and "b" overlap"#),
        ),
        case(
            "one within another",
            tensors(&[("a", "[3]", "[0,12]"), ("b", "[1]", "[4,8]")], 12),
            says(r#"tensors "a" and "b" overlap"#),
        ),
        case(
            "an empty one within another",
            tensors(&[("a", "[2]", "[0,8]"), ("b", "[0]", "[4,4]")], 8),
            says(r#"tensors "a" and "b" overlap"#),
        ),
        case(
            "an empty one past the end",
            tensors(&[("a", "[1]", "[0,4]"), ("b", "[0]", "[8,8]")], 4),
            says(r#"tensor "b" lies beyond the end of the file, which may be cut off"#),
        ),
        case(
            "described twice",
            tensors(&[("a", "[1]", "[0,4]"), ("a", "[1]", "[4,8]")], 8),
            says(r#"tensor "a" is described twice"#),
        ),
        case(
            "described twice alike",
            tensors(&[("a", "[1]", "[0,4]"), ("b", "[1]", "[4,8]"), ("a", "[1]", "[0,4]")], 8),
            says(r#"tensor "a" is described twice"#),
        ),
        case(
            "described twice, once in escapes",
            tensors(&[("a", "[1]", "[0,4]"), ("\\u0061", "[1]", "[4,8]")], 8),
            says(r#"tensor "a" is described twice"#),
        ),
        case(
            "a nameless one twice",
            tensors(&[("", "[1]", "[0,4]"), ("", "[1]", "[4,8]")], 8),
            says(r#"tensor "" is described twice"#),
        ),
        case("NUL in a name", tensors(&[("\\u0000", "[1]", "[0,4]")], 4), says("a tensor's name cannot be shown")),
        case("a line break in a name", tensors(&[("a\\nb", "[1]", "[0,4]")], 4), says("a tensor's name cannot be shown")),
        case(
            "a line break in a name, twice",
            tensors(&[("\\n", "[1]", "[0,4]"), ("\\n", "[1]", "[0,4]")], 4),
            says("a tensor's name cannot be shown"),
        ),
        case("a name of 501 letters", tensors(&[(&long, "[1]", "[0,4]")], 4), says("a tensor's name cannot be shown")),
        case(
            "a name of 500 letters, cut off",
            tensors(&[(&long[1..], "[1]", "[0,4]")], 3),
            says(&format!("tensor \"{}\" lies beyond the end of the file, which may be cut off", &long[..60])),
        ),
    ]
}

/// 8-bit tensors whose scales are missing or unusable.
fn scales() -> Vec<Case> {
    let why = |why: &str| format!("tensor \"a\" cannot be used as i8: its scales, \"a_scale\", {why}. Use f32 or f16 instead");
    let a = r#""a":{"dtype":"I8","shape":[2,3],"data_offsets":[0,6]}"#;
    // A tensor of two channels, and its scales.
    let scaled = |dtype: &str, shape: &str, scales: &[u8]| {
        let end = 6 + scales.len();
        let header = format!(r#"{{{a},"a_scale":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[6,{end}]}}}}"#);
        [file(header, 6), scales.to_vec()].concat()
    };
    let floats = |scales: &[f32]| scales.iter().flat_map(|scale| scale.to_le_bytes()).collect::<Vec<u8>>();
    let valued = |second: f32| scaled("F32", "[2,1]", &floats(&[1.0, second]));
    let shaped = |shape: &str, count: usize| scaled("F32", shape, &floats(&vec![1.0; count]));
    let each = |channels: usize| why(&format!("are not one f32 for each of {channels} output channels"));
    let number = "is not finite and above zero";
    let nth = |index: usize| {
        format!("tensor \"a\" cannot be used as i8: number {index} of its scales, \"a_scale\", {number}. Use f32 or f16 instead")
    };
    let no_scales = "tensor \"a\" cannot be used as i8: its scales, \"a_scale\", are missing. Use f32 or f16 instead";
    let long = "n".repeat(400);
    vec![
        case("8 bits without scales", file(format!("{{{a}}}"), 6), no_scales.into()),
        case(
            "8 bits without scales, a long name",
            file(format!(r#"{{"{long}":{{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}}}"#), 1),
            format!(
                "tensor \"{long}\" cannot be used as i8: its scales, \"{}\", are missing. Use f32 or f16 instead",
                &long[..60]
            ),
        ),
        case(
            "scales under another name",
            file(format!(r#"{{{a},"a.scale":{{"dtype":"F32","shape":[2],"data_offsets":[6,14]}}}}"#), 14),
            no_scales.into(),
        ),
        case(
            "scales in 8 bits",
            file(format!(r#"{{{a},"a_scale":{{"dtype":"I8","shape":[2],"data_offsets":[6,8]}}}}"#), 8),
            each(2),
        ),
        case("scales in halves", scaled("F16", "[2,1]", &[0, 60, 0, 60]), each(2)),
        case("scales that are integers", scaled("I64", "[2,1]", &[1; 16]), each(2)),
        case("one scale for all", shaped("[1]", 1), each(2)),
        case("a scale alone", shaped("[]", 1), each(2)),
        case("a scale too many", shaped("[3,1]", 3), each(2)),
        case("no scales in it", shaped("[0]", 0), each(2)),
        case("scales of the inputs", shaped("[1,3]", 3), each(2)),
        case("scales on their side", shaped("[1,2]", 2), each(2)),
        case("two scales for a channel", shaped("[2,2]", 4), each(2)),
        case("a scale of zero", valued(0.0), nth(1)),
        case("a scale of minus zero", valued(-0.0), nth(1)),
        case("a negative scale", valued(-0.5), nth(1)),
        case("an infinite scale", valued(f32::INFINITY), nth(1)),
        case("a scale that is no number", valued(f32::NAN), nth(1)),
        case("the first of two wrong scales", scaled("F32", "[2]", &floats(&[f32::NEG_INFINITY, 0.0])), nth(0)),
        case(
            "scales that overlap their tensor",
            file(format!(r#"{{{a},"a_scale":{{"dtype":"F32","shape":[2],"data_offsets":[2,10]}}}}"#), 10),
            no_safetensors(r#"tensors "a" and "a_scale" overlap"#),
        ),
        case(
            "8-bit tensors that overlap",
            file(format!(r#"{{{a},"b":{{"dtype":"I8","shape":[2],"data_offsets":[4,6]}}}}"#), 6),
            no_safetensors(r#"tensors "a" and "b" overlap"#),
        ),
        case(
            "more channels than bytes",
            file(
                r#"{"a":{"dtype":"I8","shape":[4611686018427387904,0],"data_offsets":[0,0]},"a_scale":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
                0,
            ),
            each(4_611_686_018_427_387_904),
        ),
    ]
}

/// `__metadata__`, and the card in it.
fn cards() -> Vec<Case> {
    let says = no_safetensors;
    let (no_map, noted) = ("its header is not the JSON it should be: __metadata__ holds more than text", |value: &str| {
        file(format!(r#"{{"__metadata__":{value}}}"#), 0)
    });
    let card = |json: &str| noted(&format!(r#"{{"stridescope":{}}}"#, serde_json::to_string(json).unwrap()));
    vec![
        case("notes that are text", noted("\"x\""), says(no_map)),
        case("notes that are a list", noted("[]"), says(no_map)),
        case("a note that is a number", noted(r#"{"epoch":3}"#), says(no_map)),
        case("a note that is an object", noted(r#"{"a":{"b":"c"}}"#), says(no_map)),
        case("a card that is no text", noted(r#"{"stridescope":{}}"#), says(no_map)),
        case(
            "notes twice",
            file(r#"{"__metadata__":{},"__metadata__":{}}"#, 0),
            says("tensor \"__metadata__\" is described twice"),
        ),
        case("an empty card", card("{}"), no_card("missing field `net` at line 1 column 2")),
        case("a card of no length", card(""), no_card("EOF while parsing a value at line 1 column 0")),
        case("a card that is no JSON", card("net: tiny-a"), no_card("expected ident at line 1 column 2")),
        case("a card of another shape", card("[1]"), no_card("invalid type: integer `1`, expected a string at line 1 column 2")),
        case("a card cut off", card("{\"net\":\"tiny"), no_card("EOF while parsing a string at line 1 column 12")),
        case(
            "a card with line breaks",
            card("{\"net\":\"a\",\"classes\":\"x\\n\\u0000y\"}"),
            no_card("unknown variant `xy`, expected `imagenet-1k` at line 1 column 33"),
        ),
        case(
            "a card with a long word",
            card(&format!("{{\"net\":\"a\",\"classes\":\"{}\"}}", "x".repeat(9000))),
            no_card(&format!("unknown variant `{}", "x".repeat(103))),
        ),
    ]
}

/// Sizes that would need much memory or time.
fn bombs() -> Vec<Case> {
    let says = no_safetensors;
    let too_long = |len: usize| says(&format!("its header claims {len} bytes, and those of weights take less than 0.5 MB"));
    let padded = |open: &str, unit: &str, close: &str, len: usize| {
        let count = (len - open.len() - close.len()) / unit.len();
        format!("{open}{}{close}", unit.repeat(count))
    };
    let many = |len: usize| {
        let mut header = String::from("{");
        for index in 0.. {
            write!(header, "{},", member(&format!("t{index}"), "[0]", "[0,0]")).unwrap();
            if header.len() + 200 > len {
                break;
            }
        }
        let header = header + &member("t", "[0]", "[0,0]") + "}";
        format!("{header}{}", " ".repeat(len - header.len()))
    };
    vec![
        large("100 MB of nested lists", move || file(padded("{\"a\":", "[", "", 100_000_000), 0), too_long(100_000_000)),
        large("100 MB of spaces", move || file(padded("{", " ", "}", 100_000_000), 0), too_long(100_000_000)),
        large("100 MB of one name", move || file(padded("{\"", "n", "\":0}", 100_000_000), 0), too_long(100_000_000)),
        large("100 MB of numbers", move || file(padded("{\"a\":[0", ",0", "]}", 100_000_000), 0), too_long(99_999_999)),
        large("100 MB of tensors", move || file(many(100_000_000), 0), too_long(100_000_000)),
        large(
            "as many lists as a header can open",
            move || file(padded("{\"a\":", "[", "", 500_000), 0),
            says("its header is not the JSON it should be"),
        ),
        large(
            "as many lists as a header holds",
            move || file(padded("{\"a\":[0", ",[]", "]}", 500_000), 0),
            says("tensor \"a\" has no number type"),
        ),
        large(
            "as many numbers as a header holds",
            move || file(padded("{\"a\":[0", ",0", "]}", 500_000), 0),
            says("tensor \"a\" has no number type"),
        ),
        large(
            "as many objects as a header holds",
            move || file(padded("{\"a\":[0", ",{\"\":0}", "]}", 500_000), 0),
            says("tensor \"a\" has no number type"),
        ),
        large(
            "as many members as a header holds",
            move || file(padded("{\"a\":0", ",\"b\":0", "}", 500_000), 0),
            says("tensor \"b\" is described twice"),
        ),
        large(
            "as many tensors as a header holds",
            move || file(many(500_000), 1),
            says("1 bytes at its end belong to no tensor"),
        ),
        large(
            "as many sides as a header holds",
            move || one(&padded("\"dtype\":\"F32\",\"shape\":[1", ",1", "]", 499_900), 4),
            says("tensor \"a\" does not say in two whole numbers where it lies"),
        ),
        large(
            "as many notes as a header holds",
            move || file(padded("{\"__metadata__\":{\"a\":\"\"", ",\"b\":\"\"", "}}", 499_990), 7),
            says("7 bytes at its end belong to no tensor"),
        ),
        large(
            "100 MB of a web page",
            || b"<p>".repeat(33_333_333),
            says("it is a web page, perhaps one about the file that is meant"),
        ),
        large("100 MB of zeros", || vec![0; 100_000_000], says("its header does not begin with a brace")),
    ]
}
