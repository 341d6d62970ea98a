//! A network for tfjs in the benchmark: a JSON description, and its weights as an f32 file.
//!
//! tfjs runs operators one by one and does not optimise the graph, so this does what its converter does: a ReLU that is the only reader of
//! a convolution is fused with it. Maps are `[N, H, W, C]`, and kernels are `[H, W, in, out]`. `bench/tfjs_network.mjs` reads the
//! description.

use serde_json::{Value, json};
use stridescope_arch::{Graph, Op, Pool};
use stridescope_weights::Checkpoint;

use crate::error::Error;
use crate::folded::{Layer, Tensor, layers, unknown};

/// The files of a network for tfjs.
#[derive(Debug)]
pub struct Files {
    /// The layers in order, as JSON.
    pub description: Vec<u8>,
    /// Little-endian f32; the description has the offset of each tensor.
    pub weights: Vec<u8>,
}

/// Encodes a network with these weights.
///
/// # Errors
/// If the weights do not fit the network, or tfjs has no operator for a layer.
pub fn encode(graph: &Graph, checkpoint: &Checkpoint) -> Result<Files, Error> {
    let Some(input) = graph.nodes.first() else { return Err(unknown("no layer at all")) };
    let layers = layers(graph, checkpoint)?;
    let mut weights = Vec::new();
    let mut described = Vec::new();
    let mut layers = layers.into_iter().peekable();
    // The number of readers of each value, to find the ReLUs that can be fused.
    let mut reads = std::collections::HashMap::<&str, usize>::new();
    graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|&index| *reads.entry(&graph.nodes[index].id).or_default() += 1);
    while let Some(layer) = layers.next() {
        let is_alone = reads.get(layer.id) == Some(&1);
        let takes =
            |next: &Layer| matches!(layer.op, Op::Conv(_)) && is_alone && next.op == Op::Relu && next.inputs == [layer.id];
        let relu = layers.next_if(takes);
        described.push(describe(layer, relu.map(|relu| relu.id), &mut weights)?);
    }
    let description = json!({ "channels": input.shape.channels, "input": input.id, "layers": described });
    Ok(Files { description: description.to_string().into_bytes(), weights })
}

