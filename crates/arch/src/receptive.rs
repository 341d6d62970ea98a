//! Receptive fields: the part of the image that a position of a feature map can depend on.
//!
//! The recurrences are those of Araujo, Norris and Sim, "Computing Receptive Fields of CNNs" (Distill, 2019).

use super::graph::{Graph, Op};
use serde::Serialize;

/// The receptive field along one axis; the axes are equal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Field {
    /// Size in pixels of the image, including gaps from dilation and padding.
    pub size: usize,
    /// Pixels between the fields of two neighbouring positions.
    pub jump: usize,
    /// Centre of the first position's field, in pixels from the first pixel.
    pub centre: f64,
}

/// The pixels `first..=last` that position 0 reads, and the step to the next position.
#[derive(Clone, Copy)]
struct Span {
    first: i64,
    last: i64,
    jump: i64,
}

/// The field of every layer up to the last block; `None` from global pooling on, which reads the whole map.
pub fn fields(graph: &Graph) -> Vec<Option<Field>> {
    let mut spans: Vec<Option<Span>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let inputs = node.inputs.iter().filter_map(|&i| spans[i]);
        let joined = inputs.reduce(|a, b| Span { first: a.first.min(b.first), last: a.last.max(b.last), jump: a.jump });
        let span = match (node.op, node.op.window()) {
            (Op::Input, _) => Some(Span { first: 0, last: 0, jump: 1 }),
            (Op::GlobalAvgPool | Op::Linear, _) => None,
            (_, None) => joined,
            (_, Some(w)) => joined.map(|from| {
                let start = -(w.padding as i64);
                let end = start + (w.dilation * (w.kernel - 1)) as i64;
                Span {
                    first: from.first + start * from.jump,
                    last: from.last + end * from.jump,
                    jump: from.jump * w.stride as i64,
                }
            }),
        };
        spans.push(span);
    }
    let field = |span: Span| Field {
        size: (span.last - span.first + 1) as usize,
        jump: span.jump as usize,
        centre: (span.first + span.last) as f64 / 2.0,
    };
    spans.into_iter().map(|span| span.map(field)).collect()
}

/// Size in pixels of the field of the last block.
pub fn size(graph: &Graph) -> usize {
    fields(graph).into_iter().flatten().next_back().map_or(1, |field| field.size)
}
