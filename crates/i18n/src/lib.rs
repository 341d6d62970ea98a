//! Two languages: what the program says is written in English where it is said, and looked up in a catalogue of translations, as gettext does it.
//!
//! [`tr!`](crate::tr) says a sentence that is written at that place, with values put in. [`msg!`](crate::msg) makes a [`Message`] of it, which is put
//! into words later, where it is shown; errors [`Explain`] themselves by one. [`translate`] looks up words of data, such as a sample's title, and a [`Key`]
//! stands in a table.
//! While no catalogue is loaded everything is English.

mod explain;
mod message;
pub mod numbers;

pub use explain::Explain;
pub use message::{Argument, Message};

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::{Arc, RwLock};

/// Translations by their English originals. In both `{}` stands for a value, in order, and `{0}` for a certain one.
#[derive(Debug, Default)]
pub struct Catalogue {
    translations: HashMap<String, String>,
    /// Names of classes by their WordNet ids.
    labels: HashMap<String, String>,
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
        let translations = serde_json::from_str(sentences)?;
        let labels = labels.lines().filter_map(|line| line.split_once('\t')).map(|(id, name)| (id.into(), name.into())).collect();
        Ok(Self { translations, labels })
    }

    /// What a template or a word is in this language, if anybody translated it.
    pub fn translated(&self, english: &str) -> Option<&str> {
        self.translations.get(english).map(String::as_str)
    }
}

/// A template with its values put in; what has no value stays as it is written.
fn filled(template: &str, values: &[&dyn Display]) -> String {
    let mut text = String::new();
    let (mut rest, mut place) = (template, 0);
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        text += before;
        let index = if name.is_empty() { Some(place) } else { name.parse().ok() };
        // Writing to a string cannot fail.
        let _ = match index.and_then(|index: usize| values.get(index)) {
            Some(value) => write!(text, "{value}"),
            None => write!(text, "{{{name}}}"),
        };
        place += 1;
        rest = after;
    }
    text + rest
}

/// What words of data are in the reader's language; themselves where nobody translated them.
pub fn translate(english: &str) -> String {
    format(english, &[])
}

/// Words of a table, put into words where they are shown. [`key!`](crate::key) makes those that every catalogue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(&'static str);

impl Key {
    /// Of words that no catalogue needs to have, such as a layer's name or a size. Others are made by [`key!`](crate::key).
    pub const fn of(words: &'static str) -> Self {
        Self(words)
    }

    /// In the reader's language.
    pub fn translated(self) -> String {
        translate(self.0)
    }
}

/// Words of a table that are translated where they are shown: `key!("Stem width")`.
#[macro_export]
macro_rules! key {
    ($text:literal) => {
        $crate::Key::of($text)
    };
}

/// The name of a class in the reader's language, by its WordNet id, or else the English one.
pub fn label(wnid: &str, english: &str) -> String {
    catalogue().and_then(|catalogue| catalogue.labels.get(wnid).cloned()).unwrap_or_else(|| english.into())
}

/// What [`tr!`](crate::tr) does with a template and its values.
pub fn format(template: &str, values: &[&dyn Display]) -> String {
    let catalogue = catalogue();
    let template = catalogue.as_ref().and_then(|catalogue| catalogue.translated(template)).unwrap_or(template);
    if values.is_empty() { template.into() } else { filled(template, values) }
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

    #[test]
    fn a_catalogue_knows_what_it_was_given() {
        let korean = Catalogue::read(r#"{"stride": "보폭", "{} of {}": "{1} 중 {0}"}"#, "n01440764\t텐치\nno name\n")
            .expect("a catalogue");
        let cases = [("stride", Some("보폭")), ("{} of {}", Some("{1} 중 {0}")), ("1 of 2", None), ("Stride", None), ("", None)];
        for (english, translation) in cases {
            assert_eq!(korean.translated(english), translation, "{english}");
        }
        assert_eq!(korean.labels, HashMap::from([("n01440764".to_string(), "텐치".to_string())]));
        assert!(Catalogue::read("[]", "").is_err());
    }

    #[test]
    fn values_are_put_in_by_place() {
        assert_eq!(format("{} of {}", &[&1, &2]), "1 of 2");
        assert_eq!(format("{1} before {0}", &[&1, &2]), "2 before 1");
        assert_eq!(format("{0} × {0}, then {}", &[&1, &2, &3]), "1 × 1, then 3");
        assert_eq!(format("{} and {5}, {what", &[&1]), "1 and {5}, {what");
        assert_eq!(format("{}", &[&"{} {0}"]), "{} {0}", "a value is no template");
        assert_eq!(tr!("One layer" | "{} layers" % 1), "One layer");
        assert_eq!(tr!("One layer" | "{} layers in {}" % 3, "a"), "3 layers in a");
        assert_eq!(tr!("100 %"), "100 %");
    }
}
