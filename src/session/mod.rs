//! What the page is busy with: the picture, what each network says of it, and the engine that is asked.

pub mod receive;
pub mod weight_files;

use crate::deferred::defer;
use crate::dom;
use crate::engine_client::client::{Incoming, Trouble};
use crate::engine_client::pool::WorkerPool;
use crate::site;
use leptos::prelude::*;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use stridescope_i18n::{Message, msg};
use stridescope_link::State;
use stridescope_link::samples::{self, Sample};
use stridescope_protocol::{
    BackendChoice, BackendReport, Event, Fetching, InputChoice, KernelChoice, Ran, Request, Run, Step, WeightsChoice,
};
use stridescope_weights::source::{WeightsSource, net_of, source_of, written};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;
use weight_files::{CachedList, Files, InspectionStatus};

/// What a network has said, or why not yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Waiting for its turn, or busy.
    Waiting(Option<Progress>),
    /// It answered.
    Done(Arc<Answer>),
    /// Its weights are elsewhere; the visitor decides.
    Elsewhere {
        /// Size of the download, where it is known.
        bytes: Option<u64>,
        /// Who would be asked.
        host: String,
    },
    /// The visitor gave it up.
    Cancelled,
    /// Nobody has weights for it.
    NoWeights,
    /// It could not answer; the sentence says why and what to do.
    Failed(Message),
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What it is busy with.
    pub step: Step,
    /// Bytes that come in a second, while something is fetched.
    pub per_second: Option<f64>,
}

/// What a network said, and the numbers that came with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it said.
    pub ran: Ran,
    /// The logits, then each tap, mean, class activation map and gradient, and the pixels that it read.
    pub numbers: Vec<Vec<f32>>,
    /// Whether it is of the visitor's own picture.
    pub is_private: bool,
}

impl Answer {
    /// The logits.
    pub fn logits(&self) -> &[f32] {
        self.numbers.first().map_or(&[], Vec::as_slice)
    }

    /// Side and values of the pixels that it read, where they were wanted.
    pub fn seen(&self) -> Option<(usize, &[f32])> {
        Some((self.ran.seen?, self.numbers.last()?))
    }

    /// The mean over the channels of one layer's output, row by row.
    pub fn mean(&self, node: &str) -> Option<&[f32]> {
        let index = self.ran.means.iter().position(|(name, _)| name == node)?;
        self.numbers.get(1 + self.ran.taps.len() + index).map(Vec::as_slice)
    }
}

/// Hears what became of a run that the page asked for beside the prediction.
pub type OnAnswer = Box<dyn FnOnce(Result<Answer, Message>)>;

/// The picture on show.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// An address that an `<img>` can show.
    pub url: String,
    /// What it shows, or its file's name.
    pub title: Message,
    /// Whose it is.
    pub credit: Message,
    /// Pixels across and down, once it has been decoded.
    pub size: Option<(usize, usize)>,
}

/// Where pictures come from one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveInput {
    /// The visitor's camera.
    Camera,
    /// What the visitor draws on the picture on show.
    Brush,
}

impl LiveInput {
    fn title(self) -> Message {
        match self {
            Self::Camera => msg!("Camera"),
            Self::Brush => msg!("Drawn on"),
        }
    }
}

/// A picture that the engine has yet to decode.
pub struct Candidate {
    blob: Blob,
    title: Message,
    sample: Option<Sample>,
    /// How many pictures others had given when it was sent.
    given: u32,
}

/// What a request is for.
pub enum Pending {
    /// A picture to show.
    Picture(Candidate),
    /// A picture that is not shown; it hears why it cannot be read.
    Given(Box<dyn FnOnce(Message)>),
    /// A network's prediction.
    Run(String),
    /// Something beside it.
    Extra(OnAnswer),
    /// The file that is looked into.
    Inspection,
    /// What is kept on this device.
    CachedFiles,
}

/// The answers on show belong to this picture, device, kernels, size and shift.
type Stamp = (u32, BackendChoice, KernelChoice, Option<usize>, usize);

/// A request may fail this long before the browser notices that it has no connection, in milliseconds.
const NOTICED_MS: f64 = 10_000.0;

