//! Graphs against published numbers: parameters, MACs, receptive fields, coverage, torchsummary.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/specs.rs"]
mod specs;

use cases::thousand;
use proptest::prelude::*;
use specs::any_spec;
use stridescope_arch::cost::{self, totals};
use stridescope_arch::coverage::{self, block_reads};
use stridescope_arch::folding::Folding;
use stridescope_arch::names::BODIES;
use stridescope_arch::switches::{SWITCHES, Switch};
use stridescope_arch::{AntiAlias, ArchSpec, BlockKind, Graph, Input, Op, SpecError, Variant, diagram, lower, receptive};

fn graph(name: &str, size: usize) -> Graph {
    lower(&ArchSpec::named(name).unwrap(), Input::square(size)).unwrap()
}

/// MACs of convolutions and fc, batch 1; parameters as PyTorch counts them; receptive field of the last block.
#[test]
fn parameters_macs_and_receptive_fields_match_published_numbers() {
    let cases = [
        ("resnet50-a", 25_557_032, 3_857_973_248, 316_817_408, 483),
        ("resnet50-b", 25_557_032, 4_089_184_256, 335_691_776, 427),
        ("resnet50-c", 25_576_264, 4_328_824_832, 355_254_272, 431),
        ("resnet50-d", 25_576_264, 4_328_824_832, 355_254_272, 431),
    ];
    for (name, params, macs_224, macs_64, field) in cases {
        let at_224 = graph(name, 224);
        assert_eq!(totals(&at_224).params, params, "{name}");
        assert_eq!(totals(&at_224).macs, macs_224, "{name} at 224");
        assert_eq!(totals(&graph(name, 64)).macs, macs_64, "{name} at 64");
        assert_eq!(receptive::size(&at_224), field, "{name}");
    }
    // The published numbers of timm's resnet18d and resnet34.
    assert_eq!(totals(&graph("resnet18-d", 64)).params, 11_708_744);
    assert_eq!(totals(&graph("resnet34-b", 64)).params, 21_797_672);
}

/// `torchsummary.summary(model, (3, 64, 64))` of torchvision's resnet50 and of a ResNet-50-D.
#[test]
fn torchsummary_totals_match() {
    for (name, forward_backward, params, total) in [("resnet50-b", 23.41, 97.49, 120.95), ("resnet50-d", 25.13, 97.57, 122.75)] {
        let summary = cost::torchsummary(&graph(name, 64));
        let rounded = |mb: f64| (mb * 100.0).round() / 100.0;
        assert_eq!(rounded(summary.forward_backward_mb), forward_backward, "{name}");
        assert_eq!(rounded(summary.params_mb), params, "{name}");
        assert_eq!(rounded(summary.total_mb), total, "{name}");
    }
}

#[test]
fn strides_read_a_quarter_or_all_of_their_input() {
    let cases = [("a", 25.0, 25.0, 1), ("b", 100.0, 25.0, 4), ("c", 100.0, 25.0, 4), ("d", 100.0, 100.0, 4)];
    for (letter, path_a, path_b, most) in cases {
        let graph = graph(&format!("resnet50-{letter}"), 224);
        let blocks: Vec<_> = graph.downsampling_blocks().collect();
        assert_eq!(blocks.iter().map(|block| block.id.as_str()).collect::<Vec<_>>(), ["layer2.0", "layer3.0", "layer4.0"]);
        for block in blocks {
            let (a, b) = block_reads(&graph, block);
            assert_eq!(a.reads.read_percent(), path_a, "{letter} {} path A", block.id);
            assert_eq!(b.reads.read_percent(), path_b, "{letter} {} path B", block.id);
            assert_eq!(a.reads.max(), most, "{letter} {}", block.id);
            if letter == "a" {
                assert_eq!(a.reads, b.reads, "both paths of A read the same quarter");
            }
            if letter == "d" {
                assert_eq!((b.reads.min(), b.reads.max()), (1, 1), "the pooling reads each position once");
            }
        }
    }
}

