//! Pictures to network input: decode, resize, crop, normalise.
//!
//! The reference, for every picture and both ends: Pillow opens the file (its libjpeg-turbo for JPEG; of an animation the first frame;
//! CMYK converted by `convert("RGB")`), `ImageOps.exif_transpose` turns it, 16 bits keep their upper 8, `alpha_composite` lays it over
//! white, and torchvision's `Resize` and `CenterCrop` do the rest. [`decode`](decode::decode) is that natively; in the browser, whose
//! own decoders are used, transparency may be one grey level off and JPEG two. Colour profiles are ignored.
//! `tests/pictures/reference.py` is this very paragraph in Python.

#[cfg(feature = "decode")]
pub mod decode;
pub mod exif;
mod png;
pub mod png16;
mod preprocess;
mod resample;

pub use preprocess::{Interpolation, Preprocess, Rgb, prepare, resize_and_crop};

use stridescope_i18n::{Explain, Message, explained, msg};

/// Largest picture file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 20_000_000;
/// Largest picture that is decoded, in pixels.
pub const MAX_PIXELS: u64 = 50_000_000;

/// Why a picture cannot be used. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageError {
    /// Nothing in it.
    Empty,
    /// Not a picture, or of a kind that is not read.
    NotAPicture,
    /// A vector graphic.
    Svg,
    /// The decoder gave up.
    Damaged(Message),
    /// Decoding it would take more memory than one picture is given.
    TooMuchMemory,
    /// Too many bytes.
    TooManyBytes {
        /// Its size.
        bytes: u64,
    },
    /// Too many pixels.
    TooManyPixels {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
    },
    /// So long and thin that nothing sensible is left.
    TooThin {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
    },
    /// The weights name a preparation that cannot be done.
    Preprocess {
        /// Side of the square to cut out.
        size: usize,
        /// Side that it is cut from.
        resize: usize,
    },
}

explained!(ImageError);

impl Explain for ImageError {
    fn message(&self) -> Message {
        match self {
            Self::Empty => msg!("this file is empty. Choose a JPEG, PNG, WebP, GIF or BMP picture"),
            Self::NotAPicture => msg!("this is no picture that can be read here. Choose a JPEG, PNG, WebP, GIF or BMP"),
            Self::Svg => msg!("this is an SVG drawing, which has no pixels of its own. Export it as PNG and choose that"),
            Self::Damaged(why) => msg!("this picture is damaged or cut off: {}. Save it again, or choose another", why),
            Self::TooMuchMemory => msg!("this picture takes too much memory to decode. Make it smaller first"),
            Self::TooManyBytes { bytes } => msg!(
                "this file is {} MB large; at most {} MB are read. Choose a smaller one",
                bytes / 1_000_000,
                MAX_FILE_BYTES / 1_000_000
            ),
            Self::TooManyPixels { width, height } => msg!(
                "this picture is {} × {} pixels; at most {} million pixels are decoded. Make it smaller first",
                width,
                height,
                MAX_PIXELS / 1_000_000
            ),
            Self::TooThin { width, height } => {
                msg!("this picture is {} × {} pixels, too long and thin to crop a square from. Choose another", width, height)
            }
            Self::Preprocess { size, resize } => msg!(
                "these weights ask for {0} × {0} pixels cut from {1} × {1}, which cannot be. Choose other weights",
                size,
                resize
            ),
        }
    }
}

/// Refuses a picture by the size that its header states, before anything is decoded.
///
/// # Errors
/// [`ImageError::TooManyPixels`], or [`ImageError::NotAPicture`] without any pixel.
pub fn check_size(width: u64, height: u64) -> Result<(), ImageError> {
    match width.saturating_mul(height) {
        0 => Err(ImageError::NotAPicture),
        pixels if pixels > MAX_PIXELS => Err(ImageError::TooManyPixels { width, height }),
        _ => Ok(()),
    }
}

/// Refuses a file by its length and its first bytes.
///
/// # Errors
/// [`ImageError::Empty`], [`ImageError::TooManyBytes`] or [`ImageError::Svg`].
pub fn check_file(bytes: u64, head: &[u8]) -> Result<(), ImageError> {
    if bytes == 0 {
        return Err(ImageError::Empty);
    }
    if bytes > MAX_FILE_BYTES {
        return Err(ImageError::TooManyBytes { bytes });
    }
    // Drawing programs put long comments first.
    let text = String::from_utf8_lossy(&head[..head.len().min(65_536)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let markup = ["<svg", "<?xml", "<!--", "<!DOCTYPE svg"].iter().any(|start| text.starts_with(start));
    if markup && text.contains("<svg") {
        return Err(ImageError::Svg);
    }
    Ok(())
}
