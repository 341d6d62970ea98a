//! What one network has that another lacks, layer by layer, in words.

use super::graph::{Graph, Node, Op, Path, Place};
use serde::Serialize;
use stridescope_i18n::tr;

/// How a layer differs from its counterpart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The other network has it, this one does not.
    Removed,
    /// This network has it, the other does not.
    Added,
    /// Both have it, with other settings.
    Changed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The layer; of a removed one, its name in the other network.
    pub id: String,
    /// What became of it.
    pub change: Change,
    /// What differs: `stride 2 → 1`; of an added or removed layer, what it is.
    pub words: String,
}

/// A layer of one network beside its counterpart in the other.
#[derive(Debug, Clone, Copy)]
pub enum Aligned<'a> {
    /// Both have it.
    Both {
        /// In the network that is compared with.
        before: &'a Node,
        /// In this one.
        after: &'a Node,
    },
    /// The other network has it, this one does not.
    Removed(&'a Node),
    /// This network has it, the other does not.
    Added(&'a Node),
}

impl Aligned<'_> {
    /// What differs; nothing for two layers with the same settings.
    pub fn difference(&self) -> Option<Difference> {
        let (node, change, words) = match *self {
            Self::Removed(node) => (node, Change::Removed, describe(node)),
            Self::Added(node) => (node, Change::Added, describe(node)),
            Self::Both { before, after } => (after, Change::Changed, compare(before, after).join(", ")),
        };
        (!words.is_empty()).then(|| Difference { id: node.id.clone(), change, words })
    }
}

/// What `graph` changes with respect to `base`, in the order of the layers. Normalisations and ReLUs go with their convolutions and are
/// not listed.
pub fn differences(base: &Graph, graph: &Graph) -> Vec<Difference> {
    let parts = parts(base, graph).into_iter();
    parts.flat_map(|part| aligned(base, graph, part)).filter_map(|pair| pair.difference()).collect()
}

/// The layers of one part of two networks, each beside its counterpart; a removed one stands where the other network has it.
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

/// Differences that are alike in several blocks, told once: the blocks' names joined, and what they have in common.
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

/// A part that two networks are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Input, first convolutions and max pooling.
    Stem,
    /// One way through a residual block.
    Path {
        /// From 1.
        stage: usize,
        /// From 0.
        block: usize,
        /// Path A; else path B.
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

/// Every part of either, in order.
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

/// Pairs of counterparts: layers of one kind, in order, where both parts have as many of that kind; a stem of one convolution and one of
/// three have no counterparts.
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

/// A layer in words: `3×3 convolution, 64 → 128, stride 2`.
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

/// What two layers of one kind differ in.
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
