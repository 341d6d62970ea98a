//! Names of networks: `BODY-LETTER` and any number of switches, as in `resnet50-d`, `resnext50_32x4d-b` or `resnet50-d.os8.classes21`.
//!
//! The body sets block, depth and widths; the letter sets stem, stride and shortcut; a switch changes one of these. Names contain only
//! dots, letters, digits, `-` and `_`, so they need no escaping in a link.

use super::spec::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Shortcut, SpecError, Stem, StrideOn};
use super::switches::{SWITCHES, proportional};
use serde::Serialize;

/// The letter in a name: the four networks of "Bag of Tricks for Image Classification with CNNs" (He et al., CVPR 2019, arXiv 1812.01187,
/// section 4), each of which includes the changes of the one before, and two of timm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The original ResNet: stride on the first 1x1 of path A.
    A,
    /// Stride moved to the 3x3 of path A.
    B,
    /// B, with a stem of three 3x3 convolutions.
    C,
    /// C, with average pooling before the 1x1 of path B.
    D,
    /// B, with a stem of three 3x3 convolutions that is twice as wide as the first stage.
    S,
    /// D, with a stem whose width grows in three steps.
    T,
}

impl Variant {
    /// The paper's four networks, each of which includes the changes of the one before.
    pub const PAPER: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];
    /// A to D in the paper's order, then timm's S and T.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::S, Self::T];

    /// The letter in a name.
    pub fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
            Self::D => 'd',
            Self::S => 's',
            Self::T => 't',
        }
    }

    /// The change, in a few words.
    pub fn tagline(self) -> &'static str {
        match self {
            Self::A => "original",
            Self::B => "stride on the 3×3",
            Self::C => "three 3×3 stem",
            Self::D => "avgpool shortcut",
            Self::S => "wide three 3×3 stem",
            Self::T => "tiered stem, avgpool shortcut",
        }
    }

    /// The source: paper or code.
    pub fn source(self) -> &'static str {
        match self {
            Self::A => "He et al. 2015, arXiv 1512.03385",
            Self::B => "torchvision; He et al. 2019, arXiv 1812.01187, section 4.1",
            Self::C => "He et al. 2019, arXiv 1812.01187, section 4.1, after Inception-v2 (arXiv 1512.00567)",
            Self::D => "He et al. 2019, arXiv 1812.01187, section 4.2",
            Self::S => "timm's resnet50s, after ResNeSt (arXiv 2004.08955)",
            Self::T => "timm's resnet50t",
        }
    }

    /// Stem, width of its first convolution relative to the first stage (in halves), stride and shortcut.
    fn switches(self) -> (Stem, usize, StrideOn, Shortcut) {
        match self {
            Self::A => (Stem::Conv7, 1, StrideOn::Conv1, Shortcut::Conv),
            Self::B => (Stem::Conv7, 1, StrideOn::Conv2, Shortcut::Conv),
            Self::C => (Stem::Deep, 1, StrideOn::Conv2, Shortcut::Conv),
            Self::D => (Stem::Deep, 1, StrideOn::Conv2, Shortcut::AvgPoolConv),
            Self::S => (Stem::Deep, 2, StrideOn::Conv2, Shortcut::Conv),
            Self::T => (Stem::Tiered, 1, StrideOn::Conv2, Shortcut::AvgPoolConv),
        }
    }
}

/// The part of a name before the letter.
#[derive(Debug)]
pub struct Body {
    /// The name in a link, `resnet50`.
    pub name: &'static str,
    /// The name as displayed, `ResNet-50`.
    pub title: &'static str,
    /// The source: paper or code.
    pub source: &'static str,
    block: BlockKind,
    layers: &'static [usize],
    width: usize,
    groups: usize,
    width_per_group: usize,
    anti_alias: AntiAlias,
    classes: usize,
}

const HE: &str = "He et al. 2015, arXiv 1512.03385";

const fn resnet(name: &'static str, title: &'static str, block: BlockKind, layers: &'static [usize]) -> Body {
    Body {
        name,
        title,
        source: HE,
        block,
        layers,
        width: 64,
        groups: 1,
        width_per_group: 64,
        anti_alias: AntiAlias::None,
        classes: 1000,
    }
}

const R50: &[usize] = &[3, 4, 6, 3];
const R101: &[usize] = &[3, 4, 23, 3];

