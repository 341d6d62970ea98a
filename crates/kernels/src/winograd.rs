//! Convolution by minimal filtering (Winograd's), for kernels of three by three without strides.
//!
//! The output is cut into tiles of four by four, each made of six by six values. In the space of the transforms (`transform`) a tile and a
//! channel take 36 products, where the definition takes 144. For each of the 36 points they are a matrix product,
//! `[C_out, C_in] · [C_in, tiles]`.

use super::lanes;
use super::microkernel::{self, Columns, MR, NR, Tile, Weights};
use super::transform::{self, OUT, SIDE};
use super::{BoundEpilogue, Window, direct};
use std::array::from_fn;
use std::ops::Range;

/// Points of a tile's transform.
const POINTS: usize = SIDE * SIDE;
/// Taps of a kernel.
const TAPS: usize = 9;
/// Panels of weights that are worked on at a time.
pub const GROUP: usize = 8;
/// Channels times panels of tiles that are worked on at a time: their transforms stay near the second-level cache.
const TRANSFORMED: usize = 256;
/// Between two points of a panel of tiles: were they apart by a power of two, they would compete for the same places in the cache.
const GAP: usize = 2;

/// Whether it is worth it on maps of that height and width.
///
/// It takes a panel full of tiles. Measured in V8 against `direct`, with 4 to 256 channels: maps of 8 tiles and more take a third to 0.85 of
/// the time. One tile, on maps of 4 by 4, takes up to 1.9 times as long; four, on maps of 7 by 7, take 0.6, but there the weights of
/// ResNet's 512 channels would grow from 9 to 38 MB a layer, to be read once a pass, and packing them takes what ten passes save.
pub fn pays(window: Window, (height, width): (usize, usize)) -> bool {
    let Window { kernel, stride, padding, dilation } = window;
    let tiles = window.out(height).div_ceil(OUT) * window.out(width).div_ceil(OUT);
    (kernel, stride, dilation) == (3, 1, 1) && padding < kernel && tiles >= NR
}

/// Appends the transforms of weights that `direct` packed: for each [`GROUP`] panels of [`MR`] filters, by point and panel, `[C_in]`.
pub fn pack(weights: &[Weights], channels: usize, packed: &mut Vec<Weights>) {
    let depth = channels * TAPS;
    let panels = weights.len() / depth.max(1);
    packed.reserve_exact(panels * POINTS * channels);
    for first in (0..panels).step_by(GROUP) {
        let count = GROUP.min(panels - first);
        let start = packed.len();
        packed.resize(start + count * POINTS * channels, [0.0; MR]);
        for panel in 0..count {
            let terms = direct::terms(weights, depth, (first + panel, panels));
            pack_panel(terms, channels, &mut packed[start + panel * channels..], count * channels);
        }
    }
}

/// The transforms of [`MR`] filters, those of a point `apart` from the next.
#[inline(never)]
fn pack_panel<'a>(mut terms: impl Iterator<Item = &'a Weights>, channels: usize, packed: &mut [Weights], apart: usize) {
    for channel in 0..channels {
        let kernel = from_fn(|_| from_fn(|_| lanes::new(terms.next().copied().unwrap_or_default())));
        for (point, values) in transform::kernel(kernel).as_flattened().iter().enumerate() {
            packed[point * apart + channel] = lanes::array(*values);
        }
    }
}

/// One picture's channels.
pub struct Picture<'a> {
    /// `[C_in, H, W]`.
    pub values: &'a [f32],
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// Zeros added on every side, at most two.
    pub padding: usize,
}

/// The filters that one thread works on, and what is done to their outputs.
pub struct Job<'a> {
    /// All weights of the group, as [`pack`] made them.
    pub packed: &'a [Weights],
    /// The first panel of this thread, a multiple of [`GROUP`].
    pub first: usize,
    /// Of this thread's filters.
    pub bound_epilogue: BoundEpilogue<'a>,
    /// `C_in`.
    pub channels: usize,
}

