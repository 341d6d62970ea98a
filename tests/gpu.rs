//! The GPU's convolutions compared with the CPU's, and its networks with PyTorch. Needs an adapter: any Vulkan driver, including a software
//! one (Debian's `mesa-vulkan-drivers`).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;
#[path = "common/float64.rs"]
mod float64;
#[path = "common/probes.rs"]
mod probes;

use burn::tensor::{Device, Tensor, TensorData};
use common::{block_on, synthetic_goldens, synthetic_network};
use float64::{Reference, at_any_channel};
use probes::{NETWORKS, PROBES, Subject, reached};
use std::sync::{Arc, OnceLock};
use stridescope_arch::coverage::Mask;
use stridescope_arch::{ArchSpec, Conv, Graph, Input, Op, Shape, lower};
use stridescope_engine::gpu::{Gpu, GpuEpilogue, Kernels, TILES, Tiled, Tiling};
use stridescope_engine::{Backend, Edit, Fill, Network, Output, Pass, check_against_cpu, relative_l2};
use stridescope_kernels::{Filters, GpuEpilogue, Window, convolve};
use stridescope_weights::synthetic;

/// Relative L2 distance between sums of the same products in a different order.
const SAME: f64 = 1e-5;
/// Relative L2 distance of logits and nodes from PyTorch's.
const TOLERANCE: f64 = 1e-3;

/// The device is initialised once per process.
fn gpu(kernels: Kernels, is_software: bool) -> Gpu {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let device = DEVICE.get_or_init(|| {
        Device::wgpu_options().init().unwrap_or_else(|error| {
            panic!("these tests need a GPU or a software one, such as Debian's mesa-vulkan-drivers: {error}")
        })
    });
    Gpu { device: device.clone(), kernels, is_software }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Case {
    batch: usize,
    size: [usize; 2],
    conv: Conv,
    add: bool,
    relu: bool,
}

fn case([batch, channels, height, width]: [usize; 4], filters: usize, [kernel, stride, padding, dilation]: [usize; 4]) -> Case {
    let conv = Conv { in_channels: channels, out_channels: filters, kernel, stride, padding, dilation, groups: 1 };
    Case { batch, size: [height, width], conv, add: batch % 2 == 1, relu: true }
}

/// Values between -1 and 1 without a pattern in the indices.
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// The distance of the kernels from the CPU, with the given tiling or the default one.
fn distance(case: Case, tiling: Option<fn(&Tiled) -> Tiling>, gpu: &Gpu) -> f64 {
    let Case { batch, size: [height, width], conv, add, relu } = case;
    let Conv { in_channels, out_channels, kernel, stride, padding, dilation, .. } = conv;
    let window = Window { kernel, stride, padding, dilation };
    let dims = [batch, in_channels, height, width];
    let out = [batch, out_channels, window.out(height), window.out(width)];
    let x = noise(1, dims.iter().product());
    let weight = noise(2, out_channels * in_channels * kernel * kernel);
    let bias = noise(3, out_channels);
    let added = noise(4, out.iter().product());
    let epilogue = GpuEpilogue { add: add.then_some(&added), relu };
    let wanted = convolve(&x, dims, &Filters::pack(&weight, &bias, 1, window), epilogue);

    let tensor = |values: Vec<f32>, shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values, shape), &gpu.device);
    let tiled = Tiled::pack(&weight, &bias, &conv, gpu).unwrap();
    let epilogue = GpuEpilogue { add: add.then(|| tensor(added, out)), relu };
    let output = match tiling {
        Some(tiling) => tiled.convolve_as(tensor(x, dims), epilogue, tiling(&tiled)),
        None => tiled.convolve(tensor(x, dims), epilogue),
    };
    let output = output.unwrap();
    assert_eq!(output.dims(), out);
    let found = block_on(output.into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
    relative_l2(&found, &wanted)
}

fn distinct_convolutions(size: usize) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for net in ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"] {
        let graph: Graph = lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap();
        for node in &graph.nodes {
            let Op::Conv(conv) = node.op else { continue };
            let from = graph.nodes[node.inputs[0]].shape;
            let case = Case { batch: 1, size: [from.height, from.width], conv, add: conv.stride == 1, relu: conv.kernel == 1 };
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
    }
    cases
}

#[test]
fn every_convolution_of_the_four_resnet_50s_agrees_with_the_cpu() {
    for size in [64, 224] {
        let cases = distinct_convolutions(size);
        assert!(cases.len() >= 25, "{}", cases.len());
        for case in cases {
            for is_software in [false, true] {
                let off = distance(case, None, &gpu(Kernels::Tiled, is_software));
                assert!(off <= SAME, "{case:?} is {off:.1e} off");
            }
        }
    }
}

