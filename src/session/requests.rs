//! Requests to the engine: predictions of the chosen networks, extra runs, and the purpose of each open request.

use super::Session;
use super::outcome::Outcome;
use super::pictures::Candidate;
use crate::deferred::defer;
use crate::engine_client::client::PictureFile;
use crate::engine_client::pool::WorkerPool;
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use stridescope_i18n::Message;
use stridescope_protocol::{
    Answer, BackendChoice, Fetching, InputChoice, KernelChoice, PictureId, Request, Run, Tap, WeightsChoice,
};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;
use web_sys::Blob;

/// Is called with the answer of an extra run, or the error.
pub type OnAnswer = Box<dyn FnOnce(Result<Answer, Message>)>;

/// The purpose of a request.
pub enum Pending {
    /// A picture to show.
    Picture(Candidate),
    /// A picture that is not shown; the closure is called if it cannot be decoded, with the reason.
    Given(Box<dyn FnOnce(Message)>),
    /// A network's prediction.
    Run(ModelRef),
    /// An extra run.
    Extra(OnAnswer),
    /// The file that is inspected.
    Inspection,
    /// The list of cached files.
    CachedFiles,
}

/// The inputs of the shown answers: picture, device, kernels, size and shift.
pub(super) type Stamp = (PictureId, BackendChoice, KernelChoice, Option<usize>, usize);

/// A classification of a picture that is not shown.
struct Classification {
    ids: Vec<u32>,
    /// In the order of the networks.
    answers: Vec<Option<(ModelRef, Answer)>>,
    on_answer: Option<OnAnswers>,
}

type OnAnswers = Box<dyn FnOnce(Result<Vec<(ModelRef, Answer)>, Message>)>;

impl Session {
    /// Registers the purpose of a request.
    pub fn pend(self, id: u32, pending: Pending) {
        self.inner().pending.borrow_mut().push((id, pending));
    }

    pub(super) fn take(self, id: u32) -> Option<Pending> {
        let inner = self.inner();
        let mut pending = inner.pending.borrow_mut();
        let at = pending.iter().position(|(known, _)| *known == id)?;
        inner.downloads.borrow_mut().remove(&id);
        Some(pending.remove(at).1)
    }

    pub(super) fn is_pending(self, id: u32) -> bool {
        self.inner().pending.borrow().iter().any(|(known, _)| *known == id)
    }

    /// Whether no request is open.
    pub fn is_idle(self) -> bool {
        self.inner().pending.borrow().is_empty()
    }

    /// Cancels a request.
    pub fn cancel(self, id: u32) {
        if self.take(id).is_some() {
            self.worker_pool().send(Request::Cancel { id }, None);
        }
    }

    /// Cancels all requests with such a purpose.
    pub fn cancel_all(self, which: impl Fn(&Pending) -> bool) {
        let ids: Vec<u32> =
            self.inner().pending.borrow().iter().filter(|(_, pending)| which(pending)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.cancel(id));
    }

    /// Runs every chosen network without an answer for this picture, device, size and shift.
    pub fn refresh(self) {
        self.ask(false);
    }

    /// Like [`Session::refresh`]. With `once_more` networks with an answer run again too, and the old answer stays until then.
    pub(super) fn ask(self, once_more: bool) {
        let inner = self.inner();
        let worker_pool = self.worker_pool();
        let Some(picture) = inner.shown.borrow().as_ref().map(|shown| shown.file.clone()) else { return };
        if !self.awake.get_untracked() {
            return;
        }
        let state = self.state.get_untracked();
        let stamp = Some((picture.id, state.backend, state.kernels, state.size, state.shift));
        let is_new = inner.stamp.replace(stamp) != stamp || once_more;
        self.cancel_all(|pending| matches!(pending, Pending::Run(model) if is_new || !state.models.contains(model)));
        // Live input: the last answer stays until the next one arrives.
        let is_live = is_new && self.live.get_untracked().is_some();
        let keep = is_live || once_more;
        let mut outcomes = if is_new && !keep { BTreeMap::new() } else { self.outcomes.get_untracked() };
        outcomes.retain(|model, _| state.models.contains(model));
        for model in &state.models {
            let stands = matches!(outcomes.get(model), Some(Outcome::Done(_)));
            if outcomes.contains_key(model) && !keep {
                continue;
            }
            let Some(source) = model.weights() else {
                outcomes.insert(model.clone(), Outcome::NoWeights);
                continue;
            };
            if !stands {
                outcomes.insert(model.clone(), Outcome::Waiting(None));
            }
            let mut run = self.run(&worker_pool, model, picture.id);
            run.seen = !is_live;
            // The figure strides shows these maps; they cost next to nothing.
            run.taps = state.transitions(model).into_iter().map(|transition| Tap::mean(transition.map)).collect();
            self.pend(run.id, Pending::Run(model.clone()));
            // The figures react first, in a task of their own, and may cancel this run.
            let (worker_pool, own, picture) = (worker_pool.clone(), self.files.own(source), picture.clone());
            defer(move || {
                if self.is_pending(run.id) {
                    worker_pool.run(run, own, Some(picture));
                }
            });
        }
        self.outcomes.set(outcomes);
    }

