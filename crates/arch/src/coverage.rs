//! How often each position of a feature map is read, and which positions are never read.

use super::graph::{Block, Graph, Op, Shape, Window};
use serde::Serialize;

/// How often a sliding window reads each position of a map.
///
/// A window is square, so the count at `(y, x)` is `rows[y] * columns[x]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads {
    /// Reads per row.
    pub rows: Vec<u32>,
    /// Reads per column.
    pub columns: Vec<u32>,
}

impl Reads {
    /// Counts the reads of a window with an output of size `out` over an input of size `from`, both (height, width).
    pub fn of_window(window: Window, from: (usize, usize), out: (usize, usize)) -> Self {
        Self { rows: axis_reads(window, from.0, out.0), columns: axis_reads(window, from.1, out.1) }
    }

    /// Reads of the position `(y, x)`.
    pub fn at(&self, y: usize, x: usize) -> u32 {
        self.rows.get(y).zip(self.columns.get(x)).map_or(0, |(row, column)| row * column)
    }

    /// Number of positions read at least once.
    pub fn positions_read(&self) -> u64 {
        let read = |axis: &[u32]| axis.iter().filter(|&&n| n > 0).count() as u64;
        read(&self.rows) * read(&self.columns)
    }

    /// Percentage of positions read at least once.
    pub fn read_percent(&self) -> f64 {
        100.0 * self.positions_read() as f64 / (self.rows.len() * self.columns.len()) as f64
    }

    /// Fewest reads of any position.
    pub fn min(&self) -> u32 {
        self.rows.iter().min().unwrap_or(&0) * self.columns.iter().min().unwrap_or(&0)
    }

    /// Most reads of any position.
    pub fn max(&self) -> u32 {
        self.rows.iter().max().unwrap_or(&0) * self.columns.iter().max().unwrap_or(&0)
    }
}

/// Positions along an axis of length `len` that output `out` reads, in order. Where the map is mirrored, one may occur twice.
pub fn taps(window: Window, len: usize, out: usize) -> impl Iterator<Item = usize> {
    let start = (out * window.stride) as isize - window.padding as isize;
    let last = len as isize - 1;
    (0..window.kernel)
        .map(move |tap| start + (tap * window.dilation) as isize)
        .map(move |at| if window.mirrored { at.abs().min(2 * last - at) } else { at })
        .filter(move |at| (0..=last).contains(at))
        .map(|at| at as usize)
}

fn axis_reads(window: Window, len: usize, out_len: usize) -> Vec<u32> {
    let mut reads = vec![0; len];
    for out in 0..out_len {
        for at in taps(window, len, out) {
            reads[at] += 1;
        }
    }
    reads
}

/// How one path of a block reads the block's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathReads {
    /// The first layer of the path that is not pointwise (1x1 with stride 1). `None` for an identity shortcut.
    pub reader: Option<usize>,
    /// Reads of the block's input; pointwise layers before the reader pass them through unchanged.
    pub reads: Reads,
}

/// How path A and path B of a block read its input.
pub fn block_reads(graph: &Graph, block: &Block) -> (PathReads, PathReads) {
    (path_reads(graph, block.input, &block.path_a), path_reads(graph, block.input, &block.path_b))
}

fn path_reads(graph: &Graph, input: usize, path: &[usize]) -> PathReads {
    let shape = graph.nodes[input].shape;
    let size = (shape.height, shape.width);
    let pointwise = Window { kernel: 1, stride: 1, padding: 0, dilation: 1, mirrored: false };
    let reader = path.iter().find_map(|&i| {
        let window = graph.nodes[i].op.window()?;
        (window != pointwise).then_some((i, window))
    });
    let (reader, window, out) = match reader {
        Some((i, window)) => (Some(i), window, (graph.nodes[i].shape.height, graph.nodes[i].shape.width)),
        None => (None, pointwise, size),
    };
    PathReads { reader, reads: Reads::of_window(window, size, out) }
}

