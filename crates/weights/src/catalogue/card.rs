//! What travels with a file of weights: for which network, which classes, how to prepare a picture, whose work it is.

use crate::{Checkpoint, WeightsError};
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Formatter;
use stridescope_arch::spec::MAX_CLASSES;
use stridescope_i18n::{Message, msg};
use stridescope_image::{Interpolation, Preprocess};

/// Key of the card in a safetensors file's metadata.
pub const METADATA_KEY: &str = "stridescope";

/// The description of one file of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name of the network that it is for, `resnet50-a`.
    pub net: String,
    /// The classes that `fc` tells apart, in its order.
    pub classes: Classes,
    /// How a picture becomes the network's input.
    pub preprocess: Preprocess,
    /// Whose weights these are, in a few words.
    #[serde(with = "stated")]
    pub origin: Message,
    /// How they were trained, in a few words; accuracies mean little without it.
    pub recipe: String,
    /// Licence of the weights, an SPDX expression.
    pub licence: String,
    /// Where the origin can be read about.
    pub source: String,
    /// Measured or published accuracy.
    pub accuracy: Option<Accuracy>,
    /// When to say "none of my classes"; absent where the classes cover most of what pictures show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<Reject>,
}

/// What a file or the catalogue states is text, which the catalogue of translations may know; what is found out here is a template and its values.
mod stated {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stridescope_i18n::Message;

    pub fn serialize<S: Serializer>(words: &Message, serializer: S) -> Result<S::Ok, S::Error> {
        match words {
            Message::Template(key, values) if values.is_empty() => serializer.serialize_str(key),
            other => other.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Message, D::Error> {
        Ok(match Message::deserialize(deserializer)? {
            Message::Verbatim(text) => Message::Template(text.into(), Vec::new()),
            other => other,
        })
    }
}

/// The classes of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Classes {
    /// A list that this project ships: `"imagenet-1k"`.
    Known(KnownClasses),
    /// ImageNet's ids (wnids) of the classes, in the order of `fc`.
    Wnids(Vec<String>),
}

impl<'de> Deserialize<'de> for Classes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrList;
        impl<'de> Visitor<'de> for NameOrList {
            type Value = Classes;

            fn expecting(&self, f: &mut Formatter) -> std::fmt::Result {
                f.write_str("\"imagenet-1k\" or a list of wnids")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Classes, E> {
                KnownClasses::deserialize(name.into_deserializer()).map(Classes::Known)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Classes, A::Error> {
                let mut wnids = Vec::new();
                while let Some(wnid) = list.next_element()? {
                    wnids.push(wnid);
                }
                Ok(Classes::Wnids(wnids))
            }
        }
        deserializer.deserialize_any(NameOrList)
    }
}

/// Lists of classes that this project ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnownClasses {
    /// The 1,000 classes of ILSVRC 2012, in the order of their wnids.
    #[serde(rename = "imagenet-1k")]
    Imagenet1k,
}

/// An accuracy and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Percent.
    pub top1: f64,
    /// Percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<f64>,
    /// On which pictures, at which size.
    pub measured_on: String,
    /// Who measured it.
    pub by: String,
}

/// A picture is "none of my classes" when even the most likely class has a probability below a threshold
/// (Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution Examples", ICLR 2017, arXiv 1610.02136).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// Below this probability of its first class the network does not answer.
    pub top_p_below: f64,
    /// Share of validation pictures of its own classes that it still answers, percent.
    pub keeps: f64,
}

impl Reject {
    /// Whether a network that gives its first class this probability should decline to answer.
    pub fn applies(&self, top_p: f64) -> bool {
        top_p < self.top_p_below
    }
}

impl Card {
    /// Of weights of which nothing is known but their network: ImageNet's usual preparation, and its classes where there are 1,000.
    pub fn unknown(net: &str, classes: usize) -> Self {
        let numbered = || Classes::Wnids((0..classes).map(|class| format!("class {class}")).collect());
        Self {
            net: net.into(),
            classes: if classes == 1000 { Classes::Known(KnownClasses::Imagenet1k) } else { numbered() },
            preprocess: Preprocess {
                size: 224,
                resize: 256,
                crop_pct: None,
                interpolation: Interpolation::Bicubic,
                mean: [0.485, 0.456, 0.406],
                std: [0.229, 0.224, 0.225],
            },
            origin: msg!("unknown"),
            recipe: "not stated".into(),
            licence: "not stated".into(),
            source: String::new(),
            accuracy: None,
            reject: None,
        }
    }

    /// What is known of a file's weights as those of this network: what the file says of itself, where that is of this network and of as many
    /// classes as its `fc` has; else what `otherwise` makes of that number, [`Self::unknown`] where nobody knows more.
    pub fn of_file(checkpoint: &Checkpoint, net: &str, otherwise: impl FnOnce(usize) -> Self) -> Self {
        let classes = checkpoint.tensors.get("fc.weight").and_then(|entry| entry.shape.first().copied());
        // No network here has more; a file can claim any number.
        let classes = classes.unwrap_or(1).min(MAX_CLASSES);
        let own = checkpoint.card.as_ref().filter(|card| card.net == net && card.class_count() == classes);
        own.cloned().unwrap_or_else(|| otherwise(classes))
    }

    /// The same, of that origin.
    pub fn named(self, origin: Message, source: &str) -> Self {
        Self { origin, source: source.into(), ..self }
    }

    /// Reads a card from its JSON.
    ///
    /// # Errors
    /// When it is no card.
    pub fn from_json(json: &str) -> Result<Self, WeightsError> {
        let card: Self = serde_json::from_str(json).map_err(|error| WeightsError::Card(Message::Verbatim(error.to_string())))?;
        let how = &card.preprocess;
        let is_usable = how.mean.iter().all(|mean| mean.is_finite()) && how.std.iter().all(|std| std.is_finite() && *std > 0.0);
        if is_usable { Ok(card) } else { Err(WeightsError::Card(msg!("its mean and std must be numbers, std above 0"))) }
    }

    /// How many classes the network tells apart.
    pub fn class_count(&self) -> usize {
        match &self.classes {
            Classes::Known(KnownClasses::Imagenet1k) => 1000,
            Classes::Wnids(wnids) => wnids.len(),
        }
    }
}
