//! The page's end: starts the worker when something must be computed, and puts another in its place when it dies, fails or falls silent. What
//! it was busy with is then asked once more.

use crate::site;
use js_sys::{Array, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use stridescope_i18n::{Message, msg};
use stridescope_protocol::transport::{numbers, pack, unpack};
use stridescope_protocol::{BackendChoice, Event, Request, Run, Step};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

/// Where assets/start.js leaves a worker that it started before this code was there.
const EARLY: &str = "stridescopeEngine";
/// How often it is looked whether the worker still says something. A page that sleeps does not look.
const LOOK_MS: i32 = 1000;
/// Looks without a word from a worker that has something to do, after which it is given up. It says something at every layer.
const SILENT_LOOKS: u32 = 60;
/// Likewise for one that is still being loaded, over a slow network perhaps.
const LOADING_LOOKS: u32 = 180;
/// Times that a request is begun, at most: whatever ends two workers would end the third.
const TRIES: u32 = 2;
/// Times that the GPU may fail before the visitor is asked: browsers keep a site from the GPU that has lost it too often.
const GPU_FAILURES: u32 = 2;
/// The number of a picture that is sent again, for which nobody waits; no other request has it.
pub const NOBODY: u32 = 0;

/// What the page hears.
pub enum Incoming {
    /// The worker says something; taps and logits come as numbers.
    Event(Event, Vec<Vec<f32>>),
    /// Another worker was put in its place.
    Trouble(Trouble),
}

/// Why another worker is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It stopped while computing.
    Stopped,
    /// It said nothing for too long.
    Silent,
    /// The GPU failed, and is tried once more.
    Gpu,
    /// The GPU failed again: the CPU computes until [`Client::allow_gpu`].
    GpuAgain,
}

type Listener = Box<dyn Fn(Incoming)>;

/// A worker that is there when needed.
#[derive(Default)]
pub struct Client {
    running: RefCell<Option<Running>>,
    listener: RefCell<Option<Listener>>,
    /// Counts the workers that were started, so that a late word of an old one is not taken for the new one's.
    generation: Cell<u32>,
    /// What has yet to be answered, oldest first. The worker answers in this order.
    open: RefCell<Vec<Open>>,
    /// The picture that the worker looks at.
    picture: RefCell<Option<Blob>>,
    /// Workers in a row that did not get as far as listening.
    unready: Cell<u32>,
    /// Whether any did.
    has_loaded: Cell<bool>,
    /// Looks since the worker said something.
    silent: Cell<u32>,
    watch: RefCell<Option<Watch>>,
    /// Whether the worker is at work on the GPU, as far as it said.
    on_gpu: Cell<bool>,
    gpu_failures: Cell<u32>,
}

/// A request that has yet to be answered.
struct Open {
    request: Request,
    blob: Option<Blob>,
    /// Workers that were lost over it.
    lost: u32,
}

struct Running {
    worker: Worker,
    is_ready: bool,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// A timer that runs while something is open.
struct Watch {
    handle: i32,
    _look: Closure<dyn FnMut()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            window.clear_interval_with_handle(self.handle);
        }
    }
}

impl Client {
    /// Whether an engine was started beside the page, which [`Client::ensure`] takes over.
    pub fn is_early() -> bool {
        left().is_some()
    }

    /// Whether the code of the engine has ever come.
    pub fn has_loaded(&self) -> bool {
        self.has_loaded.get()
    }

    /// Who hears what comes from now on.
    pub fn listen(&self, listener: impl Fn(Incoming) + 'static) {
        *self.listener.borrow_mut() = Some(Box::new(listener));
    }

    /// Starts the worker if there is none.
    pub fn ensure(self: &Rc<Self>) {
        if self.running.borrow().is_some() {
            return;
        }
        match self.start() {
            Ok(running) => {
                let is_ready = running.is_ready;
                *self.running.borrow_mut() = Some(running);
                if is_ready {
                    self.ready();
                }
            }
            Err(_) => {
                // Whoever asks has yet to note that it waits.
                let client = self.clone();
                spawn_local(async move {
                    client.fail_all(&msg!("This browser lets no worker start, so nothing can be computed here."))
                });
            }
        }
    }

    /// Sends a request, once the worker listens.
    pub fn send(self: &Rc<Self>, request: Request, blob: Option<Blob>) {
        if let Request::Cancel { id } = request {
            self.close(id);
            if let Some(running) = self.running.borrow().as_ref().filter(|running| running.is_ready) {
                post(&running.worker, &request, None);
            }
            return;
        }
        if self.open.borrow().is_empty() {
            self.silent.set(0);
        }
        let open = Open { request, blob, lost: 0 };
        if let Some(running) = self.running.borrow().as_ref().filter(|running| running.is_ready) {
            self.post(&running.worker, &open);
        }
        self.open.borrow_mut().push(open);
        self.watch();
        self.ensure();
    }

