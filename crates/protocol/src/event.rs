//! Messages from the worker to the page.

use crate::{Answer, Packed};
use serde::{Deserialize, Serialize};
use stridescope_i18n::Message;
use stridescope_weights::Card;
use stridescope_weights::inspect::Inspection;

/// Worker to page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The engine is loaded and listens.
    Ready,
    /// The engine is still computing.
    Alive,
    /// The picture is decoded.
    Picture {
        /// The request's.
        id: u32,
        /// Pixels across, as shown.
        width: usize,
        /// Pixels down, as shown.
        height: usize,
    },
    /// A request is in progress.
    Progress {
        /// The request's.
        id: u32,
        /// At which step.
        step: Step,
    },
    /// The weights are not on this site; fetching them needs the visitor's consent.
    WeightsElsewhere {
        /// The request's.
        id: u32,
        /// Size of the download, where it is known beforehand.
        bytes: Option<u64>,
        /// The host that would be contacted.
        host: String,
    },
    /// A file of weights was inspected.
    Opened {
        /// The request's.
        id: u32,
        /// What it holds.
        file: Packed<Opened>,
    },
    /// The files that are cached on this device.
    CachedFiles {
        /// The request's.
        id: u32,
        /// Sorted by title; none where the browser allows no cache.
        files: Option<Vec<CachedFile>>,
        /// Bytes that this site uses and may use, by the browser's estimate.
        room: Option<(u64, u64)>,
    },
    /// Something that the visitor should know, though nothing failed.
    Notice {
        /// A sentence.
        message: Message,
    },
    /// A run is done. Its arrays come in `buffers` ([`Answer::buffers`]).
    Ran(Box<Answer>),
    /// A request failed; everything else is as before.
    Failed {
        /// The request's.
        id: u32,
        /// What is wrong, for the visitor, as part of a sentence.
        message: Message,
    },
    /// The CPU computes a run, and will compute every other run with the same choice of device and kernels.
    OnCpu {
        /// The run's number.
        run: u32,
        /// Why, in a clause.
        why: Message,
    },
    /// The GPU is starting, or has started, after the CPU answered a run in its place. The same run, sent again, runs on the GPU.
    Gpu {
        /// Whether it has started.
        is_ready: bool,
    },
    /// The GPU failed during a run. Only a new worker can start it again.
    GpuFailed {
        /// The request's.
        id: u32,
        /// The driver's message.
        message: Message,
    },
}

impl Event {
    /// The request that it answers; no event about that request follows.
    pub fn answers(&self) -> Option<u32> {
        match self {
            Self::Ready
            | Self::Alive
            | Self::Progress { .. }
            | Self::Notice { .. }
            | Self::OnCpu { .. }
            | Self::Gpu { .. }
            | Self::GpuFailed { .. } => None,
            Self::Picture { id, .. }
            | Self::WeightsElsewhere { id, .. }
            | Self::Opened { id, .. }
            | Self::CachedFiles { id, .. }
            | Self::Failed { id, .. } => Some(*id),
            Self::Ran(ran) => Some(ran.id),
        }
    }
}

/// A step of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Choosing the device.
    Device,
    /// Starting the GPU, and checking it against the CPU.
    Gpu,
    /// Requesting the list of files from a hub.
    Asking,
    /// Fetching weights.
    Weights {
        /// Bytes so far.
        received: u64,
        /// Bytes in all; 0 where unknown.
        total: u64,
    },
    /// Waiting to resume a download that broke off.
    Again {
        /// Bytes so far.
        received: u64,
        /// Bytes in all; 0 where unknown.
        total: u64,
    },
    /// Building the network.
    Building,
    /// Computing.
    Computing,
}

/// A file of weights that was inspected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Where the weights come from, as in a link.
    pub source: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Recipe, preparation and classes of the network that the weights fit; none where they fit none.
    pub card: Option<Card>,
    /// Its layout, tensors and problems.
    pub inspection: Inspection,
}

/// A file that is cached on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFile {
    /// Where the weights come from, as in a link.
    pub key: String,
    /// Their title.
    pub title: String,
    /// Bytes of the whole file; 0 where unknown.
    pub bytes: u64,
    /// Bytes of it that are cached.
    pub cached: u64,
    /// Whether it is complete and was checked; otherwise its download broke off.
    pub is_whole: bool,
}

/// The device that was chosen, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendReport {
    /// `cpu` or `webgpu`.
    pub name: String,
    /// The adapter, as the browser names it; empty for the CPU.
    pub adapter: String,
    /// Why this device, in a clause.
    pub why: Message,
}
