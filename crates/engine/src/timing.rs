//! Times each step of a network: computed alone, repeatedly, until a browser's coarse clock can measure it.

use super::network::Network;
use super::plan::{Step, plan};
use super::{Backend, EngineError};
use burn::tensor::{Tensor, TensorData};
use stridescope_arch::{Graph, Input, cost, lower};

/// A clock, in milliseconds.
pub type Clock = fn() -> f64;

/// Maximum repetitions of a step.
const MAX_REPEATS: usize = 4096;
const BYTES: u64 = 4;

/// The time and the work of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The layer; of fused layers, the convolution.
    pub node: String,
    /// Milliseconds.
    pub ms: f64,
    /// Multiply-accumulates of convolutions and the classifier.
    pub macs: u64,
    /// Bytes read, including weights, plus bytes written.
    pub bytes: u64,
}

impl Network {
    /// Times every step of a forward pass on `[1, C, H, W]` input values with the height and width of `size`, each for at least `least_ms`
    /// milliseconds.
    ///
    /// # Errors
    /// If the input has the wrong number of values, the size is too small, or the device fails.
    pub async fn time(
        &self,
        input: &[f32],
        size: (usize, usize),
        clock: Clock,
        least_ms: f64,
    ) -> Result<Vec<Timing>, EngineError> {
        let shape = [1, self.graph().spec.channels, size.0, size.1];
        let wanted = shape.iter().product();
        let graph = lower(&self.graph().spec, Input { height: size.0, width: size.1 });
        let (Ok(graph), true) = (graph, input.len() == wanted) else {
            return Err(EngineError::Input { wanted, found: input.len() });
        };
        let mut outputs: Vec<Option<Tensor<4>>> = vec![None; graph.nodes.len()];
        outputs[0] = Some(Tensor::from_data(TensorData::new(input.to_vec(), shape), &self.backend().device()));
        let mut timings = Vec::new();
        for step in plan(&graph, &[], &[]) {
            let mut reads = Vec::new();
            for index in step.reads(&graph) {
                reads.push(outputs[index].clone().ok_or_else(|| EngineError::NoSuchNode(graph.nodes[index].id.clone()))?);
            }
            let (output, ms) = self.time_step(&step, &reads, clock, least_ms).await?;
            outputs[step.output()] = Some(output);
            timings.push(Timing { ms, ..work(&graph, &step) });
        }
        Ok(timings)
    }

    async fn time_step(
        &self,
        step: &Step,
        reads: &[Tensor<4>],
        clock: Clock,
        least_ms: f64,
    ) -> Result<(Tensor<4>, f64), EngineError> {
        // The first run compiles kernels and allocates buffers.
        let mut output = self.step(step, reads.to_vec()).await?;
        self.synchronize(&output).await?;
        let mut count = 1;
        loop {
            let start = clock();
            for _ in 0..count {
                output = self.step(step, reads.to_vec()).await?;
            }
            self.synchronize(&output).await?;
            let ms = clock() - start;
            if ms >= least_ms || count >= MAX_REPEATS {
                return Ok((output, ms / count as f64));
            }
            // Enough repetitions for the remaining time, by the estimate so far.
            let needed = (1.2 * least_ms / ms.max(0.01)).ceil() as usize;
            count = (count * needed.clamp(2, 64)).min(MAX_REPEATS);
        }
    }

    /// Waits until the device has finished; the CPU always has.
    async fn synchronize(&self, output: &Tensor<4>) -> Result<(), EngineError> {
        if !matches!(self.backend(), Backend::Cpu) {
            self.read(output.clone().slice([0..1, 0..1, 0..1, 0..1])).await?;
        }
        Ok(())
    }
}

/// The work of a step: multiply-accumulates and bytes.
fn work(graph: &Graph, step: &Step) -> Timing {
    let index = match step {
        Step::Conv(fused) => fused.conv,
        Step::Layer(index) => *index,
    };
    let node = &graph.nodes[index];
    let read: u64 = step.reads(graph).map(|index| graph.nodes[index].shape.elements()).sum();
    // A folded batch normalisation leaves one value per channel, the bias.
    let bias = if matches!(step, Step::Conv(_)) { node.shape.channels as u64 } else { 0 };
    let moved = read + cost::params(graph, node) + bias + graph.nodes[step.output()].shape.elements();
    Timing { node: node.id.clone(), ms: 0.0, macs: cost::macs(graph, node), bytes: BYTES * moved }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stridescope_arch::ArchSpec;

    #[test]
    fn the_steps_add_up_to_the_networks_macs() {
        #[allow(clippy::unwrap_used)]
        let graph = lower(&ArchSpec::named("resnet50-d").unwrap(), Input::square(224)).unwrap();
        let works: Vec<Timing> = plan(&graph, &[], &[]).iter().map(|step| work(&graph, step)).collect();
        assert_eq!(works.iter().map(|work| work.macs).sum::<u64>(), 4_328_824_832);
        let last = works.last().map(|work| (work.node.as_str(), work.bytes));
        // 2048 features, 2048 x 1000 weights, 1000 biases, 1000 logits.
        assert_eq!(last, Some(("fc", 4 * (2048 + 2_048_000 + 1000 + 1000))));
        let third = works.iter().find(|work| work.node == "layer1.1.conv3").map(|work| work.bytes);
        // Input, weights, biases, the block's input that is added, output.
        assert_eq!(third, Some(4 * (64 * 3136 + 64 * 256 + 256 + 2 * 256 * 3136)));
    }
}
