//! Whose weights a network runs with, as they stand behind its name in a link: `resnet50-b@resnet50.a1_in1k`.

pub mod hub;

use crate::catalogue::{self, CatalogueEntry};
use crate::shorten;
use hub::Repository;
use stridescope_i18n::{Explain, Message, explained, msg};

/// What stands between a network's name and its weights.
const AT: char = '@';
/// How a repository of Hugging Face's begins.
const HUB: &str = "hf:";
/// How the name of a visitor's own file begins.
const OWN: &str = "file:";
/// What stands for the host of an address of this site.
pub const HERE: &str = "this site";
/// Longest address or name, in characters.
const LONGEST: usize = 250;

/// Where weights come from.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightsSource {
    /// The catalogue.
    Entry(&'static CatalogueEntry),
    /// A repository of Hugging Face's.
    Hub(Repository),
    /// A file's address.
    Address(String),
    /// A file that the visitor opened; no link can hold it.
    Own(String),
}

/// Why words name no source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceError {
    /// Neither an address nor an entry.
    Unknown(String),
    /// An address that no page may fetch from.
    Plain(String),
    /// An address that answers, but to no page.
    GitHub(String),
    /// Too long for a link.
    Long,
    /// An entry of the catalogue for another network.
    OtherNetwork {
        /// The entry's.
        id: String,
        /// Whose it is.
        wanted: String,
        /// For which it was asked.
        net: String,
    },
}

explained!(SourceError);

impl Explain for SourceError {
    fn message(&self) -> Message {
        match self {
            Self::Unknown(text) => msg!(
                "\"{}\" names no weights: write the address of a safetensors file, or https://huggingface.co/USER/REPOSITORY",
                text
            ),
            Self::Plain(address) => {
                msg!("\"{}\" would not be encrypted on its way: write an address that begins with https://", address)
            }
            Self::GitHub(file) => msg!(
                "GitHub lets no page fetch the files of a release: download \"{}\" yourself, then open it here as your own file",
                file
            ),
            Self::Long => msg!("the address is longer than {} characters, which no link should be", LONGEST),
            Self::OtherNetwork { id, wanted, net } => msg!("\"{}\" are weights for {}, not for {}", id, wanted, net),
        }
    }
}

impl WeightsSource {
    /// Reads what a visitor typed, or what [`Display`](std::fmt::Display) wrote.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.chars().count() > LONGEST {
            return Err(SourceError::Long);
        }
        let unknown = || SourceError::Unknown(shorten(text));
        if let Some(entry) = catalogue::find(text) {
            return Ok(Self::Entry(entry));
        }
        if let Some(name) = text.strip_prefix(OWN) {
            return if name.is_empty() { Err(unknown()) } else { Ok(Self::own(name)) };
        }
        let repository = text.strip_prefix(HUB).map(Repository::parse).or_else(|| Repository::of_address(text));
        if let Some(repository) = repository {
            return repository.map(Self::Hub).ok_or_else(unknown);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Repository::parse(text).map(Self::Hub).ok_or_else(unknown);
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&host.rsplit_once(':').map_or(host, |(name, _)| name));
        match scheme {
            "https" | "http" if host.is_empty() || rest.len() == host.len() || text.contains(char::is_whitespace) => {
                Err(unknown())
            }
            "https" if host == "github.com" && rest.contains("/releases/download/") => {
                Err(SourceError::GitHub(file_name(text).into()))
            }
            "https" => Self::address(text),
            "http" if is_here => Self::address(text),
            "http" => Err(SourceError::Plain(shorten(text))),
            _ => Err(unknown()),
        }
    }

    /// A file's address, as a link holds it: what separates networks there is written otherwise.
    fn address(text: &str) -> Result<Self, SourceError> {
        let address = text.replace(',', "%2C");
        if address.chars().count() > LONGEST { Err(SourceError::Long) } else { Ok(Self::Address(address)) }
    }

    /// A visitor's own file. What separates networks in a link gives way.
    pub fn own(name: &str) -> Self {
        Self::Own(name.chars().take(LONGEST - OWN.len()).map(|letter| if letter == ',' { '_' } else { letter }).collect())
    }

    /// What it is called on the page.
    pub fn title(&self) -> &str {
        match self {
            Self::Entry(entry) => &entry.id,
            Self::Hub(repository) => repository.name(),
            Self::Address(address) => file_name(address),
            Self::Own(name) => name,
        }
    }
}

impl std::fmt::Display for WeightsSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entry(entry) => f.write_str(&entry.id),
            Self::Hub(repository) => write!(f, "{HUB}{repository}"),
            Self::Address(address) => f.write_str(address),
            Self::Own(name) => write!(f, "{OWN}{name}"),
        }
    }
}

/// The last part of an address.
pub fn file_name(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or(address);
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(address)
}

/// Who would be asked for an address.
pub fn host(address: &str) -> &str {
    address.split_once("://").map_or(HERE, |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

/// The name of a network, without whose weights it has.
pub fn net_of(model: &str) -> &str {
    model.split_once(AT).map_or(model, |(net, _)| net)
}

/// What stands behind the name of a network, if anything does.
pub fn written(model: &str) -> Option<&str> {
    model.split_once(AT).map(|(_, source)| source)
}

/// Whose weights a network runs with: those behind its name, else the catalogue's first for it, else none.
pub fn source_of(model: &str) -> Option<WeightsSource> {
    match written(model) {
        Some(source) => WeightsSource::parse(source).ok(),
        None => catalogue::for_net(model).map(WeightsSource::Entry),
    }
}

/// A network with its weights, as it stands in a link.
///
/// # Errors
/// When the catalogue has them for another network.
pub fn with_source(net: &str, source: &WeightsSource) -> Result<String, SourceError> {
    match source {
        WeightsSource::Entry(entry) if entry.card.net != net => {
            Err(SourceError::OtherNetwork { id: entry.id.clone(), wanted: entry.card.net.clone(), net: net.into() })
        }
        WeightsSource::Entry(entry) if catalogue::for_net(net).is_some_and(|first| first.id == entry.id) => Ok(net.into()),
        source => Ok(format!("{net}{AT}{source}")),
    }
}
