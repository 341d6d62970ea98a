//! Reads of windows, checked by hand and by a plain loop; sets of positions; and which values the prediction depends on.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
#[path = "common/windows.rs"]
mod windows;

use cases::thousand;
use proptest::prelude::*;
use stridescope_arch::cost::{Convention, Extra, Extras};
use stridescope_arch::coverage::{self, Mask, PathReport, Reads};
use stridescope_arch::graph::Window;
use stridescope_arch::reach::Reach;
use stridescope_arch::transition::transitions;
use stridescope_arch::{ArchSpec, Conv, Graph, Input, Op, Pool, Shape, lower};
use windows::any_window;

/// Reads per position along an axis, by the definition of a convolution.
fn axis_reads(window: Window, len: usize, outs: usize) -> Vec<u32> {
    let is_read = |at: usize, out: usize, tap: usize| out * window.stride + tap * window.dilation == at + window.padding;
    let reads = |at: usize| {
        (0..outs).flat_map(|out| (0..window.kernel).map(move |tap| (out, tap))).filter(move |(o, t)| is_read(at, *o, *t))
    };
    (0..len).map(|at| reads(at).count() as u32).collect()
}

proptest! {
    #![proptest_config(thousand())]

    #[test]
    fn reads_match_the_definition((window, map, out) in any_window()) {
        let reads = Reads::of_window(window, map, out);
        prop_assert_eq!(&reads.rows, &axis_reads(window, map.0, out.0));
        prop_assert_eq!(&reads.columns, &axis_reads(window, map.1, out.1));
    }

    /// A mirrored map equals the map with its second row before the first, and so on, without padding.
    #[test]
    fn mirrored_reads_match_a_padded_map(stride in 1usize..3, height in 2usize..20, width in 2usize..20) {
        let window = Window { kernel: 3, stride, padding: 1, dilation: 1, mirrored: true };
        let out = |len: usize| (len - 1) / stride + 1;
        let reads = Reads::of_window(window, (height, width), (out(height), out(width)));
        let axis = |len: usize| {
            let mirrored: Vec<usize> = std::iter::once(1).chain(0..len).chain([len - 2]).collect();
            let mut reads = vec![0; len];
            (0..out(len)).flat_map(|o| (0..3).map(move |tap| o * stride + tap)).for_each(|at| reads[mirrored[at]] += 1);
            reads
        };
        prop_assert_eq!(&reads.rows, &axis(height));
        prop_assert_eq!(&reads.columns, &axis(width));
    }
}

/// A 3x3 with stride 2 over 4 by 5: its first output reads rows -1, 0 and 1, its second 1, 2 and 3.
#[test]
fn path_reports_match_a_count_by_hand() {
    let window = Window { kernel: 3, stride: 2, padding: 1, dilation: 1, mirrored: false };
    let reads = Reads::of_window(window, (4, 5), (2, 3));
    assert_eq!((&reads.rows[..], &reads.columns[..]), (&[1, 2, 1, 1][..], &[1, 2, 1, 2, 1][..]));
    assert_eq!((reads.at(1, 3), reads.at(0, 3), reads.at(4, 0), reads.at(0, 5)), (4, 2, 0, 0));
    let report = PathReport::from(&reads);
    assert_eq!((report.read_percent, report.min_reads, report.max_reads), (100.0, 1, 4));
    assert_eq!(report.reads, [[1, 2, 1, 2, 1], [2, 4, 2, 4, 2], [1, 2, 1, 2, 1], [1, 2, 1, 2, 1]]);
    let pointwise = Reads::of_window(Window { kernel: 1, padding: 0, ..window }, (4, 6), (2, 3));
    let report = PathReport::from(&pointwise);
    assert_eq!((report.read_percent, report.min_reads, report.max_reads), (25.0, 0, 1));
}

