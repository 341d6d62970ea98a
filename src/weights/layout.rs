//! Key layouts: whose names a checkpoint uses, and which network it must be for.

use super::{Checkpoint, WeightsError};
use crate::arch::{AntiAlias, ArchSpec, BlockKind, Shortcut, Stem, StrideOn};

/// What wrappers put before every name: `torch.nn.DataParallel`, and checkpoints of whole training runs.
const PREFIXES: [&str; 4] = ["module.", "model.", "backbone.", "net."];
/// What a stem is called in many PyTorch implementations of the paper's networks.
const INPUT_STEM: &str = "input_stem.";

/// Gives every tensor the name that timm gives it. torchvision's and timm's are the same but for wrappers.
pub fn rename(checkpoint: &mut Checkpoint) {
    while let Some(prefix) = PREFIXES
        .iter()
        .find(|prefix| !checkpoint.tensors.is_empty() && checkpoint.tensors.keys().all(|name| name.starts_with(**prefix)))
    {
        let tensors = std::mem::take(&mut checkpoint.tensors);
        checkpoint.tensors = tensors.into_iter().map(|(name, entry)| (name[prefix.len()..].to_string(), entry)).collect();
    }
    let is_kernel = |name: &str| checkpoint.tensors.get(name).is_some_and(|entry| entry.shape.len() == 4);
    if !is_kernel("input_stem.0.weight") {
        return;
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
}

/// A network that a checkpoint can be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// Its switches; the stride on the 3x3 where nothing tells.
    pub spec: ArchSpec,
    /// Whether the stride may as well be on the first 1x1: the original and its B have tensors of the same names and shapes.
    pub stride_is_open: bool,
}

/// Finds the network from names and shapes. Anti-aliasing and dilation leave no trace there and are taken to be absent.
///
/// # Errors
/// When the tensors are those of no network of the family.
pub fn infer(checkpoint: &Checkpoint) -> Result<Inferred, WeightsError> {
    let shape = |name: &str| checkpoint.tensors.get(&format!("{name}.weight")).map(|entry| entry.shape.as_slice());
    let kernel = |name: &str| shape(name).and_then(|shape| <[usize; 4]>::try_from(shape).ok());
    let needed =
        |name: &str| kernel(name).ok_or_else(|| WeightsError::Unknown(format!("there is no convolution \"{name}.weight\"")));
    let odd = |what: String| WeightsError::Unknown(what);

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
        (_, Some([one, channels, 3, 3]), Some([two, _, 3, 3])) if 4 * one == 3 * two => (Stem::Tiered, two, channels),
        _ => return Err(odd("its stem is neither one 7x7 convolution nor three 3x3".into())),
    };
    let (groups, width_per_group) = match block {
        BlockKind::Basic => (1, 64),
        BlockKind::Bottleneck => {
            let [inner, per_group, ..] = needed("layer1.0.conv2")?;
            let groups = inner / per_group.max(1);
            (groups, 64 * inner / (width * groups).max(1))
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
        _ => return Err(odd("there is no classifier \"fc.weight\"".into())),
    };
    let spec = ArchSpec {
        block,
        dilate: vec![false; layers.len().saturating_sub(1)],
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
    let stride_is_open = block == BlockKind::Bottleneck && stem == Stem::Conv7 && shortcut == Shortcut::Conv;
    Ok(Inferred { spec, stride_is_open })
}
