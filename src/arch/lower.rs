//! Switches to layers. Structure and names follow timm's `resnet.py`; the variants are those of arXiv 1812.01187, figure 2.

use super::graph::{Block, Conv, Graph, Node, Op, Path, Place, Pool, Shape};
use super::{ArchSpec, BlockKind, Input, Shortcut, SpecError, Stem, StrideOn};

/// Lowers a description to its layers for one input size.
///
/// # Errors
/// When the switches, or the input, make no network: see [`ArchSpec::check`].
pub fn lower(spec: &ArchSpec, input: Input) -> Result<Graph, SpecError> {
    spec.check(input)?;
    let mut builder = Builder::new(input);
    let mut last = builder.stem(spec);
    for (stage, &count) in spec.layers.iter().enumerate() {
        for index in 0..count {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            last = builder.block(spec, stage, index, stride, last);
        }
    }
    last = builder.push("global_pool".into(), Op::GlobalAvgPool, vec![last], Place::Head);
    builder.linear(last, spec.classes);
    Ok(Graph { spec: spec.clone(), input, nodes: builder.nodes, blocks: builder.blocks })
}

/// `floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`, PyTorch's `Conv2d`.
fn conv_out(size: usize, conv: &Conv) -> usize {
    (size + 2 * conv.padding).saturating_sub(conv.dilation * (conv.kernel - 1) + 1) / conv.stride + 1
}

/// PyTorch's pooling: rounded up in ceil mode, less a last window that would start in the padding.
fn pool_out(size: usize, pool: &Pool) -> usize {
    let room = (size + 2 * pool.padding).saturating_sub(pool.kernel);
    if !pool.ceil_mode {
        return room / pool.stride + 1;
    }
    let out = room.div_ceil(pool.stride) + 1;
    if (out - 1) * pool.stride >= size + pool.padding { out - 1 } else { out }
}

struct Builder {
    nodes: Vec<Node>,
    blocks: Vec<Block>,
}

impl Builder {
    fn new(input: Input) -> Self {
        let shape = Shape { channels: input.channels, height: input.height, width: input.width };
        let node = Node { id: "input".into(), op: Op::Input, inputs: Vec::new(), shape, place: Place::Stem };
        Self { nodes: vec![node], blocks: Vec::new() }
    }

    /// Adds a layer whose output shape follows from its first input.
    fn push(&mut self, id: String, op: Op, inputs: Vec<usize>, place: Place) -> usize {
        let from = self.nodes[inputs[0]].shape;
        let shape = match &op {
            Op::Conv(c) => Shape { channels: c.out_channels, height: conv_out(from.height, c), width: conv_out(from.width, c) },
            Op::MaxPool(p) | Op::AvgPool(p) => Shape { height: pool_out(from.height, p), width: pool_out(from.width, p), ..from },
            Op::GlobalAvgPool => Shape { height: 1, width: 1, ..from },
            _ => from,
        };
        self.nodes.push(Node { id, op, inputs, shape, place });
        self.nodes.len() - 1
    }

    fn linear(&mut self, from: usize, classes: usize) {
        let index = self.push("fc".into(), Op::Linear, vec![from], Place::Head);
        self.nodes[index].shape.channels = classes;
    }

    /// Adds a convolution whose padding keeps the size at stride 1.
    fn conv(
        &mut self,
        id: String,
        from: usize,
        place: Place,
        out_channels: usize,
        (kernel, stride, groups): (usize, usize, usize),
    ) -> usize {
        let in_channels = self.nodes[from].shape.channels;
        let conv = Conv { in_channels, out_channels, kernel, stride, padding: kernel / 2, dilation: 1, groups };
        self.push(id, Op::Conv(conv), vec![from], place)
    }

