//! What a network costs: parameters, operations, memory, at batch 1.
//!
//! "FLOPs" means something else in every tool; [`Convention`] names them. Where nothing is said, MACs are those of convolutions and of
//! the classifier, as in the papers.

use super::coverage;
use super::graph::{Graph, Node, Op, Shape};
use serde::Serialize;

/// What is counted as an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// Multiply-accumulates of convolutions and the classifier.
    Macs,
    /// Two for each multiply-accumulate.
    Flops,
    /// fvcore's `FlopCountAnalysis`: a multiply-accumulate is one; normalisation is two a value, global pooling one a value read; the
    /// fixed filter of a blur counts as a convolution.
    Fvcore,
    /// torchinfo's "mult-adds": the classifier with its bias, and for a normalisation its parameters.
    Torchinfo,
    /// Every arithmetic operation: two for each multiply-accumulate and each normalised value, one for each ReLU, addition and value
    /// that a pooling reads.
    Everything,
}

impl Convention {
    /// In the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Macs, Self::Flops, Self::Fvcore, Self::Torchinfo, Self::Everything];

    /// As in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Macs => "macs",
            Self::Flops => "flops",
            Self::Fvcore => "fvcore",
            Self::Torchinfo => "torchinfo",
            Self::Everything => "everything",
        }
    }

    /// What is counted, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Macs => "MACs",
            Self::Flops => "FLOPs = 2 × MACs",
            Self::Fvcore => "fvcore's flops",
            Self::Torchinfo => "torchinfo's mult-adds",
            Self::Everything => "every operation",
        }
    }

    /// Who counts like that, in a sentence.
    pub fn users(self) -> &'static str {
        match self {
            Self::Macs => {
                "Multiply-accumulates of convolutions and fc: the \"FLOPs\" of He et al. 2015 and 2019, and timm's GMACs."
            }
            Self::Flops => {
                "Twice the MACs of convolutions and fc: PyTorch's FlopCounterMode, and TensorFlow's profiler for the same layers."
            }
            Self::Fvcore => {
                "fvcore's FlopCountAnalysis: MACs, plus two for each normalised value and one for each that global pooling reads."
            }
            Self::Torchinfo => {
                "torchinfo's total mult-adds: MACs, plus the classifier's bias and the parameters of every normalisation."
            }
            Self::Everything => {
                "Two for each MAC and each normalised value, one for each ReLU, addition and value that a pooling reads."
            }
        }
    }

    /// Operations of one layer.
    pub fn count(self, graph: &Graph, node: &Node) -> u64 {
        let out = node.shape.elements();
        let read = || node.inputs.first().map_or(0, |&i| graph.nodes[i].shape.elements());
        let macs = macs(graph, node);
        match (self, node.op) {
            (Self::Macs, _) => macs,
            (Self::Flops, _) => 2 * macs,
            (Self::Fvcore, Op::BatchNorm) => 2 * out,
            (Self::Fvcore, Op::GlobalAvgPool) => read(),
            (Self::Fvcore, Op::BlurPool(p)) => out * (p.kernel * p.kernel) as u64,
            (Self::Torchinfo, Op::BatchNorm | Op::Linear) => macs + if node.op == Op::Linear { out } else { params(graph, node) },
            (Self::Fvcore | Self::Torchinfo, _) => macs,
            (Self::Everything, op) => match op {
                Op::Conv(_) => 2 * macs,
                Op::Linear => 2 * macs + out,
                Op::BatchNorm => 2 * out,
                Op::Relu | Op::Add => out,
                Op::MaxPool(p) | Op::AvgPool(p) => out * (p.kernel * p.kernel) as u64,
                Op::BlurPool(p) => 2 * out * (p.kernel * p.kernel) as u64,
                Op::GlobalAvgPool => read(),
                Op::Input => 0,
            },
        }
    }
}

/// Multiply-accumulates of one layer; 0 for anything but a convolution or the classifier.
pub fn macs(graph: &Graph, node: &Node) -> u64 {
    match node.op {
        Op::Conv(c) => node.shape.elements() * (c.in_channels / c.groups) as u64 * (c.kernel * c.kernel) as u64,
        Op::Linear => node.inputs.iter().map(|&i| graph.nodes[i].shape.elements() * node.shape.elements()).sum(),
        _ => 0,
    }
}

