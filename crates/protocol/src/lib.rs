//! The messages. Each travels as `{json, blob?, buffers?}`: the JSON of a value below, a picture on the way in, numbers on the way
//! out as transferred `ArrayBuffer`s of f32.
//!
//! Variants are tagged from outside, `{"cancel":{"id":3}}`: a tag inside would make serde keep a copy of every value until it knows what it
//! is, a twentieth of the page's code.
//!
//! The worker posts [`Event::Ready`] first; what is sent before that is lost.

pub mod transport;

use serde::{Deserialize, Serialize};
use stridescope_arch::cost::totals;
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_i18n::Message;
use stridescope_weights::Card;
use stridescope_weights::inspect::Inspection;

/// Which device the visitor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// A hardware GPU that agrees with the CPU, else the CPU.
    #[default]
    Auto,
    /// WebGPU even on a software adapter; the CPU only where there is none.
    Webgpu,
    /// The CPU.
    Cpu,
}

/// Which kernels convolve where WebGPU computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelChoice {
    /// Ours on hardware, burn's on a software adapter.
    #[default]
    Auto,
    /// burn's.
    Stock,
    /// Ours.
    Tiled,
}

/// Page to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Decode the picture in `blob` and keep it for the runs that follow.
    Picture {
        /// Answered with [`Event::Picture`] or [`Event::Failed`].
        id: u32,
    },
    /// Run one network.
    Run(Box<Run>),
    /// Read a file of weights and say what it holds. A visitor's own comes in `blob`.
    Open(Open),
    /// List what is kept on this device.
    CachedFiles {
        /// Answered with [`Event::CachedFiles`].
        id: u32,
    },
    /// Delete one file that is kept, and list the rest.
    Forget {
        /// Answered with [`Event::CachedFiles`].
        id: u32,
        /// Its [`CachedFile::key`].
        key: String,
    },
    /// Give a request up; nothing more is heard of it.
    Cancel {
        /// The request's.
        id: u32,
    },
}

impl Request {
    /// The number that its answer carries.
    pub fn id(&self) -> u32 {
        match self {
            Self::Picture { id } | Self::CachedFiles { id } | Self::Forget { id, .. } | Self::Cancel { id } => *id,
            Self::Run(run) => run.id,
            Self::Open(open) => open.id,
        }
    }
}

/// What to look into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Answered with [`Event::Opened`], [`Event::WeightsElsewhere`] or [`Event::Failed`].
    pub id: u32,
    /// Whose weights, as in a link.
    pub source: String,
    /// The network that they are for; otherwise what they tell of themselves.
    #[serde(default)]
    pub net: Option<String>,
    /// Whether they may be fetched from another host.
    #[serde(default)]
    pub fetching: Fetching,
}

/// What may be done to have weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fetching {
    /// This site alone may be asked, and what is kept on this device.
    #[default]
    Here,
    /// Another host may be asked.
    Elsewhere,
    /// Another host may be asked, and what it sends is kept on this device.
    Keep,
}

/// One forward pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Answered with [`Event::Ran`], [`Event::WeightsElsewhere`] or [`Event::Failed`].
    pub id: u32,
    /// The network, `resnet50-d`.
    pub net: String,
    /// Which weights.
    #[serde(default)]
    pub weights: WeightsChoice,
    /// Side of the input in pixels; otherwise what the weights ask for.
    #[serde(default)]
    pub size: Option<usize>,
    /// What to feed it.
    #[serde(default)]
    pub input: InputChoice,
    /// On which device.
    #[serde(default)]
    pub backend: BackendChoice,
    /// Whether weights may be fetched from another host.
    #[serde(default)]
    pub fetching: Fetching,
    /// Whether the pixels that it reads are wanted.
    #[serde(default)]
    pub seen: bool,
    /// Layers, blocks or stages whose output is wanted.
    #[serde(default)]
    pub taps: Vec<String>,
    /// Those of which the mean over the channels is wanted.
    #[serde(default)]
    pub means: Vec<String>,
    /// Of how many of the most likely classes the activation map is wanted.
    #[serde(default)]
    pub cams: usize,
    /// The layer whose maps are weighted for them, by Grad-CAM; otherwise the last, exactly.
    #[serde(default)]
    pub cam_at: Option<String>,
    /// Units whose gradient with respect to the picture is wanted.
    #[serde(default)]
    pub gradients: Vec<UnitRef>,
    /// What is changed on the way. The network is then computed twice, as it is and changed: two rows of logits come back, and of each tap what
    /// the change added to its values, zero where nothing is different ([`stridescope_engine::TracedTap::differences`]); no means, maps or gradients.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Pixels of the input that the picture is moved to the left and up.
    #[serde(default)]
    pub shift: (usize, usize),
    /// Whether it is wanted how long each layer takes.
    #[serde(default)]
    pub timed: bool,
    /// By which kernels, on WebGPU.
    #[serde(default)]
    pub kernels: KernelChoice,
    /// Why the GPU is not to be tried, in a clause, where it is not.
    #[serde(default)]
    pub gpu_disabled_reason: Option<Message>,
}

