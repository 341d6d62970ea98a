//! The column matrix of a convolution (im2col), one block at a time.

use super::Window;
use super::lanes;
use super::microkernel::{Columns, NR};
use std::ops::Range;

/// One image of a batch, and the window that slides over it.
pub struct Image<'a> {
    /// `[C, H, W]`, row-major.
    pub values: &'a [f32],
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// The same along both axes.
    pub window: Window,
}

impl Image<'_> {
    /// Writes rows `terms` of the matrix at `positions`, as panels of [`NR`] positions, each `[terms]`, at a distance of `apart`; zeros
    /// after the last position and outside the image. `row` is a scratch buffer.
    pub fn pack(&self, terms: Range<usize>, positions: Range<usize>, apart: usize, block: &mut [Columns], row: &mut [f32]) {
        let row = &mut row[..positions.len().next_multiple_of(NR)];
        for (index, term) in terms.enumerate() {
            let Window { kernel, stride, padding, .. } = self.window;
            let area = self.height * self.width;
            let channel = &self.values[term / (kernel * kernel) * area..][..area];
            let whole = if (kernel, stride, padding) == (1, 1, 0) {
                let (whole, rest) = channel[positions.clone()].as_chunks::<NR>();
                spread(whole, &mut block[index..], apart);
                if rest.is_empty() {
                    continue;
                }
                row[whole.len() * NR..].fill(0.0);
                row[whole.len() * NR..][..rest.len()].copy_from_slice(rest);
                whole.len()
            } else {
                self.row(channel, term % (kernel * kernel), positions.clone(), row);
                0
            };
            let (panels, _) = row[whole * NR..].as_chunks::<NR>();
            spread(panels, &mut block[whole * apart + index..], apart);
        }
    }

    /// The values under one tap of the kernel in one channel.
    #[inline(never)]
    fn row(&self, channel: &[f32], tap: usize, positions: Range<usize>, row: &mut [f32]) {
        let Window { kernel, stride, padding, dilation } = self.window;
        row.fill(0.0);
        let shift = |tap: usize| (tap * dilation) as isize - padding as isize;
        let (down, across) = (shift(tap / kernel), shift(tap % kernel));
        let columns = self.window.out(self.width);
        // The output columns whose tap is inside the image.
        let inside = (self.width as isize - across).max(0) as usize;
        let (inside_from, inside_to) = ((-across).max(0).cast_unsigned().div_ceil(stride), inside.div_ceil(stride));

        let mut at = positions.start;
        while at < positions.end {
            let (y, x) = (at / columns, at % columns);
            let end = (columns - x).min(positions.end - at) + x;
            let line = (y * stride) as isize + down;
            if (0..self.height as isize).contains(&line) {
                let (from, to) = (x.max(inside_from), end.min(inside_to));
                if from < to {
                    let source = &channel[line.cast_unsigned() * self.width..][..self.width];
                    let first = ((from * stride) as isize + across).cast_unsigned();
                    let place = at - positions.start + from - x;
                    let line = &mut row[place..place + to - from];
                    if stride == 1 {
                        line.copy_from_slice(&source[first..first + to - from]);
                    } else {
                        for (value, from) in line.iter_mut().zip(source[first..].iter().step_by(stride)) {
                            *value = *from;
                        }
                    }
                }
            }
            at += end - x;
        }
    }
}

/// Distributes a row over the panels, eight values each.
#[inline(never)]
fn spread(row: &[[f32; NR]], block: &mut [Columns], apart: usize) {
    for (row, columns) in row.iter().zip(block.iter_mut().step_by(apart)) {
        *columns = lanes::pair(row);
    }
}
