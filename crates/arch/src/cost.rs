//! Costs of a network at batch size 1: parameters, operations, memory.
//!
//! Tools disagree on what "FLOPs" are; each [`Convention`] names one definition. Without a convention, MACs are those of convolutions and
//! of the classifier, as in the papers.

use super::coverage::{self, Reads};
use super::graph::{Graph, Node, Op, Shape, Window};
use serde::Serialize;
use stridescope_i18n::numbers::grouped;

/// What is counted as an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Multiply-accumulates of convolutions and of the classifier, plus one per value of each [`Extra`].
    Macs(Extras),
    /// Two per multiply-accumulate, plus, per value of an [`Extra`], two for batch normalisation and one for the others.
    Flops(Extras),
    /// fvcore's `FlopCountAnalysis`: one per multiply-accumulate, two per normalised value, one per value read by global pooling; the fixed
    /// filter of a blur counts as a convolution.
    ///
    /// timm's GMACs are this total (`benchmark.py`): 4.11, 4.35 and 5.16 for `resnet50`, `resnet50d` and `resnetblur50`.
    Fvcore,
    /// torchinfo's "mult-adds": includes the classifier's bias, and counts the parameters of each batch normalisation.
    Torchinfo,
}

/// A kind of layer that most tools do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Batch normalisation.
    BatchNorm,
    /// ReLU.
    Relu,
    /// Pooling: one per value inside a window, so fewer at the edges of the map. The filter of a blur counts as multiply-accumulates.
    Pooling,
    /// The additions of path A and path B.
    Addition,
}

impl Extra {
    /// In the order of the page's options.
    pub const ALL: [Self; 4] = [Self::BatchNorm, Self::Relu, Self::Pooling, Self::Addition];

    /// The name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchNorm => "bn",
            Self::Relu => "relu",
            Self::Pooling => "pool",
            Self::Addition => "add",
        }
    }

    /// The name as displayed.
    pub fn title(self) -> &'static str {
        match self {
            Self::BatchNorm => "BN",
            Self::Relu => "ReLU",
            Self::Pooling => "pooling",
            Self::Addition => "additions",
        }
    }
}

/// A set of [`Extra`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras(u8);

impl Extras {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// Every extra.
    pub const ALL: Self = Self(15);

    /// Whether the set contains `extra`.
    pub fn has(self, extra: Extra) -> bool {
        self.0 & (1 << extra as u8) != 0
    }

    /// The set with `extra` added, or removed if it was there.
    #[must_use]
    pub fn toggled(self, extra: Extra) -> Self {
        Self(self.0 ^ (1 << extra as u8))
    }

    fn each(self) -> impl Iterator<Item = Extra> {
        Extra::ALL.into_iter().filter(move |&extra| self.has(extra))
    }
}

impl Convention {
    /// In the order of the page's options, without extras.
    pub const ALL: [Self; 4] = [Self::Macs(Extras::NONE), Self::Flops(Extras::NONE), Self::Fvcore, Self::Torchinfo];

    /// The name in a link: `macs`, `flops-bn-relu`, `fvcore`.
    pub fn name(self) -> String {
        let extras: String = self.extras().unwrap_or_default().each().map(|extra| format!("-{}", extra.name())).collect();
        format!("{}{extras}", self.base())
    }

    /// Parses what [`Convention::name`] returns.
    pub fn named(name: &str) -> Option<Self> {
        let (base, extras) = name.split_once('-').map_or((name, None), |(base, extras)| (base, Some(extras)));
        let base = Self::ALL.into_iter().find(|known| known.base() == base)?;
        let Some(extras) = extras else { return Some(base) };
        let mut with = base.extras()?;
        for extra in extras.split('-') {
            let extra = Extra::ALL.into_iter().find(|known| known.name() == extra && !with.has(*known))?;
            with = with.toggled(extra);
        }
        Some(base.with(with))
    }

