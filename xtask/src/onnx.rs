//! A network as an ONNX file, for the other engines of the benchmark (operator set 17, f32, a fixed input of one picture).
//!
//! Normalisations are folded into the convolutions before them, by the same arithmetic as `src/engine/network.rs`, so that every
//! engine is timed on the same work.

mod proto;

use std::collections::HashSet;

use prost::Message;
use stridescope::arch::{Conv, Graph, Node, Op, Pool};
use stridescope::weights::{Checkpoint, check};

use crate::error::Error;
use proto::{
    AttributeProto, Dimension, FLOAT, GraphProto, INT, INTS, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};

const STEP: &str = "writing an ONNX file";
const REMEDY: &str = "The network has a layer that xtask/src/onnx.rs does not know: teach it.";
/// First IR version of operator set 17.
const IR_VERSION: i64 = 8;
const OPERATOR_SET: i64 = 17;
/// PyTorch's default for BatchNorm2d.
const BN_EPS: f64 = 1e-5;

/// The bytes of an ONNX file of a network with these weights. Input and output are named after the first and last layer, and so is
/// every value between; their shapes are those of `graph`, with one picture a batch.
///
/// # Errors
/// When the weights are not the network's, or a layer cannot be put into ONNX.
pub fn encode(name: &str, graph: &Graph, checkpoint: &Checkpoint) -> Result<Vec<u8>, Error> {
    let verdict = check::compare(checkpoint, graph).verdict();
    verdict.map_err(|error| Error::new(STEP, error, "Delete the weights and run `cargo xtask weights`."))?;
    Ok(model(name, graph, checkpoint)?.encode_to_vec())
}

fn model(name: &str, graph: &Graph, checkpoint: &Checkpoint) -> Result<ModelProto, Error> {
    let mut writer = Writer { graph, checkpoint, nodes: Vec::new(), initializers: Vec::new() };
    // The convolutions that a normalisation takes with it.
    let folded: HashSet<usize> =
        graph.nodes.iter().filter(|node| node.op == Op::BatchNorm).flat_map(|node| node.inputs.iter().copied()).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        if !folded.contains(&index) {
            writer.layer(node)?;
        }
    }
    let [Some(input), Some(output)] = [graph.nodes.first(), graph.nodes.last()] else { return Err(unknown("no layer at all")) };
    let shape = input.shape;
    let input = value(&input.id, &[1, shape.channels, shape.height, shape.width]);
    let output = value(&output.id, &[1, output.shape.channels]);
    Ok(ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("stridescope".into()),
        graph: Some(GraphProto {
            node: writer.nodes,
            name: Some(name.into()),
            initializer: writer.initializers,
            input: vec![input],
            output: vec![output],
        }),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPERATOR_SET) }],
    })
}