/// A picture that did not come, and can be asked for again.
enum Missing {
    /// A sample, by its name.
    Sample(&'static str),
    /// The visitor's own, which no engine has looked at.
    Own(Blob, Message),
}

/// What is done again when the browser is online again.
type Again = Box<dyn FnOnce()>;

#[derive(Default)]
struct Inner {
    worker_pool: Rc<WorkerPool>,
    /// What each request is for, oldest first; never many.
    pending: RefCell<Vec<(u32, Pending)>>,
    /// The picture on show, and whether the engine looks at it or at another.
    blob: RefCell<Option<Blob>>,
    is_before_engine: Cell<bool>,
    pictures: Cell<u32>,
    /// Counts the pictures that were chosen: one that is fetched until another was chosen comes too late.
    choices: Cell<u32>,
    /// Counts the pictures that were given to the engine and are not shown.
    given: Cell<u32>,
    stamp: Cell<Option<Stamp>>,
    /// Whether the picture on show is the visitor's own.
    is_private: Cell<bool>,
    /// The visitor's own picture that was shown last, with its name: no address can hold it.
    own: RefCell<Option<(Blob, Message)>>,
    /// Whether the state has been changed since the browser's history followed it, other than by going on with a gesture.
    is_step: Cell<bool>,
    /// Whether a gesture goes on whose changes are one step of the history.
    is_in_gesture: Cell<bool>,
    /// What figures show, each of a type of its own.
    figure_states: RefCell<Vec<Box<dyn Any>>>,
    /// The picture that was asked for last, where it did not come, and what was said of it.
    missing: RefCell<Option<(Missing, Message)>>,
    /// Since when the browser has been offline, in [`dom::now`]'s milliseconds, while it is.
    offline: Cell<Option<f64>>,
    /// When networks failed that have not answered since, and when looking into a file did.
    failed: RefCell<BTreeMap<String, f64>>,
    look_failed: Cell<Option<f64>>,
    /// What is done again when the browser is online again.
    again: RefCell<Vec<Again>>,
    /// When a request's download was first heard of, and how much had come by then.
    downloads: RefCell<BTreeMap<u32, (f64, u64)>>,
}

/// The page's state and everything that follows from it. A handle; copies are the same session.
#[derive(Clone, Copy)]
pub struct Session {
    /// What the link says. [`Session::change`] changes it.
    pub state: ReadSignal<State>,
    set_state: WriteSignal<State>,
    /// By network.
    pub outcomes: RwSignal<BTreeMap<String, Outcome>>,
    /// None until the first has been decoded.
    pub picture: RwSignal<Option<Picture>>,
    /// Why no network can be asked: there is no picture, and none is on its way.
    pub lack: RwSignal<Option<Message>>,
    /// Where pictures come from one after another, while they do.
    pub live: RwSignal<Option<LiveInput>>,
    /// What the visitor should know, until it is put away.
    pub notice: RwSignal<Vec<Message>>,
    /// Whether the GPU failed so often that the visitor is to say whether it is tried again.
    pub asks_for_gpu: RwSignal<bool>,
    /// Files of weights.
    pub files: Files,
    /// The section that the reader was led to, until they move.
    pub led_to: RwSignal<Option<String>>,
    /// Whether the reader has begun to look around.
    pub is_read: RwSignal<bool>,
    /// Whether anything may be computed; a figure that stands alone waits until it is asked.
    pub awake: RwSignal<bool>,
    /// What puts a newer version of the page in this one's place, once it has come.
    pub update: RwSignal<Option<js_sys::Function>, LocalStorage>,
    /// Where the last answer was computed.
    pub backend: RwSignal<Option<BackendReport>>,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
    owner: StoredValue<Owner>,
}

impl Session {
    /// A session that has asked nothing yet.
    pub fn new(state: State, problems: Vec<Message>, worker_pool: Rc<WorkerPool>) -> Self {
        let awake = RwSignal::new(state.embed.is_none());
        let (state, set_state) = signal(state);
        let session = Self {
            awake,
            is_read: RwSignal::new(false),
            led_to: RwSignal::new(None),
            state,
            set_state,
            outcomes: RwSignal::default(),
            picture: RwSignal::default(),
            lack: RwSignal::new(None),
            live: RwSignal::new(None),
            notice: RwSignal::new(problems),
            asks_for_gpu: RwSignal::new(false),
            files: Files::new(),
            update: RwSignal::new_local(None),
            backend: RwSignal::default(),
            inner: StoredValue::new_local(Rc::new(Inner { worker_pool: worker_pool.clone(), ..Inner::default() })),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
        };
        worker_pool.listen(move |incoming| session.on_incoming(incoming));
        session
    }

