//! The effect of strides: reads compared with real convolutions, dead positions with real forward passes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/windows.rs"]
mod windows;

use cases::thousand;
use common::{block_on, project, synthetic_network, tiny};
use proptest::prelude::*;
use stridescope_arch::coverage::{self, Mask, Reads};
use stridescope_arch::graph::Window;
use stridescope_arch::transition::{Reading, Transition, transitions};
use stridescope_arch::{ArchSpec, Input, Shape, lower};
use stridescope_engine::topk::top_k;
use stridescope_engine::{Edit, Fill, Network, Pass, Trace};
use stridescope_image::decode::decode;
use stridescope_kernels::{Epilogue, Filters, convolve};
use stridescope_link::{Colours, Sort};
use stridescope_view::features::{Change, Maps};
use stridescope_view::field::{self, Seen};
use stridescope_view::{heatmap, strides as view};
use stridescope_weights::{formats::safetensors, synthetic};
use windows::any_window;

/// Reads of one position by a convolution: a kernel of ones over a map that is one there and zero elsewhere, summed up.
fn reads_by_convolution(window: Window, (height, width): (usize, usize), (y, x): (usize, usize)) -> f32 {
    let mut map = vec![0.0; height * width];
    map[y * width + x] = 1.0;
    let Window { kernel, stride, padding, dilation, .. } = window;
    let slide = stridescope_kernels::Window { kernel, stride, padding, dilation };
    let filters = Filters::pack(&vec![1.0; window.kernel * window.kernel], &[0.0], 1, slide);
    convolve(&map, [1, 1, height, width], &filters, Epilogue { add: None, relu: false }).iter().sum()
}

proptest! {
    #![proptest_config(thousand())]

    #[test]
    fn reads_match_a_real_convolution((window, (height, width), out) in any_window()) {
        let reads = Reads::of_window(window, (height, width), out);
        for y in 0..height {
            for x in 0..width {
                prop_assert_eq!(reads.at(y, x) as f32, reads_by_convolution(window, (height, width), (y, x)), "{} {}", y, x);
            }
        }
    }
}

/// The positions that the original never reads, at the input of every transition.
fn unread(net: &str, size: usize, fill: &Fill) -> Vec<Edit> {
    let spec = ArchSpec::named(net).unwrap().original();
    let original = lower(&spec, Input::square(size)).unwrap();
    let live = coverage::live(&original);
    ["layer1", "layer2", "layer3"]
        .map(|node| Edit {
            node: node.into(),
            positions: live[original.find(node).unwrap()].clone().complement(),
            fill: fill.clone(),
        })
        .into()
}

