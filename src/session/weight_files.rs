//! Files of weights: the inspected file, the visitor's own files, and the cache of this device.

use crate::session::{Pending, Progress, Session};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use stridescope_i18n::{Explain, Message, tr};
use stridescope_link::MAX_MODELS;
use stridescope_link::names::display;
pub use stridescope_link::received::ENDINGS;
use stridescope_protocol::{CachedFile, Fetching, Open, Opened, Packed, Request};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;
use web_sys::{Blob, File};

/// The status of an inspected file.
#[derive(Debug, Clone, PartialEq)]
pub enum InspectionStatus {
    /// It is being fetched or read.
    Busy(Option<Progress>),
    /// It is on another host; the visitor decides.
    Elsewhere {
        /// Size of the download in bytes, where known.
        bytes: Option<u64>,
        /// The host that would be contacted.
        host: String,
    },
    /// Its contents.
    Done(Packed<Opened>),
    /// It cannot be read; the sentence tells why and what to do.
    Failed(Message),
}

/// An inspected file.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// Its weights source.
    pub source: WeightsSource,
    /// The network to compare it with; otherwise the one inferred from it.
    pub model: Option<ModelRef>,
    /// Its status.
    pub status: InspectionStatus,
}

/// The cache of this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedList {
    /// Sorted by title; none where the browser allows no cache.
    pub files: Option<Vec<CachedFile>>,
    /// Bytes that this site uses and may use, by the browser's estimate.
    pub room: Option<(u64, u64)>,
}

/// A handle: copies are the same.
#[derive(Clone, Copy)]
pub struct Files {
    /// The inspected file.
    pub inspected: RwSignal<Option<Inspected>>,
    /// The cache of this device, once it was listed.
    pub cached: RwSignal<Option<CachedList>>,
    /// Class names that the visitor gave, by source.
    pub names: RwSignal<BTreeMap<String, Arc<Vec<String>>>>,
    own: StoredValue<BTreeMap<String, Blob>, LocalStorage>,
    agreed: StoredValue<BTreeMap<String, Fetching>, LocalStorage>,
}

impl Files {
    /// Without any file.
    pub fn new() -> Self {
        Self {
            inspected: RwSignal::new(None),
            cached: RwSignal::new(None),
            names: RwSignal::default(),
            own: StoredValue::new_local(BTreeMap::new()),
            agreed: StoredValue::new_local(BTreeMap::new()),
        }
    }

    /// Withdraws a consent.
    pub fn withdraw(self, key: &str) {
        self.agreed.update_value(|agreed| {
            agreed.remove(key);
        });
    }

    /// Where these weights may be fetched from.
    pub fn fetching(self, source: &WeightsSource) -> Fetching {
        self.agreed.with_value(|agreed| agreed.get(&source.to_string()).copied().unwrap_or_default())
    }

    /// The visitor's own file, where these weights are one.
    pub fn own(self, source: &WeightsSource) -> Option<Blob> {
        let WeightsSource::Own(name) = source else { return None };
        self.own.with_value(|own| own.get(name).cloned())
    }

    /// Whether these weights are to be cached but are not listed as complete yet.
    pub fn is_new_in_cache(self, source: &WeightsSource) -> bool {
        let key = source.to_string();
        let is_listed = |list: &Option<CachedList>| {
            let files = list.as_ref().and_then(|list| list.files.as_ref());
            files.is_some_and(|files| files.iter().any(|file| file.is_whole && file.key == key))
        };
        self.fetching(source) == Fetching::Keep && !self.cached.with_untracked(is_listed)
    }

    /// Records a consent to fetch weights.
    pub fn allow_download(self, source: &WeightsSource, fetching: Fetching) {
        self.agreed.update_value(|agreed| {
            agreed.insert(source.to_string(), fetching);
        });
    }

    /// The name of a class, where the visitor gave names for these weights. Its component must track `names`.
    pub fn name(self, model: &ModelRef, index: usize) -> Option<String> {
        let key = model.weights()?.to_string();
        self.names.with_untracked(|names| names.get(&key)?.get(index).cloned())
    }
}

impl Session {
    /// Inspects the visitor's own file. A number is added to the name of a second file of the same name.
    pub fn open_file(self, file: &File) {
        let name = file.name();
        let mut source = WeightsSource::own(&name);
        let mut number = 2;
        while self.files.own(&source).is_some() {
            source = WeightsSource::own(&format!("{number}-{name}"));
            number += 1;
        }
        if let WeightsSource::Own(name) = &source {
            self.files.own.update_value(|own| drop(own.insert(name.clone(), file.clone().into())));
        }
        self.inspect(source.clone(), None);
        // Networks from a link may be waiting for this file.
        self.forget_answers(&source);
    }

