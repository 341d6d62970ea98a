//! Pictures: resized as Pillow resizes them, read whatever their kind, refused with a sentence when they cannot be.
//! `tests/pictures/make.py` made the fixtures.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
#[path = "pictures/random.rs"]
mod random;

use cases::thousand;
use image::ImageEncoder;
use proptest::prelude::*;
use sha2::Digest;
use std::path::{Path, PathBuf};
use stridescope_i18n::msg;
use stridescope_image::exif::{self, Part};
use stridescope_image::png16;
use stridescope_image::{
    ImageError, Interpolation, MAX_FILE_BYTES, Preprocess, Rgb, check_file, check_size, decode::decode, prepare, resize_and_crop,
};

fn pictures(folder: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/pictures").join(folder)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(pictures("files").join(name)).unwrap()
}

/// The RGB that Pillow finds in a file.
fn pixels(name: &str) -> Rgb {
    decode(&std::fs::read(pictures("pixels").join(name).with_extension("png")).unwrap()).unwrap()
}

fn how(size: usize, resize: usize, interpolation: Interpolation) -> Preprocess {
    Preprocess { size, resize, crop_pct: None, interpolation, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
}

/// The largest difference of any value, and how many values differ at all.
fn difference(a: &Rgb, b: &Rgb) -> (u8, usize) {
    assert_eq!((a.width, a.height, a.pixels.len()), (b.width, b.height, b.pixels.len()));
    let off = || a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b));
    (off().max().unwrap(), off().filter(|&off| off > 0).count())
}

