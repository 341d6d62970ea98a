//! A network as a list of layers with their shapes: the one description that everything else reads.

use super::{ArchSpec, Input};
use serde::Serialize;

/// Size of one layer's output, batch left out: `[C, H, W]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Values in the map.
    pub fn elements(self) -> u64 {
        self.channels as u64 * self.positions()
    }

    /// Positions in one channel.
    pub fn positions(self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// A convolution with a square kernel, without bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Conv {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the kernel.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Distance between the kernel's taps.
    pub dilation: usize,
    /// Groups that the channels are split into.
    pub groups: usize,
}

/// A pooling with a square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Side of the window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Positions added on every side; they never win a maximum and never count in a mean. A blur mirrors the map there.
    pub padding: usize,
    /// Zeros added after the last row and the last column alone, which count in a mean as any value does: timm's `AvgPool2dSame` pads the
    /// map before it pools.
    pub end_padding: usize,
    /// Whether a last window that is only partly inside is kept.
    pub ceil_mode: bool,
}

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    /// The picture, normalised.
    Input,
    /// A convolution.
    Conv(Conv),
    /// Batch normalisation with running statistics, eps 1e-5.
    BatchNorm,
    /// `max(x, 0)`.
    Relu,
    /// Maximum over a window.
    MaxPool(Pool),
    /// Mean over a window.
    AvgPool(Pool),
    /// A fixed 3x3 binomial filter on every channel, the map mirrored at its edges (timm's `BlurPool2d`).
    BlurPool(Pool),
    /// Path A plus path B.
    Add,
    /// Mean over all positions.
    GlobalAvgPool,
    /// The classifier, with bias.
    Linear,
}

impl Op {
    /// The layer's kind in one word, as `summary` prints it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv(_) => "conv",
            Self::BatchNorm => "batchnorm",
            Self::Relu => "relu",
            Self::MaxPool(_) => "maxpool",
            Self::AvgPool(_) => "avgpool",
            Self::BlurPool(_) => "blurpool",
            Self::Add => "add",
            Self::GlobalAvgPool => "globalavgpool",
            Self::Linear => "linear",
        }
    }

    /// Kernel, stride, padding and dilation of a layer that slides a window.
    pub fn window(&self) -> Option<Window> {
        match *self {
            Self::Conv(c) => {
                Some(Window { kernel: c.kernel, stride: c.stride, padding: c.padding, dilation: c.dilation, mirrored: false })
            }
            Self::MaxPool(p) | Self::AvgPool(p) | Self::BlurPool(p) => {
                let mirrored = matches!(self, Self::BlurPool(_));
                Some(Window { kernel: p.kernel, stride: p.stride, padding: p.padding, dilation: 1, mirrored })
            }
            _ => None,
        }
    }
}

/// How a window slides, along either axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Taps along the axis.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// Positions added before the first.
    pub padding: usize,
    /// Distance between taps.
    pub dilation: usize,
    /// Whether the positions added are the map's own, mirrored at its edge, instead of nothing.
    pub mirrored: bool,
}

/// Which way through a block a layer lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Path {
    /// The convolutions.
    A,
    /// The shortcut.
    B,
    /// Where the two meet: the addition and the ReLU after it.
    Join,
}

/// Where in the network a layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Place {
    /// Input, first convolutions and max pooling.
    Stem,
    /// A residual block: `layer{stage}.{block}`, stages from 1, blocks from 0.
    Block {
        /// From 1.
        stage: usize,
        /// From 0.
        block: usize,
        /// Which way through it.
        path: Path,
    },
    /// Global pooling and classifier.
    Head,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// timm's module path, `layer2.0.conv1`. The addition, which is no module, is `layer2.0.add`.
    pub id: String,
    /// What it does.
    pub op: Op,
    /// Indices of the layers it reads; each is smaller than its own. Path A comes before path B.
    pub inputs: Vec<usize>,
    /// What it puts out.
    pub shape: Shape,
    /// Where it stands.
    pub place: Place,
}

/// One tensor that a checkpoint must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// timm's state-dict key.
    pub name: String,
    /// Row-major, as PyTorch prints it.
    pub shape: Vec<usize>,
    /// Learned by gradient, so that it counts as a parameter; running statistics do not.
    pub learned: bool,
}

/// A residual block: which layers it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// `layer2.0`.
    pub id: String,
    /// From 1.
    pub stage: usize,
    /// From 0.
    pub index: usize,
    /// The layer whose output the block reads.
    pub input: usize,
    /// Layers of path A, first to last.
    pub path_a: Vec<usize>,
    /// Layers of path B, first to last; empty when the shortcut is the identity.
    pub path_b: Vec<usize>,
    /// The addition.
    pub add: usize,
    /// The ReLU after it, whose output is the block's.
    pub output: usize,
}

/// A network: its layers in an order in which they can be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The switches it came from.
    pub spec: ArchSpec,
    /// The picture it reads.
    pub input: Input,
    /// The layers; the first is the input, the last the classifier.
    pub nodes: Vec<Node>,
    /// The residual blocks, first to last.
    pub blocks: Vec<Block>,
}

impl Graph {
    /// Index of the layer of that name. A block (`layer2.0`) or a stage (`layer2`) stands for its output.
    pub fn find(&self, id: &str) -> Option<usize> {
        if let Some(index) = self.nodes.iter().position(|node| node.id == id) {
            return Some(index);
        }
        if let Some(block) = self.block(id) {
            return Some(block.output);
        }
        if id == "maxpool" {
            // With a blur after it, the pooling is two layers.
            return self.nodes.iter().rposition(|node| node.id.starts_with("maxpool."));
        }
        let stage = id.strip_prefix("layer")?;
        self.blocks.iter().rfind(|block| block.stage.to_string() == stage).map(|block| block.output)
    }

    /// The block of that name.
    pub fn block(&self, id: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.id == id)
    }

    /// The blocks of a stage, from 1.
    pub fn stage(&self, stage: usize) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.stage == stage)
    }

    /// Blocks that halve the size of their input.
    pub fn downsampling_blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| {
            let (before, after) = (self.nodes[block.input].shape, self.nodes[block.output].shape);
            (before.height, before.width) != (after.height, after.width)
        })
    }

    /// Tensors of one layer.
    pub fn node_tensors(&self, node: &Node) -> Vec<TensorSpec> {
        let tensor = |leaf: &str, shape: Vec<usize>, learned| TensorSpec { name: format!("{}.{leaf}", node.id), shape, learned };
        match node.op {
            Op::Conv(c) => {
                vec![tensor("weight", vec![c.out_channels, c.in_channels / c.groups, c.kernel, c.kernel], true)]
            }
            Op::BatchNorm => {
                let leaves = [("weight", true), ("bias", true), ("running_mean", false), ("running_var", false)];
                leaves.map(|(leaf, learned)| tensor(leaf, vec![node.shape.channels], learned)).into()
            }
            Op::Linear => {
                let features = node.inputs.first().map_or(0, |&i| self.nodes[i].shape.channels);
                vec![tensor("weight", vec![node.shape.channels, features], true), tensor("bias", vec![node.shape.channels], true)]
            }
            _ => Vec::new(),
        }
    }

    /// Every tensor that a checkpoint of this network must hold, in the order of its layers.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        self.nodes.iter().flat_map(|node| self.node_tensors(node)).collect()
    }
}
