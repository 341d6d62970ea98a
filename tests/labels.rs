//! Class names from real-world files: by spreadsheets on Korean Windows, training code and plain editors.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use encoding_rs::EUC_KR;
use proptest::prelude::*;
use stridescope_weights::Card;
use stridescope_weights::catalogue::card::Classes;
use stridescope_weights::labels::{Label, LabelsError, labels, read, with_imagenets};

fn euc_kr(bytes: &[u8]) -> Option<String> {
    EUC_KR.decode_without_bom_handling_and_without_replacement(bytes).map(String::from)
}

fn named(bytes: &[u8], classes: usize) -> Result<Vec<Label>, LabelsError> {
    read(bytes, classes, euc_kr)
}

fn names(bytes: &[u8], classes: usize) -> Vec<String> {
    named(bytes, classes)
        .unwrap_or_else(|error| panic!("{error}: {}", bytes.escape_ascii()))
        .into_iter()
        .map(|label| label.name)
        .collect()
}

/// "고양이", "강아지" in CP949, byte by byte.
const CAT: &[u8] = b"\xb0\xed\xbe\xe7\xc0\xcc";
const DOG: &[u8] = b"\xb0\xad\xbe\xc6\xc1\xf6";

#[test]
fn excels_encodings_are_read() {
    let text = "번호,이름\r\n0,고양이\r\n1,강아지\r\n";
    let utf_16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let cp949 = [b"\xb9\xf8\xc8\xa3,\xc0\xcc\xb8\xa7\r\n0,", CAT, b"\r\n1,", DOG, b"\r\n"].concat();
    let cases: [(&str, Vec<u8>); 6] = [
        ("UTF-8", text.into()),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("UTF-16, little-endian", [&b"\xff\xfe"[..], &utf_16(u16::to_le_bytes)].concat()),
        ("UTF-16, big-endian", [&b"\xfe\xff"[..], &utf_16(u16::to_be_bytes)].concat()),
        ("CP949", cp949),
        ("CP949, one a line", [CAT, b"\r\n", DOG].concat()),
    ];
    for (encoding, bytes) in cases {
        assert_eq!(names(&bytes, 2), ["고양이", "강아지"], "{encoding}");
    }
    // "뷁" is not among KS X 1001's syllables; one such name among common ones is still Korean.
    let rare = [&[CAT, b"\n"].concat().repeat(9)[..], b"\x94\xee\n"].concat();
    assert_eq!(names(&rare, 10)[9], "뷁");
}

#[test]
fn binary_files_and_unknown_encodings_are_rejected() {
    let utf_16_without_mark: Vec<u8> = "cat\ndog".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, &[u8], LabelsError); 11] = [
        ("an Excel workbook", b"PK\x03\x04\x14\0\x06\0", LabelsError::Workbook),
        ("an old one", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", LabelsError::Workbook),
        ("UTF-16 without a mark", &utf_16_without_mark, LabelsError::Binary),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", LabelsError::Binary),
        ("half a letter of UTF-16", b"\xff\xfec\0a", LabelsError::Encoding),
        ("a mark, and no UTF-8 behind it", b"\xef\xbb\xbf\xb0\xed", LabelsError::Encoding),
        ("Shift-JIS: inu, neko in hiragana", b"\x82\xa2\x82\xca\n\x82\xcb\x82\xb1", LabelsError::Encoding),
        ("EUC-JP: inu, neko in hiragana", b"\xa4\xa4\xa4\xcc\n\xa4\xcd\xa4\xb3", LabelsError::Encoding),
        (
            "GBK: Siamese cat, giant panda, zebra",
            b"\xe5\xdf\xc2\xde\xc3\xa8\n\xb4\xf3\xd0\xdc\xc3\xa8\n\xb0\xdf\xc2\xed",
            LabelsError::Encoding,
        ),
        ("Latin-1: Löwe, Bär", b"L\xf6we\nB\xe4r", LabelsError::Encoding),
        ("half a letter of CP949", b"\xb0\xed\xbe", LabelsError::Encoding),
    ];
    for (what, bytes, error) in cases {
        assert_eq!(named(bytes, 2), Err(error), "{what}");
    }
}