fn traced(network: &Network, input: &[f32], size: usize, taps: &[&str], edits: &[Edit]) -> Trace {
    block_on(network.trace(input, (size, size), taps, edits, None)).unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Three quarters of each transition's input do not affect A by a single bit; for B, C and D they do.
#[test]
fn dead_positions_do_not_affect_the_logits() {
    for letter in ["a", "b", "c", "d"] {
        let (network, size) = synthetic_network(&format!("resnet50-{letter}@224"));
        let trained = tiny(&format!("tiny-{letter}"));
        let cases = [
            (format!("resnet50-{letter}"), network, synthetic::input(3 * size * size), size),
            (format!("tiny-{letter}"), trained.0, trained.1, trained.2),
        ];
        for (net, network, input, size) in cases {
            let alone = block_on(network.forward(&input, 1, (size, size), &Pass::default())).unwrap().logits;
            for fill in [Fill::Values(vec![0.0]), Fill::Noise(7)] {
                let edits = unread(&net, size, &fill);
                let share = edits[0].positions.count() as f64 / edits[0].positions.set.len() as f64;
                assert_eq!(share, 0.75);
                let Trace { before, after, .. } = traced(&network, &input, size, &[], &edits);
                assert_eq!(bits(&before), bits(&alone), "{net} with {fill:?}");
                if letter == "a" {
                    assert_eq!(bits(&after), bits(&before), "{net} with {fill:?}");
                } else {
                    let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
                    assert_eq!(moved, before.len(), "{net} with {fill:?}");
                }
            }
        }
    }
}

#[test]
fn edits_change_only_their_positions() {
    let (network, input, size) = tiny("tiny-d");
    let shape = Shape { channels: 3, height: size, width: size };
    let square = |y, x, side| Edit {
        node: "input".into(),
        positions: Mask::square(shape, (y, x), side),
        fill: Fill::Values(vec![1.0, 2.0, 3.0]),
    };
    let tapped = |edit: Edit| traced(&network, &input, size, &["input", "layer4"], &[edit]).taps;
    let edited = tapped(square(10, 126, 8));
    assert_eq!(edited[0].before.values, input);
    let differing: Vec<usize> = (0..input.len()).filter(|&i| edited[0].after[i] != input[i]).collect();
    let wanted: Vec<usize> =
        (0..3).flat_map(|c| (10..18).flat_map(move |y| (126..128).map(move |x| (c * 128 + y) * 128 + x))).collect();
    assert_eq!(differing, wanted, "cut off at the edge");
    assert_eq!(edited[0].after[(2 * 128 + 10) * 128 + 126], 3.0);
    assert_ne!(edited[1].before.values, edited[1].after);
    // The noise is reproducible and within the range of the map.
    let noise = |seed| tapped(Edit { fill: Fill::Noise(seed), ..square(0, 0, 128) }).swap_remove(0).after;
    assert_eq!(noise(1), noise(1));
    assert_ne!(noise(1), noise(2));
    let range = |values: &[f32]| values.iter().fold((f32::MAX, f32::MIN), |(l, g), &v| (l.min(v), g.max(v)));
    let ((least, greatest), (l, g)) = (range(&input), range(&noise(1)));
    assert!(least <= l && g <= greatest && g - l > 0.9 * (greatest - least));
}

/// The mean of a class activation map plus the bias is the logit of the class; a mean over channels is that of the tap.
#[test]
fn class_activation_maps_average_to_the_logits() {
    let (network, input, size) = tiny("tiny-c");
    let checkpoint = safetensors::read(std::fs::read(project().join("assets/weights/tiny-c.safetensors")).unwrap()).unwrap();
    let bias = checkpoint.values("fc.bias").unwrap();
    let pass = Pass { taps: &["layer2"], means: &["layer2", "input"], cams: 3, ..Pass::default() };
    let output = block_on(network.forward(&input, 1, (size, size), &pass)).unwrap();
    let classes: Vec<String> = top_k(&output.logits, 3).into_iter().map(|(class, _)| class.to_string()).collect();
    assert_eq!(output.cams.iter().map(|cam| cam.id.clone()).collect::<Vec<_>>(), classes);
    for cam in &output.cams {
        assert_eq!(cam.shape, [1, 1, 4, 4]);
        let class: usize = cam.id.parse().unwrap();
        let mean = cam.values.iter().sum::<f32>() / 16.0;
        assert!((mean + bias[class] - output.logits[class]).abs() < 1e-4, "{class}");
    }
    let [_, channels, height, width] = output.taps[0].shape;
    assert_eq!(output.means[0].shape, [1, 1, height, width]);
    for at in [0, 7, height * width - 1] {
        let mean: f32 = (0..channels).map(|c| output.taps[0].values[c * height * width + at]).sum::<f32>() / channels as f32;
        assert!((mean - output.means[0].values[at]).abs() < 1e-5);
    }
    assert_eq!(output.means[1].shape, [1, 1, size, size]);
}

fn transition(net: &str, size: usize, id: &str) -> Transition {
    let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap();
    transitions(&graph).into_iter().find(|transition| transition.id == id).unwrap()
}

/// The paper's argument in numbers: what A, B, C and D read at each transition, and how many positions are dead.
#[test]
fn transitions_match_the_papers_numbers() {
    for (letter, b, dead, apart) in [("a", 25.0, 0.75, 0.0), ("b", 25.0, 0.0, 0.0), ("c", 25.0, 0.0, 0.0), ("d", 100.0, 0.0, 0.5)]
    {
        let graph = lower(&ArchSpec::named(&format!("resnet50-{letter}")).unwrap(), Input::square(224)).unwrap();
        let all = transitions(&graph);
        assert_eq!(
            all.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(),
            ["conv1", "maxpool", "layer2.0", "layer3.0", "layer4.0"]
        );
        assert_eq!(all.iter().map(|t| t.map.as_str()).collect::<Vec<_>>()[2..], ["layer1.2", "layer2.3", "layer3.5"]);
        for transition in &all[2..] {
            let shares: Vec<f64> = transition.readings.iter().map(|reading| reading.reads.read_percent()).collect();
            assert_eq!(shares, [if letter == "a" { 25.0 } else { 100.0 }, b], "{letter} {}", transition.id);
            assert_eq!(transition.dead() as f64 / transition.live.set.len() as f64, dead, "{letter} {}", transition.id);
            assert_eq!((transition.readings[0].centre() - transition.readings[1].centre()).abs(), apart, "{letter}");
        }
        assert!(all[..2].iter().all(|transition| transition.readings[0].lost() == 0));
    }
    // Dilation preserves the size, and a blur reads its mirrored second row once more.
    let graph = lower(&ArchSpec::named("resnet50-d.os8").unwrap(), Input::square(224)).unwrap();
    assert_eq!(transitions(&graph).len(), 3);
    let blur = transition("resnetblur50-b", 224, "maxpool");
    // Rows -1 (which is 1), 0, 1; then 1, 2, 3; then 3, 4, 5.
    assert_eq!(blur.readings[0].reads.rows[..5], [1, 3, 1, 2, 1]);
}

#[test]
fn drawings_show_the_reads() {
    let a = transition("resnet50-a", 64, "layer2.0");
    let b = transition("resnet50-b", 64, "layer2.0");
    assert_eq!(view::summary(&a.readings[0]), "1×1, 128, /2 reads 25 % of 256 positions; 192 are lost");
    assert_eq!(view::summary(&b.readings[0]), "3×3, 128, /2 reads 100 % of 256 positions, each 1 to 4 times; none is lost");
    assert_eq!(
        view::offset(&transition("resnet50-d", 64, "layer2.0")).unwrap(),
        "The middles of their windows are half a position apart."
    );
    assert_eq!(view::offset(&a), None);
    let map: Vec<f32> = (0..256u16).map(f32::from).collect();
    let shades = view::shades(Some(&map), 256);
    assert_eq!((shades[0], shades[255]), (0, 254), "the last colour is that of what is lost");
    assert!(
        view::shades(Some(&map[1..]), 256).iter().all(|&shade| shade == shades_of_nothing()),
        "another map's values are not shown"
    );

    // Under the magnifier: ten rows and columns, a dot per read, a cross for none, an outline per tap of the kernel.
    let svg = view::magnifier(&a.readings[0], &shades, (4, 4));
    assert_eq!(
        (svg.matches("<circle").count(), svg.matches("class=\"never\"").count(), svg.matches("class=\"tap\"").count()),
        (25, 75, 1)
    );
    let svg = view::magnifier(&b.readings[0], &shades, (4, 4));
    let wanted: usize =
        (4..14).flat_map(|y| (4..14).map(move |x| (y, x))).map(|(y, x)| b.readings[0].reads.at(y, x) as usize).sum();
    assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"tap\"").count()), (wanted, 9));
    // At the corner the padding is not drawn.
    let corner = view::magnifier(&b.readings[0], &shades, (0, 0));
    assert_eq!(corner.matches("class=\"tap\"").count(), 4);
    assert!(corner.contains("Rows 0 to 9, columns 0 to 9"));
    // A walk over 8 × 8 visits every output of a path with as many, and every second one of a path with four times as many.
    assert_eq!(view::place(&a.readings[0], 63, (8, 8)), (7, 7));
    let dense = Reading { out: (16, 16), ..a.readings[0].clone() };
    assert_eq!(view::place(&dense, 9, (8, 8)), (2, 2));
}