    fn inner(self) -> Rc<Inner> {
        self.inner.get_value()
    }

    /// What a figure shows, by its type: made once, and there again where the figure is drawn anew, as it is in another language.
    pub fn figure_state<T: Copy + 'static>(self, make: impl FnOnce() -> T) -> T {
        let inner = self.inner();
        let known = inner.figure_states.borrow().iter().find_map(|state| state.downcast_ref::<T>().copied());
        known.unwrap_or_else(|| {
            let made = self.owner.get_value().with(make);
            inner.figure_states.borrow_mut().push(Box::new(made));
            made
        })
    }

    /// The engine's end in the page.
    pub fn worker_pool(self) -> Rc<WorkerPool> {
        self.inner().worker_pool.clone()
    }

    /// Notes what a request is for.
    pub fn pend(self, id: u32, pending: Pending) {
        self.inner().pending.borrow_mut().push((id, pending));
    }

    /// Shows the sample picture that the visitor chose.
    pub fn choose_sample(self, id: &str) {
        self.notice.set(Vec::new());
        self.live.set(None);
        self.load_sample(id);
    }

    /// Shows a sample picture, and leaves what the visitor should know in sight.
    pub fn load_sample(self, id: &str) {
        let Some(sample) = samples::find(id) else { return };
        if !self.awake.get_untracked() {
            self.change(|state| state.image = Some(id.into()));
            return self.preview(&sample);
        }
        // The first is in sight before the engine has looked at it.
        if self.picture.with_untracked(Option::is_none) {
            self.preview(&sample);
        }
        // The engine loads while the picture does.
        self.worker_pool().ensure();
        let choice = self.count_choice();
        spawn_local(async move {
            let fetched = dom::fetch_blob(&site::sample(&sample)).await;
            if self.inner().choices.get() != choice {
                return;
            }
            match fetched {
                Ok(blob) => self.choose(blob, sample_title(&sample), Some(sample)),
                Err(()) => self.miss(
                    Missing::Sample(sample.id),
                    msg!(
                        "The picture {} did not load. Check the connection, then choose it again; it also comes by itself once the browser is online again.",
                        sample.file
                    ),
                ),
            }
        });
    }

    /// The address of the picture on show, at its full size.
    pub fn whole_picture(self) -> Option<String> {
        let sample = self.state.with_untracked(|state| state.image.as_deref().and_then(samples::find));
        sample
            .map(|sample| site::sample(&sample))
            .or_else(|| self.picture.with_untracked(|shown| Some(shown.as_ref()?.url.clone())))
    }

    /// Puts the newer version of the page in this one's place.
    pub fn apply_update(self) {
        if let Some(apply) = self.update.get_untracked() {
            let _ = apply.call0(&wasm_bindgen::JsValue::NULL);
        }
    }

    /// Shows the visitor's own picture.
    pub fn choose_file(self, file: &web_sys::File) {
        self.notice.set(Vec::new());
        self.live.set(None);
        self.awake.set(true);
        self.choose(file.clone().into(), Message::Verbatim(file.name()), None);
    }

    /// Shows the networks one of many pictures, or the last of them.
    pub fn take_picture(self, source: LiveInput, blob: Blob) {
        self.awake.set(true);
        self.choose(blob, source.title(), None);
    }

    /// Whether what happens now may be of the visitor's own picture: the one on show, or the one that is to be shown.
    pub fn is_private(self) -> bool {
        self.inner().is_private.get() || self.state.with_untracked(|state| state.image.is_none())
    }

    /// Whether the engine has answered everything.
    pub fn is_idle(self) -> bool {
        self.inner().pending.borrow().is_empty()
    }

    /// Begins to compute, where nothing was to be computed until now.
    pub fn wake(self) {
        if !self.awake.get_untracked() {
            self.awake.set(true);
            let image = self.state.with_untracked(|state| state.image.clone());
            self.load_sample(image.as_deref().unwrap_or_default());
        }
    }

    /// Changes the state, as one step of the browser's history. What followed from networks that are gone is corrected with it.
    pub fn change(self, change: impl FnOnce(&mut State)) {
        // What was so already is no step, and ends no gesture.
        if self.set(change) {
            self.end_gesture();
            self.inner().is_step.set(true);
        }
    }

