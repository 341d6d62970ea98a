//! Weights in the layout that the convolutions read.

use super::microkernel::Weights;
use super::{Window, direct, winograd};
use std::sync::OnceLock;

/// Weights and bias of a convolution, packed for [`convolve`](super::convolve).
#[derive(Debug, Clone)]
pub struct Filters {
    /// Packed by `direct`, one group after another.
    packed: Vec<Weights>,
    /// Packed by `winograd` at first use. `None` for weights that are used once.
    transformed: Option<OnceLock<Vec<Weights>>>,
    pub(crate) bias: Vec<f32>,
    pub(crate) groups: usize,
    /// Input channels of a group.
    pub(crate) channels: usize,
    pub(crate) window: Window,
}

impl Filters {
    /// Packs `[C_out, C_in / groups, k, k]` weights, row-major, with one bias per filter.
    ///
    /// For weights that are used once: packing is cheap, and the convolution is always direct.
    ///
    /// # Panics
    /// If the number of weights does not fit the filters and the window, or the groups do not divide the filters.
    pub fn pack(weight: &[f32], bias: &[f32], groups: usize, window: Window) -> Self {
        let (filters, taps) = (bias.len(), window.kernel * window.kernel);
        assert!(filters > 0 && groups > 0 && taps > 0, "a convolution has filters, groups and a kernel");
        assert!(
            filters.is_multiple_of(groups) && weight.len().is_multiple_of(filters * taps),
            "filters are of one size, groups too"
        );
        let channels = weight.len() / (filters * taps);
        let mut packed = Vec::new();
        for group in weight.chunks((filters / groups * channels * taps).max(1)) {
            direct::pack(group, channels * taps, &mut packed);
        }
        Self { packed, transformed: None, bias: bias.to_vec(), groups, channels, window }
    }

    /// The same filters, for repeated use.
    ///
    /// Where Winograd is faster, it is used: the first such convolution transforms the weights to four times their size and stores them.
    /// The last bits of an output then depend on all values of its tile.
    pub fn for_reuse(self) -> Self {
        Self { transformed: Some(OnceLock::new()), ..self }
    }

    /// The transformed weights of all groups, if Winograd is faster for maps of this height and width.
    pub(crate) fn transformed(&self, size: (usize, usize)) -> Option<&[Weights]> {
        let transformed = self.transformed.as_ref().filter(|_| winograd::pays(self.window, size))?;
        Some(transformed.get_or_init(|| {
            let mut packed = Vec::new();
            for group in 0..self.groups {
                winograd::pack(self.group(group, &self.packed), self.channels, &mut packed);
            }
            packed
        }))
    }

    /// The weights of all groups, packed by `direct`.
    pub(crate) fn packed(&self) -> &[Weights] {
        &self.packed
    }

    /// The weights of one group, as a slice of all.
    pub(crate) fn group<'a>(&self, index: usize, weights: &'a [Weights]) -> &'a [Weights] {
        let length = weights.len() / self.groups;
        &weights[index * length..][..length]
    }

    /// The window of the kernels.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Number of filters, which is the number of output channels.
    pub fn len(&self) -> usize {
        self.bias.len()
    }

    /// Always false.
    pub fn is_empty(&self) -> bool {
        self.bias.is_empty()
    }
}
