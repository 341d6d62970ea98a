//! What several tests share: goldens, samples, networks with synthetic weights.
#![allow(clippy::unwrap_used, dead_code)]

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_engine::{Backend, Network};
use stridescope_image::{Rgb, decode::decode, prepare, resize_and_crop};
use stridescope_weights::{formats::safetensors, synthetic};

pub fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

pub fn sample_path(file: &str) -> PathBuf {
    project().join("assets/samples").join(file)
}

pub fn sample(file: &str) -> Rgb {
    decode(&std::fs::read(sample_path(file)).unwrap()).unwrap()
}

/// On the CPU a forward pass never waits. While a GPU works, this sleeps: a software GPU needs the CPU.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Waker(Thread);
    impl Wake for Waker {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Waker(std::thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// PyTorch's outputs (timm 1.0) for one network and size, written by `tests/golden/synthetic.py`.
#[derive(Deserialize)]
pub struct GoldenRun {
    #[serde(skip)]
    pub name: String,
    pub logits: Vec<f32>,
    pub top5: Vec<usize>,
    pub nodes: BTreeMap<String, GoldenNode>,
}

#[derive(Deserialize)]
pub struct GoldenNode {
    pub shape: Vec<usize>,
    pub mean: f64,
    pub std: f64,
    pub absmax: f64,
    pub first: Vec<f64>,
}

impl GoldenNode {
    /// The largest difference of any statistic, relative to the node's largest magnitude.
    pub fn distance(&self, values: &[f32]) -> f64 {
        let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        let absmax = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let first = self.first.iter().zip(&values).map(|(a, b)| (a - b).abs());
        let off = [(mean - self.mean).abs(), (std - self.std).abs(), (absmax - self.absmax).abs()];
        off.into_iter().chain(first).fold(0.0, f64::max) / self.absmax
    }
}

pub fn synthetic_goldens() -> Vec<GoldenRun> {
    let bytes = std::fs::read(project().join("tests/golden/synthetic.json")).unwrap();
    let runs: BTreeMap<String, GoldenRun> = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(runs.len(), 8);
    runs.into_iter().map(|(name, run)| GoldenRun { name, ..run }).collect()
}

/// The network and the size of a golden's name, `resnet50-a@224`.
pub fn synthetic_network(name: &str) -> (Network, usize) {
    let (net, size) = name.split_once('@').unwrap();
    let size = size.parse().unwrap();
    let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(size)).unwrap();
    let checkpoint = Arc::new(synthetic::checkpoint(&graph));
    (Network::load(graph, checkpoint, Backend::Cpu).unwrap(), size)
}

/// A trained network, its input for a sample image, and the input size.
pub fn tiny(net: &str) -> (Network, Vec<f32>, usize) {
    let checkpoint =
        safetensors::read(std::fs::read(project().join(format!("assets/weights/{net}.safetensors"))).unwrap()).unwrap();
    let how = checkpoint.card.clone().unwrap().preprocess;
    let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(how.size)).unwrap();
    let input = prepare(&resize_and_crop(&sample("chelsea.png"), &how, (0, 0)).unwrap(), &how);
    (Network::load(graph, Arc::new(checkpoint), Backend::Cpu).unwrap(), input, how.size)
}