    /// Changes the state as part of a gesture: while a slider is dragged, a key is held or something plays, all changes are one step of the history,
    /// until [`Session::end_gesture`].
    pub fn change_in_gesture(self, change: impl FnOnce(&mut State)) {
        if self.set(change) && !self.inner().is_in_gesture.replace(true) {
            self.inner().is_step.set(true);
        }
    }

    /// The next change begins another step of the history.
    pub fn end_gesture(self) {
        self.inner().is_in_gesture.set(false);
    }

    /// Whether the state of now is another step of the history than the one that was asked about last.
    pub fn take_step(self) -> bool {
        self.inner().is_step.take()
    }

    /// Changes the state; whether it is another one now.
    fn set(self, change: impl FnOnce(&mut State)) -> bool {
        let now = self.state.get_untracked();
        let mut next = now.clone();
        change(&mut next);
        if (&next.models, next.size) != (&now.models, now.size) {
            next.settle();
        }
        let is_new = next != now;
        if is_new {
            self.set_state.set(next);
        }
        is_new
    }

    /// Goes to another state, as a script or another page asks.
    pub fn go(self, state: State) {
        self.end_gesture();
        if self.follow(state) {
            self.inner().is_step.set(true);
        }
    }

    /// Goes where the browser's history leads, by its query string. The visitor's own picture stays while it is on show, since no address can hold
    /// it, and comes back where the address says that it was. Returns what of the address makes no sense.
    pub fn follow_history(self, query: &str) -> Vec<Message> {
        self.end_gesture();
        let shows_own = self.state.with_untracked(|state| state.image.is_none());
        let has_own = shows_own || self.inner().own.borrow().is_some();
        let (mut state, problems) = State::from_query_beside(query, has_own);
        if shows_own {
            state.image = None;
        }
        self.follow(state);
        problems
    }

    /// Goes to another state, and shows its picture; whether it is another one.
    fn follow(self, state: State) -> bool {
        let before = self.state.with_untracked(|now| now.image.clone());
        let image = state.image.clone();
        let is_new = self.set(|now| *now = state);
        let own = self.inner().own.borrow().clone();
        match (image, own) {
            (image, _) if image == before => {}
            (Some(image), _) => {
                self.live.set(None);
                self.load_sample(&image);
            }
            (None, Some((blob, title))) => {
                self.live.set(None);
                self.choose(blob, title, None);
            }
            (None, None) => {}
        }
        is_new
    }

    /// Notes that a picture did not come, and says so: where none is on show, in every network's place as well.
    fn miss(self, missing: Missing, sentence: Message) {
        let inner = self.inner();
        self.lack.set(inner.blob.borrow().is_none().then(|| sentence.clone()));
        self.notice.set(vec![sentence.clone()]);
        *inner.missing.borrow_mut() = Some((missing, sentence));
    }

    /// Takes back what was said of a picture that did not come, and returns which that is.
    fn take_missing(self) -> Option<Missing> {
        let (missing, sentence) = self.inner().missing.borrow_mut().take()?;
        self.unsay(&sentence);
        Some(missing)
    }

    /// Asks once more for the picture that did not come.
    pub fn load_again(self) {
        match self.take_missing() {
            Some(Missing::Sample(id)) => self.load_sample(id),
            Some(Missing::Own(blob, title)) => self.choose(blob, title, None),
            None => {}
        }
    }

    /// Takes a sentence back that has come to be wrong.
    pub fn unsay(self, sentence: &Message) {
        self.notice.maybe_update(|notice| {
            let before = notice.len();
            notice.retain(|said| said != sentence);
            notice.len() != before
        });
    }

    /// Does something again once the browser is online again.
    pub fn when_online(self, what: impl FnOnce() + 'static) {
        self.inner().again.borrow_mut().push(Box::new(what));
    }

    /// Fetches something again once the browser is online again, each time that it failed and has not been fetched since.
    pub fn again_when_online(self, has_failed: Signal<bool>, fetch: impl Fn() + Copy + 'static) {
        Effect::new(move |_| {
            if has_failed.get() {
                // Its place may be gone by then.
                self.when_online(move || {
                    if has_failed.try_get_untracked() == Some(true) {
                        fetch()
                    }
                });
            }
        });
    }

    /// The browser has lost its connection.
    pub fn went_offline(self) {
        self.inner().offline.set(Some(dom::now()));
    }

