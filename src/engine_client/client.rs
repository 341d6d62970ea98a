//! The page's side of one worker: starts it for the first request, and replaces it when it stops, fails or stays silent. Open requests are then sent
//! again.

use crate::site;
use js_sys::{Array, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use stridescope_i18n::{Message, msg};
use stridescope_protocol::transport::{pack_request, unpack_event};
use stridescope_protocol::{BackendChoice, Event, PictureId, Request, Run, Step};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType};

/// Global in which assets/start.js leaves a worker that it started before this code was loaded.
const EARLY: &str = "stridescopeEngine";
/// Interval at which the worker is checked for silence. The timer rests while the page sleeps.
const LOOK_MS: i32 = 1000;
/// Checks without a message from a busy worker after which it is replaced. It sends one at every layer.
const SILENT_LOOKS: u32 = 60;
/// The same for a worker that is still loading, perhaps over a slow network.
const LOADING_LOOKS: u32 = 180;
/// Most attempts at a request: what stopped two workers would stop the third.
const TRIES: u32 = 2;
/// Failures of the GPU before the visitor is asked: browsers block the GPU for a site that loses it too often.
const GPU_FAILURES: u32 = 2;
/// The id of a request that sends an image again, whose answer is ignored; no other request has it.
pub const UNANSWERED: u32 = 0;

/// A message from a worker.
pub enum Incoming {
    /// An event of the worker.
    Event(Event),
    /// The worker was replaced.
    Trouble(Trouble),
}

/// An image file and its id in runs.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureFile {
    /// Its id in requests.
    pub id: PictureId,
    /// The file.
    pub blob: Blob,
}

/// Why the worker was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It stopped while computing.
    Stopped,
    /// It sent no message for too long.
    Silent,
    /// The GPU failed and is tried again.
    Gpu,
    /// The GPU failed repeatedly: the CPU computes until [`Client::allow_gpu`].
    GpuAgain,
}

type Listener = Box<dyn Fn(Incoming)>;

/// The page's side of one worker, started on demand.
#[derive(Default)]
pub struct Client {
    running: RefCell<Option<Running>>,
    listener: RefCell<Option<Listener>>,
    /// Number of workers started, so that a late message of an old worker is ignored.
    generation: Cell<u32>,
    /// Requests without an answer, oldest first. The worker answers in this order.
    open: RefCell<Vec<Open>>,
    /// The images that the worker holds, oldest first.
    pictures: RefCell<Vec<PictureId>>,
    /// Consecutive workers that ended before [`Event::Ready`].
    unready: Cell<u32>,
    /// Whether any worker was ready.
    has_loaded: Cell<bool>,
    /// Checks since the worker's last message.
    silent: Cell<u32>,
    watch: RefCell<Option<Watch>>,
    /// Whether the worker computes on the GPU, according to its last message.
    on_gpu: Cell<bool>,
    gpu_failures: Cell<u32>,
}

/// A request without an answer.
struct Open {
    request: Request,
    blob: Option<Blob>,
    /// The image of a run.
    picture: Option<PictureFile>,
    /// Number of workers lost while they answered it.
    lost: u32,
}

struct Running {
    worker: Worker,
    is_ready: bool,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// The timer of the check for silence; it runs while a request is open.
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
    /// Whether assets/start.js started a worker, which [`Client::ensure`] takes over.
    pub fn is_early() -> bool {
        left().is_some()
    }

    /// Whether the engine's code was ever loaded.
    pub fn has_loaded(&self) -> bool {
        self.has_loaded.get()
    }

    /// Sets the listener of all messages from now on.
    pub fn listen(&self, listener: impl Fn(Incoming) + 'static) {
        *self.listener.borrow_mut() = Some(Box::new(listener));
    }