impl Job<'_> {
    /// Writes all outputs, `[filters, height, width]`.
    pub fn run(&self, picture: &Picture, out: &mut [f32], (height, width): (usize, usize)) {
        let columns = width.div_ceil(OUT);
        let tiles = height.div_ceil(OUT) * columns;
        let panels = tiles.div_ceil(NR);
        let most = (TRANSFORMED / self.channels.max(1)).clamp(1, panels);
        let step = panels.div_ceil(panels.div_ceil(most));
        let apart = self.channels + GAP;
        let mut transformed = vec![[lanes::splat(0.0); 2]; step * POINTS * apart];
        let mut products = vec![microkernel::zeros(); step * POINTS * GROUP];
        let mut band = Vec::new();
        for first in (0..tiles).step_by(step * NR) {
            let tiles = Tiles { range: first..tiles.min(first + step * NR), columns };
            picture.transform(&tiles, &mut band, &mut transformed, apart);
            let weights = self.packed[self.first * POINTS * self.channels..].chunks(GROUP * POINTS * self.channels);
            for (group, (weights, bias)) in weights.zip(self.bound_epilogue.bias.chunks(GROUP * MR)).enumerate() {
                let count = weights.len() / (POINTS * self.channels);
                for (point, weights) in weights.chunks_exact(count * self.channels).enumerate() {
                    for panel in 0..tiles.range.len().div_ceil(NR) {
                        let place = panel * POINTS + point;
                        let columns = &transformed[place * apart..][..self.channels];
                        microkernel::products(weights, columns, &mut products[place * GROUP..][..count]);
                    }
                }
                for (row, &bias) in bias.iter().enumerate() {
                    let filter = group * GROUP * MR + row;
                    let place = filter * height * width..(filter + 1) * height * width;
                    let add = self.bound_epilogue.add.map(|add| &add[place.clone()]);
                    let mut map = Map { values: &mut out[place], add, bias, relu: self.bound_epilogue.relu, width };
                    for (panel, products) in products.chunks_exact(POINTS * GROUP).enumerate() {
                        for half in 0..2 {
                            map.write(products, (row / MR, row % MR, half), tiles.four(panel, half));
                        }
                    }
                }
            }
        }
    }
}

/// Tiles that are worked on together.
struct Tiles {
    /// Row by row.
    range: Range<usize>,
    /// How many lie side by side.
    columns: usize,
}

impl Tiles {
    /// Row and column of the tiles that are half of a panel; nothing beyond the last.
    fn four(&self, panel: usize, half: usize) -> [Option<(usize, usize)>; 4] {
        let first = self.range.start + panel * NR + half * 4;
        from_fn(|index| {
            (first + index < self.range.end).then_some(((first + index) / self.columns, (first + index) % self.columns))
        })
    }
}

impl Picture<'_> {
    /// Writes the transforms of tiles, by panel and point, `[C_in]` and `apart` from the next. `band` is room for rows of a channel.
    #[inline(never)]
    fn transform(&self, tiles: &Tiles, band: &mut Vec<f32>, transformed: &mut [Columns], apart: usize) {
        let (top, bottom) = (tiles.range.start / tiles.columns, tiles.range.end.saturating_sub(1) / tiles.columns);
        // The rows that these tiles are made of, with zeros around. Every channel leaves those as they are.
        let line = tiles.columns * OUT + SIDE - OUT;
        band.clear();
        band.resize(((bottom - top) * OUT + SIDE) * line, 0.0);
        let first = (top * OUT).saturating_sub(self.padding);
        let skipped = first + self.padding - top * OUT;
        for (channel, values) in self.values.chunks_exact((self.height * self.width).max(1)).enumerate() {
            let rows = values.chunks_exact(self.width).skip(first);
            for (from, to) in rows.zip(band.chunks_exact_mut(line).skip(skipped)) {
                copy(from, &mut to[self.padding..]);
            }
            for (panel, transformed) in transformed.chunks_exact_mut(POINTS * apart).enumerate() {
                let [left, right] = [0, 1].map(|half| {
                    let places = tiles.four(panel, half).map(|tile| {
                        let (row, column) = tile.unwrap_or((top, 0));
                        ((row - top) * line + column) * OUT
                    });
                    transform(band, line, places)
                });
                for (point, (left, right)) in left.as_flattened().iter().zip(right.as_flattened()).enumerate() {
                    transformed[point * apart + channel] = [*left, *right];
                }
            }
        }
    }
}

