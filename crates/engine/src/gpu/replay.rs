//! A pass that comes again is recorded, and from then on replayed: launching a kernel takes a browser's worker several times as long
//! as a GPU needs to run it, most of it for things that come out the same every time.

use super::tiled::primitive;
use crate::EngineError;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::client::Graph;
use burn::tensor::{Bytes, Device, Tensor, TensorData};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// What two passes have in common that launch the same kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// `[N, C, H, W]` of the input.
    pub shape: [usize; 4],
    /// The layers, by index, whose outputs are wanted: whole, as a mean over the channels, and for class activation maps.
    pub wanted: [Vec<usize>; 3],
}

/// The passes of one network.
pub struct Replays<T>(Mutex<State<T>>);

/// What is known of the last pass.
enum State<T> {
    /// Nothing, or that the next is not to be recorded.
    Unknown,
    /// Its kind; another of it will be recorded.
    Seen(Kind),
    /// Itself.
    Recorded(Kind, Box<Recording<T>>),
    /// One could not be recorded, so that none is tried again.
    Refused,
}

/// A pass whose kernels are ready to run again, from the same input to the same outputs.
struct Recording<T> {
    graph: Graph,
    input: CubeTensor,
    outputs: T,
    /// Its kernels run in this thread's order.
    thread: ThreadId,
}

impl<T> Default for Replays<T> {
    fn default() -> Self {
        Self(Mutex::new(State::Unknown))
    }
}

impl<T: Clone> Replays<T> {
    /// What `pass` puts out for input values: launched the first time, recorded the second, replayed from then on, as long as nothing
    /// else is asked for in between. The outputs hold until the next pass. `pass` must launch the same kernels for every input, and
    /// may neither read nor write from outside.
    ///
    /// # Errors
    /// Those of the pass.
    pub async fn compute(
        &self,
        kind: Kind,
        values: &[f32],
        device: &Device,
        pass: impl AsyncFn(Tensor<4>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let input = || Tensor::<4>::from_data(TensorData::new(values.to_vec(), kind.shape), device);
        // While this pass is under way another is a first one.
        let next = match self.swap(State::Unknown) {
            State::Refused => State::Refused,
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
                _ => State::Refused,
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
    /// None where it cannot be recorded.
    async fn of(
        input: Tensor<4>,
        pass: &impl AsyncFn(Tensor<4>) -> Result<T, EngineError>,
    ) -> Result<Option<Box<Self>>, EngineError> {
        let at = primitive(input.clone())?;
        if !at.is_contiguous() || at.client.graph_prepare().is_err() {
            return Ok(None);
        }
        let client = at.client.clone();
        // Nothing is allocated while recording, so that a pass before it has to leave all that it needs.
        let before = pass(input.clone()).await.map(drop);
        let began = client.start_capture();
        let outputs = if before.is_ok() && began.is_ok() { Some(pass(input).await) } else { None };
        // Whatever became of it, the device must not go on recording.
        let graph = client.stop_capture();
        before?;
        let (Ok(graph), Some(outputs)) = (graph, outputs) else { return Ok(None) };
        Ok(Some(Box::new(Self { graph, input: at, outputs: outputs?, thread: thread::current().id() })))
    }

    /// Whether the device computes it again, with these input values.
    fn replay(&self, values: &[f32]) -> bool {
        if thread::current().id() != self.thread {
            return false;
        }
        self.input.client.write(&self.input.handle, Bytes::from_elems(values.to_vec()));
        // SAFETY: what the kernels read and write is there as long as the graph is, which guards the memory of all that was made while
        // it was recorded; input and outputs are held here, the weights by the network that holds this. Only this thread gives
        // the device work of this stream, and this is the stream that it was recorded on.
        #[allow(unsafe_code)]
        unsafe { self.graph.replay() }.is_ok()
    }
}
