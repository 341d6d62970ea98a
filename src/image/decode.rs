//! Files to pixels, natively; in the browser the browser decodes.

use super::{ImageError, Rgb, check_file, check_size};
use image::{DynamicImage, ImageDecoder, ImageError as DecodeError, ImageReader};
use std::io::Cursor;

/// Decodes a picture, turned as its EXIF orientation says; of an animation, the first frame.
///
/// # Errors
/// When the file is empty, too large, no picture, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Rgb, ImageError> {
    check_file(bytes.len() as u64, bytes)?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| ImageError::NotAPicture)?;
    let mut decoder = reader.into_decoder().map_err(|error| sentence(&error))?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into())?;
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| sentence(&error))?;
    picture.apply_orientation(orientation);
    let rgba = picture.to_rgba8();
    Ok(Rgb::from_rgba(rgba.width() as usize, rgba.height() as usize, &rgba))
}

fn sentence(error: &DecodeError) -> ImageError {
    match error {
        DecodeError::Unsupported(_) => ImageError::NotAPicture,
        other => {
            let text = other.to_string();
            ImageError::Damaged(text.split('\n').next().unwrap_or_default().trim_end_matches('.').into())
        }
    }
}
