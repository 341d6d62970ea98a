//! Files of weights: which is looked into, what the visitor's own are, and what this device keeps.

use super::dom;
use super::names::display;
pub use super::received::ENDINGS;
use super::session::{Pending, Progress, Session};
use super::state::MAX_MODELS;
use crate::tr;
use crate::weights::source::{Source, net_of, source_of, with_source};
use crate::worker::protocol::{Fetching, KeptFile, Open, Opened, Request};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use web_sys::{Blob, File};

/// What became of a file that is looked into.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// It is being fetched or read.
    Busy(Option<Progress>),
    /// It is elsewhere; the visitor decides.
    Elsewhere {
        /// Size of the download, where it is known.
        bytes: Option<u64>,
        /// Who would be asked.
        host: String,
    },
    /// What it holds.
    Done(Arc<Opened>),
    /// It could not be read; the sentence says why and what to do.
    Failed(String),
}

/// A file that is looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Whose weights.
    pub source: Source,
    /// The network that it is compared with; otherwise the one that it tells of.
    pub net: Option<String>,
    /// What became of it.
    pub look: Look,
}

/// What is kept on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptList {
    /// By title; none where the browser lets nothing be kept.
    pub files: Option<Vec<KeptFile>>,
    /// Bytes that this site uses and may use, by the browser's estimate.
    pub room: Option<(u64, u64)>,
}

/// A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct Files {
    /// The file that is looked into.
    pub looked: RwSignal<Option<Looked>>,
    /// What is kept on this device, once that was asked.
    pub kept: RwSignal<Option<KeptList>>,
    /// Names of classes that the visitor gave, by source.
    pub names: RwSignal<BTreeMap<String, Arc<Vec<String>>>>,
    own: StoredValue<BTreeMap<String, Blob>, LocalStorage>,
    agreed: StoredValue<BTreeMap<String, Fetching>, LocalStorage>,
}

impl Files {
    /// None yet.
    pub fn new() -> Self {
        Self {
            looked: RwSignal::new(None),
            kept: RwSignal::new(None),
            names: RwSignal::default(),
            own: StoredValue::new_local(BTreeMap::new()),
            agreed: StoredValue::new_local(BTreeMap::new()),
        }
    }

    /// Takes back what was agreed to.
    pub fn withdraw(self, key: &str) {
        self.agreed.update_value(|agreed| {
            agreed.remove(key);
        });
    }

    /// What may be done to have these weights.
    pub fn fetching(self, source: &Source) -> Fetching {
        self.agreed.with_value(|agreed| agreed.get(&source.to_string()).copied().unwrap_or_default())
    }

    /// The visitor's own file, where these weights are one.
    pub fn own(self, source: &Source) -> Option<Blob> {
        let Source::Own(name) = source else { return None };
        self.own.with_value(|own| own.get(name).cloned())
    }

    /// Whether these weights are to be kept on this device and are not listed as such yet.
    pub fn is_news(self, source: &Source) -> bool {
        let key = source.to_string();
        let is_listed = |list: &Option<KeptList>| {
            let files = list.as_ref().and_then(|list| list.files.as_ref());
            files.is_some_and(|files| files.iter().any(|file| file.is_whole && file.key == key))
        };
        self.fetching(source) == Fetching::Keep && !self.kept.with_untracked(is_listed)
    }

    /// Notes that weights may be fetched.
    pub fn agree(self, source: &Source, fetching: Fetching) {
        self.agreed.update_value(|agreed| {
            agreed.insert(source.to_string(), fetching);
        });
    }

    /// The name of a class, where the visitor gave names for these weights. Whoever shows it listens to `names`.
    pub fn name(self, model: &str, index: usize) -> Option<String> {
        let key = source_of(model)?.to_string();
        self.names.with_untracked(|names| names.get(&key)?.get(index).cloned())
    }
}

