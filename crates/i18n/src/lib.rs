//! Two languages: what the program says is written in English where it is said, and looked up in a catalogue of translations, as gettext does it.
//!
//! [`tr!`](crate::tr) says a sentence that is written at that place, with values put in. [`say`] translates a sentence that was put together
//! elsewhere: by the engine, which speaks English only, or as part of a network's description. While no catalogue is loaded everything is English.

mod message;
pub mod numbers;

pub use message::Message;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, RwLock};

/// Translations by their English originals. In both `{}` stands for a value, in order, and `{0}`, `{name}` for a certain one.
#[derive(Debug, Default)]
pub struct Catalogue {
    exact: HashMap<String, String>,
    /// Those with values, the ones with the most letters first, so that the most particular is found.
    patterns: Vec<Pattern>,
    /// Names of classes by their WordNet ids.
    labels: HashMap<String, String>,
}

#[derive(Debug)]
struct Pattern {
    parts: Vec<Part>,
    translation: String,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A value, by its name; one without a name is called by its place.
    Value(String),
}

/// The catalogue in use: one for the whole program, like the language of its reader.
static CATALOGUE: RwLock<Option<Arc<Catalogue>>> = RwLock::new(None);

/// Speaks by this catalogue from now on; English without one.
pub fn set_catalogue(catalogue: Option<Catalogue>) {
    if let Ok(mut spoken) = CATALOGUE.write() {
        *spoken = catalogue.map(Arc::new);
    }
}

fn catalogue() -> Option<Arc<Catalogue>> {
    CATALOGUE.read().ok()?.clone()
}

impl Catalogue {
    /// Reads a JSON object of English originals and their translations, and lines of a WordNet id, a tab and the name of a class.
    ///
    /// # Errors
    /// When the first is no such object.
    pub fn read(sentences: &str, labels: &str) -> Result<Self, serde_json::Error> {
        let exact: HashMap<String, String> = serde_json::from_str(sentences)?;
        let letters = |pattern: &Pattern| -> usize { pattern.parts.iter().map(Part::letters).sum() };
        let has_values = |(key, _): &(&String, &String)| parts(key).iter().any(|part| matches!(part, Part::Value(_)));
        let mut patterns: Vec<Pattern> = exact
            .iter()
            .filter(has_values)
            .map(|(key, translation)| Pattern { parts: parts(key), translation: translation.clone() })
            .filter(|pattern| letters(pattern) > 0)
            .collect();
        patterns.sort_by(|a, b| letters(b).cmp(&letters(a)).then_with(|| a.translation.cmp(&b.translation)));
        let labels = labels.lines().filter_map(|line| line.split_once('\t')).map(|(id, name)| (id.into(), name.into())).collect();
        Ok(Self { exact, patterns, labels })
    }

    /// What a whole sentence is in this language: known as it is, or by a template whose values are sentences or words themselves.
    fn sentence(&self, english: &str) -> Option<String> {
        if let Some(translation) = self.exact.get(english) {
            return Some(translation.clone());
        }
        self.patterns.iter().find_map(|pattern| {
            let values = matched(&pattern.parts, english)?;
            let quoted = quoted(&pattern.parts);
            let values: Vec<(String, String)> = values
                .into_iter()
                .map(|(name, value)| {
                    let stays = value == english || quoted.contains(&name);
                    let value = if stays { value.into() } else { self.part(value) };
                    (name, value)
                })
                .collect();
            Some(filled(&pattern.translation, |name| {
                values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            }))
        })
    }

    /// What a sentence or a word is in this language, if anybody translated it.
    pub fn translated(&self, english: &str) -> Option<String> {
        self.any_case(english)
    }

    fn part(&self, english: &str) -> String {
        self.any_case(english).unwrap_or_else(|| english.into())
    }

    /// Errors are written without a capital and a full stop, and shown with both.
    fn any_case(&self, english: &str) -> Option<String> {
        self.sentence(english).or_else(|| {
            let bare = english.strip_suffix('.')?;
            let mut letters = bare.chars();
            let lower: String = letters.next()?.to_lowercase().chain(letters).collect();
            [bare, &lower]
                .into_iter()
                .find_map(|form| self.sentence(form))
                .map(|said| if said.ends_with('.') { said } else { said + "." })
        })
    }
}

impl Part {
    fn letters(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Value(_) => 0,
        }
    }
}

/// The pieces of a template; how a value is to be written, after a colon, is left out.
fn parts(template: &str) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    let mut place = 0;
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        if !before.is_empty() {
            out.push(Part::Text(before.into()));
        }
        let name = name.split(':').next().unwrap_or_default();
        out.push(Part::Value(if name.is_empty() { place.to_string() } else { name.into() }));
        place += 1;
        rest = after;
    }
    if !rest.is_empty() {
        out.push(Part::Text(rest.into()));
    }
    out
}

