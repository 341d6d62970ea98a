//! The checks of an image file before it is decoded, and the path from pixels to a network's input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_image::{Rgb, check_file, check_size, exif, png16, prepare, resize_and_crop};
use stridescope_weights::catalogue;

fuzz_target!(|input: (u64, u8, u8, u8, (u8, u8), Vec<u8>)| {
    let (bytes, width, height, size, shift, values) = input;
    let _ = check_file(bytes, &values);
    let read = |range: std::ops::Range<u64>| {
        let within = |at: u64| at.min(values.len() as u64) as usize;
        values[within(range.start)..within(range.end)].to_vec()
    };
    let _ = exif::find(values.len() as u64, read);
    if let Some(deep) = png16::find(values.len() as u64, read) {
        let _ = deep.pixels(values.clone());
    }
    let (width, height) = (usize::from(width), usize::from(height));
    if check_size(width as u64, height as u64).is_err() {
        return;
    }
    let rgba: Vec<u8> = values.iter().copied().chain(std::iter::repeat(0)).take(4 * width * height).collect();
    let picture = Rgb::from_rgba(width, height, &rgba);
    let Some(entry) = catalogue::for_net("tiny-a") else { return };
    let how = entry.card.preprocess.at_size(usize::from(size).max(1));
    if let Ok(square) = resize_and_crop(&picture, &how, (shift.0.into(), shift.1.into())) {
        assert!(prepare(&square, &how).iter().all(|value| value.is_finite()));
    }
});
