//! Maps of values as pictures: an 8-bit BMP in a data URL, which an `<img>` shows and an SVG can hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use colorous::{GREYS, Gradient, MAGMA, RED_BLUE, VIRIDIS};
use stridescope_link::Colours;

/// Colours of the 256 values of a picture.
pub type Palette = [[u8; 3]; 256];

/// The 256 colours of a colour map, for the least value first.
pub fn palette(colours: Colours) -> Palette {
    let (gradient, turned): (Gradient, bool) = match colours {
        Colours::Viridis => (VIRIDIS, false),
        Colours::Magma => (MAGMA, false),
        Colours::Grey => (GREYS, true),
        Colours::Diverging => (RED_BLUE, true),
    };
    std::array::from_fn(|value| gradient.eval_rational(if turned { 255 - value } else { value }, 256).into_array())
}

/// Values to 0..=255 between `range`'s ends; what is no number is 0.
pub fn quantise(values: &[f32], (least, greatest): (f32, f32)) -> Vec<u8> {
    let scale = 255.0 / (greatest - least).max(f32::MIN_POSITIVE);
    values.iter().map(|value| ((value - least) * scale).round() as u8).collect()
}

/// The least and the greatest of some values; `(0, 1)` where there are none.
pub fn range(values: &[f32]) -> (f32, f32) {
    let ends = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &v| (least.min(v), most.max(v)));
    if ends.0 <= ends.1 { ends } else { (0.0, 1.0) }
}

/// A square map in grey, its least value black.
pub fn grey(map: &[f32]) -> String {
    data_url(&palette(Colours::Grey), map.len().isqrt(), &quantise(map, range(map)))
}

/// A picture `width` across, row by row, as `data:image/bmp;base64,…`.
pub fn data_url(palette: &Palette, width: usize, values: &[u8]) -> String {
    let colours: Vec<u8> = palette.iter().flat_map(|[r, g, b]| [*b, *g, *r, 0]).collect();
    bmp(&colours, width, values, 1)
}

/// A photograph `width` across, row by row: red, green and blue of each pixel, from 0 to 255.
pub fn photo(width: usize, values: &[f32]) -> String {
    // Blue comes first.
    let pixels: Vec<u8> = values.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*b as u8, *g as u8, *r as u8]).collect();
    bmp(&[], width, &pixels, 3)
}

/// A BMP of one or three bytes a pixel, as a data URL.
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
    // The last row comes first.
    for row in pixels.chunks_exact(row).rev() {
        file.extend(row);
        file.extend(std::iter::repeat_n(0, stride - row.len()));
    }
    format!("data:image/bmp;base64,{}", STANDARD.encode(file))
}
