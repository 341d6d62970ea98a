//! Winograd convolution (minimal filtering) for 3x3 kernels with stride 1.
//!
//! The output is cut into 4x4 tiles, each computed from 6x6 values. In the transformed space (`transform`), a tile needs 36 products per
//! channel instead of 144. For each of the 36 points, the products form a matrix product, `[C_out, C_in] · [C_in, tiles]`.

use super::lanes;
use super::microkernel::{self, Columns, MR, NR, Tile, Weights};
use super::transform::{self, OUT, SIDE};
use super::{BoundEpilogue, Window, direct};
use std::array::from_fn;
use std::ops::Range;

/// Points of a transformed tile.
const POINTS: usize = SIDE * SIDE;
/// Taps of a kernel.
const TAPS: usize = 9;
/// Panels of weights per iteration.
pub const GROUP: usize = 8;
/// Channels times panels of tiles per iteration: their transforms fit the L2 cache.
const TRANSFORMED: usize = 256;
/// Gap between two points of a panel of tiles: at a distance of a power of two they would compete for the same cache sets.
const GAP: usize = 2;

/// Whether Winograd is faster for maps of this height and width.
///
/// It needs a full panel of tiles. Measured in V8 against `direct` with 4 to 256 channels: for maps of 8 tiles or more it takes 0.33 to
/// 0.85 of the time. For one tile (4x4 maps) it takes up to 1.9 times as long. For four tiles (7x7 maps) it takes 0.6 of the time, but the
/// weights of ResNet's 512 channels would grow from 9 to 38 MB per layer, read once per pass, and packing them costs what ten passes save.
pub fn pays(window: Window, (height, width): (usize, usize)) -> bool {
    let Window { kernel, stride, padding, dilation } = window;
    let tiles = window.out(height).div_ceil(OUT) * window.out(width).div_ceil(OUT);
    (kernel, stride, dilation) == (3, 1, 1) && padding < kernel && tiles >= NR
}

/// Appends the transforms of weights packed by `direct`: for each [`GROUP`] panels of [`MR`] filters, by point and panel, `[C_in]`.
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

/// The transforms of [`MR`] filters, with points at a distance of `apart`.
#[inline(never)]
fn pack_panel<'a>(mut terms: impl Iterator<Item = &'a Weights>, channels: usize, packed: &mut [Weights], apart: usize) {
    for channel in 0..channels {
        let kernel = from_fn(|_| from_fn(|_| lanes::new(terms.next().copied().unwrap_or_default())));
        for (point, values) in transform::kernel(kernel).as_flattened().iter().enumerate() {
            packed[point * apart + channel] = lanes::array(*values);
        }
    }
}

/// One image of a batch.
pub struct Image<'a> {
    /// `[C_in, H, W]`, row-major.
    pub values: &'a [f32],
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// Zeros added on each side, at most two.
    pub padding: usize,
}

/// The work of one thread: its filters and their epilogue.
pub struct Job<'a> {
    /// All weights of the group, packed by [`pack`].
    pub packed: &'a [Weights],
    /// The first panel of this thread, a multiple of [`GROUP`].
    pub first: usize,
    /// The epilogue of this thread's filters.
    pub bound_epilogue: BoundEpilogue<'a>,
    /// Input channels.
    pub channels: usize,
}

impl Job<'_> {
    /// Writes all outputs, `[filters, height, width]`.
    pub fn run(&self, image: &Image, out: &mut [f32], (height, width): (usize, usize)) {
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
            image.transform(&tiles, &mut band, &mut transformed, apart);
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

/// Tiles processed together.
struct Tiles {
    /// Indices, row-major.
    range: Range<usize>,
    /// Tiles per row.
    columns: usize,
}

impl Tiles {
    /// Row and column of the four tiles in one half of a panel; `None` after the last tile.
    fn four(&self, panel: usize, half: usize) -> [Option<(usize, usize)>; 4] {
        let first = self.range.start + panel * NR + half * 4;
        from_fn(|index| {
            (first + index < self.range.end).then_some(((first + index) / self.columns, (first + index) % self.columns))
        })
    }
}

impl Image<'_> {
    /// Writes the transforms of tiles, by panel and point, `[C_in]`, at a distance of `apart`. `band` is a scratch buffer for rows of a
    /// channel.
    #[inline(never)]
    fn transform(&self, tiles: &Tiles, band: &mut Vec<f32>, transformed: &mut [Columns], apart: usize) {
        let (top, bottom) = (tiles.range.start / tiles.columns, tiles.range.end.saturating_sub(1) / tiles.columns);
        // The rows behind these tiles, with a border of zeros that every channel reuses.
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

/// The transforms of four tiles in one channel.
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

/// Copies as much of a row as fits. A loop, because rows are too short for a call to `memcpy`.
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

/// The output of one filter, `[height, width]`.
struct Map<'a> {
    values: &'a mut [f32],
    add: Option<&'a [f32]>,
    bias: f32,
    relu: bool,
    width: usize,
}

impl Map<'_> {
    /// Writes four tiles: of one panel of weights, one row of it, and one half of the columns.
    #[inline(never)]
    fn write(&mut self, products: &[Tile], (panel, row, half): (usize, usize, usize), tiles: [Option<(usize, usize)>; 4]) {
        let outputs = transform::output(from_fn(|y| from_fn(|x| products[(y * SIDE + x) * GROUP + panel][row][half])));
        let bias = lanes::splat(self.bias);
        for (y, line) in outputs.into_iter().enumerate() {
            let lines = lanes::transpose(line.map(|values| lanes::add(values, bias)));
            for ((row, column), mut values) in tiles.into_iter().flatten().zip(lines) {
                // A tile may extend beyond the right and the lower edge.
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
    fn pays_where_it_is_faster() {
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
