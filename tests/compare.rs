//! Differences, tables, charts and drawings of several networks side by side.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;
use stridescope_arch::cost::{Convention, Extra, Extras, formula, macs, totals};
use stridescope_arch::diagram;
use stridescope_arch::diff::{Change, Difference, differences, grouped};
use stridescope_arch::folding::{BlockRef, Fold, Folding};
use stridescope_arch::names::BODIES;
use stridescope_arch::table::{Format, Level, rows, total};
use stridescope_arch::{ArchSpec, Graph, Input, Node, Variant, lower};
use stridescope_link::State;
use stridescope_link::names::source;
use stridescope_view::charts::{self, Quantity};
use stridescope_view::svg_export::{self, Over, Palette, PathDrawn};
use stridescope_view::tables::{Comparison, details};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;

const MACS: Convention = Convention::Macs(Extras::NONE);

fn model(text: &str) -> ModelRef {
    ModelRef::parse(text).unwrap()
}

fn graph(name: &str) -> Graph {
    lower(&ArchSpec::named(name).unwrap(), Input::square(224)).unwrap()
}

fn diffs(base: &str, net: &str) -> Vec<(Change, String, String)> {
    let list = grouped(&differences(&graph(base), &graph(net)));
    list.into_iter().map(|difference| (difference.change, difference.id, difference.words)).collect()
}

#[test]
fn differences_match_the_paper() {
    let line = |change, id: &str, words: &str| (change, id.to_string(), words.to_string());
    let blocks = "layer2.0, layer3.0, layer4.0";
    let moved = [
        line(Change::Changed, &format!("{blocks}: conv1"), "stride 2 → 1"),
        line(Change::Changed, &format!("{blocks}: conv2"), "stride 1 → 2"),
    ];
    assert_eq!(diffs("resnet50-a", "resnet50-b"), moved);
    let stem = [
        line(Change::Removed, "conv1", "7×7 convolution, 3 → 64, stride 2"),
        line(Change::Added, "conv1.0", "3×3 convolution, 3 → 32, stride 2"),
        line(Change::Added, "conv1.3", "3×3 convolution, 32 → 32, stride 1"),
        line(Change::Added, "conv1.6", "3×3 convolution, 32 → 64, stride 1"),
    ];
    assert_eq!(diffs("resnet50-b", "resnet50-c"), stem);
    let shortcut = [
        line(Change::Added, &format!("{blocks}: downsample.0"), "2×2 average pooling, stride 2"),
        line(Change::Changed, &format!("{blocks}: downsample.1"), "stride 2 → 1"),
    ];
    assert_eq!(diffs("resnet50-c", "resnet50-d"), shortcut);
    assert_eq!(diffs("resnet50-d", "resnet50-d"), []);
    let dilated = [
        line(Change::Changed, "layer4.0.conv2", "stride 2 → 1"),
        line(Change::Changed, "layer4.0.downsample.0", "stride 2 → 1, zeros at the end 0 → 1"),
        line(Change::Changed, "layer4.1, layer4.2: conv2", "dilation 1 → 2"),
    ];
    assert_eq!(diffs("resnet50-d", "resnet50-d.os16"), dilated);
    let pooled = [line(Change::Added, "layer4.0.downsample.0", "2×2 average pooling, stride 1, zeros below and to the right")];
    assert_eq!(diffs("resnet50-d.os16.dilatedpool-none", "resnet50-d.os16"), pooled);
    assert_eq!(diffs("resnet50-d", "resnet50-d.classes21"), [line(Change::Changed, "fc", "classes 1000 → 21")]);
    let words = |base, net| diffs(base, net).into_iter().map(|(_, _, words)| words).collect::<Vec<_>>();
    assert_eq!(words("resnet50-d", "resnet50-d.channels1"), ["channels 3 → 1", "channels in 3 → 1"]);
    assert_eq!(words("resnet50-b", "resnetblur50-b")[..2], ["stride 2 → 1", "3×3 blur, stride 2"]);
    let added = |base, net| words(base, net).into_iter().filter(|words| words.starts_with("3×3 convolution")).collect::<Vec<_>>();
    assert_eq!(added("resnext50_32x4d-b", "resnext101_32x8d-b"), ["3×3 convolution, 1024 → 1024, stride 1, 32 groups"]);
    assert_eq!(added("resnet50-b.os8", "resnet101-b.os8"), ["3×3 convolution, 256 → 256, stride 1, dilation 2"]);
    let changes = |base, net| diffs(base, net).into_iter().map(|(change, ..)| change).collect::<Vec<_>>();
    assert!(
        changes("resnet50-b.aa-avgpool", "resnet50-b.aa-blur").contains(&Change::Removed),
        "a pooling is no counterpart of a blur"
    );
    assert_eq!(diffs("resnet50-b", "resnext50_32x4d-b").len(), 4 * 3, "{:?}", diffs("resnet50-b", "resnext50_32x4d-b"));
}

