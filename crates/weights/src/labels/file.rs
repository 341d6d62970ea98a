//! Names of classes out of a file of the user's: lists, CSV as spreadsheets write it, and JSON as training code writes it.

use super::Label;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use stridescope_i18n::{Explain, Message, explained, msg};

/// Longest name that is kept, in characters.
const LONGEST: usize = 200;
/// Columns of a table that hold names, by what their heading may be.
const NAME_HEADS: [&str; 19] = [
    "name",
    "names",
    "class_name",
    "class name",
    "classname",
    "label_name",
    "label name",
    "label",
    "labels",
    "class",
    "classes",
    "category",
    "title",
    "이름",
    "클래스명",
    "클래스",
    "라벨",
    "레이블",
    "분류",
];
/// Keys of a JSON object under which the names stand: those of transformers, timm, torchvision's `ImageFolder`, COCO and YOLO.
const WRAPPERS: [&str; 10] = [
    "id2label",
    "label2id",
    "idx_to_class",
    "class_to_idx",
    "label_names",
    "names",
    "class_names",
    "classes",
    "labels",
    "categories",
];
/// Keys of one class' own JSON object.
const NAME_KEYS: [&str; 4] = ["name", "label", "class", "title"];
const NUMBER_KEYS: [&str; 3] = ["id", "index", "idx"];

/// Why a file names no classes. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelsError {
    /// A spreadsheet or an archive.
    Workbook,
    /// Bytes that are no text.
    Binary,
    /// Text in an encoding that is not known here.
    Encoding,
    /// Broken JSON.
    Json(Message),
    /// JSON of another shape.
    Shape,
    /// Not as many as the network has.
    Count {
        /// In the file.
        found: usize,
        /// Of the network.
        classes: usize,
    },
    /// A numbering with gaps, twins or another start.
    Numbers {
        /// Number of the last class.
        last: usize,
    },
    /// A class whose name is empty.
    Empty {
        /// Its number.
        index: usize,
    },
}

explained!(LabelsError);

impl Explain for LabelsError {
    fn message(&self) -> Message {
        match self {
            Self::Workbook => {
                msg!(
                    "this is a spreadsheet or an archive, no text. Save the names as text (in Excel: CSV UTF-8) and choose that file"
                )
            }
            Self::Binary => msg!("this file is no text. Save the names as UTF-8 text (in Excel: CSV UTF-8), one a line"),
            Self::Encoding => {
                msg!("this file's encoding is neither UTF-8, UTF-16 nor Korean (CP949). Save it as UTF-8 (in Excel: CSV UTF-8)")
            }
            Self::Json(why) => {
                msg!("this begins as JSON does, but is none: {}. Save it again, or write one name a line", why)
            }
            Self::Shape => msg!(
                "this JSON holds no names of classes: a list of names is read, and an object of numbers and names. Or write one name a line"
            ),
            Self::Count { found, classes } => msg!(
                "names in this file: {}; classes of the network: {}. Write one name a line, in the order of the network's classes",
                found,
                classes
            ),
            Self::Numbers { last } => msg!(
                "the numbers in this file are not 0 to {}, each once. Number the classes as the network counts them, from 0",
                last
            ),
            Self::Empty { index } => {
                msg!("class {} has an empty name in this file. Write one name for each class", index)
            }
        }
    }
}

/// Reads the names of a network's classes, in the network's order.
///
/// The encoding is the one that a byte-order mark states, else UTF-8 where the file is valid UTF-8, else Korean Windows' CP949 (`euc-kr` in
/// the sense of the WHATWG's Encoding Standard) where the bytes are those of Korean text; `euc_kr` decodes it, and refuses what is none. The
/// file is a JSON list or object, a table (tabs, semicolons or commas; a column of numbers, of wnids or a heading tells it from names with
/// commas), or one name a line. A wnid alone is its own name: see [`with_imagenets`](super::with_imagenets).
///
/// # Errors
/// When the names cannot be read, or are not one for each class.
pub fn read(bytes: &[u8], classes: usize, euc_kr: impl FnOnce(&[u8]) -> Option<String>) -> Result<Vec<Label>, LabelsError> {
    let text = decode(bytes, euc_kr)?;
    let found = match json(&text)? {
        Some(value) => listed(&value, classes)?,
        None => match tabled(&text, classes) {
            Some(labels) => labels?,
            None => lines(&text, classes),
        },
    };
    if found.len() != classes {
        return Err(LabelsError::Count { found: found.len(), classes });
    }
    match found.iter().position(|label| label.name.is_empty()) {
        Some(index) => Err(LabelsError::Empty { index }),
        None => Ok(found),
    }
}