/// The transforms of four tiles of one channel.
#[inline(always)]
fn transform(band: &[f32], line: usize, places: [usize; 4]) -> [[lanes::Lanes; SIDE]; SIDE] {
    transform::input(from_fn(|y| {
        let tiles = places.map(|place| match band[place + y * line..][..SIDE] {
            [a, b, c, d, e, f] => (lanes::new([a, b, c, d]), lanes::new([c, d, e, f])),
            _ => (lanes::splat(0.0), lanes::splat(0.0)),
        });
        let [a, b, c, d] = lanes::transpose(tiles.map(|(left, _)| left));
        let [_, _, e, f] = lanes::transpose(tiles.map(|(_, right)| right));
        [a, b, c, d, e, f]
    }))
}

/// As much of a row as there is room for. A loop, because rows are too short for a call.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
    let count = from.len().min(to.len());
    let ((from, from_rest), (to, to_rest)) = (from[..count].as_chunks::<4>(), to[..count].as_chunks_mut::<4>());
    for (from, to) in from.iter().zip(to) {
        *to = lanes::array(lanes::new(*from));
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        *to = *from;
    }
}

/// One filter's output, `[height, width]`.
struct Map<'a> {
    values: &'a mut [f32],
    add: Option<&'a [f32]>,
    bias: f32,
    relu: bool,
    width: usize,
}

impl Map<'_> {
    /// Writes four tiles: of one panel of weights, one of its rows and one half of the columns.
    #[inline(never)]
    fn write(&mut self, products: &[Tile], (panel, row, half): (usize, usize, usize), tiles: [Option<(usize, usize)>; 4]) {
        let outputs = transform::output(from_fn(|y| from_fn(|x| products[(y * SIDE + x) * GROUP + panel][row][half])));
        let bias = lanes::splat(self.bias);
        for (y, line) in outputs.into_iter().enumerate() {
            let lines = lanes::transpose(line.map(|values| lanes::add(values, bias)));
            for ((row, column), mut values) in tiles.into_iter().flatten().zip(lines) {
                // A tile may reach beyond the edge on the right, and below.
                let place = (row * OUT + y) * self.width + column * OUT;
                let count = OUT.min(self.width - column * OUT);
                let Some(to) = self.values.get_mut(place..place + count) else { continue };
                let more = self.add.map(|add| &add[place..place + count]);
                let finish = |sum| if self.relu { lanes::relu(sum) } else { sum };
                if let Some(to) = to.as_mut_array::<OUT>() {
                    if let Some(more) = more.and_then(|more| more.as_array::<OUT>()) {
                        values = lanes::add(values, lanes::new(*more));
                    }
                    *to = lanes::array(finish(values));
                    continue;
                }
                let mut end = [0.0; OUT];
                end[..count].copy_from_slice(more.unwrap_or(&[0.0; OUT][..count]));
                to.copy_from_slice(&lanes::array(finish(lanes::add(values, lanes::new(end))))[..count]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_layers_that_it_makes_faster() {
        let window = Window { kernel: 3, stride: 1, padding: 1, dilation: 1 };
        for (window, size, wanted) in [
            (window, (56, 56), true),
            (window, (14, 14), true),
            (window, (4, 29), true),
            (window, (7, 7), false),
            (Window { stride: 2, ..window }, (56, 56), false),
            (Window { dilation: 2, ..window }, (56, 56), false),
            (Window { kernel: 1, padding: 0, ..window }, (56, 56), false),
            (Window { padding: 3, ..window }, (56, 56), false),
        ] {
            assert_eq!(pays(window, size), wanted, "{window:?} {size:?}");
        }
    }
}
