//! Traces a change: runs a pass without and with edits side by side and finds which values differ.
//!
//! The result holds for exact arithmetic, not for a device's rounding: a Winograd convolution also moves the last bits of values that read
//! nothing changed, and a small change can vanish in the rounding of a large sum. A value differs
//!
//! - if it is edited to another value;
//! - if it reads one that differs ([`Reach::through`]), unless all weights involved are zero;
//! - but not after a ReLU that returns zero both times;
//! - and not after a max pooling whose maxima, both times, do not differ.
//!
//! Only signs and comparisons come from the device, so every device finds the same set, and so does float64 (`tests/reach.rs`). Not
//! covered: changes that cancel each other to the last bit.

use super::EngineError;
use super::network::{Network, Output, Tap};
use super::params::{fold_bn, norm_scale};
use super::pass::Edit;
use super::plan::{Step, plan};
use burn::tensor::{Tensor, TensorData};
use stridescope_arch::coverage::taps;
use stridescope_arch::graph::Window;
use stridescope_arch::reach::Reach;
use stridescope_arch::{Op, Shape};

/// The result of [`Network::trace`].
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Logits without the edits, `[1, classes]`.
    pub before: Vec<f32>,
    /// Logits with the edits, `[1, classes]`.
    pub after: Vec<f32>,
    /// The tapped layers, in the order of the request.
    pub taps: Vec<TracedTap>,
}

/// The output of one layer, without and with the edits.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedTap {
    /// Without the edits, `[1, C, H, W]`.
    pub before: Tap,
    /// With the edits, same shape.
    pub after: Vec<f32>,
    /// The values that differ in exact arithmetic.
    pub reach: Reach,
}

impl TracedTap {
    /// The change of each value: exactly zero where it does not differ; the smallest positive number where it differs by less than float32
    /// can represent.
    pub fn differences(&self) -> Vec<f32> {
        let difference = |((before, after), differs): ((&f32, &f32), &bool)| match after - before {
            _ if !differs => 0.0,
            0.0 => f32::MIN_POSITIVE,
            difference => difference,
        };
        self.before.values.iter().zip(&self.after).zip(&self.reach.set).map(difference).collect()
    }
}

impl From<Trace> for Output {
    /// The logits without and with the edits, as two rows; the taps as [`TracedTap::differences`].
    fn from(trace: Trace) -> Self {
        let differences = |tap: TracedTap| Tap { values: tap.differences(), ..tap.before };
        Self {
            logits: [trace.before, trace.after].concat(),
            taps: trace.taps.into_iter().map(differences).collect(),
            means: Vec::new(),
            cams: Vec::new(),
            gradients: Vec::new(),
        }
    }
}

/// A layer's output without the edits, with them if any earlier layer changed, and which values differ.
#[derive(Clone)]
struct Pair {
    before: Tensor<4>,
    after: Option<Tensor<4>>,
    reach: Reach,
}

impl Pair {
    fn after(&self) -> Tensor<4> {
        self.after.clone().unwrap_or_else(|| self.before.clone())
    }
}