    /// The browser has a connection again: what failed for want of one is done again.
    pub fn came_online(self) {
        let inner = self.inner();
        // What failed long before had another reason, and would fail again.
        let since = inner.offline.take().unwrap_or_else(dom::now) - NOTICED_MS;
        inner.again.take().into_iter().for_each(|again| again());
        let failed = inner.failed.take();
        self.outcomes.update(|outcomes| {
            outcomes.retain(|net, outcome| {
                !matches!(outcome, Outcome::Failed(_)) || failed.get(net).is_none_or(|failed| *failed < since)
            });
        });
        self.load_again();
        self.refresh();
        if inner.look_failed.take().is_some_and(|failed| failed >= since) {
            self.inspect_again();
        }
    }

    /// Why a network has not answered, where it is not busy either.
    pub fn hindrance(self, net: &str) -> Option<Message> {
        self.outcomes.with(|outcomes| match outcomes.get(net) {
            None => self.lack.get(),
            Some(Outcome::Failed(sentence)) => Some(sentence.clone()),
            Some(Outcome::Cancelled) => Some(msg!("Given up.")),
            Some(Outcome::NoWeights) => Some(msg!("There are no weights for this network yet, so it cannot be asked.")),
            Some(Outcome::Elsewhere { .. }) => Some(msg!("Its weights have to be fetched first.")),
            Some(Outcome::Waiting(_) | Outcome::Done(_)) => None,
        })
    }

    /// The number of what is chosen now.
    fn count_choice(self) -> u32 {
        let inner = self.inner();
        self.take_missing();
        self.lack.maybe_update(|lack| lack.take().is_some());
        inner.choices.set(inner.choices.get() + 1);
        inner.choices.get()
    }

    fn choose(self, blob: Blob, title: Message, sample: Option<Sample>) {
        self.count_choice();
        let worker_pool = self.worker_pool();
        self.cancel_all(|pending| matches!(pending, Pending::Picture(_)));
        let id = worker_pool.next_id();
        let candidate = Candidate { blob: blob.clone(), title, sample, given: self.inner().given.get() };
        self.pend(id, Pending::Picture(candidate));
        worker_pool.send(Request::Picture { id }, Some(blob));
    }

    /// Asks networks for a picture that is not shown; `on_answer` gets every network's answer, in order, or the first sentence why not.
    pub fn classify(
        self,
        blob: Blob,
        models: Vec<String>,
        on_answer: impl FnOnce(Result<Vec<(String, Answer)>, Message>) + 'static,
    ) {
        let worker_pool = self.worker_pool();
        worker_pool.ensure();
        let inner = self.inner();
        inner.given.set(inner.given.get() + 1);
        // The picture on show has to be sent again afterwards.
        inner.is_before_engine.set(false);
        let answers = models.iter().map(|_| None).collect();
        let asked = Rc::new(RefCell::new(Asked { ids: Vec::new(), answers, on_answer: Some(Box::new(on_answer)) }));
        let fail = {
            let asked = asked.clone();
            move |sentence: Message| {
                let Asked { ids, on_answer, .. } = &mut *asked.borrow_mut();
                std::mem::take(ids).into_iter().for_each(|id| self.cancel(id));
                if let Some(on_answer) = on_answer.take() {
                    on_answer(Err(sentence));
                }
            }
        };
        let id = worker_pool.next_id();
        self.pend(id, Pending::Given(Box::new(fail.clone())));
        worker_pool.send(Request::Picture { id }, Some(blob));
        for (index, net) in models.into_iter().enumerate() {
            let run = self.run(&worker_pool, &net);
            let own = source_of(&net).and_then(|source| self.files.own(&source));
            let (asked, fail) = (asked.clone(), fail.clone());
            let on_incoming = {
                let asked = asked.clone();
                move |answer: Result<Answer, Message>| match answer {
                    Err(sentence) => fail(sentence),
                    Ok(answer) => {
                        let mut asked = asked.borrow_mut();
                        asked.answers[index] = Some((net, answer));
                        if asked.answers.iter().all(Option::is_some)
                            && let Some(on_answer) = asked.on_answer.take()
                        {
                            on_answer(Ok(std::mem::take(&mut asked.answers).into_iter().flatten().collect()));
                        }
                    }
                }
            };
            asked.borrow_mut().ids.push(run.id);
            self.pend(run.id, Pending::Extra(Box::new(on_incoming)));
            worker_pool.send(Request::Run(run.into()), own);
        }
    }

