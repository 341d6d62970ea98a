//! Checks a checkpoint against a network: every tensor present, with the right shape, finite, and none unused.

use crate::{Checkpoint, Entry, WeightsError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use stridescope_arch::Graph;

/// PyTorch's counter of training batches, which inference does not use.
const IGNORED_SUFFIX: &str = ".num_batches_tracked";

/// A tensor with the wrong shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misshapen {
    /// Its key.
    pub name: String,
    /// Shape in the file.
    pub found: Vec<usize>,
    /// Shape in the network.
    pub wanted: Vec<usize>,
}

/// The differences between a checkpoint and a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Keys that the file lacks.
    pub missing: Vec<String>,
    /// Keys that no layer reads.
    pub extra: Vec<String>,
    /// Tensors with the wrong shape.
    pub misshapen: Vec<Misshapen>,
    /// Key and flat index of the first infinite or NaN value.
    pub not_finite: Vec<(String, usize)>,
    /// Number of keys that fit.
    pub fitting: usize,
}

impl Report {
    /// The most severe difference, as an error.
    ///
    /// # Errors
    /// If anything does not fit.
    pub fn verdict(&self) -> Result<(), WeightsError> {
        if let Some(Misshapen { name, found, wanted }) = self.misshapen.first().cloned() {
            return Err(WeightsError::Shape { name, found, wanted });
        }
        if let Some(name) = self.missing.first() {
            return Err(WeightsError::Missing { name: name.clone(), more: self.missing.len() - 1 });
        }
        if let Some(name) = self.extra.first() {
            return Err(WeightsError::Extra { name: name.clone(), more: self.extra.len() - 1 });
        }
        if let Some((name, index)) = self.not_finite.first() {
            return Err(WeightsError::NotFinite { name: name.clone(), index: *index });
        }
        Ok(())
    }
}

/// Whether the weights are untrained: every batch normalisation still has PyTorch's initial running mean of 0 and variance of 1.
pub fn is_untrained(checkpoint: &Checkpoint) -> bool {
    let all = |suffix: &str, value: f32| {
        let mut names = checkpoint.tensors.keys().filter(|name| name.ends_with(suffix)).peekable();
        names.peek().is_some() && names.all(|name| checkpoint.values(name).is_ok_and(|values| values.iter().all(|v| *v == value)))
    };
    all(".running_mean", 0.0) && all(".running_var", 1.0)
}

/// Compares a checkpoint with a network.
pub fn compare(checkpoint: &Checkpoint, graph: &Graph) -> Report {
    let wanted: HashMap<String, Vec<usize>> = graph.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
    let misshapen = |name: &str, entry: &Entry, wanted: &[usize]| Misshapen {
        name: name.into(),
        found: entry.shape.clone(),
        wanted: wanted.into(),
    };
    let mut report = Report::default();
    for tensor in graph.tensors() {
        if !checkpoint.tensors.contains_key(&tensor.name) {
            report.missing.push(tensor.name);
        }
    }
    for (name, entry) in &checkpoint.tensors {
        if name.ends_with(IGNORED_SUFFIX) {
            continue;
        }
        match wanted.get(name) {
            None => report.extra.push(name.clone()),
            Some(shape) if *shape != entry.shape => {
                report.misshapen.push(misshapen(name, entry, shape));
            }
            Some(_) => match checkpoint.values(name).map(|values| values.iter().position(|value| !value.is_finite())) {
                Ok(None) => report.fitting += 1,
                Ok(Some(index)) => report.not_finite.push((name.clone(), index)),
                Err(_) => report.misshapen.push(misshapen(name, entry, &entry.shape)),
            },
        }
    }
    report
}