#[test]
fn equal_differences_of_several_blocks_are_merged() {
    let ids = |base, net| diffs(base, net).into_iter().map(|(_, id, _)| id).collect::<Vec<_>>();
    let wide = ids("resnet50-b", "resnext50_32x4d-b");
    assert_eq!(
        wide[..4],
        [
            "layer1.0, layer1.1, layer1.2: conv1",
            "layer1.0, layer1.1, layer1.2: conv2",
            "layer1.0, layer1.1, layer1.2: conv3",
            "layer2.0 … layer2.3: conv1"
        ]
    );
    let narrow = ids("resnet18-b", "resnet18-b.width32");
    assert!(narrow.contains(&"layer1.0, layer1.1: conv2".to_string()), "{narrow:?}");
    // A layer outside all blocks stays on its own.
    let changed = |id: &str| Difference { id: id.into(), change: Change::Changed, words: "stride 1 → 2".into() };
    let apart = [changed("neck.0.conv1"), changed("neck.1.conv1")];
    assert_eq!(grouped(&apart), apart);
}

/// Swapping the networks swaps added and removed.
#[test]
fn swapping_networks_swaps_added_and_removed() {
    for (a, b) in [
        ("resnet50-a", "resnet50-d"),
        ("resnet50-d", "resnet101-d"),
        ("resnet18-b", "resnet50-t"),
        ("resnetblur50-b", "resnet50-b.os8"),
    ] {
        let (there, back) = (differences(&graph(a), &graph(b)), differences(&graph(b), &graph(a)));
        let count = |list: &[Difference], change| list.iter().filter(|d| d.change == change).count();
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
            let values: u64 = graph.nodes[1..].iter().map(|node| node.shape.elements()).sum();
            assert_eq!(total.activation_bytes, 4 * values, "float32, and the picture is no activation");
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
fn comparisons_list_values_and_differences() {
    let names = ["resnet50-a", "resnet50-d"].map(model);
    let graphs = [graph("resnet50-a"), graph("resnet50-d")];
    let totals = Comparison::totals(&names, &graphs, MACS, 0);
    let macs = &totals.rows[1];
    assert_eq!(macs.0, "MACs");
    let cell = macs.1[1].as_ref().unwrap();
    assert_eq!((cell.short.as_str(), cell.percent.as_str(), cell.difference.as_str()), ("4.33 G", "+12.2 %", "+470,851,584"));
    assert!(macs.1[0].as_ref().unwrap().percent.is_empty());

    let (head, lines) = Comparison::parts(&names, &graphs, Level::Layer, MACS, 1).exact("layer", 1);
    assert_eq!(head, ["layer", "ResNet-50-A", "ResNet-50-A − ResNet-50-D", "ResNet-50-D"]);
    let line = |id: &str| lines.iter().find(|line| line[0] == id).unwrap_or_else(|| panic!("no row {id}"));
    assert_eq!(line("layer2.0.conv1")[1..], ["25690112", "−77070336", "102760448"]);
    assert_eq!(line("conv1")[1..], ["118013952", "", ""], "D has no such layer");
    // The rows of both networks are in the networks' order.
    let at = |id: &str| lines.iter().position(|line| line[0] == id).unwrap();
    assert!(at("conv1.6") < at("maxpool") && at("layer4.2.act3") < at("fc"));
}

#[test]
fn tables_are_written_for_other_programs() {
    assert_eq!(Level::ALL.map(Level::name), ["stages", "blocks", "layers"]);
    assert_eq!(Format::ALL.map(Format::title), ["Markdown", "CSV", "LaTeX", "JSON"]);
    let head = ["layer", "50-A, MACs"].map(String::from);
    let lines = [vec!["stem|x".to_string(), "1_000 \"×\" 2 %".to_string()]];
    assert_eq!(Format::Markdown.write(&head, &lines), "| layer | 50-A, MACs |\n|---|---:|\n| stem\\|x | 1_000 \"×\" 2 % |\n");
    assert_eq!(Format::Csv.write(&head, &lines), "layer,\"50-A, MACs\"\r\nstem|x,\"1_000 \"\"×\"\" 2 %\"\r\n");
    // A file name may contain anything.
    let (odd, rows) = (vec!["a\nb\rc\u{1}~^".to_string()], vec![vec!["d\re".to_string()]]);
    assert_eq!(Format::Markdown.write(&odd, &rows), "| a b c ~^ |\n|---|\n| d e |\n");
    assert_eq!(Format::Csv.write(&odd, &rows), "\"a\nb\rc\u{1}~^\"\r\n\"d\re\"\r\n");
    let latex = Format::Latex.write(&odd, &rows);
    assert!(latex.contains("a b c \\textasciitilde{}\\textasciicircum{} \\\\\n") && latex.contains("\nd e \\\\\n"), "{latex}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&Format::Json.write(&odd, &rows)).unwrap()[0][&odd[0]], "d\re");
    let latex = Format::Latex.write(&head, &lines);
    assert!(latex.starts_with("\\begin{tabular}{lr}") && latex.contains("1\\_000 \"$\\times$\" 2 \\% \\\\"), "{latex}");
    let json: serde_json::Value = serde_json::from_str(&Format::Json.write(&head, &lines)).unwrap();
    assert_eq!(json[0]["layer"], "stem|x");
}

#[test]
fn charts_draw_their_data() {
    let names = ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"].map(model);
    let graphs: Vec<Graph> = names.iter().map(|model| graph(model.name())).collect();
    let all = [
        charts::by_part(&names, &graphs, Level::Stage, Quantity::Ops(MACS)),
        charts::by_size(&names, &graphs, MACS),
        charts::field_by_depth(&names, &graphs),
        charts::accuracy(),
    ];
    for chart in &all {
        assert!(chart.svg.starts_with("<svg class=\"chart\" role=\"img\" aria-label="), "{}", &chart.svg[..80]);
        assert!(!chart.svg.contains("#0101") && !chart.svg.contains("#0102"), "{}: a colour is not the page's", chart.title);
        assert!(chart.rows.iter().all(|row| row.len() == chart.head.len()), "{}", chart.title);
    }
    assert_eq!(all[0].svg.matches("<rect").count(), 4 * 6, "six parts of four networks");
    let params = charts::by_part(&names, &graphs, Level::Layer, Quantity::Params);
    assert_eq!(params.title, "Parameters by layer");
    let with_params = |graph: &Graph| graph.nodes.iter().filter(|node| !graph.node_tensors(node).is_empty()).count();
    assert_eq!(params.svg.matches("<rect").count(), graphs.iter().map(with_params).sum::<usize>());
    let row = params.rows.iter().find(|row| row[0] == "conv1.3").unwrap();
    assert_eq!(row[1..], ["", "", "9.22 k", "9.22 k"]);
    assert_eq!(all[1].rows[2], ["192", "2.83 G", "3.00 G", "3.18 G", "3.18 G"]);
    assert_eq!(all[2].rows.last().unwrap()[1..], ["483", "427", "431", "431"]);
    let sources: Vec<&str> = all[3].rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(sources.len(), 4 + 4 + 9 + 4);
    assert!(
        sources.iter().all(|source| ["He et al.", "GluonCV", "timm", "Imagenette"].iter().any(|who| source.contains(who))),
        "{sources:?}"
    );
    assert_eq!(all[3].svg.matches("stroke-width=\"2\" points=").count(), 2, "one line for each recipe that four have");
    // GluonCV's four share one recipe; the D that timm uses has another, and every row names its recipe.
    let of = |net: &str, source: &str| {
        let found = all[3].rows.iter().find(|row| row[0] == net && row[3].contains(source));
        found.map(|row| (row[1].as_str(), row[3].contains("120 epochs"), row[3].contains("no mixup")))
    };
    for (net, source, wanted) in [
        ("ResNet-50-A", "reported by GluonCV", ("77.36 %", true, true)),
        ("ResNet-50-B", "reported by GluonCV", ("77.67 %", true, true)),
        ("ResNet-50-C", "reported by GluonCV", ("78.03 %", true, true)),
        ("ResNet-50-D", "reported by GluonCV", ("78.48 %", true, true)),
        ("ResNet-50-C", "checkpoint gluon_in1k", ("78.02 %", true, true)),
        ("ResNet-50-D", "checkpoint gluon_in1k", ("79.08 %", false, false)),
    ] {
        assert_eq!(of(net, source), Some(wanted), "{net}: {source}");
    }
}

#[test]
fn extras_add_to_the_count() {
    let graph = graph("resnet50-d");
    let count = |convention: Convention| graph.nodes.iter().map(|node| convention.count(&graph, node)).sum::<u64>();
    let plain = count(MACS);
    assert_eq!(count(Convention::Flops(Extras::NONE)), 2 * plain);
    let values =
        |kind: &str| graph.nodes.iter().filter(|node| node.op.kind() == kind).map(|node| node.shape.elements()).sum::<u64>();
    let only = |extra| count(MACS.with(Extras::NONE.toggled(extra))) - plain;
    assert_eq!(only(Extra::BatchNorm), values("batchnorm"));
    assert_eq!(only(Extra::Relu), values("relu"));
    assert_eq!(only(Extra::Addition), values("add"));
    // 3x3 max pooling of 64 channels: 56 windows read three rows each, except the first with two; three 2x2 average poolings; and 7x7
    // positions of 2,048 channels at the end.
    assert_eq!(only(Extra::Pooling), 64 * 167 * 167 + 4 * values("avgpool") + 49 * 2048);
    let all: u64 = Extra::ALL.into_iter().map(only).sum();
    assert_eq!(count(MACS.with(Extras::ALL)), plain + all);
    assert_eq!(count(Convention::Flops(Extras::ALL)), 2 * plain + all + values("batchnorm"));
    assert!(Extras::ALL.toggled(Extra::Relu).has(Extra::Pooling) && !Extras::ALL.toggled(Extra::Relu).has(Extra::Relu));
    assert_eq!(Convention::Fvcore.with(Extras::ALL), Convention::Fvcore);
    for (name, known) in [
        ("macs", Some(MACS)),
        ("flops-bn-relu-pool-add", Some(Convention::Flops(Extras::ALL))),
        ("macs-add", Some(MACS.with(Extras::NONE.toggled(Extra::Addition)))),
        ("fvcore", Some(Convention::Fvcore)),
        ("fvcore-bn", None),
        ("macs-bn-bn", None),
        ("macs-", None),
        ("", None),
    ] {
        assert_eq!(Convention::named(name), known, "{name}");
        if let Some(known) = known {
            assert_eq!(known.name(), name);
        }
    }
}

/// A blur is a convolution with fixed weights.
#[test]
fn a_blur_counts_as_multiply_accumulates() {
    let graph = graph("resnetblur50-b");
    let sum = |of: &dyn Fn(&Node) -> u64| graph.nodes.iter().map(of).sum::<u64>();
    let values = |kind: &str| sum(&|node| if node.op.kind() == kind { node.shape.elements() } else { 0 });
    assert!(values("blurpool") > 0);
    // Half of the count by PyTorch's FlopCounterMode (torch 2.15) for timm's resnetblur50, which includes the fixed filter.
    assert_eq!(sum(&|node| MACS.count(&graph, node)) + 9 * values("blurpool"), 5_133_020_672);
    for (convention, mac) in [(MACS, 1), (Convention::Flops(Extras::NONE), 2)] {
        let with = convention.with(Extras::NONE.toggled(Extra::Pooling));
        let more = sum(&|node| with.count(&graph, node)) - sum(&|node| convention.count(&graph, node));
        // Two of the 112 windows have only two rows.
        assert_eq!(more, 64 * 334 * 334 + 49 * 2048 + mac * 9 * values("blurpool"), "{}", with.title());
    }
}

/// GMACs at 224 pixels from timm's `results/benchmark-infer-*.csv`, which are fvcore's total; torchvision's are `_ops` of its weights.
#[test]
fn each_librarys_gmacs_match_the_convention_named_after_it() {
    let cases = [
        (Convention::Fvcore, "timm's GMACs", [("resnet50-b", "4.11"), ("resnet50-d", "4.35"), ("resnetblur50-b", "5.16")]),
        (MACS, "torchvision's GFLOPS", [("resnet50-b", "4.09"), ("resnet18-b", "1.81"), ("resnext50_32x4d-b", "4.23")]),
    ];
    for (convention, whose, figures) in cases {
        for (net, gmacs) in figures {
            let graph = graph(net);
            let count: u64 = graph.nodes.iter().map(|node| convention.count(&graph, node)).sum();
            assert_eq!(format!("{:.2}", count as f64 / 1e9), gmacs, "{net}, {whose}");
        }
        for known in Convention::ALL {
            assert_eq!(known.users().contains(whose), known == convention, "{whose}: {}", known.users());
        }
    }
}

#[test]
fn each_convention_describes_what_it_counts() {
    let titles = [
        ("macs", "MACs"),
        ("macs-pool", "MACs with pooling"),
        ("macs-bn-relu-pool-add", "MACs with BN, ReLU, pooling, additions"),
        ("flops", "FLOPs = 2 × MACs"),
        ("flops-bn-add", "FLOPs with BN, additions"),
        ("fvcore", "fvcore's flops"),
        ("torchinfo", "torchinfo's mult-adds"),
    ];
    let known = titles.map(|(name, title)| {
        let convention = Convention::named(name).unwrap();
        assert_eq!(convention.title(), title);
        convention
    });
    let begins = known.map(|convention| convention.users().split_once(' ').unwrap().0);
    assert_eq!(begins, ["Multiply-accumulates", "MACs", "MACs", "Twice", "Two", "fvcore's", "torchinfo's"]);
}

#[test]
fn a_single_network_is_copied_with_exact_numbers() {
    let rows = rows(&graph("resnet50-a"), Level::Stage, MACS);
    let (head, lines) = details(&rows, "MACs");
    assert_eq!(head.len(), lines[0].len());
    let layer1 = &lines[1];
    assert_eq!(layer1[..3], ["layer1", "256×56×56", "215808"]);
    assert_eq!(layer1.last().unwrap(), &rows[1].dead_macs.to_string());
    assert!((lines.iter().map(|line| line[4].parse::<f64>().unwrap()).sum::<f64>() - 100.0).abs() < 0.05);
}

#[test]
fn presets_name_their_papers() {
    let words = |net: &str| source(&ArchSpec::named(net).unwrap()).into_iter().map(|(words, _)| words).collect::<String>();
    let links = |net: &str| source(&ArchSpec::named(net).unwrap()).into_iter().filter_map(|(_, link)| link).collect::<Vec<_>>();
    assert_eq!(words("resnet50-a"), "He et al. 2015, arXiv 1512.03385");
    assert!(words("resnet50-d").contains("D: He et al. 2019, arXiv 1812.01187, section 4.2"));
    assert_eq!(links("resnext50_32x4d-c")[0], "https://arxiv.org/abs/1611.05431");
    assert_eq!(words("resnet50-d.groups2"), "A mixture that nobody is known to have trained");
    assert_eq!(words("resnet50-a.os8"), "He et al. 2015, arXiv 1512.03385, dilated instead of strided");
    for body in &BODIES {
        for variant in Variant::ALL {
            assert!(!words(&format!("{}-{}", body.name, variant.letter())).contains("nobody"));
        }
    }
}

fn labels(net: &str, base: &str, open: &str) -> Vec<String> {
    let columns = diagram::columns(&[&graph(net)], &graph(base), &Folding::parse(open).unwrap());
    columns[0].cells.iter().map(|cell| cell.label.clone()).collect()
}

#[test]
fn stages_and_blocks_open_and_close() {
    let stem = ["7×7, 64, /2", "maxpool 3×3, /2"];
    let with = |rest: &[&str]| -> Vec<String> {
        stem.iter().chain(rest).chain(&["global avgpool", "fc, 1000"]).map(|&label| label.to_string()).collect()
    };
    let closed = ["stage 1 · 2 blocks", "stage 2 · 2 blocks", "stage 3 · 2 blocks", "stage 4 · 2 blocks"];
    assert_eq!(labels("resnet18-a", "resnet18-a", ""), with(&closed));
    let open = ["layer2.0", "3×3, 128, /2", "3×3, 128", "1×1, 128, /2", "layer2.1"];
    let rest = |first: &[&'static str], second: &[&'static str]| -> Vec<&'static str> {
        [&closed[..1], first, &closed[2..3], second].concat()
    };
    assert_eq!(labels("resnet18-a", "resnet18-a", "layer2.0"), with(&rest(&open, &closed[3..])));
    let listed = ["layer4", "layer4.0", "layer4.1"];
    assert_eq!(labels("resnet18-a", "resnet18-a", "layer2.0,layer4"), with(&rest(&open, &listed)));
    // A single closed block is a box of its own; several become one box.
    let labels = labels("resnet50-a", "resnet50-a", "layer3.2");
    assert!(labels.windows(2).any(|pair| pair == ["2 more blocks", "layer3.2"]), "{labels:?}");
    assert!(labels.contains(&"3 more blocks".to_string()));

    let mut folding = Folding::around("layer3.1.conv2");
    assert_eq!(folding.to_string(), "layer3.1");
    folding.apply(Fold::Open(BlockRef { stage: 3, block: None }));
    folding.apply(Fold::parse("open layer2.0").unwrap());
    assert_eq!(folding.to_string(), "layer2.0,layer3,layer3.1");
    folding.apply(Fold::parse("close layer3").unwrap());
    assert_eq!(folding.to_string(), "layer2.0");
    assert_eq!(Folding::around("fc").to_string(), "layer2.0");
    assert_eq!(Folding::around("layer4").to_string(), "layer4.0");
    let wide = Folding::parse("layer3,layer3.0-3,layer3.5").unwrap();
    assert_eq!(
        (wide.to_string().as_str(), wide.is_open(BlockRef { stage: 3, block: Some(2) })),
        ("layer3,layer3.0-3,layer3.5", true)
    );
    assert_eq!(
        Folding::all(&[graph("resnet18-a")]).to_string(),
        "layer1,layer1.0-1,layer2,layer2.0-1,layer3,layer3.0-1,layer4,layer4.0-1"
    );
    for nonsense in [
        "layer2.3-1",
        "layer2-3",
        "layer6",
        "layer2.0-200",
        "layer2.0-",
        "layer",
        "layer0",
        "layer2.0.conv1",
        "layer2.x",
        "stem",
        "layer02",
    ] {
        assert_eq!(Folding::parse(nonsense), None, "{nonsense}");
    }
}

/// Rows of all networks have the same height; a missing layer leaves a gap.
#[test]
fn columns_are_aligned() {
    let graphs = ["resnet50-a", "resnet101-d", "resnet18-b"].map(graph);
    let base = graph("resnet50-a");
    let open = Folding::parse("layer2.0,layer3.0,layer3.5,layer4").unwrap();
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), &base, &open);
    let top = |column: &diagram::Column, id: &str| column.cells.iter().find(|cell| cell.id == id).map(|cell| cell.at.1);
    for column in &columns {
        assert_eq!(column.height, columns[0].height);
        for id in ["maxpool", "layer1", "layer2.0", "layer3.0", "layer4", "layer4.1", "fc"] {
            assert_eq!(top(column, id), top(&columns[0], id), "{id}");
        }
    }
    assert!(top(&columns[2], "layer3.5").is_none() && top(&columns[1], "layer3.5") == top(&columns[0], "layer3.5"));
    let change = |column: usize, id: &str, label: &str| {
        columns[column].cells.iter().find(|cell| cell.id == id && cell.label == label).and_then(|cell| cell.change)
    };
    assert_eq!(change(1, "conv1", "7×7, 64, /2"), Some(Change::Removed));
    assert_eq!(change(1, "conv1.0", "3×3, 32, /2"), Some(Change::Added));
    assert_eq!(change(1, "layer2.0.conv1", "1×1, 128"), Some(Change::Changed));
    assert!(columns[0].cells.iter().all(|cell| cell.change.is_none()), "nothing differs from itself");
}

