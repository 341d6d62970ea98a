//! Weights as the convolutions read them.

use super::microkernel::Weights;
use super::{Window, direct, winograd};
use std::sync::OnceLock;

/// A convolution's weights and bias, packed for [`convolve`](super::convolve).
#[derive(Debug, Clone)]
pub struct Filters {
    /// Group by group, as `direct` packs them.
    packed: Vec<Weights>,
    /// Likewise, as `winograd` packs them: made when first needed. None for weights that are used once.
    transformed: Option<OnceLock<Vec<Weights>>>,
    pub(crate) bias: Vec<f32>,
    pub(crate) groups: usize,
    /// Channels in of a group.
    pub(crate) channels: usize,
    pub(crate) window: Window,
}

impl Filters {
    /// Packs `[C_out, C_in / groups, k, k]` weights, row-major, with a bias for each of the `C_out` filters.
    ///
    /// The convolution will be that of the definition, sum by sum, and packing costs little: for weights that are used once.
    ///
    /// # Panics
    /// When the number of weights is no multiple of what the filters and the window need, or that of filters none of the groups.
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

    /// The same filters, to be used often.
    ///
    /// On maps where it pays, the convolution will be one by minimal filtering. The first of them makes the weights that it takes,
    /// four times as many, which are kept. An output then depends, in its last bits, on all values that its tile is made of.
    pub fn kept(self) -> Self {
        Self { transformed: Some(OnceLock::new()), ..self }
    }

    /// The weights of all groups for minimal filtering of a map of that height and width, if it pays.
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

    /// The weights of all groups as the definition takes them.
    pub(crate) fn packed(&self) -> &[Weights] {
        &self.packed
    }

    /// One group's part of the weights of all.
    pub(crate) fn group<'a>(&self, index: usize, weights: &'a [Weights]) -> &'a [Weights] {
        let length = weights.len() / self.groups;
        &weights[index * length..][..length]
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
