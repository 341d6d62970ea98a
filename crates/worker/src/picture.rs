//! Decodes an image file to pixels: the browser decodes, off the main thread.

use imagesize::ImageType;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use std::ops::Range;
use stridescope_i18n::msg;
use stridescope_image::exif::{self, Part, Upright};
use stridescope_image::{ImageError, Rgb, check_file, check_size, png16};
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, ColorSpaceConversion, ImageBitmap, ImageBitmapOptions, ImageOrientation, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d, ReadableStream, Response, WorkerGlobalScope,
};

/// Bytes that are read first: enough for the size in most headers, including metadata before it.
const HEAD_BYTES: f64 = 1_000_000.0;
/// Offset of the bit depth in a PNG.
const DEPTH: usize = 24;

/// Decodes an image, rotated by its EXIF orientation; the first frame of an animation; transparency over white. The rules are in
/// [`stridescope_image`].
pub async fn decode(blob: &Blob) -> Result<Rgb, ImageError> {
    let damaged = ImageError::Damaged;
    let mut head = bytes(blob, HEAD_BYTES).await?.to_vec();
    check_file(blob.size() as u64, &head)?;
    let mut size = imagesize::blob_size(&head);
    if size.is_err() && imagesize::image_type(&head).is_ok() && blob.size() > HEAD_BYTES {
        // The size may stand behind megabytes of metadata; it must be known before the image is decoded.
        head = bytes(blob, blob.size()).await?.to_vec();
        size = Ok(imagesize::blob_size(&head).map_err(|_| damaged(msg!("it does not say its size")))?);
    }
    if let Ok(size) = size {
        check_size(size.width as u64, size.height as u64)?;
    }
    let turned = match imagesize::image_type(&head) {
        Ok(ImageType::Png | ImageType::Webp) => upright(blob).await?,
        _ => None,
    };
    let (blob, orientation) = turned.as_ref().map_or((blob, 1), |(blob, orientation)| (blob, *orientation));
    if head.get(DEPTH) == Some(&16)
        && let Some(rgb) = sixteen_bits(blob).await
    {
        return Ok(rgb.turned(orientation));
    }
    let scope: WorkerGlobalScope = js_sys::global().dyn_into().map_err(|_| damaged(msg!("no worker decodes it")))?;
    let options = ImageBitmapOptions::new();
    options.set_image_orientation(ImageOrientation::FromImage);
    options.set_color_space_conversion(ColorSpaceConversion::None);
    let promise =
        scope.create_image_bitmap_with_blob_and_image_bitmap_options(blob, &options).map_err(|_| ImageError::NotAPicture)?;
    // The browser gives no reason. A file with an image's signature is a damaged one.
    let starts_like_a_picture = imagesize::image_type(&head).is_ok();
    let refused = |_| if starts_like_a_picture { damaged(msg!("the browser cannot decode it")) } else { ImageError::NotAPicture };
    let bitmap: ImageBitmap = JsFuture::from(promise).await.map_err(refused)?.dyn_into().map_err(|_| ImageError::NotAPicture)?;
    let rgb = pixels(&bitmap);
    bitmap.close();
    Ok(rgb?.turned(orientation))
}

/// The first bytes of a file, outside the engine's memory.
async fn bytes(blob: &Blob, count: f64) -> Result<Uint8Array, ImageError> {
    let head = blob.slice_with_f64_and_f64(0.0, count.min(blob.size())).map_err(unreadable)?;
    let buffer: ArrayBuffer = JsFuture::from(head.array_buffer()).await.map_err(unreadable)?.dyn_into().map_err(unreadable)?;
    Ok(Uint8Array::new(&buffer))
}

fn unreadable(_: JsValue) -> ImageError {
    ImageError::Damaged(msg!("the file cannot be read"))
}

/// A rotated image without its orientation, and the orientation.
async fn upright(blob: &Blob) -> Result<Option<(Blob, u8)>, ImageError> {
    let whole = bytes(blob, blob.size()).await?;
    let length = whole.length();
    let read = |range: Range<u64>| {
        let within = |at: u64| at.min(length.into()) as u32;
        whole.subarray(within(range.start), within(range.end)).to_vec()
    };
    let Some(Upright { orientation, parts }) = exif::find(length.into(), read) else { return Ok(None) };
    let pieces = Array::new();
    for part in parts {
        let piece = match part {
            Part::Kept(range) => whole.subarray(range.start as u32, range.end as u32),
            Part::Changed(bytes) => Uint8Array::from(&bytes[..]),
        };
        pieces.push(&piece);
    }
    Ok(Some((Blob::new_with_u8_array_sequence(&pieces).map_err(unreadable)?, orientation)))
}

#[wasm_bindgen]
extern "C" {
    type DecompressionStream;
    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<DecompressionStream, JsValue>;

    #[wasm_bindgen(extends = ReadableStream)]
    type Pipe;
    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Pipe, through: &DecompressionStream) -> Result<ReadableStream, JsValue>;
}

/// The pixels of a 16-bit PNG; none for any other or damaged file, which the browser then decodes or rejects.
async fn sixteen_bits(blob: &Blob) -> Option<Rgb> {
    let length = blob.size() as u64;
    let whole = bytes(blob, blob.size()).await.ok()?;
    let within = |range: Range<u64>| {
        let within = |at: u64| at.min(length) as u32;
        whole.subarray(within(range.start), within(range.end))
    };
    let deep = png16::find(length, |range| within(range).to_vec())?;
    let pieces: Array = deep.data.iter().map(|range| JsValue::from(within(range.clone()))).collect();
    let compressed = Blob::new_with_u8_array_sequence(&pieces).ok()?;
    let inflated = compressed.stream().unchecked_into::<Pipe>().pipe_through(&DecompressionStream::new("deflate").ok()?).ok()?;
    let answer = Response::new_with_opt_readable_stream(Some(&inflated)).ok()?;
    let buffer: ArrayBuffer = JsFuture::from(answer.array_buffer().ok()?).await.ok()?.dyn_into().ok()?;
    deep.pixels(Uint8Array::new(&buffer).to_vec())
}

fn pixels(bitmap: &ImageBitmap) -> Result<Rgb, ImageError> {
    let (width, height) = (bitmap.width(), bitmap.height());
    check_size(width.into(), height.into())?;
    let no_canvas = |_| ImageError::Damaged(msg!("there is no memory to draw it"));
    let canvas = OffscreenCanvas::new(width, height).map_err(no_canvas)?;
    let context = canvas.get_context("2d").map_err(no_canvas)?;
    let context: OffscreenCanvasRenderingContext2d = context
        .ok_or_else(|| ImageError::Damaged(msg!("there is no canvas to draw it")))?
        .dyn_into()
        .map_err(|o| no_canvas(o.into()))?;
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, width.into(), height.into());
    context.draw_image_with_image_bitmap(bitmap, 0.0, 0.0).map_err(no_canvas)?;
    let data = context.get_image_data(0.0, 0.0, width.into(), height.into()).map_err(no_canvas)?;
    Ok(Rgb::from_rgba(width as usize, height as usize, &data.data()))
}
