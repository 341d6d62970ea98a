//! The switches that describe a ResNet.

use serde::{Deserialize, Serialize};
use stridescope_i18n::{Explain, Message, explained, msg};

/// What opens the network, before the max pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// One 7x7 convolution, stride 2 (He et al. 2015, arXiv 1512.03385).
    Conv7,
    /// Three 3x3 convolutions of widths `s, s, 2s` for a stem width `s`, the first with stride 2 (ResNet-C; Inception-v2).
    Deep,
    /// Three 3x3 convolutions of widths `3s/4, s, 2s` (timm's `deep_tiered`, ResNet-T).
    Tiered,
}

/// Which convolution of a bottleneck's path A carries the stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrideOn {
    /// The first 1x1: the original network.
    Conv1,
    /// The 3x3: ResNet-B, and torchvision's ResNet.
    Conv2,
}

/// How path B of a downsampling block changes size.
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
    /// 1x1, 3x3, 1x1, four times wider at its end (ResNet-50 and deeper).
    Bottleneck,
}

impl BlockKind {
    /// Channels out of the block for each of its planes.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// What comes before a stride, so that the map is smoothed before it is thinned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AntiAlias {
    /// Nothing.
    None,
    /// A 2x2 average pooling with stride 2 after the 3x3 and for the max pooling (timm's `resnetaa50`).
    AvgPool,
    /// A 3x3 binomial filter with stride 2 after the 3x3 and after the max pooling (Zhang 2019, arXiv 1904.11486; timm's `resnetblur50`).
    Blur,
}

/// What path B of ResNet-D does in the first block of a dilated stage, where there is no stride to pool with. No tensor tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DilatedPool {
    /// A 2x2 average pooling with stride 1 over the map with a row and a column of zeros after its last, so that the size stays: timm's
    /// `AvgPool2dSame` (`downsample_avg` in `timm/models/resnet.py`).
    #[default]
    Same,
    /// Nothing: GluonCV (`AvgPool2D(pool_size=1, strides=1)` in `gluoncv/model_zoo/resnetv1b.py`) and OpenMMLab's `ResLayer`.
    None,
}

/// A ResNet as a few switches. Any mixture is a network; [`ArchSpec::named`] gives the known ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchSpec {
    /// The residual block.
    pub block: BlockKind,
    /// Blocks in each stage, `layer1` first.
    pub layers: Vec<usize>,
    /// What opens the network.
    pub stem: Stem,
    /// Width of the first convolution of a stem of three; half the first stage's in all but ResNet-S.
    pub stem_width: usize,
    /// Which convolution of path A carries the stride; a basic block has its stride on its first 3x3 either way.
    pub stride_on: StrideOn,
    /// How path B changes size.
    pub shortcut: Shortcut,
    /// Planes of the first stage; each later stage doubles them. 64 in every published ResNet.
    pub width: usize,
    /// Groups of the 3x3 in a bottleneck (ResNeXt's cardinality).
    pub groups: usize,
    /// Channels per group for each 64 planes (64 for ResNet; 4 for ResNeXt-50 32x4d; 128 for Wide ResNet-50-2).
    pub width_per_group: usize,
    /// What comes before each stride.
    pub anti_alias: AntiAlias,
    /// For each stage after the first, whether its 3x3 are dilated instead of its first block's halving the size (torchvision's
    /// `replace_stride_with_dilation`).
    pub dilate: Vec<bool>,
    /// How path B begins where a stage is dilated; it matters with [`Shortcut::AvgPoolConv`] alone.
    #[serde(default)]
    pub dilated_pool: DilatedPool,
    /// Classes that `fc` tells apart.
    pub classes: usize,
    /// Channels of the picture; 3 for RGB.
    pub channels: usize,
}

/// Height and width of the picture that a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
}

impl Input {
    /// A square picture.
    pub fn square(size: usize) -> Self {
        Self { height: size, width: size }
    }
}

/// Why a description is no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecError {
    /// The name is none that is known.
    UnknownName(String),
    /// A switch after the name is none that is known.
    UnknownSwitch(String),
    /// A map would have no positions left.
    TooSmall {
        /// Layer that cannot be.
        node: String,
        /// Of its input.
        height: usize,
        /// Of its input.
        width: usize,
    },
    /// A part of the description is out of bounds.
    OutOfBounds {
        /// Which part.
        what: Message,
        /// What was asked.
        value: usize,
        /// Smallest that is accepted.
        min: usize,
        /// Largest that is accepted.
        max: usize,
    },
    /// Path A and path B put out different sizes. Average pooling alone does that, which rounds an odd side down (PyTorch's `AvgPool2d(2)`);
    /// a blur rounds it up, as path B does.
    PathsApart {
        /// The addition.
        node: String,
        /// Rows or columns of path A.
        a: usize,
        /// Of path B.
        b: usize,
    },
    /// The network reads another number of channels than a picture has.
    NotRgb(usize),
    /// A basic block knows neither groups nor a width per group.
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
            Self::UnknownSwitch(switch) => msg!(
                "there is no switch \"{}\": write blocks3-4-6-3, stem-conv7, -deep or -tiered, stride-conv1 or -conv2, shortcut-conv or -avgpool, \
                 aa-none, -avgpool or -blur, dilatedpool-same or -none, width, stemwidth, groups, wpg, classes or channels with a number, \
                 os8 or os16, or dilate0-1-1",
                switch
            ),
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

/// Smallest side of a picture, in pixels.
pub const MIN_SIZE: usize = 32;
/// Largest side of a picture, in pixels.
pub const MAX_SIZE: usize = 512;
/// Most stages of a network.
pub const MAX_STAGES: usize = 5;
/// Most blocks of a stage.
pub const MAX_STAGE_BLOCKS: usize = 200;
/// Most classes that a network tells apart.
pub const MAX_CLASSES: usize = 100_000;
/// Most blocks of a network.
pub const MAX_BLOCKS: usize = 1000;

impl ArchSpec {
    /// Widths of the stem's convolutions, first to last.
    pub fn stem_widths(&self) -> Vec<usize> {
        let s = self.stem_width;
        match self.stem {
            Stem::Conv7 => vec![self.width],
            Stem::Deep => vec![s, s, 2 * s],
            // timm rounds a quarter down: `3 * (stem_width // 4)`.
            Stem::Tiered => vec![s / 4 * 3, s, 2 * s],
        }
    }

    /// Whether these switches and this input make a network.
    ///
    /// # Errors
    /// The first rule that is broken.
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
            // A narrower one would begin with no channel at all.
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
            // A multiple of the groups, as it is defined.
            within(msg!("the width of a bottleneck's 3x3"), self.inner_width(stage), 1, 1 << 16)?;
        }
        Ok(())
    }

    /// Whether the network reads what a picture has: three channels.
    ///
    /// # Errors
    /// [`SpecError::NotRgb`], to be said before anything is fetched or computed for a picture.
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
