//! What several networks were asked for beside their predictions: what came, or why it did not.

use leptos::prelude::*;
use std::sync::Arc;
use stridescope_i18n::{Message, msg};
use stridescope_weights::ModelRef;

/// What came for a network, or a sentence.
pub type Found<T> = Result<Arc<T>, Message>;

/// What came for each network. A handle; copies are the same.
#[derive(Debug)]
pub struct ByNetwork<T: Send + Sync + 'static>(RwSignal<Vec<(ModelRef, Found<T>)>>);

impl<T: Send + Sync + 'static> Clone for ByNetwork<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for ByNetwork<T> {}

impl<T: Send + Sync + 'static> ByNetwork<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    /// In the place of what came before.
    pub fn put(self, model: ModelRef, found: Result<T, Message>) {
        self.0.update(|all| {
            all.retain(|(name, _)| *name != model);
            all.push((model, found.map(Arc::new)));
        });
    }

    /// Forgets all.
    pub fn clear(self) {
        self.0.set(Vec::new());
    }

    /// Forgets what came for any but these.
    pub fn keep<I>(self, networks: &[(ModelRef, I)]) {
        self.0.update(|all| all.retain(|(model, _)| networks.iter().any(|(name, _)| name == model)));
    }

    /// What came for one.
    pub fn of(self, model: &ModelRef) -> Option<Found<T>> {
        self.0.with(|all| all.iter().find(|(name, _)| name == model).map(|(_, found)| found.clone()))
    }

    /// What came well.
    pub fn all(self) -> Vec<(ModelRef, Arc<T>)> {
        self.0.with(|all| all.iter().filter_map(|(model, found)| Some((model.clone(), found.clone().ok()?))).collect())
    }
}

/// Why a network shows nothing; nothing where it does. `hindrance` says why the network itself has not answered, where it is not busy.
pub fn why_not<T>(found: Option<&Found<T>>, hindrance: impl FnOnce() -> Option<Message>) -> Option<String> {
    match found {
        None => Some(hindrance().unwrap_or_else(|| msg!("Waiting for this network.")).to_string()),
        Some(Err(sentence)) => Some(sentence.to_string()),
        Some(Ok(_)) => None,
    }
}
