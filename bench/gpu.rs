//! Times networks and convolutions on this machine's GPU, without a browser.
//!
//! `cargo bench --profile dev --package stridescope-engine --features gpu --bench gpu` times the networks, alternating the tiled kernels
//! and burn's, and then ResNet-50-D layer by layer.
//! With `-- tilings` it times every convolution of that network with every tiling instead: the data behind `Tiling::choose`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use burn::backend::Wgpu;
use burn::tensor::{Device, Tensor, TensorData};
use common::block_on;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use stridescope_arch::{ArchSpec, Conv, Graph, Input, Op, lower};
use stridescope_engine::gpu::{Gpu, GpuEpilogue, Kernels, TILES, Tiled, Tiling};
use stridescope_engine::{Backend, Network, Pass, relative_l2};
use stridescope_weights::synthetic;

/// Name, side of the input in pixels, and batch size.
const NETWORKS: [(&str, usize, usize); 9] = [
    ("resnet50-a", 224, 1),
    ("resnet50-b", 224, 1),
    ("resnet50-c", 224, 1),
    ("resnet50-d", 224, 1),
    ("resnet50-d", 64, 1),
    ("resnet50-d", 128, 1),
    ("resnet50-d", 320, 1),
    ("resnet50-d", 512, 1),
    ("resnet50-d", 224, 8),
];
const WARM_UPS: usize = 5;
const ROUNDS: usize = 25;
/// Minimum time of a layer's repetitions, in milliseconds.
const LEAST_MS: f64 = 20.0;
/// Repetitions of a convolution.
const IN_A_ROW: usize = 50;
/// Numbers of parts that sums are split into.
const SPLITS: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Largest relative L2 distance between the logits of the two kernel choices.
const TOLERANCE: f64 = 1e-3;

fn main() {
    let (device, setup) = Device::wgpu_options()
        .init_with_setup()
        .unwrap_or_else(|error| panic!("this needs a GPU, or a software one such as Debian's mesa-vulkan-drivers: {error}"));
    let about = setup.adapter.get_info();
    println!("{} ({:?}, {})", about.name, about.backend, about.driver_info);
    let gpu = |kernels| Gpu { device: device.clone(), kernels, is_software: false };
    if std::env::args().any(|word| word == "tilings") {
        tilings(&gpu(Kernels::Tiled));
    } else {
        networks(&gpu(Kernels::Tiled), &gpu(Kernels::Stock));
        layers(&gpu(Kernels::Tiled));
    }
}

fn graph(net: &str, size: usize) -> Graph {
    lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap()
}

fn load(graph: &Graph, gpu: &Gpu) -> Network {
    Network::load(graph.clone(), Arc::new(synthetic::checkpoint(graph)), Backend::Gpu(gpu.clone())).unwrap()
}

/// Times a pass in milliseconds, including the copies of input and output.
fn networks(ours: &Gpu, stock: &Gpu) {
    println!("\n{:28}{:>26}{:>26}{:>14}{:>10}", "network", "ours, ms", "burn's, ms", "ours / burn's", "apart");
    for (net, size, batch) in NETWORKS {
        let graph = graph(net, size);
        let networks = [load(&graph, ours), load(&graph, stock)];
        let input = synthetic::input(batch * 3 * size * size);
        let mut times = [Vec::new(), Vec::new()];
        let mut logits = [Vec::new(), Vec::new()];
        for round in 0..WARM_UPS + ROUNDS {
            for at in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                let began = Instant::now();
                let output = block_on(networks[at].forward(&input, batch, (size, size), &Pass::default())).unwrap();
                if round >= WARM_UPS {
                    times[at].push(began.elapsed().as_secs_f64() * 1e3);
                }
                logits[at] = output.logits;
            }
        }
        let apart = relative_l2(&logits[0], &logits[1]);
        assert!(apart <= TOLERANCE, "{net} at {size} px: the kernels are {apart:.0e} apart");
        let [ours, stock] = times.map(Spread::of);
        let name = format!("{net}, {size} px, batch {batch}");
        println!("{name:28}{ours:>26}{stock:>26}{:>14.2}{apart:>10.0e}", ours.median / stock.median);
    }
}