/// A deep network is laid out and drawn in well under 100 ms, even in a test build.
#[test]
fn a_deep_network_is_drawn_quickly() {
    let (graph, base) = (graph("resnet152-d"), graph("resnet152-a"));
    let start = std::time::Instant::now();
    let columns = diagram::columns(&[&graph], &base, &Folding::all(std::slice::from_ref(&graph)));
    let svg = diagram::svg(&columns[0], "ResNet-152-D", "layer3.0");
    assert!(svg.contains("layer3.35.conv3") && start.elapsed().as_millis() < 100, "{:?}", start.elapsed());
}

/// Compares the golden file with `svg`; `STRIDESCOPE_UPDATE=1 cargo test` rewrites it.
fn assert_golden(name: &str, theme: &str, svg: &str) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(format!("tests/snapshots/{name}-{theme}.svg"));
    if std::env::var_os("STRIDESCOPE_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, svg).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(svg, known, "{} differs: look at it, then write it anew with STRIDESCOPE_UPDATE=1", path.display());
}

const THEMES: [(Palette, &str); 2] = [(Palette::Light, "light"), (Palette::Dark, "dark")];

/// The diagrams of every preset, each compared with its original.
#[test]
fn diagrams_match_their_golden_files() {
    let bodies = BODIES.iter().map(|body| format!("{}-{}", body.name, if body.name == "tiny" { 'd' } else { 'b' }));
    let letters = Variant::ALL.map(|variant| format!("resnet50-{}", variant.letter()));
    let mut names: Vec<String> = bodies.chain(letters).collect();
    names.sort();
    names.dedup();
    let open = Folding::around("layer2.0");
    for name in names {
        let graph = graph(&name);
        let base = lower(&graph.spec.original(), graph.input).unwrap();
        let columns = diagram::columns(&[&graph], &base, &open);
        for (palette, theme) in THEMES {
            assert_golden(&name, theme, &svg_export::diagrams(&[(model(&name), columns[0].clone())], palette).svg);
        }
    }
    let names = ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"];
    let graphs = names.map(graph);
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), &graphs[0], &open);
    let columns: Vec<_> = names.map(model).into_iter().zip(columns).collect();
    for (palette, theme) in THEMES {
        assert_golden("paper", theme, &svg_export::diagrams(&columns, palette).svg);
    }
}

