//! A network in the form that the other engines of the benchmark get.
//!
//! Batch normalisations are folded into the convolutions before them, with the arithmetic of `crates/engine/src/params.rs`, so that every
//! engine is timed on the same work.

use std::collections::HashSet;

use stridescope_arch::{Conv, Graph, Node, Op};
use stridescope_weights::{Checkpoint, check};

use crate::error::Error;

const REMEDY: &str = "The network has a layer that the writers in bench/networks do not know: teach them.";
/// PyTorch's default for BatchNorm2d.
const BN_EPS: f64 = 1e-5;

/// One computed layer.
#[derive(Debug)]
pub struct Layer<'a> {
    /// The name of its output: the layer's own, or that of the batch normalisation folded into it.
    pub id: &'a str,
    /// Its operation; never a batch normalisation.
    pub op: Op,
    /// The names of its inputs.
    pub inputs: Vec<&'a str>,
    /// The weights of a convolution, `[out, in / groups, kernel, kernel]`, or of the classifier, `[out, in]`.
    pub weight: Option<Tensor>,
    /// Added to each channel.
    pub bias: Option<Tensor>,
}

/// A named tensor.
#[derive(Debug)]
pub struct Tensor {
    /// The name in a checkpoint.
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// The layers of a network after its input, in topological order.
///
/// # Errors
/// If the weights do not fit the network, or the other engines lack the layer's kind.
pub fn layers<'a>(graph: &'a Graph, checkpoint: &Checkpoint) -> Result<Vec<Layer<'a>>, Error> {
    let verdict = check::compare(checkpoint, graph).verdict();
    verdict.map_err(|error| Error::new(error, "Delete the weights and run `cargo xtask weights`."))?;
    let reader = Reader { graph, checkpoint };
    // The convolutions with a folded batch normalisation.
    let folded: HashSet<usize> =
        graph.nodes.iter().filter(|node| node.op == Op::BatchNorm).flat_map(|node| node.inputs.iter().copied()).collect();
    let computed = graph.nodes.iter().enumerate().filter(|(index, node)| node.op != Op::Input && !folded.contains(index));
    computed.map(|(_, node)| reader.layer(node)).collect()
}

/// An error for a network that cannot be encoded.
pub fn unknown(what: &str) -> Error {
    Error::new(format!("there is {what}"), REMEDY)
}

struct Reader<'a, 'c> {
    graph: &'a Graph,
    checkpoint: &'c Checkpoint,
}

