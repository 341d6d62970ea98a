//! Lowers switches to layers. Structure and names follow timm's `resnet.py`; the variants are those of arXiv 1812.01187, figure 2.

use super::graph::{Block, Conv, Graph, Node, Op, Path, Place, Pool, Shape};
use super::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Input, Shortcut, SpecError, Stem, StrideOn};

/// Lowers a description to its layers for one input size.
///
/// # Errors
/// If the switches or the input do not describe a network: see [`ArchSpec::check`].
pub fn lower(spec: &ArchSpec, input: Input) -> Result<Graph, SpecError> {
    spec.check(input)?;
    let mut builder = Builder::new(spec, input);
    let mut last = builder.stem(spec);
    let mut dilation = 1;
    for (stage, &count) in spec.layers.iter().enumerate() {
        let is_dilated = stage > 0 && spec.dilate[stage - 1];
        let before = dilation;
        if is_dilated {
            dilation *= 2;
        }
        for index in 0..count {
            let stride = if stage > 0 && index == 0 && !is_dilated { 2 } else { 1 };
            let slide = Slide { stride, before: if index == 0 { before } else { dilation }, dilation };
            last = builder.block(spec, stage, index, slide, last);
        }
    }
    last = builder.push("global_pool".into(), Op::GlobalAvgPool, vec![last], Place::Head);
    builder.linear(last, spec.classes);
    if let Some(error) = builder.error {
        return Err(error);
    }
    Ok(Graph { spec: spec.clone(), input, nodes: builder.nodes, blocks: builder.blocks })
}

/// The average pooling of timm's anti-aliasing: PyTorch's `AvgPool2d(2)`.
const HALVING: Pool = Pool { kernel: 2, stride: 2, padding: 0, end_padding: 0, ceil_mode: false };
/// The average pooling of ResNet-D's shortcut: `AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)`.
const SHORTCUT: Pool = Pool { ceil_mode: true, ..HALVING };
/// The same pooling in a dilated stage: timm's `AvgPool2dSame(2, 1)`.
const SAME: Pool = Pool { stride: 1, end_padding: 1, ..HALVING };

/// The output size of PyTorch's `Conv2d`: `floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`.
fn conv_out(size: usize, conv: &Conv) -> usize {
    (size + 2 * conv.padding).saturating_sub(conv.dilation * (conv.kernel - 1) + 1) / conv.stride + 1
}

/// The output size of PyTorch's pooling, rounded up in ceil mode. No pooling here has both ceil mode and padding, so PyTorch's rule that no
/// window starts in the padding never applies.
fn pool_out(size: usize, pool: &Pool) -> usize {
    let room = (size + 2 * pool.padding + pool.end_padding).saturating_sub(pool.kernel);
    (if pool.ceil_mode { room.div_ceil(pool.stride) } else { room / pool.stride }) + 1
}

/// Stride and dilation of a block.
#[derive(Clone, Copy)]
struct Slide {
    stride: usize,
    /// Dilation of the first 3x3. In the first block of a dilated stage it is that of the previous stage (torchvision's
    /// `previous_dilation`, timm's `first_dilation`).
    before: usize,
    /// Dilation of a basic block's second 3x3: always the stage's own (timm, GluonCV; torchvision has no dilated basic block).
    dilation: usize,
}

impl Slide {
    /// Whether the dilation grows in this block: timm's anti-aliasing and ResNet-D's pooling appear here too, with stride 1.
    fn is_widened(self) -> bool {
        self.before != self.dilation
    }
}

struct Builder {
    nodes: Vec<Node>,
    blocks: Vec<Block>,
    /// The first error found.
    error: Option<SpecError>,
}

impl Builder {
    fn new(spec: &ArchSpec, input: Input) -> Self {
        let shape = Shape { channels: spec.channels, height: input.height, width: input.width };
        let node = Node { id: "input".into(), op: Op::Input, inputs: Vec::new(), shape, place: Place::Stem };
        Self { nodes: vec![node], blocks: Vec::new(), error: None }
    }

