//! Where a change goes: a pass as it is and one with some positions changed, side by side, and which values differ.
//!
//! What differs is said of exact arithmetic, not of what a device happens to round: a convolution by minimal filtering moves, in its last
//! bits, also values that read nothing changed, and a small change can vanish in the rounding of a large sum. A value differs
//!
//! - where it is changed itself, into another value;
//! - where it reads one that differs ([`Reach::through`]), unless all that it is multiplied with is zero;
//! - but not behind a ReLU that puts out zero before and after;
//! - nor behind a max pooling whose largest values, before and after, do not differ.
//!
//! Only signs and comparisons are taken from the device, so that every device finds the same, and so does float64 (`tests/reach.rs`).
//! What this leaves out is that changes may cancel each other to the last bit.

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

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// `[1, classes]`, as it is.
    pub before: Vec<f32>,
    /// Likewise, changed.
    pub after: Vec<f32>,
    /// The tapped layers, in the order in which they were asked for.
    pub taps: Vec<TracedTap>,
}

/// One layer's output, as it is and changed.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedTap {
    /// As it is, `[1, C, H, W]`.
    pub before: Tap,
    /// Changed, likewise.
    pub after: Vec<f32>,
    /// The values that differ in exact arithmetic.
    pub reach: Reach,
}

impl TracedTap {
    /// What was added to each value: nothing, exactly, where it does not differ; where it differs by less than float32 can tell, the smallest
    /// number that is not nothing.
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
    /// Two rows of logits, as it is and changed, and of the taps the [`TracedTap::differences`].
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

/// A layer's output as it is, changed where anything before it was, and what differs.
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
    /// Runs the network on one picture, `[1, C, H, W]` input values of the height and width of `size`, as it is and with `edits`: by the same
    /// kernels, in the same order. `each` is called before each layer is computed.
    ///
    /// # Errors
    /// When the input has the wrong number of values, a layer does not exist, or the device fails.
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

    /// What a step makes of the outputs that it reads.
    async fn paired(&self, step: &Step, reads: Vec<Pair>) -> Result<Pair, EngineError> {
        let before = self.step(step, reads.iter().map(|pair| pair.before.clone()).collect()).await?;
        let after = if reads.iter().any(|pair| pair.after.is_some()) {
            Some(self.step(step, reads.iter().map(Pair::after).collect()).await?)
        } else {
            None
        };
        let mut pair = Pair { reach: Reach::none(shape(before.dims())), before, after };
        if reads.iter().any(|pair| !pair.reach.is_empty()) {
            self.follow(step, &reads, &mut pair).await?;
        }
        Ok(pair)
    }

    /// Finds which values of a step's output differ.
    async fn follow(&self, step: &Step, reads: &[Pair], pair: &mut Pair) -> Result<(), EngineError> {
        let (graph, checkpoint) = (self.graph(), self.checkpoint());
        let shape = pair.reach.shape;
        let [first, others @ ..] = reads else { return Ok(()) };
        let is_relu = match step {
            Step::Conv(fused) => {
                pair.reach = Reach::through(&graph.nodes[fused.conv].op, shape, &[&first.reach]);
                let (weight, _) = fold_bn(graph, checkpoint, fused.conv, fused.norm)?;
                pair.reach.without(is_silent(&weight, shape.channels));
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
                        pair.reach.without(is_silent(&weight, shape.channels));
                    }
                    (Op::MaxPool(_), Some(window)) => {
                        let (before, after) = (self.read(first.before.clone()).await?, self.read(first.after()).await?);
                        largest_differ(window, (&before, &after), &first.reach, &mut pair.reach);
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

    /// Changes a layer's output, and what differs of it.
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

/// Whether a filter multiplies all that it reads with zero, as of a normalisation whose weight is zero: the same comes out of it always.
fn is_silent(weight: &[f32], filters: usize) -> impl Fn(usize) -> bool {
    let length = (weight.len() / filters.max(1)).max(1);
    move |filter| weight.chunks(length).nth(filter).is_some_and(|weights| weights.iter().all(|&weight| weight == 0.0))
}

/// Leaves out of `out` the largest values that did not differ: of each window of a max pooling, the largest that differs is smaller, before and
/// after, than the largest that does not.
fn largest_differ(window: Window, (before, after): (&[f32], &[f32]), read: &Reach, out: &mut Reach) {
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
