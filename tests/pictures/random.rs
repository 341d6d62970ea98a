//! Random image files: odd sizes, portrait and landscape, from 20 x 30 to 6,000 x 4,000 pixels; JPEG of every subsampling, progressive,
//! grey, CMYK and with an orientation; PNG of 8 and 16 bits, grey, with alpha; WebP with alpha and with an orientation. The same on every
//! machine.

use image::{ExtendedColorType, ImageEncoder};
use mozjpeg::{ColorSpace, Compress, Marker};
use stridescope_image::{Interpolation, Preprocess};

/// Number of images.
pub const COUNT: usize = 500;

/// An image and its preprocessing.
pub struct Drawn {
    /// A descriptive file name.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Its preprocessing.
    pub how: Preprocess,
}

#[derive(Clone, Copy)]
enum Jpeg {
    Rgb { chroma: (u8, u8), progressive: bool },
    Grey,
    Cmyk,
}

#[derive(Clone, Copy)]
enum Kind {
    Jpeg(Jpeg, bool),
    Png(ExtendedColorType, bool),
    Webp(ExtendedColorType, bool),
}

/// Name, kind, and whether it has an orientation.
const KINDS: [(&str, Kind); 20] = {
    use ExtendedColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
    use Kind::{Jpeg as J, Png, Webp};
    const fn rgb(across: u8, down: u8, progressive: bool) -> Jpeg {
        Jpeg::Rgb { chroma: (across, down), progressive }
    }
    [
        ("jpeg-444", J(rgb(1, 1, false), false)),
        ("jpeg-422", J(rgb(2, 1, false), false)),
        ("jpeg-440", J(rgb(1, 2, false), false)),
        ("jpeg-420", J(rgb(2, 2, false), false)),
        ("jpeg-progressive", J(rgb(2, 2, true), false)),
        ("jpeg-grey", J(Jpeg::Grey, false)),
        ("jpeg-cmyk", J(Jpeg::Cmyk, false)),
        ("jpeg-420-exif", J(rgb(2, 2, false), true)),
        ("jpeg-444-exif", J(rgb(1, 1, false), true)),
        ("png-rgb", Png(Rgb8, false)),
        ("png-grey", Png(L8, false)),
        ("png-rgba", Png(Rgba8, false)),
        ("png-grey-alpha", Png(La8, false)),
        ("png-rgb-16", Png(Rgb16, false)),
        ("png-grey-16", Png(L16, false)),
        ("png-rgba-16", Png(Rgba16, false)),
        ("png-grey-alpha-16", Png(La16, false)),
        ("webp-rgb", Webp(Rgb8, false)),
        ("webp-rgba", Webp(Rgba8, false)),
        ("webp-exif", Webp(Rgb8, true)),
    ]
};

