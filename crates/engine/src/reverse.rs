//! The backward pass: gradients by the chain rule, layer by layer.
//!
//! It runs on the CPU whatever device computed the outputs: a request covers one unit or a few classes.

use super::EngineError;
use super::params::{fold_bn, norm_scale};
use super::plan::{FusedConv, Step};
use stridescope_arch::coverage::taps;
use stridescope_arch::graph::Window;
use stridescope_arch::{Conv, Graph, Op};
use stridescope_kernels::{self as kernels, Epilogue, Filters, convolve};
use stridescope_weights::Checkpoint;

/// The output of a layer, or a gradient with respect to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// `[N, C, H, W]`.
    pub dims: [usize; 4],
    /// Row-major.
    pub values: Vec<f32>,
}

impl Map {
    /// Zeros of that shape.
    pub fn zeros(dims: [usize; 4]) -> Self {
        Self { dims, values: vec![0.0; dims.iter().product()] }
    }
}

/// A forward pass, ready for the backward pass.
pub struct Reverse<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Its weights.
    pub checkpoint: &'a Checkpoint,
    /// The computed steps, in order.
    pub steps: &'a [Step],
    /// The outputs of one image, by layer: those of every step between the ends of the backward pass, both included.
    pub outputs: &'a [Option<Map>],
    /// Called before each layer.
    pub each: Option<fn()>,
}

impl Reverse<'_> {
    /// The gradient, with respect to the output of layer `to`, of the sum of `seed` times the output of layer `from`. A batch of seeds
    /// returns a batch of gradients.
    pub fn gradient(&self, (from, seed): (usize, Map), to: usize) -> Result<Map, EngineError> {
        let mut gradients: Vec<Option<Map>> = vec![None; self.graph.nodes.len()];
        let batch = seed.dims[0];
        gradients[from] = Some(seed);
        for step in self.steps.iter().rev().filter(|step| step.output() > to) {
            let Some(mut gradient) = gradients[step.output()].take() else { continue };
            self.each.inspect(|each| each());
            match step {
                Step::Conv(fused) => {
                    if fused.relu {
                        where_positive(&mut gradient, self.output(fused.output)?);
                    }
                    if let Some(norm) = fused.norm.filter(|_| fused.conv == to) {
                        scale(&mut gradient, &norm_scale(self.graph, self.checkpoint, norm)?);
                        return Ok(gradient);
                    }
                    let input = self.graph.nodes[fused.conv].inputs[0];
                    if input >= to {
                        let [_, channels, height, width] = self.output(input)?.dims;
                        let past = self.through_conv(fused, &gradient, [batch, channels, height, width])?;
                        add(&mut gradients[input], past);
                    }
                    if let Some(other) = fused.add.filter(|&other| other >= to) {
                        add(&mut gradients[other], gradient);
                    }
                }
                Step::Layer(index) => {
                    let inputs = &self.graph.nodes[*index].inputs;
                    for &input in inputs.iter().filter(|&&input| input >= to) {
                        let past = self.through_layer(*index, gradient.clone(), self.output(input)?)?;
                        add(&mut gradients[input], past);
                    }
                }
            }
        }
        let [_, channels, height, width] = self.output(to)?.dims;
        Ok(gradients[to].take().unwrap_or_else(|| Map::zeros([batch, channels, height, width])))
    }

    fn output(&self, index: usize) -> Result<&Map, EngineError> {
        let missing = || EngineError::NoSuchNode(self.graph.nodes[index].id.clone());
        self.outputs.get(index).and_then(Option::as_ref).ok_or_else(missing)
    }

    /// Backward through a convolution: a convolution with flipped kernels over the gradient, with zeros inserted for the stride.
    fn through_conv(&self, fused: &FusedConv, gradient: &Map, into: [usize; 4]) -> Result<Map, EngineError> {
        let node = &self.graph.nodes[fused.conv];
        let Op::Conv(conv) = node.op else { return Err(EngineError::NoSuchNode(node.id.clone())) };
        let (weight, _) = fold_bn(self.graph, self.checkpoint, fused.conv, fused.norm)?;
        let plain = Epilogue { add: None, relu: false };
        let reach = conv.dilation * (conv.kernel - 1);
        // Packed for one use, since transforming takes longer than it saves. It also gives an exact zero to inputs that no output reads,
        // which Winograd does not.
        let filters = |padding| {
            let window = kernels::Window { kernel: conv.kernel, stride: 1, padding, dilation: conv.dilation };
            Filters::pack(&mirrored(&weight, &conv), &vec![0.0; conv.in_channels], conv.groups, window)
        };
        if conv.kernel == 1 && conv.padding == 0 {
            // With a 1x1 kernel, every output reads a single input: insert the zeros after the convolution, not before.
            let dims = [into[0], conv.in_channels, gradient.dims[2], gradient.dims[3]];
            let values = convolve(&gradient.values, gradient.dims, &filters(0), plain);
            return Ok(spread(&Map { dims, values }, conv.stride, (into[2], into[3])));
        }
        let apart = |len: usize| len + 2 * conv.padding - reach;
        let spread = spread(gradient, conv.stride, (apart(into[2]), apart(into[3])));
        let values = convolve(&spread.values, spread.dims, &filters(reach - conv.padding), plain);
        Ok(Map { dims: into, values })
    }

    /// Backward through any other layer, to the input whose values are `input`.
    fn through_layer(&self, index: usize, mut gradient: Map, input: &Map) -> Result<Map, EngineError> {
        let node = &self.graph.nodes[index];
        let [batch, channels, height, width] = [gradient.dims[0], input.dims[1], input.dims[2], input.dims[3]];
        let dims = [batch, channels, height, width];
        Ok(match node.op {
            Op::Relu => {
                where_positive(&mut gradient, self.output(index)?);
                gradient
            }
            Op::MaxPool(_) | Op::AvgPool(_) | Op::BlurPool(_) => match node.op.window() {
                Some(window) => through_window(&node.op, window, &gradient, input),
                None => gradient,
            },
            Op::GlobalAvgPool => {
                let share = 1.0 / (height * width) as f32;
                let values = gradient.values.iter().flat_map(|g| std::iter::repeat_n(g * share, height * width)).collect();
                Map { dims, values }
            }
            Op::Linear => {
                let weight = self.checkpoint.values(&format!("{}.weight", node.id))?;
                let features = channels * height * width;
                let mut past = Map::zeros(dims);
                let classes = gradient.dims[1];
                for (past, gradient) in past.values.chunks_mut(features).zip(gradient.values.chunks(classes)) {
                    for (row, &g) in weight.chunks(features).zip(gradient).filter(|(_, g)| **g != 0.0) {
                        past.iter_mut().zip(row).for_each(|(p, w)| *p += g * w);
                    }
                }
                past
            }
            Op::BatchNorm => {
                scale(&mut gradient, &norm_scale(self.graph, self.checkpoint, index)?);
                gradient
            }
            Op::Add | Op::Input | Op::Conv(_) => gradient,
        })
    }
}

