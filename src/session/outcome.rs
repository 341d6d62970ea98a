//! The outcome of each network's prediction.

use super::Session;
use leptos::prelude::*;
use std::sync::Arc;
use stridescope_i18n::{Message, msg};
use stridescope_protocol::{Answer, Step};
use stridescope_weights::ModelRef;

/// A network's prediction, or why there is none yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// In the queue or in progress.
    Waiting(Option<Progress>),
    /// The prediction.
    Done(Arc<Answer>),
    /// Its weights are on another host; the visitor decides whether to fetch them.
    Elsewhere {
        /// Size of the download, where it is known.
        bytes: Option<u64>,
        /// The host.
        host: String,
    },
    /// The visitor cancelled it.
    Cancelled,
    /// There are no weights for it.
    NoWeights,
    /// It failed; the sentence tells why and what to do.
    Failed(Message),
}

/// Progress of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The current step.
    pub step: Step,
    /// Bytes per second of a download.
    pub per_second: Option<f64>,
}

impl Session {
    /// Why a network has no prediction, where it is not busy.
    pub fn hindrance(self, model: &ModelRef) -> Option<Message> {
        self.outcomes.with(|outcomes| match outcomes.get(model) {
            None => self.lack.get(),
            Some(Outcome::Failed(sentence)) => Some(sentence.clone()),
            Some(Outcome::Cancelled) => Some(msg!("Given up.")),
            Some(Outcome::NoWeights) => Some(msg!("There are no weights for this network yet, so it cannot be asked.")),
            Some(Outcome::Elsewhere { .. }) => Some(msg!("Its weights have to be fetched first.")),
            Some(Outcome::Waiting(_) | Outcome::Done(_)) => None,
        })
    }

    /// A network's answer for the shown picture, if there is one.
    pub fn answer(self, model: &ModelRef) -> Option<Arc<Answer>> {
        self.outcomes.with(|outcomes| match outcomes.get(model) {
            Some(Outcome::Done(answer)) => Some(answer.clone()),
            _ => None,
        })
    }

    /// The networks with an answer, each with the answer's id.
    pub fn answered(self) -> Memo<Vec<(ModelRef, u32)>> {
        Memo::new(move |_| {
            self.outcomes.with(|outcomes| {
                let done = outcomes.iter().filter_map(|(model, outcome)| match outcome {
                    Outcome::Done(answer) => Some((model.clone(), answer.id)),
                    _ => None,
                });
                done.collect()
            })
        })
    }

    pub(super) fn answer_untracked(self, model: &ModelRef) -> bool {
        self.outcomes.with_untracked(|outcomes| matches!(outcomes.get(model), Some(Outcome::Done(_))))
    }
}
