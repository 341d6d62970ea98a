//! Results per network of requests beside the prediction.

use leptos::prelude::*;
use std::sync::Arc;
use stridescope_i18n::{Message, msg};
use stridescope_weights::ModelRef;

/// The result for a network, or an error.
pub type Found<T> = Result<Arc<T>, Message>;

/// The results of all networks. A handle: copies are the same.
#[derive(Debug)]
pub struct ByNetwork<T: Send + Sync + 'static>(RwSignal<Vec<(ModelRef, Found<T>)>>);

impl<T: Send + Sync + 'static> Clone for ByNetwork<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for ByNetwork<T> {}

impl<T: Send + Sync + 'static> ByNetwork<T> {
    /// Without results.
    pub fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    /// Sets a network's result.
    pub fn put(self, model: ModelRef, found: Result<T, Message>) {
        self.0.update(|all| {
            all.retain(|(name, _)| *name != model);
            all.push((model, found.map(Arc::new)));
        });
    }

    /// Removes all results.
    pub fn clear(self) {
        self.0.set(Vec::new());
    }

    /// Removes the results of all other networks.
    pub fn keep<I>(self, networks: &[(ModelRef, I)]) {
        self.0.update(|all| all.retain(|(model, _)| networks.iter().any(|(name, _)| name == model)));
    }

    /// The result of a network.
    pub fn of(self, model: &ModelRef) -> Option<Found<T>> {
        self.0.with(|all| all.iter().find(|(name, _)| name == model).map(|(_, found)| found.clone()))
    }

    /// The results that are no errors.
    pub fn all(self) -> Vec<(ModelRef, Arc<T>)> {
        self.0.with(|all| all.iter().filter_map(|(model, found)| Some((model.clone(), found.clone().ok()?))).collect())
    }
}

/// Why a network shows nothing; none where it has a result. `hindrance` returns why the network has no prediction, where it is not busy.
pub fn why_not<T>(found: Option<&Found<T>>, hindrance: impl FnOnce() -> Option<Message>) -> Option<String> {
    match found {
        None => Some(hindrance().unwrap_or_else(|| msg!("Waiting for this network.")).to_string()),
        Some(Err(sentence)) => Some(sentence.to_string()),
        Some(Ok(_)) => None,
    }
}