#[test]
fn only_a_has_dead_macs() {
    assert_eq!(totals(&graph("resnet50-a", 224)).dead_macs, 375_717_888);
    for letter in ["b", "c", "d"] {
        assert_eq!(totals(&graph(&format!("resnet50-{letter}"), 224)).dead_macs, 0, "{letter}");
    }
    // Basic blocks have no 1x1 on path A: A equals B, and the 3x3 reads everything.
    assert_eq!(totals(&graph("resnet18-a", 224)).dead_macs, 0);
    assert_eq!(graph("resnet18-a", 224).nodes, graph("resnet18-b", 224).nodes);
}

#[test]
fn invalid_names_are_rejected_with_a_remedy() {
    for name in ["", "resnet50", "resnet50-e", "resnet51-a", "resnet50-ab", "tiny-", "-a", "RESNET50-A", &"x".repeat(1000)] {
        let error = ArchSpec::named(name).unwrap_err();
        assert!(matches!(&error, SpecError::UnknownName(shown) if shown.len() <= 60), "{name}");
        assert!(error.to_string().contains("as in resnet50-d"));
    }
    assert_eq!(ArchSpec::names().len(), 54);
    ArchSpec::names().iter().for_each(|name| assert!(ArchSpec::named(name).is_ok(), "{name}"));
}

#[test]
fn every_body_and_letter_has_a_description_and_a_source() {
    for (name, source) in BODIES.iter().map(|body| (body.name, body.source)) {
        let words = match name {
            "tiny" => "this project's own",
            "resnet26" => "timm's resnet26",
            "resnext50_32x4d" | "resnext101_32x8d" => "Xie et al. 2016",
            "wide_resnet50_2" | "wide_resnet101_2" => "Zagoruyko and Komodakis 2016",
            "resnetblur50" => "Zhang 2019",
            "resnetaa50" => "ResNeSt",
            _ => "He et al. 2015",
        };
        assert!(source.contains(words), "{name}: {source}");
    }
    let taglines = Variant::ALL.map(Variant::tagline);
    assert_eq!(taglines[..4], ["original", "stride on the 3×3", "three 3×3 stem", "avgpool shortcut"]);
    assert_eq!(taglines[4..], ["wide three 3×3 stem", "tiered stem, avgpool shortcut"]);
}

