//! Resize, centre crop, normalise: pixel for pixel what torchvision's `Resize` and `CenterCrop` make of a PIL image
//! (`torchvision/transforms/functional.py`, `_compute_resized_output_size` and `center_crop`), which timm's evaluation transform is
//! made of as well (`timm/data/transforms_factory.py`, `transforms_imagenet_eval`).

use super::ImageError;
use super::resample::resample;
use serde::{Deserialize, Serialize};

/// Longest side of a picture, in shortest sides; beyond it a square says nothing of the picture.
const MOST_THIN: usize = 1000;

/// Pillow's filter for resizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// A triangle.
    Bilinear,
    /// Cubic convolution with a = -0.5.
    Bicubic,
}

/// How a picture becomes a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square that the network reads, in pixels.
    pub size: usize,
    /// Length that the picture's shorter side is resized to, in pixels, before the centre is cut out.
    pub resize: usize,
    /// Share of that length that is cut out, where the author of the weights states it rather than the length (timm's `crop_pct`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_pct: Option<f64>,
    /// Filter of the resizing.
    pub interpolation: Interpolation,
    /// Mean of each channel, of values from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, of values from 0 to 1.
    pub std: [f32; 3],
}

impl Preprocess {
    /// The same preparation for another input size; the crop keeps its share of the picture, rounded down as timm does.
    pub fn at_size(self, size: usize) -> Self {
        let share = self.crop_pct.unwrap_or(self.size as f64 / self.resize as f64);
        Self { size, resize: ((size as f64 / share).floor() as usize).max(size), ..self }
    }
}

/// A picture of 8-bit RGB, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `3 * width * height` values.
    pub pixels: Vec<u8>,
}

impl Rgb {
    /// Lays RGBA over white, which is what a transparent picture stands on, on a page as in print (Pillow's `AlphaComposite.c`, whose
    /// arithmetic this is).
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Self {
        const BITS: u32 = 7;
        let over_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            let sum = ((value * alpha + 255 * (255 - alpha)) << BITS) + (0x80 << BITS);
            ((((sum >> 8) + sum) >> 8) >> BITS) as u8
        };
        let pixels = rgba.chunks_exact(4).flat_map(|p| [over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])]);
        Self { width, height, pixels: pixels.collect() }
    }
}

/// The very pixels that a network sees: the picture resized and its centre cut out, `size` by `size`.
///
/// `shift` moves the picture to the left and up by so many of those pixels; beyond its edge it is mirrored.
///
/// # Errors
/// When the picture is too thin, or `how` cuts out more than there is or next to nothing.
pub fn resize_and_crop(picture: &Rgb, how: &Preprocess, shift: (usize, usize)) -> Result<Rgb, ImageError> {
    let (width, height, size) = (picture.width, picture.height, how.size);
    if !(size..=2 * size).contains(&how.resize) {
        return Err(ImageError::Preprocess { size, resize: how.resize });
    }
    let short = width.min(height);
    let to = |side: usize| (how.resize as f64 * side as f64 / short as f64) as usize;
    let (to_width, to_height) = (to(width), to(height));
    if to_width.max(to_height) > MOST_THIN * how.resize {
        return Err(ImageError::TooThin { width, height });
    }
    if shift == (0, 0) {
        let middle = |side: usize| crop_start(side, size)..crop_start(side, size) + size;
        return Ok(resample(picture, to_width, to_height, how.interpolation, (middle(to_width), middle(to_height))));
    }
    let whole = resample(picture, to_width, to_height, how.interpolation, (0..to_width, 0..to_height));
    let mirrored = |at: usize, side: usize| {
        let at = at % (2 * side);
        if at < side { at } else { 2 * side - 1 - at }
    };
    let rows = (0..size).map(|row| mirrored(crop_start(to_height, size) + shift.1 + row, to_height));
    let columns: Vec<usize> = (0..size).map(|column| mirrored(crop_start(to_width, size) + shift.0 + column, to_width)).collect();
    let pixel = |row: usize, column: usize| &whole.pixels[3 * (row * to_width + column)..][..3];
    let pixels = rows.flat_map(|row| columns.iter().flat_map(move |&column| pixel(row, column))).copied().collect();
    Ok(Rgb { width: size, height: size, pixels })
}

/// Where the middle of a side begins: half of what is cut off, where that is no whole number rounded to the even one.
fn crop_start(side: usize, size: usize) -> usize {
    let cut = side - size;
    cut / 2 + (cut & (cut / 2) & 1)
}

/// Pixels to input values: `[3, H, W]`, scaled to 0..1, less the mean, over the standard deviation.
pub fn prepare(picture: &Rgb, how: &Preprocess) -> Vec<f32> {
    let channel = |c: usize| {
        picture.pixels.iter().skip(c).step_by(3).map(move |&value| (f32::from(value) / 255.0 - how.mean[c]) / how.std[c])
    };
    (0..3).flat_map(channel).collect()
}