    fn take(self, id: u32) -> Option<Pending> {
        let inner = self.inner();
        let mut pending = inner.pending.borrow_mut();
        let at = pending.iter().position(|(known, _)| *known == id)?;
        inner.downloads.borrow_mut().remove(&id);
        Some(pending.remove(at).1)
    }

    fn is_pending(self, id: u32) -> bool {
        self.inner().pending.borrow().iter().any(|(known, _)| *known == id)
    }

    /// Gives a request up.
    pub fn cancel(self, id: u32) {
        if self.take(id).is_some() {
            self.worker_pool().send(Request::Cancel { id }, None);
        }
    }

    /// Gives up every request of a kind.
    pub fn cancel_all(self, which: impl Fn(&Pending) -> bool) {
        let ids: Vec<u32> =
            self.inner().pending.borrow().iter().filter(|(_, pending)| which(pending)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.cancel(id));
    }

    /// Gives up what a network is busy with.
    pub fn stop(self, net: &str) {
        self.cancel_all(|pending| matches!(pending, Pending::Run(running) if running == net));
        self.outcomes.update(|outcomes| drop(outcomes.insert(net.into(), Outcome::Cancelled)));
        if let Some(source) = source_of(net) {
            self.cancel_download(&source);
        }
    }

    /// Asks a network again.
    pub fn retry(self, net: &str) {
        self.outcomes.update(|outcomes| drop(outcomes.remove(net)));
        self.refresh();
    }

    /// Fetches a network's weights from elsewhere, as the visitor agreed.
    pub fn allow_download(self, net: &str, fetching: Fetching) {
        if let Some(source) = source_of(net) {
            self.files.allow_download(&source, fetching);
        }
        self.retry(net);
    }

    /// Forgets what networks with these weights said, and asks them again.
    pub fn forget_answers(self, source: &WeightsSource) {
        self.outcomes.update(|outcomes| outcomes.retain(|net, _| source_of(net).as_ref() != Some(source)));
        self.refresh();
    }

    /// Asks every chosen network that has not answered for this picture, device, size and shift.
    pub fn refresh(self) {
        self.ask(false);
    }

    /// Likewise; `once_more` asks those that have, too, whose answers stand until then.
    fn ask(self, once_more: bool) {
        let inner = self.inner();
        let worker_pool = self.worker_pool();
        if inner.blob.borrow().is_none() || !self.awake.get_untracked() {
            return;
        }
        let state = self.state.get_untracked();
        let stamp = Some((inner.pictures.get(), state.backend, state.kernels, state.size, state.shift));
        let is_new = inner.stamp.replace(stamp) != stamp || once_more;
        self.cancel_all(|pending| matches!(pending, Pending::Run(net) if is_new || !state.models.contains(net)));
        // While one picture follows the other, the last answer stands until the next one comes.
        let is_live = is_new && self.live.get_untracked().is_some();
        let keep = is_live || once_more;
        let mut outcomes = if is_new && !keep { BTreeMap::new() } else { self.outcomes.get_untracked() };
        outcomes.retain(|net, _| state.models.contains(net));
        for net in &state.models {
            let stands = matches!(outcomes.get(net), Some(Outcome::Done(_)));
            if outcomes.contains_key(net) && !keep {
                continue;
            }
            let Some(source) = source_of(net) else {
                outcomes.insert(net.clone(), Outcome::NoWeights);
                continue;
            };
            if !stands {
                outcomes.insert(net.clone(), Outcome::Waiting(None));
            }
            let mut run = self.run(&worker_pool, net);
            run.seen = !is_live;
            // The maps that strides are shown on; they cost next to nothing.
            run.means = state.transitions(net).into_iter().map(|transition| transition.map).collect();
            self.pend(run.id, Pending::Run(net.clone()));
            // What the figures do about it comes first, in a task of its own, and may give this up.
            let (worker_pool, own) = (worker_pool.clone(), self.files.own(&source));
            defer(move || {
                if self.is_pending(run.id) {
                    self.show_picture_to(&worker_pool);
                    worker_pool.send(Request::Run(run.into()), own);
                }
            });
        }
        self.outcomes.set(outcomes);
    }