/// Collects what a graph is made of.
struct Writer<'a> {
    graph: &'a Graph,
    checkpoint: &'a Checkpoint,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Writer<'_> {
    fn layer(&mut self, node: &Node) -> Result<(), Error> {
        match node.op {
            Op::Input => {}
            Op::BatchNorm => self.folded_conv(node)?,
            Op::Conv(conv) => {
                let weight = format!("{}.weight", node.id);
                let values = self.values(&weight)?;
                self.initializer(&weight, &conv_shape(&conv), &values);
                self.push(node, "Conv", self.inputs(node, &[&weight]), conv_attributes(&conv));
            }
            Op::Relu => self.push(node, "Relu", self.inputs(node, &[]), Vec::new()),
            Op::MaxPool(pool) => self.push(node, "MaxPool", self.inputs(node, &[]), pool_attributes(&pool)),
            Op::AvgPool(pool) => {
                let mut attributes = pool_attributes(&pool);
                attributes.push(int("count_include_pad", 0));
                self.push(node, "AveragePool", self.inputs(node, &[]), attributes);
            }
            Op::Add => self.push(node, "Add", self.inputs(node, &[]), Vec::new()),
            Op::GlobalAvgPool => self.push(node, "GlobalAveragePool", self.inputs(node, &[]), Vec::new()),
            Op::Linear => self.linear(node)?,
            // The bench compares the paper's four.
            Op::BlurPool(_) => return Err(unknown("a blur, which the bench does not write")),
        }
        Ok(())
    }

    /// A convolution with the normalisation after it; it puts out the normalisation's value.
    fn folded_conv(&mut self, bn: &Node) -> Result<(), Error> {
        let conv_node = bn.inputs.first().map(|&index| &self.graph.nodes[index]);
        let Some((conv_node, Op::Conv(conv))) = conv_node.map(|node| (node, node.op)) else {
            return Err(unknown("a normalisation without a convolution before it"));
        };
        let of = |leaf: &str| self.values(&format!("{}.{leaf}", bn.id));
        let [gamma, beta, mean, var] = [of("weight")?, of("bias")?, of("running_mean")?, of("running_var")?];
        let scale: Vec<f64> = gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt()).collect();
        let shifted = scale.iter().zip(&beta).zip(&mean).map(|((s, &b), &m)| (f64::from(b) - f64::from(m) * s) as f32);
        let shifted: Vec<f32> = shifted.collect();

        let [weight, bias] = ["weight", "bias"].map(|leaf| format!("{}.{leaf}", conv_node.id));
        let mut filters = self.values(&weight)?;
        let taps = filters.len() / scale.len().max(1);
        for (filter, scale) in filters.chunks_mut(taps.max(1)).zip(&scale) {
            filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        }
        self.initializer(&weight, &conv_shape(&conv), &filters);
        self.initializer(&bias, &[conv.out_channels], &shifted);
        let inputs = self.inputs(conv_node, &[&weight, &bias]);
        self.push(bn, "Conv", inputs, conv_attributes(&conv));
        Ok(())
    }

    fn linear(&mut self, node: &Node) -> Result<(), Error> {
        let [weight, bias] = ["weight", "bias"].map(|leaf| format!("{}.{leaf}", node.id));
        for tensor in self.graph.node_tensors(node) {
            let values = self.values(&tensor.name)?;
            self.initializer(&tensor.name, &tensor.shape, &values);
        }
        let flat = format!("{}.flatten", node.id);
        self.nodes.push(NodeProto {
            input: self.inputs(node, &[]),
            output: vec![flat.clone()],
            name: Some(flat.clone()),
            op_type: Some("Flatten".into()),
            attribute: vec![int("axis", 1)],
        });
        self.push(node, "Gemm", vec![flat, weight, bias], vec![int("transB", 1)]);
        Ok(())
    }

    /// The values that a layer reads: other layers' outputs, then its own tensors.
    fn inputs(&self, node: &Node, tensors: &[&str]) -> Vec<String> {
        let layers = node.inputs.iter().map(|&index| self.graph.nodes[index].id.clone());
        layers.chain(tensors.iter().map(|name| name.to_string())).collect()
    }

    fn push(&mut self, node: &Node, op_type: &str, input: Vec<String>, attribute: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            input,
            output: vec![node.id.clone()],
            name: Some(node.id.clone()),
            op_type: Some(op_type.into()),
            attribute,
        });
    }

    fn initializer(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.initializers.push(TensorProto {
            dims: sizes(shape),
            data_type: Some(FLOAT),
            name: Some(name.into()),
            raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        });
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        self.checkpoint.values(name).map_err(|error| Error::new(STEP, error, REMEDY))
    }
}

fn unknown(what: &str) -> Error {
    Error::new(STEP, format!("there is {what}"), REMEDY)
}

fn conv_shape(conv: &Conv) -> [usize; 4] {
    [conv.out_channels, conv.in_channels / conv.groups, conv.kernel, conv.kernel]
}

fn conv_attributes(conv: &Conv) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &[conv.kernel; 2]),
        ints("strides", &[conv.stride; 2]),
        ints("pads", &[conv.padding; 4]),
        ints("dilations", &[conv.dilation; 2]),
        int("group", conv.groups),
    ]
}

fn pool_attributes(pool: &Pool) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &[pool.kernel; 2]),
        ints("strides", &[pool.stride; 2]),
        ints("pads", &[pool.padding; 4]),
        int("ceil_mode", pool.ceil_mode.into()),
    ]
}

fn int(name: &str, value: usize) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(value as i64), ints: Vec::new(), r#type: Some(INT) }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: None, ints: sizes(values), r#type: Some(INTS) }
}

fn sizes(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&value| value as i64).collect()
}