    /// The run of a prediction.
    pub(super) fn run(self, worker_pool: &WorkerPool, model: &ModelRef, picture: PictureId) -> Run {
        self.state.with_untracked(|state| Run {
            id: worker_pool.next_id(),
            net: model.name().into(),
            weights: model.chosen().map_or(WeightsChoice::Catalogue, |source| WeightsChoice::From(source.to_string())),
            size: Some(state.run_size(model)),
            input: InputChoice::Picture(picture),
            backend: state.backend,
            fetching: model.weights().map(|source| self.files.fetching(source)).unwrap_or_default(),
            taps: Vec::new(),
            seen: false,
            cams: 0,
            cam_at: None,
            gradients: Vec::new(),
            edits: Vec::new(),
            shift: (state.shift, 0),
            timed: false,
            kernels: state.kernels,
            gpu_disabled_reason: None,
        })
    }

    /// Runs a network once more on the shown picture, with a run modified by `change`; `on_answer` is called with the answer or the error. Returns
    /// the id for [`Session::cancel`], after which `on_answer` is not called; none where no picture is shown.
    pub fn run_extra(
        self,
        model: &ModelRef,
        change: impl FnOnce(&mut Run),
        on_answer: impl FnOnce(Result<Answer, Message>) + 'static,
    ) -> Option<u32> {
        let picture = self.inner().shown.borrow().as_ref().map(|shown| shown.file.clone())?;
        let worker_pool = self.worker_pool();
        let mut run = self.run(&worker_pool, model, picture.id);
        change(&mut run);
        let id = run.id;
        self.pend(id, Pending::Extra(Box::new(on_answer)));
        worker_pool.run(run, model.weights().and_then(|source| self.files.own(source)), Some(picture));
        Some(id)
    }

    /// Runs networks on a picture that is not shown; `on_answer` is called with all answers, in order, or the first error.
    pub fn classify(
        self,
        blob: Blob,
        models: Vec<ModelRef>,
        on_answer: impl FnOnce(Result<Vec<(ModelRef, Answer)>, Message>) + 'static,
    ) {
        let worker_pool = self.worker_pool();
        worker_pool.ensure();
        let answers = models.iter().map(|_| None).collect();
        let open = Rc::new(RefCell::new(Classification { ids: Vec::new(), answers, on_answer: Some(Box::new(on_answer)) }));
        let fail = {
            let open = open.clone();
            move |sentence: Message| {
                let Classification { ids, on_answer, .. } = &mut *open.borrow_mut();
                std::mem::take(ids).into_iter().for_each(|id| self.cancel(id));
                if let Some(on_answer) = on_answer.take() {
                    on_answer(Err(sentence));
                }
            }
        };
        let id = worker_pool.next_id();
        let file = PictureFile { id: PictureId(id), blob: blob.clone() };
        self.pend(id, Pending::Given(Box::new(fail.clone())));
        worker_pool.send(Request::Picture { id, picture: file.id }, Some(blob));
        for (index, model) in models.into_iter().enumerate() {
            let run = self.run(&worker_pool, &model, file.id);
            let own = model.weights().and_then(|source| self.files.own(source));
            let (classification, fail) = (open.clone(), fail.clone());
            let on_answer = move |answer: Result<Answer, Message>| match answer {
                Err(sentence) => fail(sentence),
                Ok(answer) => {
                    let mut open = classification.borrow_mut();
                    open.answers[index] = Some((model, answer));
                    if open.answers.iter().all(Option::is_some)
                        && let Some(on_answer) = open.on_answer.take()
                    {
                        on_answer(Ok(std::mem::take(&mut open.answers).into_iter().flatten().collect()));
                    }
                }
            };
            open.borrow_mut().ids.push(run.id);
            self.pend(run.id, Pending::Extra(Box::new(on_answer)));
            worker_pool.run(run, own, Some(file.clone()));
        }
    }

    /// Cancels a network's prediction.
    pub fn stop(self, model: &ModelRef) {
        self.cancel_all(|pending| matches!(pending, Pending::Run(running) if running == model));
        self.outcomes.update(|outcomes| drop(outcomes.insert(model.clone(), Outcome::Cancelled)));
        if let Some(source) = model.weights() {
            self.cancel_download(source);
        }
    }

    /// Runs a network again.
    pub fn retry(self, model: &ModelRef) {
        self.outcomes.update(|outcomes| drop(outcomes.remove(model)));
        self.refresh();
    }

    /// Fetches a network's weights from another host, with the visitor's consent.
    pub fn allow_download(self, model: &ModelRef, fetching: Fetching) {
        if let Some(source) = model.weights() {
            self.files.allow_download(source, fetching);
        }
        self.retry(model);
    }

    /// Drops the answers of networks with these weights and runs them again.
    pub fn forget_answers(self, source: &WeightsSource) {
        self.outcomes.update(|outcomes| outcomes.retain(|model, _| model.weights() != Some(source)));
        self.refresh();
    }
}