    /// What a network said of the picture on show, once it has.
    pub fn answer(self, net: &str) -> Option<Arc<Answer>> {
        self.outcomes.with(|outcomes| match outcomes.get(net) {
            Some(Outcome::Done(answer)) => Some(answer.clone()),
            _ => None,
        })
    }

    /// The networks that have answered, each with what tells one answer from the next.
    pub fn answered(self) -> Memo<Vec<(String, u32)>> {
        Memo::new(move |_| {
            self.outcomes.with(|outcomes| {
                let done = outcomes.iter().filter_map(|(net, outcome)| match outcome {
                    Outcome::Done(answer) => Some((net.clone(), answer.ran.id)),
                    _ => None,
                });
                done.collect()
            })
        })
    }

    /// Runs a network once more on the picture on show, changed by `change`; `on_answer` gets the answer, or a sentence. Returns what
    /// [`Session::cancel`] gives up, after which nothing is heard.
    pub fn run_extra(
        self,
        net: &str,
        change: impl FnOnce(&mut Run),
        on_answer: impl FnOnce(Result<Answer, Message>) + 'static,
    ) -> Option<u32> {
        let worker_pool = self.worker_pool();
        self.show_picture_to(&worker_pool);
        let mut run = self.run(&worker_pool, net);
        change(&mut run);
        let id = run.id;
        self.pend(id, Pending::Extra(Box::new(on_answer)));
        worker_pool.send(Request::Run(run.into()), source_of(net).and_then(|source| self.files.own(&source)));
        Some(id)
    }