/// The values that stand in quotation marks: names and what a reader wrote, which are the same in every language.
fn quoted(parts: &[Part]) -> Vec<String> {
    let is_quoted = |trio: &[Part]| match trio {
        [Part::Text(before), Part::Value(name), Part::Text(after)] if before.ends_with('"') && after.starts_with('"') => {
            Some(name.clone())
        }
        _ => None,
    };
    parts.windows(3).filter_map(is_quoted).collect()
}

/// The values with which a template makes this text, each with its name.
fn matched<'a>(parts: &[Part], text: &'a str) -> Option<Vec<(String, &'a str)>> {
    let mut values = Vec::new();
    let mut rest = text;
    let mut open: Option<&String> = None;
    for (index, part) in parts.iter().enumerate() {
        match (part, open) {
            (Part::Value(name), None) => open = Some(name),
            // Two values beside each other cannot be told apart.
            (Part::Value(_), Some(_)) => return None,
            (Part::Text(part), None) => rest = rest.strip_prefix(part.as_str())?,
            (Part::Text(part), Some(name)) => {
                let at =
                    if index + 1 == parts.len() { rest.strip_suffix(part.as_str())?.len() } else { rest.find(part.as_str())? };
                values.push((name.clone(), &rest[..at]));
                rest = &rest[at + part.len()..];
                open = None;
            }
        }
    }
    match open {
        // A full stop at the end is the sentence's, not the value's.
        Some(_) if rest.ends_with('.') => return None,
        Some(name) => values.push((name.clone(), rest)),
        None if !rest.is_empty() => return None,
        None => {}
    }
    // A value that stands twice must be the same twice.
    let is_same = |(name, value): &(String, &str)| values.iter().all(|(other, again)| other != name || again == value);
    values.iter().all(is_same).then_some(values)
}

/// A template with its values put in; what has no value stays as it is written.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let put = |part: Part| match part {
        Part::Text(text) => text,
        Part::Value(name) => value(&name).unwrap_or_else(|| format!("{{{name}}}")),
    };
    parts(template).into_iter().map(put).collect()
}

/// What an English sentence, put together elsewhere, is in the reader's language; itself where nobody translated it.
pub fn translate(english: &str) -> String {
    catalogue().and_then(|catalogue| catalogue.any_case(english)).unwrap_or_else(|| english.into())
}

/// A message of a lower layer as a sentence in the reader's language: upper case first, full stop last. A name that it begins with, as of a host or
/// a network, stays as it is: it holds something else than letters. A name that may be any word, as a file's, stands in quotation marks.
pub fn sentence(message: &str) -> String {
    let message = translate(message);
    let mut sentence = message.clone();
    let first = message.split(char::is_whitespace).next().unwrap_or_default().trim_end_matches([',', ':', ';', '.', '!', '?']);
    let is_word = first.bytes().all(|letter| letter.is_ascii_alphabetic() || letter == b'\'');
    if let Some(letter) = sentence.get_mut(..1).filter(|_| is_word) {
        letter.make_ascii_uppercase();
    }
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    sentence + end
}

/// The name of a class in the reader's language, by its WordNet id, or else the English one.
pub fn label(wnid: &str, english: &str) -> String {
    catalogue().and_then(|catalogue| catalogue.labels.get(wnid).cloned()).unwrap_or_else(|| english.into())
}

/// What [`tr!`](crate::tr) does with a template and its values.
pub fn format(template: &str, values: &[&dyn Display]) -> String {
    let catalogue = catalogue();
    let template = catalogue.as_ref().and_then(|catalogue| catalogue.exact.get(template)).map_or(template, String::as_str);
    if values.is_empty() {
        return template.into();
    }
    filled(template, |place| values.get(place.parse::<usize>().ok()?).map(ToString::to_string))
}