/// The same pictures as `source` in `tests/pictures/make.py`.
fn source(kind: &str, width: usize, height: usize) -> Rgb {
    let unit = (width.min(height) / 12).max(1);
    let drawn = |x: usize, y: usize| {
        let red = if ((x + 2 * y) / unit).is_multiple_of(2) { 20 } else { 250 };
        let green = (x * 7 / width * 36 + y * 4 / height) as u8;
        let blue = if (x / (unit + 1) + y / unit).is_multiple_of(2) { 60 } else { 230 };
        [red, green, blue]
    };
    let noise = |x: usize, y: usize| {
        [0u32, 1, 2].map(|c| {
            let n = (x as u32).wrapping_mul(0x9e37_79b1).wrapping_add((y as u32).wrapping_mul(0x85eb_ca77));
            let n = n.wrapping_add(c.wrapping_mul(0xc2b2_ae3d));
            let n = (n ^ (n >> 15)).wrapping_mul(0x2c1b_3c6d);
            ((n ^ (n >> 12)) >> 8) as u8
        })
    };
    let pixel = |x, y| if kind == "drawn" { drawn(x, y) } else { noise(x, y) };
    Rgb { width, height, pixels: (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect() }
}

/// Landscape, portrait, odd sides, enlarged from 1x1 and 5x3, reduced sixteenfold, thin; smooth and noisy; both filters.
#[test]
fn resizing_and_cropping_give_pillows_pixels() {
    let mut cases = 0;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(pictures("resized")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let [kind, shape, size, resize, filter] = name.split('-').collect::<Vec<_>>().try_into().unwrap();
        let (width, height) = shape.split_once('x').unwrap();
        let filter = if filter == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
        let how = how(size.parse().unwrap(), resize.parse().unwrap(), filter);
        let ours = resize_and_crop(&source(kind, width.parse().unwrap(), height.parse().unwrap()), &how, (0, 0)).unwrap();
        let pillows = decode(&std::fs::read(&path).unwrap()).unwrap();
        let (most, differing) = difference(&ours, &pillows);
        assert_eq!((most, differing), (0, 0), "{name}: so much is a value off, so many are");
        cases += 1;
    }
    assert_eq!(cases, 46);
}

/// Every square of the random pictures is torchvision's, of Pillow's decoding, bit for bit: `tests/pictures/random_golden.py` wrote the sums.
#[test]
fn what_networks_read_of_random_pictures_is_the_references_to_the_bit() {
    let golden =
        std::fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/golden/pictures.tsv"))
            .unwrap();
    let lines: Vec<&str> = golden.lines().collect();
    assert_eq!(lines.len(), random::COUNT);
    let half = lines.len() / 2;
    let wrong =
        |range: std::ops::Range<usize>| -> Vec<String> { range.filter_map(|index| departs(index, lines[index])).collect() };
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(|| wrong(half..lines.len()));
        [wrong(0..half), other.join().unwrap()].concat()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

/// What is wrong with a random picture's square, held against its line `name size resize filter sum`.
fn departs(index: usize, line: &str) -> Option<String> {
    let drawn = random::draw(index);
    let filter = if drawn.how.interpolation == Interpolation::Bicubic { "bicubic" } else { "bilinear" };
    let square = resize_and_crop(&decode(&drawn.bytes).unwrap(), &drawn.how, (0, 0)).unwrap();
    let sum: String = sha2::Sha256::digest(&square.pixels).iter().map(|byte| format!("{byte:02x}")).collect();
    let ours = format!("{}\t{}\t{}\t{filter}\t{sum}", drawn.name, drawn.how.size, drawn.how.resize);
    (ours != line).then_some(ours)
}

/// Pixels that are numbered show where each one went.
#[test]
fn a_picture_that_is_moved_is_mirrored_beyond_its_edges() {
    let numbered = |width: usize, height: usize| {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        Rgb { width, height, pixels }
    };
    let moved = |picture: &Rgb, how: &Preprocess, shift: (usize, usize)| {
        let crop = resize_and_crop(picture, how, shift).unwrap();
        let columns: Vec<u8> = crop.pixels.chunks(3).take(how.size).map(|pixel| pixel[0]).collect();
        let rows: Vec<u8> = crop.pixels.chunks(3 * how.size).map(|row| row[1]).collect();
        let whole = rows.iter().flat_map(|&y| columns.iter().flat_map(move |&x| [x, y, 7])).collect();
        assert_eq!(crop, Rgb { width: how.size, height: how.size, pixels: whole });
        (columns, rows)
    };
    let square = numbered(4, 4);
    let all = how(4, 4, Interpolation::Bilinear);
    assert_eq!(moved(&square, &all, (0, 0)), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
    assert_eq!(moved(&square, &all, (1, 0)), (vec![1, 2, 3, 3], vec![0, 1, 2, 3]));
    assert_eq!(moved(&square, &all, (5, 4)), (vec![2, 1, 0, 0], vec![3, 2, 1, 0]));
    assert_eq!(moved(&square, &all, (8, 11)), (vec![0, 1, 2, 3], vec![3, 3, 2, 1]));
    // Of a picture that is wider than it is high, and a square from its middle.
    assert_eq!(moved(&numbered(12, 8), &how(4, 8, Interpolation::Bilinear), (2, 1)), (vec![6, 7, 8, 9], vec![3, 4, 5, 6]));
}

#[test]
fn values_are_scaled_less_the_mean_over_the_deviation_channel_by_channel() {
    let picture = Rgb { width: 2, height: 1, pixels: vec![0, 51, 102, 255, 204, 153] };
    let how = Preprocess { mean: [0.5, 0.25, 0.0], std: [0.5, 1.0, 0.1], ..how(2, 2, Interpolation::Bilinear) };
    let values = prepare(&picture, &how);
    assert_eq!(values.len(), 6);
    for (value, wanted) in values.into_iter().zip([-1.0, 1.0, -0.05, 0.55, 4.0, 6.0]) {
        assert!((value - wanted).abs() < 1e-6, "{value} instead of {wanted}");
    }
}

#[test]
fn another_size_keeps_the_share_that_is_cut_out() {
    for (size, resize, to, wanted) in
        [(224, 256, 128, 146), (224, 256, 160, 182), (128, 128, 224, 224), (224, 236, 32, 33), (224, 225, 32, 32)]
    {
        let how = how(size, resize, Interpolation::Bilinear).at_size(to);
        assert_eq!((how.size, how.resize), (to, wanted), "{size} of {resize} at {to}");
    }
    // 95 % of 235 px are not quite 224: where the share is stated it counts, as in timm.
    for (to, wanted) in [(224, 235), (160, 168), (288, 303)] {
        let how = Preprocess { crop_pct: Some(0.95), ..how(224, 235, Interpolation::Bicubic) }.at_size(to);
        assert_eq!((how.size, how.resize), (to, wanted), "95 % at {to}");
    }
}

/// To the bit, but for lossy WebP, whose colours another decoder upsamples.
#[test]
fn every_kind_of_picture_is_read_as_pillow_reads_it() {
    let cases = [
        ("jpeg-rgb.jpg", 0),
        ("jpeg-progressive.jpg", 0),
        ("jpeg-grey.jpg", 0),
        ("jpeg-cmyk.jpg", 0),
        ("jpeg-ycck.jpg", 0),
        ("png-rgb16.png", 0),
        ("png-grey16.png", 0),
        ("png-grey-alpha.png", 0),
        ("png-rgba.png", 0),
        ("png-rgb-key.png", 0),
        ("png-one-bit.png", 0),
        ("png-palette.png", 0),
        ("png-palette-alpha.png", 0),
        ("gif-animated.gif", 0),
        ("gif-transparent.gif", 0),
        ("webp-lossless.webp", 0),
        ("webp-lossy.webp", 3),
        ("webp-animated.webp", 0),
        ("bmp-24.bmp", 0),
        ("bmp-palette.bmp", 0),
    ];
    for (name, tolerance) in cases {
        let picture = decode(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (most, _) = difference(&picture, &pixels(name));
        assert!(most <= tolerance, "{name}: a value is {most} off");
    }
}

#[test]
fn every_exif_orientation_comes_out_upright() {
    let upright = pixels("jpeg-rgb");
    for tag in 1..=8 {
        let picture = decode(&file(&format!("exif-{tag}.jpg"))).unwrap();
        assert_eq!((picture.width, picture.height), (24, 16), "orientation {tag}");
        let (most, _) = difference(&picture, &upright);
        assert!(most == 0, "orientation {tag}: a value is {most} off");
    }
}

/// What the page does with PNG and WebP: their orientation is taken out of the file, which stays a picture, and the pixels are turned.
#[test]
fn an_orientation_can_be_taken_out_of_a_file() {
    let rgb = source("drawn", 12, 7);
    for tag in 0..=9u8 {
        for (big, kind) in [(false, "png"), (true, "png"), (false, "webp"), (true, "webp")] {
            let exif = if big {
                [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[tag, 0, 0], &[0; 4]].concat()
            } else {
                [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[tag, 0, 0, 0], &[0; 4]].concat()
            };
            let mut file = Vec::new();
            if kind == "png" {
                let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
                encoder.set_exif_metadata(exif.clone()).unwrap();
                encoder.write_image(&rgb.pixels, 12, 7, image::ExtendedColorType::Rgb8).unwrap();
            } else {
                let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut file);
                encoder.set_exif_metadata(exif.clone()).unwrap();
                encoder.write_image(&rgb.pixels, 12, 7, image::ExtendedColorType::Rgb8).unwrap();
            }
            let read = |range: std::ops::Range<u64>| {
                let within = |at: u64| (at as usize).min(file.len());
                file[within(range.start)..within(range.end)].to_vec()
            };
            let found = exif::find(file.len() as u64, read);
            assert_eq!(found.as_ref().map(|found| found.orientation), (2..=8).contains(&tag).then_some(tag), "{kind} {tag}");
            let Some(found) = found else { continue };
            let rest: Vec<u8> = found
                .parts
                .into_iter()
                .flat_map(|part| match part {
                    Part::Kept(range) => read(range),
                    Part::Changed(bytes) => bytes,
                })
                .collect();
            assert!(!rest.windows(4).any(|name| name == b"eXIf" || name == b"EXIF"));
            assert_eq!(decode(&rest).unwrap(), rgb, "{kind} {tag}: what is left");
            // The decoder turns by the very tag.
            assert_eq!(decode(&rest).unwrap().turned(tag), decode(&file).unwrap(), "{kind} {tag}");
            for cut in 0..file.len() {
                let cut_read = |range: std::ops::Range<u64>| {
                    let within = |at: u64| (at as usize).min(cut);
                    file[within(range.start)..within(range.end)].to_vec()
                };
                exif::find(cut as u64, cut_read);
            }
        }
    }
}

/// What the page does with PNGs of 16 bits: their inflated data become what the reference reads, whatever the filters of their rows.
#[test]
fn sixteen_bits_are_taken_out_of_a_file() {
    use image::ExtendedColorType::{L16, La16, Rgb8, Rgb16, Rgba16};
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let (width, height) = (23, 17);
    let noise = source("noise", 8 * width, height).pixels;
    for (colour, channels) in [(L16, 1), (La16, 2), (Rgb16, 3), (Rgba16, 4)] {
        for filter in
            [FilterType::NoFilter, FilterType::Sub, FilterType::Up, FilterType::Avg, FilterType::Paeth, FilterType::Adaptive]
        {
            let mut file = Vec::new();
            let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, filter);
            encoder.write_image(&noise[..2 * channels * width * height], width as u32, height as u32, colour).unwrap();
            let read = |range: std::ops::Range<u64>| {
                let within = |at: u64| (at as usize).min(file.len());
                file[within(range.start)..within(range.end)].to_vec()
            };
            let deep = png16::find(file.len() as u64, read).unwrap();
            let compressed: Vec<u8> = deep.data.iter().flat_map(|range| read(range.clone())).collect();
            let mut inflated = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&compressed[..]), &mut inflated).unwrap();
            assert_eq!(deep.pixels(inflated.clone()).unwrap(), decode(&file).unwrap(), "{channels} channels, {filter:?}");
            // Anything else is the browser's business.
            assert_eq!(deep.pixels(inflated[1..].to_vec()), None);
            inflated[0] = 9;
            assert_eq!(deep.pixels(inflated), None);
            for cut in 0..file.len() {
                let cut_read = |range: std::ops::Range<u64>| {
                    let within = |at: u64| (at as usize).min(cut);
                    file[within(range.start)..within(range.end)].to_vec()
                };
                assert_eq!(png16::find(cut as u64, cut_read), None, "cut at {cut}");
            }
        }
    }
    let mut shallow = Vec::new();
    PngEncoder::new(&mut shallow).write_image(&noise[..3 * width * height], width as u32, height as u32, Rgb8).unwrap();
    assert_eq!(
        png16::find(shallow.len() as u64, |range| shallow[range.start as usize..(range.end as usize).min(shallow.len())]
            .to_vec()),
        None
    );
}

