//! The plan of the benchmark: networks, devices, and repetitions.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};
use stridescope_arch::{ArchSpec, Conv, Graph, Input, Node, Op, cost, lower};

use crate::error::Error;

/// The series in which every layer is timed.
const DEPTH: &str = "depth";

/// How much is measured, beside the usual.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Extent {
    /// Also every depth, and the growth of time and memory
    #[arg(long)]
    pub full: bool,
    /// Also WebGPU in software
    #[arg(long)]
    pub webgpu: bool,
    /// Only WebGPU on this machine's own GPU
    #[arg(long)]
    pub gpu: bool,
}

/// The weights of a network, as in the worker's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    Synthetic,
    Catalogue,
}

impl Weights {
    pub fn word(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Catalogue => "catalogue",
        }
    }
}

/// One network on one device, run by every engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub net: &'static str,
    pub weights: Weights,
    /// Side of the input in pixels.
    pub size: usize,
    /// Images per batch.
    pub batch: usize,
    /// `cpu` or `webgpu`.
    pub backend: &'static str,
    /// Number of browser sessions, each of which starts with another engine.
    pub visits: usize,
    /// Passes per engine and session that are discarded, after the first one.
    pub warm_ups: usize,
    /// Passes per engine and session that count.
    pub rounds: usize,
}

impl Case {
    /// A ResNet at its own input size, with every engine measured first once.
    const fn thorough(net: &'static str, weights: Weights) -> Self {
        Self { net, weights, size: 224, batch: 1, backend: "cpu", visits: 3, warm_ups: 2, rounds: 6 }
    }

    /// The same network in one session only, for which first passes are not needed.
    const fn brief(net: &'static str, size: usize, rounds: usize) -> Self {
        Self { size, visits: 1, warm_ups: 1, rounds, ..Self::thorough(net, Weights::Synthetic) }
    }

    /// WebGPU in software, where even a tiny network's first pass takes half a minute.
    const fn webgpu(net: &'static str, size: usize, visits: usize) -> Self {
        Self { visits, ..Self::brief(net, size, 3).on_gpu() }
    }

    /// WebGPU, with as many passes as on the CPU.
    const fn on_gpu(self) -> Self {
        Self { backend: "webgpu", ..self }
    }

    /// File name of the network as ONNX.
    pub fn onnx(&self) -> String {
        format!("{}-{}.onnx", self.net, self.weights.word())
    }

    /// File name of the description for tfjs.
    pub fn description(&self) -> String {
        format!("{}-{}.json", self.net, self.weights.word())
    }

    /// File name of the weights for the description.
    pub fn described_weights(&self) -> String {
        format!("{}-{}.f32", self.net, self.weights.word())
    }

    /// File name of the input.
    pub fn input(&self) -> String {
        format!("input-{}x{}.f32", self.batch, self.size)
    }

    fn plan(&self) -> Value {
        json!({
            "net": self.net, "weights": self.weights.word(), "size": self.size, "batch": self.batch, "backend": self.backend,
            "visits": self.visits, "warmUps": self.warm_ups, "rounds": self.rounds,
            "onnx": self.onnx(), "description": self.description(), "describedWeights": self.described_weights(),
            "input": self.input(),
        })
    }
}

