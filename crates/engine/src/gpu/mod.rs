//! Convolutions of our own on WebGPU, in place of burn's, whose kernel fetches every value once for each output that needs it.

mod check;
mod kernel;
mod replay;
mod tiled;
mod tiling;

pub(super) use check::check_kernels;
pub(super) use replay::{Kind, Replays};
pub use tiled::{GpuEpilogue, Tiled};
pub use tiling::{TILES, Tile, Tiling};

use burn::tensor::Device;

/// Which kernels convolve on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// Ours, but burn's on a software adapter: there a ResNet-50-D takes ours 0.8 times as long at 224 px, but 2.9 times at 64 px, where
    /// most of a tile lies outside the maps (SwiftShader; llvmpipe 1.2 to 1.6 times at 64 px).
    #[default]
    Auto,
    /// burn's.
    Stock,
    /// Ours, where there is one: everything but convolutions in groups.
    Tiled,
}

/// A device of burn-wgpu's that has been initialised, and how convolutions are computed on it.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// The device.
    pub device: Device,
    /// Its kernels.
    pub kernels: Kernels,
    /// Whether a processor pretends to be this GPU: it gains nothing from more workgroups than it has cores.
    pub is_software: bool,
}

impl Gpu {
    /// Whether convolutions without groups are ours.
    pub(super) fn is_tiled(&self) -> bool {
        match self.kernels {
            Kernels::Auto => !self.is_software,
            Kernels::Stock => false,
            Kernels::Tiled => true,
        }
    }
}