#[test]
fn unusual_convolutions_agree_with_the_cpu_for_every_tiling() {
    let cases = [
        case([1, 1, 9, 5], 1, [5, 1, 2, 1]),
        case([1, 3, 37, 53], 64, [7, 2, 3, 1]),
        case([2, 3, 37, 53], 10, [3, 2, 1, 1]),
        case([3, 16, 13, 11], 40, [3, 1, 1, 1]),
        case([3, 20, 13, 11], 7, [3, 2, 2, 2]),
        case([2, 24, 8, 8], 33, [1, 1, 0, 1]),
        case([1, 64, 37, 53], 68, [1, 2, 0, 1]),
        case([1, 30, 7, 7], 96, [3, 1, 4, 4]),
        case([1, 4, 1, 1], 4, [3, 1, 1, 1]),
        case([4, 130, 6, 5], 66, [3, 3, 0, 1]),
    ];
    let tilings: [fn(&Tiled) -> Tiling; 5] = [
        |tiled| Tiling::whole(TILES[0], tiled.steps()),
        |tiled| Tiling::whole(TILES[1], tiled.steps()),
        |tiled| Tiling::split(TILES[0], tiled.steps(), 3),
        |tiled| Tiling::split(TILES[1], tiled.steps(), 2),
        |tiled| Tiling::split(TILES[0], tiled.steps(), 1000),
    ];
    let gpu = gpu(Kernels::Tiled, false);
    for case in cases {
        for (index, tiling) in tilings.into_iter().enumerate() {
            let off = distance(case, Some(tiling), &gpu);
            assert!(off <= SAME, "{case:?} with tiling {index} is {off:.1e} off");
        }
    }
}

#[test]
fn nan_stays_nan() {
    let gpu = gpu(Kernels::Tiled, false);
    let conv = Conv { in_channels: 4, out_channels: 4, kernel: 1, stride: 1, padding: 0, dilation: 1, groups: 1 };
    let tiled = Tiled::pack(&[1.0; 16], &[0.0; 4], &conv, &gpu).unwrap();
    let x = Tensor::<4>::from_data(TensorData::new(vec![f32::NAN; 4], [1, 4, 1, 1]), &gpu.device);
    let output = tiled.convolve(x, GpuEpilogue { add: None, relu: true }).unwrap();
    let values = block_on(output.into_data_async()).unwrap().try_into_vec::<f32>().unwrap();
    assert!(values.iter().all(|value| value.is_nan()), "{values:?}");
}

#[test]
fn impossible_convolutions_are_rejected() {
    let gpu = gpu(Kernels::Tiled, false);
    let conv = |groups| Conv { in_channels: 4, out_channels: 4, kernel: 1, stride: 1, padding: 0, dilation: 1, groups };
    assert!(Tiled::pack(&[1.0; 8], &[0.0; 4], &conv(2), &gpu).is_none(), "groups");
    assert!(Tiled::pack(&[1.0; 15], &[0.0; 4], &conv(1), &gpu).is_none(), "too few weights");
    let tiled = Tiled::pack(&[1.0; 16], &[0.0; 4], &conv(1), &gpu).unwrap();
    let zeros = |shape: [usize; 4]| Tensor::<4>::zeros(shape, &gpu.device);
    let error = tiled.convolve(zeros([1, 4, 2, 2]), GpuEpilogue { add: Some(zeros([1, 4, 2, 1])), relu: false }).unwrap_err();
    assert!(error.to_string().contains("another shape"), "{error}");
    let error = tiled.convolve(Tensor::zeros([1, 4, 2, 2], &Device::flex()), GpuEpilogue::default()).unwrap_err();
    assert!(error.to_string().contains("GPU failed"), "{error}");
}

