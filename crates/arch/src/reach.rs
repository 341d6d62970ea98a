//! Which values of later layers can depend on a set of values of one layer.
//!
//! Pure geometry: windows, strides, padding, dilation, groups, and both paths of a block. Whether a value really changes (a ReLU may return
//! zero before and after) needs the computed values.

use super::coverage::taps;
use super::graph::{Op, Shape, Window};

/// A set of values of one layer's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Shape of the output.
    pub shape: Shape,
    /// One entry per value, `[C, H, W]`, row-major.
    pub set: Vec<bool>,
}

impl Reach {
    /// The empty set.
    pub fn none(shape: Shape) -> Self {
        Self { shape, set: vec![false; shape.channels * shape.height * shape.width] }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        !self.set.contains(&true)
    }

    /// The values that depend on these sets, in the output of a layer with this shape and operation; `inputs` are the sets of the layers
    /// that it reads.
    ///
    /// A max pooling counts as reading its whole window, whichever value it passes on.
    pub fn through(op: &Op, shape: Shape, inputs: &[&Self]) -> Self {
        let mut out = Self::none(shape);
        for input in inputs.iter().filter(|input| !input.is_empty()) {
            match (op, op.window()) {
                (Op::Conv(conv), Some(window)) => {
                    let filters = shape.channels / conv.groups.max(1);
                    for (planes, maps) in out.planes(filters).zip(input.maps(conv.in_channels / conv.groups.max(1))) {
                        let read = slide(window, &any(maps, input.positions()), input.shape, shape);
                        for plane in planes.chunks_mut(read.len().max(1)) {
                            plane.iter_mut().zip(&read).for_each(|(set, read)| *set |= read);
                        }
                    }
                }
                (_, Some(window)) => {
                    for (plane, map) in out.planes(1).zip(input.maps(1)) {
                        plane.copy_from_slice(&slide(window, map, input.shape, shape));
                    }
                }
                (Op::GlobalAvgPool, None) => {
                    out.planes(1).zip(input.maps(1)).for_each(|(plane, map)| plane.fill(map.contains(&true)));
                }
                (Op::Linear, None) => out.set.fill(true),
                (_, None) => out.set.iter_mut().zip(&input.set).for_each(|(set, input)| *set |= input),
            }
        }
        out
    }

    /// Removes the values of the channels for which `is_out` holds.
    pub fn without(&mut self, is_out: impl Fn(usize) -> bool) {
        self.planes(1).enumerate().filter(|(channel, _)| is_out(*channel)).for_each(|(_, plane)| plane.fill(false));
    }

    /// For each position, whether any channel is in the set, row-major.
    pub fn at_any_channel(&self) -> Vec<bool> {
        any(&self.set, self.positions())
    }

    fn positions(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// Iterates over groups of `channels` channels.
    fn planes(&mut self, channels: usize) -> impl Iterator<Item = &mut [bool]> {
        let length = (channels * self.positions()).max(1);
        self.set.chunks_mut(length)
    }

    fn maps(&self, channels: usize) -> impl Iterator<Item = &[bool]> {
        self.set.chunks((channels * self.positions()).max(1))
    }
}

/// The positions that are set in any of several consecutive maps.
fn any(maps: &[bool], positions: usize) -> Vec<bool> {
    let mut out = vec![false; positions];
    for map in maps.chunks(positions.max(1)) {
        out.iter_mut().zip(map).for_each(|(out, set)| *out |= set);
    }
    out
}

/// The outputs of a window that read at least one set position of one map.
fn slide(window: Window, map: &[bool], from: Shape, out: Shape) -> Vec<bool> {
    // Rows and columns are independent: first the rows, then the columns of the result.
    let mut rows = vec![false; out.height * from.width];
    for (y, row) in rows.chunks_mut(from.width.max(1)).enumerate() {
        for at in taps(window, from.height, y) {
            row.iter_mut().zip(map.iter().skip(at * from.width)).for_each(|(row, set)| *row |= set);
        }
    }
    let columns: Vec<Vec<usize>> = (0..out.width).map(|x| taps(window, from.width, x).collect()).collect();
    let read = |row: &[bool], taps: &[usize]| taps.iter().any(|&at| row.get(at) == Some(&true));
    rows.chunks(from.width.max(1)).flat_map(|row| columns.iter().map(move |taps| read(row, taps))).collect()
}
