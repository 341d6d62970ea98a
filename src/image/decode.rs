//! Files to pixels, natively; in the browser the browser decodes.

use super::{ImageError, Rgb, check_file, check_size};
use image::{DynamicImage, ImageDecoder, ImageError as DecodeError, ImageFormat, ImageReader};
use std::io::Cursor;

/// Decodes a picture, turned as its EXIF orientation says; of an animation, the first frame.
///
/// # Errors
/// When the file is empty, too large, no picture, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Rgb, ImageError> {
    check_file(bytes.len() as u64, bytes)?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| ImageError::NotAPicture)?;
    if reader.format() == Some(ImageFormat::Jpeg) && is_cut_off(bytes) {
        return Err(ImageError::Damaged("its end is missing".into()));
    }
    let mut decoder = reader.into_decoder().map_err(|error| sentence(&error))?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| sentence(&error))?;
    picture.apply_orientation(orientation);
    let rgba = picture.to_rgba8();
    Ok(Rgb::from_rgba(rgba.width() as usize, rgba.height() as usize, &rgba))
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
            ImageError::Damaged(text.split('\n').next().unwrap_or_default().trim_end_matches('.').into())
        }
    }
}