/// Every body, in order of size.
pub static BODIES: [Body; 13] = {
    use BlockKind::{Basic, Bottleneck};
    const XIE: &str = "Xie et al. 2016, arXiv 1611.05431";
    const ZAGORUYKO: &str = "Zagoruyko and Komodakis 2016, arXiv 1605.07146";
    [
        Body {
            width: 16,
            classes: 10,
            source: "this project's own, for pictures of 128 pixels",
            ..resnet("tiny", "Tiny", Bottleneck, &[2, 2, 2, 2])
        },
        resnet("resnet18", "ResNet-18", Basic, &[2, 2, 2, 2]),
        Body { source: "timm's resnet26", ..resnet("resnet26", "ResNet-26", Bottleneck, &[2, 2, 2, 2]) },
        resnet("resnet34", "ResNet-34", Basic, R50),
        resnet("resnet50", "ResNet-50", Bottleneck, R50),
        resnet("resnet101", "ResNet-101", Bottleneck, R101),
        resnet("resnet152", "ResNet-152", Bottleneck, &[3, 8, 36, 3]),
        Body { groups: 32, width_per_group: 4, source: XIE, ..resnet("resnext50_32x4d", "ResNeXt-50 32×4d", Bottleneck, R50) },
        Body {
            groups: 32, width_per_group: 8, source: XIE, ..resnet("resnext101_32x8d", "ResNeXt-101 32×8d", Bottleneck, R101)
        },
        Body { width_per_group: 128, source: ZAGORUYKO, ..resnet("wide_resnet50_2", "Wide ResNet-50-2", Bottleneck, R50) },
        Body { width_per_group: 128, source: ZAGORUYKO, ..resnet("wide_resnet101_2", "Wide ResNet-101-2", Bottleneck, R101) },
        Body {
            anti_alias: AntiAlias::Blur,
            source: "Zhang 2019, arXiv 1904.11486; timm's resnetblur50",
            ..resnet("resnetblur50", "ResNet-50 BlurPool", Bottleneck, R50)
        },
        Body {
            anti_alias: AntiAlias::AvgPool,
            source: "timm's resnetaa50, after ResNeSt (arXiv 2004.08955)",
            ..resnet("resnetaa50", "ResNet-50 AvgPool", Bottleneck, R50)
        },
    ]
};

/// Maximum length of a name.
const MAX_LENGTH: usize = 200;

impl ArchSpec {
    /// The description of a variant, with a first stage 64 wide and 1,000 classes.
    pub fn variant(block: BlockKind, layers: &[usize], variant: Variant) -> Self {
        let mut spec = Self::of(&resnet("", "", block, &[]), variant);
        spec.layers = layers.to_vec();
        spec.dilate = vec![false; layers.len().saturating_sub(1)];
        spec
    }

    fn of(body: &Body, variant: Variant) -> Self {
        let (stem, halves, stride_on, shortcut) = variant.switches();
        Self {
            block: body.block,
            layers: body.layers.to_vec(),
            stem,
            stem_width: body.width / 2 * halves,
            stride_on,
            shortcut,
            width: body.width,
            groups: body.groups,
            width_per_group: body.width_per_group,
            anti_alias: body.anti_alias,
            dilate: vec![false; body.layers.len().saturating_sub(1)],
            dilated_pool: DilatedPool::default(),
            classes: body.classes,
            channels: 3,
        }
    }

    /// Parses a name.
    ///
    /// # Errors
    /// [`SpecError`] if the name is malformed. Whether the switches describe a network is left to [`ArchSpec::check`].
    pub fn named(name: &str) -> Result<Self, SpecError> {
        let unknown = || SpecError::UnknownName(name.chars().take(60).collect());
        if name.len() > MAX_LENGTH {
            return Err(unknown());
        }
        let mut parts = name.split('.');
        let (body, letter) = parts.next().and_then(|base| base.rsplit_once('-')).ok_or_else(unknown)?;
        let body = BODIES.iter().find(|known| known.name == body).ok_or_else(unknown)?;
        let letter = Variant::ALL.into_iter().find(|known| letter.len() == 1 && letter.starts_with(known.letter()));
        let mut spec = Self::of(body, letter.ok_or_else(unknown)?);
        for switch in parts {
            spec = spec.with(switch)?;
        }
        Ok(spec)
    }