impl Session {
    /// Looks into the visitor's own file. A second one of the same name is told apart by a number.
    pub fn open_file(self, file: &File) {
        let name = file.name();
        let mut source = Source::own(&name);
        let mut number = 2;
        while self.files.own(&source).is_some() {
            source = Source::own(&format!("{number}-{name}"));
            number += 1;
        }
        if let Source::Own(name) = &source {
            self.files.own.update_value(|own| drop(own.insert(name.clone(), file.clone().into())));
        }
        self.look(source.clone(), None);
        // Columns that a link brought wait for it.
        self.forget_answers(&source);
    }

    /// Looks into a file of weights.
    pub fn look(self, source: Source, net: Option<String>) {
        let crew = self.crew();
        self.cancel_all(|pending| matches!(pending, Pending::Look));
        let id = crew.next_id();
        let open = Open { id, source: source.to_string(), net: net.clone(), fetching: self.files.fetching(&source) };
        let own = self.files.own(&source);
        self.files.looked.set(Some(Looked { source, net, look: Look::Busy(None) }));
        self.pend(id, Pending::Look);
        crew.send(Request::Open(open), own);
    }

    /// Looks once more into a file that could not be read.
    pub fn look_again(self) {
        if let Some(Looked { source, net, look: Look::Failed(_) }) = self.files.looked.get_untracked() {
            self.look(source, net);
        }
    }

    /// Looks once more, now that another host may be asked.
    pub fn look_elsewhere(self, fetching: Fetching) {
        if let Some(Looked { source, net, .. }) = self.files.looked.get_untracked() {
            self.files.agree(&source, fetching);
            self.look(source, net);
        }
    }

    /// Gives up looking into a file.
    pub fn stop_looking(self) {
        self.cancel_all(|pending| matches!(pending, Pending::Look));
        if let Some(looked) = self.files.looked.get_untracked() {
            self.files.looked.set(None);
            self.given_up(&looked.source);
        }
    }

    /// After a download was given up: it does not begin again by itself, and what came of it is listed.
    pub fn given_up(self, source: &Source) {
        if self.files.fetching(source) != Fetching::Here {
            self.files.withdraw(&source.to_string());
            self.list_kept();
        }
    }

    /// What became of the file that is looked into.
    pub fn looked(self, look: Look) {
        let is_done = matches!(look, Look::Done(_) | Look::Failed(_));
        self.files.looked.update(|looked| {
            if let Some(looked) = looked {
                looked.look = look;
            }
        });
        if is_done {
            self.list_kept();
        }
    }

    /// Asks what is kept on this device.
    pub fn list_kept(self) {
        let crew = self.crew();
        let id = crew.next_id();
        self.pend(id, Pending::Kept);
        crew.send(Request::Kept { id }, None);
    }

    /// Deletes a file that is kept on this device.
    pub fn forget(self, key: String) {
        let crew = self.crew();
        self.files.withdraw(&key);
        let id = crew.next_id();
        self.pend(id, Pending::Kept);
        crew.send(Request::Forget { id, key }, None);
    }

    /// Runs a network with other weights; a sentence where that cannot be.
    ///
    /// # Errors
    /// When they are for another network, or this pair is shown already.
    pub fn choose_weights(self, model: &str, source: &Source) -> Result<(), String> {
        let chosen = with_source(net_of(model), source).map_err(|error| dom::sentence(&error.to_string()))?;
        if chosen == model {
            return Ok(());
        }
        if self.state.with_untracked(|state| state.models.contains(&chosen)) {
            return Err(tr!("{} is shown already.", display(&chosen)));
        }
        self.state.update(|state| {
            if state.base.as_deref() == Some(model) {
                state.base = Some(chosen.clone());
            }
            for known in state.models.iter_mut().filter(|known| *known == model) {
                known.clone_from(&chosen);
            }
        });
        Ok(())
    }

    /// Shows a network with weights beside the others, or in the last one's place.
    ///
    /// # Errors
    /// When they are for another network.
    pub fn show_weights(self, net: &str, source: &Source) -> Result<(), String> {
        let model = with_source(net, source).map_err(|error| dom::sentence(&error.to_string()))?;
        self.state.update(|state| {
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
