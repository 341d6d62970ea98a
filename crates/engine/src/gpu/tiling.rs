//! How a convolution is divided into workgroups.

use super::kernel::{DEPTH, QUAD};

/// The work of one workgroup: `rows · threads_y` positions by `4 · threads_x` channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Invocations along the channels, four channels each.
    pub(super) threads_x: usize,
    /// Invocations along the positions.
    pub(super) threads_y: usize,
    /// Positions per invocation.
    pub(super) rows: usize,
}

/// 32 positions by 32 channels, 64 invocations: many workgroups for small layers.
pub(super) const SMALL: Tile = Tile { threads_x: 8, threads_y: 8, rows: 4 };
/// 64 by 64, 128 invocations: half as many buffer loads per multiplication, and three quarters of the loads from workgroup memory. Eight
/// quads of sums and four of weights fit 64 registers; more would not.
pub(super) const LARGE: Tile = Tile { threads_x: 16, threads_y: 8, rows: 8 };
/// The available tiles: small, large.
pub const TILES: [Tile; 2] = [SMALL, LARGE];

/// Large tiles are used from this number on: 16,000 invocations fill a large integrated GPU and half of a mid-range card.
const ENOUGH_LARGE: usize = 128;
/// The sum is split until there are this many large tiles, if there are [`MIN_LARGE`] of them without a split. On a large card (H100)
/// that halves the time of most layers at 512 px.
const TARGET_LARGE: usize = 256;
const MIN_LARGE: usize = 32;
/// Minimum steps per part with large tiles: a part is written and read once more, which is slow on a card with low bandwidth.
const MIN_STEPS_LARGE: usize = 16;
/// The sum is split until there are this many small tiles.
const ENOUGH_SMALL: usize = 256;
/// Minimum steps per part with small tiles: with fewer, loading and adding the parts costs more than the wait for them.
const MIN_STEPS: usize = 8;
/// WebGPU's limit on workgroups along an axis.
const MAX_WORKGROUPS: usize = 65_535;

impl Tile {
    /// Height in positions.
    pub fn height(&self) -> usize {
        self.threads_y * self.rows
    }

    /// Width in channels.
    pub fn width(&self) -> usize {
        self.threads_x * QUAD
    }

    fn count(&self, positions: usize, channels: usize) -> usize {
        positions.div_ceil(self.height()) * channels.div_ceil(self.width())
    }
}

/// A tile, and the number of parts that the sum over `K` is split into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// The tile.
    pub(super) tile: Tile,
    /// Steps per part.
    pub(super) k_per_split: usize,
    /// Number of parts.
    pub(super) split_k: usize,
}

impl Tiling {
    /// The sum in one part.
    pub fn whole(tile: Tile, steps: usize) -> Self {
        Self { tile, k_per_split: steps, split_k: 1 }
    }

    /// The sum in parts of equally many steps, at most `split_k` of them.
    pub fn split(tile: Tile, steps: usize, split_k: usize) -> Self {
        let k_per_split = steps.div_ceil(split_k.max(1)).max(1);
        Self { tile, k_per_split, split_k: steps.div_ceil(k_per_split).max(1) }
    }

    /// Chooses the tiling for a product of `positions` rows, `channels` columns and `steps` steps along `K`.
    ///
    /// | ResNet-50 at 224 px, one image | tiles | choice |
    /// |---|---|---|
    /// | stem, 112² | 196 to 392 large or small | large from 64 channels on |
    /// | 56², to 64 and to 256 channels | 196 small, 196 large | 1 part |
    /// | 28², to 128 and to 512 | 100 and 400 small | 2 parts, 1 part |
    /// | 14², to 256 and to 1,024 | 56 and 224 small | 4 parts, 1 part; from 512 to 1,024: 64 large in 2 parts |
    /// | 7², to 512 and to 2,048 | 32 and 128 small | 8 parts, 2 parts; from 1,024 to 2,048: 32 large in 4 parts |
    pub fn choose(positions: usize, channels: usize, (steps, by_quads): (usize, bool), is_software: bool) -> Self {
        if is_software {
            return Self::whole(if by_quads { LARGE } else { SMALL }, steps);
        }
        // A large tile must not waste half of its columns. A stem is too little work to justify a pipeline of its own.
        if by_quads && channels > LARGE.width() / 2 {
            let tiles = LARGE.count(positions, channels);
            let most = if tiles < MIN_LARGE { 1 } else { steps / MIN_STEPS_LARGE };
            let split_k = (TARGET_LARGE / tiles.max(1)).min(most).max(1);
            if tiles * split_k >= ENOUGH_LARGE {
                return Self::split(LARGE, steps, split_k);
            }
        }
        let tiles = SMALL.count(positions, channels);
        Self::split(SMALL, steps, (ENOUGH_SMALL / tiles.max(1)).min(steps / MIN_STEPS))
    }