/// Adds to a sum that may not exist yet.
fn add(sum: &mut Option<Map>, more: Map) {
    match sum {
        Some(sum) => sum.values.iter_mut().zip(&more.values).for_each(|(a, b)| *a += b),
        None => *sum = Some(more),
    }
}

/// Backward through a ReLU: zero where its output is zero.
fn where_positive(gradient: &mut Map, output: &Map) {
    for gradient in gradient.values.chunks_mut(output.values.len().max(1)) {
        gradient.iter_mut().zip(&output.values).filter(|(_, y)| **y <= 0.0).for_each(|(g, _)| *g = 0.0);
    }
}

fn scale(gradient: &mut Map, by: &[f64]) {
    let positions = gradient.dims[2] * gradient.dims[3];
    for (plane, values) in gradient.values.chunks_mut(positions.max(1)).enumerate() {
        let by = by.get(plane % by.len().max(1)).copied().unwrap_or(1.0) as f32;
        values.iter_mut().for_each(|g| *g *= by);
    }
}

/// `[C_out, C_in / groups, k, k]` as `[C_in, C_out / groups, k, k]`, each kernel rotated by 180 degrees.
fn mirrored(weight: &[f32], conv: &Conv) -> Vec<f32> {
    let (per_in, per_out) = (conv.in_channels / conv.groups, conv.out_channels / conv.groups);
    let taps = conv.kernel * conv.kernel;
    let mut turned = Vec::with_capacity(weight.len());
    for input in 0..conv.in_channels {
        let group = input / per_in;
        for out in group * per_out..(group + 1) * per_out {
            let start = (out * per_in + input % per_in) * taps;
            turned.extend(weight[start..start + taps].iter().rev());
        }
    }
    turned
}

/// Places the positions `stride` apart on a larger map of zeros.
fn spread(map: &Map, stride: usize, (height, width): (usize, usize)) -> Map {
    let [batch, channels, rows, columns] = map.dims;
    if (rows, columns) == (height, width) {
        return map.clone();
    }
    let mut wide = Map::zeros([batch, channels, height, width]);
    for (wide, map) in wide.values.chunks_mut(height * width).zip(map.values.chunks(rows * columns)) {
        for (y, row) in map.chunks(columns).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                wide[y * stride * width + x * stride] = value;
            }
        }
    }
    wide
}

/// Backward through a pooling of one image.
fn through_window(op: &Op, window: Window, gradient: &Map, input: &Map) -> Map {
    let [batch, channels, out_height, out_width] = gradient.dims;
    let [_, _, height, width] = input.dims;
    let mut past = Map::zeros([batch, channels, height, width]);
    // All channels share the same taps.
    let axis = |len: usize, out: usize| (0..out).map(|o| taps(window, len, o).collect::<Vec<_>>()).collect::<Vec<_>>();
    let (rows, columns) = (axis(height, out_height), axis(width, out_width));
    let binomial = [0.25f32, 0.5, 0.25];
    let counts_zeros = matches!(op, Op::AvgPool(pool) if pool.end_padding > 0);
    let planes = past.values.chunks_mut(height * width).zip(gradient.values.chunks(out_height * out_width));
    for (plane, (past, gradient)) in planes.enumerate() {
        let map = &input.values[(plane % channels) * height * width..][..height * width];
        for (out, &g) in gradient.iter().enumerate().filter(|(_, g)| **g != 0.0) {
            let (rows, columns) = (&rows[out / out_width], &columns[out % out_width]);
            let places = rows.iter().flat_map(|y| columns.iter().map(move |x| y * width + x));
            match op {
                Op::MaxPool(_) => {
                    // The first of equal maxima, as in PyTorch.
                    let first = places.reduce(|best, at| if map[at] > map[best] { at } else { best });
                    first.into_iter().for_each(|at| past[at] += g);
                }
                Op::BlurPool(_) => {
                    for (y, vertical) in rows.iter().zip(binomial) {
                        columns.iter().zip(binomial).for_each(|(x, across)| past[y * width + x] += g * vertical * across);
                    }
                }
                _ => {
                    // The mean covers values inside the map, plus zeros after its end if they count.
                    let values = if counts_zeros { window.kernel * window.kernel } else { rows.len() * columns.len() };
                    let share = g / values.max(1) as f32;
                    places.for_each(|at| past[at] += share);
                }
            }
        }
    }
    past
}
