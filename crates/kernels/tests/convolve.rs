//! Every kind of window against the definition of a convolution.
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope_kernels::{Epilogue, Filters, Window, convolve};

/// The definition of a convolution, in double precision.
#[allow(clippy::too_many_arguments)]
fn reference(
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

/// The same filters packed for one use and for repeated use.
fn packed(weight: &[f32], bias: &[f32], groups: usize, window: Window) -> [Filters; 2] {
    let once = Filters::pack(weight, bias, groups, window);
    [once.clone(), once.for_reuse()]
}

#[test]
fn agrees_with_the_definition() {
    let mut cases = 0;
    for (kernel, padding) in [(1, 0), (1, 1), (2, 0), (3, 1), (3, 0), (3, 2), (3, 3), (5, 2), (7, 3)] {
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
                    let packed = packed(&weight, &bias, groups, window);
                    for (add, relu) in [(None, false), (Some(&add[..]), false), (None, true), (Some(&add[..]), true)] {
                        let wanted = reference(&x, dims, &weight, &bias, groups, window, add, relu);
                        let scale = wanted.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
                        for filters in &packed {
                            let found = convolve(&x, dims, filters, Epilogue { add, relu });
                            assert_eq!(found.len(), wanted.len());
                            for (found, wanted) in found.iter().zip(&wanted) {
                                assert!(
                                    (f64::from(*found) - wanted).abs() <= 1e-5 * scale,
                                    "{window:?} {dims:?}: {found} {wanted}"
                                );
                            }
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(cases > 2000, "{cases}");
}

/// Layers as in real networks: several blocks of terms, positions and tiles, the last ones partly filled, and enough work for threads.
#[test]
fn large_layers_agree_with_the_definition() {
    for (channels, filters, kernel, stride, height, width) in [
        (130, 70, 3, 1, 17, 19),
        (600, 36, 1, 1, 14, 14),
        (64, 64, 3, 1, 56, 56),
        (256, 40, 3, 1, 14, 14),
        (48, 20, 3, 2, 57, 30),
    ] {
        let window = Window { kernel, stride, padding: kernel / 2, dilation: 1 };
        let dims = [1, channels, height, width];
        let x = noise(channels * height * width, 5);
        let (weight, bias) = (noise(filters * channels * kernel * kernel, 6), noise(filters, 7));
        let add = noise(filters * window.out(height) * window.out(width), 8);
        let wanted = reference(&x, dims, &weight, &bias, 1, window, Some(&add), true);
        for (filters, most) in packed(&weight, &bias, 1, window).iter().zip([1e-6, 4e-6]) {
            let found = convolve(&x, dims, filters, Epilogue { add: Some(&add), relu: true });
            let square = |sum: f64, value: f64| sum + value * value;
            let apart = found.iter().zip(&wanted).map(|(a, b)| f64::from(*a) - b).fold(0.0, square);
            let apart = (apart / wanted.iter().copied().fold(0.0, square)).sqrt();
            assert!(apart < most, "{window:?} {dims:?}: {apart:.1e}");
        }
    }
}

/// NaN passes through a ReLU, so that a broken network is noticed.
#[test]
fn nan_is_propagated() {
    let epilogue = Epilogue { add: None, relu: true };
    let window = Window { kernel: 1, stride: 1, padding: 0, dilation: 1 };
    let found = convolve(&[f32::NAN, 1.0], [1, 1, 1, 2], &Filters::pack(&[1.0], &[0.0], 1, window), epilogue);
    assert!(found[0].is_nan() && found[1] == 1.0);

    let window = Window { kernel: 3, stride: 1, padding: 1, dilation: 1 };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = noise(16 * 16, 9);
        x[16 * 5 + 5] = value;
        for filters in packed(&noise(9, 10), &[0.0], 1, window) {
            let found = convolve(&x, [1, 1, 16, 16], &filters, Epilogue::default());
            let broken: Vec<usize> = (0..found.len()).filter(|&at| !found[at].is_finite()).collect();
            let near: Vec<usize> = (4..=6).flat_map(|y| (4..=6).map(move |x| 16 * y + x)).collect();
            assert!(near.iter().all(|at| broken.contains(at)), "{broken:?}");
            // With Winograd, up to one tile further.
            assert!(broken.iter().all(|at| (1..=10).contains(&(at / 16)) && (1..=10).contains(&(at % 16))), "{broken:?}");
        }
    }
}

/// The output of an image does not depend on the rest of its batch.
#[test]
fn a_batch_gives_the_outputs_of_its_images() {
    let window = Window { kernel: 3, stride: 1, padding: 1, dilation: 1 };
    let (x, weight, bias) = (noise(3 * 8 * 21 * 18, 11), noise(12 * 8 * 9, 12), noise(12, 13));
    for filters in packed(&weight, &bias, 1, window) {
        let together = convolve(&x, [3, 8, 21, 18], &filters, Epilogue::default());
        let alone = x.chunks(8 * 21 * 18).flat_map(|x| convolve(x, [1, 8, 21, 18], &filters, Epilogue::default()));
        assert!(together.into_iter().eq(alone));
    }
}

#[test]
#[should_panic(expected = "filters fit the channels")]
fn filters_with_other_channels_are_rejected() {
    let window = Window { kernel: 1, stride: 1, padding: 0, dilation: 1 };
    convolve(&[0.0; 3], [1, 3, 1, 1], &Filters::pack(&[1.0; 4], &[0.0; 2], 1, window), Epilogue::default());
}
