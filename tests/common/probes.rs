//! Two hundred random probes of eight networks, and their reach in float64.
#![allow(dead_code, clippy::unwrap_used)]

use super::common::{project, sample};
use super::float64::{Outputs, Reference};
use std::sync::Arc;
use stridescope_arch::coverage::Mask;
use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_engine::{Edit, Fill};
use stridescope_image::{prepare, resize_and_crop};
use stridescope_weights::{Checkpoint, formats::safetensors, synthetic};

/// The four trained networks, and four with synthetic weights. Together they cover every kind of layer, stem, shortcut and block, groups,
/// anti-aliasing and dilation, and odd map sizes.
pub const NETWORKS: [(&str, usize); 8] = [
    ("tiny-a", 128),
    ("tiny-b", 128),
    ("tiny-c", 128),
    ("tiny-d", 128),
    ("resnet18-d.width16", 75),
    ("resnet26-b.aa-blur.width16", 64),
    ("resnet26-t.os8.width16", 64),
    ("resnext50_32x4d-a.blocks1-2-1-1.groups4.width32", 80),
];
/// Probes per network.
pub const PROBES: usize = 25;

pub struct Subject {
    pub name: &'static str,
    pub size: usize,
    pub graph: Graph,
    pub checkpoint: Arc<Checkpoint>,
    pub input: Vec<f32>,
}

impl Subject {
    pub fn of((name, size): (&'static str, usize)) -> Self {
        let spec = ArchSpec::named(name).unwrap();
        let graph = lower(&spec, Input::square(size)).unwrap();
        if !name.starts_with("tiny") {
            let checkpoint = Arc::new(synthetic::checkpoint(&graph));
            return Self { name, size, checkpoint, input: synthetic::input(spec.channels * size * size), graph };
        }
        let file = project().join(format!("assets/weights/{name}.safetensors"));
        let checkpoint = safetensors::read(std::fs::read(file).unwrap()).unwrap();
        let how = checkpoint.card.clone().unwrap().preprocess.at_size(size);
        let input = prepare(&resize_and_crop(&sample("chelsea.png"), &how, (0, 0)).unwrap(), &how);
        Self { name, size, graph, checkpoint: Arc::new(checkpoint), input }
    }

    /// The layers that the page taps: the end of the stem, every stage, and the classifier.
    pub fn taps(&self) -> Vec<String> {
        let stages = (1..=self.graph.blocks.last().unwrap().stage).map(|stage| format!("layer{stage}"));
        std::iter::once("maxpool".into()).chain(stages).chain(["fc".into()]).collect()
    }

    /// Its probes: any layer and place, every size and fill that a link allows.
    pub fn probes(&self) -> Vec<Edit> {
        let mut draws = synthetic::unit(self.name, PROBES * 5);
        let mut below = |count: usize| (draws.next().unwrap() * count as f32) as usize;
        let probe = |_| {
            let node = &self.graph.nodes[below(self.graph.nodes.len())];
            let place = (below(node.shape.height), below(node.shape.width));
            let (side, fill) =
                (1 + below(8), [Fill::Values(vec![0.0]), Fill::Values(vec![1.0]), Fill::Noise(1)][below(3)].clone());
            Edit { node: node.id.clone(), positions: Mask::square(node.shape, place, side), fill }
        };
        (0..PROBES).map(probe).collect()
    }
}

/// For each tap, the values that a probe reaches: those that change in float64.
pub fn reached(subject: &Subject, reference: &Reference, plain: &Outputs, probe: &Edit) -> Vec<Vec<bool>> {
    let changed = reference.edited(plain, subject.graph.find(&probe.node).unwrap(), probe);
    let of = |tap: String| {
        let index = subject.graph.find(&tap).unwrap();
        plain[index].iter().zip(&changed[index]).map(|(before, after)| before != after).collect()
    };
    subject.taps().into_iter().map(of).collect()
}
