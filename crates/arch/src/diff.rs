//! The differences between two networks, layer by layer, as text.

use super::graph::{Graph, Node, Op, Path, Place};
use serde::Serialize;
use stridescope_i18n::tr;

/// How a layer differs from its counterpart in the base network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the base network has it.
    Removed,
    /// Only this network has it.
    Added,
    /// Both have it, with different settings.
    Changed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The id of the layer; of a removed layer, its id in the base network.
    pub id: String,
    /// The kind of difference.
    pub change: Change,
    /// The details: `stride 2 → 1`; for an added or removed layer, its description.
    pub words: String,
}

/// A layer aligned with its counterpart in the base network.
#[derive(Debug, Clone, Copy)]
pub enum Aligned<'a> {
    /// Both networks have it.
    Both {
        /// The layer in the base network.
        before: &'a Node,
        /// The layer in this network.
        after: &'a Node,
    },
    /// Only the base network has it.
    Removed(&'a Node),
    /// Only this network has it.
    Added(&'a Node),
}

impl Aligned<'_> {
    /// The difference; `None` if the settings are equal.
    pub fn difference(&self) -> Option<Difference> {
        let (node, change, words) = match *self {
            Self::Removed(node) => (node, Change::Removed, describe(node)),
            Self::Added(node) => (node, Change::Added, describe(node)),
            Self::Both { before, after } => (after, Change::Changed, compare(before, after).join(", ")),
        };
        (!words.is_empty()).then(|| Difference { id: node.id.clone(), change, words })
    }
}

/// The differences of `graph` from `base`, in the order of the layers. Batch normalisation and ReLU follow their convolutions and are not
/// listed.
pub fn differences(base: &Graph, graph: &Graph) -> Vec<Difference> {
    let parts = parts(base, graph).into_iter();
    parts.flat_map(|part| aligned(base, graph, part)).filter_map(|pair| pair.difference()).collect()
}

/// Aligns the layers of one part of two networks; a removed layer appears at its position in the base network.
pub fn aligned<'a>(base: &'a Graph, graph: &'a Graph, part: Part) -> Vec<Aligned<'a>> {
    let (before, after) = (of_part(base, part), of_part(graph, part));
    let pairs = align(&before, &after);
    let is_paired = |b: usize| pairs.iter().any(|pair| pair.0 == b);
    let mut out = Vec::with_capacity(before.len() + after.len());
    let mut next = 0;
    for (index, &node) in after.iter().enumerate() {
        while next < before.len() && !is_paired(next) {
            out.push(Aligned::Removed(before[next]));
            next += 1;
        }
        match pairs.iter().find(|pair| pair.1 == index) {
            None => out.push(Aligned::Added(node)),
            Some(&(b, _)) => {
                out.push(Aligned::Both { before: before[b], after: node });
                next = next.max(b + 1);
            }
        }
    }
    out.extend((next..before.len()).filter(|&b| !is_paired(b)).map(|b| Aligned::Removed(before[b])));
    out
}

/// Merges differences that are equal in several blocks: the blocks' ids joined, and the common details.
pub fn grouped(differences: &[Difference]) -> Vec<Difference> {
    let split = |id: &str| {
        let mut parts = id.splitn(3, '.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(stage), Some(block), Some(rest)) if stage.starts_with("layer") => {
                Some((format!("{stage}.{block}"), rest.to_string()))
            }
            _ => None,
        }
    };
    let mut out: Vec<(Vec<String>, Option<String>, Difference)> = Vec::new();
    for difference in differences {
        let (block, rest) = split(&difference.id).map_or((difference.id.clone(), None), |(block, rest)| (block, Some(rest)));
        let same = out.iter_mut().find(|(_, known, first)| {
            known.is_some() && *known == rest && first.change == difference.change && first.words == difference.words
        });
        match same {
            Some((blocks, _, _)) => blocks.push(block),
            None => out.push((vec![block], rest, difference.clone())),
        }
    }
    let join = |(blocks, rest, difference): (Vec<String>, Option<String>, Difference)| {
        let id = match (rest, &blocks[..]) {
            (Some(rest), [first, .., last]) if blocks.len() > 3 => format!("{first} … {last}: {rest}"),
            (Some(rest), [_, _, ..]) => format!("{}: {rest}", blocks.join(", ")),
            _ => difference.id.clone(),
        };
        Difference { id, ..difference }
    };
    out.into_iter().map(join).collect()
}

/// A part of a network, compared as a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Input, first convolutions and max pooling.
    Stem,
    /// One path through a residual block.
    Path {
        /// Counted from 1.
        stage: usize,
        /// Counted from 0.
        block: usize,
        /// Path A if true, path B if false.
        is_a: bool,
    },
    /// The classifier.
    Head,
}

