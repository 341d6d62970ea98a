//! Maps of values as images: an 8-bit BMP in a data URL, for `<img>` and SVG.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use colorous::{GREYS, Gradient, MAGMA, RED_BLUE, VIRIDIS};
use stridescope_link::Colours;

/// The colours of the 256 values.
pub type Palette = [[u8; 3]; 256];

/// The 256 colours of a colour map, from the smallest value to the largest.
pub fn palette(colours: Colours) -> Palette {
    let (gradient, turned): (Gradient, bool) = match colours {
        Colours::Viridis => (VIRIDIS, false),
        Colours::Magma => (MAGMA, false),
        Colours::Grey => (GREYS, true),
        Colours::Diverging => (RED_BLUE, true),
    };
    std::array::from_fn(|value| gradient.eval_rational(if turned { 255 - value } else { value }, 256).into_array())
}

/// Scales values between the ends of `range` to 0..=255; NaN becomes 0.
pub fn quantise(values: &[f32], (least, greatest): (f32, f32)) -> Vec<u8> {
    let scale = 255.0 / (greatest - least).max(f32::MIN_POSITIVE);
    values.iter().map(|value| ((value - least) * scale).round() as u8).collect()
}

/// Minimum and maximum of some values; `(0, 1)` without values.
pub fn range(values: &[f32]) -> (f32, f32) {
    let ends = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &v| (least.min(v), most.max(v)));
    if ends.0 <= ends.1 { ends } else { (0.0, 1.0) }
}

/// A square map in grey, with black as its minimum.
pub fn grey(map: &[f32]) -> String {
    data_url(&palette(Colours::Grey), map.len().isqrt(), &quantise(map, range(map)))
}

/// An image of the given width, row-major, as `data:image/bmp;base64,…`.
pub fn data_url(palette: &Palette, width: usize, values: &[u8]) -> String {
    let colours: Vec<u8> = palette.iter().flat_map(|[r, g, b]| [*b, *g, *r, 0]).collect();
    bmp(&colours, width, values, 1)
}

/// An RGB image of the given width, row-major, with values from 0 to 255.
pub fn photo(width: usize, values: &[f32]) -> String {
    // BMP stores blue first.
    let pixels: Vec<u8> = values.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*b as u8, *g as u8, *r as u8]).collect();
    bmp(&[], width, &pixels, 3)
}

/// A BMP with one or three bytes per pixel, as a data URL.
fn bmp(colours: &[u8], width: usize, pixels: &[u8], bytes: usize) -> String {
    let headers = 14 + 40 + colours.len();
    let row = (width * bytes).max(1);
    let height = pixels.len() / row;
    let stride = row.next_multiple_of(4);
    let size = headers + stride * height;
    let mut file = Vec::with_capacity(size);
    file.extend(b"BM");
    let word = |file: &mut Vec<u8>, value: usize| file.extend((value as u32).to_le_bytes());
    [size, 0, headers, 40, width, height].into_iter().for_each(|value| word(&mut file, value));
    file.extend([1, 0, 8 * bytes as u8, 0]);
    [0, stride * height, 2835, 2835, colours.len() / 4, 0].into_iter().for_each(|value| word(&mut file, value));
    file.extend(colours);
    // BMP stores the last row first.
    for row in pixels.chunks_exact(row).rev() {
        file.extend(row);
        file.extend(std::iter::repeat_n(0, stride - row.len()));
    }
    format!("data:image/bmp;base64,{}", STANDARD.encode(file))
}