fn decode(bytes: &[u8], euc_kr: impl FnOnce(&[u8]) -> Option<String>) -> Result<String, LabelsError> {
    let utf_16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, odd) = rest.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| odd.is_empty()).ok_or(LabelsError::Encoding)
    };
    let text = match bytes {
        // Office's old and new files; the new ones are ZIP archives.
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(LabelsError::Workbook),
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| LabelsError::Encoding)?,
        // Also UTF-16 without its mark, which nothing tells from other bytes for sure.
        bytes if bytes.contains(&0) => return Err(LabelsError::Binary),
        bytes => match str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) if is_korean(bytes) => euc_kr(bytes).ok_or(LabelsError::Encoding)?,
            Err(_) => return Err(LabelsError::Encoding),
        },
    };
    if text.contains('\0') { Err(LabelsError::Binary) } else { Ok(text) }
}

/// Whether bytes that are no UTF-8 are Korean text in CP949, and not what would decode as such by chance: Chinese, Japanese or Western text.
///
/// Nine of ten letters must be among the 2,350 syllables of KS X 1001, whose lead bytes are B0 to C8 and whose trail bytes are A1 to FE;
/// symbols, in the rows before, count for nothing. Of Chinese text in GBK about half of the letters lie there.
fn is_korean(bytes: &[u8]) -> bool {
    let (mut letters, mut syllables) = (0usize, 0usize);
    let mut rest = bytes;
    loop {
        match rest {
            [] => return syllables > 0 && 10 * syllables >= 9 * letters,
            [first, after @ ..] if first.is_ascii() => rest = after,
            [lead @ 0x81..=0xfe, trail @ 0x41..=0xfe, after @ ..] => {
                let is_row = *trail >= 0xa1;
                if !(is_row && (0xa1..=0xaf).contains(lead) && *lead != 0xa4) {
                    letters += 1;
                    syllables += usize::from(is_row && (0xb0..=0xc8).contains(lead));
                }
                rest = after;
            }
            _ => return false,
        }
    }
}

/// The file as JSON; nothing where it does not begin as JSON does.
fn json(text: &str) -> Result<Option<Value>, LabelsError> {
    let text = text.trim();
    let is_json = match text.strip_prefix('[') {
        // A name may stand in brackets.
        Some(inside) => inside.trim_start().starts_with(|letter: char| "\"[]{'".contains(letter) || letter.is_ascii_digit()),
        None => text.starts_with('{'),
    };
    if !is_json {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|error| LabelsError::Json(Message::Verbatim(error.to_string())))
}

fn listed(value: &Value, classes: usize) -> Result<Vec<Label>, LabelsError> {
    match value {
        Value::Array(items) => {
            let numbers: Option<Vec<usize>> =
                items.iter().map(|item| first_of(item.as_object()?, &NUMBER_KEYS, number)).collect();
            let labels = items.iter().map(label).collect::<Option<Vec<Label>>>().ok_or(LabelsError::Shape)?;
            match numbers {
                Some(numbers) if !numbers.is_empty() => ordered(numbers.into_iter().zip(labels).collect(), classes),
                _ => Ok(labels),
            }
        }
        Value::Object(map) => {
            if let Some(inner) =
                WRAPPERS.iter().filter_map(|key| map.get(*key)).find(|inner| inner.is_array() || inner.is_object())
            {
                return listed(inner, classes);
            }
            // Folders can have numbers for names, so what is a number for sure comes first.
            let by_name = |(key, value): (&String, &Value)| Some((integer(value)?, Label::of(key)));
            let by_number = |(key, value): (&String, &Value)| Some((key.trim().parse().ok()?, label(value)?));
            let by_text = |(key, value): (&String, &Value)| Some((number(value)?, Label::of(key)));
            let numbered: Option<Vec<(usize, Label)>> = map
                .iter()
                .map(by_name)
                .collect::<Option<_>>()
                .or_else(|| map.iter().map(by_number).collect())
                .or_else(|| map.iter().map(by_text).collect());
            ordered(numbered.ok_or(LabelsError::Shape)?, classes)
        }
        _ => Err(LabelsError::Shape),
    }
}