    /// Which stages must be dilated so that the last feature map is `stride` times smaller than the image.
    pub fn dilation_for(&self, stride: usize) -> Option<Vec<bool>> {
        // Saturating, since a name can list more stages than any network has.
        let strides: Vec<usize> =
            (0..self.dilate.len()).map(|stage| 8usize.saturating_mul(2usize.saturating_pow(stage as u32))).collect();
        (stride == 4 || strides.contains(&stride)).then(|| strides.iter().map(|&at| at > stride).collect())
    }

    /// The shortest name of this description, which [`ArchSpec::named`] parses.
    pub fn name(&self) -> String {
        let distance = |known: &Self| {
            usize::from(known.block != self.block) * 4
                + usize::from(known.layers != self.layers) * 2
                + usize::from(known.width != self.width)
                + usize::from(known.groups != self.groups)
                + usize::from(known.width_per_group != self.width_per_group)
                + usize::from(known.anti_alias != self.anti_alias)
                + usize::from(known.classes != self.classes)
                + usize::from(known.stem != self.stem)
                + usize::from(proportional(known.stem_width, known.width, self.width) != Some(self.stem_width))
                + usize::from(known.stride_on != self.stride_on)
                + usize::from(known.shortcut != self.shortcut)
        };
        let bases = BODIES.iter().flat_map(|body| Variant::ALL.map(|letter| (body, letter, Self::of(body, letter))));
        let Some((body, letter, mut at)) = bases.min_by_key(|(_, _, known)| distance(known)) else { return String::new() };
        let mut name = format!("{}-{}", body.name, letter.letter());
        for switch in SWITCHES {
            let Some(written) = switch.written(self).filter(|written| switch.written(&at).as_ref() != Some(written)) else {
                continue;
            };
            switch.set(&mut at, &written);
            name.push('.');
            name.push_str(&written);
        }
        name
    }

    /// The names of all bodies with the paper's four letters and with timm's S and T; the tiny networks first.
    pub fn names() -> Vec<String> {
        let letters = |body: &Body| match body.name {
            "resnet50" => Variant::ALL.to_vec(),
            _ => Variant::ALL[..4].to_vec(),
        };
        BODIES
            .iter()
            .flat_map(|body| letters(body).into_iter().map(|letter| format!("{}-{}", body.name, letter.letter())))
            .collect()
    }

    /// Body and letter of this description, if it is a known network up to the number of classes and of input channels.
    pub fn known(&self) -> Option<(&'static Body, Variant)> {
        // How a dilated stage pools makes no difference to a network without one.
        let plain = |spec: &Self| Self { classes: 0, channels: 0, dilated_pool: DilatedPool::default(), ..spec.clone() };
        BODIES
            .iter()
            .flat_map(|body| Variant::ALL.map(|letter| (body, letter)))
            .find(|&(body, letter)| plain(&Self::of(body, letter)) == plain(self))
    }

    /// The same network with the stem, stride and shortcut of the original.
    pub fn original(&self) -> Self {
        let (stem, _, stride_on, shortcut) = Variant::A.switches();
        Self { stem, stem_width: self.width / 2, stride_on, shortcut, ..self.clone() }
    }

    /// This description with one more switch, written as in a name: `stem-deep`, `blocks3-4-6-3`, `os8`.
    ///
    /// # Errors
    /// [`SpecError::UnknownSwitch`]. Whether the switches describe a network is left to [`ArchSpec::check`].
    pub fn with(&self, switch: &str) -> Result<Self, SpecError> {
        let mut spec = self.clone();
        match SWITCHES.iter().any(|known| known.set(&mut spec, switch)) {
            true => Ok(spec),
            false => Err(SpecError::UnknownSwitch(switch.chars().take(60).collect())),
        }
    }

    /// The letter with this stem, stride and shortcut.
    pub fn letter(&self) -> Option<Variant> {
        Variant::ALL.into_iter().find(|letter| {
            let (stem, halves, stride_on, shortcut) = letter.switches();
            let wide = stem == Stem::Conv7 || self.stem_width == self.width / 2 * halves;
            wide && (stem, stride_on, shortcut) == (self.stem, self.stride_on, self.shortcut)
        })
    }
}