    /// Lets the GPU compute again that had failed. Should it fail once more, the visitor is asked once more.
    pub fn allow_gpu(&self) {
        self.gpu_failures.set(GPU_FAILURES - 1);
    }

    fn is_gpu_disabled(&self) -> bool {
        self.gpu_failures.get() >= GPU_FAILURES
    }

    fn post(self: &Rc<Self>, worker: &Worker, open: &Open) {
        let is_sent = match &open.request {
            Request::Run(run) if self.is_gpu_disabled() && run.backend != BackendChoice::Cpu => {
                let run = Run { gpu_disabled_reason: Some(msg!("the GPU failed here")), ..Run::clone(run) };
                post(worker, &Request::Run(run.into()), open.blob.as_ref())
            }
            request => post(worker, request, open.blob.as_ref()),
        };
        if !is_sent {
            // Whoever asks has yet to note that it waits.
            let (client, id) = (self.clone(), open.request.id());
            spawn_local(async move {
                client.close(id);
                let message = msg!("This picture cannot be handed to the engine. Choose it again, as a file.");
                client.tell(Incoming::Event(Event::Failed { id, message }, Vec::new()));
            });
        }
    }

    fn start(self: &Rc<Self>) -> Result<Running, JsValue> {
        let (worker, is_ready) = early().map_or_else(|| started().map(|worker| (worker, false)), Ok)?;
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        self.silent.set(0);
        self.on_gpu.set(false);

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
                client.lose(Trouble::Stopped);
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running { worker, is_ready, _on_message: on_message, _on_error: on_error })
    }

    fn hear(self: &Rc<Self>, message: &JsValue) {
        self.silent.set(0);
        // What cannot be read is of a worker of another version, or out of its mind.
        let Ok(event) = unpack::<Event>(message) else { return self.lose(Trouble::Stopped) };
        match &event {
            Event::Ready => return self.ready(),
            Event::Alive => return,
            Event::Progress { step: Step::Gpu, .. } => self.on_gpu.set(true),
            Event::Gpu { is_ready: false } => return self.on_gpu.set(true),
            Event::GpuFailed { .. } => {
                self.on_gpu.set(true);
                return self.lose(Trouble::Gpu);
            }
            Event::Ran(ran) => self.on_gpu.set(ran.backend.name == "webgpu"),
            // Weights that did not come may be of a version that the site has no more: the reader hears of it.
            Event::Failed { .. } => spawn_local(async {
                let _ = site::is_replaced().await;
            }),
            _ => {}
        }
        if let Some(id) = event.answers() {
            let done = self.close(id);
            if let (Event::Picture { .. }, Some(done)) = (&event, done) {
                *self.picture.borrow_mut() = done.blob;
            }
        }
        self.tell(Incoming::Event(event, numbers(message)));
    }

    /// Asks a worker that listens all that is open.
    fn ready(self: &Rc<Self>) {
        self.unready.set(0);
        self.has_loaded.set(true);
        let mut running = self.running.borrow_mut();
        let Some(running) = running.as_mut() else { return };
        running.is_ready = true;
        if let Some(picture) = self.picture.borrow().as_ref() {
            post(&running.worker, &Request::Picture { id: NOBODY }, Some(picture));
        }
        self.open.borrow().iter().for_each(|open| self.post(&running.worker, open));
    }

    /// Puts another worker in this one's place, unless it would fare no better.
    fn lose(self: &Rc<Self>, trouble: Trouble) {
        let Some(lost) = self.running.borrow_mut().take() else { return };
        lost.worker.terminate();
        let was_ready = lost.is_ready;
        // The closures that are running now belong to it: they are dropped once this call is over.
        let dropped_later = Closure::once_into_js(move || drop(lost));
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback(dropped_later.unchecked_ref());
        }
        if !was_ready {
            self.unready.set(self.unready.get() + 1);
            if self.unready.get() >= TRIES {
                self.unready.set(0);
                // What is asked for meanwhile is another one's.
                let (client, open) = (self.clone(), self.give_up());
                return spawn_local(async move {
                    let message = if site::is_replaced().await {
                        msg!("A new version of this page is there, and the engine of this one is gone. Load the page again.")
                    } else {
                        msg!("The engine could not be loaded. Check the connection, then try again.")
                    };
                    client.fail(open, &message);
                });
            }
            // Nobody need know of a second try.
            return self.ensure();
        }
        let trouble = self.blamed(trouble);
        // It was at work on the oldest; the others had not begun.
        let given_up = self.open.borrow_mut().first_mut().and_then(|oldest| {
            oldest.lost += 1;
            let is_over = oldest.lost >= TRIES && !matches!(trouble, Trouble::Gpu | Trouble::GpuAgain);
            is_over.then(|| oldest.request.id())
        });
        if let Some(id) = given_up {
            self.close(id);
            let message = match trouble {
                Trouble::Silent => {
                    msg!("The engine said nothing for a minute, twice, and was ended. Choose a smaller network or picture size.")
                }
                _ => msg!("The engine stopped twice over this. Choose a smaller network or picture size, or another device."),
            };
            self.tell(Incoming::Event(Event::Failed { id, message }, Vec::new()));
        } else {
            self.tell(Incoming::Trouble(trouble));
        }
        if !self.open.borrow().is_empty() {
            self.ensure();
        }
    }

    /// The trouble, blamed on the GPU where it was at work.
    fn blamed(&self, trouble: Trouble) -> Trouble {
        if !self.on_gpu.get() || self.is_gpu_disabled() {
            return trouble;
        }
        self.gpu_failures.set(self.gpu_failures.get() + 1);
        if self.is_gpu_disabled() { Trouble::GpuAgain } else { Trouble::Gpu }
    }

    /// Takes a request off the list. With the last, nothing is waited for, and silence means nothing.
    fn close(&self, id: u32) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|open| open.request.id() == id);
        let closed = at.map(|at| open.remove(at));
        if open.is_empty() {
            self.watch.take();
        }
        closed
    }

    /// Answers all that is open with a sentence.
    fn fail_all(&self, message: &Message) {
        self.fail(self.give_up(), message);
    }

    /// Takes everything off the list.
    fn give_up(&self) -> Vec<Open> {
        self.watch.take();
        self.open.take()
    }

    /// Answers requests that are off the list with a sentence.
    fn fail(&self, requests: Vec<Open>, message: &Message) {
        for open in requests {
            self.tell(Incoming::Event(Event::Failed { id: open.request.id(), message: message.clone() }, Vec::new()));
        }
    }

    fn tell(&self, incoming: Incoming) {
        if let Some(listener) = self.listener.borrow().as_ref() {
            listener(incoming);
        }
    }

    /// Looks from time to time whether the worker still says something, while it has something to do.
    fn watch(self: &Rc<Self>) {
        if self.watch.borrow().is_some() {
            return;
        }
        let client = self.clone();
        let look = Closure::<dyn FnMut()>::new(move || {
            client.silent.set(client.silent.get() + 1);
            let is_ready = client.running.borrow().as_ref().is_some_and(|running| running.is_ready);
            if client.silent.get() >= if is_ready { SILENT_LOOKS } else { LOADING_LOOKS } {
                client.lose(Trouble::Silent);
            }
        });
        let timer = web_sys::window().and_then(|window| {
            window.set_interval_with_callback_and_timeout_and_arguments_0(look.as_ref().unchecked_ref(), LOOK_MS).ok()
        });
        *self.watch.borrow_mut() = timer.map(|handle| Watch { handle, _look: look });
    }
}

