//! Values that are parsed later, where they are needed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use stridescope_i18n::Message;

/// A value as JSON text within a message. Its parser is loaded with the part of the page that calls [`Packed::unpack`], not with the page itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Packed<T>(String, #[serde(skip)] PhantomData<fn() -> T>);

impl<T: Serialize> Packed<T> {
    /// Packs a value.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn pack(value: &T) -> Result<Self, Message> {
        let json = serde_json::to_string(value).map_err(|error| Message::Verbatim(error.to_string()))?;
        Ok(Self(json, PhantomData))
    }
}

impl<T: DeserializeOwned> Packed<T> {
    /// The value.
    ///
    /// # Errors
    /// When it was packed by another version.
    pub fn unpack(&self) -> Result<T, Message> {
        serde_json::from_str(&self.0).map_err(|error| Message::Verbatim(error.to_string()))
    }
}