impl<'a> Reader<'a, '_> {
    fn layer(&self, node: &'a Node) -> Result<Layer<'a>, Error> {
        match node.op {
            Op::BatchNorm => self.folded_conv(node),
            Op::Conv(conv) => {
                let weight = self.tensor(node, "weight", conv_shape(&conv))?;
                Ok(Layer { weight: Some(weight), ..self.bare(node) })
            }
            Op::Linear => {
                let mut tensors = self.graph.node_tensors(node).into_iter().map(|tensor| {
                    let values = self.values(&tensor.name)?;
                    Ok(Tensor { name: tensor.name, shape: tensor.shape, values })
                });
                let [weight, bias] = [tensors.next().transpose()?, tensors.next().transpose()?];
                Ok(Layer { weight, bias, ..self.bare(node) })
            }
            // The benchmark compares the paper's four networks.
            Op::BlurPool(_) => Err(unknown("a blur, which the bench does not write")),
            Op::Input | Op::Relu | Op::MaxPool(_) | Op::AvgPool(_) | Op::Add | Op::GlobalAvgPool => Ok(self.bare(node)),
        }
    }

    /// A layer without tensors.
    fn bare(&self, node: &'a Node) -> Layer<'a> {
        let inputs = node.inputs.iter().map(|&index| self.graph.nodes[index].id.as_str()).collect();
        Layer { id: &node.id, op: node.op, inputs, weight: None, bias: None }
    }

    /// A convolution with the batch normalisation after it; it has the normalisation's output.
    fn folded_conv(&self, bn: &'a Node) -> Result<Layer<'a>, Error> {
        let conv_node = bn.inputs.first().map(|&index| &self.graph.nodes[index]);
        let Some((conv_node, Op::Conv(conv))) = conv_node.map(|node| (node, node.op)) else {
            return Err(unknown("a normalisation without a convolution before it"));
        };
        let of = |leaf: &str| self.values(&format!("{}.{leaf}", bn.id));
        let [gamma, beta, mean, var] = [of("weight")?, of("bias")?, of("running_mean")?, of("running_var")?];
        let scale: Vec<f64> = gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt()).collect();
        let shifted = scale.iter().zip(&beta).zip(&mean).map(|((s, &b), &m)| (f64::from(b) - f64::from(m) * s) as f32);

        let mut weight = self.tensor(conv_node, "weight", conv_shape(&conv))?;
        let taps = weight.values.len() / scale.len().max(1);
        for (filter, scale) in weight.values.chunks_mut(taps.max(1)).zip(&scale) {
            filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        }
        let name = format!("{}.bias", conv_node.id);
        let bias = Tensor { name, shape: vec![conv.out_channels], values: shifted.collect() };
        Ok(Layer { id: &bn.id, weight: Some(weight), bias: Some(bias), ..self.bare(conv_node) })
    }

    fn tensor(&self, node: &Node, leaf: &str, shape: Vec<usize>) -> Result<Tensor, Error> {
        let name = format!("{}.{leaf}", node.id);
        let values = self.values(&name)?;
        Ok(Tensor { name, shape, values })
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        self.checkpoint.values(name).map_err(|error| Error::new(error, REMEDY))
    }
}

fn conv_shape(conv: &Conv) -> Vec<usize> {
    vec![conv.out_channels, conv.in_channels / conv.groups, conv.kernel, conv.kernel]
}

#[cfg(test)]
mod tests {
    use stridescope_arch::{ArchSpec, Input, lower};
    use stridescope_weights::synthetic;

    use super::*;

    fn lowered(net: &str) -> Graph {
        lower(&ArchSpec::named(net).expect("a known name"), Input::square(64)).expect("a network")
    }

    #[test]
    fn a_folded_convolution_equals_convolution_and_normalisation() {
        let graph = lowered("tiny-d");
        let checkpoint = synthetic::checkpoint(&graph);
        let layers = layers(&graph, &checkpoint).expect("it can be folded");
        let layer = layers.iter().find(|layer| layer.id == "layer2.0.downsample.2").expect("it has the normalisation's name");
        assert_eq!(layer.inputs, ["layer2.0.downsample.0"], "it reads what the convolution reads");
        let (weight, bias) = (layer.weight.as_ref().expect("a weight"), layer.bias.as_ref().expect("a bias"));
        assert_eq!((weight.name.as_str(), bias.name.as_str()), ("layer2.0.downsample.1.weight", "layer2.0.downsample.1.bias"));
        let bare = checkpoint.values("layer2.0.downsample.1.weight").expect("a weight");
        let bn = |leaf: &str| checkpoint.values(&format!("layer2.0.downsample.2.{leaf}")).expect("a tensor");
        let (gamma, beta, mean, var) = (bn("weight"), bn("bias"), bn("running_mean"), bn("running_var"));
        let taps = bare.len() / bias.values.len();
        for channel in 0..bias.values.len() {
            // For an input of ones, a convolution is the sum of its filter.
            let sum = |weights: &[f32]| weights[channel * taps..][..taps].iter().sum::<f32>();
            let expected = gamma[channel] * (sum(&bare) - mean[channel]) / (var[channel] + 1e-5).sqrt() + beta[channel];
            let folded = sum(&weight.values) + bias.values[channel];
            assert!((folded - expected).abs() < 1e-4, "channel {channel}: {folded} instead of {expected}");
        }
    }

    #[test]
    fn weights_of_another_network_are_rejected() {
        let (graph, other) = (lowered("tiny-a"), synthetic::checkpoint(&lowered("tiny-c")));
        let error = layers(&graph, &other).expect_err("they are another's").to_string();
        assert!(error.contains("conv1"), "{error}");
    }
}