impl Network {
    /// Runs the network on one image, `[1, C, H, W]` input values with the height and width of `size`, without and with `edits`, with the
    /// same kernels in the same order. Calls `each` before each layer.
    ///
    /// # Errors
    /// If the input has the wrong number of values, a layer does not exist, or the device fails.
    pub async fn trace(
        &self,
        input: &[f32],
        size: (usize, usize),
        taps: &[&str],
        edits: &[Edit],
        each: Option<fn()>,
    ) -> Result<Trace, EngineError> {
        let graph = self.graph();
        let dims = [1, graph.spec.channels, size.0, size.1];
        let wanted = dims.iter().product();
        if input.len() != wanted || wanted == 0 {
            return Err(EngineError::Input { wanted, found: input.len() });
        }
        let find = |id: &str| graph.find(id).ok_or_else(|| EngineError::NoSuchNode(id.into()));
        let tapped = taps.iter().map(|id| find(id)).collect::<Result<Vec<_>, _>>()?;
        let changed = edits.iter().map(|edit| find(&edit.node)).collect::<Result<Vec<_>, _>>()?;
        let edits: Vec<(usize, &Edit)> = changed.iter().copied().zip(edits).collect();
        let steps = plan(graph, &[&tapped[..], &changed].concat(), &changed);

        let last = graph.nodes.len() - 1;
        let mut readers = vec![0usize; graph.nodes.len()];
        for index in steps.iter().flat_map(|step| step.reads(graph)).chain([last]) {
            readers[index] += 1;
        }
        let mut pairs: Vec<Option<Pair>> = vec![None; graph.nodes.len()];
        let mut found: Vec<Option<TracedTap>> = vec![None; tapped.len()];
        let picture = Tensor::from_data(TensorData::new(input.to_vec(), dims), &self.backend().device());
        let picture = Pair { before: picture, after: None, reach: Reach::none(shape(dims)) };
        for step in std::iter::once(None).chain(steps.iter().map(Some)) {
            let (index, mut pair) = match step {
                None => (0, picture.clone()),
                Some(step) => {
                    each.inspect(|each| each());
                    let reads = step.reads(graph).map(|index| {
                        readers[index] -= 1;
                        let pair = if readers[index] == 0 { pairs[index].take() } else { pairs[index].clone() };
                        pair.ok_or_else(|| EngineError::NoSuchNode(graph.nodes[index].id.clone()))
                    });
                    (step.output(), self.paired(step, reads.collect::<Result<_, _>>()?).await?)
                }
            };
            for (_, edit) in edits.iter().filter(|(at, _)| *at == index) {
                self.change(&mut pair, edit).await?;
            }
            for (tap, _) in found.iter_mut().zip(&tapped).filter(|(_, at)| **at == index) {
                *tap = Some(self.traced(&pair, graph.nodes[index].id.clone()).await?);
            }
            pairs[index] = Some(pair);
        }
        let logits = pairs[last].take().ok_or_else(|| EngineError::NoSuchNode("fc".into()))?;
        let TracedTap { before, after, .. } = self.traced(&logits, String::new()).await?;
        let named = found.into_iter().flatten().zip(taps);
        let taps = named.map(|(tap, id)| TracedTap { before: Tap { id: (*id).into(), ..tap.before }, ..tap }).collect();
        Ok(Trace { before: before.values, after, taps })
    }

    /// Computes a step for both variants.
    async fn paired(&self, step: &Step, reads: Vec<Pair>) -> Result<Pair, EngineError> {
        let before = self.step(step, reads.iter().map(|pair| pair.before.clone()).collect()).await?;
        let after = if reads.iter().any(|pair| pair.after.is_some()) {
            Some(self.step(step, reads.iter().map(Pair::after).collect()).await?)
        } else {
            None
        };
        let mut pair = Pair { reach: Reach::none(shape(before.dims())), before, after };
        if reads.iter().any(|pair| !pair.reach.is_empty()) {
            self.propagate(step, &reads, &mut pair).await?;
        }
        Ok(pair)
    }

