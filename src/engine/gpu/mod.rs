//! Convolutions of our own on WebGPU, in place of burn's, whose kernel fetches every value once for each output that needs it.

mod check;
mod kernel;
mod tiled;
mod tiling;

pub(super) use check::check_kernels;
pub use tiled::{After, Tiled};
pub use tiling::{TILES, Tile, Tiling};

use burn::tensor::Device;

/// Which kernels convolve on a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// Those that are faster on the adapter, by measurement: ours.
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