#[test]
fn transparency_lies_over_white() {
    let rgba = [[10, 20, 30, 255], [10, 20, 30, 0], [0, 100, 255, 128]].concat();
    let picture = Rgb::from_rgba(3, 1, &rgba);
    assert_eq!(picture.pixels, [10, 20, 30, 255, 255, 255, 127, 177, 255]);
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [&(data.len() as u32).to_be_bytes(), &body[..], &crc32(&body).to_be_bytes()].concat()
}

/// A sound header of an 8-bit RGB PNG, and nothing that could fill so many pixels.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(b"IHDR", &header), png_chunk(b"IDAT", &[0x78, 0x9c]), png_chunk(b"IEND", &[])]
        .concat()
}

/// A GIF's header and first frame's, of as many pixels as are asked for.
fn gif_of(width: u16, height: u16) -> Vec<u8> {
    let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
    [b"GIF89a", &size[..], &[0, 0, 0, b',', 0, 0, 0, 0], &size, &[0, 2, 1, 0x44, 0, b';']].concat()
}

/// A JPEG's start, with a frame header of as many pixels as are asked for.
fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = file("jpeg-grey.jpg");
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

fn bmp_of(width: i32, height: i32) -> Vec<u8> {
    let mut bmp = file("bmp-24.bmp");
    bmp[18..22].copy_from_slice(&width.to_le_bytes());
    bmp[22..26].copy_from_slice(&height.to_le_bytes());
    bmp
}

