//! The columns' matrix of a convolution (im2col), a block at a time.

use super::lanes::{self, Lanes};
use super::{COLUMNS, POSITIONS, Window};
use std::ops::Range;

/// Channels of one picture, and how the kernel slides over them.
pub struct Picture<'a> {
    /// `[C, H, W]`.
    pub values: &'a [f32],
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// The same along both axes.
    pub window: Window,
}

impl Picture<'_> {
    /// Writes rows `terms` of the matrix at `positions`, as panels of [`COLUMNS`] positions, each `[terms][COLUMNS]`, zeros where a panel
    /// or the picture ends.
    pub fn pack(&self, terms: Range<usize>, positions: Range<usize>, block: &mut [[Lanes; 2]]) {
        let depth = terms.len();
        let mut row = [0.0; POSITIONS];
        for (index, term) in terms.enumerate() {
            let row = &mut row[..positions.len().next_multiple_of(COLUMNS)];
            self.row(term, positions.clone(), row);
            let (parts, _) = row.as_chunks::<COLUMNS>();
            for (&[a, b, c, d, e, f, g, h], panel) in parts.iter().zip(block.chunks_exact_mut(depth)) {
                panel[index] = [lanes::new([a, b, c, d]), lanes::new([e, f, g, h])];
            }
        }
    }

    /// What one tap of the kernel sees in one channel.
    #[inline(never)]
    fn row(&self, term: usize, positions: Range<usize>, row: &mut [f32]) {
        let Window { kernel, stride, padding, dilation } = self.window;
        let area = self.height * self.width;
        let channel = &self.values[term / (kernel * kernel) * area..][..area];
        if (kernel, stride, padding) == (1, 1, 0) {
            row[..positions.len()].copy_from_slice(&channel[positions.clone()]);
            row[positions.len()..].fill(0.0);
            return;
        }
        row.fill(0.0);
        let tap = term % (kernel * kernel);
        let shift = |tap: usize| (tap * dilation) as isize - padding as isize;
        let (down, across) = (shift(tap / kernel), shift(tap % kernel));
        let columns = self.window.out(self.width);
        // Output columns for which the tap lies inside the picture.
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
