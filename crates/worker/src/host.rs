//! The worker's side: takes requests one after another and answers them.

use super::backend::{self, Backends};
use super::opfs::{self, Folder};
use super::picture;
use super::relaxed_simd;
use super::store::{Loaded, Store, StoreError};
use super::timeout::sleep;
use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use stridescope_arch::coverage::{self, Mask};
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_engine::topk::top_k;
use stridescope_engine::{Backend, Edit, EngineError, Fill, Pass, UnitRef};
use stridescope_i18n::{Explain, Message, msg};
use stridescope_image::{Rgb, prepare, resize_and_crop};
use stridescope_protocol::transport::{pack_event, unpack_request};
use stridescope_protocol::{
    Answer, Area, Cam, Changed, Event, InputChoice, Packed, PictureId, Prediction, Request, Run, Seen, Step, Tapped, Times,
    Timing, Want,
};
use stridescope_weights::labels::{Label, labels};
use stridescope_weights::synthetic;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

/// Classes in the answer for each image.
const TOP: usize = 5;
/// Largest batch.
const MAX_BATCH: usize = 32;

struct Host {
    scope: DedicatedWorkerGlobalScope,
    queue: RefCell<VecDeque<(Request, Option<Blob>)>>,
    cancelled: RefCell<HashSet<u32>>,
    busy: Cell<bool>,
    /// The request for an adapter, from the arrival of the first run until it starts.
    adapter: RefCell<Option<JsFuture>>,
    has_asked: Cell<bool>,
}

/// The state that requests change; one request holds it at a time.
#[derive(Default)]
struct Work {
    backends: Backends,
    store: Store,
    /// The latest images that were sent, oldest first.
    pictures: VecDeque<(PictureId, Rgb)>,
}

impl Work {
    fn keep(&mut self, id: PictureId, rgb: Rgb) {
        self.pictures.retain(|(cached, _)| *cached != id);
        self.pictures.push_back((id, rgb));
        self.pictures.drain(..self.pictures.len().saturating_sub(PictureId::KEPT));
    }

    fn picture(&self, id: PictureId) -> Option<&Rgb> {
        self.pictures.iter().find(|(cached, _)| *cached == id).map(|(_, rgb)| rgb)
    }
}

/// Starts to listen, and tells the page that it does.
pub fn start() {
    console_error_panic_hook::set_once();
    relaxed_simd::start();
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    let host = Rc::new(Host {
        scope,
        queue: RefCell::default(),
        cancelled: RefCell::default(),
        busy: Cell::new(false),
        adapter: RefCell::default(),
        has_asked: Cell::new(false),
    });
    let work = Rc::new(RefCell::new(Some(Work::default())));
    let listener = host.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| listener.receive(&event.data(), &work));
    host.scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    host.send(Event::Ready);
}

impl Host {
    fn receive(self: &Rc<Self>, message: &JsValue, work: &Rc<RefCell<Option<Work>>>) {
        match unpack_request(message) {
            Ok((Request::Cancel { id }, _)) => {
                self.cancelled.borrow_mut().insert(id);
            }
            Ok((request, blob)) => {
                if let Request::Run(run) = &request
                    && !self.has_asked.replace(true)
                {
                    *self.adapter.borrow_mut() = backend::ask_for(run);
                }
                self.queue.borrow_mut().push_back((request, blob));
            }
            Err(error) => self.send(Event::Failed { id: 0, message: msg!("the engine did not understand: {}", error) }),
        }
        if self.busy.replace(true) {
            return;
        }
        let (host, work) = (self.clone(), work.clone());
        spawn_local(async move {
            if let Some(mut at_work) = work.take() {
                loop {
                    while let Some((request, blob)) = host.next().await {
                        host.answer(&mut at_work, request, blob).await;
                    }
                    let Some(due) = at_work.backends.take_due() else { break };
                    host.send(Event::Gpu { is_ready: false });
                    at_work.backends.start_due(due).await;
                    host.send(Event::Gpu { is_ready: true });
                }
                work.replace(Some(at_work));
                host.cancelled.borrow_mut().clear();
            }
            host.busy.set(false);
        });
    }

    /// The next request that was not cancelled. Waits one turn of the event loop, so that a cancellation that has arrived counts.
    async fn next(&self) -> Option<(Request, Option<Blob>)> {
        sleep(0).await;
        loop {
            let (request, blob) = self.queue.borrow_mut().pop_front()?;
            if !self.cancelled.borrow_mut().remove(&request.id()) {
                return Some((request, blob));
            }
        }
    }

