//! Resize, centre crop, normalise: the same pixels as torchvision's `Resize` and `CenterCrop` of a PIL image
//! (`torchvision/transforms/functional.py`, `_compute_resized_output_size` and `center_crop`), which timm's evaluation transform uses too
//! (`timm/data/transforms_factory.py`, `transforms_imagenet_eval`).

use super::ImageError;
use super::resample::resample;
use serde::{Deserialize, Serialize};

/// Largest ratio of an image's sides; beyond it, a square crop shows nothing of the image.
const MAX_ASPECT_RATIO: usize = 1000;

/// Pillow's filter for resampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Triangle filter.
    Bilinear,
    /// Cubic convolution with a = -0.5.
    Bicubic,
}

/// How an image becomes the input of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the network's square input, in pixels.
    pub size: usize,
    /// Length of the image's shorter side after resizing, in pixels, before the centre crop.
    pub resize: usize,
    /// The crop as a share of that length, if the author of the weights states it instead of the length (timm's `crop_pct`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_pct: Option<f64>,
    /// Filter of the resampling.
    pub interpolation: Interpolation,
    /// Mean per channel, for values from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation per channel, for values from 0 to 1.
    pub std: [f32; 3],
}

impl Preprocess {
    /// The same preprocessing for another input size; the crop keeps its share of the image, rounded down as in timm.
    pub fn at_size(self, size: usize) -> Self {
        let share = self.crop_pct.unwrap_or(self.size as f64 / self.resize as f64);
        Self { size, resize: ((size as f64 / share).floor() as usize).max(size), ..self }
    }
}

/// An 8-bit RGB image, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `3 * width * height` values.
    pub pixels: Vec<u8>,
}

impl Rgb {
    /// Composites RGBA over white, the background of a page and of paper, with the arithmetic of Pillow's `AlphaComposite.c`.
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

/// The pixels that the network reads: the image resized and centre-cropped to `size` by `size`.
///
/// `shift` moves the image left and up by as many of these pixels; beyond its edge it is mirrored.
///
/// # Errors
/// If the image is too thin, or the crop of `how` is larger than the resized image or almost empty.
pub fn resize_and_crop(image: &Rgb, how: &Preprocess, shift: (usize, usize)) -> Result<Rgb, ImageError> {
    let (width, height, size) = (image.width, image.height, how.size);
    if !(size..=2 * size).contains(&how.resize) {
        return Err(ImageError::Preprocess { size, resize: how.resize });
    }
    let short = width.min(height);
    let to = |side: usize| (how.resize as f64 * side as f64 / short as f64) as usize;
    let (to_width, to_height) = (to(width), to(height));
    if to_width.max(to_height) > MAX_ASPECT_RATIO * how.resize {
        return Err(ImageError::TooThin { width, height });
    }
    if shift == (0, 0) {
        let middle = |side: usize| crop_start(side, size)..crop_start(side, size) + size;
        return Ok(resample(image, to_width, to_height, how.interpolation, (middle(to_width), middle(to_height))));
    }
    let whole = resample(image, to_width, to_height, how.interpolation, (0..to_width, 0..to_height));
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

/// Start of the centre crop: half of what is cut off, rounded half to even.
fn crop_start(side: usize, size: usize) -> usize {
    let cut = side - size;
    cut / 2 + (cut & (cut / 2) & 1)
}

/// The input values of an image: `[3, H, W]`, scaled to 0..1, minus the mean, divided by the standard deviation.
pub fn prepare(image: &Rgb, how: &Preprocess) -> Vec<f32> {
    let channel = |c: usize| {
        image.pixels.iter().skip(c).step_by(3).map(move |&value| (f32::from(value) / 255.0 - how.mean[c]) / how.std[c])
    };
    (0..3).flat_map(channel).collect()
}
