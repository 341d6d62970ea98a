//! Files to pixels, natively; in the browser the browser decodes. The reference for both stands in [`super`].

use super::{ImageError, Rgb, check_file, check_size};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError as DecodeError, ImageFormat, ImageReader, RgbImage};
use mozjpeg::{Decompress, Format, Marker};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use stridescope_i18n::{Message, msg};

/// Decodes a picture, turned as its EXIF orientation says; of an animation, the first frame.
///
/// # Errors
/// When the file is empty, too large, no picture, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Rgb, ImageError> {
    check_file(bytes.len() as u64, bytes)?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| ImageError::NotAPicture)?;
    let (mut picture, orientation) = if reader.format() == Some(ImageFormat::Jpeg) {
        let (pixels, orientation) = jpeg(bytes)?;
        (DynamicImage::ImageRgb8(pixels), orientation)
    } else {
        let mut decoder = reader.into_decoder().map_err(|error| sentence(&error))?;
        let (width, height) = decoder.dimensions();
        check_size(width.into(), height.into())?;
        let orientation = decoder.orientation().ok();
        (in_eight_bits(DynamicImage::from_decoder(decoder).map_err(|error| sentence(&error))?), orientation)
    };
    picture.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
    let rgba = picture.to_rgba8();
    Ok(Rgb::from_rgba(rgba.width() as usize, rgba.height() as usize, &rgba))
}

/// Keeps the upper byte of each 16-bit value.
fn in_eight_bits(picture: DynamicImage) -> DynamicImage {
    fn upper<P, Q>(from: &ImageBuffer<P, Vec<u16>>) -> Option<ImageBuffer<Q, Vec<u8>>>
    where
        P: image::Pixel<Subpixel = u16>,
        Q: image::Pixel<Subpixel = u8>,
    {
        ImageBuffer::from_raw(from.width(), from.height(), from.as_raw().iter().map(|value| (value >> 8) as u8).collect())
    }
    let shifted = match &picture {
        DynamicImage::ImageLuma16(deep) => upper(deep).map(DynamicImage::ImageLuma8),
        DynamicImage::ImageLumaA16(deep) => upper(deep).map(DynamicImage::ImageLumaA8),
        DynamicImage::ImageRgb16(deep) => upper(deep).map(DynamicImage::ImageRgb8),
        DynamicImage::ImageRgba16(deep) => upper(deep).map(DynamicImage::ImageRgba8),
        _ => None,
    };
    shifted.unwrap_or(picture)
}

/// Decodes a JPEG by libjpeg's own code.
fn jpeg(bytes: &[u8]) -> Result<(RgbImage, Option<Orientation>), ImageError> {
    if is_cut_off(bytes) {
        return Err(ImageError::Damaged(msg!("its end is missing")));
    }
    // libjpeg's errors unwind, with their sentence; nothing of it outlives the call.
    let decoded = catch_unwind(AssertUnwindSafe(|| -> Result<_, ImageError> {
        let refused = |error: std::io::Error| ImageError::Damaged(Message::Verbatim(error.to_string()));
        let decoder = Decompress::with_markers(&[Marker::APP(1)]).from_mem(bytes).map_err(refused)?;
        let (width, height) = decoder.size();
        check_size(width as u64, height as u64)?;
        let exif = decoder.markers().find_map(|marker| marker.data.strip_prefix(b"Exif\0\0"));
        let orientation = exif.and_then(Orientation::from_exif_chunk);
        let pixels: Vec<u8> = match decoder.image().map_err(refused)? {
            Format::RGB(mut lines) => lines.read_scanlines().map_err(refused)?,
            Format::Gray(mut lines) => {
                let grey: Vec<u8> = lines.read_scanlines().map_err(refused)?;
                grey.into_iter().flat_map(|value| [value; 3]).collect()
            }
            Format::CMYK(mut lines) => {
                let inks: Vec<[u8; 4]> = lines.read_scanlines().map_err(refused)?;
                inks.into_iter().flat_map(from_paper).collect()
            }
        };
        Ok((width as u32, height as u32, pixels, orientation))
    }));
    let (width, height, pixels, orientation) = decoded.unwrap_or_else(|cause| {
        let cause = cause.downcast_ref::<String>().map(|cause| cause.trim_start_matches("libjpeg fatal error: ").into());
        Err(ImageError::Damaged(cause.map_or(msg!("it cannot be decoded"), Message::Verbatim)))
    })?;
    let pixels = RgbImage::from_raw(width, height, pixels).ok_or_else(|| ImageError::Damaged(msg!("rows are missing")))?;
    Ok((pixels, orientation))
}

/// What is left of the light by cyan, magenta, yellow and black, which files hold complemented (Pillow's `Convert.c`, `cmyk2rgb`).
fn from_paper([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    [cyan, magenta, yellow].map(|light| {
        let absorbed = u32::from(255 - light) * u32::from(black) + 128;
        black - (((absorbed >> 8) + absorbed) >> 8) as u8
    })
}

/// Whether the coded pixels of a JPEG run on to the end of the file, with no marker to close them: the decoder would fill what is
/// missing with grey and say nothing.
fn is_cut_off(jpeg: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
    let mut rest = jpeg.get(2..).unwrap_or_default();
    while let [0xff, marker, segment @ ..] = rest {
        rest = match (*marker, segment) {
            (START_OF_SCAN, _) => return !segment.windows(2).any(|pair| pair == END_OF_IMAGE),
            (0xff, _) => &rest[1..],
            (_, [high, low, ..]) => segment.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default(),
            _ => return false,
        };
    }
    false
}

fn sentence(error: &DecodeError) -> ImageError {
    match error {
        DecodeError::Unsupported(_) => ImageError::NotAPicture,
        DecodeError::Limits(_) => ImageError::TooMuchMemory,
        other => {
            let text = other.to_string();
            ImageError::Damaged(Message::Verbatim(text.split('\n').next().unwrap_or_default().trim_end_matches('.').into()))
        }
    }
}