/// How a layer's multiply-accumulates come about, with the numbers in: rows × columns × channels out × kernel × channels in.
pub fn formula(graph: &Graph, node: &Node) -> Option<String> {
    let product = |factors: &[usize]| factors.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    match node.op {
        Op::Conv(c) => {
            let Shape { channels, height, width } = node.shape;
            Some(product(&[height, width, channels, c.kernel, c.kernel, c.in_channels / c.groups]))
        }
        Op::Linear => node.inputs.first().map(|&i| product(&[graph.nodes[i].shape.channels, node.shape.channels])),
        _ => None,
    }
}

/// Learned parameters of one layer.
pub fn params(graph: &Graph, node: &Node) -> u64 {
    let learned = graph.node_tensors(node).into_iter().filter(|tensor| tensor.learned);
    learned.map(|tensor| tensor.shape.iter().map(|&n| n as u64).product::<u64>()).sum()
}

/// Totals of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Learned parameters.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Those of [`Totals::macs`] whose result nothing reads.
    pub dead_macs: u64,
}

/// Adds up a network.
pub fn totals(graph: &Graph) -> Totals {
    Totals {
        params: graph.nodes.iter().map(|node| params(graph, node)).sum(),
        macs: graph.nodes.iter().map(|node| macs(graph, node)).sum(),
        dead_macs: dead_macs(graph).iter().sum(),
    }
}

/// For each layer, the multiply-accumulates spent on positions that no later layer reads.
pub fn dead_macs(graph: &Graph) -> Vec<u64> {
    let live = coverage::live(graph);
    let dead = |(node, live): (&Node, &coverage::Mask)| {
        let positions = node.shape.positions();
        macs(graph, node) / positions * (positions - live.count())
    };
    graph.nodes.iter().zip(&live).map(dead).collect()
}

/// The four figures at the foot of `torchsummary.summary`, in units of 2^20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TorchSummary {
    /// The input.
    pub input_mb: f64,
    /// Every module's output, twice: once forward, once for its gradient.
    pub forward_backward_mb: f64,
    /// The parameters.
    pub params_mb: f64,
    /// The three together.
    pub total_mb: f64,
}

/// One row of `torchsummary.summary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TorchSummaryRow {
    /// PyTorch's class.
    pub class: &'static str,
    /// The layer, or the block.
    pub id: String,
    /// What it puts out, batch left out: `[C, H, W]`, of the classifier `[C]`.
    pub shape: Vec<usize>,
    /// Learned parameters; a block's are those of its layers and not counted again.
    pub params: u64,
}

/// torchsummary 1.5.1 over torchvision's module tree: every call of a leaf module is a row, and so is every residual block;
/// the addition is no module.
pub fn torchsummary_rows(graph: &Graph) -> Vec<TorchSummaryRow> {
    use super::BlockKind;
    let dims = |shape: Shape| vec![shape.channels, shape.height, shape.width];
    let mut rows = Vec::with_capacity(graph.nodes.len());
    let mut blocks = graph.blocks.iter().peekable();
    for (index, node) in graph.nodes.iter().enumerate() {
        let class = match node.op {
            Op::Input | Op::Add => continue,
            Op::Conv(_) => "Conv2d",
            Op::BatchNorm => "BatchNorm2d",
            Op::Relu => "ReLU",
            Op::MaxPool(_) => "MaxPool2d",
            Op::AvgPool(_) => "AvgPool2d",
            Op::BlurPool(_) => "BlurPool2d",
            Op::GlobalAvgPool => "AdaptiveAvgPool2d",
            Op::Linear => "Linear",
        };
        let shape = if node.op == Op::Linear { vec![node.shape.channels] } else { dims(node.shape) };
        rows.push(TorchSummaryRow { class, id: node.id.clone(), shape, params: params(graph, node) });
        if let Some(block) = blocks.next_if(|block| block.output == index) {
            let class = if graph.spec.block == BlockKind::Basic { "BasicBlock" } else { "Bottleneck" };
            rows.push(TorchSummaryRow { class, id: block.id.clone(), shape: dims(node.shape), params: 0 });
        }
    }
    rows
}

/// The foot of `torchsummary.summary`, from the sum of its rows. Values are float32.
pub fn torchsummary(graph: &Graph) -> TorchSummary {
    const MB: f64 = 1024.0 * 1024.0;
    let values: u64 = torchsummary_rows(graph).iter().map(|row| row.shape.iter().map(|&n| n as u64).product::<u64>()).sum();
    let input_mb = graph.nodes[0].shape.elements() as f64 * 4.0 / MB;
    let forward_backward_mb = 2.0 * values as f64 * 4.0 / MB;
    let params_mb = totals(graph).params as f64 * 4.0 / MB;
    TorchSummary { input_mb, forward_backward_mb, params_mb, total_mb: input_mb + forward_backward_mb + params_mb }
}
