//! The switches that describe a ResNet, and their limits.

use super::switches::all_values;
use serde::{Deserialize, Serialize};
use stridescope_i18n::{Explain, Message, explained, msg};

/// The first convolutions, before the max pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// One 7x7 convolution with stride 2 (He et al. 2015, arXiv 1512.03385).
    Conv7,
    /// Three 3x3 convolutions of widths `s, s, 2s` for a stem width `s`, the first with stride 2 (ResNet-C; Inception-v2).
    Deep,
    /// Three 3x3 convolutions of widths `3s/4, s, 2s` (timm's `deep_tiered`, ResNet-T).
    Tiered,
}

/// Which convolution on path A of a bottleneck has the stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrideOn {
    /// The first 1x1: the original ResNet.
    Conv1,
    /// The 3x3: ResNet-B and torchvision's ResNet.
    Conv2,
}

/// How path B of a downsampling block reduces the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortcut {
    /// A 1x1 convolution with stride 2.
    Conv,
    /// A 2x2 average pooling with stride 2, then a 1x1 convolution with stride 1 (ResNet-D).
    AvgPoolConv,
}

/// The residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// Two 3x3 convolutions (ResNet-18 and -34).
    Basic,
    /// 1x1, 3x3, 1x1, with four times as many output channels (ResNet-50 and deeper).
    Bottleneck,
}

impl BlockKind {
    /// Output channels of the block per plane.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// Anti-aliasing: what smooths a map before it is subsampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AntiAlias {
    /// Nothing.
    None,
    /// A 2x2 average pooling with stride 2, after the 3x3 and instead of the max pooling (timm's `resnetaa50`).
    AvgPool,
    /// A 3x3 binomial filter with stride 2 after the 3x3 and after the max pooling (Zhang 2019, arXiv 1904.11486; timm's `resnetblur50`).
    Blur,
}

/// How path B of ResNet-D starts in the first block of a dilated stage, where there is no stride to pool with. No tensor of a checkpoint
/// shows this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DilatedPool {
    /// A 2x2 average pooling with stride 1; a row and a column of zeros at the end preserve the size: timm's `AvgPool2dSame`
    /// (`downsample_avg` in `timm/models/resnet.py`).
    #[default]
    Same,
    /// Nothing: GluonCV (`AvgPool2D(pool_size=1, strides=1)` in `gluoncv/model_zoo/resnetv1b.py`) and OpenMMLab's `ResLayer`.
    None,
}

/// A ResNet as a few switches. They combine freely; [`ArchSpec::named`] gives the known networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchSpec {
    /// The residual block.
    pub block: BlockKind,
    /// Blocks per stage, `layer1` first.
    pub layers: Vec<usize>,
    /// The first convolutions.
    pub stem: Stem,
    /// Width of the first convolution of a three-convolution stem; half the width of the first stage except in ResNet-S.
    pub stem_width: usize,
    /// Which convolution on path A has the stride; a basic block always has it on its first 3x3.
    pub stride_on: StrideOn,
    /// How path B reduces the size.
    pub shortcut: Shortcut,
    /// Planes of the first stage, doubled in each later stage. 64 in every published ResNet.
    pub width: usize,
    /// Groups of a bottleneck's 3x3 (ResNeXt's cardinality).
    pub groups: usize,
    /// Channels per group per 64 planes (64 for ResNet; 4 for ResNeXt-50 32x4d; 128 for Wide ResNet-50-2).
    pub width_per_group: usize,
    /// Anti-aliasing before each stride.
    pub anti_alias: AntiAlias,
    /// For each stage after the first, whether it is dilated instead of halving the size (torchvision's `replace_stride_with_dilation`).
    pub dilate: Vec<bool>,
    /// How path B starts in a dilated stage; only [`Shortcut::AvgPoolConv`] uses it.
    #[serde(default)]
    pub dilated_pool: DilatedPool,
    /// Number of classes.
    pub classes: usize,
    /// Input channels; 3 for RGB.
    pub channels: usize,
}

/// Height and width of the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
}

impl Input {
    /// A square input.
    pub fn square(size: usize) -> Self {
        Self { height: size, width: size }
    }
}

/// Why a description is not a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecError {
    /// The name is unknown.
    UnknownName(String),
    /// A switch after the name is unknown.
    UnknownSwitch(String),
    /// A map would have no positions left.
    TooSmall {
        /// The layer that is impossible.
        node: String,
        /// Height of its input.
        height: usize,
        /// Width of its input.
        width: usize,
    },
    /// A part of the description is out of bounds.
    OutOfBounds {
        /// Which part.
        what: Message,
        /// The requested value.
        value: usize,
        /// Smallest accepted value.
        min: usize,
        /// Largest accepted value.
        max: usize,
    },
    /// Path A and path B have different output sizes. Only anti-aliasing by average pooling does that: it rounds an odd side down
    /// (PyTorch's `AvgPool2d(2)`), whereas a blur rounds it up, as path B does.
    PathsApart {
        /// The addition.
        node: String,
        /// Height or width of path A's output.
        a: usize,
        /// Of path B's output.
        b: usize,
    },
    /// The network does not have three input channels.
    NotRgb(usize),
    /// A basic block has neither groups nor a width per group.
    BasicGroups(Message),
}

explained!(SpecError);