    fn is_cancelled(&self, id: u32) -> bool {
        self.cancelled.borrow().contains(&id)
    }

    fn send(&self, mut event: Event) {
        // There is no other way to report a message that cannot be posted.
        if let Ok((message, transfer)) = pack_event(&mut event) {
            let _ = self.scope.post_message_with_transfer(&message, &transfer);
        }
    }

    async fn answer(&self, work: &mut Work, request: Request, blob: Option<Blob>) {
        match request {
            Request::Picture { id, picture } => {
                let event = match blob {
                    None => Event::Failed { id, message: msg!("no picture came with the request") },
                    Some(blob) => match picture::decode(&blob).await {
                        // Cancelled meanwhile: it must not replace another image.
                        Ok(_) if self.is_cancelled(id) => Event::Ready,
                        Ok(rgb) => {
                            let event = Event::Picture { id, width: rgb.width, height: rgb.height };
                            work.keep(picture, rgb);
                            event
                        }
                        Err(error) => Event::Failed { id, message: error.message() },
                    },
                };
                if !self.cancelled.borrow_mut().remove(&id) {
                    self.send(event);
                }
            }
            Request::Run(run) => {
                let id = run.id;
                let result = self.run(work, *run, blob).await;
                self.finish(work, id, result.map(|answer| Event::Ran(Box::new(answer))));
            }
            Request::Open(open) => {
                let result = work.store.open(&open, blob.as_ref(), &mut |step| self.report(open.id, step)).await;
                let event =
                    |opened| Ok(Event::Opened { id: open.id, file: Packed::pack(&opened).map_err(StoreError::NotReady)? });
                self.finish(work, open.id, result.and_then(event));
            }
            Request::CachedFiles { id } => self.list(id).await,
            Request::Forget { id, key } => {
                if let Some(Some(folder)) = Folder::existing().await {
                    folder.remove(&key).await;
                }
                self.list(id).await;
            }
            Request::Cancel { .. } => {}
        }
    }

    /// Answers a request, unless it was cancelled meanwhile.
    fn finish(&self, work: &mut Work, id: u32, result: Result<Event, StoreError>) {
        if let Some(message) = work.store.notice.take() {
            self.send(Event::Notice { message });
        }
        if self.cancelled.borrow_mut().remove(&id) {
            return;
        }
        match result {
            Ok(event) => self.send(event),
            Err(StoreError::Engine(EngineError::Device { device: "GPU", cause })) => {
                self.send(Event::GpuFailed { id, message: Message::Verbatim(cause) });
            }
            Err(StoreError::Elsewhere { bytes, host }) => self.send(Event::WeightsElsewhere { id, bytes, host }),
            Err(error) => self.send(Event::Failed { id, message: error.message() }),
        }
    }

    async fn list(&self, id: u32) {
        let files = match Folder::existing().await {
            Some(Some(folder)) => Some(folder.list().await),
            Some(None) => Some(Vec::new()),
            None => None,
        };
        self.send(Event::CachedFiles { id, files, room: opfs::room().await });
    }

    /// Reports the progress of a request; returns whether to continue.
    fn report(&self, id: u32, step: Step) -> bool {
        let goes_on = !self.is_cancelled(id);
        if goes_on {
            self.send(Event::Progress { id, step });
        }
        goes_on
    }

