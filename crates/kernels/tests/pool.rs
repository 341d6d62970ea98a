//! Max pooling against its definition.
#![allow(missing_docs)]

use stridescope_kernels::{Window, max_pool};

#[test]
fn agrees_with_the_definition() {
    for (kernel, stride, padding, dilation) in
        [(3, 2, 1, 1), (3, 1, 1, 1), (2, 2, 0, 1), (1, 1, 0, 1), (5, 3, 2, 1), (2, 1, 1, 2)]
    {
        for (height, width) in [(3, 3), (7, 10), (12, 5), (112, 56)] {
            let window = Window { kernel, stride, padding, dilation };
            // All negative, so that padding must not win, and one NaN.
            let mut x: Vec<f32> = (0..2 * 3 * height * width).map(|i| -((i * 7919 % 1009) as f32) - 1.0).collect();
            x[height * width + 4] = f32::NAN;
            let found = max_pool(&x, [2, 3, height, width], window);
            let (out_height, out_width) = (window.out(height), window.out(width));
            assert_eq!(found.len(), 6 * out_height * out_width);
            for (index, found) in found.iter().enumerate() {
                let (map, y, out_x) = (index / (out_height * out_width), index / out_width % out_height, index % out_width);
                let inside = |at: usize, tap: usize, size: usize| {
                    (at * stride + tap * dilation).checked_sub(padding).filter(|place| *place < size)
                };
                let taps = (0..kernel * kernel).filter_map(|tap| {
                    let (row, column) = (inside(y, tap / kernel, height)?, inside(out_x, tap % kernel, width)?);
                    Some(x[(map * height + row) * width + column])
                });
                let wanted =
                    taps.fold(
                        f32::NEG_INFINITY,
                        |most, value| if most.is_nan() || value.is_nan() { f32::NAN } else { most.max(value) },
                    );
                assert!(
                    *found == wanted || found.is_nan() && wanted.is_nan(),
                    "{window:?} {height} {width} {index}: {found} {wanted}"
                );
            }
        }
    }
}
