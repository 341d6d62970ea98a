//! Names of networks with switches, lowered and counted at a small size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_arch::{ArchSpec, Input, cost, coverage, diagram, folding::Folding, lower, receptive};

/// More blocks would only take more time.
const MOST_BLOCKS: usize = 24;

fuzz_target!(|text: &str| {
    let Ok(spec) = ArchSpec::named(text) else { return };
    assert_eq!(ArchSpec::named(&spec.name()).as_ref(), Ok(&spec), "{text}");
    if spec.layers.iter().sum::<usize>() > MOST_BLOCKS {
        return;
    }
    let Ok(graph) = lower(&spec, Input::square(64)) else { return };
    let _ = cost::totals(&graph);
    let _ = cost::torchsummary_text(&graph);
    let _ = receptive::fields(&graph);
    let _ = coverage::live(&graph);
    let _ = diagram::columns(&[&graph], &graph, &Folding::all(std::slice::from_ref(&graph)));
});