    async fn run(&self, work: &mut Work, run: Run, own: Option<Blob>) -> Result<Answer, StoreError> {
        let id = run.id;
        let picture = match run.input {
            InputChoice::Picture(picture) => Some(picture),
            InputChoice::Synthetic | InputChoice::Batch(_) => None,
        };
        if picture.is_some() {
            // Fail before anything is fetched or computed for it.
            ArchSpec::named(&run.net)?.check_rgb()?;
        }
        let mut report = |step| self.report(id, step);
        report(Step::Device);
        let chosen = work.backends.choose(&run, self.adapter.take(), &mut report).await?;
        if chosen.is_settled && matches!(chosen.backend, Backend::Cpu) {
            self.send(Event::OnCpu { run: id, why: chosen.report.why.clone() });
        }
        let loaded = work.store.network(&run, &chosen.backend, own.as_ref(), &mut report).await?;
        report(Step::Computing);
        // Lets messages that have arrived be received.
        sleep(0).await;
        if self.is_cancelled(id) {
            return Err(super::fetch::FetchError::Cancelled.into());
        }
        let (input, size, seen) = input(work, &run, &loaded)?;
        let edits = run.edits.iter().map(|edit| changed(edit, &loaded, size)).collect::<Result<Vec<_>, _>>()?;
        let wanted =
            |want: Want| -> Vec<&str> { run.taps.iter().filter(|tap| tap.want == want).map(|tap| tap.node.as_str()).collect() };
        let (taps, means) = (wanted(Want::Values), wanted(Want::Mean));
        let gradients: Vec<UnitRef> =
            run.gradients.iter().map(|unit| UnitRef { node: &unit.node, channel: unit.channel, y: unit.y, x: unit.x }).collect();
        let pass = Pass {
            taps: &taps,
            means: &means,
            cams: run.cams,
            cam_at: run.cam_at.as_deref(),
            gradients: &gradients,
            each: Some(alive),
        };
        let start = now();
        let output = match edits.is_empty() {
            true => loaded.network.forward(&input, run.input.batch(), (size, size), &pass).await?,
            false => loaded.network.trace(&input, (size, size), &taps, &edits, pass.each).await?.into(),
        };
        let ms = now() - start;
        let times = if run.timed { Some(self.times(&loaded, &input, size).await?) } else { None };

        let names = loaded.card.as_ref().map(|card| labels(&card.classes)).unwrap_or_default();
        let prediction = |(index, p): (usize, f64)| {
            let Label { wnid, name } = names.get(index)?.clone();
            Some(Prediction { index, wnid, label: name, p })
        };
        // Untrained weights would name classes with as much confidence; and the images of a batch have no classes in common.
        let is_asked = !loaded.untrained && run.input.batch() == 1;
        // Of two rows, the second is with the edits.
        let mut logits = output.logits;
        let changed = (!edits.is_empty()).then(|| logits.split_off(logits.len() / 2));
        let top = |logits: &[f32]| if is_asked { top_k(logits, TOP) } else { Vec::new() };
        let likeliest = top(&logits);
        let top_p = likeliest.first().map_or(0.0, |(_, p)| *p);
        let reject = loaded.card.as_ref().and_then(|card| card.reject);
        let tapped =
            |want| move |tap: stridescope_engine::Tap| Tapped { node: tap.id, want, shape: tap.shape, values: tap.values };
        let (mut values, mut means) = (output.taps.into_iter(), output.means.into_iter());
        let in_order = run.taps.iter().filter_map(|tap| match tap.want {
            Want::Values => values.next().map(tapped(Want::Values)),
            Want::Mean => means.next().map(tapped(Want::Mean)),
        });
        Ok(Answer {
            id,
            net: run.net.clone(),
            picture,
            backend: chosen.report,
            ms,
            untrained: loaded.untrained,
            none_of_its_classes: reject.is_some_and(|reject| reject.applies(top_p)),
            top: likeliest.into_iter().filter_map(prediction).collect(),
            changed: changed.map(|logits| Changed { top: top(&logits).into_iter().filter_map(prediction).collect(), logits }),
            logits,
            taps: in_order.collect(),
            cams: output
                .cams
                .into_iter()
                .filter_map(|cam| Some(Cam { class: cam.id.parse().ok()?, shape: cam.shape, values: cam.values }))
                .collect(),
            gradients: output.gradients.into_iter().map(tapped(Want::Values)).collect(),
            seen: seen.map(|values| Seen { side: size, values }),
            times,
            card: loaded.card,
        })
    }

    /// Measures the time of each layer.
    async fn times(&self, loaded: &Loaded, input: &[f32], size: usize) -> Result<Times, StoreError> {
        let clock = || {
            alive();
            now()
        };
        let timings = loaded.network.time(input, (size, size), clock, Timing::LEAST_MS).await?;
        let timing_of = |timing: stridescope_engine::Timing| Timing {
            node: timing.node,
            ms: timing.ms,
            macs: timing.macs,
            bytes: timing.bytes,
        };
        Ok(Times { clock_ms: clock_step(), timings: timings.into_iter().map(timing_of).collect() })
    }
}