/// Minimum, median and maximum of some times.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { min: times[0], median: times[times.len() / 2], max: times[times.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:.2} ({:.2}–{:.2})", self.median, self.min, self.max))
    }
}

fn layers(gpu: &Gpu) {
    let network = load(&graph("resnet50-d", 224), gpu);
    let input = synthetic::input(3 * 224 * 224);
    let timings = block_on(network.time(&input, (224, 224), now_ms, LEAST_MS)).unwrap();
    println!("\n{:24}{:>10}{:>10}{:>12}{:>10}", "resnet50-d, 224 px", "µs", "MMAC", "TMAC/s", "GB/s");
    for timing in &timings {
        let [macs, bytes] = [timing.macs, timing.bytes].map(|count| count as f64);
        let rates = [macs / timing.ms / 1e9, bytes / timing.ms / 1e6];
        println!("{:24}{:>10.1}{:>10.1}{:>12.2}{:>10.0}", timing.node, timing.ms * 1e3, macs / 1e6, rates[0], rates[1]);
    }
    println!("{:24}{:>10.1}", "all", timings.iter().map(|timing| timing.ms * 1e3).sum::<f64>());
}

fn now_ms() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}

/// Times every tiling in microseconds, by the device's own clock.
fn tilings(gpu: &Gpu) {
    let graph = graph("resnet50-d", 224);
    let mut seen = Vec::new();
    for node in &graph.nodes {
        let Op::Conv(conv) = node.op else { continue };
        let from = graph.nodes[node.inputs[0]].shape;
        let case = (conv, from.height, from.width);
        if seen.contains(&case) {
            continue;
        }
        seen.push(case);
        let positions = node.shape.height * node.shape.width;
        let mut times = tilings_of(conv, [from.height, from.width], gpu);
        let (chosen, fixed) = times.remove(0);
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        let list: Vec<String> = times.iter().take(6).map(|(name, time)| format!("{name} {time:.1}")).collect();
        let Conv { kernel, stride, in_channels, out_channels, .. } = conv;
        println!(
            "{:22} {kernel}x{kernel}/{stride} {in_channels:>4} to {out_channels:>4}, {positions:>5} positions: {chosen} {fixed:6.1}; {}",
            node.id,
            list.join(", ")
        );
    }
}

/// The chosen tiling, then all tilings.
fn tilings_of(conv: Conv, [height, width]: [usize; 2], gpu: &Gpu) -> Vec<(String, f64)> {
    let weight = synthetic::input(conv.out_channels * conv.in_channels * conv.kernel * conv.kernel);
    let tiled = Tiled::pack(&weight, &vec![0.0; conv.out_channels], &conv, gpu).unwrap();
    let input = synthetic::input(conv.in_channels * height * width);
    let input = Tensor::<4>::from_data(TensorData::new(input, [1, height, width, conv.in_channels]), &gpu.device);
    let input = input.permute([0, 3, 1, 2]);
    let time = |tiling: Option<Tiling>| {
        let again = |count: usize| {
            for _ in 0..count {
                let epilogue = GpuEpilogue { add: None, relu: true };
                match tiling {
                    Some(tiling) => tiled.convolve_as(input.clone(), epilogue, tiling).unwrap(),
                    None => tiled.convolve(input.clone(), epilogue).unwrap(),
                };
            }
        };
        let client = input.clone().try_into_primitive::<Wgpu>().unwrap().client;
        again(3);
        let ((), profile) = client.profile(|| again(IN_A_ROW), "tiling").unwrap();
        block_on(profile.resolve()).unwrap().duration().as_secs_f64() * 1e6 / IN_A_ROW as f64
    };
    let mut times = vec![("chosen".to_string(), time(None))];
    for (tile, name) in TILES.iter().zip(["small", "large"]) {
        for split_k in SPLITS.into_iter().filter(|split_k| *split_k <= tiled.steps()) {
            times.push((format!("{name}/{split_k}"), time(Some(Tiling::split(*tile, tiled.steps(), split_k)))));
        }
    }
    times
}
