//! The page's state and what depends on it: the picture, the requests to the engine, and their outcomes.

mod connection;
mod events;
mod history;
mod outcome;
mod pictures;
pub mod receive;
mod requests;
pub mod weight_files;

pub use outcome::{Outcome, Progress};
pub use pictures::{LiveInput, Picture};
pub use requests::Pending;

use crate::engine_client::pool::WorkerPool;
use leptos::prelude::*;
use pictures::{Missing, Shown};
use requests::Stamp;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use stridescope_i18n::Message;
use stridescope_link::State;
use stridescope_protocol::BackendReport;
use stridescope_weights::ModelRef;
use web_sys::Blob;
use weight_files::Files;

/// A retry for when the browser is online again.
type Again = Box<dyn FnOnce()>;

#[derive(Default)]
struct Inner {
    worker_pool: Rc<WorkerPool>,
    /// The purpose of each open request, oldest first; always few.
    pending: RefCell<Vec<(u32, Pending)>>,
    /// The shown picture.
    shown: RefCell<Option<Shown>>,
    /// Number of pictures chosen so far: a picture that was fetched for an earlier choice is dropped.
    choices: Cell<u32>,
    stamp: Cell<Option<Stamp>>,
    /// The visitor's own picture that was shown last, with its name: no address can hold it.
    own: RefCell<Option<(Blob, Message)>>,
    /// Whether the state has changed since the last history entry, other than within a gesture.
    is_step: Cell<bool>,
    /// Whether a gesture goes on, whose changes make one history entry.
    is_in_gesture: Cell<bool>,
    /// The states of the figures, each of its own type.
    figure_states: RefCell<Vec<Box<dyn Any>>>,
    /// The last picture that could not be fetched or decoded, and the notice about it.
    missing: RefCell<Option<(Missing, Message)>>,
    /// Since when the browser is offline, in milliseconds of [`dom::now`]; none while it is online.
    offline: Cell<Option<f64>>,
    /// The times of failures that were not retried yet: by network, and for the inspected file.
    failed: RefCell<BTreeMap<ModelRef, f64>>,
    look_failed: Cell<Option<f64>>,
    /// Retries for when the browser is online again.
    again: RefCell<Vec<Again>>,
    /// Start of each download, and the bytes received by then.
    downloads: RefCell<BTreeMap<u32, (f64, u64)>>,
}

/// The page's state and all that depends on it. A handle: copies are the same session.
#[derive(Clone, Copy)]
pub struct Session {
    /// The state of the link. [`Session::change`] changes it.
    pub state: ReadSignal<State>,
    set_state: WriteSignal<State>,
    /// The outcome of each network.
    pub outcomes: RwSignal<BTreeMap<ModelRef, Outcome>>,
    /// None until the first has been decoded.
    pub picture: RwSignal<Option<Picture>>,
    /// Why no network can run: there is no picture, and none is being fetched.
    pub lack: RwSignal<Option<Message>>,
    /// The live input, while it runs.
    pub live: RwSignal<Option<LiveInput>>,
    /// Notices for the visitor, until they are dismissed.
    pub notice: RwSignal<Vec<Message>>,
    /// Whether the GPU failed so often that the visitor must decide on a retry.
    pub asks_for_gpu: RwSignal<bool>,
    /// Files of weights.
    pub files: Files,
    /// The section that a link leads to, until the reader moves.
    pub led_to: RwSignal<Option<String>>,
    /// Whether the reader has interacted with the page.
    pub is_read: RwSignal<bool>,
    /// Whether computing is allowed; an embedded figure may wait for a click.
    pub awake: RwSignal<bool>,
    /// Replaces this version of the page by a newer one, once that is available.
    pub update: RwSignal<Option<js_sys::Function>, LocalStorage>,
    /// The device of the last answer.
    pub backend: RwSignal<Option<BackendReport>>,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
    owner: StoredValue<Owner>,
}

impl Session {
    /// A session without requests.
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

    /// A figure's state, by its type. It is created once, and restored where the figure is rendered again, as in another language.
    pub fn figure_state<T: Copy + 'static>(self, make: impl FnOnce() -> T) -> T {
        let inner = self.inner();
        let known = inner.figure_states.borrow().iter().find_map(|state| state.downcast_ref::<T>().copied());
        known.unwrap_or_else(|| {
            let made = self.owner.get_value().with(make);
            inner.figure_states.borrow_mut().push(Box::new(made));
            made
        })
    }

    /// The page's side of the engine.
    pub fn worker_pool(self) -> Rc<WorkerPool> {
        self.inner().worker_pool.clone()
    }

    /// Allows computing, and starts it.
    pub fn wake(self) {
        if !self.awake.get_untracked() {
            self.awake.set(true);
            let image = self.state.with_untracked(|state| state.image.clone());
            self.load_sample(image.as_deref().unwrap_or_default());
        }
    }

    /// Replaces this version of the page by the newer one.
    pub fn apply_update(self) {
        if let Some(apply) = self.update.get_untracked() {
            let _ = apply.call0(&wasm_bindgen::JsValue::NULL);
        }
    }

    /// Removes a notice that is no longer true.
    pub fn withdraw(self, sentence: &Message) {
        self.notice.maybe_update(|notice| {
            let before = notice.len();
            notice.retain(|said| said != sentence);
            notice.len() != before
        });
    }
}
