//! A network in float64, layer by layer by definition: exact where float32 rounds. Shares only the graph and the checkpoint with the
//! engine.
#![allow(dead_code, clippy::unwrap_used)]

use stridescope_arch::graph::{Node, Op, Window};
use stridescope_arch::{Graph, Shape};
use stridescope_engine::Edit;
use stridescope_weights::Checkpoint;

/// The output of every layer, `[C, H, W]`.
pub type Outputs = Vec<Vec<f64>>;

/// A network and its weights.
pub struct Reference<'a> {
    pub graph: &'a Graph,
    weights: Vec<Vec<Vec<f64>>>,
}

impl<'a> Reference<'a> {
    pub fn new(graph: &'a Graph, checkpoint: &Checkpoint) -> Self {
        let values = |name: &str| checkpoint.values(name).unwrap().into_iter().map(f64::from).collect::<Vec<f64>>();
        let of = |node| graph.node_tensors(node).iter().map(|tensor| values(&tensor.name)).collect();
        Self { graph, weights: graph.nodes.iter().map(of).collect() }
    }

    pub fn run(&self, input: &[f32]) -> Outputs {
        let mut outputs: Outputs = vec![input.iter().map(|&value| f64::from(value)).collect()];
        for index in 1..self.graph.nodes.len() {
            let out = self.layer(index, &outputs);
            outputs.push(out);
        }
        outputs
    }

    /// Runs the network with an edit; `plain` are the outputs without it.
    pub fn edited(&self, plain: &Outputs, at: usize, edit: &Edit) -> Outputs {
        let mut outputs = plain[..=at].to_vec();
        let Shape { channels, height, width } = self.graph.nodes[at].shape;
        // The edit fills in float32, as in the engine.
        let mut filled: Vec<f32> = outputs[at].iter().map(|&value| value as f32).collect();
        edit.apply(&mut filled, [1, channels, height, width]);
        for (place, value) in outputs[at].iter_mut().enumerate() {
            if edit.positions.at(place / width % height, place % width) {
                *value = if *value as f32 == filled[place] { *value } else { f64::from(filled[place]) };
            }
        }
        for index in at + 1..self.graph.nodes.len() {
            let out = self.layer(index, &outputs);
            outputs.push(out);
        }
        outputs
    }

    fn layer(&self, index: usize, outputs: &[Vec<f64>]) -> Vec<f64> {
        let Node { op, inputs, shape, .. } = &self.graph.nodes[index];
        let x = &outputs[inputs[0]];
        let from = self.graph.nodes[inputs[0]].shape;
        let weights = &self.weights[index];
        let positions = from.height * from.width;
        match *op {
            Op::Input => x.clone(),
            Op::Conv(conv) => {
                let (per_group, filters) = (conv.in_channels / conv.groups, conv.out_channels / conv.groups);
                let taps = conv.kernel * conv.kernel;
                windowed(op.window().unwrap(), from, *shape, |filter, places| {
                    let first = filter / filters * per_group;
                    let filter = &weights[0][filter * per_group * taps..][..per_group * taps];
                    let mut sum = 0.0;
                    for channel in 0..per_group {
                        let map = &x[(first + channel) * positions..][..positions];
                        let kernel = &filter[channel * taps..][..taps];
                        places.iter().for_each(|&(tap, place)| sum += kernel[tap] * map[place]);
                    }
                    sum
                })
            }
            Op::BatchNorm => {
                let [gamma, beta, mean, var] = [0, 1, 2, 3].map(|part| &weights[part]);
                let norm = |(at, value): (usize, &f64)| {
                    let channel = at / positions;
                    (value - mean[channel]) / (var[channel] + 1e-5).sqrt() * gamma[channel] + beta[channel]
                };
                x.iter().enumerate().map(norm).collect()
            }
            Op::Relu => x.iter().map(|value| value.max(0.0)).collect(),
            Op::Add => x.iter().zip(&outputs[inputs[1]]).map(|(a, b)| a + b).collect(),
            Op::MaxPool(_) => windowed(op.window().unwrap(), from, *shape, |channel, places| {
                places.iter().map(|&(_, place)| x[channel * positions + place]).fold(f64::NEG_INFINITY, f64::max)
            }),
            // Zeros at the end count in the mean, padding does not.
            Op::AvgPool(pool) => windowed(op.window().unwrap(), from, *shape, |channel, places| {
                let count = if pool.end_padding > 0 { pool.kernel * pool.kernel } else { places.len() };
                places.iter().map(|&(_, place)| x[channel * positions + place]).sum::<f64>() / count as f64
            }),
            Op::BlurPool(_) => windowed(op.window().unwrap(), from, *shape, |channel, places| {
                let binomial = [0.25, 0.5, 0.25];
                places.iter().map(|&(tap, at)| x[channel * positions + at] * binomial[tap / 3] * binomial[tap % 3]).sum()
            }),
            Op::GlobalAvgPool => x.chunks(positions).map(|map| map.iter().sum::<f64>() / positions as f64).collect(),
            Op::Linear => {
                let row = |(row, bias): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias;
                weights[0].chunks(x.len()).zip(&weights[1]).map(row).collect()
            }
        }
    }
}

/// Applies `value` to each window of a channel: the taps inside the map, each with its place.
fn windowed(window: Window, from: Shape, out: Shape, value: impl Fn(usize, &[(usize, usize)]) -> f64) -> Vec<f64> {
    let axis = |len: usize, out: usize| {
        let inside = (0..window.kernel).filter_map(move |tap| {
            let at = (out * window.stride + tap * window.dilation) as isize - window.padding as isize;
            let last = len as isize - 1;
            let at = match at {
                at if window.mirrored && at < 0 => -at,
                at if window.mirrored && at > last => 2 * last - at,
                at => at,
            };
            (0..=last).contains(&at).then_some((tap, at as usize))
        });
        inside.collect::<Vec<_>>()
    };
    let mut values = vec![0.0; out.channels * out.height * out.width];
    for y in 0..out.height {
        for x in 0..out.width {
            let columns = axis(from.width, x);
            let places: Vec<(usize, usize)> = axis(from.height, y)
                .iter()
                .flat_map(|(dy, row)| {
                    columns.iter().map(move |(dx, column)| (dy * window.kernel + dx, row * from.width + column))
                })
                .collect();
            for channel in 0..out.channels {
                values[(channel * out.height + y) * out.width + x] = value(channel, &places);
            }
        }
    }
    values
}

/// The positions at which any channel of a `[C, H, W]` map is in the set.
pub fn at_any_channel(set: &[bool], positions: usize) -> Vec<bool> {
    let mut out = vec![false; positions];
    for (at, set) in set.iter().enumerate() {
        out[at % positions] |= set;
    }
    out
}