fn value(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = sizes(shape).into_iter().map(|size| Dimension { dim_value: Some(size) }).collect();
    let tensor = TensorType { elem_type: Some(FLOAT), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use stridescope::arch::{ArchSpec, Input, lower};
    use stridescope::weights::formula;

    use super::*;

    /// A network with weights from the formula, and its file read again.
    fn written(net: &str, size: usize) -> (Graph, Checkpoint, GraphProto) {
        let graph = lower(&ArchSpec::named(net).expect("a known name"), Input::square(size)).expect("a network");
        let checkpoint = formula::checkpoint(&graph);
        let bytes = encode(net, &graph, &checkpoint).expect("it can be written");
        let model = ModelProto::decode(bytes.as_slice()).expect("it can be read");
        assert_eq!(model.opset_import[0].version, Some(17));
        (graph, checkpoint, model.graph.expect("a graph"))
    }

    fn floats(file: &GraphProto, name: &str) -> Vec<f32> {
        let tensor = file.initializer.iter().find(|tensor| tensor.name() == name).expect(name);
        tensor.raw_data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    #[test]
    fn a_file_has_the_layers_and_the_tensors_of_its_network() {
        // Operators of each network, counted from its description: blocks 3+4+6+3 or 2+2+2+2.
        let cases = [
            ("resnet50-a", [("Conv", 53), ("Relu", 49), ("AveragePool", 0), ("Add", 16)]),
            ("resnet50-d", [("Conv", 55), ("Relu", 51), ("AveragePool", 3), ("Add", 16)]),
            ("tiny-b", [("Conv", 29), ("Relu", 25), ("AveragePool", 0), ("Add", 8)]),
            ("tiny-d", [("Conv", 31), ("Relu", 27), ("AveragePool", 3), ("Add", 8)]),
        ];
        for (net, expected) in cases {
            let (graph, _, file) = written(net, 64);
            let mut counts = HashMap::new();
            file.node.iter().for_each(|node| *counts.entry(node.op_type()).or_insert(0) += 1);
            let once = ["MaxPool", "GlobalAveragePool", "Flatten", "Gemm"].map(|operator| (operator, 1));
            for (operator, count) in expected.into_iter().chain(once) {
                assert_eq!(counts.remove(operator).unwrap_or(0), count, "{net}: {operator}");
            }
            assert!(counts.is_empty(), "{net}: unexpected {counts:?}");

            // Folding leaves one bias of the two vectors that a normalisation learns.
            let learned: usize =
                graph.tensors().iter().filter(|tensor| tensor.learned).map(|tensor| tensor.shape.iter().product::<usize>()).sum();
            let normalised: usize =
                graph.nodes.iter().filter(|node| node.op == Op::BatchNorm).map(|node| node.shape.channels).sum();
            let mut stored = 0;
            for tensor in &file.initializer {
                let bytes = tensor.raw_data().len();
                assert_eq!(bytes as i64, 4 * tensor.dims.iter().product::<i64>(), "{net}: {}", tensor.name());
                stored += bytes / 4;
            }
            assert_eq!(stored, learned - normalised, "{net}");
        }
    }

    #[test]
    fn every_value_is_made_before_it_is_read() {
        let (graph, _, file) = written("tiny-d", 64);
        let mut known: HashSet<&str> = file.initializer.iter().map(|tensor| tensor.name()).collect();
        known.extend(file.input.iter().map(|input| input.name()));
        for node in &file.node {
            assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{node:?}");
            assert!(node.output.iter().all(|output| known.insert(output)), "{} is made twice", node.name());
        }
        assert!(known.contains(file.output[0].name()));
        assert_eq!(file.output[0], value("fc", &[1, graph.spec.classes]));
        assert_eq!(file.input[0], value("input", &[1, 3, 64, 64]));
    }

    #[test]
    fn a_folded_convolution_gives_what_convolution_and_normalisation_give() {
        let (_, checkpoint, file) = written("tiny-d", 64);
        let [weight, bias] = ["weight", "bias"].map(|leaf| floats(&file, &format!("layer2.0.downsample.1.{leaf}")));
        let bare = checkpoint.values("layer2.0.downsample.1.weight").expect("a weight");
        let bn = |leaf: &str| checkpoint.values(&format!("layer2.0.downsample.2.{leaf}")).expect("a tensor");
        let (gamma, beta, mean, var) = (bn("weight"), bn("bias"), bn("running_mean"), bn("running_var"));
        let taps = bare.len() / bias.len();
        for channel in 0..bias.len() {
            // Over an input of ones a convolution is the sum of its filter.
            let sum = |weights: &[f32]| weights[channel * taps..][..taps].iter().sum::<f32>();
            let expected = gamma[channel] * (sum(&bare) - mean[channel]) / (var[channel] + 1e-5).sqrt() + beta[channel];
            let folded = sum(&weight) + bias[channel];
            assert!((folded - expected).abs() < 1e-4, "channel {channel}: {folded} instead of {expected}");
        }
    }

    #[test]
    fn weights_of_another_network_are_refused() {
        let lowered = |net| lower(&ArchSpec::named(net).expect("a known name"), Input::square(64)).expect("a network");
        let other = formula::checkpoint(&lowered("tiny-c"));
        let error = encode("tiny-a", &lowered("tiny-a"), &other).expect_err("it is another's").to_string();
        assert!(error.contains("conv1"), "{error}");
    }
}