    /// Finds which values of a step's output differ.
    async fn propagate(&self, step: &Step, reads: &[Pair], pair: &mut Pair) -> Result<(), EngineError> {
        let (graph, checkpoint) = (self.graph(), self.checkpoint());
        let shape = pair.reach.shape;
        let [first, others @ ..] = reads else { return Ok(()) };
        let is_relu = match step {
            Step::Conv(fused) => {
                pair.reach = Reach::through(&graph.nodes[fused.conv].op, shape, &[&first.reach]);
                let (weight, _) = fold_bn(graph, checkpoint, fused.conv, fused.norm)?;
                pair.reach.without(has_zero_weights(&weight, shape.channels));
                let added: Vec<&Reach> = std::iter::once(&pair.reach).chain(others.iter().map(|other| &other.reach)).collect();
                pair.reach = Reach::through(&Op::Add, shape, &added);
                fused.relu
            }
            Step::Layer(index) => {
                let node = &graph.nodes[*index];
                let inputs: Vec<&Reach> = reads.iter().map(|pair| &pair.reach).collect();
                pair.reach = Reach::through(&node.op, shape, &inputs);
                match (node.op, node.op.window()) {
                    (Op::BatchNorm, _) => {
                        let scale = norm_scale(graph, checkpoint, *index)?;
                        pair.reach.without(|channel| scale.get(channel) == Some(&0.0));
                    }
                    (Op::Linear, _) => {
                        let weight = checkpoint.values(&format!("{}.weight", node.id))?;
                        pair.reach.without(has_zero_weights(&weight, shape.channels));
                    }
                    (Op::MaxPool(_), Some(window)) => {
                        let (before, after) = (self.read(first.before.clone()).await?, self.read(first.after()).await?);
                        remove_unchanged_maxima(window, (&before, &after), &first.reach, &mut pair.reach);
                    }
                    _ => {}
                }
                node.op == Op::Relu
            }
        };
        if is_relu {
            let (before, after) = (self.read(pair.before.clone()).await?, self.read(pair.after()).await?);
            for (set, (before, after)) in pair.reach.set.iter_mut().zip(before.iter().zip(&after)) {
                *set &= *before != 0.0 || *after != 0.0;
            }
        }
        Ok(())
    }

    /// Applies an edit to a layer's output and updates which values differ.
    async fn change(&self, pair: &mut Pair, edit: &Edit) -> Result<(), EngineError> {
        let (dims, device) = (pair.before.dims(), pair.before.device());
        let before = self.read(pair.before.clone()).await?;
        let mut values = self.read(pair.after()).await?;
        edit.apply(&mut values, dims);
        let [_, _, height, width] = dims;
        let is_in = |at: usize| edit.positions.at(at / width % height, at % width);
        for (at, set) in pair.reach.set.iter_mut().enumerate().filter(|(at, _)| is_in(*at)) {
            *set = before.get(at) != values.get(at);
        }
        pair.after = Some(Tensor::from_data(TensorData::new(values, dims), &device));
        Ok(())
    }

    async fn traced(&self, pair: &Pair, id: String) -> Result<TracedTap, EngineError> {
        let before = Tap { id, shape: pair.before.dims(), values: self.read(pair.before.clone()).await? };
        let after = match &pair.after {
            Some(after) => self.read(after.clone()).await?,
            None => before.values.clone(),
        };
        Ok(TracedTap { before, after, reach: pair.reach.clone() })
    }
}

fn shape([_, channels, height, width]: [usize; 4]) -> Shape {
    Shape { channels, height, width }
}

/// Whether all weights of a filter are zero, as with a batch normalisation of weight zero: its output is then constant.
fn has_zero_weights(weight: &[f32], filters: usize) -> impl Fn(usize) -> bool {
    let length = (weight.len() / filters.max(1)).max(1);
    move |filter| weight.chunks(length).nth(filter).is_some_and(|weights| weights.iter().all(|&weight| weight == 0.0))
}

/// Removes from `out` the maxima that do not differ: those of windows whose largest differing value is, both times, smaller than the
/// largest value that does not differ.
fn remove_unchanged_maxima(window: Window, (before, after): (&[f32], &[f32]), read: &Reach, out: &mut Reach) {
    let (from, to) = (read.shape, out.shape);
    let positions = from.height * from.width;
    for (at, set) in out.set.iter_mut().enumerate().filter(|(_, set)| **set) {
        let start = at / (to.height * to.width) * positions;
        let (mut same, mut differing) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for y in taps(window, from.height, at / to.width % to.height) {
            for x in taps(window, from.width, at % to.width) {
                let place = start + y * from.width + x;
                let value = |values: &[f32]| values.get(place).copied().unwrap_or(f32::NEG_INFINITY);
                if read.set.get(place) == Some(&true) {
                    differing = differing.max(value(before)).max(value(after));
                } else {
                    same = same.max(value(before));
                }
            }
        }
        *set = differing > same;
    }
}