#[test]
fn masks_are_clipped_and_complemented() {
    let map = Shape { channels: 2, height: 4, width: 6 };
    let inside = Mask::square(map, (1, 4), 3);
    let wanted = |y: usize, x: usize| (1..4).contains(&y) && (4..6).contains(&x);
    let outside = inside.clone().complement();
    for (y, x) in (0..4).flat_map(|y| (0..6).map(move |x| (y, x))) {
        assert_eq!((inside.at(y, x), outside.at(y, x)), (wanted(y, x), !wanted(y, x)), "{y} {x}");
    }
    assert_eq!((inside.count(), outside.count()), (6, 18));
    // A position outside the map is in no set, not even if it would be the next row's first.
    assert!(!outside.at(0, 6) && !outside.at(0, 7) && !outside.at(4, 0));
    assert_eq!(Mask::square(map, (9, 9), 3).count(), 0);
}

/// Poolings over maps of odd and even sizes, including those with partial windows. For a map that is one at a position and zero elsewhere,
/// the non-zero outputs are those that read it. The map is padded as in PyTorch and timm, and padding is not read.
#[test]
fn poolings_read_the_map_and_not_its_padding() {
    let nodes = [
        ("resnet50-d.os8", "layer3.0.downsample.0"),
        ("resnet50-d.os8", "layer4.0.downsample.0"),
        ("resnet18-d.os16", "layer4.0.downsample.0"),
        ("resnet50-d", "layer2.0.downsample.0"),
        ("resnet50-d", "layer4.0.downsample.0"),
        ("resnet50-b", "maxpool"),
        ("resnetblur50-b", "maxpool.0"),
        ("resnetaa50-b", "maxpool"),
        ("resnetaa50-b", "layer2.0.aa"),
    ];
    for (net, id) in nodes {
        for input in [Input { height: 97, width: 64 }, Input { height: 101, width: 129 }, Input { height: 161, width: 161 }] {
            let Ok(graph) = lower(&ArchSpec::named(net).unwrap(), input) else {
                assert!(net.contains("aa"), "{net}");
                continue;
            };
            let node = &graph.nodes[graph.find(id).unwrap()];
            let from = graph.nodes[node.inputs[0]].shape;
            let (Op::MaxPool(pool) | Op::AvgPool(pool)) = node.op else { panic!("{id} is no pooling") };
            let (height, width) = (from.height, from.width);
            // Space for every window, whatever the padding at the end.
            let (rows, columns) = (pool.padding + height + pool.kernel, pool.padding + width + pool.kernel);
            let reads = Reads::of_window(node.op.window().unwrap(), (height, width), (node.shape.height, node.shape.width));
            let mut total = 0;
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let mut map = vec![0u8; rows * columns];
                map[(y + pool.padding) * columns + x + pool.padding] = 1;
                // The few windows that can reach it.
                let near = |at: usize, outs: usize| {
                    (at / pool.stride).saturating_sub(pool.kernel)..outs.min(at / pool.stride + pool.kernel)
                };
                let sum = |top: usize, left: usize| -> u8 {
                    (top..top + pool.kernel)
                        .flat_map(|row| (left..left + pool.kernel).map(move |column| row * columns + column))
                        .map(|at| map[at])
                        .sum()
                };
                let outs = near(y, node.shape.height).flat_map(|row| near(x, node.shape.width).map(move |column| (row, column)));
                let reading = outs.filter(|(row, column)| sum(row * pool.stride, column * pool.stride) > 0).count();
                assert_eq!(reads.at(y, x) as usize, reading, "{net} {id} of {height} x {width}: {y} {x}");
                total += reading;
            }
            let pooling = Convention::Macs(Extras::NONE.toggled(Extra::Pooling));
            assert_eq!(pooling.count(&graph, node), (total * from.channels) as u64, "{net} {id} of {height} x {width}");
        }
    }
}

fn graph(name: &str, size: usize) -> Graph {
    lower(&ArchSpec::named(name).unwrap(), Input::square(size)).unwrap()
}

