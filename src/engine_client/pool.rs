//! The workers together: a second one helps where the CPU computes several large networks, each of the two with networks of its own.
//!
//! They share no memory, which a host would have to allow: threads of one engine need a page that is cross-origin isolated. Two cores do nearly
//! twice as much that way (bench/RESULTS.md, "Two engines at once"); with the page on one of them, which has each answer to show, four ResNet-50s
//! took three quarters of the time (tests/browser/pool.test.mjs).

use super::client::{Client, Incoming, NOBODY};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use stridescope_i18n::Message;
use stridescope_protocol::{BackendChoice, Event, KernelChoice, Request, Run, WeightsChoice};
use web_sys::Blob;

/// Multiply-accumulates, at least, of a network that is worth a second engine: a thirtieth of a second of the CPU's.
const LARGE_MACS: u64 = 600_000_000;
/// Cores, at least, of a device that gains by it.
const CORES: f64 = 2.0;

/// Which worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkerId {
    /// The one that does everything else, and has the GPU.
    First,
    /// The one that is there when several large networks are asked for.
    Second,
}

/// A run that has yet to be answered.
#[derive(Clone)]
struct Open {
    run: Run,
    own: Option<Blob>,
    worker: WorkerId,
}

/// A network with its weights.
type Loaded = (String, WeightsChoice);

/// What the page asks, as if it were one worker.
#[derive(Default)]
pub struct WorkerPool {
    first: Rc<Client>,
    second: Rc<Client>,
    next_id: Cell<u32>,
    /// Oldest first.
    open: RefCell<Vec<Open>>,
    /// Which worker has a network's weights.
    assignments: RefCell<Vec<(Loaded, WorkerId)>>,
    /// The choice for which the CPU computes, and why.
    on_cpu: RefCell<Option<((BackendChoice, KernelChoice), Message)>>,
    /// The picture that the first worker looks at, behind it those that it has yet to decode; by their requests.
    pictures: RefCell<Vec<(u32, Option<Blob>)>>,
    /// The one of them that the second was given last.
    second_sees: Cell<Option<u32>>,
    /// Whether the device has the cores for two.
    gains: bool,
}

impl WorkerPool {
    /// A pool whose workers are not started yet.
    pub fn new() -> Rc<Self> {
        let cores = web_sys::window().map_or(1.0, |window| window.navigator().hardware_concurrency());
        Rc::new(Self { next_id: Cell::new(NOBODY + 1), gains: cores >= CORES, ..Self::default() })
    }

    /// Who hears what comes from now on.
    pub fn listen(self: &Rc<Self>, listener: impl Fn(Incoming) + 'static) {
        let listener = Rc::new(listener);
        for (client, worker) in [(&self.first, WorkerId::First), (&self.second, WorkerId::Second)] {
            let (worker_pool, listener) = (self.clone(), listener.clone());
            client.listen(move |incoming| {
                if worker_pool.on_incoming(worker, &incoming) {
                    listener(incoming);
                }
            });
        }
    }

    /// A number for the next request.
    pub fn next_id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Whether the code of the engine has ever come.
    pub fn has_loaded(&self) -> bool {
        self.first.has_loaded()
    }

    /// Starts the first worker if there is none.
    pub fn ensure(&self) {
        self.first.ensure();
    }

    /// Lets the GPU compute again that had failed. Should it fail once more, the visitor is asked once more.
    pub fn allow_gpu(&self) {
        self.first.allow_gpu();
        self.on_cpu.take();
    }

    /// Sends a request to the worker that is to answer it.
    pub fn send(&self, request: Request, blob: Option<Blob>) {
        match request {
            Request::Run(run) => {
                let mut worker = self.assigned_worker(&run);
                if worker.is_none() && self.is_large(&run) {
                    let count = |worker| self.open.borrow().iter().filter(|open| open.worker == worker).count();
                    worker = (count(WorkerId::Second) < count(WorkerId::First)).then_some(WorkerId::Second);
                }
                let open = Open { run: *run, own: blob, worker: worker.unwrap_or(WorkerId::First) };
                self.begin(&open);
                self.open.borrow_mut().push(open);
            }
            Request::Cancel { id } => {
                self.pictures.borrow_mut().retain(|(picture, _)| *picture != id);
                let worker = self.close(id).map_or(WorkerId::First, |open| open.worker);
                self.client(worker).send(Request::Cancel { id }, None);
            }
            Request::Picture { id } => {
                self.pictures.borrow_mut().push((id, blob.clone()));
                self.first.send(request, blob);
            }
            request => self.first.send(request, blob),
        }
    }

    fn client(&self, worker: WorkerId) -> &Rc<Client> {
        match worker {
            WorkerId::First => &self.first,
            WorkerId::Second => &self.second,
        }
    }

