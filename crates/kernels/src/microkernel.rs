//! The innermost loop: panels of weights times a panel of columns.

use super::lanes::{self, Lanes};
use super::relaxed_simd;

/// Rows of a panel of weights, and of a tile.
pub const MR: usize = 4;
/// Columns of a panel of the picture, and of a tile.
pub const NR: usize = 8;

/// One term of a panel of weights.
pub type Weights = [f32; MR];
/// One term of a panel of columns.
pub type Columns = [Lanes; 2];
/// What a panel of weights and a panel of columns make: [`MR`] by [`NR`] sums.
pub type Tile = [[Lanes; 2]; MR];

/// A tile of zeros.
pub fn zeros() -> Tile {
    [[lanes::splat(0.0); 2]; MR]
}

/// Writes the sums of the products of each panel of weights, `[panels][terms]`, with one panel of columns, `[terms]`, to as many tiles.
pub fn products(weights: &[Weights], columns: &[Columns], tiles: &mut [Tile]) {
    if relaxed_simd::products(weights, columns, tiles) {
        return;
    }
    for (weights, sums) in weights.chunks_exact(columns.len().max(1)).zip(tiles) {
        *sums = tile(weights, columns);
    }
}

/// Four rows by eight columns are what 16 vector registers of 128 bits hold without spilling.
///
/// Not inlined: a browser compiles a function for speed after so many calls, not while a loop runs.
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
