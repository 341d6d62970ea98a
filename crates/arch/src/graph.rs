//! A network as a list of layers with their shapes; all analysis reads this list.

use super::{ArchSpec, Input};
use serde::Serialize;

/// Output shape of one layer, without the batch: `[C, H, W]`.
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
    /// Number of values, `C * H * W`.
    pub fn elements(self) -> u64 {
        self.channels as u64 * self.positions()
    }

    /// Number of positions, `H * W`.
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
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Kernel size along one side.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
    /// Dilation: distance between the kernel's taps.
    pub dilation: usize,
    /// Number of channel groups.
    pub groups: usize,
}

/// Pooling with a square window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Window size along one side.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Positions added on each side. They never win a maximum and do not count in a mean; a blur mirrors the map there.
    pub padding: usize,
    /// Zeros added only after the last row and the last column. They count in a mean like any value: timm's `AvgPool2dSame` pads the map
    /// before it pools.
    pub end_padding: usize,
    /// Whether a last window that is only partly inside the map counts.
    pub ceil_mode: bool,
}

/// The operation of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    /// The normalised image.
    Input,
    /// A convolution.
    Conv(Conv),
    /// Batch normalisation with running statistics, eps 1e-5.
    BatchNorm,
    /// `max(x, 0)`.
    Relu,
    /// Maximum over each window.
    MaxPool(Pool),
    /// Mean over each window.
    AvgPool(Pool),
    /// A fixed 3x3 binomial filter on every channel, with mirrored edges (timm's `BlurPool2d`).
    BlurPool(Pool),
    /// Path A plus path B.
    Add,
    /// Mean over all positions.
    GlobalAvgPool,
    /// The classifier, with bias.
    Linear,
}

impl Op {
    /// The operation as one word, as `summary` prints it.
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

    /// Kernel, stride, padding and dilation; `None` for a layer without a sliding window.
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

/// How a window slides along either axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Taps along the axis.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Positions added before the first one.
    pub padding: usize,
    /// Dilation.
    pub dilation: usize,
    /// Whether the added positions mirror the map at its edge instead of being empty.
    pub mirrored: bool,
}

/// The path of a block that a layer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Path {
    /// Path A, the convolutions.
    A,
    /// Path B, the shortcut.
    B,
    /// After both paths: the addition and its ReLU.
    Join,
}

/// The part of the network that a layer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Place {
    /// Input, first convolutions and max pooling.
    Stem,
    /// A residual block: `layer{stage}.{block}`, stages from 1, blocks from 0.
    Block {
        /// Counted from 1.
        stage: usize,
        /// Counted from 0.
        block: usize,
        /// The path inside the block.
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
    /// Its operation.
    pub op: Op,
    /// Indices of the layers it reads, each smaller than its own. Path A comes before path B.
    pub inputs: Vec<usize>,
    /// Output shape.
    pub shape: Shape,
    /// The part of the network it belongs to.
    pub place: Place,
}

/// One tensor that a checkpoint must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// timm's state-dict key.
    pub name: String,
    /// Shape in PyTorch's order, row-major.
    pub shape: Vec<usize>,
    /// Whether it is learned by gradient and counts as a parameter. Running statistics do not.
    pub learned: bool,
}

/// A residual block and its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// `layer2.0`.
    pub id: String,
    /// Counted from 1.
    pub stage: usize,
    /// Counted from 0.
    pub index: usize,
    /// The layer whose output the block reads.
    pub input: usize,
    /// Layers of path A, in order.
    pub path_a: Vec<usize>,
    /// Layers of path B, in order; empty for an identity shortcut.
    pub path_b: Vec<usize>,
    /// The addition.
    pub add: usize,
    /// The ReLU after the addition, which is the output of the block.
    pub output: usize,
}

/// A network: its layers in topological order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The description it was lowered from.
    pub spec: ArchSpec,
    /// Size of its input.
    pub input: Input,
    /// The layers; the first is the input, the last the classifier.
    pub nodes: Vec<Node>,
    /// The residual blocks, in order.
    pub blocks: Vec<Block>,
}

impl Graph {
    /// Index of the layer with this id. A block (`layer2.0`) or a stage (`layer2`) stands for its output.
    pub fn find(&self, id: &str) -> Option<usize> {
        if let Some(index) = self.nodes.iter().position(|node| node.id == id) {
            return Some(index);
        }
        if let Some(block) = self.block(id) {
            return Some(block.output);
        }
        if id == "maxpool" {
            // With an anti-aliasing blur, the max pooling is two layers.
            return self.nodes.iter().rposition(|node| node.id.starts_with("maxpool."));
        }
        let stage = id.strip_prefix("layer")?;
        self.blocks.iter().rfind(|block| block.stage.to_string() == stage).map(|block| block.output)
    }

    /// The block with this id.
    pub fn block(&self, id: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.id == id)
    }

    /// The blocks of a stage, counted from 1.
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

    /// The tensors of one layer.
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