    /// The name without the extras.
    pub fn base(self) -> &'static str {
        match self {
            Self::Macs(_) => "macs",
            Self::Flops(_) => "flops",
            Self::Fvcore => "fvcore",
            Self::Torchinfo => "torchinfo",
        }
    }

    /// The extras; `None` for a tool's convention, which fixes them.
    pub fn extras(self) -> Option<Extras> {
        match self {
            Self::Macs(extras) | Self::Flops(extras) => Some(extras),
            Self::Fvcore | Self::Torchinfo => None,
        }
    }

    /// The convention with these extras; a tool's convention is unchanged.
    #[must_use]
    pub fn with(self, extras: Extras) -> Self {
        match self {
            Self::Macs(_) => Self::Macs(extras),
            Self::Flops(_) => Self::Flops(extras),
            tool => tool,
        }
    }

    /// The name as displayed: `MACs`, `FLOPs with BN, ReLU`.
    pub fn title(self) -> String {
        let extras: Vec<&str> = self.extras().unwrap_or_default().each().map(Extra::title).collect();
        let with = if extras.is_empty() { String::new() } else { format!(" with {}", extras.join(", ")) };
        match self {
            Self::Macs(_) => format!("MACs{with}"),
            Self::Flops(_) if extras.is_empty() => "FLOPs = 2 × MACs".into(),
            Self::Flops(_) => format!("FLOPs{with}"),
            Self::Fvcore => "fvcore's flops".into(),
            Self::Torchinfo => "torchinfo's mult-adds".into(),
        }
    }

    /// Which tools and papers use this convention, in a sentence.
    pub fn users(self) -> &'static str {
        match self {
            Self::Macs(Extras::NONE) => {
                "Multiply-accumulates of convolutions and fc: the \"FLOPs\" of He et al. 2015 and 2019, and torchvision's GFLOPS."
            }
            Self::Flops(Extras::NONE) => {
                "Twice the MACs of convolutions and fc: PyTorch's FlopCounterMode, which counts a blur's fixed filter too, and TensorFlow's profiler for the same layers."
            }
            Self::Macs(_) => {
                "MACs of convolutions and fc, and one for each value that BN, ReLU or an addition puts out or a pooling reads."
            }
            Self::Flops(_) => {
                "Two for each MAC and each normalised value, one for each ReLU, addition and value that a pooling reads."
            }
            Self::Fvcore => {
                "fvcore's FlopCountAnalysis, and timm's GMACs: MACs, plus two for each normalised value, one for each that global pooling reads, and a blur's fixed filter."
            }
            Self::Torchinfo => {
                "torchinfo's total mult-adds: MACs, plus the classifier's bias and the parameters of every normalisation."
            }
        }
    }

    /// Operations of one layer.
    pub fn count(self, graph: &Graph, node: &Node) -> u64 {
        let out = node.shape.elements();
        let read = || node.inputs.first().map_or(0, |&i| graph.nodes[i].shape.elements());
        let by_windows = || match (node.op, node.op.window(), node.inputs.first()) {
            (Op::MaxPool(_) | Op::AvgPool(_), Some(window), Some(&i)) => reads(window, graph.nodes[i].shape, node.shape),
            _ => 0,
        };
        let macs = macs(graph, node);
        match (self, node.op) {
            (Self::Macs(extras), op) => macs + extra(extras, op, (out, read(), by_windows()), 1),
            (Self::Flops(extras), op) => 2 * macs + extra(extras, op, (out, read(), by_windows()), 2),
            (Self::Fvcore, Op::BatchNorm) => 2 * out,
            (Self::Fvcore, Op::GlobalAvgPool) => read(),
            (Self::Fvcore, Op::BlurPool(p)) => out * (p.kernel * p.kernel) as u64,
            (Self::Torchinfo, Op::BatchNorm | Op::Linear) => macs + if node.op == Op::Linear { out } else { params(graph, node) },
            (Self::Fvcore | Self::Torchinfo, _) => macs,
        }
    }
}

/// Values read by all windows over a map of the shape `from`, across positions and channels; padding does not count.
fn reads(window: Window, from: Shape, out: Shape) -> u64 {
    let reads = Reads::of_window(window, (from.height, from.width), (out.height, out.width));
    let sum = |axis: &[u32]| axis.iter().map(|&n| u64::from(n)).sum::<u64>();
    from.channels as u64 * sum(&reads.rows) * sum(&reads.columns)
}

/// Operations of a layer that most tools do not count. The layer writes `out` values, reads `read`, and its windows read `by_windows`;
/// `mac` is what one multiply-accumulate counts.
fn extra(extras: Extras, op: Op, (out, read, by_windows): (u64, u64, u64), mac: u64) -> u64 {
    match op {
        Op::BatchNorm if extras.has(Extra::BatchNorm) => mac * out,
        Op::Relu if extras.has(Extra::Relu) => out,
        Op::Add if extras.has(Extra::Addition) => out,
        Op::MaxPool(_) | Op::AvgPool(_) if extras.has(Extra::Pooling) => by_windows,
        Op::BlurPool(p) if extras.has(Extra::Pooling) => mac * out * (p.kernel * p.kernel) as u64,
        Op::GlobalAvgPool if extras.has(Extra::Pooling) => read,
        _ => 0,
    }
}

