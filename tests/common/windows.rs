//! Random sliding windows.

use proptest::prelude::*;
use stridescope_arch::graph::Window;

/// A window, the size of a map that it fits, and its output size.
pub fn any_window() -> impl Strategy<Value = (Window, (usize, usize), (usize, usize))> {
    let map = (1usize..8, 1usize..4, 0usize..4, 1usize..3, 3usize..24, 3usize..24);
    map.prop_filter_map("a window larger than its map", |(kernel, stride, padding, dilation, height, width)| {
        let span = dilation * (kernel - 1) + 1;
        let out = |len: usize| Some((len + 2 * padding).checked_sub(span)? / stride + 1);
        let window = Window { kernel, stride, padding, dilation, mirrored: false };
        Some((window, (height, width), (out(height)?, out(width)?)))
    })
}
