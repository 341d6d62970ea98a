//! Runs a network: a [`Graph`](stridescope_arch::Graph) and a checkpoint become burn tensors on a device.
//!
//! No page, no DOM, no fetching. On the CPU burn-flex computes, with convolutions of our own; on the GPU burn-wgpu does,
//! with convolutions of our own too.

mod device_check;
#[cfg(feature = "gpu")]
pub mod gpu;
mod network;
mod params;
mod pass;
mod plan;
mod read;
mod reverse;
mod timing;
pub mod topk;
mod trace;

pub use device_check::{Agreement, check_against_cpu, relative_l2};
pub use network::{Network, Output, Tap};
pub use pass::{Edit, Fill, Pass, UnitRef};
pub use timing::{Clock, Timing};
pub use trace::{Trace, TracedTap};

use burn::tensor::Device;
#[cfg(feature = "gpu")]
use gpu::Gpu;
use stridescope_weights::WeightsError;

/// Why a network could not be built or run. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// The weights are not the network's.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The input does not have the values that its size needs.
    #[error("the network needs {wanted} input values, but got {found}. Prepare the picture for its size first")]
    Input {
        /// Values that the size needs.
        wanted: usize,
        /// Values given.
        found: usize,
    },
    /// A tap that the network lacks.
    #[error("this network has no layer \"{0}\". Choose one that its diagram shows")]
    NoSuchNode(String),
    /// A position that the layer lacks.
    #[error("there is no {0}. Choose a position of its map")]
    NoSuchUnit(String),
    /// The device failed.
    #[error("the {device} failed while computing: {cause}. Choose the other one, or reload the page")]
    Device {
        /// "GPU" or "CPU".
        device: &'static str,
        /// What it said.
        cause: String,
    },
}

/// Where a network computes.
#[derive(Debug, Clone)]
pub enum Backend {
    /// burn-flex, on the processor.
    Cpu,
    /// burn-wgpu.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

impl Backend {
    pub(crate) fn device(&self) -> Device {
        match self {
            Self::Cpu => Device::flex(),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.device.clone(),
        }
    }

    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => "GPU",
        }
    }
}
