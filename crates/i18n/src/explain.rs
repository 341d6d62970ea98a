//! Errors with a translatable [`Message`].

use crate::Message;

/// An error with a message: in lower case and without a full stop, as part of a sentence.
pub trait Explain {
    /// The message.
    fn message(&self) -> Message;

    /// The message as a sentence of its own.
    fn sentence(&self) -> Message {
        self.message().sentence()
    }
}

/// Implements `Error`, with the message as its `Display`, for a type that [explains](Explain) itself; and `From` for other errors that become one of
/// its variants: `explained!(StoreError, Fetch: FetchError)`.
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