#[test]
fn invalid_descriptions_are_rejected() {
    let spec = ArchSpec::named("resnet50-d").unwrap();
    let named = |name: &str| ArchSpec::named(name).unwrap();
    let cases: [(ArchSpec, usize, &str); 18] = [
        (spec.clone(), 31, "the height of the input is 31"),
        (spec.clone(), 513, "the height of the input is 513"),
        (ArchSpec { layers: vec![1_000_000_000], ..spec.clone() }, 224, "blocks in a stage is 1000000000"),
        (ArchSpec { layers: vec![], ..spec.clone() }, 224, "the number of stages is 0"),
        (ArchSpec { dilate: vec![false; 4], ..spec.clone() }, 224, "the number of stages that can be dilated is 4"),
        (named("resnet50-c.stemwidth0"), 224, "the width of the stem is 0"),
        (named("resnet50-t.stemwidth3"), 224, "the width of the stem is 3, but must be between 4 and 1024"),
        (ArchSpec { block: BlockKind::Basic, groups: 32, ..spec }, 224, "a basic block has neither groups"),
        (named("resnet18-b.wpg4"), 224, "leave the width per group out"),
        (named("resnet50-b.groups32.wpg0"), 224, "the width per group is 0"),
        (named("resnet50-b.blocks1000000000"), 224, "blocks in a stage is 1000000000"),
        (named("resnet50-b.blocks200-200-200-200-201"), 224, "blocks in a stage is 201"),
        (named("resnet50-b.blocks200-200-200-200-200.width4000000000"), 224, "the width of the first stage is 4000000000"),
        (named("resnet50-b.channels0"), 224, "the number of input channels is 0"),
        (named("resnetaa50-b.blocks1-1-1-1-1"), 32, "at layer5.0.aa only 1 x 1 positions are left"),
        (named("resnetblur50-b.blocks1-1-1-1-1"), 32, "at layer5.0.aa only 1 x 1 positions are left"),
        (
            named("resnetaa50-b"),
            232,
            "at layer3.0.add path A has 14 positions along a side and path B 15: aa-avgpool rounds half of an odd side down",
        ),
        (named("resnet50-b.classes0"), 224, "the number of classes is 0"),
    ];
    for (spec, size, words) in cases {
        let error = lower(&spec, Input::square(size)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(lower(&named("resnet50-b.stemwidth0"), Input::square(224)).is_ok(), "one convolution has no width of its own");
    // A blur rounds up, as the shortcut does.
    assert!(lower(&named("resnetblur50-b"), Input::square(232)).is_ok());
    // The pooling of a shortcut rounds up: one position gives one.
    assert!(lower(&named("resnet50-d.blocks1-1-1-1-1"), Input::square(32)).is_ok());
}

#[test]
fn switches_change_the_description() {
    let spec = |name: &str| ArchSpec::named(name).unwrap();
    assert_eq!(spec("resnext50_32x4d-b"), spec("resnet50-b.groups32.wpg4"));
    assert_eq!(spec("resnet50-b.stem-deep"), spec("resnet50-c"));
    assert_eq!(spec("resnet50-d.os8"), spec("resnet50-d.dilate0-1-1"));
    assert_eq!(spec("resnet50-d.os8"), spec("resnet50-d.dilatedpool-same.os8"));
    assert_eq!(spec("resnet50-d.dilatedpool-none.os8.classes21").name(), "resnet50-d.os8.dilatedpool-none.classes21");
    assert_eq!(spec("resnet50-d.dilatedpool-none").name(), "resnet50-d.dilatedpool-none");
    assert_eq!(spec("resnet50-d.groups32.wpg4").name(), "resnext50_32x4d-d");
    assert_eq!(spec("resnet50-b.stem-deep.shortcut-avgpool").name(), "resnet50-d");
    // Every switch can be undone.
    for (one, other) in [
        ("resnet50-c.stem-conv7", "resnet50-b"),
        ("resnet50-a.stride-conv2", "resnet50-b"),
        ("resnet50-d.shortcut-conv", "resnet50-c"),
        ("resnetaa50-b.aa-none", "resnet50-b"),
        ("resnet34-b.bottleneck", "resnet50-b"),
        ("resnet50-b.basic", "resnet34-b"),
    ] {
        assert_eq!(spec(one), spec(other), "{one}");
    }
    // A name with more stages than a network can have parses, but describes no network.
    let deep = spec(&format!("resnet50-b.blocks{}1.os8", "1-".repeat(85)));
    assert_eq!((deep.dilate.len(), deep.dilate[0], deep.dilate[85 - 1]), (85, false, true));
    assert!(lower(&deep, Input::square(224)).is_err());
    let longest = format!("resnet50-b{}.os32.os32", ".classes1000".repeat(15));
    assert_eq!((longest.len(), spec(&longest)), (200, spec("resnet50-b")));
    assert!(matches!(ArchSpec::named(&longest.replacen("1000", "10000", 1)), Err(SpecError::UnknownName(_))));
    assert_eq!(
        spec("resnet50-a.shortcut-avgpool.os16.classes21.channels1").name(),
        "resnet50-a.shortcut-avgpool.os16.classes21.channels1"
    );
    assert_eq!(spec("resnet50-a.shortcut-avgpool").known().map(|(body, _)| body.name), None, "nobody has trained that");
    for name in ["resnet50-d.classes21", "resnet50-d.channels1", "resnet50-d.dilatedpool-none"] {
        assert_eq!(spec(name).known().map(|(body, letter)| (body.name, letter)), Some(("resnet50", Variant::D)), "{name}");
    }
    for name in [
        "resnet50-d.",
        "resnet50-d.os7",
        "resnet50-d.dilate1",
        "resnet50-d.dilate0-2-0",
        "resnet50-d.width",
        "resnet50-d.width-1",
        "resnet50-d.groups99999999999999999999",
        "resnet50-d.stemwidth4294967296",
        "resnet50-d.stemwidth4294967295.width4294967295",
        "resnet50-d.blocks3-4294967296",
        "resnet50-d.stem-conv8",
        "resnet50-d.dilatedpool",
        "resnet50-d.dilatedpool-avg",
        "resnet50-d..os8",
        "resnet50-d.width0.width8",
    ] {
        let error = ArchSpec::named(name).unwrap_err();
        assert!(matches!(error, SpecError::UnknownSwitch(_)), "{name}: {error}");
    }
    // The sentence has every switch.
    let sentence = ArchSpec::named("resnet50-d.os7").unwrap_err().to_string();
    for switch in SWITCHES {
        let all = match switch {
            Switch::Choice(choice) => choice.values,
            Switch::Entry(entry) => &[entry.prefix][..],
        };
        all.iter().for_each(|text| assert!(sentence.contains(text), "{text}: {sentence}"));
    }
    // A description gets the name of the nearest body.
    for name in ["resnet34-b.groups32.wpg4", "resnet152-b.groups32.wpg4", "resnet50-b.wpg4"] {
        assert_eq!(spec(name).name(), name);
    }
    for name in ["resnet50-a.width4294967295.stemwidth4294967295", "resnet26-a.stem-deep.width7.stemwidth4294967295"] {
        assert_eq!(spec(name).name().split('.').count(), name.split('.').count(), "{name}");
        assert_eq!(spec(&spec(name).name()), spec(name));
    }
    for name in ArchSpec::names() {
        assert_eq!(spec(&name).name(), name);
    }
}

/// Only by stem, stride and shortcut; the width of the stem matters only if it has three convolutions.
#[test]
fn letter_and_original_follow_from_the_switches() {
    let spec = |name: &str| ArchSpec::named(name).unwrap();
    for name in ArchSpec::names() {
        let letter = spec(&name).letter().map(Variant::letter);
        assert_eq!(letter, name.chars().next_back(), "{name}");
    }
    for (name, letter) in [
        ("resnet50-c.stemwidth64", Some(Variant::S)),
        ("resnet50-c.stemwidth40", None),
        ("resnet50-a.stemwidth99", Some(Variant::A)),
        ("resnet50-d.width32", Some(Variant::D)),
        ("resnet50-a.shortcut-avgpool", None),
    ] {
        assert_eq!(spec(name).letter(), letter, "{name}");
    }
    for (name, original) in
        [("resnet50-s", "resnet50-a"), ("resnet50-d.width32", "resnet50-a.width32"), ("tiny-t.os8", "tiny-a.os8")]
    {
        assert_eq!(spec(name).original(), spec(original), "{name}");
    }
}

/// The centre of a field: the pooling on D's shortcut reads two positions, 4 pixels apart.
#[test]
fn fields_have_the_right_centres() {
    let graph = graph("resnet50-d", 224);
    let fields = receptive::fields(&graph);
    let field = |id: &str| fields[graph.find(id).unwrap()].unwrap();
    let centres = ["input", "conv1.0", "maxpool", "layer1.2", "layer2.0.downsample.0"].map(|id| field(id).centre);
    assert_eq!(centres, [0.0, 0.0, 0.0, 0.0, 2.0]);
    assert_eq!(field("layer2.0.downsample.0").size, field("layer1.2").size + 4);
}

/// timm's widths: a quarter of the stem's, rounded down, times three (`3 * (stem_width // 4)`).
#[test]
fn a_tiered_stem_of_any_width_has_timms_widths() {
    for (width, wanted) in [(32, [24, 32, 64]), (30, [21, 30, 60]), (10, [6, 10, 20]), (7, [3, 7, 14]), (4, [3, 4, 8])] {
        let graph = graph(&format!("resnet26-t.stemwidth{width}"), 64);
        let widths = ["conv1.0", "conv1.3", "conv1.6"].map(|id| graph.nodes[graph.find(id).unwrap()].shape.channels);
        assert_eq!(widths, wanted, "{width}");
    }
}

#[test]
fn networks_without_three_input_channels_are_rejected_for_images() {
    assert_eq!(ArchSpec::named("resnet50-d").unwrap().check_rgb(), Ok(()));
    for channels in [1, 4] {
        let error = ArchSpec::named(&format!("resnet50-d.channels{channels}")).unwrap().check_rgb().unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("the number of input channels is {channels}, but a picture has 3")),
            "{error}"
        );
    }
}

