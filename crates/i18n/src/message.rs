//! Sentences that are translated when they are shown, into the language of that moment.

use crate::format;
use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// A text before its translation.
///
/// As JSON `"Mine.pth"` is verbatim, `["Moved by {} px","7"]` a template and its values, and `["",["the file ended early"]]` a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A key of the catalogue and its values, as [`msg!`](crate::msg) takes them.
    Template(Cow<'static, str>, Vec<Message>),
    /// A text that is the same in every language: a name, a number, or a message of the browser, a driver or a library.
    Verbatim(String),
    /// The message of an error, to be shown as a sentence of its own.
    Sentence(Box<Message>),
}

impl Message {
    /// A key of the catalogue without values.
    pub const fn key(key: &'static str) -> Self {
        Self::Template(Cow::Borrowed(key), Vec::new())
    }

    /// The function behind [`msg!`](crate::msg).
    pub fn new(key: &'static str, values: &[&dyn Argument]) -> Self {
        Self::Template(Cow::Borrowed(key), values.iter().map(|value| value.argument()).collect())
    }

    /// The message as a sentence: upper case first, full stop last. A first word with anything but letters in it, such as the name of a host or a
    /// network, is not capitalised. A name that may be any word, such as a file's, must be in quotation marks.
    #[must_use]
    pub fn sentence(self) -> Self {
        Self::Sentence(Box::new(self))
    }

    /// Several sentences, translated and joined by spaces.
    pub fn all(messages: &[Self]) -> String {
        messages.iter().map(Self::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A value of a template: a name or a number, which are the same in every language, or a message.
pub trait Argument {
    /// The value as a message.
    fn argument(&self) -> Message;
}

impl Argument for Message {
    fn argument(&self) -> Message {
        self.clone()
    }
}

impl Argument for str {
    fn argument(&self) -> Message {
        Message::Verbatim(self.into())
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn argument(&self) -> Message {
        (*self).argument()
    }
}

macro_rules! verbatim {
    ($($kind:ty),*) => {
        $(impl Argument for $kind {
            fn argument(&self) -> Message {
                Message::Verbatim(self.to_string())
            }
        })*
    };
}

verbatim!(String, Cow<'_, str>, char, u8, i32, u16, u32, u64, usize, f64);

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(key, values) => {
                let values: Vec<&dyn Display> = values.iter().map(|value| value as &dyn Display).collect();
                f.write_str(&format(key, &values))
            }
            Self::Verbatim(text) => f.write_str(text),
            Self::Sentence(message) => f.write_str(&as_sentence(message.to_string())),
        }
    }
}

fn as_sentence(mut message: String) -> String {
    let first = message.split(char::is_whitespace).next().unwrap_or_default().trim_end_matches([',', ':', ';', '.', '!', '?']);
    let is_word = first.bytes().all(|letter| letter.is_ascii_alphabetic() || letter == b'\'');
    if let Some(letter) = message.get_mut(..1).filter(|_| is_word) {
        letter.make_ascii_uppercase();
    }
    if message.ends_with(['.', '!', '?']) { message } else { message + "." }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, values) = match self {
            Self::Verbatim(text) => return serializer.serialize_str(text),
            Self::Template(key, values) => (&**key, values.as_slice()),
            Self::Sentence(message) => ("", std::slice::from_ref(&**message)),
        };
        let mut parts = serializer.serialize_seq(Some(1 + values.len()))?;
        parts.serialize_element(key)?;
        values.iter().try_for_each(|value| parts.serialize_element(value))?;
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Message;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("a text, or a list of a template and its values")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Message, E> {
                Ok(Message::Verbatim(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Message, A::Error> {
                let key: String = list.next_element()?.unwrap_or_default();
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                match values.pop() {
                    Some(message) if key.is_empty() => Ok(Message::Sentence(Box::new(message))),
                    last => {
                        values.extend(last);
                        Ok(Message::Template(key.into(), values))
                    }
                }
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

/// A [`Message`] with the syntax of [`tr!`](crate::tr), translated when it is shown: `msg!("Moved by {} px", shift)`. Its values are [`Argument`]s:
/// messages among them are translated with it.
#[macro_export]
macro_rules! msg {
    ($one:literal | $many:literal % $count:expr $(, $value:expr)* $(,)?) => {{
        let count = $count;
        $crate::Message::new(if count == 1 { $one } else { $many }, &[&count $(, &$value)*])
    }};
    ($text:literal $(,)?) => {
        $crate::Message::key($text)
    };
    ($text:literal, $($value:expr),+ $(,)?) => {
        $crate::Message::new($text, &[$(&$value),+])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_translated_when_it_is_shown() {
        let mine = "Mine.pth".to_string();
        let cases = [
            (msg!("Moved by {} px", 7), "Moved by 7 px"),
            (msg!("One layer" | "{} layers" % 1), "One layer"),
            (msg!("One layer" | "{} layers in {}" % 3, "a"), "3 layers in a"),
            (msg!("the file ended early").sentence(), "The file ended early."),
            (
                msg!("{}: {}", mine, msg!("the file ended after {} bytes", 3).sentence()),
                "Mine.pth: The file ended after 3 bytes.",
            ),
            (Message::Verbatim("{} of 3".into()), "{} of 3"),
        ];
        for (message, shown) in &cases {
            assert_eq!(message.to_string(), *shown);
        }
        assert_eq!(Message::all(&[msg!("Stop."), msg!("Go.")]), "Stop. Go.");
        assert_eq!(Message::all(&[]), "");
    }

    #[test]
    fn a_sentence_starts_with_a_capital_unless_with_a_name() {
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
            ("It has one already.", "It has one already."),
            ("", "."),
        ];
        for (message, shown) in cases {
            assert_eq!(Message::Verbatim(message.into()).sentence().to_string(), shown, "{message}");
        }
    }

    #[test]
    fn a_message_survives_json() {
        let cases = [
            (Message::Verbatim("Mine.pth".into()), r#""Mine.pth""#),
            (msg!("stride"), r#"["stride"]"#),
            (msg!("Moved by {} px", 7), r#"["Moved by {} px","7"]"#),
            (msg!("stop").sentence(), r#"["",["stop"]]"#),
            (Message::Verbatim("stop".into()).sentence(), r#"["","stop"]"#),
            (
                msg!("{}: {}", "a.pth", msg!("{} is missing", msg!("stride")).sentence()),
                r#"["{}: {}","a.pth",["",["{} is missing",["stride"]]]]"#,
            ),
        ];
        for (message, json) in cases {
            assert_eq!(serde_json::to_string(&message).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<Message>(json).expect(json), message);
        }
        for broken in ["7", "{}", "[7]", r#"["a",7]"#] {
            assert!(serde_json::from_str::<Message>(broken).is_err(), "{broken}");
        }
    }
}
