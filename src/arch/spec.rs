//! The switches that describe a ResNet, and the names of the networks that they make up.

use serde::{Deserialize, Serialize};

/// What opens the network, before the max pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stem {
    /// One 7x7 convolution, stride 2 (He et al. 2015, arXiv 1512.03385).
    Conv7,
    /// Three 3x3 convolutions of widths `w/2, w/2, w`, the first with stride 2 (ResNet-C; Inception-v2).
    Deep,
    /// Three 3x3 convolutions of widths `3w/8, w/2, w` (timm's `deep_tiered`, ResNet-T).
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

/// The four networks of "Bag of Tricks for Image Classification with CNNs" (He et al., CVPR 2019, arXiv 1812.01187, section 4.2).
/// Each keeps the change of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The original: stride on the first 1x1 of path A.
    A,
    /// Stride moved to the 3x3 of path A.
    B,
    /// B, with three 3x3 convolutions for the stem.
    C,
    /// C, with average pooling before the 1x1 of path B.
    D,
}

impl Variant {
    /// A to D, in the paper's order.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    /// `'a'` to `'d'`, as in a network's name.
    pub fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
            Self::D => 'd',
        }
    }

    /// What the variant changes, in a few words.
    pub fn tagline(self) -> &'static str {
        match self {
            Self::A => "original",
            Self::B => "stride on the 3×3",
            Self::C => "three 3×3 stem",
            Self::D => "avgpool shortcut",
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| letter.len() == 1 && letter.starts_with(variant.letter()))
    }
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
    /// Classes that `fc` tells apart.
    pub classes: usize,
}

/// Height, width and channels of the picture that a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// 3 for RGB.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
}

impl Input {
    /// A square RGB picture.
    pub fn square(size: usize) -> Self {
        Self { channels: 3, height: size, width: size }
    }
}

/// Why a description is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The name is none that is known.
    #[error("there is no network \"{0}\": write resnet18, 34, 50, 101 or 152, or tiny, then -a, -b, -c or -d, as in resnet50-d")]
    UnknownName(String),
    /// A part of the description is out of bounds.
    #[error("{what} is {value}, but must be between {min} and {max}")]
    OutOfBounds {
        /// Which part.
        what: &'static str,
        /// What was asked.
        value: usize,
        /// Smallest that is accepted.
        min: usize,
        /// Largest that is accepted.
        max: usize,
    },
    /// The channels cannot be shared out among the groups.
    #[error("{groups} groups do not divide {channels} channels: choose a divisor")]
    Groups {
        /// Groups asked for.
        groups: usize,
        /// Channels to share.
        channels: usize,
    },
    /// The stem's widths would not be whole numbers.
    #[error("a stem of three convolutions needs a width that 8 divides, not {0}")]
    StemWidth(usize),
}

/// Smallest side of a picture, in pixels.
pub const MIN_SIZE: usize = 32;
/// Largest side of a picture, in pixels.
pub const MAX_SIZE: usize = 512;

impl ArchSpec {
    /// The switches of one of the paper's four networks, for a block and its layers.
    pub fn variant(block: BlockKind, layers: &[usize], variant: Variant) -> Self {
        Self {
            block,
            layers: layers.to_vec(),
            stem: if variant >= Variant::C { Stem::Deep } else { Stem::Conv7 },
            stride_on: if variant >= Variant::B { StrideOn::Conv2 } else { StrideOn::Conv1 },
            shortcut: if variant >= Variant::D { Shortcut::AvgPoolConv } else { Shortcut::Conv },
            width: 64,
            groups: 1,
            width_per_group: 64,
            classes: 1000,
        }
    }

    /// The network of that name: `resnet{18,34,50,101,152}-{a,b,c,d}` or `tiny-{a,b,c,d}`.
    ///
    /// # Errors
    /// [`SpecError::UnknownName`] for any other name.
    pub fn named(name: &str) -> Result<Self, SpecError> {
        let unknown = || SpecError::UnknownName(name.chars().take(60).collect());
        let (body, letter) = name.rsplit_once('-').ok_or_else(unknown)?;
        let variant = Variant::from_letter(letter).ok_or_else(unknown)?;
        let (block, layers): (_, &[usize]) = match body {
            "resnet18" => (BlockKind::Basic, &[2, 2, 2, 2]),
            "resnet34" => (BlockKind::Basic, &[3, 4, 6, 3]),
            "resnet50" => (BlockKind::Bottleneck, &[3, 4, 6, 3]),
            "resnet101" => (BlockKind::Bottleneck, &[3, 4, 23, 3]),
            "resnet152" => (BlockKind::Bottleneck, &[3, 8, 36, 3]),
            "tiny" => (BlockKind::Bottleneck, &[2, 2, 2, 2]),
            _ => return Err(unknown()),
        };
        let mut spec = Self::variant(block, layers, variant);
        if body == "tiny" {
            spec.width = 16;
            spec.classes = 10;
        }
        Ok(spec)
    }

    /// Every name that [`ArchSpec::named`] knows, the tiny ones first.
    pub fn names() -> Vec<String> {
        let bodies = ["tiny", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];
        bodies.iter().flat_map(|body| Variant::ALL.iter().map(move |variant| format!("{body}-{}", variant.letter()))).collect()
    }

    /// The paper's letter for these switches, if they are one of its four mixtures.
    pub fn letter(&self) -> Option<Variant> {
        Variant::ALL.into_iter().find(|&variant| {
            let known = Self::variant(self.block, &self.layers, variant);
            (known.stem, known.stride_on, known.shortcut) == (self.stem, self.stride_on, self.shortcut)
        })
    }

    /// Widths of the stem's convolutions, first to last.
    pub fn stem_widths(&self) -> Vec<usize> {
        let w = self.width;
        match self.stem {
            Stem::Conv7 => vec![w],
            Stem::Deep => vec![w / 2, w / 2, w],
            Stem::Tiered => vec![w * 3 / 8, w / 2, w],
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
        within("the number of stages", self.layers.len(), 1, 5)?;
        for &blocks in &self.layers {
            within("the number of blocks in a stage", blocks, 1, 200)?;
        }
        within("the width of the first stage", self.width, 1, 1024)?;
        within("the number of groups", self.groups, 1, 1024)?;
        within("the width per group", self.width_per_group, 1, 1024)?;
        within("the number of classes", self.classes, 1, 100_000)?;
        within("the number of input channels", input.channels, 1, 64)?;
        within("the height of the input", input.height, MIN_SIZE, MAX_SIZE)?;
        within("the width of the input", input.width, MIN_SIZE, MAX_SIZE)?;
        if self.stem != Stem::Conv7 && !self.width.is_multiple_of(8) {
            return Err(SpecError::StemWidth(self.width));
        }
        if self.block == BlockKind::Basic && (self.groups, self.width_per_group) != (1, 64) {
            return Err(SpecError::Groups { groups: self.groups, channels: self.width });
        }
        for stage in 0..self.layers.len() {
            within("the width of a bottleneck's 3x3", self.inner_width(stage), 1, 1 << 16)?;
        }
        Ok(())
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
