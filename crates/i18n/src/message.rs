//! Sentences that are put into words where they are shown, in the language of that moment.

use crate::{format, sentence};
use std::fmt::{self, Display, Formatter};

/// A sentence, before it is put into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A template and its values, as [`msg!`](crate::msg) takes them.
    Template(&'static str, Vec<String>),
    /// What the engine or an error says, in English.
    English(String),
    /// A name, or whatever else is the same in every language.
    Name(String),
    /// Several, with this between them.
    Joined(&'static str, Vec<Message>),
}

impl Message {
    /// Several as one: sentences with a blank between them, a name and what is said of it with `": "`.
    pub fn joined(between: &'static str, messages: impl IntoIterator<Item = Self>) -> Self {
        Self::Joined(between, messages.into_iter().collect())
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(template, values) => {
                let values: Vec<&dyn Display> = values.iter().map(|value| value as &dyn Display).collect();
                f.write_str(&format(template, &values))
            }
            Self::English(message) => f.write_str(&sentence(message)),
            Self::Name(name) => f.write_str(name),
            Self::Joined(between, messages) => messages
                .iter()
                .enumerate()
                .try_for_each(|(index, message)| write!(f, "{}{message}", if index > 0 { between } else { "" })),
        }
    }
}

/// A [`Message`] that says what [`tr!`](crate::tr) says, in the language of the moment in which it is shown: `msg!("Moved by {} px", shift)`.
#[macro_export]
macro_rules! msg {
    ($one:literal | $many:literal % $count:expr $(, $value:expr)* $(,)?) => {{
        let count = $count;
        $crate::Message::Template(if count == 1 { $one } else { $many }, vec![count.to_string() $(, $value.to_string())*])
    }};
    ($text:literal $(, $value:expr)* $(,)?) => {
        $crate::Message::Template($text, vec![$($value.to_string()),*])
    };
}