    /// Adds a layer and infers its output shape from its first input.
    fn push(&mut self, id: String, op: Op, inputs: Vec<usize>, place: Place) -> usize {
        let from = self.nodes[inputs[0]].shape;
        let shape = match &op {
            Op::Conv(c) => Shape { channels: c.out_channels, height: conv_out(from.height, c), width: conv_out(from.width, c) },
            Op::MaxPool(p) | Op::AvgPool(p) | Op::BlurPool(p) => {
                Shape { height: pool_out(from.height, p), width: pool_out(from.width, p), ..from }
            }
            Op::GlobalAvgPool => Shape { height: 1, width: 1, ..from },
            _ => from,
        };
        let side = from.height.min(from.width);
        let reaches = match &op {
            Op::AvgPool(p) if !p.ceil_mode => side + p.end_padding >= p.kernel,
            // The mirrored edge must be narrower than the map.
            Op::BlurPool(p) => side > p.padding,
            _ => true,
        };
        if !reaches && self.error.is_none() {
            self.error = Some(SpecError::TooSmall { node: id.clone(), height: from.height, width: from.width });
        }
        self.nodes.push(Node { id, op, inputs, shape, place });
        self.nodes.len() - 1
    }

    fn linear(&mut self, from: usize, classes: usize) {
        let index = self.push("fc".into(), Op::Linear, vec![from], Place::Head);
        self.nodes[index].shape.channels = classes;
    }

    /// Adds a convolution with the padding that preserves the size at stride 1.
    fn conv(
        &mut self,
        id: String,
        from: usize,
        place: Place,
        out_channels: usize,
        (kernel, stride, dilation, groups): (usize, usize, usize, usize),
    ) -> usize {
        let in_channels = self.nodes[from].shape.channels;
        let conv = Conv { in_channels, out_channels, kernel, stride, padding: dilation * (kernel / 2), dilation, groups };
        self.push(id, Op::Conv(conv), vec![from], place)
    }

    fn stem(&mut self, spec: &ArchSpec) -> usize {
        let widths = spec.stem_widths();
        let mut last = 0;
        if spec.stem == Stem::Conv7 {
            last = self.conv("conv1".into(), last, Place::Stem, spec.width, (7, 2, 1, 1));
        } else {
            // Indices in timm's Sequential: conv 0, bn 1, act 2, conv 3, bn 4, act 5, conv 6; the last bn and act belong to the network
            // itself.
            for (i, &width) in widths.iter().enumerate() {
                last = self.conv(format!("conv1.{}", 3 * i), last, Place::Stem, width, (3, if i == 0 { 2 } else { 1 }, 1, 1));
                if i + 1 < widths.len() {
                    last = self.push(format!("conv1.{}", 3 * i + 1), Op::BatchNorm, vec![last], Place::Stem);
                    last = self.push(format!("conv1.{}", 3 * i + 2), Op::Relu, vec![last], Place::Stem);
                }
            }
        }
        last = self.push("bn1".into(), Op::BatchNorm, vec![last], Place::Stem);
        last = self.push("act1".into(), Op::Relu, vec![last], Place::Stem);
        let pool = Pool { kernel: 3, padding: 1, ..HALVING };
        match spec.anti_alias {
            AntiAlias::None => self.push("maxpool".into(), Op::MaxPool(pool), vec![last], Place::Stem),
            AntiAlias::AvgPool => self.push("maxpool".into(), Op::AvgPool(HALVING), vec![last], Place::Stem),
            AntiAlias::Blur => {
                let dense = Pool { stride: 1, ..pool };
                last = self.push("maxpool.0".into(), Op::MaxPool(dense), vec![last], Place::Stem);
                self.push("maxpool.1".into(), Op::BlurPool(pool), vec![last], Place::Stem)
            }
        }
    }

