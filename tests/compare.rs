//! Differences, tables, charts and drawings of several networks side by side.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;
use stridescope::arch::cost::{Convention, formula, macs, totals};
use stridescope::arch::diagram::{self, Palette};
use stridescope::arch::diff::{Change, differences, grouped};
use stridescope::arch::names::BODIES;
use stridescope::arch::table::{Format, Level, rows, total};
use stridescope::arch::{ArchSpec, Graph, Input, Variant, lower};
use stridescope::ui::charts;
use stridescope::ui::names::{display, hue};
use stridescope::ui::tables::Comparison;

fn graph(name: &str) -> Graph {
    lower(&ArchSpec::named(name).unwrap(), Input::square(224)).unwrap()
}

fn told(base: &str, net: &str) -> Vec<(Change, String, String)> {
    let list = grouped(&differences(&graph(base), &graph(net)));
    list.into_iter().map(|difference| (difference.change, difference.id, difference.words)).collect()
}

#[test]
fn differences_are_those_of_the_paper() {
    let line = |change, id: &str, words: &str| (change, id.to_string(), words.to_string());
    let blocks = "layer2.0, layer3.0, layer4.0";
    let moved = [
        line(Change::Changed, &format!("{blocks}: conv1"), "stride 2 → 1"),
        line(Change::Changed, &format!("{blocks}: conv2"), "stride 1 → 2"),
    ];
    assert_eq!(told("resnet50-a", "resnet50-b"), moved);
    let stem = [
        line(Change::Removed, "conv1", "7×7 convolution, 3 → 64, stride 2"),
        line(Change::Added, "conv1.0", "3×3 convolution, 3 → 32, stride 2"),
        line(Change::Added, "conv1.3", "3×3 convolution, 32 → 32, stride 1"),
        line(Change::Added, "conv1.6", "3×3 convolution, 32 → 64, stride 1"),
    ];
    assert_eq!(told("resnet50-b", "resnet50-c"), stem);
    let shortcut = [
        line(Change::Added, &format!("{blocks}: downsample.0"), "2×2 average pooling, stride 2"),
        line(Change::Changed, &format!("{blocks}: downsample.1"), "stride 2 → 1"),
    ];
    assert_eq!(told("resnet50-c", "resnet50-d"), shortcut);
    assert_eq!(told("resnet50-d", "resnet50-d"), []);
    assert_eq!(told("resnet50-d", "resnet50-d.classes21"), [line(Change::Changed, "fc", "classes 1000 → 21")]);
    assert_eq!(told("resnet50-b", "resnext50_32x4d-b").len(), 4 * 3, "{:?}", told("resnet50-b", "resnext50_32x4d-b"));
}

/// What is added one way is removed the other way.
#[test]
fn differences_turn_around() {
    for (a, b) in [
        ("resnet50-a", "resnet50-d"),
        ("resnet50-d", "resnet101-d"),
        ("resnet18-b", "resnet50-t"),
        ("resnetblur50-b", "resnet50-b.os8"),
    ] {
        let (there, back) = (differences(&graph(a), &graph(b)), differences(&graph(b), &graph(a)));
        let count = |list: &[stridescope::arch::diff::Difference], change| list.iter().filter(|d| d.change == change).count();
        assert_eq!(count(&there, Change::Added), count(&back, Change::Removed), "{a} {b}");
        assert_eq!(count(&there, Change::Changed), count(&back, Change::Changed), "{a} {b}");
    }
}

#[test]
fn every_level_adds_up_to_the_total() {
    for net in ["resnet50-a", "resnet152-d", "resnet18-b", "resnetblur50-b", "resnext50_32x4d-b.os8"] {
        let graph = graph(net);
        for convention in Convention::ALL {
            let total = total(&graph, convention);
            let direct: u64 = graph.nodes.iter().map(|node| convention.count(&graph, node)).sum();
            assert_eq!(total.ops, direct);
            for level in Level::ALL {
                let rows = rows(&graph, level, convention);
                assert_eq!(rows.iter().map(|row| row.ops).sum::<u64>(), total.ops, "{net}");
                assert_eq!(rows.iter().map(|row| row.params).sum::<u64>(), totals(&graph).params);
                assert_eq!(rows.iter().map(|row| row.dead_macs).sum::<u64>(), totals(&graph).dead_macs);
                assert_eq!(rows.iter().map(|row| row.activation_bytes).sum::<u64>(), total.activation_bytes);
            }
        }
    }
}

#[test]
fn formulas_multiply_to_the_macs() {
    let graph = graph("resnext50_32x4d-d");
    for node in &graph.nodes {
        let product =
            formula(&graph, node).map_or(0, |text| text.split(" × ").map(|factor| factor.parse::<u64>().unwrap()).product());
        assert_eq!(product, macs(&graph, node), "{}", node.id);
    }
}