#[test]
fn json_of_training_code_is_read_in_numeric_order() {
    let cases = [
        r#"  ["a cat", "a dog"]"#,
        r#"{"0": "a cat", "1": "a dog"}"#,
        // As many lines as classes, which were once read as the names.
        "{\"1\": \"a dog\",\n\"0\": \"a cat\"}",
        r#"{"a cat": 0, "a dog": 1}"#,
        r#"{"a dog": 1, "a cat": 0}"#,
        r#"{"a dog": "1", "a cat": "0"}"#,
        r#"{"0": ["n02121808", "a cat"], "1": ["n02084071", "a dog"]}"#,
        r#"[["n02121808", "a cat"], ["n02084071", "a dog"]]"#,
        r#"{"model_type": "resnet", "id2label": {"0": "a cat", "1": "a dog"}, "label2id": {"a cat": 0, "a dog": 1}}"#,
        r#"{"class_to_idx": {"a dog": 1, "a cat": 0}}"#,
        r#"{"num_classes": 2, "label_names": ["a cat", "a dog"]}"#,
        r#"[{"id": 1, "name": "a dog"}, {"id": 0, "name": "a cat"}]"#,
        r#"{"categories": [{"id": 0, "name": "a cat"}, {"id": 1, "name": "a dog"}]}"#,
        "\u{feff}[\"a\\ncat\", \"a  dog\"]",
    ];
    for text in cases {
        assert_eq!(names(text.as_bytes(), 2), ["a cat", "a dog"], "{text}");
    }
    let keras = named(br#"{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}"#, 2).unwrap();
    assert_eq!((keras[1].wnid.as_str(), keras[1].name.as_str()), ("n01443537", "goldfish"));
    // ImageFolder's numbering of folders whose names are numbers.
    assert_eq!(names(br#"{"1": 0, "10": 1, "2": 2}"#, 3), ["1", "10", "2"]);
    // Eleven classes: sorted by number, not by digits.
    let eleven = (0..11).map(|n| format!("\"{n}\": \"name {n}\"")).collect::<Vec<_>>().join(",");
    assert_eq!(names(format!("{{{eleven}}}").as_bytes(), 11)[2], "name 2");
}

#[test]
fn tables_are_distinguished_from_names_with_commas() {
    let cases = [
        // Lists.
        ("a cat\na dog", ["a cat", "a dog"]),
        ("\r\n a cat \r\n\r\na dog\r\n\r\n\r\n", ["a cat", "a dog"]),
        ("tench, Tinca tinca\ngoldfish, Carassius auratus", ["tench, Tinca tinca", "goldfish, Carassius auratus"]),
        ("\"tench, Tinca tinca\"\n\"the \"\"cock\"\"\"", ["tench, Tinca tinca", "the \"cock\""]),
        ("\"Weird\" cat\n5\" nail", ["\"Weird\" cat", "5\" nail"]),
        ("name\na cat\na dog", ["a cat", "a dog"]),
        ("이름\n고양이\n개\n", ["고양이", "개"]),
        ("[background]\na cat", ["[background]", "a cat"]),
        ("class 1\nclass 2", ["class 1", "class 2"]),
        ("Boeing 747\nBoeing 777", ["Boeing 747", "Boeing 777"]),
        ("black; white\nred; green", ["black; white", "red; green"]),
        // Tables.
        ("0,a cat\n1,a dog\n", ["a cat", "a dog"]),
        ("1,a dog\n0,a cat", ["a cat", "a dog"]),
        ("id,name\n0,a cat\n1,a dog\n", ["a cat", "a dog"]),
        ("name,label\na dog,1\na cat,0\n", ["a cat", "a dog"]),
        ("번호;이름\r\n0;고양이\r\n1;개\r\n;\r\n;\r\n", ["고양이", "개"]),
        ("이름\t영어\n고양이\tcat\n개\tdog", ["고양이", "개"]),
        ("번호,이름\n1,고양이\n2,개", ["고양이", "개"]),
        ("0,\"tench, Tinca tinca\",,\n1,\"the \"\"cock\"\"\",,\n,,,\n", ["tench, Tinca tinca", "the \"cock\""]),
        ("0,tench, Tinca tinca\n1,goldfish", ["tench, Tinca tinca", "goldfish"]),
        ("n01440764,tench\nn01443537,goldfish", ["tench", "goldfish"]),
        ("n01440764\ttench\nn01443537\tgoldfish", ["tench", "goldfish"]),
        ("n01440764 tench, Tinca tinca\nn01443537 goldfish", ["tench, Tinca tinca", "goldfish"]),
        ("wnid,name\nn01440764,tench\nn01443537,goldfish", ["tench", "goldfish"]),
        ("/a/airfield 0\n/a/airport 1", ["/a/airfield", "/a/airport"]),
        ("0: a cat\n1: a big dog", ["a cat", "a big dog"]),
        ("0: a cat\n1: a dog", ["a cat", "a dog"]),
        ("1. cat\n2. dog", ["cat", "dog"]),
    ];
    for (text, wanted) in cases {
        assert_eq!(names(text.as_bytes(), 2), wanted, "{text:?}");
    }
    let wnids = named(b"n01440764\nn01443537", 2).unwrap();
    let imagenets = labels(&Classes::Wnids(vec!["n01440764".into(), "n01443537".into()]));
    assert_eq!(with_imagenets(wnids), imagenets, "a wnid alone has ImageNet's name");
    let card = Card::unknown("resnet50-b", 1000);
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/labels/imagenet-1k.tsv")).unwrap();
    assert_eq!(named(&whole, 1000).unwrap(), labels(&card.classes));
    let long = "a".repeat(10_000);
    assert_eq!(names(format!("{long}\nb").as_bytes(), 2)[0].len(), 200);
}

#[test]
fn names_that_do_not_fit_the_network_are_rejected_with_a_reason() {
    let count = |found| LabelsError::Count { found, classes: 2 };
    let cases = [
        ("", count(0)),
        ("one", count(1)),
        ("name\none", LabelsError::Count { found: 2, classes: 3 }),
        ("a\nb\nc", count(3)),
        ("{}", count(0)),
        (r#"["a"]"#, count(1)),
        (r#"{"0": "a", "1": "b", "2": "c"}"#, count(3)),
        ("0,a\n1,b\n2,c", count(3)),
        (r#"{"1": "a", "2": "b"}"#, LabelsError::Numbers { last: 1 }),
        (r#"{"0": "a", "7": "b"}"#, LabelsError::Numbers { last: 1 }),
        (r#"{"a": 1, "b": 1}"#, LabelsError::Numbers { last: 1 }),
        ("id,name\n2,a\n1,b", LabelsError::Numbers { last: 1 }),
        ("0,a\n0,b", LabelsError::Numbers { last: 1 }),
        (r#"{"a": "b", "c": "d"}"#, LabelsError::Shape),
        (r#"[1.5, [], {}]"#, LabelsError::Shape),
        (r#"{"0": "a", "1": ""}"#, LabelsError::Empty { index: 1 }),
        ("0,a\n1,\n", LabelsError::Empty { index: 1 }),
    ];
    for (text, error) in cases {
        let classes = if let LabelsError::Count { classes, .. } = error { classes } else { 2 };
        assert_eq!(named(text.as_bytes(), classes), Err(error), "{text:?}");
    }
    // As Python prints a dictionary.
    let python = named(b"{0: 'a cat',\n 1: 'a dog'}", 2).unwrap_err();
    assert!(python.to_string().starts_with("this begins as JSON does, but is none: "), "{python}");
    assert!(count(1).to_string().starts_with("names in this file: 1; classes of the network: 2."), "no \"1 names\"");
}

proptest! {
    #[test]
    fn the_parser_never_panics_on_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), classes in 0usize..5) {
        let found = named(&bytes, classes);
        prop_assert!(found.is_err() || found.is_ok_and(|labels| labels.len() == classes));
    }

    #[test]
    fn the_parser_never_panics_on_random_text(text in "[\\[\\]{}\",;:\t\n 0-9a-c고]{0,60}", classes in 0usize..5) {
        let found = named(text.as_bytes(), classes);
        prop_assert!(found.is_err() || found.is_ok_and(|labels| labels.len() == classes));
    }
}
