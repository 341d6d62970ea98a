//! Convolution on the CPU: an implicit matrix product over packed weights, with bias, addition and ReLU in its epilogue.
//!
//! The product is `[C_out, K] · [K, positions]`, `K = C_in · k · k`. Weights are packed once, when a network is loaded. Of the columns'
//! matrix only one block at a time exists, small enough for the cache, written straight from the picture. The innermost loop is four
//! rows by eight columns, which is what 16 vector registers of 128 bits hold without spilling.
//!
//! A package of its own so that it is always compiled for speed, whatever the rest is compiled for.

mod columns;
mod lanes;

use lanes::Lanes;
use std::num::NonZero;

/// Rows of a packed panel of weights, and of the innermost tile.
const ROWS: usize = 4;
/// Columns of a packed panel of the picture, and of the innermost tile.
const COLUMNS: usize = 8;
/// Terms of the sum that are worked on at a time: a panel of either side then fits the first-level cache.
const DEPTH: usize = 512;
/// Positions that are worked on at a time: a block of `DEPTH` by this fits the second-level cache.
const POSITIONS: usize = 96;
/// Multiplications below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 20;

/// How a kernel slides, along both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Side of the kernel.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Distance between the kernel's taps.
    pub dilation: usize,
}

impl Window {
    /// Outputs along an axis of `size` positions: PyTorch's `Conv2d`.
    pub fn out(&self, size: usize) -> usize {
        (size + 2 * self.padding).saturating_sub(self.dilation * (self.kernel - 1) + 1) / self.stride + 1
    }
}

/// A convolution's weights and bias, packed for [`convolve`].
#[derive(Debug, Clone)]
pub struct Filters {
    /// For each group, panels of [`ROWS`] filters, each `[K][ROWS]`; the last is filled up with zeros.
    packed: Vec<f32>,
    bias: Vec<f32>,
    groups: usize,
    /// `K`, the length of a filter.
    depth: usize,
}

impl Filters {
    /// Packs `[C_out, C_in / groups, k, k]` weights, row-major, with a bias for each of the `C_out` filters.
    ///
    /// # Panics
    /// When the number of weights is no multiple of the number of filters, or that none of the number of groups.
    pub fn pack(weight: &[f32], bias: &[f32], groups: usize) -> Self {
        let filters = bias.len();
        assert!(filters > 0 && groups > 0, "a convolution has filters and groups");
        assert!(weight.len().is_multiple_of(filters) && filters.is_multiple_of(groups), "filters are of one size, groups too");
        let depth = weight.len() / filters;
        let per_group = filters / groups;
        let panels = per_group.div_ceil(ROWS);
        let mut packed = vec![0.0; groups * panels * depth * ROWS];
        for (index, filter) in weight.chunks_exact(depth.max(1)).enumerate() {
            let (group, row) = (index / per_group, index % per_group);
            let panel = &mut packed[(group * panels + row / ROWS) * depth * ROWS..][..depth * ROWS];
            for (to, from) in panel.iter_mut().skip(row % ROWS).step_by(ROWS).zip(filter) {
                *to = *from;
            }
        }
        Self { packed, bias: bias.to_vec(), groups, depth }
    }

    /// Filters, which is to say channels out.
    pub fn len(&self) -> usize {
        self.bias.len()
    }

    /// Whether there are no filters; never so.
    pub fn is_empty(&self) -> bool {
        self.bias.is_empty()
    }
}

/// What is done to each output before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to the output; of its shape.
    pub add: Option<&'a [f32]>,
    /// Whether what is negative becomes zero, last of all.
    pub relu: bool,
}