impl Run {
    /// Multiply-accumulates for one picture; none where there is no such network.
    pub fn macs(&self) -> Option<u64> {
        let graph = lower(&ArchSpec::named(&self.net).ok()?, Input::square(self.size.unwrap_or(224))).ok()?;
        Some(totals(&graph).macs)
    }
}

/// One position of a layer's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRef {
    /// The layer.
    pub node: String,
    /// The channel; otherwise the sum of all.
    pub channel: Option<usize>,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
}

/// A change of one layer's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The layer; `input` for the picture.
    pub node: String,
    /// Where.
    pub area: Area,
    /// What it becomes.
    pub fill: Fill,
}

/// Positions of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// Those that nothing reads in the original network with the same blocks.
    Unread,
    /// A square.
    Square {
        /// Its first row.
        y: usize,
        /// Its first column.
        x: usize,
        /// Rows and columns.
        side: usize,
    },
}

/// What changed positions become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Nothing: zero, or in the picture black.
    Zero,
    /// White, in the picture; in any other map one.
    White,
    /// Anything that the map holds.
    Noise,
}

/// Which weights a run uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightsChoice {
    /// The catalogue's first for the network.
    #[default]
    Catalogue,
    /// Those of [`stridescope_weights::source`], as they stand in a link. A visitor's own file comes in `blob`.
    From(String),
    /// Those of [`stridescope_weights::synthetic`]: they know nothing, and agree everywhere.
    Synthetic,
}

/// What a run feeds the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputChoice {
    /// The picture that was sent last.
    #[default]
    Picture,
    /// The input of [`stridescope_weights::synthetic`].
    Synthetic,
    /// That many pictures of it at once: `{"batch":8}`. Their logits come one after another, and no classes are named.
    Batch(usize),
}

impl InputChoice {
    /// Pictures that go through the network at once.
    pub fn batch(self) -> usize {
        match self {
            Self::Picture | Self::Synthetic => 1,
            Self::Batch(pictures) => pictures,
        }
    }
}

/// Worker to page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The engine is loaded and listens.
    Ready,
    /// It is still at work.
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
    /// A run goes on.
    Progress {
        /// The request's.
        id: u32,
        /// With what.
        step: Step,
    },
    /// The weights are not on this site; fetching them needs the visitor's consent.
    WeightsElsewhere {
        /// The request's.
        id: u32,
        /// Size of the download, where it is known beforehand.
        bytes: Option<u64>,
        /// The host that would be asked.
        host: String,
    },
    /// A file of weights was read.
    Opened(Box<Opened>),
    /// What is kept on this device.
    CachedFiles {
        /// The request's.
        id: u32,
        /// By title; none where the browser lets nothing be kept.
        files: Option<Vec<CachedFile>>,
        /// Bytes that this site uses and may use, by the browser's estimate.
        room: Option<(u64, u64)>,
    },
    /// Something that the visitor should know, though nothing failed.
    Notice {
        /// A sentence.
        message: Message,
    },
    /// A run is done. `buffers` holds the logits, then each tap, mean, class activation map and gradient, and the pixels last.
    Ran(Box<Ran>),
    /// A request failed; everything else is as before.
    Failed {
        /// The request's.
        id: u32,
        /// What is wrong, for the visitor, as part of a sentence.
        message: Message,
    },
    /// The CPU computes a run, and what else is asked with the same choice of a device.
    OnCpu {
        /// The run's number.
        run: u32,
        /// Why, in a clause.
        why: Message,
    },
    /// The GPU is started, or was, since the CPU answered in its place: asked again, it answers.
    Gpu {
        /// Whether it was.
        is_ready: bool,
    },
    /// The GPU failed over a run. This worker has no other: one that is started anew may have.
    GpuFailed {
        /// The request's.
        id: u32,
        /// What it said.
        message: Message,
    },
}

