//! Costs compared with other tools: torchsummary row by row, fvcore, torchinfo, and timm's state dicts.
//! `tests/fixtures/make.py` wrote the fixtures.
#![allow(clippy::unwrap_used, missing_docs)]

use serde::Deserialize;
use std::collections::BTreeMap;
use stridescope_arch::cost::{Convention, torchsummary, torchsummary_rows, torchsummary_text, totals};
use stridescope_arch::{ArchSpec, Graph, Input, Op, lower};

#[derive(Deserialize)]
struct Fixtures {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    net: String,
    source: String,
    size: usize,
    params: u64,
    names: Option<Vec<(String, Vec<usize>)>>,
    fvcore: Fvcore,
    torchinfo: Torchinfo,
    torchsummary: Option<Summary>,
}

#[derive(Deserialize)]
struct Fvcore {
    total: u64,
    by_operator: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Torchinfo {
    total_mult_adds: u64,
    total_params: u64,
    total_output_bytes: u64,
}

#[derive(Deserialize)]
struct Summary {
    rows: Vec<(String, Vec<usize>, u64)>,
    total_params: u64,
    foot_mb: BTreeMap<String, f64>,
}

fn cases() -> Vec<(Case, Graph)> {
    let fixtures: Fixtures = serde_json::from_str(include_str!("fixtures/tools.json")).unwrap();
    let lowered = |case: Case| {
        let graph = lower(&ArchSpec::named(&case.net).unwrap(), Input::square(case.size)).unwrap();
        (case, graph)
    };
    fixtures.cases.into_iter().map(lowered).collect()
}

fn sum(graph: &Graph, convention: Convention, of: impl Fn(&Op) -> bool) -> u64 {
    graph.nodes.iter().filter(|node| of(&node.op)).map(|node| convention.count(graph, node)).sum()
}

#[test]
fn torchsummary_agrees_in_every_row() {
    let mut compared = 0;
    for (case, graph) in cases() {
        let Some(summary) = &case.torchsummary else { continue };
        let rows: Vec<_> =
            torchsummary_rows(&graph).into_iter().map(|row| (row.class.to_string(), row.shape, row.params)).collect();
        for (ours, theirs) in rows.iter().zip(&summary.rows) {
            assert_eq!(ours, theirs, "{} at {}", case.net, case.size);
        }
        assert_eq!(rows.len(), summary.rows.len(), "{} at {}", case.net, case.size);
        assert_eq!(totals(&graph).params, summary.total_params);
        let foot = torchsummary(&graph);
        let ours = [
            ("Input size", foot.input_mb),
            ("Forward/backward pass size", foot.forward_backward_mb),
            ("Params size", foot.params_mb),
            ("Estimated Total Size", foot.total_mb),
        ];
        for (name, value) in ours {
            assert_eq!(format!("{value:.2}"), format!("{:.2}", summary.foot_mb[name]), "{}: {name}", case.net);
        }
        compared += rows.len();
    }
    assert!(compared > 5000, "{compared} rows");
}

#[test]
fn fvcore_agrees_for_every_operator() {
    for (case, graph) in cases() {
        let ours = [
            ("conv", sum(&graph, Convention::Fvcore, |op| matches!(op, Op::Conv(_) | Op::BlurPool(_)))),
            ("batch_norm", sum(&graph, Convention::Fvcore, |op| *op == Op::BatchNorm)),
            ("adaptive_avg_pool2d", sum(&graph, Convention::Fvcore, |op| *op == Op::GlobalAvgPool)),
            ("linear", sum(&graph, Convention::Fvcore, |op| *op == Op::Linear)),
        ];
        for (operator, count) in ours {
            assert_eq!(count, case.fvcore.by_operator[operator], "{} at {}: {operator}", case.net, case.size);
        }
        assert_eq!(sum(&graph, Convention::Fvcore, |_| true), case.fvcore.total, "{} at {}", case.net, case.size);
    }
}

#[test]
fn torchinfo_agrees() {
    for (case, graph) in cases() {
        assert_eq!(sum(&graph, Convention::Torchinfo, |_| true), case.torchinfo.total_mult_adds, "{} at {}", case.net, case.size);
        assert_eq!(totals(&graph).params, case.torchinfo.total_params);
        // torchinfo counts the outputs of modules with parameters, float32, once forward and once backward.
        let with_params = |op: &Op| matches!(op, Op::Conv(_) | Op::BatchNorm | Op::Linear);
        let outputs: u64 = graph.nodes.iter().filter(|node| with_params(&node.op)).map(|node| node.shape.elements()).sum();
        assert_eq!(outputs * 4 * 2, case.torchinfo.total_output_bytes, "{} at {}", case.net, case.size);
    }
}

#[test]
fn checkpoint_tensors_match_timm() {
    let mut compared = 0;
    for (case, graph) in cases() {
        let Some(names) = case.names else { continue };
        assert!(case.source.starts_with("timm"));
        let ours: BTreeMap<String, Vec<usize>> = graph.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
        assert_eq!(ours, names.into_iter().collect(), "{}", case.net);
        assert_eq!(totals(&graph).params, case.params);
        compared += 1;
    }
    assert!(compared >= 12, "{compared} state dicts");
}

#[test]
fn there_are_enough_cases() {
    assert!(cases().len() >= 60);
}

#[test]
fn torchsummary_output_matches_character_for_character() {
    let printed = [
        ("resnet18-b", 224, include_str!("fixtures/torchsummary-resnet18-b-224.txt")),
        ("resnet50-b", 64, include_str!("fixtures/torchsummary-resnet50-b-64.txt")),
    ];
    for (net, size, text) in printed {
        let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap();
        assert_eq!(torchsummary_text(&graph), text, "{net}");
    }
}
