//! The page's end: starts the worker when something must be computed, and starts a new one when it dies.

use super::protocol::{Event, Request};
use super::transport::{numbers, pack, unpack};
use js_sys::Array;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

/// The loader that the build puts beside the page.
const LOADER: &str = "worker_loader.js";

/// What the page hears.
pub enum Incoming {
    /// The worker says something; taps and logits come as numbers.
    Event(Event, Vec<Vec<f32>>),
    /// The worker is gone, and what it was busy with with it. The next request starts another.
    Lost(String),
}

type Listener = Rc<dyn Fn(Incoming)>;

/// A worker that is there when needed.
pub struct Client {
    running: RefCell<Option<Running>>,
    listener: Listener,
    next_id: Cell<u32>,
    /// Counts the workers that were started, so that a late word of an old one is not taken for the new one's.
    generation: Cell<u32>,
}

struct Running {
    worker: Worker,
    is_ready: bool,
    waiting: Vec<(Request, Option<Blob>)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Client {
    /// A client whose worker is not started yet.
    pub fn new(listener: impl Fn(Incoming) + 'static) -> Rc<Self> {
        Rc::new(Self {
            running: RefCell::default(),
            listener: Rc::new(listener),
            next_id: Cell::new(1),
            generation: Cell::new(0),
        })
    }

    /// A number for the next request.
    pub fn next_id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Counts the workers; a change means that a new one knows nothing of earlier pictures.
    pub fn generation(&self) -> u32 {
        self.generation.get()
    }

    /// Starts the worker if there is none.
    pub fn ensure(self: &Rc<Self>) {
        if self.running.borrow().is_none() {
            match self.start() {
                Ok(running) => *self.running.borrow_mut() = Some(running),
                Err(_) => {
                    (self.listener)(Incoming::Lost("This browser lets no worker start, so nothing can be computed here.".into()))
                }
            }
        }
    }

    /// Sends a request, once the worker listens.
    pub fn send(self: &Rc<Self>, request: Request, blob: Option<Blob>) {
        self.ensure();
        if let Some(running) = self.running.borrow_mut().as_mut() {
            if running.is_ready { post(&running.worker, &request, blob.as_ref()) } else { running.waiting.push((request, blob)) }
        }
    }

    fn start(self: &Rc<Self>) -> Result<Running, JsValue> {
        let worker = started()?;
        let generation = self.generation.get() + 1;
        self.generation.set(generation);

        let client = self.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if client.generation.get() == generation {
                client.hear(&message.data());
            }
        });
        let client = self.clone();
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            error.prevent_default();
            if client.generation.get() == generation {
                client.lose();
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running { worker, is_ready: false, waiting: Vec::new(), _on_message: on_message, _on_error: on_error })
    }

    fn hear(&self, message: &JsValue) {
        match unpack::<Event>(message) {
            Ok(Event::Ready) => {
                if let Some(running) = self.running.borrow_mut().as_mut() {
                    running.is_ready = true;
                    for (request, blob) in running.waiting.drain(..) {
                        post(&running.worker, &request, blob.as_ref());
                    }
                }
            }
            Ok(event) => (self.listener)(Incoming::Event(event, numbers(message))),
            Err(error) => (self.listener)(Incoming::Lost(format!("The engine said something odd ({error}). Reload the page."))),
        }
    }

    fn lose(&self) {
        let Some(running) = self.running.borrow_mut().take() else { return };
        running.worker.terminate();
        let message = if running.is_ready {
            "The engine stopped while computing and was put aside. Try again: a new one will start."
        } else {
            "The engine could not be loaded. Check the connection, then try again."
        };
        // The closures that are running now belong to it: they are dropped once this call is over.
        let dropped_later = Closure::once_into_js(move || drop(running));
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback(dropped_later.unchecked_ref());
        }
        (self.listener)(Incoming::Lost(message.into()));
    }
}

/// A worker that runs the loader. A sandboxed frame is of no origin, so that no script's address is of its own: there it is started by a line
/// of script that imports the loader. Chromium lets such a worker be no module.
fn started() -> Result<Worker, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    if window.origin() != "null" {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        return Worker::new_with_options(&format!("./{LOADER}"), &options);
    }
    let base = window.document().and_then(|document| document.base_uri().ok().flatten()).unwrap_or_default();
    let address = serde_json::Value::from(Url::new_with_base(LOADER, &base)?.href());
    // A promise that is broken tells nobody outside; an error does.
    let script = format!("import({address}).catch((error) => setTimeout(() => {{ throw error; }}));");
    let bag = BlobPropertyBag::new();
    bag.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&script.into()), &bag)?;
    // The address is kept: when it may be forgotten differs from browser to browser.
    Worker::new(&Url::create_object_url_with_blob(&blob)?)
}

fn post(worker: &Worker, request: &Request, blob: Option<&Blob>) {
    // Only a value that cannot be cloned fails here, and none is sent.
    if let Ok((message, transfer)) = pack(request, blob, &[]) {
        let _ = worker.post_message_with_transfer(&message, &transfer);
    }
}
