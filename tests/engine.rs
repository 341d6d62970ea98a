//! The engine against PyTorch: golden values for networks with synthetic weights, and for the shipped tiny ones.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/specs.rs"]
mod specs;

use cases::thousand;
use common::{GoldenRun, block_on, project, sample, synthetic_goldens, synthetic_network};
use proptest::prelude::*;
use specs::any_spec;
use std::collections::BTreeMap;
use std::sync::Arc;
use stridescope_arch::{AntiAlias, ArchSpec, Graph, Input, StrideOn, lower, receptive};
use stridescope_engine::topk::{softmax, top_k};
use stridescope_engine::{Backend, EngineError, Network, Pass, check_against_cpu, relative_l2};
use stridescope_weights::layout::{self, Inferred};
use stridescope_weights::{Checkpoint, catalogue, formats::safetensors, synthetic};

/// Maximum error of every node's mean, standard deviation, largest magnitude and first values, relative to the node's largest magnitude.
const NODE_TOLERANCE: f64 = 1e-4;
const LOGIT_TOLERANCE: f64 = 1e-4;

#[test]
fn every_synthetic_network_agrees_with_pytorch_at_every_node() {
    for golden in synthetic_goldens() {
        let (network, size) = synthetic_network(&golden.name);
        let taps: Vec<&str> = golden.nodes.keys().map(String::as_str).collect();
        let input = synthetic::input(3 * size * size);
        let output = block_on(network.forward(&input, 1, (size, size), &Pass::tapping(&taps))).unwrap();
        let distance = relative_l2(&output.logits, &golden.logits);
        assert!(distance <= LOGIT_TOLERANCE, "{}: logits are {distance:.2e} off", golden.name);
        let top: Vec<usize> = top_k(&output.logits, 5).into_iter().map(|(index, _)| index).collect();
        assert_eq!(top, golden.top5, "{}", golden.name);
        assert_eq!(output.taps.len(), golden.nodes.len());
        for tap in &output.taps {
            let wanted = &golden.nodes[&tap.id];
            let squeezed = if wanted.shape.len() == 1 { &tap.shape[1..2] } else { &tap.shape[1..] };
            assert_eq!(squeezed, wanted.shape, "{} {}", golden.name, tap.id);
            let off = wanted.distance(&tap.values);
            assert!(off <= NODE_TOLERANCE, "{} {}: {off:.2e} of its largest magnitude off", golden.name, tap.id);
        }
        println!("{}: logits {distance:.1e} off, {} nodes", golden.name, output.taps.len());
    }
}

/// PyTorch's results for the checkpoints that it saved; `tests/fixtures/checkpoints.py` wrote both.
#[derive(serde::Deserialize)]
struct CheckpointGoldens {
    size: usize,
    logits: BTreeMap<String, Vec<f32>>,
}

#[test]
fn checkpoints_give_pytorchs_logits() {
    let folder = project().join("tests/fixtures/checkpoints");
    let goldens: CheckpointGoldens = serde_json::from_slice(&std::fs::read(folder.join("logits.json")).unwrap()).unwrap();
    assert_eq!(goldens.logits.len(), 16);
    for (name, wanted) in &goldens.logits {
        let checkpoint = Arc::new(stridescope_weights::read(std::fs::read(folder.join(name)).unwrap()).unwrap());
        let Inferred { spec, stride_is_open } = layout::infer(&checkpoint).unwrap();
        let size = goldens.size;
        let distance = |spec: &ArchSpec| {
            let graph = lower(spec, Input::square(size)).unwrap();
            let network = Network::load(graph, checkpoint.clone(), Backend::Cpu).unwrap();
            let output =
                block_on(network.forward(&synthetic::input(3 * size * size), 1, (size, size), &Pass::default())).unwrap();
            relative_l2(&output.logits, wanted)
        };
        let found = distance(&spec);
        assert!(found <= LOGIT_TOLERANCE, "{name}: {found:.2e}");
        println!("{name}: logits {found:.1e} off");
        if stride_is_open {
            let other = distance(&ArchSpec { stride_on: StrideOn::Conv1, ..spec });
            assert!(other > 1e-2, "{name}: only the logits tell where the stride is, {other:.2e}");
        }
    }
}

