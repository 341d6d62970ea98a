//! Weights as the convolutions read them.

use super::product::Weights;
use super::{Window, direct, winograd};

/// A convolution's weights and bias, packed for [`convolve`](super::convolve).
#[derive(Debug, Clone)]
pub struct Filters {
    /// Group by group, as `direct` or `winograd` packs them.
    packed: Vec<Weights>,
    pub(crate) bias: Vec<f32>,
    pub(crate) groups: usize,
    /// Channels in of a group.
    pub(crate) channels: usize,
    pub(crate) window: Window,
    /// Whether the weights are those of minimal filtering.
    pub(crate) is_transformed: bool,
}

impl Filters {
    /// Packs `[C_out, C_in / groups, k, k]` weights, row-major, with a bias for each of the `C_out` filters.
    ///
    /// The convolution will be that of the definition, sum by sum, and packing costs little: for weights that are used once.
    ///
    /// # Panics
    /// When the number of weights is no multiple of what the filters and the window need, or that of filters none of the groups.
    pub fn pack(weight: &[f32], bias: &[f32], groups: usize, window: Window) -> Self {
        Self::new(weight, bias, groups, window, false)
    }

    /// As [`Filters::pack`], for weights that are used often, mostly on maps of height and width `size`.
    ///
    /// Where it pays for such maps, the weights are packed for minimal filtering. They then are four times as many, and an output
    /// depends, in its last bits, on all values that its tile is made of. Maps of any size may be convolved in either case.
    ///
    /// # Panics
    /// Likewise.
    pub fn pack_for(weight: &[f32], bias: &[f32], groups: usize, window: Window, size: (usize, usize)) -> Self {
        Self::new(weight, bias, groups, window, winograd::pays(window, size))
    }

    fn new(weight: &[f32], bias: &[f32], groups: usize, window: Window, is_transformed: bool) -> Self {
        let (filters, taps) = (bias.len(), window.kernel * window.kernel);
        assert!(filters > 0 && groups > 0 && taps > 0, "a convolution has filters, groups and a kernel");
        assert!(
            filters.is_multiple_of(groups) && weight.len().is_multiple_of(filters * taps),
            "filters are of one size, groups too"
        );
        let channels = weight.len() / (filters * taps);
        let mut packed = Vec::new();
        for group in weight.chunks((filters / groups * channels * taps).max(1)) {
            if is_transformed {
                winograd::pack(group, channels, &mut packed);
            } else {
                direct::pack(group, channels * taps, &mut packed);
            }
        }
        Self { packed, bias: bias.to_vec(), groups, channels, window, is_transformed }
    }

    /// The weights of one group.
    pub(crate) fn group(&self, index: usize) -> &[Weights] {
        let length = self.packed.len() / self.groups;
        &self.packed[index * length..][..length]
    }

    /// How the kernels slide.
    pub fn window(&self) -> Window {
        self.window
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
