//! Convolution as a matrix product on the GPU, tiled in workgroup memory.
//!
//! The product is `[positions, K] · [K, C_out]` with `K = k · k · C_in`: rows are output positions, `n · H_out · W_out + y · W_out + x`,
//! columns are output channels. The left matrix is never materialised ("implicit GEMM"): each value is loaded from the input where the
//! product needs it. A workgroup computes one tile of the output. For each step of [`DEPTH`] along `K`, its invocations load the tiles of
//! both matrices into workgroup memory, and each multiplies its own rows by four columns. A value loaded from a buffer is thus reused
//! across the width or height of the tile.
//!
//! Maps are stored as `[N, H, W, C]`: four channels of a position are one load of 16 bytes, and so are four columns of the weights and of
//! the output. burn's own pooling kernels preserve this order.

// `#[cube]` generates functions that take every parameter of a kernel.
#![allow(missing_docs)]

use burn::cubecl::{self, prelude::*};

/// Terms of the sum between two barriers. Both parts of a 64 by 64 tile then take 8 KiB, half of what WebGPU guarantees, so that at least
/// two workgroups share a core.
pub const DEPTH: usize = 16;
/// Values that are loaded, multiplied and stored together.
pub const QUAD: usize = 4;
/// A row far above every image, where all values are zero.
const OUTSIDE: i32 = -0x1000_0000;

/// Four values.
type Quad = Vector<f32, Const<4>>;

/// The sizes of a convolution, in values.
#[derive(CubeLaunch, CubeType)]
pub struct Sizes {
    /// Of the input.
    pub height: u32,
    pub width: u32,
    pub channels: u32,
    /// Distances between images, rows, columns and channels in the input buffer, in values.
    pub image_stride: u32,
    pub row_stride: u32,
    pub column_stride: u32,
    pub channel_stride: u32,
    /// Of the output.
    pub out_height: u32,
    pub out_width: u32,
    pub out_channels: u32,
    /// Rows of the product: images · out_height · out_width.
    pub positions: u32,
    /// Of the filters.
    pub kernel: u32,
    pub stride: u32,
    pub padding: u32,
    pub dilation: u32,
    /// Quads in a row of the packed weights.
    pub weight_quads: u32,
    /// Steps of [`DEPTH`] along `K`.
    pub steps: u32,
    /// Steps per part when the sum over `K` is split.
    pub k_per_split: u32,
}

/// What is applied to each output before it is written.
#[derive(CubeLaunch, CubeType)]
pub struct EpilogueArgs {
    /// Not zero: the sum is partial, and another kernel finishes it.
    pub is_part: u32,
    /// Not zero: `add` is added.
    pub add: u32,
    /// Not zero: a ReLU comes last.
    pub relu: u32,
}