/// Using the wrong variant must be visible: A and B even share the names and shapes of all tensors.
#[test]
fn swapped_variants_give_different_logits() {
    let goldens: Vec<GoldenRun> = synthetic_goldens().into_iter().filter(|golden| golden.name.ends_with("@224")).collect();
    assert_eq!(goldens.len(), 4);
    for golden in &goldens {
        for other in goldens.iter().filter(|other| other.name != golden.name) {
            let distance = relative_l2(&other.logits, &golden.logits);
            assert!(distance > 100.0 * LOGIT_TOLERANCE, "{} and {} are {distance:.2e} apart", golden.name, other.name);
        }
    }
    let size = 97;
    let input = synthetic::input(3 * size * size);
    let golden = synthetic_goldens().into_iter().find(|golden| golden.name == "resnet50-a@97").unwrap();
    let swapped = lower(&ArchSpec::named("resnet50-b").unwrap(), Input::square(size)).unwrap();
    let checkpoint = Arc::new(synthetic::checkpoint(&swapped));
    let network = Network::load(swapped, checkpoint, Backend::Cpu).unwrap();
    let output = block_on(network.forward(&input, 1, (size, size), &Pass::default())).unwrap();
    assert!(relative_l2(&output.logits, &golden.logits) > 100.0 * LOGIT_TOLERANCE);
}

fn tiny(net: &str) -> (Network, stridescope_image::Preprocess) {
    let bytes = std::fs::read(project().join(format!("assets/weights/{net}.safetensors"))).unwrap();
    let checkpoint = safetensors::read(bytes).unwrap();
    let card = checkpoint.card.clone().unwrap();
    assert_eq!(Some(&card), catalogue::for_net(net).map(|entry| &entry.card), "the card in the file is the catalogue's");
    let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(card.preprocess.size)).unwrap();
    (Network::load(graph, Arc::new(checkpoint), Backend::Cpu).unwrap(), card.preprocess)
}

#[test]
fn tiny_networks_agree_with_pytorch_on_the_samples() {
    let goldens: serde_json::Value =
        serde_json::from_slice(&std::fs::read(project().join("tests/golden/tiny-samples.json")).unwrap()).unwrap();
    for (net, pictures) in goldens.as_object().unwrap() {
        let (network, how) = tiny(net);
        for (file, wanted) in pictures.as_object().unwrap() {
            let picture = stridescope_image::resize_and_crop(&sample(file), &how, (0, 0)).unwrap();
            let input = stridescope_image::prepare(&picture, &how);
            let output = block_on(network.forward(&input, 1, (how.size, how.size), &Pass::default())).unwrap();
            let (index, p) = top_k(&output.logits, 1)[0];
            assert_eq!(index as u64, wanted["top"].as_u64().unwrap(), "{net} {file}");
            assert!((p - wanted["p"].as_f64().unwrap()).abs() <= 0.01, "{net} {file}: {p}");
            let logits: Vec<f32> = wanted["logits"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap() as f32).collect();
            let distance = relative_l2(&output.logits, &logits);
            assert!(distance < 0.02, "{net} {file}: logits {distance:.2e} off, f16 storage and resizing included");
            // None of these images shows one of the ten classes.
            let reject = catalogue::for_net(net).unwrap().card.reject.unwrap();
            assert!(reject.applies(p), "{net} names a class on {file}");
        }
    }
}

#[test]
fn a_batch_gives_the_outputs_of_its_images() {
    let (network, size) = synthetic_network("resnet18-d@64");
    let one = synthetic::input(3 * size * size);
    let two: Vec<f32> = one.iter().rev().copied().collect();
    let alone = [&one, &two].map(|input| block_on(network.forward(input, 1, (size, size), &Pass::tapping(&["layer2"]))).unwrap());
    let both =
        block_on(network.forward(&[one.clone(), two.clone()].concat(), 2, (size, size), &Pass::tapping(&["layer2"]))).unwrap();
    assert!(relative_l2(&both.logits, &[alone[0].logits.clone(), alone[1].logits.clone()].concat()) < 1e-5);
    assert_eq!(both.taps[0].shape, [2, 128, 8, 8]);
}

