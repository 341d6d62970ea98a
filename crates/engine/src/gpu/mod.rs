//! Convolutions on WebGPU, in place of burn's, whose kernel loads every value once per output that needs it.

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

/// Which convolution kernels run on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// Tiled on hardware, burn's on a software adapter: there, for a ResNet-50-D, the tiled kernels take 0.8 times as long at 224 px, but
    /// 2.9 times at 64 px, where most of a tile lies outside the maps (SwiftShader; llvmpipe 1.2 to 1.6 times at 64 px).
    #[default]
    Auto,
    /// burn's.
    Stock,
    /// The tiled kernels of this crate, except for grouped convolutions.
    Tiled,
}

/// An initialised burn-wgpu device and its convolution kernels.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// The device.
    pub device: Device,
    /// Its kernels.
    pub kernels: Kernels,
    /// Whether the adapter runs on the CPU: it gains nothing from more workgroups than cores.
    pub is_software: bool,
}

impl Gpu {
    /// Whether convolutions without groups use the tiled kernels.
    pub(super) fn is_tiled(&self) -> bool {
        match self.kernels {
            Kernels::Auto => !self.is_software,
            Kernels::Stock => false,
            Kernels::Tiled => true,
        }
    }
}
