//! Pillow's antialiased resampling of 8-bit images, bit for bit.
//!
//! After `src/libImaging/Resample.c` of Pillow 13: when shrinking, the filter is stretched by the scale; weights are 22-bit fixed point;
//! the result of the first pass is rounded to 8 bits before the second. This matters: a resampling with coarser weights, off by one grey
//! level in places, changes ResNet-50's probabilities by a percentage point.

use super::{Interpolation, Rgb};
use std::ops::Range;

const PRECISION_BITS: u32 = 32 - 8 - 2;

/// How one output position is computed: the first input position and the weights from there on.
struct Taps {
    start: usize,
    weights: Vec<i32>,
}

/// Resizes an image to `width` by `height`, and computes only the columns and rows of `keep`.
pub fn resample(image: &Rgb, width: usize, height: usize, filter: Interpolation, keep: (Range<usize>, Range<usize>)) -> Rgb {
    let columns: Vec<Taps> = keep.0.map(|x| taps(image.width, width, x, filter)).collect();
    let rows: Vec<Taps> = keep.1.map(|y| taps(image.height, height, y, filter)).collect();
    // Since Pillow 13. The result of the first pass is rounded, so the order of the passes changes the result.
    let shrink_by = |from: usize, to: usize| from as i64 - to as i64;
    let is_height_first = shrink_by(image.height, height) > 0.max(2 * shrink_by(image.width, width));
    if is_height_first {
        let read = read_of(&columns);
        let flat = down(image, &rows, read.clone(), 0);
        across(&flat, &columns, 0..flat.height, read.start)
    } else {
        let read = read_of(&rows);
        let narrow = across(image, &columns, read.clone(), 0);
        down(&narrow, &rows, 0..narrow.width, read.start)
    }
}

/// The range of input positions that are read.
fn read_of(taps: &[Taps]) -> Range<usize> {
    let start = taps.iter().map(|taps| taps.start).min().unwrap_or(0);
    start..taps.iter().map(|taps| taps.start + taps.weights.len()).max().unwrap_or(0)
}

/// Resamples rows horizontally; the image starts at column `from` of the one that `columns` refers to.
fn across(image: &Rgb, columns: &[Taps], rows: Range<usize>, from: usize) -> Rgb {
    let mut pixels = Vec::with_capacity(rows.len() * columns.len() * 3);
    for row in image.pixels.chunks_exact(3 * image.width).skip(rows.start).take(rows.len()) {
        for taps in columns {
            let read = row[3 * (taps.start - from)..].chunks_exact(3).zip(&taps.weights);
            pixels.extend(weighted(read.map(|(pixel, weight)| ([pixel[0], pixel[1], pixel[2]], *weight))));
        }
    }
    Rgb { width: columns.len(), height: rows.len(), pixels }
}

/// Resamples columns vertically; the image starts at row `from` of the one that `rows` refers to.
fn down(image: &Rgb, rows: &[Taps], columns: Range<usize>, from: usize) -> Rgb {
    let stride = 3 * image.width;
    let mut pixels = Vec::with_capacity(rows.len() * columns.len() * 3);
    for taps in rows {
        let start = (taps.start - from) * stride;
        for x in columns.clone() {
            let read = image.pixels[start + 3 * x..].chunks(stride).zip(&taps.weights);
            pixels.extend(weighted(read.map(|(pixel, weight)| ([pixel[0], pixel[1], pixel[2]], *weight))));
        }
    }
    Rgb { width: columns.len(), height: rows.len(), pixels }
}

/// Σ weight · pixel, rounded to 8 bits.
fn weighted(pixels: impl Iterator<Item = ([u8; 3], i32)>) -> [u8; 3] {
    let mut sums = [1i32 << (PRECISION_BITS - 1); 3];
    for (pixel, weight) in pixels {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += i32::from(value) * weight;
        }
    }
    sums.map(|sum| (sum >> PRECISION_BITS).clamp(0, 255) as u8)
}

/// The weights of output position `at` when `from` positions are resampled to `to`.
fn taps(from: usize, to: usize, at: usize, filter: Interpolation) -> Taps {
    if from == to {
        return Taps { start: at, weights: vec![1 << PRECISION_BITS] };
    }
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let centre = (at as f64 + 0.5) * scale;
    // Truncates, as a C cast does.
    let start = (centre - support + 0.5).max(0.0) as usize;
    let end = ((centre + support + 0.5) as usize).min(from);
    let squeeze = 1.0 / stretch;
    let weights: Vec<f64> = (start..end).map(|x| filter.weight((x as f64 - centre + 0.5) * squeeze)).collect();
    let sum: f64 = weights.iter().sum();
    let fixed = |weight: f64| (weight / sum * f64::from(1 << PRECISION_BITS)).round() as i32;
    Taps { start, weights: weights.into_iter().map(fixed).collect() }
}

impl Interpolation {
    /// Half of the filter's width at scale 1.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic => {
                const A: f64 = -0.5;
                if x < 1.0 {
                    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    (((x - 5.0) * x + 8.0) * x - 4.0) * A
                } else {
                    0.0
                }
            }
        }
    }
}