#[test]
fn a_network_accepts_sizes_other_than_at_loading() {
    let (network, _) = synthetic_network("resnet18-d@64");
    let input = synthetic::input(3 * 40 * 56);
    let output = block_on(network.forward(&input, 1, (40, 56), &Pass::tapping(&["layer4"]))).unwrap();
    assert_eq!(output.taps[0].shape, [1, 512, 2, 2]);
}

#[test]
fn invalid_requests_are_rejected() {
    let (network, size) = synthetic_network("resnet18-d@64");
    let input = synthetic::input(3 * size * size);
    let refused = |result: Result<_, EngineError>| result.map(|_: stridescope_engine::Output| ()).unwrap_err().to_string();
    assert!(
        refused(block_on(network.forward(&input[1..], 1, (size, size), &Pass::default())))
            .contains("needs 12288 input values, but got 12287")
    );
    assert!(refused(block_on(network.forward(&[], 0, (size, size), &Pass::default()))).contains("needs 0"));
    assert!(
        refused(block_on(network.forward(&input, 1, (size, size), &Pass::tapping(&["layer9.0"]))))
            .contains("no layer \"layer9.0\"")
    );
}

fn damaged(graph: &Graph, damage: impl FnOnce(&mut Checkpoint)) -> String {
    let mut checkpoint = synthetic::checkpoint(graph);
    damage(&mut checkpoint);
    match Network::load(graph.clone(), Arc::new(checkpoint), Backend::Cpu) {
        Ok(_) => panic!("a damaged checkpoint was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn wrong_or_damaged_weights_are_rejected() {
    let graph = lower(&ArchSpec::named("tiny-d").unwrap(), Input::square(64)).unwrap();
    let missing = damaged(&graph, |c| drop(c.tensors.remove("layer1.0.bn2.bias")));
    assert!(missing.contains("\"layer1.0.bn2.bias\" is missing"), "{missing}");
    let extra = damaged(&graph, |c| drop(c.tensors.insert("head.bias".into(), c.tensors["fc.bias"].clone())));
    assert!(extra.contains("\"head.bias\" belongs to no layer"), "{extra}");
    let nan = damaged(&graph, |c| {
        let range = c.tensors["layer3.1.conv2.weight"].range.clone();
        c.bytes[range.start + 40..range.start + 44].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(nan.contains("\"layer3.1.conv2.weight\" holds a value that is not finite (number 10)"), "{nan}");
    let other = lower(&ArchSpec::named("tiny-a").unwrap(), Input::square(64)).unwrap();
    let error = Network::load(graph, Arc::new(synthetic::checkpoint(&other)), Backend::Cpu).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("Is this a file for another network?"), "{error}");
}

#[test]
fn the_cpu_agrees_with_itself() {
    let agreement = block_on(check_against_cpu(&Backend::Cpu)).unwrap();
    assert_eq!(agreement.relative_l2, 0.0);
}

#[test]
fn probabilities_sum_to_one_and_large_logits_do_not_overflow() {
    let p = softmax(&[1000.0, 999.0, -1000.0]);
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(top_k(&[1.0, 3.0, 3.0, 2.0], 3).iter().map(|(i, _)| *i).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(top_k(&[1.0], 5).len(), 1);
}

#[derive(serde::Deserialize)]
struct StageGolden {
    shape: Vec<usize>,
    mean: f64,
    std: f64,
    first: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct FamilyGolden {
    net: String,
    size: usize,
    logits: Vec<f32>,
    stages: BTreeMap<String, StageGolden>,
}

/// ResNeXt, Wide ResNet, S, T, anti-aliased and dilated networks, compared with PyTorch (`tests/fixtures/engine.py`).
#[test]
fn all_other_variants_agree_with_pytorch() {
    #[derive(serde::Deserialize)]
    struct File {
        cases: Vec<FamilyGolden>,
    }
    let file: File = serde_json::from_str(include_str!("fixtures/engine.json")).unwrap();
    assert!(file.cases.len() >= 10);
    for golden in file.cases {
        let graph = lower(&ArchSpec::named(&golden.net).unwrap(), Input::square(golden.size)).unwrap();
        let input = synthetic::input(graph.spec.channels * golden.size * golden.size);
        let network = Network::load(graph.clone(), Arc::new(synthetic::checkpoint(&graph)), Backend::Cpu).unwrap();
        let taps: Vec<&str> = golden.stages.keys().map(String::as_str).collect();
        let output = block_on(network.forward(&input, 1, (golden.size, golden.size), &Pass::tapping(&taps))).unwrap();
        let distance = relative_l2(&output.logits, &golden.logits);
        assert!(distance <= LOGIT_TOLERANCE, "{}: logits are {distance:.2e} off", golden.net);
        for tap in &output.taps {
            let wanted = &golden.stages[&tap.id];
            assert_eq!(tap.shape[1..], wanted.shape, "{} {}", golden.net, tap.id);
            let count = tap.values.len() as f64;
            let mean = tap.values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
            let std = (tap.values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count).sqrt();
            let near = |found: f64, wanted_value: f64| (found - wanted_value).abs() <= NODE_TOLERANCE * wanted.std.max(1e-3);
            assert!(near(mean, wanted.mean) && near(std, wanted.std), "{} {}", golden.net, tap.id);
            assert!(
                wanted.first.iter().zip(&tap.values).all(|(&wanted, &found)| near(f64::from(found), wanted)),
                "{}",
                golden.net
            );
        }
        println!("{}@{}: logits {distance:.1e} off", golden.net, golden.size);
    }
}

#[derive(serde::Deserialize)]
struct TimmGolden {
    net: String,
    size: usize,
    field: usize,
    logits: Vec<f32>,
}

/// Dilated, anti-aliased, tiered, grouped and wide networks, and a few plain ones, at odd sizes, compared with timm, including the
/// receptive fields of its modules (`tests/golden/family.py`).
#[test]
fn logits_and_receptive_fields_match_timm() {
    #[derive(serde::Deserialize)]
    struct File {
        cases: Vec<TimmGolden>,
    }
    let file: File = serde_json::from_str(include_str!("golden/family.json")).unwrap();
    assert!(file.cases.len() >= 30);
    for golden in file.cases {
        let TimmGolden { net, size, .. } = &golden;
        let spec = ArchSpec { classes: golden.logits.len(), ..ArchSpec::named(net).unwrap() };
        let graph = lower(&spec, Input::square(*size)).unwrap();
        assert_eq!(receptive::size(&graph), golden.field, "{net}");
        let network = Network::load(graph.clone(), Arc::new(synthetic::checkpoint(&graph)), Backend::Cpu).unwrap();
        let input = synthetic::input(3 * size * size);
        let output = block_on(network.forward(&input, 1, (*size, *size), &Pass::default())).unwrap();
        let distance = relative_l2(&output.logits, &golden.logits);
        assert!(distance <= LOGIT_TOLERANCE, "{net}@{size}: logits are {distance:.2e} off");
        println!("{net}@{size}: logits {distance:.1e} off");
    }
}

proptest! {
    #![proptest_config(thousand())]

    /// The graph's shape of a layer is the engine's, for any mixture and size.
    #[test]
    fn shapes_of_the_graph_match_the_tensors(spec in any_spec(3, 2, 1), height in 32usize..75, width in 32usize..75) {
        let Ok(graph) = lower(&spec, Input { height, width }) else {
            prop_assert!(spec.anti_alias != AntiAlias::None);
            return Ok(());
        };
        let network = Network::load(graph.clone(), Arc::new(synthetic::checkpoint(&graph)), Backend::Cpu).unwrap();
        let taps: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
        let output = block_on(network.forward(&synthetic::input(spec.channels * height * width), 1, (height, width), &Pass::tapping(&taps))).unwrap();
        prop_assert_eq!(output.taps.len(), graph.nodes.len());
        for (tap, node) in output.taps.iter().zip(&graph.nodes) {
            prop_assert_eq!(tap.shape, [1, node.shape.channels, node.shape.height, node.shape.width], "{}", node.id);
            prop_assert!(tap.values.iter().all(|value| value.is_finite()), "{}", node.id);
        }
        // Taps prevent layers from being fused.
        let fused = block_on(network.forward(&synthetic::input(spec.channels * height * width), 1, (height, width), &Pass::default())).unwrap();
        prop_assert!(relative_l2(&fused.logits, &output.logits) < 1e-5);
    }
}
