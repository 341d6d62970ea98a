//! Two languages: texts are written in English in the code and looked up in a catalogue of translations, as with gettext.
//!
//! [`tr!`](crate::tr) translates a sentence where it is written and inserts values. [`msg!`](crate::msg) makes a [`Message`] of it, which is
//! translated later, when it is shown; errors carry one ([`Explain`]). [`translate`] looks up data, such as a sample's title, and a [`Key`] is
//! an entry of a table. While no catalogue is loaded everything is English.

mod explain;
mod message;
pub mod numbers;

pub use explain::Explain;
pub use message::{Argument, Message};

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::{Arc, RwLock};

/// Translations by their English originals. In both `{}` stands for the next value and `{0}` for the value of that index.
#[derive(Debug, Default)]
pub struct Catalogue {
    translations: HashMap<String, String>,
    /// Names of classes by their WordNet ids.
    labels: HashMap<String, String>,
}

/// The current catalogue, one for the whole program.
static CATALOGUE: RwLock<Option<Arc<Catalogue>>> = RwLock::new(None);

/// Sets the catalogue; without one, texts are English.
pub fn set_catalogue(catalogue: Option<Catalogue>) {
    if let Ok(mut spoken) = CATALOGUE.write() {
        *spoken = catalogue.map(Arc::new);
    }
}

fn catalogue() -> Option<Arc<Catalogue>> {
    CATALOGUE.read().ok()?.clone()
}

impl Catalogue {
    /// Reads translations (a JSON object from English originals), and class names (lines of a WordNet id, a tab and the name).
    ///
    /// # Errors
    /// When `sentences` is no such object.
    pub fn read(sentences: &str, labels: &str) -> Result<Self, serde_json::Error> {
        let translations = serde_json::from_str(sentences)?;
        let labels = labels.lines().filter_map(|line| line.split_once('\t')).map(|(id, name)| (id.into(), name.into())).collect();
        Ok(Self { translations, labels })
    }

    /// The translation of a template or a word, if there is one.
    pub fn translated(&self, english: &str) -> Option<&str> {
        self.translations.get(english).map(String::as_str)
    }
}

/// Inserts values into a template; placeholders without a value stay.
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

/// The translation of a word from data; the word itself where there is none.
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

/// The name of a class by its WordNet id, translated if possible, else the English one.
pub fn label(wnid: &str, english: &str) -> String {
    catalogue().and_then(|catalogue| catalogue.labels.get(wnid).cloned()).unwrap_or_else(|| english.into())
}

/// The function behind [`tr!`](crate::tr): translates a template and inserts its values.
pub fn format(template: &str, values: &[&dyn Display]) -> String {
    let catalogue = catalogue();
    let template = catalogue.as_ref().and_then(|catalogue| catalogue.translated(template)).unwrap_or(template);
    if values.is_empty() { template.into() } else { filled(template, values) }
}

/// Translates a sentence: `tr!("Moved by {} px", shift)`; with a singular and a plural: `tr!("One layer" | "{} layers" % count)`.
///
/// Values replace `{}` in order, or `{0}`, `{1}` by index; with a plural, the count is the first value.
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
    fn a_catalogue_returns_its_translations() {
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
    fn values_replace_placeholders_in_order() {
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