    /// Adds one residual block and returns the index of its output; `stage` counts from 0.
    fn block(&mut self, spec: &ArchSpec, stage: usize, index: usize, slide: Slide, input: usize) -> usize {
        let Slide { stride, before, dilation } = slide;
        let id = format!("layer{}.{index}", stage + 1);
        let place = |path| Place::Block { stage: stage + 1, block: index, path };
        let planes = spec.planes(stage);
        let out = planes * spec.block.expansion();
        let inner = spec.inner_width(stage);
        let wide = if spec.block == BlockKind::Basic { 1 } else { 2 };
        // With anti-aliasing, the filter has the stride instead of the 3x3 (timm's `use_aa`).
        let smooths = spec.anti_alias != AntiAlias::None && (stride == 2 || slide.is_widened());
        let strided = if smooths { 1 } else { stride };
        // (channels out, kernel, stride, dilation, groups) of each convolution on path A.
        let convs = match (spec.block, spec.stride_on) {
            (BlockKind::Basic, _) => vec![(planes, (3, strided, before, 1)), (out, (3, 1, dilation, 1))],
            (BlockKind::Bottleneck, StrideOn::Conv1) => {
                vec![(inner, (1, strided, 1, 1)), (inner, (3, 1, before, spec.groups)), (out, (1, 1, 1, 1))]
            }
            (BlockKind::Bottleneck, StrideOn::Conv2) => {
                vec![(inner, (1, 1, 1, 1)), (inner, (3, strided, before, spec.groups)), (out, (1, 1, 1, 1))]
            }
        };

        let start = self.nodes.len();
        let mut last = input;
        for (i, &(channels, slide)) in convs.iter().enumerate() {
            let n = i + 1;
            last = self.conv(format!("{id}.conv{n}"), last, place(Path::A), channels, slide);
            last = self.push(format!("{id}.bn{n}"), Op::BatchNorm, vec![last], place(Path::A));
            if n < convs.len() {
                last = self.push(format!("{id}.act{n}"), Op::Relu, vec![last], place(Path::A));
            }
            if smooths && n == wide {
                let op = match spec.anti_alias {
                    AntiAlias::Blur => Op::BlurPool(Pool { kernel: 3, stride, padding: 1, ..HALVING }),
                    _ => Op::AvgPool(Pool { kernel: stride, stride, ..HALVING }),
                };
                last = self.push(format!("{id}.aa"), op, vec![last], place(Path::A));
            }
        }
        let path_a: Vec<usize> = (start..self.nodes.len()).collect();

        let start = self.nodes.len();
        let mut other = input;
        if stride != 1 || self.nodes[input].shape.channels != out {
            // With ResNet-D's shortcut, index 0 is the pooling, or timm's Identity where there is nothing to pool.
            let mut at = 0;
            let mut conv_stride = stride;
            if spec.shortcut == Shortcut::AvgPoolConv {
                let pool = match stride {
                    1 => (slide.is_widened() && spec.dilated_pool == DilatedPool::Same).then_some(SAME),
                    _ => Some(SHORTCUT),
                };
                if let Some(pool) = pool {
                    other = self.push(format!("{id}.downsample.0"), Op::AvgPool(pool), vec![other], place(Path::B));
                }
                conv_stride = 1;
                at = 1;
            }
            other = self.conv(format!("{id}.downsample.{at}"), other, place(Path::B), out, (1, conv_stride, 1, 1));
            other = self.push(format!("{id}.downsample.{}", at + 1), Op::BatchNorm, vec![other], place(Path::B));
        }
        let path_b: Vec<usize> = (start..self.nodes.len()).collect();

        let (a, b) = (self.nodes[last].shape, self.nodes[other].shape);
        let apart = [(a.height, b.height), (a.width, b.width)].into_iter().find(|(a, b)| a != b);
        if let (Some((a, b)), None) = (apart, &self.error) {
            self.error = Some(SpecError::PathsApart { node: format!("{id}.add"), a, b });
        }
        let add = self.push(format!("{id}.add"), Op::Add, vec![last, other], place(Path::Join));
        let output = self.push(format!("{id}.act{}", convs.len()), Op::Relu, vec![add], place(Path::Join));
        self.blocks.push(Block { id, stage: stage + 1, index, input, path_a, path_b, add, output });
        output
    }
}
