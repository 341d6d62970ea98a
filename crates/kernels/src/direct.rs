//! Direct convolution as a matrix product, `[C_out, K] · [K, positions]` with `K = C_in · k · k`.
//!
//! Only one block of the column matrix exists at a time. It fits the L2 cache and is written directly from the image.

use super::BoundEpilogue;
use super::im2col::Image;
use super::lanes::{self, Lanes};
use super::microkernel::{self, Columns, MR, NR, Tile, Weights};
use std::ops::Range;

/// Most terms of the sum per iteration: a panel of either matrix then fits the L1 cache.
const DEPTH: usize = 512;
/// Most panels of columns per iteration: a block of [`DEPTH`] by this number fits the L2 cache.
const PANELS: usize = 14;
/// Most panels of weights per iteration: they stay in the cache for all panels of columns.
const GROUP: usize = 32;
/// Gap between two panels of columns: at a distance of a power of two they would compete for the same cache sets.
const GAP: usize = 2;

/// Appends `[filters, K]` weights in blocks of terms, each of panels of [`MR`] filters; the last panel is padded with zeros.
pub fn pack(weight: &[f32], depth: usize, packed: &mut Vec<Weights>) {
    packed.reserve((weight.len() / depth.max(1)).div_ceil(MR) * depth);
    for terms in blocks(depth) {
        for panel in weight.chunks(MR * depth) {
            pack_panel(panel, depth, terms.clone(), packed);
        }
    }
}

/// Appends terms of at most [`MR`] filters.
#[inline(never)]
fn pack_panel(filters: &[f32], depth: usize, terms: Range<usize>, packed: &mut Vec<Weights>) {
    let mut rows = filters.chunks(depth).map(|filter| &filter[terms.clone()]);
    if let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next()) {
        packed.extend(a.iter().zip(b).zip(c.iter().zip(d)).map(|((a, b), (c, d))| [*a, *b, *c, *d]));
        return;
    }
    let start = packed.len();
    packed.resize(start + terms.len(), [0.0; MR]);
    for (row, filter) in filters.chunks(depth).enumerate() {
        for (to, from) in packed[start..].iter_mut().zip(&filter[terms.clone()]) {
            to[row] = *from;
        }
    }
}

/// The terms of one panel of filters, out of `panels` panels packed by [`pack`].
pub fn terms(packed: &[Weights], depth: usize, (panel, panels): (usize, usize)) -> impl Iterator<Item = &Weights> {
    blocks(depth).flat_map(move |block| &packed[block.start * panels + panel * block.len()..][..block.len()])
}

/// Splits the terms into blocks of nearly equal length.
fn blocks(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let terms = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
    (0..depth).step_by(terms).map(move |from| from..depth.min(from + terms))
}

/// The work of one thread: its filters and their epilogue.
pub struct Job<'a> {
    /// All weights of the group, packed by [`pack`].
    pub packed: &'a [Weights],
    /// The first panel of this thread, and the number of panels in the group.
    pub panels: (usize, usize),
    /// The epilogue of this thread's filters.
    pub bound_epilogue: BoundEpilogue<'a>,
    /// `K`.
    pub depth: usize,
}

impl Job<'_> {
    /// Writes all outputs, `[filters, positions]`.
    pub fn run(&self, image: &Image, out: &mut [f32], positions: usize) {
        let panels = positions.div_ceil(NR).max(1);
        let panels = panels.div_ceil(panels.div_ceil(PANELS));
        let longest = blocks(self.depth).next().map_or(0, |terms| terms.len());
        let mut block = vec![[lanes::splat(0.0); 2]; (longest + GAP) * panels];
        let mut row = vec![0.0; panels * NR];
        let mut tiles = vec![microkernel::zeros(); GROUP * panels];
        for at in (0..positions).step_by(panels * NR) {
            let columns = at..positions.min(at + panels * NR);
            for terms in blocks(self.depth) {
                image.pack(terms.clone(), columns.clone(), terms.len() + GAP, &mut block, &mut row);
                self.block(&block, (terms, columns.clone()), &mut tiles, out, positions);
            }
        }
    }

    /// Multiplies all filters with one block of columns.
    fn block(
        &self,
        block: &[Columns],
        (terms, columns): (Range<usize>, Range<usize>),
        tiles: &mut [Tile],
        out: &mut [f32],
        positions: usize,
    ) {
        let (first, all) = self.panels;
        let weights = &self.packed[terms.start * all + first * terms.len()..];
        let (is_first, is_last) = (terms.start == 0, terms.end == self.depth);
        let (add, relu) = (self.bound_epilogue.add.filter(|_| is_last), self.bound_epilogue.relu && is_last);
        for (group, bias) in self.bound_epilogue.bias.chunks(GROUP * MR).enumerate() {
            let count = bias.len().div_ceil(MR);
            let weights = &weights[group * GROUP * terms.len()..][..count * terms.len()];
            let panels = block.chunks(terms.len() + GAP).take(columns.len().div_ceil(NR));
            for (panel, tiles) in panels.zip(tiles.chunks_exact_mut(GROUP)) {
                microkernel::products(weights, &panel[..terms.len()], &mut tiles[..count]);
            }
            for (row, &bias) in bias.iter().enumerate() {
                let place = (group * GROUP * MR + row) * positions;
                let place = place + columns.start..place + columns.end;
                let sums = tiles.chunks_exact(GROUP).map(|tiles| tiles[row / MR][row % MR]);
                let add = add.map(|add| &add[place.clone()]);
                write(sums, is_first.then_some(bias), add, relu, &mut out[place]);
            }
        }
    }
}

/// Adds sums to a row of outputs: the first block to the bias, the last block with the epilogue.
fn write(mut sums: impl Iterator<Item = [Lanes; 2]>, bias: Option<f32>, more: Option<&[f32]>, relu: bool, out: &mut [f32]) {
    let finish = |sum| if relu { lanes::relu(sum) } else { sum };
    let (whole, rest) = out.as_chunks_mut::<NR>();
    let (more, more_rest) = more.unwrap_or_default().as_chunks::<NR>();
    let mut more = more.iter();
    for (out, mut sums) in whole.iter_mut().zip(&mut sums) {
        let start = bias.map_or_else(|| lanes::pair(out), |bias| [lanes::splat(bias); 2]);
        sums = [lanes::add(sums[0], start[0]), lanes::add(sums[1], start[1])];
        if let Some(more) = more.next().map(lanes::pair) {
            sums = [lanes::add(sums[0], more[0]), lanes::add(sums[1], more[1])];
        }
        *out = lanes::eight(sums.map(finish));
    }
    for (index, (out, sum)) in rest.iter_mut().zip(sums.next().map(lanes::eight).unwrap_or_default()).enumerate() {
        let sum = sum + bias.unwrap_or(*out) + more_rest.get(index).copied().unwrap_or(0.0);
        *out = if relu && sum < 0.0 { 0.0 } else { sum };
    }
}
