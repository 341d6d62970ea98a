//! Whether a checkpoint is the network's: every tensor there, of the right shape, finite, and none left unread.

use super::{Checkpoint, WeightsError};
use crate::arch::Graph;
use std::collections::HashMap;

/// PyTorch's count of training batches, which inference does not read.
const IGNORED_SUFFIX: &str = ".num_batches_tracked";

/// What does not fit between a checkpoint and a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Keys that the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Keys that the file holds and no layer reads.
    pub extra: Vec<String>,
    /// Key, shape in the file, shape in the network.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Key and flat index of its first value that is infinite or no number.
    pub not_finite: Vec<(String, usize)>,
    /// Keys that fit.
    pub fitting: usize,
}

impl Report {
    /// The gravest finding, or nothing.
    ///
    /// # Errors
    /// When anything does not fit.
    pub fn verdict(&self) -> Result<(), WeightsError> {
        if let Some((name, found, wanted)) = self.misshapen.first() {
            return Err(WeightsError::Shape { name: name.clone(), found: found.clone(), wanted: wanted.clone() });
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

/// Compares a checkpoint with the network that it is meant for.
pub fn compare(checkpoint: &Checkpoint, graph: &Graph) -> Report {
    let wanted: HashMap<String, Vec<usize>> = graph.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
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
                report.misshapen.push((name.clone(), entry.shape.clone(), shape.clone()));
            }
            Some(_) => match checkpoint.values(name).map(|values| values.iter().position(|value| !value.is_finite())) {
                Ok(None) => report.fitting += 1,
                Ok(Some(index)) => report.not_finite.push((name.clone(), index)),
                Err(_) => report.misshapen.push((name.clone(), entry.shape.clone(), entry.shape.clone())),
            },
        }
    }
    report
}