    /// Starts the worker if it does not run.
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
                // In a later task: the caller must register its request first.
                let client = self.clone();
                spawn_local(async move {
                    client.fail_all(&msg!("This browser lets no worker start, so nothing can be computed here."))
                });
            }
        }
    }

    /// Sends a run with the visitor's own file of weights and its image, once the worker is ready.
    pub fn run(self: &Rc<Self>, run: Run, weights: Option<Blob>, picture: Option<PictureFile>) {
        self.open(Open { request: Request::Run(run.into()), blob: weights, picture, lost: 0 });
    }

    /// Sends any other request, once the worker is ready.
    pub fn send(self: &Rc<Self>, request: Request, blob: Option<Blob>) {
        if let Request::Cancel { id } = request {
            if let Some(Open { request: Request::Picture { picture, .. }, .. }) = self.close(id) {
                self.pictures.borrow_mut().retain(|sent| *sent != picture);
            }
            if let Some(running) = self.running.borrow().as_ref().filter(|running| running.is_ready) {
                post(&running.worker, &request, None);
            }
            return;
        }
        self.open(Open { request, blob, picture: None, lost: 0 });
    }

    fn open(self: &Rc<Self>, open: Open) {
        if self.open.borrow().is_empty() {
            self.silent.set(0);
        }
        if let Some(running) = self.running.borrow().as_ref().filter(|running| running.is_ready) {
            self.post(&running.worker, &open);
        }
        self.open.borrow_mut().push(open);
        self.watch();
        self.ensure();
    }

    /// Enables the GPU again after failures. If it fails once more, the visitor is asked again.
    pub fn allow_gpu(&self) {
        self.gpu_failures.set(GPU_FAILURES - 1);
    }

    fn is_gpu_disabled(&self) -> bool {
        self.gpu_failures.get() >= GPU_FAILURES
    }

    fn post(self: &Rc<Self>, worker: &Worker, open: &Open) {
        if let Some(PictureFile { id, blob }) = &open.picture
            && !self.pictures.borrow().contains(id)
        {
            self.note_picture(*id);
            post(worker, &Request::Picture { id: UNANSWERED, picture: *id }, Some(blob));
        }
        if let Request::Picture { picture, .. } = open.request {
            self.note_picture(picture);
        }
        let is_sent = match &open.request {
            Request::Run(run) if self.is_gpu_disabled() && run.backend != BackendChoice::Cpu => {
                let run = Run { gpu_disabled_reason: Some(msg!("the GPU failed here")), ..Run::clone(run) };
                post(worker, &Request::Run(run.into()), open.blob.as_ref())
            }
            request => post(worker, request, open.blob.as_ref()),
        };
        if !is_sent {
            // In a later task: the caller must register its request first.
            let (client, id) = (self.clone(), open.request.id());
            spawn_local(async move {
                client.close(id);
                let message = msg!("This picture cannot be handed to the engine. Choose it again, as a file.");
                client.emit(Incoming::Event(Event::Failed { id, message }));
            });
        }
    }

    /// Records an image that was sent to the worker, which drops its oldest one.
    fn note_picture(&self, picture: PictureId) {
        let mut pictures = self.pictures.borrow_mut();
        pictures.retain(|sent| *sent != picture);
        pictures.push(picture);
        let excess = pictures.len().saturating_sub(PictureId::KEPT);
        pictures.drain(..excess);
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
                client.on_message(&message.data());
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

    fn on_message(self: &Rc<Self>, message: &JsValue) {
        self.silent.set(0);
        // An unreadable message comes from a worker of another version, or from a broken one.
        let Ok(event) = unpack_event(message) else { return self.lose(Trouble::Stopped) };
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
            // A missing file of weights may belong to a version that the site no longer has: the visitor is then told.
            Event::Failed { .. } => spawn_local(async {
                let _ = site::is_replaced().await;
            }),
            _ => {}
        }
        if let Some(id) = event.answers() {
            self.close(id);
        }
        self.emit(Incoming::Event(event));
    }

    /// Sends all open requests to a worker that is ready.
    fn ready(self: &Rc<Self>) {
        self.unready.set(0);
        self.has_loaded.set(true);
        let mut running = self.running.borrow_mut();
        let Some(running) = running.as_mut() else { return };
        running.is_ready = true;
        self.pictures.borrow_mut().clear();
        self.open.borrow().iter().for_each(|open| self.post(&running.worker, open));
    }

    /// Replaces the worker, unless the next would fail too.
    fn lose(self: &Rc<Self>, trouble: Trouble) {
        let Some(lost) = self.running.borrow_mut().take() else { return };
        lost.worker.terminate();
        let was_ready = lost.is_ready;
        // The running closures belong to the lost worker: they are dropped after this call.
        let dropped_later = Closure::once_into_js(move || drop(lost));
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback(dropped_later.unchecked_ref());
        }
        if !was_ready {
            self.unready.set(self.unready.get() + 1);
            if self.unready.get() >= TRIES {
                self.unready.set(0);
                // Requests that are sent meanwhile belong to the next worker.
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
            // The first retry is silent.
            return self.ensure();
        }
        let trouble = self.blamed(trouble);
        // The worker was computing the oldest request; it had not started the others.
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
            self.emit(Incoming::Event(Event::Failed { id, message }));
        } else {
            self.emit(Incoming::Trouble(trouble));
        }
        if !self.open.borrow().is_empty() {
            self.ensure();
        }
    }

    /// The trouble, attributed to the GPU if the worker was using it.
    fn blamed(&self, trouble: Trouble) -> Trouble {
        if !self.on_gpu.get() || self.is_gpu_disabled() {
            return trouble;
        }
        self.gpu_failures.set(self.gpu_failures.get() + 1);
        if self.is_gpu_disabled() { Trouble::GpuAgain } else { Trouble::Gpu }
    }

    /// Removes an open request. After the last one the check for silence stops.
    fn close(&self, id: u32) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|open| open.request.id() == id);
        let closed = at.map(|at| open.remove(at));
        if open.is_empty() {
            self.watch.take();
        }
        closed
    }

    /// Fails all open requests with a sentence.
    fn fail_all(&self, message: &Message) {
        self.fail(self.give_up(), message);
    }

    /// Removes all open requests and returns them.
    fn give_up(&self) -> Vec<Open> {
        self.watch.take();
        self.open.take()
    }

    /// Sends a failure for each of these requests.
    fn fail(&self, requests: Vec<Open>, message: &Message) {
        for open in requests {
            self.emit(Incoming::Event(Event::Failed { id: open.request.id(), message: message.clone() }));
        }
    }

    fn emit(&self, incoming: Incoming) {
        if let Some(listener) = self.listener.borrow().as_ref() {
            listener(incoming);
        }
    }

    /// Starts the check for silence, while a request is open.
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

