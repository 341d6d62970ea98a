//! Records a pass when it repeats, and replays it from then on: launching a kernel takes a browser's worker several times as long as a GPU
//! needs to run it, and most of that work is the same every time.

use super::tiled::primitive;
use crate::EngineError;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::client::Graph;
use burn::tensor::{Bytes, Device, Tensor, TensorData};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// What makes two passes launch the same kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Input shape, `[N, C, H, W]`.
    pub shape: [usize; 4],
    /// The requested layers, by index: full outputs, means over channels, class activation maps.
    pub wanted: [Vec<usize>; 3],
}

/// The recorded pass of one network.
pub struct Replays<T>(Mutex<State<T>>);

/// What is known of the last pass.
enum State<T> {
    /// Nothing, or that the next pass is not to be recorded.
    Empty,
    /// Its kind; the next pass of this kind is recorded.
    Seen(Kind),
    /// The recording of its kind.
    Recorded(Kind, Box<Recording<T>>),
    /// A recording failed; none is tried again.
    Unsupported,
}

/// A pass whose kernels can run again, from the same input buffer to the same outputs.
struct Recording<T> {
    graph: Graph,
    input: CubeTensor,
    outputs: T,
    /// The thread whose stream runs the kernels.
    thread: ThreadId,
}

impl<T> Default for Replays<T> {
    fn default() -> Self {
        Self(Mutex::new(State::Empty))
    }
}

impl<T: Clone> Replays<T> {
    /// Computes `pass` for input values: launched the first time, recorded the second time, replayed from then on, as long as no other kind
    /// of pass comes in between. The outputs are valid until the next pass. `pass` must launch the same kernels for every input, and may
    /// not read or write anything outside.
    ///
    /// # Errors
    /// Those of `pass`.
    pub async fn compute(
        &self,
        kind: Kind,
        values: &[f32],
        device: &Device,
        pass: impl AsyncFn(Tensor<4>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let input = || Tensor::<4>::from_data(TensorData::new(values.to_vec(), kind.shape), device);
        // A concurrent pass counts as a first one.
        let next = match self.swap(State::Empty) {
            State::Unsupported => State::Unsupported,
            State::Recorded(known, recording) if known == kind && recording.replay(values) => {
                let outputs = recording.outputs.clone();
                self.swap(State::Recorded(known, recording));
                return Ok(outputs);
            }
            State::Seen(known) if known == kind => match Recording::of(input(), &pass).await? {
                Some(recording) if recording.replay(values) => {
                    let outputs = recording.outputs.clone();
                    self.swap(State::Recorded(kind, recording));
                    return Ok(outputs);
                }
                _ => State::Unsupported,
            },
            _ => State::Seen(kind.clone()),
        };
        let outputs = pass(input()).await?;
        self.swap(next);
        Ok(outputs)
    }

    /// Whether the last pass is recorded.
    pub fn has_recorded(&self) -> bool {
        matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Recorded(..))
    }

    fn swap(&self, next: State<T>) -> State<T> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), next)
    }
}

impl<T> Recording<T> {
    /// Records a pass; `None` if that is not possible.
    async fn of(
        input: Tensor<4>,
        pass: &impl AsyncFn(Tensor<4>) -> Result<T, EngineError>,
    ) -> Result<Option<Box<Self>>, EngineError> {
        let at = primitive(input.clone())?;
        if !at.is_contiguous() || at.client.graph_prepare().is_err() {
            return Ok(None);
        }
        let client = at.client.clone();
        // Nothing may be allocated while recording, so a pass before it fills the memory pool.
        let before = pass(input.clone()).await.map(drop);
        let began = client.start_capture();
        let outputs = if before.is_ok() && began.is_ok() { Some(pass(input).await) } else { None };
        // Whatever the result, the device must stop recording.
        let graph = client.stop_capture();
        before?;
        let (Ok(graph), Some(outputs)) = (graph, outputs) else { return Ok(None) };
        Ok(Some(Box::new(Self { graph, input: at, outputs: outputs?, thread: thread::current().id() })))
    }

    /// Replays the pass with these input values; false if the device fails.
    fn replay(&self, values: &[f32]) -> bool {
        if thread::current().id() != self.thread {
            return false;
        }
        self.input.client.write(&self.input.handle, Bytes::from_elems(values.to_vec()));
        // SAFETY: the kernels read and write memory that lives as long as the graph: the graph guards all memory allocated while it was
        // recorded, `self` holds input and outputs, and the network that holds `self` holds the weights. Only this thread submits work to
        // this stream, and it is the stream of the recording.
        #[allow(unsafe_code)]
        unsafe { self.graph.replay() }.is_ok()
    }
}
