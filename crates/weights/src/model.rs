//! A network with its weights, parsed where it enters the program.

use crate::catalogue::{self, CatalogueEntry};
use crate::source::{SourceError, WeightsSource};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use stridescope_arch::{ArchSpec, Input, SpecError};
use stridescope_i18n::{Explain, Message, explained};

/// What stands between a network's name and its weights.
const AT: char = '@';
/// Side of the input at which a network must be possible, in pixels.
const SIZE: usize = 224;

/// A network and where its weights come from, as in a link: `resnet50-d`, `resnet50-b@resnet50.a1_in1k`, `tiny-a@file:mine.pth`.
///
/// A cheap handle. Two are equal if they are written alike.
#[derive(Clone)]
pub struct ModelRef(Arc<Parsed>);

struct Parsed {
    text: String,
    /// Bytes of the network's name in `text`.
    name: usize,
    spec: ArchSpec,
    chosen: Option<WeightsSource>,
    default: Option<WeightsSource>,
}

/// Why a text is no [`ModelRef`].
#[derive(Debug, Clone, PartialEq)]
pub enum ModelError {
    /// There is no such network.
    Spec(SpecError),
    /// There is no such source of weights for it.
    Source(SourceError),
}

explained!(ModelError, Spec: SpecError, Source: SourceError);

impl Explain for ModelError {
    fn message(&self) -> Message {
        match self {
            Self::Spec(error) => error.message(),
            Self::Source(error) => error.message(),
        }
    }
}

impl ModelRef {
    /// Reads a network's name, with a source of weights behind an `@`, if any.
    ///
    /// # Errors
    /// When there is no such network, or no such source for it.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let (name, source) = match text.split_once(AT) {
            Some((name, source)) => (name, Some(source)),
            None => (text, None),
        };
        let spec = ArchSpec::named(name)?;
        spec.check(Input::square(SIZE))?;
        let source = source.map(WeightsSource::parse).transpose()?;
        Ok(Self::of(name, spec, source)?)
    }

    /// The network of a description, with the weights that the catalogue has for it.
    pub fn of_spec(spec: ArchSpec) -> Self {
        Self::written(&spec.name(), spec, None)
    }

    fn of(name: &str, spec: ArchSpec, source: Option<WeightsSource>) -> Result<Self, SourceError> {
        match &source {
            Some(WeightsSource::Entry(entry)) if entry.card.net != name => {
                Err(SourceError::OtherNetwork { id: entry.id.clone(), wanted: entry.card.net.clone(), net: name.into() })
            }
            // The catalogue's first are what a network has anyway.
            Some(WeightsSource::Entry(entry)) if catalogue::for_net(name).is_some_and(|first| first.id == entry.id) => {
                Ok(Self::written(name, spec, None))
            }
            _ => Ok(Self::written(name, spec, source)),
        }
    }

    fn written(name: &str, spec: ArchSpec, chosen: Option<WeightsSource>) -> Self {
        let text = chosen.as_ref().map_or_else(|| name.to_string(), |source| format!("{name}{AT}{source}"));
        let default = catalogue::for_net(name).map(WeightsSource::Entry);
        Self(Arc::new(Parsed { text, name: name.len(), spec, chosen, default }))
    }

    /// The network's name, `resnet50-d`.
    pub fn name(&self) -> &str {
        &self.0.text[..self.0.name]
    }

    /// The network with its weights, as in a link.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The network's description.
    pub fn spec(&self) -> &ArchSpec {
        &self.0.spec
    }

    /// The source of weights that was chosen; none where it is the catalogue's first.
    pub fn chosen(&self) -> Option<&WeightsSource> {
        self.0.chosen.as_ref()
    }

    /// Where its weights come from: what was chosen, else the catalogue's first for the network; none where it has none.
    pub fn weights(&self) -> Option<&WeightsSource> {
        self.0.chosen.as_ref().or(self.0.default.as_ref())
    }

    /// The catalogue's description of its weights, or of the first that it has for the network.
    pub fn entry(&self) -> Option<&'static CatalogueEntry> {
        [self.chosen(), self.0.default.as_ref()].into_iter().flatten().find_map(|source| match source {
            WeightsSource::Entry(entry) => Some(*entry),
            _ => None,
        })
    }

    /// The same network with other weights.
    ///
    /// # Errors
    /// When the catalogue has them for another network.
    pub fn with_weights(&self, source: &WeightsSource) -> Result<Self, SourceError> {
        Self::of(self.name(), self.0.spec.clone(), Some(source.clone()))
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for ModelRef {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ModelRef {}

impl PartialEq<&str> for ModelRef {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl PartialOrd for ModelRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ModelRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}