/// What start.js left of an engine that it started beside the page.
fn left() -> Option<JsValue> {
    let window = web_sys::window()?;
    let left = Reflect::get(&window, &EARLY.into()).ok()?;
    left.is_object().then_some(left)
}

/// The worker that was started before this code was there, once, and whether it listens already.
fn early() -> Option<(Worker, bool)> {
    let early = left()?;
    let window = web_sys::window()?;
    Reflect::delete_property(&window, &EARLY.into()).ok()?;
    let worker = Reflect::get(&early, &"worker".into()).ok()?.dyn_into().ok()?;
    let is_ready = Reflect::get(&early, &"isReady".into()).ok()?.is_truthy();
    Some((worker, is_ready))
}

/// A worker that runs the engine's loader. A sandboxed frame is of no origin, so that no script's address is of its own: there it is started by a line
/// of script that imports the loader. Chromium lets such a worker be no module.
fn started() -> Result<Worker, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    if window.origin() != "null" {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        return Worker::new_with_options(&site::engine(), &options);
    }
    let address = serde_json::Value::from(site::engine());
    // A promise that is broken tells nobody outside; an error does.
    let script = format!("import({address}).catch((error) => setTimeout(() => {{ throw error; }}));");
    let bag = BlobPropertyBag::new();
    bag.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&script.into()), &bag)?;
    // The address is kept: when it may be forgotten differs from browser to browser.
    Worker::new(&Url::create_object_url_with_blob(&blob)?)
}

/// Whether it was sent: what a script hands over as a picture may be none that can be copied to another thread.
fn post(worker: &Worker, request: &Request, blob: Option<&Blob>) -> bool {
    pack(request, blob, &[]).is_ok_and(|(message, transfer)| worker.post_message_with_transfer(&message, &transfer).is_ok())
}
