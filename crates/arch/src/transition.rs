//! Where a network makes its maps smaller, and what is read of each map there.

use super::coverage::{self, Mask, Reads, block_reads, taps};
use super::diagram::label;
use super::graph::{Graph, Op, Place, Window};
use stridescope_i18n::tr;

/// A place where a map is read with a stride: a layer of the stem, or a downsampling block.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What it is called in every network: `conv1` and `maxpool` in any stem, else the block, `layer2.0`.
    pub id: String,
    /// The layer or block itself.
    pub node: String,
    /// The layer, block or stage whose output is read.
    pub map: String,
    /// Rows and columns of that map.
    pub size: (usize, usize),
    /// What reads it: path A and path B of a block, or the one layer.
    pub readings: Vec<Reading>,
    /// The positions that can make a difference to the prediction.
    pub live: Mask,
}

/// How one path reads a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// `path A`, `path B`, or nothing for a layer of the stem.
    pub path: &'static str,
    /// The layer that decides, as a diagram labels it; `identity` where there is none.
    pub reader: String,
    /// How it slides.
    pub window: Window,
    /// Rows and columns that it puts out.
    pub out: (usize, usize),
    /// How often it reads each position.
    pub reads: Reads,
}

impl Reading {
    /// Rows (or columns) that the output at `at` reads, as far as they are inside a map of `len`.
    pub fn taps(&self, len: usize, at: usize) -> Vec<usize> {
        taps(self.window, len, at).collect()
    }

    /// Middle of the first output's window, in positions of the map.
    pub fn centre(&self) -> f64 {
        (self.window.dilation * (self.window.kernel - 1)) as f64 / 2.0 - self.window.padding as f64
    }

    /// Positions that are never read.
    pub fn lost(&self) -> u64 {
        (self.reads.rows.len() * self.reads.columns.len()) as u64 - self.reads.positions_read()
    }
}

impl Transition {
    /// Positions that neither path reads, or whose value no later layer can use.
    pub fn dead(&self) -> u64 {
        self.live.set.len() as u64 - self.live.count()
    }
}

/// Every transition of a network, first to last.
pub fn transitions(graph: &Graph) -> Vec<Transition> {
    let live = coverage::live(graph);
    let size = |index: usize| (graph.nodes[index].shape.height, graph.nodes[index].shape.width);
    // Blocks and stages go by their own names, since that is what they are known by.
    let name = |index: usize| {
        let block = graph.blocks.iter().find(|block| block.output == index);
        block.map_or_else(|| graph.nodes[index].id.clone(), |block| block.id.clone())
    };
    let mut out = Vec::new();
    let stem = graph.nodes.iter().enumerate().filter(|(_, node)| node.place == Place::Stem && node.op != Op::Input);
    for (index, node) in stem {
        let (Some(window), Some(&input)) = (node.op.window(), node.inputs.first()) else { continue };
        if window.stride > 1 {
            let reads = Reads::of_window(window, size(input), size(index));
            let readings = vec![Reading { path: "", reader: label(node), window, out: size(index), reads }];
            let id = if matches!(node.op, Op::Conv(_)) { "conv1" } else { "maxpool" };
            out.push(Transition {
                id: id.into(),
                node: node.id.clone(),
                map: name(input),
                size: size(input),
                readings,
                live: live[input].clone(),
            });
        }
    }
    for block in graph.downsampling_blocks() {
        let (a, b) = block_reads(graph, block);
        let reading = |(path, reads): (&'static str, coverage::PathReads)| {
            let reader = reads.reader.map(|index| &graph.nodes[index]);
            let identity = Window { kernel: 1, stride: 1, padding: 0, dilation: 1, mirrored: false };
            Reading {
                path,
                reader: reader.map_or_else(|| tr!("identity"), label),
                window: reader.and_then(|node| node.op.window()).unwrap_or(identity),
                out: reader.map_or(size(block.input), |node| (node.shape.height, node.shape.width)),
                reads: reads.reads,
            }
        };
        let readings = [("path A", a), ("path B", b)].map(reading).into();
        let (map, live) = (name(block.input), live[block.input].clone());
        out.push(Transition { id: block.id.clone(), node: block.id.clone(), map, size: size(block.input), readings, live });
    }
    out
}