fn part_of(node: &Node) -> Part {
    match node.place {
        Place::Stem => Part::Stem,
        Place::Block { stage, block, path } => Part::Path { stage, block, is_a: path != Path::B },
        Place::Head => Part::Head,
    }
}

/// The parts of both networks, in order.
fn parts(base: &Graph, graph: &Graph) -> Vec<Part> {
    let mut parts = vec![Part::Stem];
    let stages = base.spec.layers.len().max(graph.spec.layers.len());
    for stage in 1..=stages {
        let blocks = base.stage(stage).count().max(graph.stage(stage).count());
        parts.extend((0..blocks).flat_map(|block| [true, false].map(|is_a| Part::Path { stage, block, is_a })));
    }
    parts.push(Part::Head);
    parts
}

fn of_part(graph: &Graph, part: Part) -> Vec<&Node> {
    let matters = |op: &Op| !matches!(op, Op::BatchNorm | Op::Relu | Op::Add | Op::GlobalAvgPool);
    graph.nodes.iter().filter(|node| matters(&node.op) && part_of(node) == part).collect()
}

/// Pairs of counterparts: layers of the same kind, in order, if both parts have equally many of that kind. A stem of one convolution and
/// one of three have no counterparts.
fn align(before: &[&Node], after: &[&Node]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for kind in ["input", "conv", "maxpool", "avgpool", "blurpool", "linear"] {
        let of = |nodes: &[&Node]| -> Vec<usize> { (0..nodes.len()).filter(|&i| nodes[i].op.kind() == kind).collect() };
        let (b, a) = (of(before), of(after));
        if b.len() == a.len() {
            pairs.extend(b.into_iter().zip(a));
        }
    }
    pairs
}

/// Describes a layer: `3×3 convolution, 64 → 128, stride 2`.
pub fn describe(node: &Node) -> String {
    match node.op {
        Op::Conv(c) => {
            let mut words = tr!("{0}×{0} convolution, {1} → {2}, stride {3}", c.kernel, c.in_channels, c.out_channels, c.stride);
            if c.dilation > 1 {
                words += &tr!(", dilation {}", c.dilation);
            }
            if c.groups > 1 {
                words += &tr!(", {} groups", c.groups);
            }
            words
        }
        Op::MaxPool(p) => tr!("{0}×{0} max pooling, stride {1}", p.kernel, p.stride),
        Op::AvgPool(p) if p.end_padding > 0 => {
            tr!("{0}×{0} average pooling, stride {1}, zeros below and to the right", p.kernel, p.stride)
        }
        Op::AvgPool(p) => tr!("{0}×{0} average pooling, stride {1}", p.kernel, p.stride),
        Op::BlurPool(p) => tr!("{0}×{0} blur, stride {1}", p.kernel, p.stride),
        Op::BatchNorm => tr!("batch normalisation"),
        Op::Relu => tr!("ReLU"),
        Op::Add => tr!("addition of path A and path B"),
        Op::GlobalAvgPool => tr!("mean over all positions"),
        Op::Linear => tr!("classifier, {} classes", node.shape.channels),
        Op::Input => tr!("picture, normalised"),
    }
}

/// The settings that differ between two layers of the same kind.
fn compare(before: &Node, after: &Node) -> Vec<String> {
    let mut words = Vec::new();
    let mut differ = |what: fn() -> String, before: usize, after: usize| {
        if before != after {
            words.push(format!("{} {before} → {after}", what()));
        }
    };
    match (before.op, after.op) {
        (Op::Conv(b), Op::Conv(a)) => {
            differ(|| tr!("kernel"), b.kernel, a.kernel);
            differ(|| tr!("stride"), b.stride, a.stride);
            differ(|| tr!("dilation"), b.dilation, a.dilation);
            differ(|| tr!("groups"), b.groups, a.groups);
            differ(|| tr!("channels in"), b.in_channels, a.in_channels);
            differ(|| tr!("channels out"), b.out_channels, a.out_channels);
        }
        (Op::MaxPool(b), Op::MaxPool(a)) | (Op::AvgPool(b), Op::AvgPool(a)) | (Op::BlurPool(b), Op::BlurPool(a)) => {
            differ(|| tr!("window"), b.kernel, a.kernel);
            differ(|| tr!("stride"), b.stride, a.stride);
            differ(|| tr!("zeros at the end"), b.end_padding, a.end_padding);
        }
        (Op::Linear, Op::Linear) => differ(|| tr!("classes"), before.shape.channels, after.shape.channels),
        (Op::Input, Op::Input) => differ(|| tr!("channels"), before.shape.channels, after.shape.channels),
        _ => {}
    }
    words
}
