//! Messages from the page to the worker.

use serde::{Deserialize, Serialize};
use stridescope_arch::cost::totals;
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_i18n::Message;

/// Page to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Decode the picture in `blob` and keep it, with the last [`PictureId::KEPT`], for the runs that name it.
    Picture {
        /// Answered with [`Event::Picture`](crate::Event::Picture) or [`Event::Failed`](crate::Event::Failed).
        id: u32,
        /// Its id in runs.
        #[serde(default)]
        picture: PictureId,
    },
    /// Run one network.
    Run(Box<Run>),
    /// Inspect a file of weights. A visitor's own comes in `blob`.
    Open(Open),
    /// List the files that are cached on this device.
    CachedFiles {
        /// Answered with [`Event::CachedFiles`](crate::Event::CachedFiles).
        id: u32,
    },
    /// Delete one cached file, and list the rest.
    Forget {
        /// Answered with [`Event::CachedFiles`](crate::Event::CachedFiles).
        id: u32,
        /// Its [`CachedFile::key`](crate::CachedFile::key).
        key: String,
    },
    /// Cancel a request; no event about it follows.
    Cancel {
        /// The request's.
        id: u32,
    },
}

impl Request {
    /// The id that the events about it carry.
    pub fn id(&self) -> u32 {
        match self {
            Self::Picture { id, .. } | Self::CachedFiles { id } | Self::Forget { id, .. } | Self::Cancel { id } => *id,
            Self::Run(run) => run.id,
            Self::Open(open) => open.id,
        }
    }
}

/// A file of weights to inspect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Answered with [`Event::Opened`](crate::Event::Opened), [`Event::WeightsElsewhere`](crate::Event::WeightsElsewhere) or
    /// [`Event::Failed`](crate::Event::Failed).
    pub id: u32,
    /// Where the weights come from, as in a link.
    pub source: String,
    /// The network that they are for; otherwise it is inferred from them.
    #[serde(default)]
    pub net: Option<String>,
    /// Whether they may be fetched from another host.
    #[serde(default)]
    pub fetching: Fetching,
}

/// Where weights may be fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fetching {
    /// From this site and the cache of this device alone.
    #[default]
    Here,
    /// From another host too.
    Elsewhere,
    /// From another host too; the file is then cached on this device.
    Keep,
}

/// One forward pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Answered with [`Event::Ran`](crate::Event::Ran), [`Event::WeightsElsewhere`](crate::Event::WeightsElsewhere) or
    /// [`Event::Failed`](crate::Event::Failed).
    pub id: u32,
    /// The network, `resnet50-d`.
    pub net: String,
    /// Which weights.
    #[serde(default)]
    pub weights: WeightsChoice,
    /// Side of the input in pixels; otherwise what the weights ask for.
    #[serde(default)]
    pub size: Option<usize>,
    /// The input.
    #[serde(default)]
    pub input: InputChoice,
    /// The device.
    #[serde(default)]
    pub backend: BackendChoice,
    /// Whether weights may be fetched from another host.
    #[serde(default)]
    pub fetching: Fetching,
    /// Whether the answer includes the pixels that the network reads.
    #[serde(default)]
    pub seen: bool,
    /// Requested outputs of layers, blocks or stages.
    #[serde(default)]
    pub taps: Vec<Tap>,
    /// For how many of the most likely classes the answer includes a class activation map.
    #[serde(default)]
    pub cams: usize,
    /// The layer whose channels are weighted, by Grad-CAM; otherwise the last one, exactly (CAM).
    #[serde(default)]
    pub cam_at: Option<String>,
    /// Units whose gradient with respect to the input the answer includes.
    #[serde(default)]
    pub gradients: Vec<UnitRef>,
    /// Changes of layers' outputs. The network is then computed twice, without and with them: the answer has [`Answer::changed`](crate::Answer), and each
    /// tap of values is what the edits added to them, zero where nothing differs (`differences` of the engine's `TracedTap`); no means, class
    /// activation maps or gradients.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Pixels of the input that the picture is moved to the left and up.
    #[serde(default)]
    pub shift: (usize, usize),
    /// Whether the time of each layer is measured.
    #[serde(default)]
    pub timed: bool,
    /// The kernels on WebGPU.
    #[serde(default)]
    pub kernels: KernelChoice,
    /// Why the GPU must not be used, in a clause; none where it may be.
    #[serde(default)]
    pub gpu_disabled_reason: Option<Message>,
}

impl Run {
    /// MACs for one picture; none where there is no such network.
    pub fn macs(&self) -> Option<u64> {
        let graph = lower(&ArchSpec::named(&self.net).ok()?, Input::square(self.size.unwrap_or(224))).ok()?;
        Some(totals(&graph).macs)
    }
}

/// One requested output of a layer. All but [`Want::Values`] is reduced by the engine, before it crosses to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// The layer, block or stage.
    pub node: String,
    /// Which values of it.
    pub want: Want,
}

impl Tap {
    /// The whole output of a layer.
    pub fn values(node: impl Into<String>) -> Self {
        Self { node: node.into(), want: Want::Values }
    }

    /// The mean over the channels of a layer's output.
    pub fn mean(node: impl Into<String>) -> Self {
        Self { node: node.into(), want: Want::Mean }
    }
}

/// Which values of a layer's output of shape `[N, C, H, W]` are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// All values: `[N, C, H, W]`.
    Values,
    /// The mean over the channels: `[N, 1, H, W]`.
    Mean,
}

/// An image that the page sent to the worker. The page numbers them; a run names its image by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PictureId(pub u32);

impl PictureId {
    /// Number of decoded images that a worker holds: the latest ones.
    pub const KEPT: usize = 2;
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

/// A change of one layer's output, before the next layer reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The layer; `input` for the picture.
    pub node: String,
    /// The positions that change.
    pub area: Area,
    /// What their values become.
    pub fill: Fill,
}

/// Positions of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// The dead positions of the original network with the same blocks.
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

/// What the values at changed positions become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Zero; in the picture black.
    Zero,
    /// One; in the picture white.
    White,
    /// Values drawn at random from those of the map.
    Noise,
}

/// Which weights a run uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightsChoice {
    /// The catalogue's first for the network.
    #[default]
    Catalogue,
    /// From a [`stridescope_weights::source`], as in a link. A visitor's own file comes in `blob`.
    From(String),
    /// Those of [`stridescope_weights::synthetic`]: untrained, and the same on every machine.
    Synthetic,
}

/// The input of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputChoice {
    /// An image that was sent before.
    Picture(PictureId),
    /// The input of [`stridescope_weights::synthetic`].
    Synthetic,
    /// A batch of that many synthetic images: `{"batch":8}`. Their logits come one after another, and no classes are named.
    Batch(usize),
}

impl Default for InputChoice {
    fn default() -> Self {
        Self::Picture(PictureId::default())
    }
}

impl InputChoice {
    /// Number of images in the batch.
    pub fn batch(self) -> usize {
        match self {
            Self::Picture(_) | Self::Synthetic => 1,
            Self::Batch(pictures) => pictures,
        }
    }
}

/// The visitor's choice of device.
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

/// The choice of kernels on WebGPU.
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
