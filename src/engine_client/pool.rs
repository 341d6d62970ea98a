//! Both workers. The second one helps where the CPU computes several large networks; each network belongs to one worker.
//!
//! They share no memory: threads of one engine would need a cross-origin isolated page, which is the host's decision. Two workers on two cores do
//! nearly twice as much (bench/RESULTS.md, "Two engines at once"). With the page on one of the cores, which renders every answer, four ResNet-50s
//! took three quarters of the time (tests/browser/engine/pool.test.mjs).

use super::client::{Client, Incoming, PictureFile, UNANSWERED};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use stridescope_i18n::Message;
use stridescope_protocol::{BackendChoice, Event, KernelChoice, Request, Run, WeightsChoice};
use web_sys::Blob;

/// Smallest network, in MACs, that is worth a second worker: a thirtieth of a second on the CPU.
const LARGE_MACS: u64 = 600_000_000;
/// Cores that a device must have for it.
const CORES: f64 = 2.0;

/// One of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkerId {
    /// Does everything else, and has the GPU.
    First,
    /// Started for several large networks.
    Second,
}

/// A run without an answer.
#[derive(Clone)]
struct Open {
    run: Run,
    /// The visitor's own file of weights.
    weights: Option<Blob>,
    picture: Option<PictureFile>,
    worker: WorkerId,
}

/// A network with its weights.
type Loaded = (String, WeightsChoice);

/// The page's side of the engine: one interface for both workers.
#[derive(Default)]
pub struct WorkerPool {
    first: Rc<Client>,
    second: Rc<Client>,
    next_id: Cell<u32>,
    /// Oldest first.
    open: RefCell<Vec<Open>>,
    /// The worker that has a network's weights.
    assignments: RefCell<Vec<(Loaded, WorkerId)>>,
    /// The choice of device and kernels that the CPU computes, and why.
    on_cpu: RefCell<Option<((BackendChoice, KernelChoice), Message)>>,
    /// Whether the device has enough cores.
    gains: bool,
}

impl WorkerPool {
    /// A pool whose workers are not started.
    pub fn new() -> Rc<Self> {
        let cores = web_sys::window().map_or(1.0, |window| window.navigator().hardware_concurrency());
        Rc::new(Self { next_id: Cell::new(UNANSWERED + 1), gains: cores >= CORES, ..Self::default() })
    }

    /// Sets the listener of all messages from now on.
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

    /// The id of the next request.
    pub fn next_id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Whether the engine's code was ever loaded.
    pub fn has_loaded(&self) -> bool {
        self.first.has_loaded()
    }

    /// Starts the first worker if it does not run.
    pub fn ensure(&self) {
        self.first.ensure();
    }

    /// Enables the GPU again after failures. If it fails once more, the visitor is asked again.
    pub fn allow_gpu(&self) {
        self.first.allow_gpu();
        self.on_cpu.take();
    }

    /// Sends a run to its worker, with the visitor's own file of weights and its image.
    pub fn run(&self, run: Run, weights: Option<Blob>, picture: Option<PictureFile>) {
        let mut worker = self.assigned_worker(&run);
        if worker.is_none() && self.is_large(&run) {
            let count = |worker| self.open.borrow().iter().filter(|open| open.worker == worker).count();
            worker = (count(WorkerId::Second) < count(WorkerId::First)).then_some(WorkerId::Second);
        }
        let open = Open { run, weights, picture, worker: worker.unwrap_or(WorkerId::First) };
        self.begin(&open);
        self.open.borrow_mut().push(open);
    }

    /// Sends any other request, to the first worker.
    pub fn send(&self, request: Request, blob: Option<Blob>) {
        let worker = match request {
            Request::Cancel { id } => self.close(id).map_or(WorkerId::First, |open| open.worker),
            _ => WorkerId::First,
        };
        self.client(worker).send(request, blob);
    }

    fn client(&self, worker: WorkerId) -> &Rc<Client> {
        match worker {
            WorkerId::First => &self.first,
            WorkerId::Second => &self.second,
        }
    }

    /// Why the CPU will compute a run, where that is known.
    fn why_cpu(&self, run: &Run) -> Option<Message> {
        let on_cpu = self.on_cpu.borrow();
        on_cpu.as_ref().filter(|(choice, _)| *choice == (run.backend, run.kernels)).map(|(_, why)| why.clone())
    }

    /// The worker of a run's network, if it is assigned. Measurements always run on the first worker.
    fn assigned_worker(&self, run: &Run) -> Option<WorkerId> {
        self.why_cpu(run)?;
        if run.timed {
            return Some(WorkerId::First);
        }
        let assignments = self.assignments.borrow();
        assignments.iter().find(|((net, weights), _)| *net == run.net && *weights == run.weights).map(|(_, worker)| *worker)
    }

    /// Whether a run may go to either worker, the less busy one.
    fn is_large(&self, run: &Run) -> bool {
        self.gains && self.why_cpu(run).is_some() && run.macs().is_some_and(|macs| macs >= LARGE_MACS)
    }

    fn assign(&self, run: &Run, worker: WorkerId) {
        if self.assigned_worker(run).is_none() {
            self.assignments.borrow_mut().push(((run.net.clone(), run.weights.clone()), worker));
        }
    }

    /// Sends a run to a worker. The second one must not use the GPU.
    fn begin(&self, Open { run, weights, picture, worker }: &Open) {
        let mut run = run.clone();
        if *worker == WorkerId::Second {
            self.assign(&run, WorkerId::Second);
            run.gpu_disabled_reason = self.why_cpu(&run);
        }
        self.client(*worker).run(run, weights.clone(), picture.clone());
    }

    fn close(&self, id: u32) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|open| open.run.id == id)?;
        Some(open.remove(at))
    }

    /// Handles a message of a worker; returns whether the page gets it.
    fn on_incoming(&self, worker: WorkerId, incoming: &Incoming) -> bool {
        match incoming {
            Incoming::Event(Event::OnCpu { run, why }) => {
                if worker == WorkerId::First {
                    self.share(*run, why);
                }
                return false;
            }
            Incoming::Event(event) => {
                if worker == WorkerId::First {
                    self.follow(event);
                }
                if let Some(open) = event.answers().and_then(|id| self.close(id)) {
                    if matches!(event, Event::Ran(_)) {
                        self.assign(&open.run, worker);
                    }
                    // The run was moved to the other worker while its answer was on its way.
                    if open.worker != worker {
                        self.client(open.worker).send(Request::Cancel { id: open.run.id }, None);
                    }
                }
            }
            Incoming::Trouble(_) => {}
        }
        true
    }

    /// Forgets that the CPU computes, once the GPU is starting or answers.
    fn follow(&self, event: &Event) {
        match event {
            Event::Ran(answer) if answer.backend.name == "webgpu" => drop(self.on_cpu.take()),
            Event::Gpu { .. } => drop(self.on_cpu.take()),
            _ => {}
        }
    }

    /// Moves every other large network that the first worker has not started to the second, now that the first one computes on the CPU.
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