/// In the original, both paths of the next stage read every other row and column, which the 3x3 before them widens to all.
#[test]
fn the_original_reads_a_quarter_of_each_stages_output() {
    let graph = graph("resnet50-a", 96);
    let live = coverage::live(&graph);
    let live = |id: &str| (&live[graph.find(id).unwrap()], graph.nodes[graph.find(id).unwrap()].shape);
    for id in ["layer1", "layer1.2.conv3", "layer2", "layer2.3.act2", "layer2.3.conv2", "layer3.5.conv3"] {
        let (mask, shape) = live(id);
        for (y, x) in (0..shape.height).flat_map(|y| (0..shape.width).map(move |x| (y, x))) {
            assert_eq!(mask.at(y, x), y % 2 == 0 && x % 2 == 0, "{id} {y} {x}");
        }
    }
    for id in ["input", "conv1", "layer1.2.act1", "layer2.3.conv1", "layer2.2", "layer4", "fc"] {
        let (mask, shape) = live(id);
        assert_eq!(mask.count(), (shape.height * shape.width) as u64, "{id}");
    }
}

/// What each path reads and what is never read. At 96 pixels, layer1 ends with 24 by 24 positions.
#[test]
fn transitions_list_the_reads_of_each_path() {
    let all = transitions(&graph("resnet50-d", 96));
    let places: Vec<_> = all.iter().map(|t| (t.id.as_str(), t.node.as_str(), t.map.as_str(), t.size)).collect();
    let wanted = [
        ("conv1", "conv1.0", "input", (96, 96)),
        ("maxpool", "maxpool", "act1", (48, 48)),
        ("layer2.0", "layer2.0", "layer1.2", (24, 24)),
        ("layer3.0", "layer3.0", "layer2.3", (12, 12)),
        ("layer4.0", "layer4.0", "layer3.5", (6, 6)),
    ];
    assert_eq!(places, wanted);
    let [a, b] = &all[2].readings[..] else { panic!("a block has two paths") };
    assert_eq!((a.path, a.reader.as_str(), a.out, a.lost(), a.centre()), ("path A", "3×3, 128, /2", (12, 12), 0, 0.0));
    assert_eq!((b.path, b.reader.as_str(), b.out, b.lost(), b.centre()), ("path B", "avgpool 2×2, /2", (12, 12), 0, 0.5));
    assert_eq!((a.taps(24, 0), a.taps(24, 11)), (vec![0, 1], vec![21, 22, 23]));
    assert_eq!((b.taps(24, 0), b.taps(24, 11)), (vec![0, 1], vec![22, 23]));
    assert_eq!(all[2].dead(), 0);
    // Both paths of the original read the same quarter; the rest is never read.
    let original = &transitions(&graph("resnet50-a", 96))[2];
    assert_eq!((original.dead(), original.readings.iter().map(|reading| reading.lost()).collect()), (432, vec![432, 432]));
}

/// The set as `channel, row, column`.
fn listed(reach: &Reach) -> Vec<(usize, usize, usize)> {
    let Shape { height, width, .. } = reach.shape;
    let place = |at: usize| (at / (height * width), at / width % height, at % width);
    reach.set.iter().enumerate().filter(|(_, set)| **set).map(|(at, _)| place(at)).collect()
}

fn one(shape: (usize, usize, usize), (channel, y, x): (usize, usize, usize)) -> Reach {
    let (channels, height, width) = shape;
    let mut reach = Reach::none(Shape { channels, height, width });
    reach.set[(channel * height + y) * width + x] = true;
    reach
}