    fn stem(&mut self, spec: &ArchSpec) -> usize {
        let widths = spec.stem_widths();
        let mut last = 0;
        if spec.stem == Stem::Conv7 {
            last = self.conv("conv1".into(), last, Place::Stem, spec.width, (7, 2, 1));
        } else {
            // timm's Sequential: conv 0, bn 1, act 2, conv 3, bn 4, act 5, conv 6; the last bn and act are the network's own.
            for (i, &width) in widths.iter().enumerate() {
                last = self.conv(format!("conv1.{}", 3 * i), last, Place::Stem, width, (3, if i == 0 { 2 } else { 1 }, 1));
                if i + 1 < widths.len() {
                    last = self.push(format!("conv1.{}", 3 * i + 1), Op::BatchNorm, vec![last], Place::Stem);
                    last = self.push(format!("conv1.{}", 3 * i + 2), Op::Relu, vec![last], Place::Stem);
                }
            }
        }
        last = self.push("bn1".into(), Op::BatchNorm, vec![last], Place::Stem);
        last = self.push("act1".into(), Op::Relu, vec![last], Place::Stem);
        let pool = Pool { kernel: 3, stride: 2, padding: 1, ceil_mode: false };
        self.push("maxpool".into(), Op::MaxPool(pool), vec![last], Place::Stem)
    }

    /// One residual block; `stage` from 0. Returns the index of its output.
    fn block(&mut self, spec: &ArchSpec, stage: usize, index: usize, stride: usize, input: usize) -> usize {
        let id = format!("layer{}.{index}", stage + 1);
        let place = |path| Place::Block { stage: stage + 1, block: index, path };
        let planes = spec.planes(stage);
        let out = planes * spec.block.expansion();
        let inner = spec.inner_width(stage);
        // (channels out, kernel, stride, groups) of each convolution of path A.
        let convs = match (spec.block, spec.stride_on) {
            (BlockKind::Basic, _) => vec![(planes, 3, stride, 1), (out, 3, 1, 1)],
            (BlockKind::Bottleneck, StrideOn::Conv1) => {
                vec![(inner, 1, stride, 1), (inner, 3, 1, spec.groups), (out, 1, 1, 1)]
            }
            (BlockKind::Bottleneck, StrideOn::Conv2) => {
                vec![(inner, 1, 1, 1), (inner, 3, stride, spec.groups), (out, 1, 1, 1)]
            }
        };

        let start = self.nodes.len();
        let mut last = input;
        for (i, &(channels, kernel, stride, groups)) in convs.iter().enumerate() {
            let n = i + 1;
            last = self.conv(format!("{id}.conv{n}"), last, place(Path::A), channels, (kernel, stride, groups));
            last = self.push(format!("{id}.bn{n}"), Op::BatchNorm, vec![last], place(Path::A));
            if n < convs.len() {
                last = self.push(format!("{id}.act{n}"), Op::Relu, vec![last], place(Path::A));
            }
        }
        let path_a: Vec<usize> = (start..self.nodes.len()).collect();

        let start = self.nodes.len();
        let mut other = input;
        if stride != 1 || self.nodes[input].shape.channels != out {
            // With ResNet-D's shortcut index 0 is the pooling, or timm's Identity where there is nothing to pool.
            let mut at = 0;
            let mut conv_stride = stride;
            if spec.shortcut == Shortcut::AvgPoolConv {
                if stride != 1 {
                    let pool = Pool { kernel: 2, stride, padding: 0, ceil_mode: true };
                    other = self.push(format!("{id}.downsample.0"), Op::AvgPool(pool), vec![other], place(Path::B));
                }
                conv_stride = 1;
                at = 1;
            }
            other = self.conv(format!("{id}.downsample.{at}"), other, place(Path::B), out, (1, conv_stride, 1));
            other = self.push(format!("{id}.downsample.{}", at + 1), Op::BatchNorm, vec![other], place(Path::B));
        }
        let path_b: Vec<usize> = (start..self.nodes.len()).collect();

        let add = self.push(format!("{id}.add"), Op::Add, vec![last, other], place(Path::Join));
        let output = self.push(format!("{id}.act{}", convs.len()), Op::Relu, vec![add], place(Path::Join));
        self.blocks.push(Block { id, stage: stage + 1, index, input, path_a, path_b, add, output });
        output
    }
}