/// XML errors of a drawing: characters outside XML 1.0, and malformed tags and attributes; empty if it is well formed.
fn xml_faults(svg: &str) -> Vec<String> {
    let mut faults: Vec<String> = svg
        .chars()
        .filter(|letter| !matches!(u32::from(*letter), 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..))
        .map(|letter| format!("U+{:04X}", u32::from(letter)))
        .collect();
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let Some((tag, _)) = piece.split_once('>') else {
            faults.push(format!("<{piece}"));
            continue;
        };
        let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(name) => faults.push(format!("</{name}>")),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
        if tag.matches('"').count() % 2 == 1 {
            faults.push(format!("<{tag}>"));
        }
    }
    // Every ampersand must start a reference.
    let is_reference = |rest: &str| ["amp;", "lt;", "gt;", "quot;", "apos;", "#"].iter().any(|known| rest.starts_with(known));
    faults
        .extend(svg.split('&').skip(1).filter(|rest| !is_reference(rest)).map(|rest| format!("&{}", &rest[..rest.len().min(8)])));
    faults.extend(open.into_iter().map(|name| format!("<{name}> is open")));
    faults
}

#[test]
fn drawings_are_well_formed_for_any_file_name() {
    let plain = "tiny-d".to_string();
    for name in ["mine.pth", "a\u{1}\u{1b}[31mb.pth", "a\u{FFFE}\u{FFFF}\u{0}.pth", "\"><script>&amp;'&.pth", "a\nb\tc.pth"] {
        let net = model(&plain).with_weights(&WeightsSource::own(name)).unwrap();
        let graphs = [graph(&plain)];
        let columns = diagram::columns(&[&graphs[0]], &graphs[0], &Folding::around("layer2.0"));
        let (state, _) = State::from_query("");
        let caption = state.caption(&net, "input".into());
        let chart = charts::by_part(std::slice::from_ref(&net), &graphs, Level::Stage, Quantity::Params);
        let path = PathDrawn {
            path: name.into(),
            map: String::new(),
            frame: String::new(),
            magnifier: String::new(),
            words: name.into(),
        };
        for (palette, _) in THEMES {
            let drawn = [
                svg_export::diagrams(&[(net.clone(), columns[0].clone())], palette),
                svg_export::chart(name, &chart.svg, charts::SIZE, palette),
                svg_export::map(&[], Over::Veil, "", &caption, palette),
                svg_export::strides(std::slice::from_ref(&path), &caption, palette),
            ];
            for (kind, still) in drawn.iter().enumerate() {
                assert_eq!(xml_faults(&still.svg), Vec::<String>::new(), "drawing {kind} of {name:?}");
            }
        }
    }
    assert_eq!(xml_faults("<a b=\"c\"><d/>&amp;</a>"), Vec::<String>::new());
    for faulty in ["<a>\u{1}</a>", "<a></b>", "<a", "<a b=\"c></a>", "<a>&b</a>", "<a>"] {
        assert_ne!(xml_faults(faulty), Vec::<String>::new(), "{faulty:?}");
    }
}

#[test]
fn charts_match_their_golden_files() {
    let names = ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"].map(model);
    let graphs: Vec<Graph> = names.iter().map(|model| graph(model.name())).collect();
    let all = [
        ("chart-macs-by-stage", charts::by_part(&names, &graphs, Level::Stage, Quantity::Ops(MACS))),
        ("chart-params-by-layer", charts::by_part(&names, &graphs, Level::Layer, Quantity::Params)),
        ("chart-macs-by-size", charts::by_size(&names, &graphs, MACS)),
        ("chart-receptive-field", charts::field_by_depth(&names, &graphs)),
        ("chart-accuracy", charts::accuracy()),
    ];
    for (name, chart) in all {
        for (palette, theme) in THEMES {
            let still = svg_export::chart(&chart.title, &chart.svg, charts::SIZE, palette);
            assert!(!still.svg.contains("var("), "{name}: a colour of the page is left");
            assert_golden(name, theme, &still.svg);
        }
    }
}