/// Says a sentence in the reader's language: `tr!("Moved by {} px", shift)`; one thing or many: `tr!("One layer" | "{} layers" % count)`.
///
/// Values stand for `{}` in order, or for `{0}`, `{1}`; of one or many, the number is the first.
#[macro_export]
macro_rules! tr {
    ($one:literal | $many:literal % $count:expr $(, $value:expr)* $(,)?) => {{
        let count = $count;
        $crate::format(if count == 1 { $one } else { $many }, &[&count $(, &$value)*])
    }};
    ($text:literal $(, $value:expr)* $(,)?) => {
        $crate::format($text, &[$(&$value),*])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCES: &str = r#"{
        "Moved by {} px": "{}픽셀 이동",
        "{0} of {1} values differ.": "값 {1}개 중 {0}개가 다르다.",
        "the size {size} is not between {min} and {max}": "크기 {size}은(는) {min}에서 {max} 사이가 아니다",
        "{name}: {source}": "{name}: {source}",
        "stride": "보폭",
        "{what} {before} → {after}": "{what} {before} → {after}",
        "tensor \"{name}\" has {what}": "텐서 “{name}”: {what}",
        "the file ended early": "파일이 도중에 끝났다"
    }"#;

    fn korean() -> Catalogue {
        Catalogue::read(SENTENCES, "n01440764\t텐치\n").expect("a catalogue")
    }

    #[test]
    fn sentences_are_found_as_they_are_or_by_their_template() {
        let cases = [
            ("stride", Some("보폭")),
            ("Moved by 7 px", Some("7픽셀 이동")),
            ("3 of 4 values differ.", Some("값 4개 중 3개가 다르다.")),
            ("The size 9 is not between 32 and 1024.", Some("크기 9은(는) 32에서 1024 사이가 아니다.")),
            ("the size 9 is not between 32 and 1024", Some("크기 9은(는) 32에서 1024 사이가 아니다")),
            ("a.pth: the file ended early", Some("a.pth: 파일이 도중에 끝났다")),
            ("stride 2 → 1", Some("보폭 2 → 1")),
            ("A.pth: the file ended early.", Some("A.pth: 파일이 도중에 끝났다.")),
            // A name that is a word as well stays a name.
            ("tensor \"stride\" has stride", Some("텐서 “stride”: 보폭")),
            ("nobody translated this", None),
            ("", None),
        ];
        for (english, korean_text) in cases {
            assert_eq!(korean().any_case(english).as_deref(), korean_text, "{english}");
        }
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_a_name_as_it_is() {
        let cases = [
            ("the file ended early", "The file ended early."),
            ("this is no picture. Choose another", "This is no picture. Choose another."),
            ("\"mine.pth\" is missing", "\"mine.pth\" is missing."),
            ("\"weights\" is missing!", "\"weights\" is missing!"),
            ("huggingface.co answered 404", "huggingface.co answered 404."),
            ("timm/resnet50d on Hugging Face cannot be used", "timm/resnet50d on Hugging Face cannot be used."),
            ("tiny-a: the file ended early", "tiny-a: the file ended early."),
            ("layer1.0.conv1 is read twice", "layer1.0.conv1 is read twice."),
            ("x86_64 is no network", "x86_64 is no network."),
            ("neither: it is none", "Neither: it is none."),
            ("éclair is no network", "éclair is no network."),
            ("stop", "Stop."),
            ("", "."),
        ];
        for (message, shown) in cases {
            assert_eq!(sentence(message), shown, "{message}");
        }
    }

    #[test]
    fn values_are_put_in_by_place_and_by_name() {
        assert_eq!(format("{} of {}", &[&1, &2]), "1 of 2");
        assert_eq!(format("{1} before {0}", &[&1, &2]), "2 before 1");
        assert_eq!(format("{} and {5}", &[&1]), "1 and {5}");
        assert_eq!(tr!("One layer" | "{} layers" % 1), "One layer");
        assert_eq!(tr!("One layer" | "{} layers in {}" % 3, "a"), "3 layers in a");
        assert_eq!(tr!("100 %"), "100 %");
    }

    #[test]
    fn a_message_is_put_into_words_where_it_is_shown() {
        let cases = [
            (msg!("Moved by {} px", 7), "Moved by 7 px"),
            (msg!("One layer" | "{} layers" % 1), "One layer"),
            (msg!("One layer" | "{} layers in {}" % 3, "a"), "3 layers in a"),
            (Message::English("the file ended early".into()), "The file ended early."),
            (Message::joined(": ", [Message::Name("Mine.pth".into()), msg!("Stop.")]), "Mine.pth: Stop."),
            (Message::joined(" ", []), ""),
        ];
        for (message, shown) in cases {
            assert_eq!(message.to_string(), shown);
        }
    }

    #[test]
    fn a_template_matches_its_own_text_only() {
        assert_eq!(matched(&parts("a {} b"), "a x b"), Some(vec![("0".into(), "x")]));
        assert_eq!(matched(&parts("a {} b"), "a x c"), None);
        assert_eq!(matched(&parts("{n} × {n}"), "3 × 3"), Some(vec![("n".into(), "3"), ("n".into(), "3")]));
        assert_eq!(matched(&parts("{n} × {n}"), "3 × 4"), None);
        assert_eq!(matched(&parts("{:.1} MB"), "4.2 MB"), Some(vec![("0".into(), "4.2")]));
        assert_eq!(matched(&parts("plain"), "plain"), Some(vec![]));
        assert_eq!(matched(&parts("plain"), "plainer"), None);
    }
}