impl Event {
    /// The request that it answers, of which nothing more is heard.
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
            | Self::CachedFiles { id, .. }
            | Self::Failed { id, .. } => Some(*id),
            Self::Opened(opened) => Some(opened.id),
            Self::Ran(ran) => Some(ran.id),
        }
    }
}

/// What a run is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Finding out which device to use.
    Device,
    /// Starting the GPU, and checking it against the CPU.
    Gpu,
    /// Asking what exactly the weights are.
    Asking,
    /// Fetching weights.
    Weights {
        /// Bytes so far.
        received: u64,
        /// Bytes in all; 0 where nobody says.
        total: u64,
    },
    /// Waiting to take a download up again that broke off.
    Again {
        /// Bytes so far.
        received: u64,
        /// Bytes in all; 0 where nobody says.
        total: u64,
    },
    /// Building the network.
    Building,
    /// Computing.
    Computing,
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// The request's.
    pub id: u32,
    /// The network.
    pub net: String,
    /// Where it ran.
    pub backend: BackendReport,
    /// Milliseconds of the forward pass, reading the result included.
    pub ms: f64,
    /// The most likely classes, most likely first; empty with synthetic weights and those that were never trained.
    pub top: Vec<Prediction>,
    /// Likewise with what was changed on the way; empty where nothing was.
    pub changed_top: Vec<Prediction>,
    /// Whether it never saw a picture in training, so that it names no classes.
    pub untrained: bool,
    /// Whether the network is too unsure to answer: the picture is perhaps none of its classes.
    pub none_of_its_classes: bool,
    /// Whose weights.
    pub card: Option<Card>,
    /// Name and `[N, C, H, W]` of each tap.
    pub taps: Vec<(String, [usize; 4])>,
    /// Name and `[N, 1, H, W]` of each mean over channels.
    pub means: Vec<(String, [usize; 4])>,
    /// Class and `[N, 1, H, W]` of each class activation map.
    pub cams: Vec<(usize, [usize; 4])>,
    /// Layer and `[1, C, H, W]` of each gradient.
    pub gradients: Vec<(String, [usize; 4])>,
    /// Rows and columns of the pixels that it read, where they were wanted: red, green and blue of each, from 0 to 255.
    pub seen: Option<usize>,
    /// How long each layer takes, where that was wanted.
    pub times: Option<Times>,
}

/// How long each layer takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Smallest step of the clock, in milliseconds.
    pub clock_ms: f64,
    /// In the network's order.
    pub timings: Vec<Timing>,
}

/// How long one layer takes, with the layers that are computed in one go with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The layer; of those that are computed together, the convolution.
    pub node: String,
    /// Milliseconds.
    pub ms: f64,
    /// Multiply-accumulates of convolutions and fc.
    pub macs: u64,
    /// Bytes of what is read, weights included, and of what is put out, float32.
    pub bytes: u64,
}

impl Timing {
    /// Milliseconds that a layer is computed for, again and again, at least.
    pub const LEAST_MS: f64 = 10.0;
}

/// What a file of weights holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The request's.
    pub id: u32,
    /// Whose weights, as in a link.
    pub source: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// How the network that it is for would be run, and whose it is; none where it is for none.
    pub card: Option<Card>,
    /// What it holds.
    pub inspection: Inspection,
}

/// A file that is kept on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFile {
    /// Whose weights, as in a link.
    pub key: String,
    /// What they are called.
    pub title: String,
    /// Bytes of the whole file; 0 where nobody said.
    pub bytes: u64,
    /// Bytes of it that are here.
    pub cached: u64,
    /// Whether it is all there and was checked; otherwise its download broke off.
    pub is_whole: bool,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Its index in the network's output.
    pub index: usize,
    /// Its WordNet id, `n02124075`.
    pub wnid: String,
    /// Its English name.
    pub label: String,
    /// Its probability.
    pub p: f64,
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