/// Describes one layer, with the name of the ReLU fused into it.
fn describe(layer: Layer, relu: Option<&str>, weights: &mut Vec<u8>) -> Result<Value, Error> {
    let mut value = match layer.op {
        Op::Conv(conv) if conv.groups > 1 => return Err(unknown("a grouped convolution, which tfjs does not have")),
        Op::Conv(conv) => json!({
            "op": "conv", "stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation, "relu": relu.is_some(),
        }),
        Op::Relu => json!({ "op": "relu" }),
        Op::MaxPool(pool) => described_pool("maxpool", &pool),
        Op::AvgPool(pool) => described_pool("avgpool", &pool),
        Op::Add => json!({ "op": "add" }),
        Op::GlobalAvgPool => json!({ "op": "mean" }),
        Op::Linear => json!({ "op": "linear" }),
        Op::Input | Op::BatchNorm | Op::BlurPool(_) => return Err(unknown("a layer that the bench does not give to tfjs")),
    };
    value["id"] = relu.unwrap_or(layer.id).into();
    value["inputs"] = layer.inputs.into();
    for (leaf, tensor) in [("weight", layer.weight.map(channels_last)), ("bias", layer.bias)] {
        if let Some(Tensor { shape, values, .. }) = tensor {
            value[leaf] = json!({ "shape": shape, "at": weights.len() / size_of::<f32>() });
            weights.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    Ok(value)
}

fn described_pool(op: &str, pool: &Pool) -> Value {
    let Pool { kernel, stride, padding, end_padding, ceil_mode } = *pool;
    json!({ "op": op, "kernel": kernel, "stride": stride, "padding": padding, "zeros": end_padding, "ceil": ceil_mode })
}

/// `[out, in, H, W]` as `[H, W, in, out]`, and `[out, in]` as `[in, out]`.
fn channels_last(tensor: Tensor) -> Tensor {
    let Tensor { name, shape, values } = tensor;
    let (outer, inner) = (shape.first().copied().unwrap_or(1), shape.get(1).copied().unwrap_or(1));
    let kernel: usize = shape.iter().skip(2).product();
    let at = |tap: usize, input: usize, output: usize| values[(output * inner + input) * kernel + tap];
    let values = (0..kernel)
        .flat_map(|tap| (0..inner).flat_map(move |input| (0..outer).map(move |output| (tap, input, output))))
        .map(|(tap, input, output)| at(tap, input, output))
        .collect();
    let shape = shape.iter().skip(2).copied().chain([inner, outer]).collect();
    Tensor { name, shape, values }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use stridescope_arch::{ArchSpec, Input, lower};
    use stridescope_weights::synthetic;

    use super::*;

    fn written(net: &str) -> (Checkpoint, Value, Vec<f32>) {
        let graph = lower(&ArchSpec::named(net).expect("a known name"), Input::square(64)).expect("a network");
        let checkpoint = synthetic::checkpoint(&graph);
        let files = encode(&graph, &checkpoint).expect("it can be written");
        let weights = files.weights.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        (checkpoint, serde_json::from_slice(&files.description).expect("it can be read"), weights)
    }

    #[test]
    fn relus_are_fused_with_convolutions_that_they_alone_read() {
        // Every ReLU of these networks follows a convolution, except those after the additions, one per block.
        for (net, convs, blocks) in [("resnet50-a", 53, 16), ("resnet50-d", 55, 16), ("tiny-b", 29, 8)] {
            let (_, description, _) = written(net);
            let mut counts = HashMap::new();
            let layers = description["layers"].as_array().expect("a list");
            layers.iter().for_each(|layer| *counts.entry(layer["op"].as_str().expect("a word")).or_insert(0) += 1);
            let with_relu = layers.iter().filter(|layer| layer["relu"] == true).count();
            // Except for the last one on path A, and the shortcuts of the four stages.
            assert_eq!((counts["conv"], with_relu), (convs, convs - blocks - 4), "{net}");
            assert_eq!((counts["relu"], counts["add"], counts["mean"], counts["linear"]), (blocks, blocks, 1, 1), "{net}");
        }
    }

    #[test]
    fn values_precede_their_readers_and_weights_are_used_once() {
        let (_, description, weights) = written("tiny-d");
        let mut known = vec![description["input"].as_str().expect("a name")];
        let mut next = 0;
        for layer in description["layers"].as_array().expect("a list") {
            for input in layer["inputs"].as_array().expect("a list") {
                assert!(known.contains(&input.as_str().expect("a name")), "{layer}");
            }
            known.push(layer["id"].as_str().expect("a name"));
            for tensor in ["weight", "bias"].map(|leaf| &layer[leaf]).into_iter().filter(|tensor| !tensor.is_null()) {
                assert_eq!(tensor["at"], next, "{layer}");
                next += tensor["shape"].as_array().expect("a shape").iter().filter_map(Value::as_u64).product::<u64>();
            }
        }
        assert_eq!(known.last(), Some(&"fc"));
        assert_eq!(next, weights.len() as u64);
    }

    /// tfjs' own `same` excludes zeros from the mean, so the map is padded first.
    #[test]
    fn a_pooling_of_a_dilated_shortcut_has_zeros_at_its_end() {
        let (_, description, _) = written("tiny-d.os16");
        let layers = description["layers"].as_array().expect("a list");
        for (id, stride, zeros, ceil) in [("layer2.0.downsample.0", 2, 0, true), ("layer4.0.downsample.0", 1, 1, false)] {
            let layer = layers.iter().find(|layer| layer["id"] == id).expect("a pooling");
            let wanted = json!({ "op": "avgpool", "kernel": 2, "stride": stride, "padding": 0, "zeros": zeros, "ceil": ceil });
            wanted.as_object().expect("an object").iter().for_each(|(key, value)| assert_eq!(&layer[key], value, "{id}: {key}"));
        }
    }

    #[test]
    fn kernels_are_transposed() {
        let ramp = |shape: &[usize]| Tensor {
            name: String::new(),
            shape: shape.to_vec(),
            values: (0..shape.iter().product()).map(|value: usize| value as f32).collect(),
        };
        let conv = channels_last(ramp(&[2, 3, 1, 2]));
        assert_eq!(conv.shape, [1, 2, 3, 2]);
        // Row-major over column, input, output; of output o, input i, column x the value was 6 o + 2 i + x.
        assert_eq!(conv.values, [0., 6., 2., 8., 4., 10., 1., 7., 3., 9., 5., 11.]);
        let linear = channels_last(ramp(&[2, 3]));
        assert_eq!((linear.shape, linear.values), (vec![3, 2], vec![0., 3., 1., 4., 2., 5.]));
    }

    #[test]
    fn the_classifiers_weights_match_the_checkpoint() {
        let (checkpoint, description, weights) = written("tiny-a");
        let layer = description["layers"].as_array().and_then(|layers| layers.last()).expect("a layer");
        let at = layer["bias"]["at"].as_u64().expect("a place") as usize;
        assert_eq!(weights[at..], checkpoint.values("fc.bias").expect("a bias"));
    }

    #[test]
    fn groups_are_rejected() {
        let graph = lower(&ArchSpec::named("resnext50_32x4d-b").expect("a name"), Input::square(64)).expect("a network");
        let error = encode(&graph, &synthetic::checkpoint(&graph)).expect_err("tfjs has none").to_string();
        assert!(error.contains("grouped"), "{error}");
    }
}