/// In the first dilated block, timm and GluonCV dilate the second 3x3 of a basic block; a bottleneck has one 3x3, which keeps the old
/// dilation.
#[test]
fn dilation_starts_in_the_first_block_of_a_stage() {
    let distance = |graph: &Graph, id: &str| match graph.nodes[graph.find(id).unwrap()].op {
        Op::Conv(conv) => (conv.dilation, conv.padding),
        _ => panic!("{id} is no convolution"),
    };
    let basic = graph("resnet18-b.os8", 97);
    let convs = ["layer2.0.conv2", "layer3.0.conv1", "layer3.0.conv2", "layer3.1.conv1", "layer4.0.conv1", "layer4.0.conv2"];
    assert_eq!(convs.map(|id| distance(&basic, id)), [(1, 1), (1, 1), (2, 2), (2, 2), (2, 2), (4, 4)]);
    let bottleneck = graph("resnet50-b.os8", 97);
    assert_eq!(
        ["layer3.0.conv2", "layer3.1.conv2", "layer4.0.conv2"].map(|id| distance(&bottleneck, id)),
        [(1, 1), (2, 2), (2, 2)]
    );
    // timm's fields, measured by tests/golden/family.py.
    for (name, field) in [
        ("resnet18-b", 435),
        ("resnet18-b.os16", 435),
        ("resnet18-b.os8", 435),
        ("resnet34-b.os16", 899),
        ("resnet34-b.os8", 899),
    ] {
        assert_eq!(receptive::size(&graph(name, 97)), field, "{name}");
    }
}

