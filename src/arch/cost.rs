//! What a network costs: parameters, multiply-accumulates, memory.
//!
//! One convention throughout: MACs are those of convolutions and of the classifier, batch 1 (fvcore's and the papers' "FLOPs").

use super::coverage;
use super::graph::{Graph, Node, Op};
use serde::Serialize;

/// Multiply-accumulates of one layer; 0 for anything but a convolution or the classifier.
pub fn macs(graph: &Graph, node: &Node) -> u64 {
    match node.op {
        Op::Conv(c) => node.shape.elements() * (c.in_channels / c.groups) as u64 * (c.kernel * c.kernel) as u64,
        Op::Linear => node.inputs.iter().map(|&i| graph.nodes[i].shape.elements() * node.shape.elements()).sum(),
        _ => 0,
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
    /// Those of [`Totals::macs`] whose result nothing reads.
    pub dead_macs: u64,
}

/// Adds up a network.
pub fn totals(graph: &Graph) -> Totals {
    Totals {
        params: graph.nodes.iter().map(|node| params(graph, node)).sum(),
        macs: graph.nodes.iter().map(|node| macs(graph, node)).sum(),
        dead_macs: dead_macs(graph).iter().sum(),
    }
}

/// For each layer, the multiply-accumulates spent on positions that no later layer reads.
pub fn dead_macs(graph: &Graph) -> Vec<u64> {
    let live = coverage::live(graph);
    let dead = |(node, live): (&Node, &coverage::Mask)| {
        let positions = node.shape.positions();
        macs(graph, node) / positions * (positions - live.count())
    };
    graph.nodes.iter().zip(&live).map(dead).collect()
}

/// The four figures at the foot of `torchsummary.summary`, in units of 2^20 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TorchSummary {
    /// The input.
    pub input_mb: f64,
    /// Every module's output, twice: once forward, once for its gradient.
    pub forward_backward_mb: f64,
    /// The parameters.
    pub params_mb: f64,
    /// The three together.
    pub total_mb: f64,
}

/// torchsummary 1.5.1 over torchvision's module tree: every call of a leaf module is a row, and so is every residual block;
/// the addition is no module. Values are float32.
pub fn torchsummary(graph: &Graph) -> TorchSummary {
    const MB: f64 = 1024.0 * 1024.0;
    let is_module = |node: &&Node| !matches!(node.op, Op::Input | Op::Add);
    let layers: u64 = graph.nodes.iter().filter(is_module).map(|node| node.shape.elements()).sum();
    let blocks: u64 = graph.blocks.iter().map(|block| graph.nodes[block.output].shape.elements()).sum();
    let input_mb = graph.nodes[0].shape.elements() as f64 * 4.0 / MB;
    let forward_backward_mb = 2.0 * (layers + blocks) as f64 * 4.0 / MB;
    let params_mb = totals(graph).params as f64 * 4.0 / MB;
    TorchSummary { input_mb, forward_backward_mb, params_mb, total_mb: input_mb + forward_backward_mb + params_mb }
}
