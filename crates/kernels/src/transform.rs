//! The transforms of `F(4×4, 3×3)`: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, arXiv 1509.09308,
//! section 4.3, with the points 0, ±1, ±2 and infinity.

use super::lanes::{Lanes, add, multiply, multiply_add, splat, subtract};
use std::array::from_fn;

/// Side of an output tile.
pub const OUT: usize = 4;
/// Side of the input tile behind an output tile, and of its transform.
pub const SIDE: usize = 6;

/// `G g Gᵀ` for the kernels of four filters.
#[inline(always)]
pub fn kernel(kernel: [[Lanes; 3]; 3]) -> [[Lanes; SIDE]; SIDE] {
    let rows = kernel.map(kernel_line);
    let columns: [_; SIDE] = from_fn(|across| kernel_line(rows.map(|row| row[across])));
    from_fn(|down| columns.map(|column| column[down]))
}

/// `Bᵀ d B` for four input tiles.
#[inline(always)]
pub fn input(values: [[Lanes; SIDE]; SIDE]) -> [[Lanes; SIDE]; SIDE] {
    let rows = values.map(input_line);
    let columns: [_; SIDE] = from_fn(|across| input_line(rows.map(|row| row[across])));
    from_fn(|down| columns.map(|column| column[down]))
}

/// `Aᵀ m A` for the products of four tiles.
#[inline(always)]
pub fn output(products: [[Lanes; SIDE]; SIDE]) -> [[Lanes; OUT]; OUT] {
    let rows = products.map(output_line);
    let columns: [_; OUT] = from_fn(|across| output_line(rows.map(|row| row[across])));
    from_fn(|down| columns.map(|column| column[down]))
}

/// `G g`.
#[inline(always)]
fn kernel_line([a, b, c]: [Lanes; 3]) -> [Lanes; SIDE] {
    let (ends, wide, middle) = (add(a, c), multiply_add(a, splat(4.0), c), add(b, b));
    [
        multiply(a, splat(1.0 / 4.0)),
        multiply(add(ends, b), splat(-1.0 / 6.0)),
        multiply(subtract(ends, b), splat(-1.0 / 6.0)),
        multiply(add(wide, middle), splat(1.0 / 24.0)),
        multiply(subtract(wide, middle), splat(1.0 / 24.0)),
        c,
    ]
}

/// `Bᵀ d`.
#[inline(always)]
fn input_line([a, b, c, d, e, f]: [Lanes; SIDE]) -> [Lanes; SIDE] {
    let (four, minus_four) = (splat(4.0), splat(-4.0));
    let (even, odd) = (multiply_add(e, minus_four, c), multiply_add(d, minus_four, b));
    let (ec, db) = (subtract(e, c), subtract(d, b));
    let twice = add(db, db);
    [
        multiply_add(ec, four, subtract(a, c)),
        add(even, odd),
        subtract(even, odd),
        add(ec, twice),
        subtract(ec, twice),
        multiply_add(subtract(f, d), minus_four, db),
    ]
}

/// `Aᵀ m`.
#[inline(always)]
fn output_line([a, b, c, d, e, f]: [Lanes; SIDE]) -> [Lanes; OUT] {
    let (ones, odd_ones) = (add(b, c), subtract(b, c));
    let (twos, odd_twos) = (add(d, e), subtract(d, e));
    [
        add(add(a, ones), twos),
        multiply_add(odd_ones, splat(2.0), odd_twos),
        multiply_add(ones, splat(4.0), twos),
        add(multiply_add(odd_ones, splat(8.0), odd_twos), f),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::lanes;
    use super::*;

    /// Small integers, so that only the divisions are inexact.
    fn value(y: usize, x: usize) -> f32 {
        ((y * 7 + x * 5) % 11) as f32 - 5.0
    }

    #[test]
    fn transforms_compute_a_convolution() {
        let taps: [[f32; 3]; 3] = from_fn(|y| from_fn(|x| value(x, y + 1)));
        let transformed = input(from_fn(|y| from_fn(|x| splat(value(y, x)))));
        let weights = kernel(taps.map(|row| row.map(splat)));
        let found = output(from_fn(|y| from_fn(|x| multiply(transformed[y][x], weights[y][x]))));
        for (y, row) in found.into_iter().enumerate() {
            for (x, found) in row.into_iter().enumerate() {
                let places = (0..9).map(|tap| (tap / 3, tap % 3));
                let wanted: f32 = places.map(|(i, j)| value(y + i, x + j) * taps[i][j]).sum();
                assert!(lanes::array(found).iter().all(|found| (found - wanted).abs() < 1e-3), "{y} {x}: {found:?} {wanted}");
            }
        }
    }
}