/// Multiply-accumulates of one layer; 0 except for convolutions and the classifier.
pub fn macs(graph: &Graph, node: &Node) -> u64 {
    match node.op {
        Op::Conv(c) => node.shape.elements() * (c.in_channels / c.groups) as u64 * (c.kernel * c.kernel) as u64,
        Op::Linear => node.inputs.iter().map(|&i| graph.nodes[i].shape.elements() * node.shape.elements()).sum(),
        _ => 0,
    }
}

/// The product that gives a layer's multiply-accumulates: rows × columns × channels out × kernel × channels in.
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
    /// Of [`Totals::macs`], those whose result is never read.
    pub dead_macs: u64,
}

/// The totals of a network.
pub fn totals(graph: &Graph) -> Totals {
    Totals {
        params: graph.nodes.iter().map(|node| params(graph, node)).sum(),
        macs: graph.nodes.iter().map(|node| macs(graph, node)).sum(),
        dead_macs: dead_macs(graph).iter().sum(),
    }
}

/// For each layer, the multiply-accumulates at positions that no later layer reads.
pub fn dead_macs(graph: &Graph) -> Vec<u64> {
    let live = coverage::live(graph);
    let dead = |(node, live): (&Node, &coverage::Mask)| {
        let positions = node.shape.positions();
        macs(graph, node) / positions * (positions - live.count())
    };
    graph.nodes.iter().zip(&live).map(dead).collect()
}

/// The four sizes at the end of `torchsummary.summary`, in units of 2^20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TorchSummary {
    /// The input.
    pub input_mb: f64,
    /// Every module's output, counted twice: forward and gradient.
    pub forward_backward_mb: f64,
    /// The parameters.
    pub params_mb: f64,
    /// The sum of the three.
    pub total_mb: f64,
}

/// One row of `torchsummary.summary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TorchSummaryRow {
    /// PyTorch's class.
    pub class: &'static str,
    /// The id of the layer or of the block.
    pub id: String,
    /// Output shape without the batch: `[C, H, W]`, `[C]` for the classifier.
    pub shape: Vec<usize>,
    /// Learned parameters; a block repeats the sum of its layers.
    pub params: u64,
}

/// The rows of torchsummary 1.5.1 over torchvision's module tree: one per call of a leaf module and one per residual block. The addition is
/// no module and has no row.
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
            // This class is timm's; the others are PyTorch's.
            Op::AvgPool(p) if p.end_padding > 0 => "AvgPool2dSame",
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

/// The sizes at the end of `torchsummary.summary`, from the sum of its rows. Values are float32.
pub fn torchsummary(graph: &Graph) -> TorchSummary {
    const MB: f64 = 1024.0 * 1024.0;
    let values: u64 = torchsummary_rows(graph).iter().map(|row| row.shape.iter().map(|&n| n as u64).product::<u64>()).sum();
    let input_mb = graph.nodes[0].shape.elements() as f64 * 4.0 / MB;
    let forward_backward_mb = 2.0 * values as f64 * 4.0 / MB;
    let params_mb = totals(graph).params as f64 * 4.0 / MB;
    TorchSummary { input_mb, forward_backward_mb, params_mb, total_mb: input_mb + forward_backward_mb + params_mb }
}

/// The full output of `torchsummary.summary` 1.5.1 for this network, character for character.
pub fn torchsummary_text(graph: &Graph) -> String {
    let rule = "-".repeat(64);
    let double = "=".repeat(64);
    let mut out = format!("{rule}\n{:>20}  {:>25} {:>15}\n{double}\n", "Layer (type)", "Output Shape", "Param #");
    for (index, row) in torchsummary_rows(graph).iter().enumerate() {
        let dims: Vec<String> = std::iter::once("-1".to_string()).chain(row.shape.iter().map(usize::to_string)).collect();
        let shape = format!("[{}]", dims.join(", "));
        out += &format!("{:>20}  {shape:>25} {:>15}\n", format!("{}-{}", row.class, index + 1), grouped(row.params));
    }
    let foot = torchsummary(graph);
    let params = grouped(totals(graph).params);
    out += &format!("{double}\nTotal params: {params}\nTrainable params: {params}\nNon-trainable params: 0\n{rule}\n");
    out += &format!("Input size (MB): {:.2}\nForward/backward pass size (MB): {:.2}\n", foot.input_mb, foot.forward_backward_mb);
    out + &format!("Params size (MB): {:.2}\nEstimated Total Size (MB): {:.2}\n{rule}\n", foot.params_mb, foot.total_mb)
}