    /// Workgroups along each axis; `None` if WebGPU does not guarantee that many.
    pub fn workgroups(&self, positions: usize, channels: usize) -> Option<[u32; 3]> {
        let counts = [positions.div_ceil(self.tile.height()), channels.div_ceil(self.tile.width()), self.split_k];
        let mut workgroups = [0; 3];
        for (to, count) in workgroups.iter_mut().zip(counts) {
            *to = u32::try_from(count).ok().filter(|_| count <= MAX_WORKGROUPS)?;
        }
        Some(workgroups)
    }
}

/// Rows of the packed weights in steps of [`DEPTH`]: for each tap its padded channels, or all channels without padding.
pub fn steps(channels: usize, taps: usize, by_quads: bool) -> usize {
    if by_quads { taps * channels.div_ceil(DEPTH) } else { (taps * channels).div_ceil(DEPTH) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stridescope_arch::{ArchSpec, Input, Op, lower};

    #[test]
    fn every_tile_is_within_webgpus_guarantees() {
        for tile in TILES {
            let threads = tile.threads_x * tile.threads_y;
            assert!(threads <= 256);
            assert!((tile.height() + tile.width()) * DEPTH * size_of::<f32>() <= 16_384);
            // Every invocation loads equally many quads, and always the same one of a step.
            assert!((tile.height() * DEPTH / QUAD).is_multiple_of(threads) && (tile.threads_x * DEPTH).is_multiple_of(threads));
            assert!(threads.is_multiple_of(DEPTH / QUAD));
            assert!(LARGE.width().is_multiple_of(tile.width()), "columns are filled up to the widest tile");
        }
    }

    #[test]
    fn parts_cover_the_sum() {
        for steps in 1..100 {
            for split_k in 0..20 {
                let Tiling { k_per_split, split_k, .. } = Tiling::split(SMALL, steps, split_k);
                assert!(
                    split_k >= 1 && (split_k - 1) * k_per_split < steps && split_k * k_per_split >= steps,
                    "{steps} {splits} {share}"
                );
            }
        }
    }

    #[test]
    fn every_layer_of_resnet_50_keeps_a_gpu_busy() {
        #[allow(clippy::unwrap_used)]
        let graph = lower(&ArchSpec::named("resnet50-d").unwrap(), Input::square(224)).unwrap();
        for node in &graph.nodes {
            let Op::Conv(conv) = node.op else { continue };
            let by_quads = conv.in_channels.is_multiple_of(QUAD);
            let steps = steps(conv.in_channels, conv.kernel * conv.kernel, by_quads);
            let positions = node.shape.height * node.shape.width;
            let tiling = Tiling::choose(positions, conv.out_channels, (steps, by_quads), false);
            let threads = tiling.tile.threads_x * tiling.tile.threads_y;
            let workgroups = tiling.workgroups(positions, conv.out_channels).map_or(0, |counts| counts.iter().product());
            assert!(workgroups as usize * threads >= 11_000, "{}: {workgroups} workgroups, {tiling:?}", node.id);
            assert!(tiling.k_per_split >= MIN_STEPS.min(steps), "{}: {tiling:?}", node.id);
        }
    }

    #[test]
    fn the_sum_is_split_for_few_large_tiles() {
        let tiling = |positions, channels, steps| {
            let Tiling { tile, split_k, .. } = Tiling::choose(positions, channels, (steps, true), false);
            (tile, split_k)
        };
        // 3 x 3 at 512 px and at 224 px.
        assert_eq!(tiling(128 * 128, 64, 36), (LARGE, 1));
        assert_eq!(tiling(64 * 64, 128, 72), (LARGE, 2));
        assert_eq!(tiling(32 * 32, 256, 144), (LARGE, 4));
        assert_eq!(tiling(16 * 16, 512, 288), (LARGE, 8));
        assert_eq!(tiling(14 * 14, 256, 144), (SMALL, 4));
        assert_eq!(tiling(7 * 7, 512, 288), (SMALL, 8));
        // 1 x 1 with few steps to split.
        assert_eq!(tiling(32 * 32, 1024, 16), (LARGE, 1));
        assert_eq!(tiling(14 * 14, 1024, 16), (SMALL, 1));
    }

    #[test]
    fn launches_beyond_webgpus_guarantees_are_rejected() {
        let tiling = Tiling::whole(SMALL, 1);
        assert_eq!(tiling.workgroups(32 * 65_535, 32), Some([65_535, 1, 1]));
        assert_eq!(tiling.workgroups(32 * 65_535 + 1, 32), None);
    }
}
