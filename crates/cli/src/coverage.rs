//! `stridescope coverage`.

use crate::Failure;
use crate::output::print;
use clap::ValueEnum;
use serde::Serialize;
use stridescope_arch::coverage::{PathReport, block_reads};
use stridescope_arch::{ArchSpec, Input, lower};

/// Arguments of `coverage`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The network, as in resnet50-a.
    net: String,
    /// A residual block, as in layer2.0.
    node: String,
    /// Side of the square input, in pixels.
    #[arg(long, default_value_t = 224)]
    size: usize,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A grid of counts for each path.
    Text,
    /// One object.
    Json,
}

#[derive(Serialize)]
struct Report {
    net: String,
    node: String,
    input: [usize; 2],
    path_a: PathReport,
    path_b: PathReport,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let graph = lower(&ArchSpec::named(&arguments.net)?, Input::square(arguments.size))?;
    let block = graph.block(&arguments.node).ok_or_else(|| {
        let known: Vec<&str> = graph.downsampling_blocks().map(|block| block.id.as_str()).collect();
        Failure(format!(
            "{} has no block \"{}\"; its downsampling blocks are {}",
            arguments.net,
            arguments.node,
            known.join(", ")
        ))
    })?;
    let (a, b) = block_reads(&graph, block);
    let shape = graph.nodes[block.input].shape;
    let report = Report {
        net: arguments.net.clone(),
        node: block.id.clone(),
        input: [shape.height, shape.width],
        path_a: PathReport::from(&a.reads),
        path_b: PathReport::from(&b.reads),
    };
    if arguments.format == Format::Json {
        return print(&(serde_json::to_string(&report)? + "\n"));
    }
    for (name, path) in [("path A", &report.path_a), ("path B", &report.path_b)] {
        print(&format!(
            "{} of {}, {name}: reads {} % of {} x {} positions, each {} to {} times\n",
            report.node, report.net, path.read_percent, report.input[0], report.input[1], path.min_reads, path.max_reads
        ))?;
        for row in &path.reads {
            print(&(row.iter().map(|n| if *n == 0 { ".".into() } else { n.to_string() }).collect::<Vec<_>>().join(" ") + "\n"))?;
        }
    }
    Ok(())
}
