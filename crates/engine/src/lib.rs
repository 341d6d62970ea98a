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
use stridescope_i18n::{Explain, Message, explained, msg};
use stridescope_weights::WeightsError;

/// Why a network could not be built or run. Each sentence is for the visitor.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineError {
    /// The weights are not the network's.
    Weights(WeightsError),
    /// The input does not have the values that its size needs.
    Input {
        /// Values that the size needs.
        wanted: usize,
        /// Values given.
        found: usize,
    },
    /// A tap that the network lacks.
    NoSuchNode(String),
    /// A position that the layer lacks.
    NoSuchUnit(Message),
    /// The device failed.
    Device {
        /// "GPU" or "CPU".
        device: &'static str,
        /// What it said.
        cause: String,
    },
}

explained!(EngineError, Weights: WeightsError);

impl Explain for EngineError {
    fn message(&self) -> Message {
        match self {
            Self::Weights(error) => error.message(),
            Self::Input { wanted, found } => {
                msg!("the network needs {} input values, but got {}. Prepare the picture for its size first", wanted, found)
            }
            Self::NoSuchNode(node) => msg!("this network has no layer \"{}\". Choose one that its diagram shows", node),
            Self::NoSuchUnit(unit) => msg!("there is no {}. Choose a position of its map", unit),
            Self::Device { device, cause } => {
                msg!("the {} failed while computing: {}. Choose the other one, or reload the page", device, cause)
            }
        }
    }
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