/// One class in JSON: its name; its wnid and its name, as Keras' `imagenet_class_index.json` has it; or an object of them.
fn label(value: &Value) -> Option<Label> {
    match value {
        Value::String(name) => Some(Label::of(name)),
        Value::Number(number) => Some(Label::of(&number.to_string())),
        Value::Array(parts) => match &parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?[..] {
            [name] => Some(Label::of(name)),
            [wnid, name, ..] if is_wnid(wnid) => Some(Label { wnid: (*wnid).into(), name: tidy(name) }),
            _ => None,
        },
        Value::Object(map) => first_of(map, &NAME_KEYS, |value| value.as_str().map(Label::of)),
        _ => None,
    }
}

fn first_of<T>(map: &Map<String, Value>, keys: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    keys.iter().find_map(|key| map.get(*key).and_then(&read))
}

fn integer(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

fn number(value: &Value) -> Option<usize> {
    integer(value).or_else(|| value.as_str()?.trim().parse().ok())
}

/// Labels in the order of their numbers, which must be those of the network's classes.
fn ordered(mut numbered: Vec<(usize, Label)>, classes: usize) -> Result<Vec<Label>, LabelsError> {
    if numbered.len() != classes {
        return Err(LabelsError::Count { found: numbered.len(), classes });
    }
    numbered.sort_by_key(|(number, _)| *number);
    if numbered.iter().enumerate().any(|(at, (number, _))| at != *number) {
        return Err(LabelsError::Numbers { last: classes.saturating_sub(1) });
    }
    Ok(numbered.into_iter().map(|(_, label)| label).collect())
}

/// The file as a table; nothing where it is none.
fn tabled(text: &str, classes: usize) -> Option<Result<Vec<Label>, LabelsError>> {
    b"\t;, ".iter().find_map(|delimiter| {
        let rows = rows(text, *delimiter);
        let width = rows.iter().map(Vec::len).max().filter(|width| *width > 1)?;
        // Names hold spaces more often than not.
        let is_regular = rows.iter().all(|row| row.len() == width) && (*delimiter != b' ' || width == 2);
        if is_regular {
            from_columns(&rows, width, classes, *delimiter == b' ')
        } else {
            from_first_cells(&rows, *delimiter, classes)
        }
    })
}

/// Records of CSV without those that hold nothing, and without the columns that hold nothing anywhere: spreadsheets write both.
fn rows(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    let (mut rows, mut row) = (Vec::<Vec<String>>::new(), Vec::new());
    // As long as everything, so that a field always has room.
    let mut cell = vec![0; text.len() + 1];
    let (mut rest, mut filled) = (text.as_bytes(), 0);
    loop {
        let (result, read, written) = reader.read_field(rest, &mut cell[filled..]);
        rest = &rest[read..];
        filled += written;
        match result {
            csv_core::ReadFieldResult::InputEmpty => {}
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push(String::from_utf8_lossy(&cell[..filled]).trim().to_string());
                filled = 0;
                if record_end {
                    rows.push(std::mem::take(&mut row));
                }
            }
            csv_core::ReadFieldResult::OutputFull | csv_core::ReadFieldResult::End => break,
        }
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let is_used = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()));
    let used: Vec<usize> = (0..width).filter(|column| is_used(*column)).collect();
    rows.iter().map(|row| used.iter().filter_map(|column| row.get(*column).cloned()).collect()).collect()
}

/// Labels of a table with as many cells in every row.
fn from_columns(
    rows: &[Vec<String>],
    width: usize,
    classes: usize,
    needs_numbers: bool,
) -> Option<Result<Vec<Label>, LabelsError>> {
    let (first, others) = rows.split_first()?;
    let lower: Vec<String> = first.iter().map(|cell| cell.to_lowercase()).collect();
    let is_number = |row: &[String], column: usize| cell_number(&row[column]).is_some();
    let is_numbers = |rows: &[Vec<String>], column: usize| !rows.is_empty() && rows.iter().all(|row| is_number(row, column));
    let is_name_head = |cell: &String| NAME_HEADS.contains(&cell.as_str());
    let heads_numbers = (0..width).any(|column| is_numbers(others, column) && !is_number(first, column));
    let has_head = heads_numbers || (lower.iter().any(is_name_head) && (0..width).all(|column| !is_number(first, column)));
    let body = if has_head { others } else { rows };

    let numbers: Vec<usize> = (0..width).filter(|column| is_numbers(body, *column)).collect();
    let of_column = |column: usize| body.iter().filter_map(|row| cell_number(&row[column])).collect::<Vec<usize>>();
    let numbering = numbers.iter().find_map(|column| numbering(of_column(*column)).map(|order| (*column, order)));
    if !numbers.is_empty() && numbering.is_none() && !needs_numbers {
        return Some(Err(LabelsError::Numbers { last: classes.saturating_sub(1) }));
    }
    let wnids = (0..width).find(|column| body.iter().all(|row| is_wnid(&row[*column])));
    let is_text = |column: &usize| !numbers.contains(column) && wnids != Some(*column);
    let headed = (0..width).find(|column| has_head && is_text(column) && is_name_head(&lower[*column]));
    if numbering.is_none() && (needs_numbers || (wnids.is_none() && headed.is_none())) {
        return None;
    }
    let named = headed.or_else(|| (0..width).find(is_text));
    let label = |row: &Vec<String>| match (wnids, named) {
        (Some(wnid), Some(name)) => Some(Label { wnid: row[wnid].clone(), name: tidy(&row[name]) }),
        (only, name) => name.or(only).map(|column| Label::of(&row[column])),
    };
    let labels = body.iter().map(label).collect::<Option<Vec<Label>>>()?;
    // "class 1" to "class 9" are names, not nine times "class".
    if needs_numbers && labels.iter().map(|label| &label.name).collect::<BTreeSet<_>>().len() < labels.len() {
        return None;
    }
    match numbering {
        Some((_, order)) => Some(ordered(order.into_iter().zip(labels).collect(), classes)),
        None => Some(Ok(labels)),
    }
}