/// One tile of a convolution: `rows · threads_y` positions by `4 · threads_x` channels, at `CUBE_POS_X` and `CUBE_POS_Y`, for part
/// `CUBE_POS_Z` of the sum.
///
/// `weights` are `[steps · DEPTH, 4 · weight_quads]`, padded with zeros, `bias` is `[4 · weight_quads]`, `output` and `add` are
/// `[positions, out_channels]`. With quads in `input`, the channels are a multiple of four and contiguous, and the rows of the weights are,
/// for each tap, its channels padded to a multiple of [`DEPTH`]. With single values, the rows are `[taps, channels]` without padding, and
/// any strides are allowed.
///
/// Every index stays inside its buffer: row, column and channel are compared with the sizes of the input and of the output, and the weights
/// are padded to whole tiles. Browsers also clamp indices; a native driver does not. Indices are 32 bits wide, and WebGPU's largest buffers
/// have fewer values than that.
#[cube(launch)]
pub fn convolve_tile<In: Size, Out: Size>(
    input: &[Vector<f32, In>],
    weights: &[Quad],
    bias: &[Vector<f32, Out>],
    add: &[Vector<f32, Out>],
    output: &mut [Vector<f32, Out>],
    sizes: Sizes,
    epilogue: EpilogueArgs,
    #[comptime] threads_x: usize,
    #[comptime] threads_y: usize,
    #[comptime] rows: usize,
) {
    let quads = comptime!(DEPTH / QUAD);
    let threads = comptime!(threads_x * threads_y);
    let height = comptime!(threads_y * rows);
    let input_loads = comptime!(height * quads / threads);
    let weight_loads = comptime!(DEPTH * threads_x / threads);
    let mut left = Shared::<[Quad]>::new_slice(comptime!(height * quads));
    let mut right = Shared::<[Quad]>::new_slice(comptime!(DEPTH * threads_x));

    let thread = UNIT_POS as usize;
    let (x, y) = (UNIT_POS_X as usize, UNIT_POS_Y as usize);
    let first_row = CUBE_POS_X as usize * height;
    let first_quad = CUBE_POS_Y as usize * threads_x;

    // Where this thread's rows start in the input. It loads the same quad of each step for all of them.
    let quad = thread % quads;
    let mut tops = Array::<i32>::new(input_loads);
    let mut lefts = Array::<i32>::new(input_loads);
    let mut images = Array::<u32>::new(input_loads);
    #[unroll]
    for i in 0..input_loads {
        let row = (first_row + thread / quads + i * comptime!(threads / quads)) as u32;
        let map = sizes.out_height * sizes.out_width;
        let image = row / map;
        let at = row - image * map;
        let line = at / sizes.out_width;
        let column = at - line * sizes.out_width;
        // Rows past the last position read zeros.
        tops[i] = select(row < sizes.positions, (line * sizes.stride) as i32 - sizes.padding as i32, OUTSIDE);
        lefts[i] = (column * sizes.stride) as i32 - sizes.padding as i32;
        images[i] = image * sizes.image_stride;
    }

    let mut sums = Array::<Quad>::new(rows);
    #[unroll]
    for i in 0..rows {
        sums[i] = Quad::new(0.0f32);
    }

    let first_step = CUBE_POS_Z * sizes.k_per_split;
    let last_step = (first_step + sizes.k_per_split).min(sizes.steps);
    let mut place = Place::at(first_step, &sizes);
    for step in first_step..last_step {
        #[unroll]
        for i in 0..input_loads {
            left[thread + i * threads] = fetch::<In>(input, &sizes, &place, step, quad, tops[i], lefts[i], images[i]);
        }
        #[unroll]
        for i in 0..weight_loads {
            let at = thread + i * threads;
            let row = step as usize * DEPTH + at / threads_x;
            right[at] = weights[row * sizes.weight_quads as usize + first_quad + at % threads_x];
        }
        place.advance(&sizes);
        sync_cube();
        for q in 0..quads {
            let right_0 = right[(q * QUAD) * threads_x + x];
            let right_1 = right[(q * QUAD + 1) * threads_x + x];
            let right_2 = right[(q * QUAD + 2) * threads_x + x];
            let right_3 = right[(q * QUAD + 3) * threads_x + x];
            #[unroll]
            for i in 0..rows {
                let terms = left[(y + i * threads_y) * quads + q];
                let mut sum = sums[i];
                sum += Quad::new(terms.extract(0usize)) * right_0;
                sum += Quad::new(terms.extract(1usize)) * right_1;
                sum += Quad::new(terms.extract(2usize)) * right_2;
                sum += Quad::new(terms.extract(3usize)) * right_3;
                sums[i] = sum;
            }
        }
        sync_cube();
    }

    let first_column = (first_quad + x) * QUAD;
    let size = Out::value();
    let channels = sizes.out_channels as usize;
    #[unroll]
    for i in 0..rows {
        let row = first_row + y + i * threads_y;
        if row < sizes.positions as usize {
            #[unroll]
            for j in 0..comptime!(QUAD / size) {
                let column = first_column + j * size;
                if column < channels {
                    let value: Vector<f32, Out> =
                        if comptime!(size == QUAD) { Vector::cast_from(sums[i]) } else { Vector::cast_from(sums[i].extract(j)) };
                    let at = (row * channels + column) / size;
                    if epilogue.is_part == 0 {
                        output[at] = apply_epilogue::<Out>(value, bias[column / size], add, at, &epilogue);
                    } else {
                        output[CUBE_POS_Z as usize * (sizes.positions as usize * channels / size) + at] = value;
                    }
                }
            }
        }
    }
}