    /// The run whose answer is the prediction.
    fn run(self, worker_pool: &WorkerPool, net: &str) -> Run {
        self.state.with_untracked(|state| Run {
            id: worker_pool.next_id(),
            net: net_of(net).into(),
            weights: written(net).map_or(WeightsChoice::Catalogue, |source| WeightsChoice::From(source.into())),
            size: Some(state.run_size(net)),
            input: InputChoice::Picture,
            backend: state.backend,
            fetching: source_of(net).map(|source| self.files.fetching(&source)).unwrap_or_default(),
            taps: Vec::new(),
            means: Vec::new(),
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

    /// Has the engine look at the picture on show again, where it saw another since.
    fn show_picture_to(self, worker_pool: &WorkerPool) {
        let inner = self.inner();
        if !inner.is_before_engine.replace(true) {
            let id = worker_pool.next_id();
            worker_pool.send(Request::Picture { id }, inner.blob.borrow().clone());
        }
    }

    fn on_incoming(self, incoming: Incoming) {
        match incoming {
            Incoming::Trouble(trouble) => self.trouble(trouble),
            Incoming::Event(event, numbers) => self.event(event, numbers),
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

    /// Computes on the GPU again that had failed.
    pub fn try_gpu_again(self) {
        self.asks_for_gpu.set(false);
        self.worker_pool().allow_gpu();
        self.outcomes.set(BTreeMap::new());
        self.refresh();
    }

    fn event(self, event: Event, numbers: Vec<Vec<f32>>) {
        let inner = self.inner();
        let take = |id: u32| self.take(id);
        let put = |net: String, outcome: Outcome| self.outcomes.update(|outcomes| drop(outcomes.insert(net, outcome)));
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
                let net = match inner.pending.borrow().iter().find(|(known, _)| *known == id) {
                    Some((_, Pending::Run(net))) => Some(net.clone()),
                    Some((_, Pending::Inspection)) => None,
                    _ => return,
                };
                match net {
                    None => self.set_inspection(InspectionStatus::Busy(Some(progress))),
                    Some(net) if self.answer_untracked(&net) => {}
                    Some(net) => put(net, Outcome::Waiting(Some(progress))),
                }
            }
            Event::Opened(opened) => {
                if let Some(Pending::Inspection) = take(opened.id) {
                    self.set_inspection(InspectionStatus::Done(Arc::new(*opened)));
                }
            }
            Event::CachedFiles { id, files, room } => {
                take(id);
                self.files.cached.set(Some(CachedList { files, room }));
            }
            Event::Notice { message } => self.notice.set(vec![message]),
            Event::WeightsElsewhere { id, bytes, host } => match take(id) {
                Some(Pending::Run(net)) => put(net, Outcome::Elsewhere { bytes, host }),
                Some(Pending::Extra(on_answer)) => on_answer(Err(msg!("Its weights have to be fetched first."))),
                Some(Pending::Inspection) => self.set_inspection(InspectionStatus::Elsewhere { bytes, host }),
                _ => {}
            },
            Event::Ran(ran) => {
                let pending = take(ran.id);
                let answer = Answer { ran: *ran, numbers, is_private: inner.is_private.get() };
                match pending {
                    Some(Pending::Run(net)) => {
                        self.backend.set(Some(answer.ran.backend.clone()));
                        let source = source_of(&net);
                        put(net, Outcome::Done(Arc::new(answer)));
                        if source.is_some_and(|source| self.files.is_new_in_cache(&source)) {
                            self.list_cached();
                        }
                    }
                    Some(Pending::Extra(on_answer)) => on_answer(Ok(answer)),
                    _ => {}
                }
            }
            Event::Failed { id, message } => match take(id) {
                Some(Pending::Run(net)) => {
                    inner.failed.borrow_mut().insert(net.clone(), dom::now());
                    put(net, Outcome::Failed(message.sentence()));
                    // What was kept of its weights may be gone.
                    if self.files.cached.with_untracked(Option::is_some) {
                        self.list_cached();
                    }
                }
                Some(Pending::Picture(candidate)) => {
                    let sentence = msg!("{}: {}", candidate.title, message.sentence());
                    match candidate.sample {
                        Some(sample) => self.miss(Missing::Sample(sample.id), sentence),
                        None if !self.worker_pool().has_loaded() => {
                            self.miss(Missing::Own(candidate.blob, candidate.title), sentence)
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

    fn answer_untracked(self, net: &str) -> bool {
        self.outcomes.with_untracked(|outcomes| matches!(outcomes.get(net), Some(Outcome::Done(_))))
    }

    /// Bytes a second since a download was first heard of; nothing in its first moments.
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

    /// Says why a picture of the visitor's cannot be shown. Where it took the first one's place, that one comes after all.
    fn refused(self, sentence: Message) {
        if self.inner().blob.borrow().is_none() {
            let image = self.state.with_untracked(|state| state.image.clone());
            self.load_sample(image.as_deref().unwrap_or(samples::SAMPLES[0].id));
        }
        self.notice.set(vec![sentence]);
    }

    fn show(self, candidate: Candidate, size: (usize, usize)) {
        let inner = self.inner();
        inner.pictures.set(inner.pictures.get() + 1);
        inner.is_private.set(candidate.sample.is_none());
        *inner.blob.borrow_mut() = Some(candidate.blob.clone());
        let own_title = candidate.title.clone();
        // What the figures do about it is a task of its own, before the picture: an answer to the one before it never stands beside it.
        defer(move || self.refresh());
        // While it lives, the picture shows itself.
        if self.live.get_untracked().is_none() {
            let (url, credit) = match candidate.sample {
                Some(sample) => (site::sample(&sample), sample_credit(&sample)),
                None => (dom::object_url(&candidate.blob), msg!("Your picture; it stays on this device")),
            };
            defer(move || self.put_picture(url, candidate.title, credit, Some(size)));
        }
        if inner.given.get() == candidate.given {
            inner.is_before_engine.set(true);
        }
        let image = candidate.sample.map(|sample| sample.id.to_string());
        if candidate.sample.is_none() {
            *inner.own.borrow_mut() = Some((candidate.blob, own_title));
        }
        self.change(|state| state.image = image);
    }

    /// Shows a sample before it is needed for more than that.
    fn preview(self, sample: &Sample) {
        self.put_picture(site::sample_preview(sample), sample_title(sample), sample_credit(sample), None);
    }

    fn put_picture(self, url: String, title: Message, credit: Message, size: Option<(usize, usize)>) {
        if let Some(before) = self.picture.get_untracked() {
            dom::drop_object_url(&before.url);
        }
        self.picture.set(Some(Picture { url, title, credit, size }));
    }
}

fn sample_title(sample: &Sample) -> Message {
    Message::key(sample.title)
}

fn sample_credit(sample: &Sample) -> Message {
    Message::key(sample.credit)
}

/// Networks that were asked for a picture that is not shown.
struct Asked {
    ids: Vec<u32>,
    /// In the order in which they were asked.
    answers: Vec<Option<(String, Answer)>>,
    on_answer: Option<OnAnswers>,
}

type OnAnswers = Box<dyn FnOnce(Result<Vec<(String, Answer)>, Message>)>;
