//! The backward pass compared with finite differences of the forward pass.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/specs.rs"]
mod specs;

use cases::thousand;
use common::{block_on, synthetic_network, tiny};
use proptest::prelude::*;
use specs::any_spec;
use std::sync::Arc;
use stridescope_arch::{AntiAlias, Input, lower, receptive};
use stridescope_engine::topk::top_k;
use stridescope_engine::{Backend, Network, Pass, UnitRef};
use stridescope_weights::synthetic;

/// The value of a unit, summed in f64.
fn value(network: &Network, input: &[f32], size: (usize, usize), unit: UnitRef) -> f64 {
    let output = block_on(network.forward(input, 1, size, &Pass::tapping(&[unit.node]))).unwrap();
    let [_, channels, height, width] = output.taps[0].shape;
    let wanted = unit.channel.map_or(0..channels, |channel| channel..channel + 1);
    wanted.map(|channel| f64::from(output.taps[0].values[(channel * height + unit.y) * width + unit.x])).sum()
}

fn gradient(network: &Network, input: &[f32], size: (usize, usize), unit: UnitRef) -> Vec<f32> {
    let output = block_on(network.forward(input, 1, size, &Pass { gradients: &[unit], ..Pass::default() })).unwrap();
    assert_eq!(output.gradients[0].shape[2..], [size.0, size.1]);
    output.gradients.into_iter().next().unwrap().values
}

/// A random direction with values between -1 and 1.
fn direction(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    (0..len).map(|_| next() as f32).collect()
}

fn moved(input: &[f32], by: f32, along: &[f32]) -> Vec<f32> {
    input.iter().zip(along).map(|(x, d)| x + by * d).collect()
}

#[test]
fn gradients_of_the_trained_networks_match_finite_differences() {
    let mut worst = 0.0f64;
    for net in ["tiny-a", "tiny-b", "tiny-c", "tiny-d"] {
        let (network, input, size) = tiny(net);
        let full = (size, size);
        let conv = if net >= "tiny-c" { "conv1.3" } else { "conv1" };
        for (node, channel) in [
            (conv, Some(3)),
            ("maxpool", None),
            ("layer1", Some(7)),
            ("layer2.0", None),
            ("layer3.1.conv2", Some(2)),
            ("layer4", None),
            ("fc", Some(4)),
        ] {
            let index = network.graph().find(node).unwrap();
            let shape = network.graph().nodes[index].shape;
            let unit = UnitRef { node, channel, y: shape.height / 2, x: shape.width / 2 };
            let gradient = gradient(&network, &input, full, unit);
            let length = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            assert!(length > 0.0, "{net} {node}");
            // Along the gradient the difference is largest; along other directions the sign can be wrong.
            let most = gradient.iter().fold(0.0f32, |most, g| most.max(g.abs()));
            let steepest: Vec<f32> = gradient.iter().map(|g| g / most).collect();
            for along in [steepest, direction(input.len(), 1), direction(input.len(), 2)] {
                let wanted: f64 = gradient.iter().zip(&along).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
                // Relative to the steepest direction of that length. Small steps are lost in rounding, large ones cross the kinks of ReLUs:
                // the best step counts.
                let scale = length * (along.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>()).sqrt();
                let off = [1e-2, 1e-3, 1e-4].map(|h: f32| {
                    let ends = [h, -h].map(|h| value(&network, &moved(&input, h, &along), full, unit));
                    ((ends[0] - ends[1]) / (2.0 * f64::from(h)) - wanted).abs() / scale
                });
                let off = off.into_iter().fold(f64::INFINITY, f64::min);
                worst = worst.max(off);
            }
        }
    }
    println!("finite differences at most {worst:.1e} of the steepest slope off");
    assert!(worst < 5e-3, "{worst:.2e}");
}