#[test]
fn comparisons_tell_the_differences() {
    let names = ["resnet50-a", "resnet50-d"].map(String::from);
    let graphs = [graph("resnet50-a"), graph("resnet50-d")];
    let totals = Comparison::totals(&names, &graphs, Convention::Macs, 0);
    let macs = &totals.rows[1];
    assert_eq!(macs.0, "MACs");
    let cell = macs.1[1].as_ref().unwrap();
    assert_eq!((cell.short.as_str(), cell.percent.as_str(), cell.difference.as_str()), ("4.33 G", "+12.2 %", "+470,851,584"));
    assert!(macs.1[0].as_ref().unwrap().percent.is_empty());

    let (head, lines) = Comparison::parts(&names, &graphs, Level::Layer, Convention::Macs, 1).exact("layer", 1);
    assert_eq!(head, ["layer", "ResNet-50-A", "ResNet-50-A − ResNet-50-D", "ResNet-50-D"]);
    let line = |id: &str| lines.iter().find(|line| line[0] == id).unwrap_or_else(|| panic!("no row {id}"));
    assert_eq!(line("layer2.0.conv1")[1..], ["25690112", "−77070336", "102760448"]);
    assert_eq!(line("conv1")[1..], ["118013952", "", ""], "D has no such layer");
    // The rows of both stand in the networks' order.
    let at = |id: &str| lines.iter().position(|line| line[0] == id).unwrap();
    assert!(at("conv1.6") < at("maxpool") && at("layer4.2.act3") < at("fc"));
}

#[test]
fn tables_are_written_for_other_programs() {
    let head = ["layer", "50-A, MACs"].map(String::from);
    let lines = [vec!["stem|x".to_string(), "1_000 \"×\" 2 %".to_string()]];
    assert_eq!(Format::Markdown.write(&head, &lines), "| layer | 50-A, MACs |\n|---|---:|\n| stem\\|x | 1_000 \"×\" 2 % |\n");
    assert_eq!(Format::Csv.write(&head, &lines), "layer,\"50-A, MACs\"\r\nstem|x,\"1_000 \"\"×\"\" 2 %\"\r\n");
    let latex = Format::Latex.write(&head, &lines);
    assert!(latex.starts_with("\\begin{tabular}{lr}") && latex.contains("1\\_000 \"$\\times$\" 2 \\% \\\\"), "{latex}");
    let json: serde_json::Value = serde_json::from_str(&Format::Json.write(&head, &lines)).unwrap();
    assert_eq!(json[0]["layer"], "stem|x");
}

#[test]
fn charts_draw_what_their_figures_say() {
    let names: Vec<String> = ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"].map(String::from).into();
    let graphs: Vec<Graph> = names.iter().map(|name| graph(name)).collect();
    let all = [
        charts::by_stage(&names, &graphs, Convention::Macs),
        charts::by_size(&names, &graphs, Convention::Macs),
        charts::field_by_depth(&names, &graphs),
        charts::accuracy(),
    ];
    for chart in &all {
        assert!(chart.svg.starts_with("<svg class=\"chart\" role=\"img\" aria-label="), "{}", &chart.svg[..80]);
        assert!(!chart.svg.contains("#0101") && !chart.svg.contains("#0102"), "{}: a colour is not the page's", chart.title);
        assert!(chart.rows.iter().all(|row| row.len() == chart.head.len()), "{}", chart.title);
    }
    assert_eq!(all[0].svg.matches("<rect").count(), 4 * 6, "six parts of four networks");
    assert_eq!(all[1].rows[2], ["192", "2.83 G", "3.00 G", "3.18 G", "3.18 G"]);
    assert_eq!(all[2].rows.last().unwrap()[1..], ["483", "427", "431", "431"]);
    let sources: Vec<&str> = all[3].rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(sources.len(), 4 + 8 + 4);
    assert!(
        sources.iter().all(|source| ["He et al.", "timm", "Imagenette"].iter().any(|who| source.contains(who))),
        "{sources:?}"
    );
}

/// A deep network is laid out and drawn in well under 100 ms, although tests are not compiled for speed.
#[test]
fn a_deep_network_is_drawn_at_once() {
    let graph = graph("resnet152-d");
    let start = std::time::Instant::now();
    let columns = diagram::columns(&[&graph], 3);
    let svg = diagram::svg(&columns[0], "ResNet-152-D", "layer3.0");
    assert!(svg.contains("35 more") && start.elapsed().as_millis() < 100, "{:?}", start.elapsed());
}

/// The drawings of every preset, as files: `STRIDESCOPE_UPDATE=1 cargo test` writes them anew.
#[test]
fn drawings_are_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let bodies = BODIES.iter().map(|body| format!("{}-{}", body.name, if body.name == "tiny" { 'd' } else { 'b' }));
    let letters = Variant::ALL.map(|variant| format!("resnet50-{}", variant.letter()));
    let mut names: Vec<String> = bodies.chain(letters).collect();
    names.sort();
    names.dedup();
    for name in names {
        let columns = diagram::columns(&[&graph(&name)], 2);
        for (palette, theme) in [(Palette::Light, "light"), (Palette::Dark, "dark")] {
            let svg = diagram::standalone_svg(&columns[0], &display(&name), hue(&name), palette);
            let path = folder.join(format!("{name}-{theme}.svg"));
            if std::env::var_os("STRIDESCOPE_UPDATE").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &svg).unwrap();
            }
            let known = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(svg, known, "{} differs: look at it, then write it anew with STRIDESCOPE_UPDATE=1", path.display());
        }
    }
}