/// Convolves `[N, C, H, W]` values, of shape `dims`. Returns `[N, C_out, H_out, W_out]`, row-major.
///
/// # Panics
/// When the values are not as many as `dims` says, or the filters or what is to be added do not fit them.
pub fn convolve(x: &[f32], dims: [usize; 4], filters: &Filters, window: Window, epilogue: Epilogue) -> Vec<f32> {
    let [n, channels, height, width] = dims;
    assert_eq!(x.len(), n * channels * height * width, "values fill their shape");
    assert_eq!(channels * window.kernel * window.kernel, filters.depth * filters.groups, "filters fit the channels");
    let positions = window.out(height) * window.out(width);
    let mut out = vec![0.0; n * filters.len() * positions];
    if let Some(add) = epilogue.add {
        assert_eq!(add.len(), out.len(), "what is added has the output's shape");
    }

    let group_channels = channels / filters.groups;
    let per_group = filters.len() / filters.groups;
    let threads = threads(out.len() * filters.depth);
    // Whole panels for each thread.
    let share = per_group.div_ceil(ROWS).div_ceil(threads) * ROWS;
    for (index, out) in out.chunks_exact_mut((per_group * positions).max(1)).enumerate() {
        let group = index % filters.groups;
        let picture = columns::Picture {
            values: &x[index * group_channels * height * width..][..group_channels * height * width],
            height,
            width,
            window,
        };
        let add = epilogue.add.map(|add| &add[index * per_group * positions..][..per_group * positions]);
        let job = |(part, out): (usize, &mut [f32])| {
            let first = part * share;
            let rows = out.len() / positions.max(1);
            let panels = per_group.div_ceil(ROWS);
            let job = Job {
                packed: &filters.packed[(group * panels + first / ROWS) * filters.depth * ROWS..],
                bias: &filters.bias[group * per_group + first..][..rows],
                add: add.map(|add| &add[first * positions..][..rows * positions]),
                relu: epilogue.relu,
                depth: filters.depth,
            };
            job.run(&picture, out, positions);
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

/// One on the web, where a worker is one thread.
fn threads(multiplications: usize) -> usize {
    if cfg!(target_family = "wasm") || multiplications < WORTH_A_THREAD {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The filters that one thread works on.
struct Job<'a> {
    packed: &'a [f32],
    bias: &'a [f32],
    add: Option<&'a [f32]>,
    relu: bool,
    depth: usize,
}

impl Job<'_> {
    fn run(&self, picture: &columns::Picture, out: &mut [f32], positions: usize) {
        let mut block = vec![[lanes::splat(0.0); 2]; DEPTH.min(self.depth) * POSITIONS / COLUMNS];
        for at in (0..positions).step_by(POSITIONS) {
            let count = POSITIONS.min(positions - at);
            for from in (0..self.depth).step_by(DEPTH) {
                let terms = DEPTH.min(self.depth - from);
                picture.pack(from..from + terms, at..at + count, &mut block);
                let is_last = from + terms == self.depth;
                self.block(&block, (from, terms), (at, count), is_last, out, positions);
            }
        }
    }

    /// Multiplies all filters with one block of columns.
    fn block(
        &self,
        block: &[[Lanes; 2]],
        (from, terms): (usize, usize),
        (at, count): (usize, usize),
        is_last: bool,
        out: &mut [f32],
        positions: usize,
    ) {
        let rows = self.bias.len();
        for (panel, bias) in self.bias.chunks(ROWS).enumerate() {
            let weights = &self.packed[panel * self.depth * ROWS..][from * ROWS..(from + terms) * ROWS];
            let (weights, _) = weights.as_chunks::<ROWS>();
            for (index, columns) in block.chunks_exact(terms).take(count.div_ceil(COLUMNS)).enumerate() {
                let sums = tile(weights, columns);
                let first = at + index * COLUMNS;
                let width = COLUMNS.min(at + count - first);
                for (i, (sums, bias)) in sums.iter().zip(bias).enumerate() {
                    let row = panel * ROWS + i;
                    debug_assert!(row < rows);
                    let place = row * positions + first;
                    let line = &mut out[place..place + width];
                    let start = if from == 0 { *bias } else { 0.0 };
                    for (value, sum) in line.iter_mut().zip(sums) {
                        *value += sum + start;
                    }
                    if !is_last {
                        continue;
                    }
                    if let Some(add) = self.add {
                        for (value, add) in line.iter_mut().zip(&add[place..place + width]) {
                            *value += add;
                        }
                    }
                    if self.relu {
                        for value in line {
                            // What is no number stays so.
                            *value = if *value < 0.0 { 0.0 } else { *value };
                        }
                    }
                }
            }
        }
    }
}

/// The sums of the products of one panel of weights with one of columns.
///
/// Not inlined: a browser compiles a function for speed after so many calls, not while a loop runs.
#[inline(never)]
fn tile(weights: &[[f32; ROWS]], columns: &[[Lanes; 2]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[lanes::splat(0.0); 2]; ROWS];
    for (weights, columns) in weights.iter().zip(columns) {
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            let weight = lanes::splat(weight);
            sums[0] = lanes::multiply_add(sums[0], weight, columns[0]);
            sums[1] = lanes::multiply_add(sums[1], weight, columns[1]);
        }
    }
    sums.map(|[left, right]| {
        let ([a, b, c, d], [e, f, g, h]) = (lanes::array(left), lanes::array(right));
        [a, b, c, d, e, f, g, h]
    })
}