fn cut(name: &str, share: f64) -> Vec<u8> {
    let bytes = file(name);
    bytes[..(bytes.len() as f64 * share) as usize].to_vec()
}

#[test]
fn what_is_no_picture_is_refused_with_a_sentence() {
    const NONE: &str = "no picture that can be read here. Choose a JPEG, PNG, WebP, GIF or BMP";
    const SVG: &str = "SVG drawing, which has no pixels of its own. Export it as PNG";
    const DAMAGED: &str = "damaged or cut off";
    const HUGE: &str = "20000 × 20000 pixels; at most 50 million pixels are decoded. Make it smaller first";
    let comment = format!("<?xml version=\"1.0\"?><!-- {} --><svg/>", "made by a drawing program ".repeat(100));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("zero bytes", vec![], "empty. Choose a JPEG"),
        ("one byte", vec![0xff], NONE),
        ("text", b"Dear visitor, this is a letter.".to_vec(), NONE),
        ("a page", b"<!DOCTYPE html><p>See <svg width=\"1\"/></p>".to_vec(), NONE),
        ("a zip", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), NONE),
        ("an AVIF", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf".to_vec(), NONE),
        ("a TIFF", b"II*\0\x08\0\0\0\0\0".to_vec(), NONE),
        ("an SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), SVG),
        ("an SVG after spaces", b"\r\n  <svg/>".to_vec(), SVG),
        ("an SVG with a prolog", b"<?xml version=\"1.0\"?>\n<svg/>".to_vec(), SVG),
        ("an SVG with a byte order mark", b"\xef\xbb\xbf<svg/>".to_vec(), SVG),
        ("an SVG with both", b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg/>".to_vec(), SVG),
        ("an SVG with a comment", b"<!-- drawn --><svg/>".to_vec(), SVG),
        ("an SVG with a document type", b"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\"><svg/>".to_vec(), SVG),
        ("an SVG with a long comment", comment.into_bytes(), SVG),
        ("a PNG's signature", b"\x89PNG\r\n\x1a\n".to_vec(), DAMAGED),
        ("a JPEG's signature", b"\xff\xd8\xff".to_vec(), DAMAGED),
        ("a PNG cut in its header", file("png-rgb16.png")[..20].to_vec(), DAMAGED),
        ("a PNG cut in its pixels", cut("png-rgb16.png", 0.5), DAMAGED),
        ("a JPEG cut in its header", cut("jpeg-rgb.jpg", 0.3), DAMAGED),
        ("a JPEG cut in its pixels", cut("jpeg-rgb.jpg", 0.98), "cut off: its end is missing. Save it again"),
        ("a progressive JPEG cut after its first scan", cut("jpeg-progressive.jpg", 0.9), DAMAGED),
        ("a GIF cut in its first frame", cut("gif-animated.gif", 0.3), DAMAGED),
        ("a WebP cut off", cut("webp-lossy.webp", 0.7), DAMAGED),
        ("a lossless WebP cut off", cut("webp-lossless.webp", 0.7), DAMAGED),
        ("a BMP cut off", cut("bmp-24.bmp", 0.7), DAMAGED),
        ("a PNG without pixels", png_of(0, 16), DAMAGED),
        ("a huge PNG", png_of(20_000, 20_000), HUGE),
        ("a huge JPEG", jpeg_of(20_000, 20_000), HUGE),
        ("a huge GIF", gif_of(20_000, 20_000), HUGE),
        ("a huge BMP", bmp_of(20_000, 20_000), HUGE),
        ("the largest PNG", png_of(i32::MAX as u32, i32::MAX as u32), "too much memory to decode. Make it smaller first"),
        ("a PNG of one pixel too many", png_of(5_000, 10_001), "5000 × 10001 pixels"),
        ("a large file", vec![b' '; MAX_FILE_BYTES as usize + 1], "20 MB large; at most 20 MB are read"),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, wanted) in cases {
        match decode(&bytes) {
            Ok(picture) => wrong.push(format!("{name}: a picture of {} × {}", picture.width, picture.height)),
            Err(error) => {
                let sentence = error.to_string();
                if !sentence.contains(wanted) || sentence.contains('\n') || sentence.len() > 200 {
                    wrong.push(format!("{name}: {sentence}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// By what a header states, in the browser too, where nothing else is known before the pixels are decoded.
#[test]
fn sizes_are_checked_before_anything_is_decoded() {
    assert_eq!(check_size(10_000, 5_000), Ok(()));
    assert_eq!(check_size(10_000, 5_001), Err(ImageError::TooManyPixels { width: 10_000, height: 5_001 }));
    assert_eq!(check_size(u64::MAX, 2), Err(ImageError::TooManyPixels { width: u64::MAX, height: 2 }));
    assert_eq!(check_size(0, 5), Err(ImageError::NotAPicture));
    assert_eq!(check_file(MAX_FILE_BYTES, b"BM"), Ok(()));
    assert_eq!(check_file(MAX_FILE_BYTES + 1, b"BM"), Err(ImageError::TooManyBytes { bytes: MAX_FILE_BYTES + 1 }));
}

#[test]
fn odd_but_sound_pictures_are_read() {
    let grey = pixels("jpeg-grey");
    let with_zip = [file("jpeg-grey.jpg"), b"PK\x03\x04 and \xff\xda the rest of an archive".to_vec()].concat();
    assert!(difference(&decode(&with_zip).unwrap(), &grey).0 <= 1, "a JPEG with a zip behind it");
    let with_zip = [file("png-palette.png"), b"PK\x03\x04 and the rest of an archive".to_vec()].concat();
    assert_eq!(decode(&with_zip).unwrap(), pixels("png-palette"), "a PNG with a zip behind it");
    let first_frame = cut("gif-animated.gif", 0.95);
    assert_eq!(decode(&first_frame).unwrap(), pixels("gif-animated"), "an animation cut after its first frame");
    // An EXIF thumbnail is a JPEG inside the JPEG, with an end of its own.
    let thumbnail = [b"\xff\xd8\xff\xe1\x00\x0cExif\0\0\xff\xda\xff\xd9", &file("jpeg-grey.jpg")[2..]].concat();
    assert!(difference(&decode(&thumbnail).unwrap(), &grey).0 <= 1, "a JPEG with a thumbnail");
    // Before a marker there may be any number of 0xff.
    let filled = [b"\xff\xd8\xff\xff", &file("jpeg-grey.jpg")[2..]].concat();
    assert!(difference(&decode(&filled).unwrap(), &grey).0 <= 1, "a JPEG with bytes that fill");
    for whole in [thumbnail, filled] {
        let cut = &whole[..whole.len() - 2];
        assert_eq!(decode(cut), Err(ImageError::Damaged(msg!("its end is missing"))), "the same cut off");
    }
}

#[test]
fn extreme_shapes_give_a_crop_or_a_sentence() {
    let plain = |width: usize, height: usize| Rgb { width, height, pixels: vec![77; 3 * width * height] };
    let thin = |width, height| Err(ImageError::TooThin { width, height });
    let cases = [
        (1, 1, Ok(())),
        (2, 2_000, Ok(())),
        (2_000, 2, Ok(())),
        (30_000, 30, Ok(())),
        (2, 2_002, thin(2, 2_002)),
        (30_000, 2, thin(30_000, 2)),
        (1, 50_000_000, thin(1, 50_000_000)),
    ];
    for (width, height, wanted) in cases {
        let crop = resize_and_crop(&plain(width, height), &how(32, 36, Interpolation::Bicubic), (0, 0));
        assert_eq!(crop.clone().map(|_| ()), wanted, "{width} × {height}");
        if let Ok(crop) = crop {
            assert_eq!((crop.width, crop.height, crop.pixels), (32, 32, vec![77; 3 * 32 * 32]), "{width} × {height}");
        }
    }
    let sentence = thin(30_000, 2).unwrap_err().to_string();
    assert_eq!(sentence, "this picture is 30000 × 2 pixels, too long and thin to crop a square from. Choose another");
}

/// What a file of weights says of itself is not to be trusted either.
#[test]
fn an_impossible_preparation_is_refused() {
    for (size, resize) in [(128, 127), (128, 0), (128, 257), (128, usize::MAX)] {
        let refused = resize_and_crop(&source("noise", 5, 3), &how(size, resize, Interpolation::Bilinear), (0, 0));
        assert_eq!(refused, Err(ImageError::Preprocess { size, resize }));
    }
}

/// Either a picture of the size it says, which can be cropped or is too thin, or a sentence.
fn holds_together(bytes: &[u8]) -> Result<(), TestCaseError> {
    match decode(bytes) {
        Ok(picture) => {
            prop_assert_eq!(picture.pixels.len(), 3 * picture.width * picture.height);
            match resize_and_crop(&picture, &how(16, 18, Interpolation::Bilinear), (0, 0)) {
                Ok(crop) => prop_assert_eq!(crop.pixels.len(), 3 * 16 * 16),
                Err(error) => prop_assert!(matches!(error, ImageError::TooThin { .. }), "{}", error),
            }
        }
        Err(error) => prop_assert!(error.to_string().contains(". "), "{}", error),
    }
    Ok(())
}

/// Makes every checksum of a PNG right again, so that a changed byte reaches what lies behind it.
fn mend(png: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize) {
        let end = at.saturating_add(8).saturating_add(length);
        if end.saturating_add(4) > png.len() {
            return;
        }
        let crc = crc32(&png[at + 4..end]);
        png[end..end + 4].copy_from_slice(&crc.to_be_bytes());
        at = end + 4;
    }
}

const STARTS: [&[u8]; 7] =
    [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"GIF89a", b"BM", b"RIFF\xff\0\0\0WEBPVP8", b"<?xml"];
const VICTIMS: [&str; 12] = [
    "png-rgb16.png",
    "png-palette-alpha.png",
    "png-grey-alpha.png",
    "jpeg-rgb.jpg",
    "jpeg-progressive.jpg",
    "jpeg-ycck.jpg",
    "exif-6.jpg",
    "gif-animated.gif",
    "webp-lossless.webp",
    "webp-lossy.webp",
    "webp-animated.webp",
    "bmp-palette.bmp",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..thousand() })]

    #[test]
    fn no_bytes_make_the_decoder_panic(
        start in prop::sample::select(STARTS.to_vec()),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        holds_together(&[start, &rest].concat())?;
    }

    #[test]
    fn no_damage_makes_the_decoder_panic(
        name in prop::sample::select(VICTIMS.to_vec()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = file(name);
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if name.ends_with("png") {
            mend(&mut bytes);
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        holds_together(&bytes)?;
    }
}
