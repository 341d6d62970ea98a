//! Costs of a network as rows: per layer, block or stage, and in total.

use super::cost::{self, Convention};
use super::graph::{Graph, Op, Place, Shape};
use super::receptive::{self, Field};
use serde::Serialize;

/// The granularity of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Stem, stages, head.
    Stage,
    /// Stem, residual blocks, head.
    Block,
    /// Every layer.
    Layer,
}

impl Level {
    /// From coarse to fine.
    pub const ALL: [Self; 3] = [Self::Stage, Self::Block, Self::Layer];

    /// The name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stages",
            Self::Block => "blocks",
            Self::Layer => "layers",
        }
    }
}

/// The costs of one part of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Layer, block (`layer2.0`), stage (`layer2`), `stem` or `head`.
    pub id: String,
    /// Output shape.
    #[serde(serialize_with = "as_dims")]
    pub shape: Shape,
    /// Learned parameters.
    pub params: u64,
    /// Operations under the chosen convention.
    pub ops: u64,
    /// The multiply-accumulates whose result is never read.
    pub dead_macs: u64,
    /// Bytes of the outputs of all its layers, float32, batch 1.
    pub activation_bytes: u64,
    /// Receptive field of its output; `None` once it is the whole image.
    pub field: Option<Field>,
}

fn as_dims<S: serde::Serializer>(shape: &Shape, serializer: S) -> Result<S::Ok, S::Error> {
    [shape.channels, shape.height, shape.width].serialize(serializer)
}

/// The rows of a network, in order.
pub fn rows(graph: &Graph, level: Level, convention: Convention) -> Vec<Row> {
    let dead = cost::dead_macs(graph);
    let fields = receptive::fields(graph);
    let mut rows: Vec<Row> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.op != Op::Input) {
        let id = match (level, node.place) {
            (Level::Layer, _) => node.id.clone(),
            (_, Place::Stem) => "stem".into(),
            (_, Place::Head) => "head".into(),
            (Level::Block, Place::Block { stage, block, .. }) => format!("layer{stage}.{block}"),
            (Level::Stage, Place::Block { stage, .. }) => format!("layer{stage}"),
        };
        if rows.last().is_none_or(|row| row.id != id) {
            let (shape, field) = (node.shape, None);
            rows.push(Row { id, shape, params: 0, ops: 0, dead_macs: 0, activation_bytes: 0, field });
        }
        if let Some(row) = rows.last_mut() {
            row.shape = node.shape;
            row.field = fields[index];
            row.params += cost::params(graph, node);
            row.ops += convention.count(graph, node);
            row.dead_macs += dead[index];
            row.activation_bytes += 4 * node.shape.elements();
        }
    }
    rows
}

/// The sum of all rows, called `total`; its shape and field are those of the last feature map.
pub fn total(graph: &Graph, convention: Convention) -> Row {
    let rows = rows(graph, Level::Stage, convention);
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum();
    let last = graph.blocks.last().map_or(0, |block| block.output);
    Row {
        id: "total".into(),
        shape: graph.nodes[last].shape,
        params: sum(|row| row.params),
        ops: sum(|row| row.ops),
        dead_macs: sum(|row| row.dead_macs),
        activation_bytes: sum(|row| row.activation_bytes),
        field: receptive::fields(graph)[last],
    }
}

/// A text format for copying a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A Markdown pipe table.
    Markdown,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// A LaTeX `tabular`.
    Latex,
    /// A JSON array with an object per row.
    Json,
}

impl Format {
    /// In the order of the page's options.
    pub const ALL: [Self; 4] = [Self::Markdown, Self::Csv, Self::Latex, Self::Json];

    /// The name as displayed.
    pub fn title(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Csv => "CSV",
            Self::Latex => "LaTeX",
            Self::Json => "JSON",
        }
    }

    /// Writes a table; all columns but the first are right-aligned numbers.
    pub fn write(self, head: &[String], rows: &[Vec<String>]) -> String {
        match self {
            Self::Markdown => {
                // A line break, which a file name may contain, would end the row.
                let cell = |cell: &String| cell.replace('|', "\\|").replace(char::is_control, " ");
                let line = |cells: &[String]| format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
                let rule: String = (0..head.len()).map(|i| if i == 0 { "---|" } else { "---:|" }).collect();
                format!("{}|{rule}\n{}", line(head), rows.iter().map(|row| line(row)).collect::<String>())
            }
            Self::Csv => {
                let cell = |cell: &String| {
                    if cell.contains([',', '"', '\n', '\r']) {
                        format!("\"{}\"", cell.replace('"', "\"\""))
                    } else {
                        cell.clone()
                    }
                };
                let line = |cells: &[String]| cells.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n";
                std::iter::once(line(head)).chain(rows.iter().map(|row| line(row))).collect()
            }
            Self::Latex => {
                let line =
                    |cells: &[String]| cells.iter().map(|cell| escape_latex(cell)).collect::<Vec<_>>().join(" & ") + " \\\\\n";
                let columns = "r".repeat(head.len().saturating_sub(1));
                let body: String = rows.iter().map(|row| line(row)).collect();
                format!("\\begin{{tabular}}{{l{columns}}}\n\\hline\n{}\\hline\n{body}\\hline\n\\end{{tabular}}\n", line(head))
            }
            Self::Json => {
                let text = |text: &String| serde_json::to_string(text).unwrap_or_default();
                let member = |(name, cell): (&String, &String)| format!("    {}: {}", text(name), text(cell));
                let object = |row: &Vec<String>| {
                    format!("  {{\n{}\n  }}", head.iter().zip(row).map(member).collect::<Vec<_>>().join(",\n"))
                };
                format!("[\n{}\n]\n", rows.iter().map(object).collect::<Vec<_>>().join(",\n"))
            }
        }
    }
}

/// Escapes characters that LaTeX reads as commands, and replaces symbols that it lacks.
fn escape_latex(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '_' | '&' | '%' | '$' | '#' | '{' | '}' => out.extend(['\\', letter]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '×' => out.push_str("$\\times$"),
            '−' => out.push_str("$-$"),
            '→' => out.push_str("$\\to$"),
            // LaTeX does not accept control characters.
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