#[test]
fn networks_agree_with_pytorch_at_every_node_for_all_kernels() {
    let choices = [(Kernels::Auto, false), (Kernels::Tiled, true), (Kernels::Stock, true)];
    // A software GPU takes half a minute at 224 px, so only one network runs at that size, with the tiled kernels.
    for golden in synthetic_goldens().iter().filter(|golden| !golden.name.ends_with("@224") || golden.name == "resnet50-d@224") {
        let (net, size) = golden.name.split_once('@').unwrap();
        let size: usize = size.parse().unwrap();
        let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap();
        let checkpoint = Arc::new(synthetic::checkpoint(&graph));
        let input = synthetic::input(3 * size * size);
        for &(kernels, is_software) in choices.iter().take(if size < 224 { 3 } else { 1 }) {
            let network = Network::load(graph.clone(), checkpoint.clone(), Backend::Gpu(gpu(kernels, is_software))).unwrap();
            let taps: Vec<&str> = golden.nodes.keys().map(String::as_str).collect();
            for taps in [&taps[..], &[]] {
                let output = block_on(network.forward(&input, 1, (size, size), &Pass::tapping(taps))).unwrap();
                let off = relative_l2(&output.logits, &golden.logits);
                println!("{} with {kernels:?}, {} taps: logits {off:.1e} off", golden.name, taps.len());
                assert!(off <= TOLERANCE, "{} with {kernels:?}, {} taps: logits are {off:.1e} off", golden.name, taps.len());
                for tap in &output.taps {
                    let off = golden.nodes[&tap.id].distance(&tap.values);
                    assert!(off <= TOLERANCE, "{} {} with {kernels:?}: {off:.1e} off", golden.name, tap.id);
                }
            }
        }
    }
}

/// A dilated D pools its shortcut with stride 1 over a map padded with zeros at its end; a blur mirrors the map.
#[test]
fn padded_poolings_agree_with_the_cpu() {
    for (net, taps) in [
        ("tiny-d.os8", ["layer3.0.downsample.0", "layer4.0.downsample.0"]),
        ("resnet18-d.width16.os16", ["layer2.0.downsample.0", "layer4.0.downsample.0"]),
        ("tiny-d.aa-blur.os8", ["layer2.0.aa", "layer4.0.downsample.0"]),
    ] {
        let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(97)).unwrap();
        let checkpoint = Arc::new(synthetic::checkpoint(&graph));
        let (height, width) = (97, 65);
        let input = noise(6, 2 * 3 * height * width);
        let run = |backend| {
            let network = Network::load(graph.clone(), checkpoint.clone(), backend).unwrap();
            block_on(network.forward(&input, 2, (height, width), &Pass::tapping(&taps))).unwrap()
        };
        let wanted = run(Backend::Cpu);
        for (kernels, is_software) in [(Kernels::Auto, false), (Kernels::Stock, true)] {
            let found = run(Backend::Gpu(gpu(kernels, is_software)));
            assert!(relative_l2(&found.logits, &wanted.logits) <= SAME * 10.0, "{net} with {kernels:?}");
            for (found, wanted) in found.taps.iter().zip(&wanted.taps) {
                assert_eq!(found.shape, wanted.shape, "{net} {}", wanted.id);
                assert!(relative_l2(&found.values, &wanted.values) <= SAME * 10.0, "{net} {} with {kernels:?}", wanted.id);
            }
        }
    }
}

#[test]
fn batches_of_any_size_agree_with_the_cpu() {
    let (cpu, _) = synthetic_network("resnet18-d@64");
    let (height, width) = (40, 56);
    let input = noise(5, 2 * 3 * height * width);
    let wanted = block_on(cpu.forward(&input, 2, (height, width), &Pass::tapping(&["layer2"]))).unwrap();
    let checkpoint = Arc::new(synthetic::checkpoint(cpu.graph()));
    let network = Network::load(cpu.graph().clone(), checkpoint, Backend::Gpu(gpu(Kernels::Auto, false))).unwrap();
    let found = block_on(network.forward(&input, 2, (height, width), &Pass::tapping(&["layer2"]))).unwrap();
    assert_eq!(found.taps[0].shape, wanted.taps[0].shape);
    assert!(relative_l2(&found.logits, &wanted.logits) <= SAME * 10.0);
    assert!(relative_l2(&found.taps[0].values, &wanted.taps[0].values) <= SAME);
}

