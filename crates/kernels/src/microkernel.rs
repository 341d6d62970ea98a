//! The innermost loop: panels of weights times a panel of columns.

use super::lanes::{self, Lanes};
use super::relaxed_simd;

/// Filters in a panel of weights, and rows of a tile.
pub const MR: usize = 4;
/// Positions in a panel of columns, and columns of a tile.
pub const NR: usize = 8;

/// One term of a panel of weights: a value for each of [`MR`] filters.
pub type Weights = [f32; MR];
/// One term of a panel of columns: a value for each of [`NR`] positions.
pub type Columns = [Lanes; 2];
/// The product of a panel of weights and a panel of columns: [`MR`] by [`NR`] sums.
pub type Tile = [[Lanes; 2]; MR];

/// A tile of zeros.
pub fn zeros() -> Tile {
    [[lanes::splat(0.0); 2]; MR]
}

/// Multiplies each panel of weights, `[panels][terms]`, with one panel of columns, `[terms]`, into one tile per panel.
pub fn products(weights: &[Weights], columns: &[Columns], tiles: &mut [Tile]) {
    if relaxed_simd::products(weights, columns, tiles) {
        return;
    }
    for (weights, sums) in weights.chunks_exact(columns.len().max(1)).zip(tiles) {
        *sums = tile(weights, columns);
    }
}

/// Four rows by eight columns fit 16 vector registers of 128 bits without spilling.
///
/// Not inlined: a browser optimises a function after a number of calls, not in the middle of a loop.
#[inline(never)]
fn tile(weights: &[Weights], columns: &[Columns]) -> Tile {
    let mut sums = zeros();
    for (weights, columns) in weights.iter().zip(columns) {
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            let weight = lanes::splat(weight);
            sums[0] = lanes::multiply_add(sums[0], weight, columns[0]);
            sums[1] = lanes::multiply_add(sums[1], weight, columns[1]);
        }
    }
    sums
}
