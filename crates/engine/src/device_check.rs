//! Checks a device against the CPU, once, before its results are used.

#[cfg(feature = "gpu")]
use super::gpu::check_kernels;
use super::{Backend, EngineError, Network, Pass};
use std::sync::Arc;
use stridescope_arch::{AntiAlias, ArchSpec, BlockKind, Input, Variant, lower};
use stridescope_i18n::Explain;
use stridescope_weights::{WeightsError, synthetic};

/// Side of the test image, in pixels: every stage halves an odd size, so that edges are tested too.
const SIZE: usize = 72;
/// Largest relative L2 distance that still counts as agreement.
pub const TOLERANCE: f64 = 1e-3;

/// How far the results of a device are from the CPU's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// `‖device - cpu‖ / ‖cpu‖`: the largest over the logits, the output of every stage, and every kernel of this crate.
    pub relative_l2: f64,
}

impl Agreement {
    /// Whether the distance is within [`TOLERANCE`].
    pub fn holds(self) -> bool {
        self.relative_l2 <= TOLERANCE
    }
}

/// A small ResNet-D with every kind of layer: blurred before each stride, and with a dilated last stage, whose shortcut pads its average pooling and
/// whose second block has dilated convolutions.
fn spec() -> ArchSpec {
    let mut spec = ArchSpec::variant(BlockKind::Bottleneck, &[1, 1, 1, 2], Variant::D);
    spec.width = 16;
    spec.classes = 10;
    spec.anti_alias = AntiAlias::Blur;
    spec.dilate = vec![false, false, true];
    spec
}

/// Runs a small network with synthetic weights, which has every kind of layer, on the device and on the CPU.
///
/// # Errors
/// If either fails to compute.
pub async fn check_against_cpu(backend: &Backend) -> Result<Agreement, EngineError> {
    let graph = lower(&spec(), Input::square(SIZE)).map_err(|error| WeightsError::Card(error.message()))?;
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

/// `‖values - reference‖ / ‖reference‖`; infinite if a value is not finite.
pub fn relative_l2(values: &[f32], reference: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let difference: f64 = values.iter().zip(reference).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let norm: f64 = reference.iter().map(|&b| square(f64::from(b))).sum();
    let relative = (difference / norm).sqrt();
    if relative.is_finite() && values.len() == reference.len() { relative } else { f64::INFINITY }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use stridescope_arch::Op;

    #[test]
    fn the_checked_network_has_every_kind_of_layer() {
        let graph = lower(&spec(), Input::square(SIZE)).unwrap();
        let has = |is: fn(&Op) -> bool| graph.nodes.iter().any(|node| is(&node.op));
        assert!(has(|op| matches!(op, Op::Conv(conv) if conv.dilation > 1)));
        assert!(has(|op| matches!(op, Op::AvgPool(pool) if pool.end_padding == 0)));
        assert!(has(|op| matches!(op, Op::AvgPool(pool) if pool.end_padding > 0)));
        let kinds = ["input", "conv", "batchnorm", "relu", "maxpool", "avgpool", "blurpool", "add", "globalavgpool", "linear"];
        kinds.iter().for_each(|kind| assert!(graph.nodes.iter().any(|node| node.op.kind() == *kind), "{kind}"));
    }
}
