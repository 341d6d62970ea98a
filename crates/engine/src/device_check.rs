//! Whether a device computes what the CPU computes: asked once before its answers are shown.

#[cfg(feature = "gpu")]
use super::gpu::check_kernels;
use super::{Backend, EngineError, Network, Pass};
use std::sync::Arc;
use stridescope_arch::{ArchSpec, BlockKind, Input, Variant, lower};
use stridescope_i18n::Explain;
use stridescope_weights::{WeightsError, synthetic};

/// Side of the picture for the check, in pixels: odd halves in every stage, so that edges are tried too.
const SIZE: usize = 72;
/// Largest relative L2 distance that still counts as agreement.
pub const TOLERANCE: f64 = 1e-3;

/// How far a device is from the CPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// `‖device - cpu‖ / ‖cpu‖` over the logits, the output of every stage and of every kernel of ours, whichever is largest.
    pub relative_l2: f64,
}

impl Agreement {
    /// Whether the device may be used.
    pub fn holds(self) -> bool {
        self.relative_l2 <= TOLERANCE
    }
}

/// Runs a small ResNet-D with synthetic weights, which has every kind of layer, on both.
///
/// # Errors
/// When either fails to compute.
pub async fn check_against_cpu(backend: &Backend) -> Result<Agreement, EngineError> {
    let mut spec = ArchSpec::variant(BlockKind::Bottleneck, &[1, 1, 1, 1], Variant::D);
    spec.width = 16;
    spec.classes = 10;
    let graph = lower(&spec, Input::square(SIZE)).map_err(|error| WeightsError::Card(error.message()))?;
    let checkpoint = Arc::new(synthetic::checkpoint(&graph));
    let input = synthetic::input(3 * SIZE * SIZE);
    let taps = ["maxpool", "layer1", "layer2", "layer3", "layer4"];
    let mut outputs = Vec::new();
    for backend in [&Backend::Cpu, backend] {
        let network = Network::load(graph.clone(), checkpoint.clone(), backend.clone())?;
        outputs.push(network.forward(&input, 1, (SIZE, SIZE), &Pass::tapping(&taps)).await?);
    }
    let pairs = std::iter::once((&outputs[0].logits, &outputs[1].logits))
        .chain(outputs[0].taps.iter().zip(&outputs[1].taps).map(|(cpu, other)| (&cpu.values, &other.values)));
    let network = pairs.map(|(cpu, other)| relative_l2(other, cpu)).fold(0.0, f64::max);
    #[cfg(feature = "gpu")]
    if let Backend::Gpu(gpu) = backend {
        return Ok(Agreement { relative_l2: network.max(check_kernels(gpu).await?) });
    }
    Ok(Agreement { relative_l2: network })
}

/// `‖values - reference‖ / ‖reference‖`; infinite when a value is no number.
pub fn relative_l2(values: &[f32], reference: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let difference: f64 = values.iter().zip(reference).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let norm: f64 = reference.iter().map(|&b| square(f64::from(b))).sum();
    let relative = (difference / norm).sqrt();
    if relative.is_finite() && values.len() == reference.len() { relative } else { f64::INFINITY }
}
