//! Runs a network: a [`Graph`](stridescope_arch::Graph) and a checkpoint become burn tensors on a device. Depends on `arch`,
//! `weights` and `kernels`. No page, no DOM, no fetching.
//!
//! On the CPU it uses burn-flex, on the GPU burn-wgpu; on both, the convolutions are this project's own.

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

/// Why a network could not be built or run. Each message is for the visitor.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineError {
    /// The weights do not fit the network.
    Weights(WeightsError),
    /// The input has the wrong number of values.
    Input {
        /// Expected number of values.
        wanted: usize,
        /// Actual number of values.
        found: usize,
    },
    /// The network has no such layer.
    NoSuchNode(String),
    /// The layer has no such position.
    NoSuchUnit(Message),
    /// The device failed.
    Device {
        /// "GPU" or "CPU".
        device: &'static str,
        /// The cause.
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

/// The device that computes.
#[derive(Debug, Clone)]
pub enum Backend {
    /// burn-flex on the CPU.
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
