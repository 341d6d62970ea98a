//! Every kind of window against the definition of a convolution.
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope_kernels::{Epilogue, Filters, Window, convolve};

/// The definition, in double precision.
#[allow(clippy::too_many_arguments)]
fn slow(
    x: &[f32],
    dims: [usize; 4],
    weight: &[f32],
    bias: &[f32],
    groups: usize,
    w: Window,
    add: Option<&[f32]>,
    relu: bool,
) -> Vec<f64> {
    let [n, c, height, width] = dims;
    let (oh, ow) = (w.out(height), w.out(width));
    let (per_in, per_out) = (c / groups, bias.len() / groups);
    let mut out = Vec::new();
    for b in 0..n {
        for o in 0..bias.len() {
            for (y, x0) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                let mut sum = f64::from(bias[o]);
                for i in 0..per_in {
                    for (ky, kx) in (0..w.kernel).flat_map(|y| (0..w.kernel).map(move |x| (y, x))) {
                        let at = |o: usize, k: usize| (o * w.stride + k * w.dilation).checked_sub(w.padding);
                        let (Some(iy), Some(ix)) = (at(y, ky), at(x0, kx)) else { continue };
                        if iy < height && ix < width {
                            let channel = b * c + o / per_out * per_in + i;
                            let value = x[(channel * height + iy) * width + ix];
                            sum += f64::from(value) * f64::from(weight[((o * per_in + i) * w.kernel + ky) * w.kernel + kx]);
                        }
                    }
                }
                sum += add.map_or(0.0, |add| f64::from(add[out.len()]));
                out.push(if relu { sum.max(0.0) } else { sum });
            }
        }
    }
    out
}

fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn agrees_with_the_definition() {
    let mut cases = 0;
    for (kernel, padding) in [(1, 0), (1, 1), (2, 0), (3, 1), (3, 0), (5, 2), (7, 3)] {
        for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)] {
            for (height, width) in [(1, 1), (5, 3), (13, 16), (23, 9)] {
                for (channels, filters, groups) in [(1, 1, 1), (3, 5, 1), (6, 12, 3), (40, 9, 1)] {
                    let window = Window { kernel, stride, padding, dilation };
                    if height.min(width) + 2 * padding < dilation * (kernel - 1) + 1 {
                        continue;
                    }
                    let dims = [2, channels, height, width];
                    let x = noise(dims.iter().product(), 1);
                    let weight = noise(filters * channels / groups * kernel * kernel, 2);
                    let bias = noise(filters, 3);
                    let add = noise(2 * filters * window.out(height) * window.out(width), 4);
                    let packed = Filters::pack(&weight, &bias, groups);
                    for (add, relu) in [(None, false), (Some(&add[..]), false), (None, true), (Some(&add[..]), true)] {
                        let found = convolve(&x, dims, &packed, window, Epilogue { add, relu });
                        let wanted = slow(&x, dims, &weight, &bias, groups, window, add, relu);
                        assert_eq!(found.len(), wanted.len());
                        let scale = wanted.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
                        for (found, wanted) in found.iter().zip(wanted) {
                            assert!((f64::from(*found) - wanted).abs() <= 1e-5 * scale, "{window:?} {dims:?}: {found} {wanted}");
                        }
                        cases += 1;
                    }
                }
            }
        }
    }
    assert!(cases > 1000, "{cases}");
}

/// Deep enough for several blocks of terms, wide enough for several of positions, and long enough for threads.
#[test]
fn large_ones_too() {
    let window = Window { kernel: 3, stride: 1, padding: 1, dilation: 1 };
    let dims = [1, 130, 17, 19];
    let (x, weight, bias) = (noise(130 * 17 * 19, 5), noise(70 * 130 * 9, 6), noise(70, 7));
    let found = convolve(&x, dims, &Filters::pack(&weight, &bias, 1), window, Epilogue { add: None, relu: true });
    let wanted = slow(&x, dims, &weight, &bias, 1, window, None, true);
    let worst = found.iter().zip(&wanted).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-4, "{worst}");
}

/// A value that is no number stays one through a ReLU, so that a broken network is noticed.
#[test]
fn what_is_no_number_is_not_hidden() {
    let window = Window { kernel: 1, stride: 1, padding: 0, dilation: 1 };
    let epilogue = Epilogue { add: None, relu: true };
    let found = convolve(&[f32::NAN, 1.0], [1, 1, 1, 2], &Filters::pack(&[1.0], &[0.0], 1), window, epilogue);
    assert!(found[0].is_nan() && found[1] == 1.0);
}