proptest! {
    #![proptest_config(thousand())]

    /// Any mixture: groups, dilation, blurs, every stem and shortcut. Gradients outside the theoretical field are zero.
    #[test]
    fn gradients_of_any_network_match_finite_differences(spec in any_spec(3, 2, 1), height in 32usize..60, width in 32usize..60, seed in 1u32..1000) {
        let Ok(graph) = lower(&spec, Input { height, width }) else {
            prop_assert!(spec.anti_alias != AntiAlias::None);
            return Ok(());
        };
        let network = Network::load(graph.clone(), Arc::new(synthetic::checkpoint(&graph)), Backend::Cpu).unwrap();
        let input = synthetic::input(spec.channels * height * width);
        let index = seed as usize % graph.nodes.len();
        let node = &graph.nodes[index];
        let unit = UnitRef { node: &node.id, channel: None, y: node.shape.height / 2, x: node.shape.width / 3 };
        let gradient = gradient(&network, &input, (height, width), unit);
        let along = direction(input.len(), seed);
        let h = 1e-3;
        let ends = [h, -h].map(|h| value(&network, &moved(&input, h, &along), (height, width), unit));
        let found = (ends[0] - ends[1]) / (2.0 * f64::from(h));
        let wanted: f64 = gradient.iter().zip(&along).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let norm = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        // Rounding of the forward pass limits the differences that can be measured.
        let floor = 1e-5 * ends[0].abs() / f64::from(h);
        prop_assert!((found - wanted).abs() <= 0.02 * norm(&gradient) * norm(&along) + floor, "{} {}: {found} {wanted}", spec.name(), node.id);

        if let Some(field) = receptive::fields(&graph)[index] {
            let within = |at: usize, position: usize| {
                let centre = field.centre + (position * field.jump) as f64;
                (at as f64 - centre).abs() <= (field.size - 1) as f64 / 2.0
            };
            // A blur mirrors the map at its edges, which the field does not include.
            let outside = |at: usize| !within(at / width % height, unit.y) || !within(at % width, unit.x);
            if spec.anti_alias != AntiAlias::Blur {
                prop_assert!((0..gradient.len()).filter(|&at| outside(at)).all(|at| gradient[at] == 0.0), "{} {}", spec.name(), node.id);
            }
        }
    }
}

/// Grad-CAM at the input weights each channel by the gradient of the logit; at the last block it equals the exact map, up to the number of
/// positions and the sign.
#[test]
fn grad_cam_weights_maps_by_the_gradient_of_the_logit() {
    for net in ["tiny-a", "tiny-d"] {
        let (network, input, size) = tiny(net);
        let run = |input: &[f32], pass: Pass| block_on(network.forward(input, 1, (size, size), &pass)).unwrap();
        let at_input = run(&input, Pass { cams: 3, cam_at: Some("input"), ..Pass::default() });
        let positions = size * size;
        let top: Vec<usize> = top_k(&at_input.logits, 3).into_iter().map(|(class, _)| class).collect();
        assert_eq!(
            at_input.cams.iter().map(|cam| cam.id.clone()).collect::<Vec<_>>(),
            top.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
        for (cam, &class) in at_input.cams.iter().zip(&top) {
            let h = 1e-3;
            let slopes: Vec<f64> = (0..3)
                .map(|channel| {
                    let along: Vec<f32> = (0..input.len()).map(|at| f32::from(u8::from(at / positions == channel))).collect();
                    let ends = [h, -h].map(|h| f64::from(run(&moved(&input, h, &along), Pass::default()).logits[class]));
                    (ends[0] - ends[1]) / (2.0 * f64::from(h)) / positions as f64
                })
                .collect();
            let wanted: Vec<f64> = (0..positions)
                .map(|at| {
                    (0..3).map(|channel| slopes[channel] * f64::from(input[channel * positions + at])).sum::<f64>().max(0.0)
                })
                .collect();
            let most = wanted.iter().fold(0.0f64, |most, value| most.max(*value));
            let off =
                cam.values.iter().zip(&wanted).map(|(found, wanted)| (f64::from(*found) - wanted).abs()).fold(0.0, f64::max);
            assert!(off <= 0.05 * most + 1e-6, "{net} {class}: {off:.2e} of {most:.2e}");
        }

        let exact = run(&input, Pass { cams: 2, ..Pass::default() });
        let named = run(&input, Pass { cams: 2, cam_at: Some("layer4"), ..Pass::default() });
        assert_eq!(exact.cams, named.cams, "the last map needs no gradient");
        let deep = run(&input, Pass { cams: 2, cam_at: Some("layer4.0"), ..Pass::default() });
        let shape = network.graph().nodes[network.graph().find("layer4.0").unwrap()].shape;
        assert_eq!(deep.cams[0].shape, [1, 1, shape.height, shape.width]);
        assert!(deep.cams[0].values.iter().all(|value| *value >= 0.0));
        assert!(deep.cams.iter().flat_map(|cam| &cam.values).any(|value| *value > 0.0), "{net}");
    }
}

#[test]
fn units_outside_the_map_are_rejected() {
    let (network, size) = synthetic_network("resnet18-d@64");
    let input = synthetic::input(3 * size * size);
    for (unit, wanted) in [
        (UnitRef { node: "layer2", channel: None, y: 8, x: 0 }, "there is no row 8, column 0 of layer2"),
        (UnitRef { node: "layer2", channel: Some(128), y: 7, x: 7 }, "channel 128"),
        (UnitRef { node: "layer9", channel: None, y: 0, x: 0 }, "no layer \"layer9\""),
    ] {
        let refused = block_on(network.forward(&input, 1, (size, size), &Pass { gradients: &[unit], ..Pass::default() }));
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }
    let two = [&input[..], &input].concat();
    let unit = UnitRef { node: "layer2", channel: None, y: 0, x: 0 };
    assert!(block_on(network.forward(&two, 2, (size, size), &Pass { gradients: &[unit], ..Pass::default() })).is_err());
}