/// Reports to the page, about once a second, that the worker is still computing.
fn alive() {
    thread_local! {
        static LAST: Cell<f64> = const { Cell::new(0.0) };
    }
    let now = now();
    if now - LAST.get() < 1e3 {
        return;
    }
    LAST.set(now);
    if let (Ok(scope), Ok((message, _))) =
        (js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>(), pack_event(&mut Event::Alive))
    {
        let _ = scope.post_message(&message);
    }
}

/// Milliseconds since the worker was started.
fn now() -> f64 {
    let scope = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>();
    scope.ok().and_then(|scope| scope.performance()).map_or(0.0, |performance| performance.now())
}

/// The resolution of the clock in milliseconds: browsers make it coarse.
fn clock_step() -> f64 {
    let mut smallest = f64::INFINITY;
    for _ in 0..20 {
        let start = now();
        let step = std::iter::repeat_with(|| now() - start).take(1_000_000).find(|step| *step > 0.0);
        smallest = smallest.min(step.unwrap_or_default());
    }
    smallest
}

/// An edit of a run, for the engine.
fn changed(edit: &stridescope_protocol::Edit, loaded: &Loaded, size: usize) -> Result<Edit, StoreError> {
    let graph = lower(&loaded.network.graph().spec, Input::square(size))?;
    let index = graph.find(&edit.node).ok_or_else(|| EngineError::NoSuchNode(edit.node.clone()))?;
    let shape = graph.nodes[index].shape;
    let positions = match edit.area {
        Area::Square { y, x, side } => {
            if y >= shape.height || x >= shape.width {
                return Err(StoreError::NotReady(msg!(
                    "row {}, column {} lies outside the {} × {} positions of {}",
                    y,
                    x,
                    shape.height,
                    shape.width,
                    edit.node
                )));
            }
            Mask::square(shape, (y, x), side)
        }
        Area::Unread => {
            let original = lower(&graph.spec.original(), graph.input)?;
            let index = original.find(&edit.node).ok_or_else(|| EngineError::NoSuchNode(edit.node.clone()))?;
            coverage::live(&original).swap_remove(index).complement()
        }
    };
    let normalised = |value: f32| match &loaded.card {
        Some(card) if index == 0 => (0..3).map(|c| (value - card.preprocess.mean[c]) / card.preprocess.std[c]).collect(),
        _ => vec![value],
    };
    let fill = match edit.fill {
        stridescope_protocol::Fill::Zero => Fill::Values(normalised(0.0)),
        stridescope_protocol::Fill::White => Fill::Values(normalised(1.0)),
        stridescope_protocol::Fill::Noise => Fill::Noise(1),
    };
    Ok(Edit { node: edit.node.clone(), positions, fill })
}

/// The input of a run, its side in pixels, and its pixels where the answer includes them.
type Fed = (Vec<f32>, usize, Option<Vec<f32>>);

fn input(work: &Work, run: &Run, loaded: &Loaded) -> Result<Fed, StoreError> {
    let card_size = loaded.card.as_ref().map_or(224, |card| card.preprocess.size);
    let size = run.size.unwrap_or(card_size);
    ArchSpec::named(&run.net)?.check(Input::square(size))?;
    let picture = match run.input {
        InputChoice::Picture(picture) => work.picture(picture),
        InputChoice::Synthetic | InputChoice::Batch(_) => None,
    };
    match (run.input, &loaded.card, picture) {
        (InputChoice::Batch(pictures), _, _) if !(1..=MAX_BATCH).contains(&pictures) => {
            Err(StoreError::NotReady(msg!("a pass takes from 1 to {} pictures, not {}", MAX_BATCH, pictures)))
        }
        (InputChoice::Synthetic | InputChoice::Batch(_), _, _) => {
            let channels = loaded.network.graph().spec.channels;
            Ok((synthetic::input(run.input.batch() * channels * size * size), size, None))
        }
        (InputChoice::Picture(_), None, _) => {
            Err(StoreError::NotReady(msg!("synthetic weights know no pictures: feed them the synthetic input")))
        }
        (InputChoice::Picture(_), _, None) => Err(StoreError::NotReady(msg!("there is no picture yet: choose one first"))),
        (InputChoice::Picture(_), Some(card), Some(picture)) => {
            let how = card.preprocess.at_size(size);
            let square = resize_and_crop(picture, &how, run.shift)?;
            let seen = run.seen.then(|| square.pixels.iter().map(|&value| f32::from(value)).collect());
            Ok((prepare(&square, &how), size, seen))
        }
    }
}
