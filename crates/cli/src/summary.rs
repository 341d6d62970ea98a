//! `stridescope summary`.

use crate::Failure;
use crate::output::print;
use crate::table::{Format, Table, grouped};
use serde::Serialize;
use stridescope_arch::cost::{self, TorchSummary};
use stridescope_arch::{ArchSpec, Graph, Input, Node, Op, Shape, lower, receptive};

/// Arguments of `summary`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The network, as in resnet50-d.
    net: String,
    /// Side of the square input, in pixels.
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print what torchsummary prints for the same network in PyTorch.
    #[arg(long, conflicts_with = "format")]
    torchsummary: bool,
}

#[derive(Serialize)]
struct Summary {
    net: String,
    input: [usize; 3],
    params: u64,
    macs: u64,
    receptive_field: usize,
    torchsummary: TorchSummary,
    dead_macs: u64,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    kind: &'static str,
    #[serde(rename = "in")]
    from: [usize; 3],
    out: [usize; 3],
    kernel: Option<usize>,
    stride: Option<usize>,
    params: u64,
    macs: u64,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let spec = ArchSpec::named(&arguments.net)?;
    let graph = lower(&spec, Input::square(arguments.size))?;
    if arguments.torchsummary {
        return print(&cost::torchsummary_text(&graph));
    }
    let summary = summary(&arguments.net, &graph);
    if arguments.format == Format::Json {
        return print(&(serde_json::to_string(&summary)? + "\n"));
    }
    let table = Table {
        head: vec!["layer", "kind", "in", "out", "kernel", "stride", "params", "MACs"],
        rows: summary.layers.iter().map(|layer| row(layer, arguments.format)).collect(),
    };
    print(&table.to_text(arguments.format))?;
    if arguments.format == Format::Csv {
        return Ok(());
    }
    let torch = summary.torchsummary;
    print(&format!(
        "\n{}, input {}: {} parameters, {} MACs (convolutions and fc, batch 1), of which {} ({:.2} %) are read by nobody; \
         receptive field {} px; torchsummary: {:.2} MB forward/backward, {:.2} MB parameters, {:.2} MB in total\n",
        summary.net,
        text(summary.input),
        grouped(summary.params),
        grouped(summary.macs),
        grouped(summary.dead_macs),
        100.0 * summary.dead_macs as f64 / summary.macs as f64,
        summary.receptive_field,
        torch.forward_backward_mb,
        torch.params_mb,
        torch.total_mb,
    ))
}

fn row(layer: &Layer, format: Format) -> Vec<String> {
    let number = |n: u64| if format == Format::Csv { n.to_string() } else { grouped(n) };
    let optional = |n: Option<usize>| n.map_or(String::new(), |n| n.to_string());
    vec![
        layer.name.clone(),
        layer.kind.into(),
        text(layer.from),
        text(layer.out),
        optional(layer.kernel),
        optional(layer.stride),
        number(layer.params),
        number(layer.macs),
    ]
}

fn text(shape: [usize; 3]) -> String {
    shape.map(|n| n.to_string()).join("x")
}

fn summary(net: &str, graph: &Graph) -> Summary {
    let totals = cost::totals(graph);
    let layers = graph.nodes.iter().filter(|node| node.op != Op::Input);
    Summary {
        net: net.into(),
        input: [graph.spec.channels, graph.input.height, graph.input.width],
        params: totals.params,
        macs: totals.macs,
        receptive_field: receptive::size(graph),
        torchsummary: cost::torchsummary(graph),
        dead_macs: totals.dead_macs,
        layers: layers.map(|node| layer(graph, node)).collect(),
    }
}

fn layer(graph: &Graph, node: &Node) -> Layer {
    let dims = |shape: Shape| [shape.channels, shape.height, shape.width];
    let window = node.op.window();
    Layer {
        name: node.id.clone(),
        kind: node.op.kind(),
        from: node.inputs.first().map_or([0; 3], |&i| dims(graph.nodes[i].shape)),
        out: dims(node.shape),
        kernel: window.map(|window| window.kernel),
        stride: window.map(|window| window.stride),
        params: cost::params(graph, node),
        macs: cost::macs(graph, node),
    }
}
