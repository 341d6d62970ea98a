//! A network as an ONNX file, for ONNX Runtime in the benchmark (operator set 17, f32). Batch size, height and width are dynamic, with the
//! names in [`OPEN`]; a session fixes them.

use prost::Message;
use stridescope_arch::{Conv, Graph, Op, Pool};
use stridescope_weights::Checkpoint;

use crate::error::Error;
use crate::folded::{Layer, Tensor, layers, unknown};
use crate::proto::{
    AttributeProto, Dimension, FLOAT, GraphProto, INT, INTS, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};

/// First IR version of operator set 17.
const IR_VERSION: i64 = 8;
const OPERATOR_SET: i64 = 17;
/// The dynamic sizes of the input `[N, C, H, W]`: N, H and W.
const OPEN: [&str; 3] = ["batch", "height", "width"];

/// Encodes a network with these weights as ONNX. Input, output and all values have the names of their layers.
///
/// # Errors
/// If the weights do not fit the network, or a layer has no ONNX operator.
pub fn encode(name: &str, graph: &Graph, checkpoint: &Checkpoint) -> Result<Vec<u8>, Error> {
    Ok(model(name, graph, checkpoint)?.encode_to_vec())
}

fn model(name: &str, graph: &Graph, checkpoint: &Checkpoint) -> Result<ModelProto, Error> {
    let [Some(input), Some(output)] = [graph.nodes.first(), graph.nodes.last()] else { return Err(unknown("no layer at all")) };
    let mut writer = Writer::default();
    for layer in layers(graph, checkpoint)? {
        writer.layer(layer)?;
    }
    let [batch, height, width] = OPEN.map(open);
    let input = value(&input.id, vec![batch.clone(), fixed(input.shape.channels), height, width]);
    let output = value(&output.id, vec![batch, fixed(output.shape.channels)]);
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

/// Collects the nodes and tensors of a graph.
#[derive(Default)]
struct Writer {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Writer {
    fn layer(&mut self, layer: Layer) -> Result<(), Error> {
        let mut input: Vec<String> = layer.inputs.iter().map(|id| id.to_string()).collect();
        if layer.op == Op::Linear {
            let flat = format!("{}.flatten", layer.id);
            self.push(&flat, "Flatten", std::mem::replace(&mut input, vec![flat.clone()]), vec![int("axis", 1)]);
        }
        for tensor in layer.weight.into_iter().chain(layer.bias) {
            input.push(tensor.name.clone());
            self.initializer(tensor);
        }
        let (op_type, attributes) = match layer.op {
            Op::Conv(conv) => ("Conv", conv_attributes(&conv)),
            Op::Relu => ("Relu", Vec::new()),
            Op::MaxPool(pool) => ("MaxPool", pool_attributes(&pool)),
            Op::AvgPool(pool) => {
                let mut attributes = pool_attributes(&pool);
                attributes.push(int("count_include_pad", (pool.end_padding > 0).into()));
                ("AveragePool", attributes)
            }
            Op::Add => ("Add", Vec::new()),
            Op::GlobalAvgPool => ("GlobalAveragePool", Vec::new()),
            Op::Linear => ("Gemm", vec![int("transB", 1)]),
            Op::Input | Op::BatchNorm | Op::BlurPool(_) => return Err(unknown("a layer that no ONNX operator stands for here")),
        };
        self.push(layer.id, op_type, input, attributes);
        Ok(())
    }

    fn push(&mut self, id: &str, op_type: &str, input: Vec<String>, attribute: Vec<AttributeProto>) {
        let output = vec![id.to_string()];
        self.nodes.push(NodeProto { input, output, name: Some(id.into()), op_type: Some(op_type.into()), attribute });
    }

    fn initializer(&mut self, tensor: Tensor) {
        self.initializers.push(TensorProto {
            dims: sizes(&tensor.shape),
            data_type: Some(FLOAT),
            name: Some(tensor.name),
            raw_data: Some(tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        });
    }
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
    // Top and left, then bottom and right.
    let (start, end) = (pool.padding, pool.padding + pool.end_padding);
    vec![
        ints("kernel_shape", &[pool.kernel; 2]),
        ints("strides", &[pool.stride; 2]),
        ints("pads", &[start, start, end, end]),
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

fn open(name: &str) -> Dimension {
    Dimension { dim_value: None, dim_param: Some(name.into()) }
}

fn fixed(size: usize) -> Dimension {
    Dimension { dim_value: Some(size as i64), dim_param: None }
}

fn value(name: &str, dim: Vec<Dimension>) -> ValueInfoProto {
    let tensor = TensorType { elem_type: Some(FLOAT), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use stridescope_arch::{ArchSpec, Input, lower};
    use stridescope_weights::synthetic;

    use super::*;

    /// A network with synthetic weights, and its file, read back.
    fn written(net: &str) -> (Graph, GraphProto) {
        let graph = lower(&ArchSpec::named(net).expect("a known name"), Input::square(64)).expect("a network");
        let checkpoint = synthetic::checkpoint(&graph);
        let bytes = encode(net, &graph, &checkpoint).expect("it can be written");
        let model = ModelProto::decode(bytes.as_slice()).expect("it can be read");
        assert_eq!(model.opset_import[0].version, Some(17));
        (graph, model.graph.expect("a graph"))
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
            let (graph, file) = written(net);
            let mut counts = HashMap::new();
            file.node.iter().for_each(|node| *counts.entry(node.op_type()).or_insert(0) += 1);
            let once = ["MaxPool", "GlobalAveragePool", "Flatten", "Gemm"].map(|operator| (operator, 1));
            for (operator, count) in expected.into_iter().chain(once) {
                assert_eq!(counts.remove(operator).unwrap_or(0), count, "{net}: {operator}");
            }
            assert!(counts.is_empty(), "{net}: unexpected {counts:?}");

            // Folding leaves one bias of a normalisation's two learned vectors.
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

    /// timm's `AvgPool2dSame`: zeros only below and to the right, which count in the mean (ONNX's order is top, left, bottom, right).
    #[test]
    fn a_pooling_of_a_dilated_shortcut_has_zeros_at_its_end() {
        let (_, file) = written("tiny-d.os16");
        for (name, pads, strides, includes) in
            [("layer2.0.downsample.0", [0, 0, 0, 0], [2, 2], 0), ("layer4.0.downsample.0", [0, 0, 1, 1], [1, 1], 1)]
        {
            let node = file.node.iter().find(|node| node.name() == name).expect("a pooling");
            let attribute = |name: &str| node.attribute.iter().find(|known| known.name() == name).expect("an attribute");
            assert_eq!(attribute("pads").ints, pads, "{name}");
            assert_eq!(attribute("strides").ints, strides, "{name}");
            assert_eq!(attribute("count_include_pad").i(), includes, "{name}");
        }
    }

    #[test]
    fn values_precede_their_readers() {
        let (graph, file) = written("tiny-d");
        let mut known: HashSet<&str> = file.initializer.iter().map(|tensor| tensor.name()).collect();
        known.extend(file.input.iter().map(|input| input.name()));
        for node in &file.node {
            assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{node:?}");
            assert!(node.output.iter().all(|output| known.insert(output)), "{} is made twice", node.name());
        }
        assert!(known.contains(file.output[0].name()));
        assert_eq!(file.input[0], value("input", vec![open("batch"), fixed(3), open("height"), open("width")]));
        assert_eq!(file.output[0], value("fc", vec![open("batch"), fixed(graph.spec.classes)]));
    }
}
