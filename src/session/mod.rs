//! The page's state and what follows from it: the picture on show, what the engine is asked, and what became of it.

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

/// What is done again when the browser is online again.
type Again = Box<dyn FnOnce()>;

#[derive(Default)]
struct Inner {
    worker_pool: Rc<WorkerPool>,
    /// What each request is for, oldest first; never many.
    pending: RefCell<Vec<(u32, Pending)>>,
    /// The picture on show.
    shown: RefCell<Option<Shown>>,
    /// Counts the pictures that were chosen: one that is fetched until another was chosen comes too late.
    choices: Cell<u32>,
    stamp: Cell<Option<Stamp>>,
    /// The visitor's own picture that was shown last, with its name: no address can hold it.
    own: RefCell<Option<(Blob, Message)>>,
    /// Whether the state has been changed since the browser's history followed it, other than by going on with a gesture.
    is_step: Cell<bool>,
    /// Whether a gesture goes on whose changes are one step of the history.
    is_in_gesture: Cell<bool>,
    /// What figures show, each of a type of its own.
    figure_states: RefCell<Vec<Box<dyn Any>>>,
    /// The picture that was asked for last, where it did not come, and the notice about it.
    missing: RefCell<Option<(Missing, Message)>>,
    /// Since when the browser has been offline, in [`dom::now`]'s milliseconds, while it is.
    offline: Cell<Option<f64>>,
    /// When networks failed that have not answered since, and when looking into a file did.
    failed: RefCell<BTreeMap<ModelRef, f64>>,
    look_failed: Cell<Option<f64>>,
    /// What is done again when the browser is online again.
    again: RefCell<Vec<Again>>,
    /// When a request's download began, and how much had come by then.
    downloads: RefCell<BTreeMap<u32, (f64, u64)>>,
}

/// The page's state and everything that follows from it. A handle: copies are the same session.
#[derive(Clone, Copy)]
pub struct Session {
    /// What is in the link. [`Session::change`] changes it.
    pub state: ReadSignal<State>,
    set_state: WriteSignal<State>,
    /// By network.
    pub outcomes: RwSignal<BTreeMap<ModelRef, Outcome>>,
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

    /// Begins to compute, where nothing was to be computed until now.
    pub fn wake(self) {
        if !self.awake.get_untracked() {
            self.awake.set(true);
            let image = self.state.with_untracked(|state| state.image.clone());
            self.load_sample(image.as_deref().unwrap_or_default());
        }
    }

    /// Puts the newer version of the page in this one's place.
    pub fn apply_update(self) {
        if let Some(apply) = self.update.get_untracked() {
            let _ = apply.call0(&wasm_bindgen::JsValue::NULL);
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
}