/// Adds the parts of a split sum and applies the epilogue. `parts` is `[split_k, positions, out_channels]`; `values` is the number of
/// vectors per part.
#[cube(launch)]
pub fn reduce_split_k<Out: Size>(
    parts: &[Vector<f32, Out>],
    bias: &[Vector<f32, Out>],
    add: &[Vector<f32, Out>],
    output: &mut [Vector<f32, Out>],
    split_k: u32,
    values: u32,
    channels: u32,
    epilogue: EpilogueArgs,
) {
    let at = ABSOLUTE_POS;
    if at >= values as usize {
        terminate!();
    }
    let mut sum = parts[at];
    for part in 1..split_k {
        sum += parts[(part * values) as usize + at];
    }
    output[at] = apply_epilogue::<Out>(sum, bias[at % channels as usize], add, at, &epilogue);
}

#[cube]
fn apply_epilogue<Out: Size>(
    sum: Vector<f32, Out>,
    bias: Vector<f32, Out>,
    add: &[Vector<f32, Out>],
    at: usize,
    epilogue: &EpilogueArgs,
) -> Vector<f32, Out> {
    let mut value = sum + bias;
    if epilogue.add != 0 {
        value += add[at];
    }
    if epilogue.relu != 0 {
        // NaN must stay NaN, which neither `max` nor, with some drivers, a comparison guarantees. So compare the bits: those of negative
        // numbers, from -0 to -infinity, are contiguous.
        let bits = Vector::<u32, Out>::reinterpret(value);
        let from_least = bits - Vector::<u32, Out>::new(0x8000_0000u32);
        let is_negative = from_least.less_equal(&Vector::<u32, Out>::new(0x7f80_0000u32));
        value = select_many(is_negative, Vector::<f32, Out>::new(0.0f32), value);
    }
    value
}

/// The tap and the channel at the start of a step along `K`, for quads. Counted instead of divided, since division is slow on a GPU.
#[derive(CubeType)]
struct Place {
    line: u32,
    column: u32,
    channel: u32,
}

#[cube]
impl Place {
    fn at(step: u32, sizes: &Sizes) -> Place {
        let steps = sizes.channels.div_ceil(DEPTH as u32);
        let tap = step / steps;
        Place { line: tap / sizes.kernel, column: tap % sizes.kernel, channel: step % steps * DEPTH as u32 }
    }

    fn advance(&mut self, sizes: &Sizes) {
        self.channel += DEPTH as u32;
        if self.channel >= sizes.channels {
            self.channel = 0;
            self.column += 1;
            if self.column == sizes.kernel {
                self.column = 0;
                self.line += 1;
            }
        }
    }
}

/// Four terms of a row, at `4 · quad` in a step; zero outside the image and past the last channel.
#[cube]
fn fetch<In: Size>(
    input: &[Vector<f32, In>],
    sizes: &Sizes,
    place: &Place,
    step: u32,
    quad: usize,
    top: i32,
    left: i32,
    image: u32,
) -> Quad {
    let mut terms = Quad::new(0.0f32);
    let size = In::value();
    if comptime!(size == QUAD) {
        let channel = place.channel + quad as u32 * QUAD as u32;
        // Negative rows and columns wrap around to very large numbers.
        let line = (top + (place.line * sizes.dilation) as i32) as u32;
        let column = (left + (place.column * sizes.dilation) as i32) as u32;
        if line < sizes.height && column < sizes.width && channel < sizes.channels {
            let at = image + line * sizes.row_stride + column * sizes.column_stride + channel;
            terms = Vector::cast_from(input[at as usize / QUAD]);
        }
    } else {
        #[unroll]
        for i in 0..QUAD {
            let k = step * DEPTH as u32 + quad as u32 * QUAD as u32 + i as u32;
            let tap = k / sizes.channels;
            let channel = k - tap * sizes.channels;
            let tap_line = tap / sizes.kernel;
            let tap_column = tap - tap_line * sizes.kernel;
            let line = (top + (tap_line * sizes.dilation) as i32) as u32;
            let column = (left + (tap_column * sizes.dilation) as i32) as u32;
            if line < sizes.height && column < sizes.width && tap_line < sizes.kernel {
                let at = image + line * sizes.row_stride + column * sizes.column_stride + channel * sizes.channel_stride;
                terms.insert(i, input[at as usize].extract(0usize));
            }
        }
    }
    terms
}
