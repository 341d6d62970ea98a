//! Images to network input: decode, resize, crop, normalise. Depends on no other crate of this project, and on decoders only with the
//! feature `decode`. Knows no network and no browser.
//!
//! The reference for every image, natively and in the browser: Pillow opens the file (JPEG by its libjpeg-turbo; the first frame of an
//! animation; CMYK by `convert("RGB")`), `ImageOps.exif_transpose` applies the orientation, 16-bit channels keep their upper 8 bits,
//! `alpha_composite` composites over white, and torchvision's `Resize` and `CenterCrop` do the rest. [`decode`](decode::decode) is its
//! native implementation. In the browser, which uses its own decoders, transparency may differ by one grey level and JPEG by two. Colour
//! profiles are ignored. `tests/pictures/reference.py` is this reference in Python.

#[cfg(feature = "decode")]
pub mod decode;
pub mod exif;
mod png;
pub mod png16;
mod preprocess;
mod resample;

pub use preprocess::{Interpolation, Preprocess, Rgb, prepare, resize_and_crop};

use stridescope_i18n::{Explain, Message, explained, msg};

/// Largest image file, in bytes.
pub const MAX_FILE_BYTES: u64 = 20_000_000;
/// Largest image, in pixels.
pub const MAX_PIXELS: u64 = 50_000_000;

/// Why an image cannot be used. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageError {
    /// The file is empty.
    Empty,
    /// Not an image, or of an unsupported format.
    NotAPicture,
    /// A vector graphic.
    Svg,
    /// The decoder failed, with its message.
    Damaged(Message),
    /// Decoding would need too much memory.
    TooMuchMemory,
    /// The file is too large.
    TooManyBytes {
        /// Size of the file.
        bytes: u64,
    },
    /// The image has too many pixels.
    TooManyPixels {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
    },
    /// One side is too much longer than the other.
    TooThin {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The preprocessing of the weights is impossible.
    Preprocess {
        /// Side of the centre crop.
        size: usize,
        /// Length of the shorter side after resizing.
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

/// Checks the size in an image's header, before anything is decoded.
///
/// # Errors
/// [`ImageError::TooManyPixels`], or [`ImageError::NotAPicture`] for an empty image.
pub fn check_size(width: u64, height: u64) -> Result<(), ImageError> {
    match width.saturating_mul(height) {
        0 => Err(ImageError::NotAPicture),
        pixels if pixels > MAX_PIXELS => Err(ImageError::TooManyPixels { width, height }),
        _ => Ok(()),
    }
}

/// Checks the length and the first bytes of a file.
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
    // Drawing programs start SVG files with long comments.
    let text = String::from_utf8_lossy(&head[..head.len().min(65_536)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let markup = ["<svg", "<?xml", "<!--", "<!DOCTYPE svg"].iter().any(|start| text.starts_with(start));
    if markup && text.contains("<svg") {
        return Err(ImageError::Svg);
    }
    Ok(())
}
