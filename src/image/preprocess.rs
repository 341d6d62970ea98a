//! Resize, centre crop, normalise: torchvision's evaluation transform over Pillow's antialiased filters.

use super::ImageError;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde::{Deserialize, Serialize};

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
    /// Filter of the resizing.
    pub interpolation: Interpolation,
    /// Mean of each channel, of values from 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, of values from 0 to 1.
    pub std: [f32; 3],
}

impl Preprocess {
    /// The same preparation for another input size; the crop keeps its share of the picture.
    pub fn at_size(self, size: usize) -> Self {
        let resize = (self.resize as f64 * size as f64 / self.size as f64).round() as usize;
        Self { size, resize: resize.max(size), ..self }
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
    /// Lays RGBA over white, which is what a transparent picture stands on, on a page as in print.
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Self {
        let over_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let pixels = rgba.chunks_exact(4).flat_map(|p| [over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])]);
        Self { width, height, pixels: pixels.collect() }
    }
}

/// The very pixels that a network sees: the picture resized and its centre cut out, `size` by `size`.
///
/// # Errors
/// When the picture is so thin that its resized form would be enormous.
pub fn resize_and_crop(picture: &Rgb, how: &Preprocess) -> Result<Rgb, ImageError> {
    let (w, h, size) = (picture.width, picture.height, how.size);
    let scale = how.resize as f64 / w.min(h) as f64;
    let to = |side: usize| ((side as f64 * scale).round_ties_even() as usize).max(how.resize);
    let (to_w, to_h) = (to(w), to(h));
    let resize = |error: String| ImageError::Resize(error);

    if to_w.max(to_h) > 200 * how.resize {
        return Err(ImageError::TooThin { width: w, height: h });
    }
    let source =
        ImageRef::new(w as u32, h as u32, &picture.pixels, PixelType::U8x3).map_err(|error| resize(error.to_string()))?;
    let mut resized = Image::new(to_w as u32, to_h as u32, PixelType::U8x3);
    let filter = match how.interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
    };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut resized, Some(&options)).map_err(|error| resize(error.to_string()))?;

    let (left, top) = ((to_w - size) / 2, (to_h - size) / 2);
    let rows = resized.buffer().chunks_exact(3 * to_w).skip(top).take(size);
    let pixels = rows.flat_map(|row| &row[3 * left..3 * (left + size)]).copied().collect();
    Ok(Rgb { width: size, height: size, pixels })
}

/// Pixels to input values: `[3, H, W]`, scaled to 0..1, less the mean, over the standard deviation.
pub fn prepare(picture: &Rgb, how: &Preprocess) -> Vec<f32> {
    let channel = |c: usize| {
        picture.pixels.iter().skip(c).step_by(3).map(move |&value| (f32::from(value) / 255.0 - how.mean[c]) / how.std[c])
    };
    (0..3).flat_map(channel).collect()
}