/// A set of positions of one feature map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Width of the map.
    pub width: usize,
    /// One entry per position, row-major.
    pub set: Vec<bool>,
}

impl Mask {
    fn empty(height: usize, width: usize) -> Self {
        Self { width, set: vec![false; height * width] }
    }

    /// The positions of a square, clipped to the map.
    pub fn square(map: Shape, (y, x): (usize, usize), side: usize) -> Self {
        let mut mask = Self::empty(map.height, map.width);
        let end = |start: usize, len: usize| start.saturating_add(side).min(len);
        for row in y..end(y, map.height) {
            for column in x..end(x, map.width) {
                mask.set[row * map.width + column] = true;
            }
        }
        mask
    }

    /// The positions that are not in the set.
    #[must_use]
    pub fn complement(mut self) -> Self {
        self.set.iter_mut().for_each(|set| *set = !*set);
        self
    }

    /// Number of positions in the set.
    pub fn count(&self) -> u64 {
        self.set.iter().filter(|&&set| set).count() as u64
    }

    /// Whether a position is in the set.
    pub fn at(&self, y: usize, x: usize) -> bool {
        x < self.width && self.set.get(y * self.width + x).copied().unwrap_or(false)
    }
}

/// For every layer, the positions of its output that the prediction can depend on. The rest are dead.
pub fn live(graph: &Graph) -> Vec<Mask> {
    let mut live: Vec<Mask> = graph.nodes.iter().map(|node| Mask::empty(node.shape.height, node.shape.width)).collect();
    if let Some(last) = live.last_mut() {
        last.set.fill(true);
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let (before, rest) = live.split_at_mut(index);
        let out = &rest[0];
        for &input in &node.inputs {
            let into = &mut before[input];
            match (node.op, node.op.window()) {
                (Op::GlobalAvgPool | Op::Linear, _) => into.set.fill(true),
                (_, Some(window)) => read_back(window, out, into),
                (_, None) => into.set.iter_mut().zip(&out.set).for_each(|(into, &out)| *into |= out),
            }
        }
    }
    live
}

/// Marks in `into` every position that a position in `out` reads.
fn read_back(window: Window, out: &Mask, into: &mut Mask) {
    let height = into.set.len() / into.width;
    if out.set.iter().all(|&set| set) {
        // True for nearly every map: rows and columns can then be handled independently.
        let read = |len: usize, outs: usize| {
            let mut read = vec![false; len];
            (0..outs).flat_map(|out| taps(window, len, out)).for_each(|at| read[at] = true);
            read
        };
        let rows = read(height, out.set.len() / out.width);
        let columns = read(into.width, out.width);
        for (row, _) in into.set.chunks_mut(into.width).zip(&rows).filter(|(_, read)| **read) {
            row.iter_mut().zip(&columns).for_each(|(set, read)| *set |= read);
        }
        return;
    }
    for (i, _) in out.set.iter().enumerate().filter(|(_, set)| **set) {
        for y in taps(window, height, i / out.width) {
            for x in taps(window, into.width, i % out.width) {
                into.set[y * into.width + x] = true;
            }
        }
    }
}

/// One path in the output of `stridescope coverage`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathReport {
    /// Percentage of positions read at least once.
    pub read_percent: f64,
    /// Fewest reads of a position.
    pub min_reads: u32,
    /// Most reads of a position.
    pub max_reads: u32,
    /// Reads of every position, one `Vec` per row.
    pub reads: Vec<Vec<u32>>,
}

impl From<&Reads> for PathReport {
    fn from(reads: &Reads) -> Self {
        let row = |&row: &u32| reads.columns.iter().map(|column| row * column).collect();
        Self {
            read_percent: reads.read_percent(),
            min_reads: reads.min(),
            max_reads: reads.max(),
            reads: reads.rows.iter().map(row).collect(),
        }
    }
}