/// The whole plan.
#[derive(Debug)]
pub struct Plan {
    /// Networks run by every engine.
    pub cases: Vec<Case>,
    /// Networks whose memory is measured with every engine, each in a browser of its own.
    pub memory: Vec<Case>,
    /// Networks run with and without taps at all blocks: name, size, device.
    taps: Vec<(&'static str, usize, &'static str)>,
    /// Networks run by two engines at once, on the CPU: name and size.
    pairs: Vec<(&'static str, usize)>,
    /// Networks for the growth of time and memory with the work: series, name and size.
    growth: Vec<(&'static str, &'static str, usize)>,
    /// Whether only WebGPU on this machine's own GPU is measured.
    gpu: bool,
}

impl Plan {
    pub fn of(extent: Extent) -> Self {
        if extent.gpu {
            return Self::gpu();
        }
        let mut plan = Self {
            cases: vec![
                Case::thorough("resnet50-a", Weights::Synthetic),
                Case::thorough("resnet50-b", Weights::Synthetic),
                Case::thorough("resnet50-c", Weights::Synthetic),
                Case::thorough("resnet50-d", Weights::Synthetic),
                Case::thorough("resnet50-a", Weights::Catalogue),
                Case::brief("resnet50-d", 64, 12),
                Case::brief("resnet50-d", 128, 8),
                Case::brief("resnet50-d", 320, 4),
                Case::brief("resnet50-d", 512, 3),
                Case { batch: 8, ..Case::brief("resnet50-d", 224, 2) },
            ],
            memory: vec![Case::thorough("resnet50-a", Weights::Catalogue)],
            taps: vec![("resnet50-d", 224, "cpu")],
            pairs: vec![("resnet50-d", 224), ("tiny-d", 128)],
            growth: Vec::new(),
            gpu: false,
        };
        if extent.full {
            let depths = ["resnet18-d", "resnet34-d", "resnet101-d", "resnet152-d"];
            plan.cases.extend(depths.map(|net| Case::brief(net, 224, 4)));
            plan.growth = growth();
        }
        if extent.webgpu {
            plan.cases.extend(["tiny-a", "tiny-b", "tiny-c"].map(|net| Case::webgpu(net, 128, 1)));
            plan.cases.push(Case::webgpu("tiny-d", 128, 3));
            // Ten seconds or more per pass.
            plan.cases.push(Case { warm_ups: 0, rounds: 1, ..Case::webgpu("resnet50-d", 224, 1) });
            plan.memory.push(Case::webgpu("tiny-d", 128, 1));
            plan.taps.push(("tiny-d", 128, "webgpu"));
        }
        plan
    }

    /// The same networks on a GPU, with more passes, since each takes less time.
    fn gpu() -> Self {
        let thorough = |net| Case { rounds: 20, ..Case::thorough(net, Weights::Synthetic).on_gpu() };
        let brief = |net, size| Case::brief(net, size, 20).on_gpu();
        let mut cases = Vec::from(["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"].map(thorough));
        cases.extend([64, 128, 320, 512].map(|size| brief("resnet50-d", size)));
        cases.push(Case { batch: 8, ..brief("resnet50-d", 224) });
        cases.extend(["resnet18-d", "resnet34-d", "resnet101-d", "resnet152-d"].map(|net| brief(net, 224)));
        cases.push(brief("tiny-d", 128));
        Self {
            cases,
            memory: vec![thorough("resnet50-d")],
            taps: vec![("resnet50-d", 224, "webgpu")],
            pairs: Vec::new(),
            growth: Vec::new(),
            gpu: true,
        }
    }

    /// The plan as JSON for `bench/bench.mjs`.
    ///
    /// # Errors
    /// If a network name in the plan is invalid.
    pub fn json(&self) -> Result<Value, Error> {
        let list = |cases: &[Case]| cases.iter().map(Case::plan).collect::<Vec<_>>();
        let taps = self.taps.iter().map(|&(net, size, backend)| {
            let blocks: Vec<String> = graph(net, size)?.blocks.iter().map(|block| block.id.clone()).collect();
            Ok(json!({ "net": net, "size": size, "backend": backend, "taps": blocks }))
        });
        let pair = |&(net, size): &(&str, usize)| json!({ "net": net, "size": size, "backend": "cpu" });
        let growth = self.growth.iter().map(|&(series, net, size)| {
            let graph = graph(net, size)?;
            let totals = cost::totals(&graph);
            let kinds = (series == DEPTH).then(|| kinds(&graph));
            Ok(json!({
                "series": series, "net": net, "size": size, "macs": totals.macs, "params": totals.params, "kinds": kinds,
            }))
        });
        Ok(json!({
            "gpu": self.gpu, "cases": list(&self.cases), "memory": list(&self.memory),
            "pairs": self.pairs.iter().map(pair).collect::<Vec<_>>(),
            "taps": taps.collect::<Result<Vec<_>, Error>>()?, "growth": growth.collect::<Result<Vec<_>, Error>>()?,
        }))
    }
}

/// The kind of each layer, by its name.
fn kinds(graph: &Graph) -> BTreeMap<&str, &'static str> {
    let first_block = graph.blocks.first().map_or(0, |block| block.input);
    let kind = |(index, node): (usize, &Node)| match node.op {
        _ if index <= first_block => "stem",
        Op::Conv(Conv { kernel: 1, .. }) => "1 × 1",
        Op::Conv(Conv { stride: 1, .. }) => "3 × 3",
        Op::Conv(_) => "3 × 3, stride 2",
        Op::Linear => "classifier",
        _ => "the rest",
    };
    graph.nodes.iter().enumerate().map(|at| (at.1.id.as_str(), kind(at))).collect()
}