impl Explain for SpecError {
    fn message(&self) -> Message {
        match self {
            Self::UnknownName(name) => msg!(
                "there is no network \"{}\": write resnet18, 34, 50, 101 or 152, or tiny, then -a, -b, -c or -d, as in resnet50-d",
                name
            ),
            Self::UnknownSwitch(switch) => msg!("there is no switch \"{}\": the switches are {}", switch, all_values()),
            Self::TooSmall { node, height, width } => msg!(
                "at {} only {} x {} positions are left, too few for its window: choose a larger picture or fewer stages",
                node,
                height,
                width
            ),
            Self::OutOfBounds { what, value, min, max } => {
                msg!("{} is {}, but must be between {} and {}", what, value, min, max)
            }
            Self::PathsApart { node, a, b } => msg!(
                "at {} path A has {} positions along a side and path B {}: aa-avgpool rounds half of an odd side down, \
                 the shortcut rounds it up. Choose a size at which every side that a block halves is even, such as 224, or aa-blur, which rounds up too",
                node,
                a,
                b
            ),
            Self::NotRgb(channels) => msg!(
                "the number of input channels is {}, but a picture has 3, red, green and blue: this network cannot be shown pictures. \
                 Choose weights whose first convolution reads 3 channels",
                channels
            ),
            Self::BasicGroups(what) => {
                msg!("a basic block has neither groups nor a width per group: choose a deeper network, or leave {} out", what)
            }
        }
    }
}

/// Smallest side of the input, in pixels.
pub const MIN_SIZE: usize = 32;
/// Largest side of the input, in pixels.
pub const MAX_SIZE: usize = 512;
/// Most stages of a network.
pub const MAX_STAGES: usize = 5;
/// Most blocks of a stage.
pub const MAX_STAGE_BLOCKS: usize = 200;
/// Most classes of a network.
pub const MAX_CLASSES: usize = 100_000;
/// Most blocks of a network.
pub const MAX_BLOCKS: usize = 1000;

impl ArchSpec {
    /// Widths of the stem's convolutions, in order.
    pub fn stem_widths(&self) -> Vec<usize> {
        let s = self.stem_width;
        match self.stem {
            Stem::Conv7 => vec![self.width],
            Stem::Deep => vec![s, s, 2 * s],
            // timm rounds a quarter down: `3 * (stem_width // 4)`.
            Stem::Tiered => vec![s / 4 * 3, s, 2 * s],
        }
    }

    /// Checks that these switches and this input describe a network.
    ///
    /// # Errors
    /// The first rule that is violated.
    pub fn check(&self, input: Input) -> Result<(), SpecError> {
        let within = |what, value, min, max| {
            if (min..=max).contains(&value) { Ok(()) } else { Err(SpecError::OutOfBounds { what, value, min, max }) }
        };
        within(msg!("the number of stages"), self.layers.len(), 1, MAX_STAGES)?;
        for &blocks in &self.layers {
            within(msg!("the number of blocks in a stage"), blocks, 1, MAX_STAGE_BLOCKS)?;
        }
        within(msg!("the number of blocks"), self.layers.iter().sum(), 1, MAX_BLOCKS)?;
        within(msg!("the width of the first stage"), self.width, 1, 1024)?;
        let (stem_width, least) = match self.stem {
            Stem::Conv7 => (1, 1),
            Stem::Deep => (self.stem_width, 1),
            // With a narrower stem, the first convolution would have no channels.
            Stem::Tiered => (self.stem_width, 4),
        };
        within(msg!("the width of the stem"), stem_width, least, 1024)?;
        within(msg!("the number of groups"), self.groups, 1, 1024)?;
        within(msg!("the width per group"), self.width_per_group, 1, 1024)?;
        within(msg!("the number of classes"), self.classes, 1, MAX_CLASSES)?;
        within(msg!("the number of input channels"), self.channels, 1, 64)?;
        within(
            msg!("the number of stages that can be dilated"),
            self.dilate.len(),
            self.layers.len() - 1,
            self.layers.len() - 1,
        )?;
        within(msg!("the height of the input"), input.height, MIN_SIZE, MAX_SIZE)?;
        within(msg!("the width of the input"), input.width, MIN_SIZE, MAX_SIZE)?;
        if self.block == BlockKind::Basic {
            if self.groups != 1 {
                return Err(SpecError::BasicGroups(msg!("groups")));
            }
            if self.width_per_group != 64 {
                return Err(SpecError::BasicGroups(msg!("the width per group")));
            }
        }
        for stage in 0..self.layers.len() {
            // It is a multiple of the groups by definition.
            within(msg!("the width of a bottleneck's 3x3"), self.inner_width(stage), 1, 1 << 16)?;
        }
        Ok(())
    }

    /// Checks that the network has three input channels.
    ///
    /// # Errors
    /// [`SpecError::NotRgb`], reported before anything is downloaded or computed for an image.
    pub fn check_rgb(&self) -> Result<(), SpecError> {
        if self.channels == 3 { Ok(()) } else { Err(SpecError::NotRgb(self.channels)) }
    }

    /// Planes of a stage, counted from 0.
    pub fn planes(&self, stage: usize) -> usize {
        self.width << stage
    }

    /// Channels inside a bottleneck of a stage, counted from 0 (timm's `floor(planes * base_width / 64) * cardinality`).
    pub fn inner_width(&self, stage: usize) -> usize {
        self.planes(stage) * self.width_per_group / 64 * self.groups
    }
}
