//! Synthetic weights: a network with fixed, varied values and no file, for comparing backends.
//!
//! Each value depends only on the key of its tensor and its flat index (FNV-1a of the key, then SplitMix64), so that any language can
//! rebuild the same network.

use crate::Checkpoint;
use stridescope_arch::{BlockKind, Graph};

/// `n` values in `[0, 1)` for a key.
pub fn unit(key: &str, n: usize) -> impl Iterator<Item = f32> {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let seed = key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ byte as u64).wrapping_mul(0x100_0000_01B3));
    (1..=n as u64).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f32 / (1 << 24) as f32
    })
}

/// An input of the given number of values, in `[-2, 2)`.
pub fn input(values: usize) -> Vec<f32> {
    unit("input", values).map(|u| 2.0 * (2.0 * u - 1.0)).collect()
}

/// A checkpoint for a network. Convolutions follow He's uniform initialisation; the last batch normalisation on path A has a small weight.
pub fn checkpoint(graph: &Graph) -> Checkpoint {
    let last_bn = match graph.spec.block {
        BlockKind::Basic => "bn2",
        BlockKind::Bottleneck => "bn3",
    };
    let mut checkpoint = Checkpoint::default();
    for tensor in graph.tensors() {
        let count = tensor.shape.iter().product();
        let (owner, leaf) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
        let is_weight = tensor.shape.len() > 1;
        let is_fc = owner == "fc";
        let fan_in: usize = tensor.shape.iter().skip(1).product();
        let scale = (6.0 / fan_in as f64).sqrt() as f32;
        let branch_end = owner.starts_with("layer") && owner.ends_with(last_bn);
        let value = |u: f32| match leaf {
            "weight" if is_weight => (2.0 * u - 1.0) * scale * if is_fc { 0.5 } else { 1.0 },
            "weight" => (0.5 + u) * if branch_end { 0.2 } else { 1.0 },
            "running_var" => 0.5 + u,
            "bias" if is_fc => 0.1 * (2.0 * u - 1.0),
            _ => 0.2 * (2.0 * u - 1.0),
        };
        let values: Vec<f32> = unit(&tensor.name, count).map(value).collect();
        checkpoint.push(tensor.name, tensor.shape, &values);
    }
    checkpoint
}