fn shades_of_nothing() -> u8 {
    view::shades(None, 1)[0]
}

/// The image of a map is a BMP that other programs can read, with every value in its place.
#[test]
fn maps_become_bitmaps() {
    let values: Vec<u8> = (0..15).map(|value| value * 17).collect();
    let palette = heatmap::palette(Colours::Viridis);
    let url = heatmap::data_url(&palette, 5, &values);
    let bytes =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, url.strip_prefix("data:image/bmp;base64,").unwrap())
            .unwrap();
    let read = decode(&bytes).unwrap();
    assert_eq!((read.width, read.height), (5, 3));
    for (at, &value) in values.iter().enumerate() {
        assert_eq!(read.pixels[3 * at..3 * at + 3], palette[usize::from(value)], "{at}");
    }
    // matplotlib 3's viridis and magma, first and last.
    assert_eq!((palette[0], palette[255]), ([68, 1, 84], [253, 231, 37]));
    let magma = heatmap::palette(Colours::Magma);
    assert_eq!((magma[0], magma[255]), ([0, 0, 4], [252, 253, 191]));
    let grey = heatmap::palette(Colours::Grey);
    assert!(grey[0][0] < 10 && grey[255][0] > 245 && grey.iter().all(|[r, g, b]| r == g && g == b));
    let diverging = heatmap::palette(Colours::Diverging);
    assert!(diverging[0][2] > diverging[0][0] && diverging[255][0] > diverging[255][2], "blue is low");
    assert_eq!(heatmap::quantise(&[-1.0, 0.0, 1.0, f32::NAN], (-1.0, 1.0)), [0, 128, 255, 0]);
    assert_eq!((heatmap::range(&[]), heatmap::range(&[2.0, -3.0])), ((0.0, 1.0), (-3.0, 2.0)));
}

