//! Random networks of the family, for properties that hold for any mixture of switches.

use proptest::prelude::*;
use stridescope_arch::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Shortcut, Stem, StrideOn};

/// Any mixture of the switches, with limits on the stages, the blocks per stage, and the first stage's width in eighths.
pub fn any_spec(most_stages: usize, most_blocks: usize, most_eighths: usize) -> impl Strategy<Value = ArchSpec> {
    let switches = (
        prop_oneof![Just(BlockKind::Basic), Just(BlockKind::Bottleneck)],
        prop_oneof![Just(Stem::Conv7), Just(Stem::Deep), Just(Stem::Tiered)],
        prop_oneof![Just(StrideOn::Conv1), Just(StrideOn::Conv2)],
        prop_oneof![Just(Shortcut::Conv), Just(Shortcut::AvgPoolConv)],
        prop_oneof![3 => Just(AntiAlias::None), 1 => Just(AntiAlias::AvgPool), 1 => Just(AntiAlias::Blur)],
        prop_oneof![2 => Just(DilatedPool::Same), 1 => Just(DilatedPool::None)],
    );
    let stages = prop::collection::vec((1..=most_blocks, any::<bool>()), 1..=most_stages);
    let widths = (1..=most_eighths, 1..=most_eighths, 0u32..3, 1usize..5);
    (switches, stages, widths, 1usize..20, 1usize..5).prop_map(
        |(
            (block, stem, stride_on, shortcut, anti_alias, dilated_pool),
            stages,
            (eighths, quarters, groups, per_group),
            classes,
            channels,
        )| {
            let is_basic = block == BlockKind::Basic;
            ArchSpec {
                block,
                stem,
                stride_on,
                shortcut,
                anti_alias,
                layers: stages.iter().map(|stage| stage.0).collect(),
                dilate: stages.iter().skip(1).map(|stage| stage.1).collect(),
                classes,
                channels,
                width: 8 * eighths,
                // Includes widths that 4 does not divide.
                stem_width: 3 + quarters,
                dilated_pool,
                groups: if is_basic { 1 } else { 1 << groups },
                width_per_group: if is_basic { 64 } else { 16 * per_group },
            }
        },
    )
}
