//! What a forward pass is asked for besides the logits, and what can be changed on the way ([`Network::trace`](super::Network::trace)).

use super::EngineError;
use super::reverse::Map;
use stridescope_arch::Graph;
use stridescope_arch::coverage::Mask;
use stridescope_i18n::{Message, msg};

/// What is wanted of a forward pass. Layers are named as everywhere; a block or a stage stands for its output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass<'a> {
    /// Layers whose whole output is wanted.
    pub taps: &'a [&'a str],
    /// Layers of which the mean over the channels is wanted.
    pub means: &'a [&'a str],
    /// Of how many of the most likely classes the activation map is wanted: the last feature map, weighted by the classifier's weights for that class (Zhou et al.,
    /// "Learning Deep Features for Discriminative Localization", CVPR 2016, arXiv 1512.04150, equation 2). Its mean over the positions,
    /// plus the bias, is the class's logit.
    pub cams: usize,
    /// The layer whose maps are weighted instead of the last, each by how much the class moves with it (Grad-CAM).
    pub cam_at: Option<&'a str>,
    /// Units of which the gradient with respect to the picture is wanted: the effective receptive field (Luo et al., "Understanding the
    /// Effective Receptive Field in Deep Convolutional Neural Networks", NIPS 2016, arXiv 1701.04128). One picture at a time.
    pub gradients: &'a [UnitRef<'a>],
    /// Called before each layer is computed, forwards and back.
    pub each: Option<fn()>,
}

impl<'a> Pass<'a> {
    /// The logits and these layers' whole outputs.
    pub fn tapping(taps: &'a [&'a str]) -> Self {
        Self { taps, ..Self::default() }
    }
}

/// One position of a layer's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRef<'a> {
    /// The layer.
    pub node: &'a str,
    /// The channel; otherwise the sum of all.
    pub channel: Option<usize>,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
}

impl UnitRef<'_> {
    /// One at the unit of a map of that shape, zero elsewhere; none if it lies outside.
    pub(super) fn seed(&self, dims: [usize; 4]) -> Option<Map> {
        let [_, channels, height, width] = dims;
        let mut seed = Map::zeros([1, channels, height, width]);
        let wanted = self.channel.map_or(0..channels, |channel| channel..channel + 1);
        if self.y >= height || self.x >= width || wanted.end > channels {
            return None;
        }
        wanted.for_each(|channel| seed.values[(channel * height + self.y) * width + self.x] = 1.0);
        Some(seed)
    }
}

impl UnitRef<'_> {
    /// Where it is.
    pub(crate) fn message(&self) -> Message {
        match self.channel {
            Some(channel) => msg!("row {}, column {} of {}, channel {}", self.y, self.x, self.node, channel),
            None => msg!("row {}, column {} of {}", self.y, self.x, self.node),
        }
    }
}

/// A change of one layer's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The layer.
    pub node: String,
    /// The positions that are changed, in every channel.
    pub positions: Mask,
    /// What they become.
    pub fill: Fill,
}

/// What changed positions become.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// One value for each channel, or one for all.
    Values(Vec<f32>),
    /// Anything between the least and the greatest value of the map, from a generator with this seed.
    Noise(u64),
}

impl Edit {
    /// Changes `[N, C, H, W]` values in place; positions outside are left out.
    pub fn apply(&self, values: &mut [f32], [_, channels, height, width]: [usize; 4]) {
        let (least, greatest) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, g), &v| (l.min(v), g.max(v)));
        let mut random = match self.fill {
            Fill::Noise(seed) => SplitMix(seed),
            Fill::Values(_) => SplitMix(0),
        };
        for (plane, map) in values.chunks_mut((height * width).max(1)).enumerate() {
            for (_, value) in map.iter_mut().enumerate().filter(|(at, _)| self.positions.at(at / width, at % width)) {
                *value = match &self.fill {
                    Fill::Values(values) => values.get(plane % channels).or(values.first()).copied().unwrap_or(*value),
                    Fill::Noise(_) => least + (greatest - least) * random.next(),
                };
            }
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): the same noise on every device.
struct SplitMix(u64);

impl SplitMix {
    /// From 0 up to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}

/// The layers of a pass, by index.
pub(super) struct ResolvedPass {
    /// Of [`Pass::taps`].
    pub taps: Vec<usize>,
    /// Of [`Pass::means`].
    pub means: Vec<usize>,
    /// Of [`Pass::gradients`].
    pub units: Vec<usize>,
    /// The last map, if class activation maps are wanted of it.
    pub cam: Option<usize>,
    /// Another layer of which they are wanted.
    pub grad_cam: Option<usize>,
    /// From where to where the reverse pass goes.
    ways: Vec<(usize, usize)>,
}

impl ResolvedPass {
    /// Finds every layer that a pass names.
    pub fn of(graph: &Graph, pass: &Pass) -> Result<Self, EngineError> {
        let find = |id: &str| graph.find(id).ok_or_else(|| EngineError::NoSuchNode(id.into()));
        let all = |ids: &[&str]| ids.iter().map(|id| find(id)).collect::<Result<Vec<_>, _>>();
        let units = pass.gradients.iter().map(|unit| find(unit.node)).collect::<Result<Vec<_>, _>>()?;
        let last_map = graph.blocks.last().map_or(0, |block| block.output);
        let at = pass.cam_at.map(find).transpose()?.unwrap_or(last_map);
        // The last map is weighted by the classifier itself.
        let (cam, grad_cam) = match pass.cams {
            0 => (None, None),
            _ if at == last_map => (Some(at), None),
            _ => (None, Some(at)),
        };
        let mut ways: Vec<(usize, usize)> = units.iter().map(|&from| (from, 0)).collect();
        ways.extend(grad_cam.map(|at| (graph.nodes.len() - 1, at)));
        Ok(Self { taps: all(pass.taps)?, means: all(pass.means)?, units, cam, grad_cam, ways })
    }

    /// The layers whose own outputs are needed, so that they cannot be computed in one go with others.
    pub fn apart(&self) -> Vec<usize> {
        [&self.taps[..], &self.means, &self.units, self.cam.as_slice(), self.grad_cam.as_slice()].concat()
    }

    /// Whether there is a reverse pass.
    pub fn needs_backward(&self) -> bool {
        !self.ways.is_empty()
    }

    /// Whether a reverse pass needs a layer's output.
    pub fn on_backward_path(&self, index: usize) -> bool {
        self.ways.iter().any(|&(from, to)| (to..=from).contains(&index))
    }
}
