//! Errors that say what is wrong by a [`Message`], in one place for every language.

use crate::Message;

/// What can say in a message what is wrong: in lower case and without a full stop, as part of a sentence.
pub trait Explain {
    /// The message.
    fn message(&self) -> Message;

    /// The message as a sentence, as it is shown alone.
    fn sentence(&self) -> Message {
        self.message().sentence()
    }
}

/// Makes an error of what [explains](Explain) itself, whose `Display` is its message, and of other errors one of its variants:
/// `explained!(StoreError, Fetch: FetchError)`.
#[macro_export]
macro_rules! explained {
    ($error:ident $(, $variant:ident: $inner:ty)* $(,)?) => {
        impl ::std::fmt::Display for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&$crate::Explain::message(self), f)
            }
        }

        impl ::std::error::Error for $error {}

        $(impl ::std::convert::From<$inner> for $error {
            fn from(error: $inner) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