#[test]
fn a_change_reaches_its_readers() {
    let conv = |channels: [usize; 2], [kernel, stride, padding, dilation]: [usize; 4], groups| {
        Op::Conv(Conv { in_channels: channels[0], out_channels: channels[1], kernel, stride, padding, dilation, groups })
    };
    let pool = |kernel, stride, padding| Pool { kernel, stride, padding, end_padding: 0, ceil_mode: false };
    for (what, op, input, out, wanted) in [
        ("a strided 1x1 that steps over it", conv([2, 1], [1, 2, 0, 1], 1), one((2, 4, 4), (0, 1, 2)), (1, 2, 2), vec![]),
        (
            "and one that does not",
            conv([2, 2], [1, 2, 0, 1], 1),
            one((2, 4, 4), (0, 2, 2)),
            (2, 2, 2),
            vec![(0, 1, 1), (1, 1, 1)],
        ),
        ("a strided 3x3", conv([1, 1], [3, 2, 1, 1], 1), one((1, 6, 6), (0, 3, 2)), (1, 3, 3), vec![(0, 1, 1), (0, 2, 1)]),
        (
            "a dilated 3x3 at the edge",
            conv([1, 1], [3, 1, 2, 2], 1),
            one((1, 4, 4), (0, 0, 3)),
            (1, 4, 4),
            vec![(0, 0, 1), (0, 0, 3), (0, 2, 1), (0, 2, 3)],
        ),
        ("groups", conv([4, 4], [1, 1, 0, 1], 2), one((4, 1, 1), (1, 0, 0)), (4, 1, 1), vec![(0, 0, 0), (1, 0, 0)]),
        ("a max pooling", Op::MaxPool(pool(3, 2, 1)), one((2, 4, 4), (1, 1, 0)), (2, 2, 2), vec![(1, 0, 0), (1, 1, 0)]),
        ("a mean whose window ends before it", Op::AvgPool(pool(2, 2, 0)), one((1, 5, 5), (0, 4, 0)), (1, 2, 2), vec![]),
        (
            "a blur, which mirrors the map",
            Op::BlurPool(pool(3, 2, 1)),
            one((1, 4, 4), (0, 1, 3)),
            (1, 2, 2),
            vec![(0, 0, 1), (0, 1, 1)],
        ),
        ("a mean over all", Op::GlobalAvgPool, one((2, 3, 3), (1, 2, 2)), (2, 1, 1), vec![(1, 0, 0)]),
        ("the classifier", Op::Linear, one((2, 1, 1), (0, 0, 0)), (3, 1, 1), vec![(0, 0, 0), (1, 0, 0), (2, 0, 0)]),
        ("a normalisation", Op::BatchNorm, one((2, 2, 2), (1, 0, 1)), (2, 2, 2), vec![(1, 0, 1)]),
    ] {
        let shape = Shape { channels: out.0, height: out.1, width: out.2 };
        assert_eq!(listed(&Reach::through(&op, shape, &[&input])), wanted, "{what}");
        assert!(Reach::through(&op, shape, &[&Reach::none(input.shape)]).is_empty(), "{what}");
    }
}

#[test]
fn an_addition_merges_sets_and_channels_can_be_removed() {
    let (a, b) = (one((2, 2, 2), (0, 0, 0)), one((2, 2, 2), (1, 1, 1)));
    let mut sum = Reach::through(&Op::Add, a.shape, &[&a, &b]);
    assert_eq!(listed(&sum), [(0, 0, 0), (1, 1, 1)]);
    assert_eq!(sum.at_any_channel(), [true, false, false, true]);
    sum.without(|channel| channel == 0);
    assert_eq!(listed(&sum), [(1, 1, 1)]);
}

proptest! {
    #![proptest_config(thousand())]

    /// Forward reach: an output is reached if, by definition, it reads a reached position.
    #[test]
    fn reach_matches_the_definition((window, map, out) in any_window(), seed in prop::collection::vec(0u8..8, 24 * 24)) {
        let shape = |(height, width)| Shape { channels: 1, height, width };
        let set: Vec<bool> = seed.iter().take(map.0 * map.1).map(|&value| value == 0).collect();
        let Window { kernel, stride, padding, dilation, .. } = window;
        let op = Op::Conv(Conv { in_channels: 1, out_channels: 1, kernel, stride, padding, dilation, groups: 1 });
        let found = Reach::through(&op, shape(out), &[&Reach { shape: shape(map), set: set.clone() }]);
        let taps = |at: usize| (0..kernel).map(move |tap| (at * stride + tap * dilation) as isize - padding as isize);
        let is_set = |y: isize, x: isize| {
            (0..map.0 as isize).contains(&y) && (0..map.1 as isize).contains(&x) && set[y as usize * map.1 + x as usize]
        };
        for (at, reached) in found.set.iter().enumerate() {
            let wanted = taps(at / out.1).any(|y| taps(at % out.1).any(|x| is_set(y, x)));
            prop_assert_eq!(*reached, wanted, "{} of {:?}", at, out);
        }
    }
}
