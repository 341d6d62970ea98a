//! Costs of a network's parts as rows: by layer, by block, by stage, in total.

use super::cost::{self, Convention};
use super::graph::{Graph, Op, Place, Shape};
use super::receptive::{self, Field};
use serde::Serialize;

/// How finely a network is taken apart.
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
    /// Coarsest first.
    pub const ALL: [Self; 3] = [Self::Stage, Self::Block, Self::Layer];

    /// As in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stages",
            Self::Block => "blocks",
            Self::Layer => "layers",
        }
    }
}

/// One part of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Layer, block (`layer2.0`), stage (`layer2`), `stem` or `head`.
    pub id: String,
    /// What it puts out.
    #[serde(serialize_with = "as_dims")]
    pub shape: Shape,
    /// Learned parameters.
    pub params: u64,
    /// Operations, as the convention counts them.
    pub ops: u64,
    /// Of [`Row::ops`], the multiply-accumulates whose result nothing reads.
    pub dead_macs: u64,
    /// Bytes of all that its layers put out, float32, batch 1.
    pub activation_bytes: u64,
    /// Receptive field of its output; `None` once everything is seen.
    pub field: Option<Field>,
}

fn as_dims<S: serde::Serializer>(shape: &Shape, serializer: S) -> Result<S::Ok, S::Error> {
    [shape.channels, shape.height, shape.width].serialize(serializer)
}

/// The rows of a network, in its order.
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

/// All rows as one, called `total`; its shape and field are the last feature map's.
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

/// A table as text that can be pasted elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A pipe table.
    Markdown,
    /// Comma-separated, RFC 4180.
    Csv,
    /// A `tabular`.
    Latex,
    /// An array of objects, a row each.
    Json,
}

impl Format {
    /// In the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Markdown, Self::Csv, Self::Latex, Self::Json];

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Csv => "CSV",
            Self::Latex => "LaTeX",
            Self::Json => "JSON",
        }
    }

    /// Writes a table; all but the first column are numbers and stand to the right.
    pub fn write(self, head: &[String], rows: &[Vec<String>]) -> String {
        match self {
            Self::Markdown => {
                // A line break, as a file's name may hold, would end the row.
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

/// Characters that LaTeX would take for commands, and the signs of this page that it lacks.
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
            // It reads a text that has none.
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