#[test]
fn a_replayed_pass_agrees_with_the_cpu() {
    let nets = ["resnet18-d@64", "resnet18-b@64"].map(|golden| synthetic_network(golden).0);
    let on_gpu = nets.each_ref().map(|cpu| {
        let checkpoint = Arc::new(synthetic::checkpoint(cpu.graph()));
        Network::load(cpu.graph().clone(), checkpoint, Backend::Gpu(gpu(Kernels::Auto, false))).unwrap()
    });
    let tapping = Pass { taps: &["layer2", "layer1.0.bn1"], means: &["layer1"], cams: 2, ..Pass::default() };
    let edit = [Edit {
        node: "layer1".into(),
        positions: Mask::square(Shape { channels: 64, height: 14, width: 10 }, (2, 2), 3),
        fill: Fill::Values(vec![0.0]),
    }];
    let plain = Pass::default();
    let bare = Pass::tapping(&["layer1.0.conv1"]);
    // The pass, its height and width, and whether it is recorded afterwards.
    let passes = [
        (&plain, (40, 56), false),
        (&plain, (40, 56), true),
        (&plain, (40, 56), true),
        (&plain, (56, 40), false),
        (&tapping, (56, 40), false),
        (&tapping, (56, 40), true),
        (&tapping, (56, 40), true),
        (&tapping, (56, 40), true),
        (&bare, (56, 40), true),
        (&tapping, (56, 40), true),
        (&plain, (64, 64), false),
        (&plain, (64, 64), true),
        (&plain, (64, 64), true),
    ];
    for (seed, (pass, size, is_recorded)) in passes.into_iter().enumerate() {
        for (cpu, gpu) in nets.iter().zip(&on_gpu) {
            let input = noise(seed as u32 + 9, 3 * size.0 * size.1);
            if size == (56, 40) {
                // An edit in between does not affect the recording.
                let traced = [cpu, gpu].map(|network| block_on(network.trace(&input, size, &[], &edit, None)).unwrap());
                assert!(relative_l2(&traced[1].epilogue, &traced[0].epilogue) <= SAME * 10.0, "pass {seed}");
                assert_ne!(traced[1].epilogue, traced[1].before);
            }
            let wanted = block_on(cpu.forward(&input, 1, size, pass)).unwrap();
            let found = block_on(gpu.forward(&input, 1, size, pass)).unwrap();
            assert_eq!(gpu.has_recorded(), is_recorded, "pass {seed}");
            assert!(relative_l2(&found.logits, &wanted.logits) <= SAME * 10.0, "pass {seed}");
            let maps = |output: &Output| [&output.taps[..], &output.means, &output.cams].concat();
            let (wanted, found) = (maps(&wanted), maps(&found));
            assert_eq!(found.len(), wanted.len(), "pass {seed}");
            for (found, wanted) in found.iter().zip(&wanted) {
                assert_eq!((&found.id, found.shape), (&wanted.id, wanted.shape), "pass {seed}");
                assert!(relative_l2(&found.values, &wanted.values) <= SAME * 10.0, "pass {seed}: {}", found.id);
            }
        }
    }
}

#[test]
fn a_recording_stays_with_its_thread() {
    let (cpu, _) = synthetic_network("resnet18-d@64");
    let checkpoint = Arc::new(synthetic::checkpoint(cpu.graph()));
    let network = Network::load(cpu.graph().clone(), checkpoint, Backend::Gpu(gpu(Kernels::Auto, false))).unwrap();
    let input = noise(8, 3 * 64 * 64);
    let pass = || block_on(network.forward(&input, 1, (64, 64), &Pass::default())).unwrap().logits;
    let first = pass();
    pass();
    assert!(network.has_recorded());
    let elsewhere = std::thread::scope(|scope| scope.spawn(pass).join().unwrap());
    assert!(!network.has_recorded());
    assert!(relative_l2(&elsewhere, &first) <= SAME);
}

#[test]
fn the_device_check_includes_every_kernel() {
    for kernels in [Kernels::Auto, Kernels::Stock] {
        let agreement = block_on(check_against_cpu(&Backend::Gpu(gpu(kernels, false)))).unwrap();
        assert!(agreement.holds() && agreement.relative_l2 > 0.0, "{kernels:?}: {agreement:?}");
    }
}

#[test]
fn reach_on_the_gpu_matches_float64() {
    let mut probes = 0;
    for subject in NETWORKS.map(Subject::of) {
        let reference = Reference::new(&subject.graph, &subject.checkpoint);
        let plain = reference.run(&subject.input);
        let kernels = if probes % 2 == 0 { Kernels::Tiled } else { Kernels::Stock };
        let backend = Backend::Gpu(gpu(kernels, true));
        let network = Network::load(subject.graph.clone(), subject.checkpoint.clone(), backend).unwrap();
        let names = subject.taps();
        let taps: Vec<&str> = names.iter().map(String::as_str).collect();
        for probe in subject.probes() {
            let size = (subject.size, subject.size);
            let found = block_on(network.trace(&subject.input, size, &taps, std::slice::from_ref(&probe), None)).unwrap();
            let wanted = reached(&subject, &reference, &plain, &probe);
            for (tap, wanted) in found.taps.iter().zip(&wanted) {
                let what = format!("{} of {}, {:?} at {}", tap.before.id, subject.name, probe.fill, probe.node);
                let positions = tap.reach.shape.height * tap.reach.shape.width;
                assert_eq!(tap.reach.at_any_channel(), at_any_channel(wanted, positions), "{what} with {kernels:?}");
            }
            probes += 1;
        }
    }
    assert_eq!(probes, NETWORKS.len() * PROBES);
}
