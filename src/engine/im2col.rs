//! Convolution on the CPU as one matrix product, laid out so that nothing has to be turned around.
//!
//! burn-flex's own convolution reorders weights and pictures to channels-last at every call. Here each row of the columns' matrix is a
//! shifted copy of an input channel, so that rows are copied whole, weights are used as they are stored, and the product is the output
//! in `[N, C, H, W]`. A last row of ones carries the bias.

use crate::arch::Conv;
use burn::tensor::{Device, Tensor, TensorData};

/// A convolution's weights as a matrix: `[C_out, C_in · k · k + 1]`, the bias last.
pub fn weight_matrix(weight: &[f32], bias: &[f32], device: &Device) -> Tensor<2> {
    let (rows, columns) = (bias.len(), weight.len() / bias.len().max(1));
    let mut matrix = Vec::with_capacity(weight.len() + rows);
    for (filter, bias) in weight.chunks(columns.max(1)).zip(bias) {
        matrix.extend_from_slice(filter);
        matrix.push(*bias);
    }
    Tensor::from_data(TensorData::new(matrix, [rows, columns + 1]), device)
}

/// Whether this way is the better one: not for grouped convolutions, nor for a plain 1x1, which burn-flex multiplies directly.
pub fn suits(conv: &Conv) -> bool {
    conv.groups == 1 && (conv.kernel, conv.stride) != (1, 1)
}

/// Convolves `[N, C, H, W]` values, of shape `dims`, with a [`weight_matrix`].
pub fn convolve(x: &[f32], dims: [usize; 4], weight: Tensor<2>, conv: &Conv, device: &Device) -> Tensor<4> {
    let [n, channels, height, width] = dims;
    let reach = conv.dilation * (conv.kernel - 1) + 1;
    let out = |side: usize| (side + 2 * conv.padding).saturating_sub(reach) / conv.stride + 1;
    let (out_height, out_width) = (out(height), out(width));
    let positions = out_height * out_width;
    let rows = channels * conv.kernel * conv.kernel + 1;

    let mut columns = vec![0.0f32; n * rows * positions];
    for (picture, columns) in x.chunks_exact(channels * height * width).zip(columns.chunks_exact_mut(rows * positions)) {
        let mut rows = columns.chunks_exact_mut(positions);
        for channel in picture.chunks_exact(height * width) {
            for tap in 0..conv.kernel * conv.kernel {
                if let Some(row) = rows.next() {
                    copy_shifted(channel, (height, width), row, out_width, (tap / conv.kernel, tap % conv.kernel), conv);
                }
            }
        }
        if let Some(ones) = rows.next() {
            ones.fill(1.0);
        }
    }
    let columns = Tensor::<3>::from_data(TensorData::new(columns, [n, rows, positions]), device);
    let [out_channels, _] = weight.dims();
    let product = weight.reshape([1, out_channels, rows]).matmul(columns);
    product.reshape([n, out_channels, out_height, out_width])
}

/// What one tap of the kernel sees, for every output position; zero where it sees padding.
fn copy_shifted(
    channel: &[f32],
    (height, width): (usize, usize),
    row: &mut [f32],
    out_width: usize,
    tap: (usize, usize),
    conv: &Conv,
) {
    let shift = |tap: usize| (tap * conv.dilation) as isize - conv.padding as isize;
    let (down, across) = (shift(tap.0), shift(tap.1));
    // Output columns whose tap lies inside the picture.
    let first = (-across).max(0) as usize;
    let first = first.div_ceil(conv.stride);
    let inside = width as isize - across;
    let end = if inside <= 0 { 0 } else { ((inside as usize - 1) / conv.stride + 1).min(out_width) };
    if first >= end {
        return;
    }
    for (y, line) in row.chunks_exact_mut(out_width).enumerate() {
        let from = (y * conv.stride) as isize + down;
        if !(0..height as isize).contains(&from) {
            continue;
        }
        let source = &channel[from as usize * width..][..width];
        let start = ((first * conv.stride) as isize + across) as usize;
        if conv.stride == 1 {
            line[first..end].copy_from_slice(&source[start..start + end - first]);
        } else {
            for (value, from) in line[first..end].iter_mut().zip(source[start..].iter().step_by(conv.stride)) {
                *value = *from;
            }
        }
    }
}
