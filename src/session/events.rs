//! The effects of the engine's events.

use super::Session;
use super::outcome::{Outcome, Progress};
use super::pictures::Missing;
use super::requests::Pending;
use super::weight_files::{CachedList, InspectionStatus};
use crate::dom;
use crate::engine_client::client::{Incoming, Trouble};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use stridescope_i18n::msg;
use stridescope_protocol::{BackendChoice, Event, Step};
use stridescope_weights::ModelRef;

impl Session {
    pub(super) fn on_incoming(self, incoming: Incoming) {
        match incoming {
            Incoming::Trouble(trouble) => self.trouble(trouble),
            Incoming::Event(event) => self.event(event),
        }
    }

    fn trouble(self, trouble: Trouble) {
        self.notice.set(vec![match trouble {
            Trouble::Stopped => {
                msg!("The engine stopped. Another one took its place, and what it was busy with is computed again.")
            }
            Trouble::Silent => msg!("The engine said nothing for a minute and was ended. Another one computes it again."),
            Trouble::Gpu => msg!("The GPU failed. It was started anew, and what it was busy with is computed again."),
            Trouble::GpuAgain => {
                self.asks_for_gpu.set(true);
                return;
            }
        }]);
    }

    /// Enables the GPU again after it failed.
    pub fn try_gpu_again(self) {
        self.asks_for_gpu.set(false);
        self.worker_pool().allow_gpu();
        self.outcomes.set(BTreeMap::new());
        self.refresh();
    }

    pub(super) fn event(self, event: Event) {
        let inner = self.inner();
        let take = |id: u32| self.take(id);
        let put = |model: ModelRef, outcome: Outcome| self.outcomes.update(|outcomes| drop(outcomes.insert(model, outcome)));
        match event {
            Event::Ready | Event::Alive | Event::OnCpu { .. } | Event::Gpu { is_ready: false } | Event::GpuFailed { .. } => {}
            Event::Gpu { is_ready: true } => self.ask(self.state.with_untracked(|state| state.backend == BackendChoice::Auto)),
            Event::Picture { id, width, height } => {
                if let Some(Pending::Picture(candidate)) = take(id) {
                    self.show(candidate, (width, height));
                }
            }
            Event::Progress { id, step } => {
                let progress = Progress { step, per_second: self.per_second(id, step) };
                let model = match inner.pending.borrow().iter().find(|(known, _)| *known == id) {
                    Some((_, Pending::Run(model))) => Some(model.clone()),
                    Some((_, Pending::Inspection)) => None,
                    _ => return,
                };
                match model {
                    None => self.set_inspection(InspectionStatus::Busy(Some(progress))),
                    Some(model) if self.answer_untracked(&model) => {}
                    Some(model) => put(model, Outcome::Waiting(Some(progress))),
                }
            }
            Event::Opened { id, file } => {
                if let Some(Pending::Inspection) = take(id) {
                    self.set_inspection(InspectionStatus::Done(file));
                }
            }
            Event::CachedFiles { id, files, room } => {
                take(id);
                self.files.cached.set(Some(CachedList { files, room }));
            }
            Event::Notice { message } => self.notice.set(vec![message]),
            Event::WeightsElsewhere { id, bytes, host } => match take(id) {
                Some(Pending::Run(model)) => put(model, Outcome::Elsewhere { bytes, host }),
                Some(Pending::Extra(on_answer)) => on_answer(Err(msg!("Its weights have to be fetched first."))),
                Some(Pending::Inspection) => self.set_inspection(InspectionStatus::Elsewhere { bytes, host }),
                _ => {}
            },
            Event::Ran(answer) => match take(answer.id) {
                Some(Pending::Run(model)) => {
                    self.backend.set(Some(answer.backend.clone()));
                    put(model.clone(), Outcome::Done(Arc::new(*answer)));
                    if model.weights().is_some_and(|source| self.files.is_new_in_cache(source)) {
                        self.list_cached();
                    }
                }
                Some(Pending::Extra(on_answer)) => on_answer(Ok(*answer)),
                _ => {}
            },
            Event::Failed { id, message } => match take(id) {
                Some(Pending::Run(model)) => {
                    inner.failed.borrow_mut().insert(model.clone(), dom::now());
                    put(model, Outcome::Failed(message.sentence()));
                    // The cache may have lost its weights.
                    if self.files.cached.with_untracked(Option::is_some) {
                        self.list_cached();
                    }
                }
                Some(Pending::Picture(candidate)) => {
                    let sentence = msg!("{}: {}", candidate.title, message.sentence());
                    match candidate.sample {
                        Some(sample) => self.miss(Missing::Sample(sample.id), sentence),
                        None if !self.worker_pool().has_loaded() => {
                            self.miss(Missing::Own(candidate.file.blob, candidate.title), sentence)
                        }
                        None => self.refused(sentence),
                    }
                }
                Some(Pending::Given(fail)) => fail(message.sentence()),
                Some(Pending::Extra(on_answer)) => on_answer(Err(message.sentence())),
                Some(Pending::Inspection) => {
                    inner.look_failed.set(Some(dom::now()));
                    self.set_inspection(InspectionStatus::Failed(message.sentence()));
                }
                Some(Pending::CachedFiles) => self.when_online(move || self.list_cached()),
                None => {}
            },
        }
    }

    /// Bytes per second since the first report of a download; none at its start.
    fn per_second(self, id: u32, step: Step) -> Option<f64> {
        let inner = self.inner();
        let mut downloads = inner.downloads.borrow_mut();
        let Step::Weights { received, .. } = step else {
            downloads.remove(&id);
            return None;
        };
        let now = dom::now();
        let (since, first) = *downloads.entry(id).or_insert((now, received));
        (now - since >= 500.0).then(|| 1e3 * received.saturating_sub(first) as f64 / (now - since))
    }
}
