//! Max pooling.

use super::Window;

/// The maximum of each window, `[N, C, H_out, W_out]`, of `[N, C, H, W]` values, row-major: PyTorch's `MaxPool2d`. NaN counts as the
/// largest value.
///
/// # Panics
/// If the number of values does not match `dims`.
pub fn max_pool(x: &[f32], dims: [usize; 4], window: Window) -> Vec<f32> {
    let [n, channels, height, width] = dims;
    assert_eq!(x.len(), n * channels * height * width, "values fill their shape");
    let Window { kernel, stride, padding, dilation } = window;
    let (out_height, out_width) = (window.out(height), window.out(width));
    let mut out = vec![f32::NEG_INFINITY; n * channels * out_height * out_width];
    for (out, map) in out.chunks_exact_mut(out_height * out_width).zip(x.chunks_exact((height * width).max(1))) {
        for (y, line) in out.chunks_exact_mut(out_width).enumerate() {
            let rows = (0..kernel).filter_map(|tap| (y * stride + tap * dilation).checked_sub(padding));
            for row in rows.filter(|row| *row < height) {
                let row = &map[row * width..][..width];
                for shift in (0..kernel).map(|tap| tap * dilation) {
                    // The first output whose tap is inside the row.
                    let first = padding.saturating_sub(shift).div_ceil(stride);
                    let (Some(line), Some(row)) = (line.get_mut(first..), row.get(first * stride + shift - padding..)) else {
                        continue;
                    };
                    for (most, value) in line.iter_mut().zip(row.iter().step_by(stride)) {
                        *most = if *value > *most || value.is_nan() { *value } else { *most };
                    }
                }
            }
        }
    }
    out
}
