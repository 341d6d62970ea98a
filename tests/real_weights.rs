//! The original ResNet-50 with its real weights on the samples. `cargo xtask test` downloads them and runs this; `cargo test` leaves it out.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{block_on, project, sample};
use std::collections::BTreeMap;
use std::sync::Arc;
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_engine::topk::top_k;
use stridescope_engine::{Backend, Network, Pass};
use stridescope_weights::{Dtype, formats::safetensors};

/// The result of an independent numpy network with the f32 weights and Pillow's pixels.
#[derive(serde::Deserialize)]
struct Golden {
    top5: Vec<usize>,
    p: Vec<f64>,
    logits_first8: Vec<f64>,
}

#[test]
#[ignore = "takes the weights of resnet50-a: `cargo xtask test native` downloads them"]
fn resnet50_a_agrees_with_the_reference_on_every_sample() {
    let path = project().join("assets/weights/resnet50-a.safetensors");
    let bytes = std::fs::read(&path).unwrap_or_else(|_| panic!("{} is missing: run cargo xtask weights", path.display()));
    let checkpoint = safetensors::read(bytes).unwrap();
    assert!(checkpoint.tensors.iter().all(|(_, entry)| (entry.dtype == Dtype::F16) == (entry.shape.len() > 1)), "stored as f16");
    let card = checkpoint.card.clone().unwrap();
    let how = card.preprocess;
    let graph = lower(&ArchSpec::named(&card.net).unwrap(), Input::square(how.size)).unwrap();
    let network = Network::load(graph, Arc::new(checkpoint), Backend::Cpu).unwrap();

    let goldens = std::fs::read(project().join("tests/golden/resnet50-a-samples.json")).unwrap();
    let goldens: BTreeMap<String, Golden> = serde_json::from_slice(&goldens).unwrap();
    assert_eq!(goldens.len(), 7);
    for (file, golden) in goldens {
        let input = stridescope_image::prepare(&stridescope_image::resize_and_crop(&sample(&file), &how, (0, 0)).unwrap(), &how);
        let output = block_on(network.forward(&input, 1, (how.size, how.size), &Pass::default())).unwrap();
        let top = top_k(&output.logits, 5);
        assert_eq!(top.iter().map(|(index, _)| *index).collect::<Vec<_>>(), golden.top5, "{file}");
        for ((_, p), wanted) in top.iter().zip(&golden.p) {
            assert!((p - wanted).abs() <= 0.01, "{file}: {p} is not {wanted}");
        }
        for (logit, wanted) in output.logits.iter().zip(&golden.logits_first8) {
            assert!((f64::from(*logit) - wanted).abs() <= 0.1, "{file}: logit {logit} is not {wanted}");
        }
    }
}