/// timm pools D's shortcut with stride 1 in a dilated stage, over a map padded with a row and a column of zeros at its end; GluonCV and
/// OpenMMLab do not.
#[test]
fn a_dilated_shortcut_pools_and_keeps_its_size() {
    for (name, pools) in [
        ("resnet50-d", vec![("layer2.0", 2), ("layer3.0", 2), ("layer4.0", 2)]),
        ("resnet50-d.os16", vec![("layer2.0", 2), ("layer3.0", 2), ("layer4.0", 1)]),
        ("resnet50-d.os8", vec![("layer2.0", 2), ("layer3.0", 1), ("layer4.0", 1)]),
        ("resnet34-t.os8", vec![("layer2.0", 2), ("layer3.0", 1), ("layer4.0", 1)]),
        ("resnet50-d.os8.dilatedpool-none", vec![("layer2.0", 2)]),
        ("resnet50-c.os8", vec![]),
    ] {
        let graph = graph(name, 97);
        let found: Vec<(&str, usize)> = graph
            .nodes
            .iter()
            .filter_map(|node| match node.op {
                Op::AvgPool(pool) => {
                    assert_eq!((pool.kernel, pool.padding, pool.end_padding), (2, 0, 2 - pool.stride), "{name} {}", node.id);
                    Some((node.id.strip_suffix(".downsample.0")?, pool.stride))
                }
                _ => None,
            })
            .collect();
        assert_eq!(found, pools, "{name}");
    }
    let graph = graph("resnet50-d.os8", 97);
    let path_b = |id: &str| graph.nodes[graph.find(id).unwrap()].shape;
    assert_eq!(
        (path_b("layer2").height, path_b("layer3.0.downsample.0").height, path_b("layer3.0.downsample.1").height),
        (13, 13, 13)
    );
    // Each position's window also covers its neighbours to the right and below.
    let field = |id: &str| receptive::fields(&graph)[graph.find(id).unwrap()].unwrap();
    let (before, after) = (field("layer2"), field("layer3.0.downsample.0"));
    assert_eq!((after.size - before.size, after.jump, after.centre - before.centre), (8, 8, 4.0));
}