/// Depths, widths and sizes; ResNet-50-D at 224 pixels belongs to each series.
fn growth() -> Vec<(&'static str, &'static str, usize)> {
    let depths = ["resnet18-d", "resnet26-d", "resnet34-d", "resnet50-d", "resnet101-d", "resnet152-d"];
    let widths = ["resnet50-d.width16", "resnet50-d.width32", "resnet50-d", "resnet50-d.width96", "resnet50-d.width128"];
    let sizes = [64, 128, 224, 320, 512];
    let depths = depths.map(|net| (DEPTH, net, 224));
    let widths = widths.map(|net| ("width", net, 224));
    let sizes = sizes.map(|size| ("size", "resnet50-d", size));
    depths.into_iter().chain(widths).chain(sizes).collect()
}

/// A network of the plan, with a thousand classes, or ten for the tiny ones.
pub fn graph(net: &str, size: usize) -> Result<Graph, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(error, "Run `cargo xtask test native` to see what broke.");
    let spec = ArchSpec::named(net).map_err(|error| failed(&error))?;
    lower(&spec, Input::square(size)).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_extends_the_plan() -> Result<(), Error> {
        let plan = |full, webgpu| Plan::of(Extent { full, webgpu, ..Extent::default() }).json();
        let count = |plan: &Value, part: &str| plan[part].as_array().map_or(0, Vec::len);
        let backends = |plan: &Value| {
            let cases = plan["cases"].as_array().into_iter().flatten();
            cases.filter(|case| case["backend"] == "webgpu").count()
        };
        let (plain, full, webgpu) = (plan(false, false)?, plan(true, false)?, plan(false, true)?);
        assert_eq!((count(&plain, "growth"), count(&full, "growth"), count(&webgpu, "growth")), (0, 16, 0));
        assert_eq!((backends(&plain), backends(&full), backends(&webgpu)), (0, 0, 5));
        assert_eq!(count(&full, "cases"), count(&plain, "cases") + 4);
        let gpu = Plan::of(Extent { gpu: true, ..Extent::default() }).json()?;
        assert_eq!((backends(&gpu), count(&gpu, "pairs") + count(&gpu, "growth")), (count(&gpu, "cases"), 0));
        assert_eq!([&gpu, &webgpu].map(|plan| plan["gpu"].as_bool()), [Some(true), Some(false)]);
        assert_eq!(plain["taps"][0]["taps"].as_array().map(Vec::len), Some(16), "every block of a ResNet-50");
        Ok(())
    }

    #[test]
    fn growth_is_relative_to_the_macs_of_each_network() -> Result<(), Error> {
        let plan = Plan::of(Extent { full: true, ..Extent::default() }).json()?;
        let points = plan["growth"].as_array().cloned().unwrap_or_default();
        let whole = points.iter().filter(|point| point["net"] == "resnet50-d" && point["size"] == 224).collect::<Vec<_>>();
        assert_eq!(whole.len(), 3, "it is in each series");
        assert!(whole.iter().all(|point| point["macs"] == 4_328_824_832_u64 && point["params"] == 25_576_264));
        let mut kinds = points.iter().filter_map(|point| point["series"].as_str()).collect::<Vec<_>>();
        kinds.dedup();
        assert_eq!(kinds, ["depth", "width", "size"]);
        let timed: Vec<_> = points.iter().filter(|point| point["kinds"].is_object()).collect();
        assert_eq!(timed.len(), 6);
        let kind =
            |node: &str| points.iter().find(|point| point["net"] == "resnet50-d").map(|point| point["kinds"][node].clone());
        for (node, wanted) in [
            ("conv1.0", "stem"),
            ("maxpool", "stem"),
            ("layer1.0.conv1", "1 × 1"),
            ("layer1.0.conv2", "3 × 3"),
            ("layer2.0.conv2", "3 × 3, stride 2"),
            ("layer2.0.downsample.0", "the rest"),
            ("fc", "classifier"),
        ] {
            assert_eq!(kind(node), Some(wanted.into()), "{node}");
        }
        Ok(())
    }

    #[test]
    fn file_names_describe_their_content() {
        let case = Case { batch: 8, ..Case::brief("resnet50-d", 320, 1) };
        assert_eq!(case.onnx(), "resnet50-d-synthetic.onnx");
        assert_eq!(
            (case.description(), case.described_weights()),
            ("resnet50-d-synthetic.json".into(), "resnet50-d-synthetic.f32".into())
        );
        assert_eq!(case.input(), "input-8x320.f32");
    }
}