/// The value that assets/start.js left of a worker that it started.
fn left() -> Option<JsValue> {
    let window = web_sys::window()?;
    let left = Reflect::get(&window, &EARLY.into()).ok()?;
    left.is_object().then_some(left)
}

/// The worker that assets/start.js started, once, and whether it is ready.
fn early() -> Option<(Worker, bool)> {
    let early = left()?;
    let window = web_sys::window()?;
    Reflect::delete_property(&window, &EARLY.into()).ok()?;
    let worker = Reflect::get(&early, &"worker".into()).ok()?.dyn_into().ok()?;
    let is_ready = Reflect::get(&early, &"isReady".into()).ok()?.is_truthy();
    Some((worker, is_ready))
}

/// Starts a worker with the engine's loader. In a sandboxed frame, which has no origin, every script is cross-origin: there the worker is started
/// from a blob that imports the loader. Chromium does not start a module worker so.
fn started() -> Result<Worker, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    if window.origin() != "null" {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        return Worker::new_with_options(&site::engine(), &options);
    }
    let address = serde_json::Value::from(site::engine());
    // A rejected promise does not reach the page; a thrown error does.
    let script = format!("import({address}).catch((error) => setTimeout(() => {{ throw error; }}));");
    let bag = BlobPropertyBag::new();
    bag.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&script.into()), &bag)?;
    // The address is not revoked: browsers differ in when that is safe.
    Worker::new(&Url::create_object_url_with_blob(&blob)?)
}

/// Sends a request; returns whether that worked. A script's image may not be cloneable.
fn post(worker: &Worker, request: &Request, blob: Option<&Blob>) -> bool {
    pack_request(request, blob).is_ok_and(|message| worker.post_message(&message).is_ok())
}