/// With output stride 8, the maps of layer3 and layer4 keep the size of layer2, and the receptive field keeps its jump.
#[test]
fn dilation_replaces_stride() {
    let (plain, dilated) = (graph("resnet50-b", 224), graph("resnet50-b.os8", 224));
    assert_eq!(totals(&plain).params, totals(&dilated).params);
    let last = |graph: &Graph| receptive::fields(graph).into_iter().flatten().next_back().unwrap();
    assert_eq!((last(&plain).jump, last(&dilated).jump), (32, 8));
    assert_eq!(dilated.downsampling_blocks().count(), 1);
}

/// timm applies anti-aliasing where a block has stride 2, and, with stride 1, where its dilation grows (`Bottleneck`'s `use_aa`).
#[test]
fn anti_aliasing_precedes_strides_and_the_start_of_dilation() {
    let cases = [
        ("resnetaa50-b.os8", "avgpool", [28, 28, 28]),
        ("resnetblur50-b.os16", "blurpool", [28, 14, 14]),
        ("resnet50-d.aa-blur", "blurpool", [28, 14, 7]),
    ];
    for (name, kind, wanted) in cases {
        let graph = graph(name, 224);
        let smoothed: Vec<_> = graph.nodes.iter().filter(|node| node.id.ends_with(".aa")).collect();
        let ids: Vec<&str> = smoothed.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids, ["layer2.0.aa", "layer3.0.aa", "layer4.0.aa"], "{name}");
        for node in smoothed {
            assert_eq!(node.op.kind(), kind, "{name}");
            let next = graph.nodes.iter().find(|other| other.id == node.id.replace("aa", "conv3")).unwrap();
            assert_eq!((node.shape.height, node.shape.width), (next.shape.height, next.shape.width), "{name} {}", node.id);
        }
        let sides = ["layer2", "layer3", "layer4"].map(|stage| graph.nodes[graph.find(stage).unwrap()].shape.width);
        assert_eq!(sides, wanted, "{name}");
    }
}

#[test]
fn nodes_can_be_found_by_layer_block_and_stage() {
    let graph = graph("resnet50-d", 224);
    let id = |name: &str| graph.find(name).map(|i| graph.nodes[i].id.as_str());
    assert_eq!(id("layer2.0.conv1"), Some("layer2.0.conv1"));
    assert_eq!(id("layer2.0"), Some("layer2.0.act3"));
    assert_eq!(id("layer4"), Some("layer4.2.act3"));
    assert_eq!(id("layer5"), None);
    assert_eq!(id("conv1.6"), Some("conv1.6"));
}