    /// Inspects a file of weights.
    pub fn inspect(self, source: WeightsSource, model: Option<ModelRef>) {
        let worker_pool = self.worker_pool();
        self.cancel_all(|pending| matches!(pending, Pending::Inspection));
        let id = worker_pool.next_id();
        let open = Open {
            id,
            source: source.to_string(),
            net: model.as_ref().map(|model| model.name().into()),
            fetching: self.files.fetching(&source),
        };
        let own = self.files.own(&source);
        self.files.inspected.set(Some(Inspected { source, model, status: InspectionStatus::Busy(None) }));
        self.pend(id, Pending::Inspection);
        worker_pool.send(Request::Open(open), own);
    }

    /// Inspects a file that could not be read again.
    pub fn inspect_again(self) {
        if let Some(Inspected { source, model, status: InspectionStatus::Failed(_) }) = self.files.inspected.get_untracked() {
            self.inspect(source, model);
        }
    }

    /// Inspects the file again, with the consent to fetch it from another host.
    pub fn inspect_from_elsewhere(self, fetching: Fetching) {
        if let Some(Inspected { source, model, .. }) = self.files.inspected.get_untracked() {
            self.files.allow_download(&source, fetching);
            self.inspect(source, model);
        }
    }

    /// Cancels the inspection.
    pub fn close_inspection(self) {
        self.cancel_all(|pending| matches!(pending, Pending::Inspection));
        if let Some(inspected) = self.files.inspected.get_untracked() {
            self.files.inspected.set(None);
            self.cancel_download(&inspected.source);
        }
    }

    /// Withdraws the consent to a cancelled download, and lists the bytes received so far.
    pub fn cancel_download(self, source: &WeightsSource) {
        if self.files.fetching(source) != Fetching::Here {
            self.files.withdraw(&source.to_string());
            self.list_cached();
        }
    }

    /// Sets the status of the inspected file.
    pub fn set_inspection(self, status: InspectionStatus) {
        let is_done = matches!(status, InspectionStatus::Done(_) | InspectionStatus::Failed(_));
        self.files.inspected.update(|inspected| {
            if let Some(inspected) = inspected {
                inspected.status = status;
            }
        });
        if is_done {
            self.list_cached();
        }
    }

    /// Requests the list of the cache.
    pub fn list_cached(self) {
        let worker_pool = self.worker_pool();
        let id = worker_pool.next_id();
        self.pend(id, Pending::CachedFiles);
        worker_pool.send(Request::CachedFiles { id }, None);
    }

    /// Deletes a cached file.
    pub fn forget(self, key: String) {
        let worker_pool = self.worker_pool();
        self.files.withdraw(&key);
        let id = worker_pool.next_id();
        self.pend(id, Pending::CachedFiles);
        worker_pool.send(Request::Forget { id, key }, None);
    }

    /// Runs a network with other weights.
    ///
    /// # Errors
    /// When they are for another network, or the network is already shown with them.
    pub fn choose_weights(self, model: &ModelRef, source: &WeightsSource) -> Result<(), String> {
        let chosen = model.with_weights(source).map_err(|error| error.sentence().to_string())?;
        if chosen == *model {
            return Ok(());
        }
        if self.state.with_untracked(|state| state.models.contains(&chosen)) {
            return Err(tr!("{} is shown already.", display(&chosen)));
        }
        self.change(|state| {
            if state.base.as_ref() == Some(model) {
                state.base = Some(chosen.clone());
            }
            for known in state.models.iter_mut().filter(|known| *known == model) {
                known.clone_from(&chosen);
            }
        });
        Ok(())
    }

    /// Adds a network with these weights, or replaces the last network.
    ///
    /// # Errors
    /// When they are for another network.
    pub fn show_weights(self, model: &ModelRef, source: &WeightsSource) -> Result<(), String> {
        let model = model.with_weights(source).map_err(|error| error.sentence().to_string())?;
        self.change(|state| {
            if state.models.contains(&model) {
                return;
            }
            if state.models.len() == MAX_MODELS {
                state.models.pop();
            }
            state.base.take_if(|base| !state.models.contains(base));
            state.models.push(model);
        });
        Ok(())
    }
}