#[test]
fn channels_are_sorted_drawn_and_counted() {
    // Three maps of 2 x 3.
    let values = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let maps = Maps { height: 2, width: 3, values, ..Maps::default() };
    assert_eq!(
        (maps.count(), maps.mean(0), maps.at(0, (1, 2)), maps.at(0, (0, 3)), maps.at(3, (0, 0))),
        (3, 2.5, Some(5.0), None, None)
    );
    assert_eq!(maps.order(Sort::Index, None), [0, 1, 2]);
    assert_eq!(maps.order(Sort::Mean, None), [0, 1, 2]);
    assert_eq!(maps.order(Sort::Max, None), [1, 0, 2]);
    let base = Maps { values: vec![1.0; 18], ..maps.clone() };
    assert_eq!(maps.order(Sort::Difference, Some(&base)), [0, 1, 2]);
    let base = Maps { values: vec![2.5; 18], ..maps.clone() };
    assert_eq!(maps.order(Sort::Difference, Some(&base)), [2, 1, 0]);
    assert_eq!(maps.words(1), "channel 1: 0.00 to 9.00, mean 1.50");
    assert_eq!(
        maps.histogram(0, (0.0, 5.0), 5).iter().map(|bin| (bin.1 * 6.0 / 100.0).round()).collect::<Vec<_>>(),
        [1.0, 1.0, 1.0, 1.0, 2.0]
    );
    let palette = heatmap::palette(Colours::Grey);
    let wall = maps.wall(&[2, 0, 1], (1..9, 2), &palette, None, 1);
    assert_eq!(wall.matches("<img").count(), 1, "the second row has one tile");
    assert!(wall.contains(r#"class="chosen" data-channel="1""#) && wall.contains("left:0px;top:48px"), "{wall}");
    // A large map is reduced in the grid, and full size when enlarged.
    let large = Maps {
        names: vec!["<b>".into()],
        height: 112,
        width: 112,
        values: (0..112 * 112).map(|i| (i % 112) as f32).collect(),
        ..Maps::default()
    };
    let drawn = |url: &str| {
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            url.strip_prefix("data:image/bmp;base64,").unwrap(),
        );
        decode(&bytes.unwrap()).unwrap()
    };
    let wall = large.wall(&[0], (0..1, 1), &palette, None, 9);
    assert!(wall.contains("&lt;b&gt;"), "names are text");
    let tile = drawn(wall.split("src=\"").nth(1).unwrap().split('"').next().unwrap());
    assert_eq!((tile.width, tile.height), (28, 28));
    let full = drawn(&large.picture(0, &palette, (0.0, 111.0)));
    assert_eq!((full.width, full.pixels[3 * 111], full.pixels[0]), (112, palette[255][0], palette[0][0]));
}

/// The position for a point of the image, and the text about its gradient.
#[test]
fn receptive_fields_are_placed_and_described() {
    let graph = lower(&ArchSpec::named("resnet50-a").unwrap(), Input::square(224)).unwrap();
    for (node, at, position, shape, field) in [
        ("input", (0, 1000), (0, 223), (224, 224), Some(1)),
        ("conv1", (500, 500), (56, 56), (112, 112), Some(7)),
        ("layer1", (500, 250), (28, 14), (56, 56), Some(35)),
        ("layer4", (1000, 0), (6, 0), (7, 7), Some(483)),
        ("fc", (900, 900), (0, 0), (1, 1), None),
    ] {
        let place = field::place(&graph, node, at).unwrap();
        assert_eq!((place.at, (place.shape.height, place.shape.width)), (position, shape), "{node}");
        assert_eq!(place.field.map(|field| field.size), field, "{node}");
    }
    assert_eq!(field::place(&graph, "layer9", (0, 0)), None);

    let place = field::place(&graph, "layer1", (500, 250)).unwrap();
    let mut gradient = vec![0.0; 3 * 4 * 4];
    // Magnitudes ignore signs, channels are summed; 4 of 16 pixels are above 4.55 % of the largest.
    (gradient[5], gradient[16 + 5], gradient[6], gradient[9], gradient[10], gradient[0]) = (-50.0, 50.0, 20.0, 10.0, 5.0, 4.0);
    let seen = Seen::of(place, 4, &gradient);
    assert_eq!((seen.magnitude[5], seen.effective()), (100.0, 2.0));
    assert_eq!(
        seen.words(),
        "Row 28, column 14 of 56 × 56. It can read 35 × 35 pixels; those that move it noticeably would fill 2 × 2. 31.25 % of the picture moves it at all."
    );
    assert!(seen.frame().contains(r#"width="35" height="35""#));
    let dead = Seen::of(place, 4, &[0.0; 48]);
    assert!(dead.words().ends_with("no pixel moves it: it is zero here, behind a ReLU."), "{}", dead.words());
}

/// The effect of a probe: the positions of a layer at which any channel differs.
#[test]
fn changes_report_the_positions_they_reach() {
    // Two channels, of two rows and columns.
    let change = Change::of("layer1".into(), (2, 2), &[0.0, -0.5, 0.0, 0.0, 0.0, -2.0, 0.25, 0.0]);
    assert_eq!(change.largest, [0.0, 2.0, 0.25, 0.0]);
    assert_eq!(change.percent(), 50.0);
    assert_eq!(Change::of("layer2".into(), (2, 2), &[0.0; 8]).percent(), 0.0);
    let maps = Maps {
        status: "1 of 8 values differ.".into(),
        top: vec![("<cat>".into(), 0.5, 0.25)],
        stages: vec![change],
        ..Maps::default()
    };
    let html = maps.aftermath();
    assert!(html.contains("layer1<br/>50 %") && html.contains("<td>&lt;cat&gt;</td><td>50 %</td><td>25 %</td>"), "{html}");
    assert_eq!(Maps::default().aftermath(), "");
}
