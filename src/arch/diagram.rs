//! Block diagrams: boxes and lines of one network or several, aligned row by row, and their SVG.
//!
//! The layout follows the paper's figure 2: the stem from top to bottom, one downsampling block opened into path A (left) and
//! path B (right), every other stage folded into one box. Sizes are in SVG user units; a column is [`WIDTH`] wide.

use super::graph::{Block, Graph, Node, Op, Path, Place};
use super::{ArchSpec, Variant};
use std::fmt::Write;

/// Width of a column.
pub const WIDTH: f64 = 240.0;
const MIDDLE: f64 = WIDTH / 2.0;
const BOX_HEIGHT: f64 = 26.0;
const STEP: f64 = 36.0;
const WIDE: f64 = 128.0;
const NARROW: f64 = 108.0;
/// Middles of path A and path B.
const PATHS: (f64, f64) = (56.0, 184.0);

/// A box of the diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The layer, block or stage that it stands for.
    pub id: String,
    /// What is written in it.
    pub label: String,
    /// What is written under it: the shape that comes out. Empty for none.
    pub note: String,
    /// What a screen reader says.
    pub description: String,
    /// Horizontal middle, top edge, width.
    pub at: (f64, f64, f64),
    /// Whether the original network has no such layer.
    pub changed: bool,
}

/// One network, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its boxes, top to bottom.
    pub cells: Vec<Cell>,
    /// Its lines, each from point to point.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Middle of the circle where path A and path B meet, if a block is open.
    pub join: Option<(f64, f64)>,
    /// Left edge and baseline of the words "path A" and "path B".
    pub path_words: Vec<(&'static str, f64, f64)>,
    /// Height, the same for every column of one call.
    pub height: f64,
}

/// Lays out networks side by side, with the downsampling block of stage `open` (from 1) drawn in full.
pub fn columns(graphs: &[&Graph], open: usize) -> Vec<Column> {
    let most = |count: &dyn Fn(&Graph) -> usize| graphs.iter().map(|graph| count(graph)).max().unwrap_or(0);
    let rows = Rows {
        stem: most(&|graph| stem_convs(graph).len()),
        pools: most(&|graph| stem_pools(graph).len()),
        stages: most(&|graph| graph.spec.layers.len()),
        path: most(&|graph| {
            open_block(graph, open).map_or(0, |block| path_cells(graph, &block.path_a).count().max(path_b_rows(graph, block)))
        }),
        more: graphs.iter().any(|graph| graph.stage(open).count() > 1),
    };
    graphs.iter().map(|graph| Drawing::new(graph).draw(&rows, open)).collect()
}

/// Rows that every column reserves, so that the same part stands at the same height in all.
struct Rows {
    stem: usize,
    pools: usize,
    stages: usize,
    path: usize,
    more: bool,
}

fn stem_convs(graph: &Graph) -> Vec<&Node> {
    graph.nodes.iter().filter(|node| node.place == Place::Stem && matches!(node.op, Op::Conv(_))).collect()
}

fn stem_pools(graph: &Graph) -> Vec<&Node> {
    let is_pool = |node: &&Node| matches!(node.op, Op::MaxPool(_) | Op::AvgPool(_) | Op::BlurPool(_));
    graph.nodes.iter().filter(|node| node.place == Place::Stem).filter(is_pool).collect()
}

fn open_block(graph: &Graph, stage: usize) -> Option<&Block> {
    graph.stage(stage).next()
}

/// The layers of a path that are drawn: convolutions and poolings; their normalisation and ReLU are understood.
fn path_cells<'a>(graph: &'a Graph, path: &'a [usize]) -> impl Iterator<Item = &'a Node> {
    path.iter().map(|&i| &graph.nodes[i]).filter(|node| node.op.window().is_some())
}

/// Path B starts beside the second row of path A unless it needs the first as well.
fn path_b_rows(graph: &Graph, block: &Block) -> usize {
    path_cells(graph, &block.path_b).count()
}