/// Labels of rows whose names hold the delimiter themselves, unquoted, behind a number or a wnid.
fn from_first_cells(rows: &[Vec<String>], delimiter: u8, classes: usize) -> Option<Result<Vec<Label>, LabelsError>> {
    let glue = if delimiter == b' ' { " ".to_string() } else { format!("{} ", char::from(delimiter)) };
    let split = |row: &Vec<String>| row.split_first().map(|(first, rest)| (first.clone(), rest.join(&glue)));
    let mut cells: Vec<(String, String)> = rows.iter().filter_map(split).collect();
    // A heading.
    if cells.first().is_some_and(|(first, _)| cell_number(first).is_none() && !is_wnid(first)) {
        cells.remove(0);
    }
    if cells.iter().all(|(first, _)| is_wnid(first)) {
        return Some(Ok(cells.into_iter().map(|(wnid, name)| Label { wnid, name: tidy(&name) }).collect()));
    }
    let order = numbering(cells.iter().map(|(first, _)| cell_number(first)).collect::<Option<_>>()?)?;
    Some(ordered(order.into_iter().zip(cells.iter().map(|(_, name)| Label::of(name))).collect(), classes))
}

/// The class of each row of a column of numbers: 0 and up in any order, or 1 and up down the file, as rows are counted by hand.
fn numbering(numbers: Vec<usize>) -> Option<Vec<usize>> {
    if numbers.iter().enumerate().all(|(at, number)| at + 1 == *number) {
        return Some((0..numbers.len()).collect());
    }
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    sorted.into_iter().enumerate().all(|(at, number)| at == number).then_some(numbers)
}

/// A number in a table or before a name: `7`, `7:`, `7.`, `7)`.
fn cell_number(cell: &str) -> Option<usize> {
    cell.trim_end_matches([':', '.', ')']).parse().ok()
}

/// One name a line. A heading is left out where there is one line too many for the network.
fn lines(text: &str, classes: usize) -> Vec<Label> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_head = |line: &&str| NAME_HEADS.contains(&line.to_lowercase().as_str());
    let heading = usize::from(lines.len() == classes + 1 && lines.first().is_some_and(is_head));
    let is_quoted = |line: &str| line.len() > 1 && line.starts_with('"') && line.ends_with('"');
    // No line of text holds this delimiter.
    let unquoted = |line: &str| rows(line, 0x1f).into_iter().flatten().next().unwrap_or_default();
    lines.iter().skip(heading).map(|line| if is_quoted(line) { Label::of(&unquoted(line)) } else { Label::of(line) }).collect()
}

impl Label {
    /// Of what a file says of a class: a wnid, a wnid and a name, or a name, which then stands for both.
    fn of(text: &str) -> Self {
        let text = tidy(text);
        let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
        if !is_wnid(first) {
            return Self { wnid: text.clone(), name: text };
        }
        Self { wnid: first.into(), name: if rest.is_empty() { first } else { rest }.into() }
    }
}

/// Whether this is an id of WordNet's nouns: `n02124075`.
fn is_wnid(text: &str) -> bool {
    text.strip_prefix('n').is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// A name on one line, without what no eye sees, and of a length that a table can hold.
fn tidy(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}
