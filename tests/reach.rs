//! The reach of a change: the engine's result compared with float64, in which a value differs or does not.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;
#[path = "common/float64.rs"]
mod float64;
#[path = "common/probes.rs"]
mod probes;

use common::block_on;
use float64::{Reference, at_any_channel};
use probes::{NETWORKS, PROBES, Subject, reached};
use stridescope_arch::coverage::Mask;
use stridescope_arch::reach::Reach;
use stridescope_engine::{Backend, Edit, EngineError, Fill, Network, Trace, relative_l2};
use stridescope_view::features::Change;

fn network(subject: &Subject) -> Network {
    Network::load(subject.graph.clone(), subject.checkpoint.clone(), Backend::Cpu).unwrap()
}

fn trace(network: &Network, subject: &Subject, taps: &[&str], edits: &[Edit]) -> Trace {
    block_on(network.trace(&subject.input, (subject.size, subject.size), taps, edits, None)).unwrap()
}

fn square(subject: &Subject, node: &str, place: (usize, usize), side: usize, fill: f32) -> Edit {
    let shape = subject.graph.nodes[subject.graph.find(node).unwrap()].shape;
    Edit { node: node.into(), positions: Mask::square(shape, place, side), fill: Fill::Values(vec![fill]) }
}

#[test]
fn reach_on_the_cpu_matches_float64() {
    let (mut probes, mut partial, mut nowhere, mut values) = (0, 0, 0, 0);
    for subject in NETWORKS.map(Subject::of) {
        let (network, reference) = (network(&subject), Reference::new(&subject.graph, &subject.checkpoint));
        let plain = reference.run(&subject.input);
        let names = subject.taps();
        let taps: Vec<&str> = names.iter().map(String::as_str).collect();
        for probe in subject.probes() {
            let found = trace(&network, &subject, &taps, std::slice::from_ref(&probe));
            let wanted = reached(&subject, &reference, &plain, &probe);
            for (tap, exactly) in found.taps.iter().zip(&wanted) {
                let shape = tap.reach.shape;
                let wanted = &at_any_channel(exactly, shape.height * shape.width);
                let what = format!("{} of {}, {:?} at {}", tap.before.id, subject.name, probe.fill, probe.node);
                let index = subject.graph.find(&tap.before.id).unwrap();
                // The reference is the same network.
                let exact: Vec<f32> = plain[index].iter().map(|&value| value as f32).collect();
                assert!(relative_l2(&tap.before.values, &exact) < 1e-5, "{what}");
                assert_eq!(tap.reach.at_any_channel(), *wanted, "{what}");
                // The page counts and draws the same.
                let change = Change::of(String::new(), (shape.height, shape.width), &tap.differences());
                assert_eq!(change.largest.iter().map(|most| *most > 0.0).collect::<Vec<_>>(), *wanted, "{what}");
                partial += usize::from(wanted.contains(&true) && wanted.contains(&false));
                nowhere += usize::from(!wanted.contains(&true));
                values += exactly.iter().zip(&tap.reach.set).filter(|(wanted, found)| wanted != found).count();
            }
            probes += 1;
        }
    }
    assert_eq!(probes, NETWORKS.len() * PROBES);
    println!("{probes} probes; {partial} maps reached in part, {nowhere} not at all; {values} values otherwise");
    // Among millions of values, one may be so close to zero before a ReLU that float32 has the other sign.
    assert!(values <= 10, "{values}");
    assert!(partial > 100 && nowhere > 100, "{partial} {nowhere}");
}

/// One position that D's shortcut averages with three others. Winograd's rounding moved a seventeenth position of 256.
#[test]
fn rounding_errors_do_not_count_as_reach() {
    for (net, wanted) in [("tiny-a", 0.0), ("tiny-b", 6.25), ("tiny-d", 6.25)] {
        let subject = Subject::of((net, 128));
        let probe = square(&subject, "layer1", (17, 17), 1, 0.0);
        let tap = trace(&network(&subject), &subject, &["layer2"], &[probe]).taps.swap_remove(0);
        let shape = tap.reach.shape;
        assert_eq!(Change::of("layer2".into(), (shape.height, shape.width), &tap.differences()).percent(), wanted, "{net}");
        assert!(tap.before.values.iter().zip(&tap.after).zip(&tap.differences()).all(|((before, after), difference)| {
            // The differences are those of float32.
            *difference == 0.0 || *difference == f32::MIN_POSITIVE || *difference == after - before
        }));
    }
}

/// An edited layer is read after its edit, even a convolution, which is otherwise fused with the layers after it.
#[test]
fn an_edit_of_any_layer_reaches_the_layers_after_it() {
    let subject = Subject::of(NETWORKS[4]);
    let network = network(&subject);
    for node in &subject.graph.nodes {
        let side = node.shape.height;
        let everything = square(&subject, &node.id, (0, 0), side, 0.75);
        let found = trace(&network, &subject, &[&node.id, "fc"], &[everything]);
        assert!(found.taps[0].after.iter().all(|value| *value == 0.75), "{}", node.id);
        assert_ne!(found.before, found.after, "{}", node.id);
        assert_eq!(found.taps[1].before.values, found.before, "{}", node.id);
        let nothing = Edit { positions: Mask::square(node.shape, (0, 0), 0), ..square(&subject, &node.id, (0, 0), 1, 0.75) };
        let found = trace(&network, &subject, &["fc"], &[nothing]);
        assert_eq!((&found.before, found.taps[0].reach.is_empty()), (&found.after, true), "{}", node.id);
    }
    let refused = |edit: Edit, input: &[f32]| {
        block_on(network.trace(input, (subject.size, subject.size), &[], &[edit], None)).unwrap_err().to_string()
    };
    let edit = square(&subject, "layer1", (0, 0), 1, 0.0);
    let nowhere = Edit { node: "layer9".into(), ..edit.clone() };
    assert_eq!(refused(nowhere, &subject.input), EngineError::NoSuchNode("layer9".into()).to_string());
    assert!(refused(edit, &subject.input[1..]).contains("input values"));
}

/// A filter of zeros, or a batch normalisation with weight zero, has a constant output.
#[test]
fn values_multiplied_by_zero_are_not_reached() {
    let mut subject = Subject::of(NETWORKS[4]);
    let checkpoint = std::sync::Arc::get_mut(&mut subject.checkpoint).unwrap();
    for (name, values) in [("layer1.0.bn2.weight", 0..16), ("layer1.1.conv2.weight", 0..16 * 16 * 9), ("fc.weight", 0..128)] {
        let start = checkpoint.tensors[name].range.start;
        checkpoint.bytes[start + 4 * values.start..start + 4 * values.end].fill(0);
    }
    let probe = square(&subject, "layer1.0.act1", (5, 5), 2, 3.0);
    let found = trace(&network(&subject), &subject, &["layer1.0", "layer1.1", "fc"], &[probe]);
    assert!(found.taps.iter().all(|tap| tap.reach.is_empty()), "{:?}", found.taps.iter().map(|tap| tap.reach.at_any_channel()));
    let probe = square(&subject, "layer1", (5, 5), 2, 3.0);
    let found = trace(&network(&subject), &subject, &["fc"], &[probe]);
    let Reach { set, .. } = &found.taps[0].reach;
    assert!(!set[0] && set[1..].iter().all(|set| *set), "the first class alone reads nothing");
}