/// `3×3, 128, /2`: kernel, channels out, stride if there is one.
pub fn label(node: &Node) -> String {
    let stride = |stride: usize| if stride > 1 { format!(", /{stride}") } else { String::new() };
    match node.op {
        Op::Conv(c) => format!("{0}×{0}, {1}{2}", c.kernel, c.out_channels, stride(c.stride)),
        Op::MaxPool(p) => format!("maxpool {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::AvgPool(p) => format!("avgpool {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::BlurPool(p) => format!("blur {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::GlobalAvgPool => "global avgpool".into(),
        Op::Linear => format!("fc, {}", node.shape.channels),
        op => op.kind().into(),
    }
}

/// Whether the original network of the same depth and width has no layer like this one in this place.
fn is_changed(graph: &Graph, original: Option<&Graph>, node: &Node) -> bool {
    let Some(original) = original else { return false };
    let same_role = |other: &&Node| match node.place {
        Place::Block { path: Path::B, .. } => other.place == node.place && other.op.kind() == node.op.kind(),
        Place::Stem => other.place == node.place && other.op.kind() == node.op.kind() && graph.spec.stem == original.spec.stem,
        _ => other.id == node.id,
    };
    match (original.nodes.iter().find(same_role), node.op) {
        (None, Op::MaxPool(_)) => false,
        (None, _) => true,
        (Some(other), Op::Conv(_) | Op::AvgPool(_)) => other.op != node.op,
        _ => false,
    }
}

struct Drawing<'a> {
    graph: &'a Graph,
    original: Option<Graph>,
    column: Column,
    y: f64,
}

impl<'a> Drawing<'a> {
    fn new(graph: &'a Graph) -> Self {
        let spec = ArchSpec::variant(graph.spec.block, &graph.spec.layers, Variant::A);
        let original = ArchSpec { stem: spec.stem, stride_on: spec.stride_on, shortcut: spec.shortcut, ..graph.spec.clone() };
        let column = Column { cells: Vec::new(), lines: Vec::new(), join: None, path_words: Vec::new(), height: 0.0 };
        Self { graph, original: super::lower(&original, graph.input).ok(), column, y: 18.0 }
    }

    fn draw(mut self, rows: &Rows, open: usize) -> Column {
        let graph = self.graph;
        self.line(&[(MIDDLE, 14.0), (MIDDLE, self.y)]);
        let stem_end = self.y + rows.stem as f64 * STEP;
        for node in stem_convs(graph) {
            let top = self.y;
            self.node(node, MIDDLE, top, WIDE, false);
            self.y += STEP;
            self.line(&[(MIDDLE, top + BOX_HEIGHT), (MIDDLE, self.y)]);
        }
        if self.y < stem_end {
            self.line(&[(MIDDLE, self.y), (MIDDLE, stem_end)]);
            self.y = stem_end;
        }
        let pools = stem_pools(graph);
        for (index, pool) in pools.iter().enumerate() {
            let is_last = index + 1 == pools.len();
            self.node(pool, MIDDLE, self.y, WIDE, is_last);
            self.step(if is_last { BOX_HEIGHT + 26.0 } else { STEP }, true);
        }
        self.step((rows.pools - pools.len()) as f64 * STEP, false);
        for stage in 1..=rows.stages {
            match open_block(graph, stage) {
                Some(block) if stage == open => self.opened(block, rows),
                Some(_) => self.folded(stage, graph.stage(stage).count(), false),
                None => self.step(BOX_HEIGHT + 26.0, false),
            }
        }
        for (node, last) in graph.nodes.iter().filter(|node| node.place == Place::Head).zip([false, true]) {
            self.node(node, MIDDLE, self.y, WIDE, false);
            if !last {
                self.step(STEP, true);
            }
        }
        self.column.height = self.y + BOX_HEIGHT + 6.0;
        self.column
    }

    /// Moves down, drawing the line that leads there from the box above.
    fn step(&mut self, by: f64, from_box: bool) {
        let top = self.y + if from_box { BOX_HEIGHT } else { 0.0 };
        self.y += by;
        self.line(&[(MIDDLE, top), (MIDDLE, self.y)]);
    }

    fn line(&mut self, points: &[(f64, f64)]) {
        self.column.lines.push(points.to_vec());
    }

    fn node(&mut self, node: &Node, x: f64, y: f64, width: f64, with_shape: bool) {
        let changed = is_changed(self.graph, self.original.as_ref(), node);
        let text = label(node);
        let difference = if changed { ", differs from the original" } else { "" };
        self.column.cells.push(Cell {
            id: node.id.clone(),
            description: format!("{}: {text}, puts out {}{difference}", node.id, node.shape),
            label: text,
            note: if with_shape { node.shape.to_string() } else { String::new() },
            at: (x, y, width),
            changed,
        });
    }

    /// A stage, or what is left of it after its first block, as one box.
    fn folded(&mut self, stage: usize, blocks: usize, rest: bool) {
        let Some(block) = self.graph.stage(stage).last() else { return };
        let shape = self.graph.nodes[block.output].shape;
        let words = match (rest, blocks) {
            (true, n) => format!("{n} more"),
            (false, 1) => "1 block".into(),
            (false, n) => format!("{n} blocks"),
        };
        let changed = !rest
            && self
                .graph
                .stage(stage)
                .flat_map(|block| block.path_a.iter().chain(&block.path_b))
                .any(|&i| is_changed(self.graph, self.original.as_ref(), &self.graph.nodes[i]));
        let difference = if changed { ", differs from the original" } else { "" };
        self.column.cells.push(Cell {
            id: if rest { format!("layer{stage}") } else { format!("layer{stage}.0") },
            label: format!("stage {stage} · {words}"),
            note: shape.to_string(),
            description: format!("stage {stage}, {words}, puts out {shape}{difference}"),
            at: (MIDDLE, self.y, WIDE),
            changed,
        });
        self.step(BOX_HEIGHT + 26.0, true);
    }

    /// A block with both its paths, then the rest of its stage.
    fn opened(&mut self, block: &Block, rows: &Rows) {
        let graph = self.graph;
        let (left, right) = PATHS;
        let fork = self.y;
        let first = fork + 14.0;
        let end = first + rows.path as f64 * STEP + 6.0;
        self.column.path_words = vec![("path A", 2.0, fork - 4.0), ("path B", WIDTH - 34.0, fork - 4.0)];

        for (path, x) in [(&block.path_a, left), (&block.path_b, right)] {
            let cells: Vec<&Node> = path_cells(graph, path).collect();
            // A lone 1x1 of path B stands in the middle of the rows; a pair starts at the top.
            let mut y =
                first + if x == right && cells.len() < rows.path { (rows.path - cells.len()) as f64 * STEP / 2.0 } else { 0.0 };
            self.line(&[(MIDDLE, fork), (x, fork), (x, if cells.is_empty() { end } else { y })]);
            for (i, node) in cells.iter().enumerate() {
                self.node(node, x, y, NARROW, false);
                let next = if i + 1 < cells.len() { y + STEP } else { end };
                self.line(&[(x, y + BOX_HEIGHT), (x, next)]);
                y += STEP;
            }
            self.line(&[(x, end), (MIDDLE + if x < MIDDLE { -8.0 } else { 8.0 }, end)]);
        }
        self.column.join = Some((MIDDLE, end));
        self.y = end + 8.0;
        self.step(16.0, false);
        let rest = graph.stage(block.stage).count() - 1;
        if rest > 0 {
            self.folded(block.stage, rest, true);
        } else if rows.more {
            self.step(BOX_HEIGHT + 26.0, false);
        }
    }
}

/// A column as an SVG element, styled by classes: `node`, `changed`, `selected`, `line`, `join`, `note`.
///
/// Every box is a button that carries its layer in `data-node`. `name` is what a screen reader calls the picture.
pub fn svg(column: &Column, name: &str, selected: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_svg(&mut out, column, name, selected);
    out
}

/// The colours of a drawing that stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// Dark ink on white.
    Light,
    /// Light ink on near-black.
    Dark,
}

/// A column as an SVG file of its own, styles and title included. `hue` is the letter that colours what differs.
pub fn standalone_svg(column: &Column, name: &str, hue: char, palette: Palette) -> String {
    let (paper, ink, line) = match palette {
        Palette::Light => ("#ffffff", "#1b1e23", "#6b717b"),
        Palette::Dark => ("#1b1e23", "#eceae5", "#8f959f"),
    };
    let hue = match (hue, palette) {
        ('b', Palette::Light) => "#2f6fb0",
        ('b', Palette::Dark) => "#7fb2e8",
        ('c' | 's', Palette::Light) => "#a3611a",
        ('c' | 's', Palette::Dark) => "#e0a35a",
        ('d' | 't', Palette::Light) => "#1a7a57",
        ('d' | 't', Palette::Dark) => "#5cc79c",
        (_, Palette::Light) => "#7a5195",
        (_, Palette::Dark) => "#b58fd0",
    };
    let style = format!(
        "<style>svg{{background:{paper}}}text{{font:11px system-ui,sans-serif;fill:{ink}}}.title{{font-weight:600;font-size:13px}}\
         .note{{font-size:9.5px;fill:{line}}}.line{{fill:none;stroke:{line}}}.node rect{{fill:{paper};stroke:{line}}}\
         .changed rect{{fill:{hue};fill-opacity:.15;stroke:{hue}}}.join{{fill:{paper};stroke:{line}}}.plus{{font-size:12px}}</style>"
    );
    let body = svg(column, name, "");
    let start = body.find('>').map_or(0, |end| end + 1);
    let inner = body[start..].trim_end_matches("</svg>").replace(r#" role="button" tabindex="0""#, "");
    let height = column.height + 28.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 -28 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{name}\">{style}<text class=\"title\" x=\"{MIDDLE}\" y=\"-12\" text-anchor=\"middle\">{name}</text>{inner}</svg>\n"
    )
}

fn write_svg(out: &mut String, column: &Column, name: &str, selected: &str) -> std::fmt::Result {
    write!(out, r#"<svg class="diagram" viewBox="0 0 {WIDTH} {}" role="group" aria-label="{name}">"#, column.height)?;
    for line in &column.lines {
        let points: Vec<String> = line.iter().map(|(x, y)| format!("{x} {y}")).collect();
        write!(out, r#"<path class="line" d="M{}"/>"#, points.join("L"))?;
    }
    write!(out, r#"<text class="note" x="{MIDDLE}" y="9" text-anchor="middle">picture</text>"#)?;
    for (words, x, y) in &column.path_words {
        write!(out, r#"<text class="note" x="{x}" y="{y}">{words}</text>"#)?;
    }
    if let Some((x, y)) = column.join {
        write!(
            out,
            r#"<circle class="join" cx="{x}" cy="{y}" r="8"/><text class="plus" x="{x}" y="{}" text-anchor="middle">+</text>"#,
            y + 4.0
        )?;
    }
    for cell in &column.cells {
        let (x, y, width) = cell.at;
        let class = match (cell.changed, cell.id == selected) {
            (false, false) => "node",
            (true, false) => "node changed",
            (false, true) => "node selected",
            (true, true) => "node changed selected",
        };
        write!(
            out,
            r#"<g class="{class}" data-node="{}" role="button" tabindex="0" aria-label="{}"><rect x="{}" y="{y}" width="{width}" height="{BOX_HEIGHT}" rx="6"/><text x="{x}" y="{}" text-anchor="middle">{}</text>"#,
            cell.id,
            cell.description,
            x - width / 2.0,
            y + 17.0,
            cell.label
        )?;
        out.push_str("</g>");
        // Beside the button, not in it: a button's name is what is written in it.
        if !cell.note.is_empty() {
            let (x, y) = (x + 6.0, y + BOX_HEIGHT + 12.0);
            write!(out, r#"<text class="note" x="{x}" y="{y}">{}</text>"#, cell.note)?;
        }
    }
    out.push_str("</svg>");
    Ok(())
}