#[test]
fn diagrams_align_layers_and_mark_differences() {
    let graphs: Vec<Graph> = ["a", "b", "c", "d"].iter().map(|letter| graph(&format!("resnet50-{letter}"), 224)).collect();
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), &graphs[0], &Folding::around("layer2.0"));
    let changed: Vec<Vec<&str>> = columns
        .iter()
        .map(|column| column.cells.iter().filter(|cell| cell.change.is_some()).map(|cell| cell.id.as_str()).collect())
        .collect();
    assert!(changed[0].is_empty(), "the original differs from itself in nothing: {:?}", changed[0]);
    let stem = ["conv1", "conv1.0", "conv1.3", "conv1.6"];
    let moved = ["layer2.0.conv1", "layer2.0.conv2", "layer3", "layer4"];
    assert_eq!(changed[1], moved);
    assert_eq!(changed[2], [&stem[..], &moved].concat());
    let shortcut = ["layer2.0.downsample.0", "layer2.0.downsample.1"];
    assert_eq!(changed[3], [&stem[..], &moved[..2], &shortcut, &moved[2..]].concat());
    for id in ["maxpool", "layer1", "layer2.0", "layer2.0.conv1", "layer2.1", "layer3", "fc"] {
        let tops: Vec<f64> = columns.iter().map(|c| c.cells.iter().find(|cell| cell.id == id).unwrap().at.1).collect();
        assert!(tops.iter().all(|top| *top == tops[0]), "{id} stands at {tops:?}");
    }
    let svg = diagram::svg(&columns[3], "resnet50-d", "layer2.0.conv2");
    assert_eq!(svg.matches("class=\"node changed selected\"").count(), 1);
    // One box is in the tab order: the selected one, or else the first.
    let cells = columns[3].cells.len();
    assert!(svg.contains(r#"data-node="layer2.0.conv2" role="button" tabindex="0""#));
    let first = diagram::svg(&columns[3], "resnet50-d", "no layer");
    assert!(first.split("<g ").nth(1).unwrap().contains(r#"tabindex="0""#));
    for svg in [svg, first] {
        let reached = ["0", "-1"].map(|index| svg.matches(&format!(r#" tabindex="{index}""#)).count());
        assert_eq!(reached, [1, cells - 1]);
    }
}

/// Next to a block with two convolutions, whose layers are removed and added, a block with three leaves rows empty at the bottom.
#[test]
fn path_a_starts_at_the_top_row() {
    let graphs = [graph("resnet50-b", 224), graph("resnet18-b", 224)];
    let columns = diagram::columns(&[&graphs[0], &graphs[1]], &graphs[0], &Folding::around("layer1.1"));
    let tops = columns.iter().map(|column| column.cells.iter().find(|cell| cell.id == "layer1.1.conv1").unwrap().at.1);
    let tops: Vec<f64> = tops.collect();
    assert_eq!(tops[0], tops[1]);
}

proptest! {
    #![proptest_config(thousand())]

    #[test]
    fn any_mixture_is_a_network(spec in any_spec(4, 3, 5), height in 32usize..200, width in 32usize..200) {
        let graph = match lower(&spec, Input { height, width }) {
            // Anti-aliasing cannot halve a map with one position; its average pooling rounds down where path B rounds up.
            Err(SpecError::TooSmall { .. }) if spec.anti_alias != AntiAlias::None => return Ok(()),
            Err(SpecError::PathsApart { .. }) if spec.anti_alias == AntiAlias::AvgPool => return Ok(()),
            graph => graph.unwrap(),
        };
        let name = spec.name();
        prop_assert_eq!(&ArchSpec::named(&name).unwrap(), &spec, "{}", name);
        for (i, node) in graph.nodes.iter().enumerate() {
            prop_assert!(node.inputs.iter().all(|&input| input < i));
            prop_assert!(node.shape.elements() > 0);
            if node.op == Op::Add {
                prop_assert_eq!(graph.nodes[node.inputs[0]].shape, graph.nodes[node.inputs[1]].shape);
            }
        }
        let learned: u64 = graph.tensors().iter().filter(|t| t.learned).map(|t| t.shape.iter().product::<usize>() as u64).sum();
        prop_assert_eq!(learned, totals(&graph).params);
        let mut names: Vec<_> = graph.tensors().into_iter().map(|tensor| tensor.name).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), graph.tensors().len(), "tensor names are unique");
        prop_assert_eq!(coverage::live(&graph).len(), graph.nodes.len());
    }
}