/// SplitMix64: a well-mixed number for each seed.
fn mixed(seed: u64) -> u64 {
    let n = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Draws image `index` of [`COUNT`].
pub fn draw(index: usize) -> Drawn {
    let mut seed = 1000 * index as u64;
    let mut below = |bound: usize| {
        seed += 1;
        (mixed(seed) % bound as u64) as usize
    };
    // Log-uniform: small sizes are as likely as large ones.
    let mut side = |least: usize, most: usize| {
        let doubled = least << below((most / least).ilog2() as usize + 1);
        (doubled + below(doubled)).min(most)
    };
    let (long, short) = (side(20, 6000), side(30, 4000));
    let (width, height) = if below(2) == 0 { (long, short) } else { (short, long) };
    let (name, kind) = KINDS[index % KINDS.len()];
    // The lossless encoders hardly compress and are slow.
    let most = match kind {
        Kind::Jpeg(..) => usize::MAX,
        Kind::Png(colour, _) | Kind::Webp(colour, _) => 6_000_000 * 8 / usize::from(colour.bits_per_pixel()),
    };
    let (mut width, mut height) = (width, height);
    while width * height > most {
        (width, height) = (width * 2 / 3, height * 2 / 3);
    }
    let orientation = 1 + below(8);
    let size = [32, 64, 96, 128, 160, 224][below(6)];
    let resize = size + below(size / 2);
    let interpolation = [Interpolation::Bilinear, Interpolation::Bicubic][below(2)];
    let how = Preprocess { size, resize, crop_pct: None, interpolation, mean: [0.0; 3], std: [1.0; 3] };

    let (waves, unit, noise) = ([1 + below(60), 1 + below(60), 1 + below(9)], 1 + below(40), [0, 4, 30][below(3)]);
    // Fine detail in a large image would exceed the size limit of a file.
    let noise = if width * height > 500_000 { 0 } else { noise };
    let coarse = 1 + width.max(height) / 500;
    let unit = unit * coarse;
    let value = |x: usize, y: usize, channel: usize| -> u8 {
        let wave = (x * waves[channel % 3] + y * waves[(channel + 1) % 3] + 37 * channel) / (8 * coarse) % 512;
        let drawn = if wave < 256 { wave } else { 511 - wave };
        let drawn = if (x / unit + y / unit + channel).is_multiple_of(5) { 255 - drawn / 2 } else { drawn };
        let grain = mixed((x + 10_000 * y + 100_000_000 * channel) as u64) as usize % (noise + 1);
        (drawn * (255 - noise) / 255 + grain) as u8
    };
    let eight = |channels: usize| -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |channel| (x, y, channel))))
            .map(|(x, y, c)| value(x, y, c))
            .collect()
    };
    let exif = |is_turned: bool| is_turned.then(|| exif(orientation as u8));
    let (extension, bytes) = match kind {
        Kind::Jpeg(jpeg, is_turned) => ("jpg", encode_jpeg(jpeg, (width, height), &eight, exif(is_turned))),
        Kind::Png(colour, is_turned) => {
            let mut bytes = Vec::new();
            encode(image::codecs::png::PngEncoder::new(&mut bytes), colour, (width, height), &eight, exif(is_turned));
            ("png", bytes)
        }
        Kind::Webp(colour, is_turned) => {
            let mut bytes = Vec::new();
            encode(image::codecs::webp::WebPEncoder::new_lossless(&mut bytes), colour, (width, height), &eight, exif(is_turned));
            ("webp", bytes)
        }
    };
    let turned = if name.ends_with("exif") { format!("-{orientation}") } else { String::new() };
    Drawn { name: format!("{index:03}-{name}{turned}-{width}x{height}.{extension}"), bytes, how }
}

fn encode(
    mut encoder: impl ImageEncoder,
    colour: ExtendedColorType,
    (width, height): (usize, usize),
    eight: &impl Fn(usize) -> Vec<u8>,
    exif: Option<Vec<u8>>,
) {
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    let channels = usize::from(colour.channel_count());
    let mut values = eight(channels);
    if usize::from(colour.bits_per_pixel()) > 8 * channels {
        // A different lower byte, so that rounding and shifting differ.
        values = values
            .into_iter()
            .flat_map(|upper| u16::from_be_bytes([upper, upper.wrapping_mul(151).wrapping_add(77)]).to_ne_bytes())
            .collect();
    }
    encoder.write_image(&values, width as u32, height as u32, colour).unwrap();
}

fn encode_jpeg(kind: Jpeg, (width, height): (usize, usize), eight: &impl Fn(usize) -> Vec<u8>, exif: Option<Vec<u8>>) -> Vec<u8> {
    let (space, channels) = match kind {
        Jpeg::Rgb { .. } => (ColorSpace::JCS_RGB, 3),
        Jpeg::Grey => (ColorSpace::JCS_GRAYSCALE, 1),
        Jpeg::Cmyk => (ColorSpace::JCS_CMYK, 4),
    };
    let mut encoder = Compress::new(space);
    encoder.set_fastest_defaults();
    encoder.set_size(width, height);
    encoder.set_quality(85.0);
    if let Jpeg::Rgb { chroma, progressive } = kind {
        encoder.set_chroma_sampling_pixel_sizes(chroma, chroma);
        if progressive {
            encoder.set_progressive_mode();
        }
    }
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    if let Some(exif) = exif {
        started.write_marker(Marker::APP(1), &[&b"Exif\0\0"[..], &exif].concat());
    }
    started.write_scanlines(&eight(channels)).unwrap();
    started.finish().unwrap()
}

/// A TIFF with one entry: the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]].concat()
}
