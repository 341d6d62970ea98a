//! Convolution and max pooling on the CPU, on slices. Depends on no other crate of this project. No burn and no unsafe code; a crate of its
//! own so that it is always compiled for speed.
//!
//! Convolutions are matrix products over packed weights, with bias, addition and ReLU in the same pass. Weights are packed when a network
//! is loaded. On maps where it is faster, they are also transformed at first use, and the convolution is Winograd's (`winograd`); elsewhere
//! it is `direct`. Both share the innermost loop (`microkernel`).

mod direct;
mod filters;
mod im2col;
mod lanes;
mod microkernel;
mod pool;
pub mod relaxed_simd;
mod transform;
mod winograd;

pub use filters::Filters;
pub use pool::max_pool;

use microkernel::MR;
use std::num::NonZero;

/// Multiplications below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 20;

/// How a kernel slides along both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Kernel size along one side.
    pub kernel: usize,
    /// Stride.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
    /// Dilation: distance between the kernel's taps.
    pub dilation: usize,
}

impl Window {
    /// Output size along an axis of `size` positions: PyTorch's `Conv2d`.
    pub fn out(&self, size: usize) -> usize {
        (size + 2 * self.padding).saturating_sub(self.dilation * (self.kernel - 1) + 1) / self.stride + 1
    }
}

/// What is applied to each output before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to the output; has the output's shape.
    pub add: Option<&'a [f32]>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

/// Convolves `[N, C, H, W]` values of shape `dims`. Returns `[N, C_out, H_out, W_out]`, row-major.
///
/// # Panics
/// If the number of values does not match `dims`, or `filters` or `epilogue.add` do not fit them.
pub fn convolve(x: &[f32], dims: [usize; 4], filters: &Filters, epilogue: Epilogue) -> Vec<f32> {
    let [n, channels, height, width] = dims;
    let Filters { groups, channels: group_channels, window, .. } = *filters;
    assert_eq!(x.len(), n * channels * height * width, "values fill their shape");
    assert_eq!(channels, group_channels * groups, "filters fit the channels");
    let size = (window.out(height), window.out(width));
    let positions = size.0 * size.1;
    let mut out = vec![0.0; n * filters.len() * positions];
    if let Some(add) = epilogue.add {
        assert_eq!(add.len(), out.len(), "what is added has the output's shape");
    }

    let per_group = filters.len() / groups;
    let depth = group_channels * window.kernel * window.kernel;
    let threads = threads(out.len() * depth);
    // Each thread gets whole panels.
    let transformed = filters.transformed((height, width));
    let step = if transformed.is_some() { winograd::GROUP * MR } else { MR };
    let share = per_group.div_ceil(step).div_ceil(threads) * step;
    for (index, out) in out.chunks_exact_mut((per_group * positions).max(1)).enumerate() {
        let group = index % groups;
        let packed = filters.group(group, transformed.unwrap_or(filters.packed()));
        let values = &x[index * group_channels * height * width..][..group_channels * height * width];
        let job = |(part, out): (usize, &mut [f32])| {
            let first = part * share;
            let rows = out.len() / positions.max(1);
            let bias = &filters.bias[group * per_group + first..][..rows];
            let add = epilogue.add.map(|add| &add[(index * per_group + first) * positions..][..rows * positions]);
            let bound_epilogue = BoundEpilogue { bias, add, relu: epilogue.relu };
            if transformed.is_some() {
                let image = winograd::Image { values, height, width, padding: window.padding };
                winograd::Job { packed, first: first / MR, bound_epilogue, channels: group_channels }.run(&image, out, size);
            } else {
                let image = im2col::Image { values, height, width, window };
                let panels = (first / MR, per_group.div_ceil(MR));
                direct::Job { packed, panels, bound_epilogue, depth }.run(&image, out, positions);
            }
        };
        let parts = out.chunks_mut((share * positions).max(1)).enumerate();
        if threads == 1 {
            parts.for_each(job);
        } else {
            std::thread::scope(|scope| {
                for part in parts {
                    scope.spawn(|| job(part));
                }
            });
        }
    }
    out
}

/// The epilogue of some filters, with their bias.
#[derive(Clone, Copy)]
struct BoundEpilogue<'a> {
    /// One value per filter.
    bias: &'a [f32],
    /// `[filters, positions]`.
    add: Option<&'a [f32]>,
    /// Whether a ReLU comes last.
    relu: bool,
}

/// Number of threads; one on the web, where a worker is single-threaded.
fn threads(multiplications: usize) -> usize {
    if cfg!(target_family = "wasm") || multiplications < WORTH_A_THREAD {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