    /// Why the CPU is sure to compute a run.
    fn why_cpu(&self, run: &Run) -> Option<Message> {
        let on_cpu = self.on_cpu.borrow();
        on_cpu.as_ref().filter(|(choice, _)| *choice == (run.backend, run.kernels)).map(|(_, why)| why.clone())
    }

    /// The worker that has a run's network, if the second may have any. What measures is never at work beside the other.
    fn assigned_worker(&self, run: &Run) -> Option<WorkerId> {
        self.why_cpu(run)?;
        if run.timed {
            return Some(WorkerId::First);
        }
        let assignments = self.assignments.borrow();
        assignments.iter().find(|((net, weights), _)| *net == run.net && *weights == run.weights).map(|(_, worker)| *worker)
    }

    /// Whether a run is for the second worker as well as for the first, wherever there is less to do.
    fn is_large(&self, run: &Run) -> bool {
        self.gains && self.why_cpu(run).is_some() && run.macs().is_some_and(|macs| macs >= LARGE_MACS)
    }

    fn assign(&self, run: &Run, worker: WorkerId) {
        if self.assigned_worker(run).is_none() {
            self.assignments.borrow_mut().push(((run.net.clone(), run.weights.clone()), worker));
        }
    }

    /// Has a worker compute; the second first looks at the picture on show, and leaves the GPU alone.
    fn begin(&self, Open { run, own, worker }: &Open) {
        let mut run = run.clone();
        if *worker == WorkerId::Second {
            self.assign(&run, WorkerId::Second);
            let current = self.pictures.borrow().last().cloned();
            if let Some((picture, blob)) = current
                && self.second_sees.replace(Some(picture)) != Some(picture)
            {
                self.second.send(Request::Picture { id: self.next_id() }, blob);
            }
            run.gpu_disabled_reason = self.why_cpu(&run);
        }
        self.client(*worker).send(Request::Run(run.into()), own.clone());
    }

    fn close(&self, id: u32) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|open| open.run.id == id)?;
        Some(open.remove(at))
    }

    /// Takes note of what a worker says; whether the page is to hear it.
    fn on_incoming(&self, worker: WorkerId, incoming: &Incoming) -> bool {
        match incoming {
            Incoming::Event(Event::OnCpu { run, why }, _) => {
                if worker == WorkerId::First {
                    self.share(*run, why);
                }
                return false;
            }
            Incoming::Event(event, _) => {
                if worker == WorkerId::First {
                    self.follow(event);
                }
                if let Some(open) = event.answers().and_then(|id| self.close(id)) {
                    if matches!(event, Event::Ran(_)) {
                        self.assign(&open.run, worker);
                    }
                    // It was handed over when its answer was on its way.
                    if open.worker != worker {
                        self.client(open.worker).send(Request::Cancel { id: open.run.id }, None);
                    }
                }
            }
            Incoming::Trouble(_) => {}
        }
        true
    }

    /// What the first worker looks at, and whether it still computes on the CPU.
    fn follow(&self, event: &Event) {
        let mut pictures = self.pictures.borrow_mut();
        match event {
            Event::Picture { id, .. } => {
                let at = pictures.iter().position(|(picture, _)| picture == id);
                pictures.drain(..at.unwrap_or_default());
            }
            Event::Failed { id, .. } => pictures.retain(|(picture, _)| picture != id),
            Event::Ran(ran) if ran.backend.name == "webgpu" => drop(self.on_cpu.take()),
            Event::Gpu { .. } => drop(self.on_cpu.take()),
            _ => {}
        }
    }

    /// Gives the second worker every other one of the large networks that the first has yet to begin, now that it has begun with one on the CPU.
    fn share(&self, begun: u32, why: &Message) {
        let Some(choice) =
            self.open.borrow().iter().find(|open| open.run.id == begun).map(|open| (open.run.backend, open.run.kernels))
        else {
            return;
        };
        let on_cpu = Some((choice, why.clone()));
        if *self.on_cpu.borrow() != on_cpu {
            self.on_cpu.replace(on_cpu);
            self.assignments.borrow_mut().clear();
        }
        let mut moved = Vec::new();
        let (mut first, mut second) = (0, 0);
        for open in self.open.borrow_mut().iter_mut() {
            let is_free = open.worker == WorkerId::First && open.run.id != begun && self.assigned_worker(&open.run).is_none();
            if is_free && second < first && self.is_large(&open.run) {
                open.worker = WorkerId::Second;
                moved.push(open.clone());
            }
            *(if open.worker == WorkerId::First { &mut first } else { &mut second }) += 1;
        }
        for open in moved {
            self.first.send(Request::Cancel { id: open.run.id }, None);
            self.begin(&open);
        }
    }
}
