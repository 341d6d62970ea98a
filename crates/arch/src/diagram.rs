//! Block diagrams of one or more networks: boxes and lines, aligned row by row, and their SVG.
//!
//! The layout follows figure 2 of the paper: the stem on top, an open block with path A (left) and path B (right), a closed stage or block
//! as one box. Sizes are in SVG user units; a column is [`WIDTH`] wide.

use super::diff::{Aligned, Change, Difference, Part, aligned};
use super::folding::{BlockRef, Fold, Folding};
use super::graph::{Block, Graph, Node, Op, Shape};
use std::fmt::Write;
use std::ops::Range;
use stridescope_i18n::tr;

/// Width of a column.
pub const WIDTH: f64 = 240.0;
const MIDDLE: f64 = WIDTH / 2.0;
const BOX_HEIGHT: f64 = 26.0;
/// Space under a box for its output shape.
const GAP: f64 = 18.0;
const STEP: f64 = BOX_HEIGHT + GAP;
const HANDLE_HEIGHT: f64 = 18.0;
const WIDE: f64 = 132.0;
const NARROW: f64 = 108.0;
/// Horizontal centres of path A and path B.
const PATHS: (f64, f64) = (56.0, 184.0);

/// A box of the diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The id of its layer, block or stage.
    pub id: String,
    /// The visible text.
    pub label: String,
    /// The text for screen readers.
    pub description: String,
    /// Horizontal centre, top edge, width, height.
    pub at: (f64, f64, f64, f64),
    /// How it differs from the base network.
    pub change: Option<Change>,
    /// What a click on it opens or closes.
    pub fold: Option<Fold>,
}

/// Text beside a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The text.
    pub text: String,
    /// Left edge, or right edge if [`Note::ends`], and baseline.
    pub at: (f64, f64),
    /// Whether the text is right-aligned.
    pub ends: bool,
}

/// The drawing of one network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Column {
    /// Its boxes, top to bottom.
    pub cells: Vec<Cell>,
    /// Its polylines, as points.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Centres of the circles where path A and path B meet.
    pub joins: Vec<(f64, f64)>,
    /// Shapes beside the lines, and the names of the paths.
    pub notes: Vec<Note>,
    /// Height, equal for all columns of one call.
    pub height: f64,
}

/// Lays out networks side by side, each compared with `base`; `folding` lists what is open.
pub fn columns(graphs: &[&Graph], base: &Graph, folding: &Folding) -> Vec<Column> {
    let segments = segments(graphs, base, folding);
    graphs.iter().map(|graph| Drawing { graph, base, column: Column::default(), y: 30.0 }.draw(&segments)).collect()
}

/// A horizontal band across all columns, of equal height in each.
enum Segment {
    /// The stem, with rows for its convolutions and for its pooling layers.
    Stem { convs: usize, pools: usize },
    /// A closed stage.
    Stage(usize),
    /// The handle that closes a stage whose blocks are listed.
    Handle(usize),
    /// Consecutive closed blocks, drawn as one box.
    Run { stage: usize, blocks: Range<usize> },
    /// An open block, with as many rows as its longest path.
    Open { stage: usize, block: usize, rows: usize },
}

fn segments(graphs: &[&Graph], base: &Graph, folding: &Folding) -> Vec<Segment> {
    let most = |count: &dyn Fn(&Graph) -> usize| graphs.iter().map(|graph| count(graph)).max().unwrap_or(0);
    let stem = |pools: bool| most(&|graph| stem(base, graph, pools).len());
    let mut segments = vec![Segment::Stem { convs: stem(false), pools: stem(true) }];
    for stage in 1..=most(&|graph| graph.spec.layers.len()) {
        let count = most(&|graph| graph.stage(stage).count());
        let is_open = |block: &usize| folding.is_open(BlockRef { stage, block: Some(*block) });
        let is_listed = folding.is_open(BlockRef { stage, block: None });
        if !is_listed && !(0..count).any(|block| is_open(&block)) {
            segments.push(Segment::Stage(stage));
            continue;
        }
        if is_listed {
            segments.push(Segment::Handle(stage));
        }
        let mut block = 0;
        while block < count {
            if is_open(&block) {
                let path = |graph: &Graph, is_a| aligned(base, graph, Part::Path { stage, block, is_a }).len();
                let has = |graph: &Graph| graph.stage(stage).nth(block).is_some();
                let rows = most(&|graph| if has(graph) { path(graph, true).max(path(graph, false)) } else { 0 });
                segments.push(Segment::Open { stage, block, rows });
                block += 1;
            } else {
                let end = if is_listed { block + 1 } else { (block..count).find(is_open).unwrap_or(count) };
                segments.push(Segment::Run { stage, blocks: block..end });
                block = end;
            }
        }
    }
    segments
}

/// The convolutions of the stem, or its pooling layers.
fn stem<'a>(base: &'a Graph, graph: &'a Graph, pools: bool) -> Vec<Aligned<'a>> {
    let is_wanted = |pair: &Aligned| {
        let (Aligned::Both { after: node, .. } | Aligned::Removed(node) | Aligned::Added(node)) = pair;
        node.op != Op::Input && matches!(node.op, Op::Conv(_)) != pools
    };
    aligned(base, graph, Part::Stem).into_iter().filter(is_wanted).collect()
}

/// `3×3, 128, /2`: kernel, channels out, and the stride if it is not 1.
pub fn label(node: &Node) -> String {
    let stride = |stride: usize| if stride > 1 { format!(", /{stride}") } else { String::new() };
    match node.op {
        Op::Conv(c) => format!("{0}×{0}, {1}{2}", c.kernel, c.out_channels, stride(c.stride)),
        Op::MaxPool(p) => tr!("maxpool {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::AvgPool(p) => tr!("avgpool {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::BlurPool(p) => tr!("blur {0}×{0}{1}", p.kernel, stride(p.stride)),
        Op::GlobalAvgPool => tr!("global avgpool"),
        Op::Linear => format!("fc, {}", node.shape.channels),
        op => op.kind().into(),
    }
}

struct Drawing<'a> {
    graph: &'a Graph,
    base: &'a Graph,
    column: Column,
    y: f64,
}

impl<'a> Drawing<'a> {
    fn draw(mut self, segments: &[Segment]) -> Column {
        let graph = self.graph;
        self.column.notes.push(Note { text: tr!("picture, {}", graph.nodes[0].shape), at: (MIDDLE + 6.0, 22.0), ends: false });
        self.line(&[(MIDDLE, 12.0), (MIDDLE, self.y)]);
        for segment in segments {
            match segment {
                Segment::Stem { convs, pools } => {
                    self.rows(&stem(self.base, graph, false), *convs);
                    self.rows(&stem(self.base, graph, true), *pools);
                }
                Segment::Stage(stage) => self.closed(*stage, 0..usize::MAX, true),
                Segment::Handle(stage) => {
                    self.handle(BlockRef { stage: *stage, block: None }, graph.stage(*stage).next().is_some())
                }
                Segment::Run { stage, blocks } => self.closed(*stage, blocks.clone(), false),
                Segment::Open { stage, block, rows } => self.opened(*stage, *block, *rows),
            }
        }
        if let Some(pool) = graph.nodes.iter().find(|node| node.op == Op::GlobalAvgPool) {
            self.rows(&[Aligned::Both { before: pool, after: pool }], 1);
        }
        for pair in aligned(self.base, graph, Part::Head) {
            self.layer(&pair, MIDDLE, self.y, WIDE);
        }
        self.column.height = self.y + BOX_HEIGHT + 6.0;
        self.column
    }

    fn line(&mut self, points: &[(f64, f64)]) {
        self.column.lines.push(points.to_vec());
    }

    /// Moves down by `by` and draws the line along the way.
    fn step(&mut self, by: f64) {
        let top = self.y;
        self.y += by;
        self.line(&[(MIDDLE, top), (MIDDLE, self.y)]);
    }

    /// Writes an output shape below the box whose lower edge is at `y`: left of the line on path B, right of it elsewhere.
    fn shape(&mut self, shape: Shape, x: f64, y: f64) {
        let ends = x > MIDDLE;
        let at = (if ends { x - 6.0 } else { x + 6.0 }, y + 12.0);
        self.column.notes.push(Note { text: shape.to_string(), at, ends });
    }

    /// Draws layers one below the other in the middle, and the line down to the end of `rows` rows.
    fn rows(&mut self, layers: &[Aligned], rows: usize) {
        for pair in layers {
            self.layer(pair, MIDDLE, self.y, WIDE);
            self.y += BOX_HEIGHT;
            self.step(GAP);
        }
        if rows > layers.len() {
            self.step((rows - layers.len()) as f64 * STEP);
        }
    }

    fn layer(&mut self, pair: &Aligned, x: f64, y: f64, width: f64) {
        let (Aligned::Both { after: node, .. } | Aligned::Removed(node) | Aligned::Added(node)) = *pair;
        let text = label(node);
        let difference = pair.difference();
        let change = difference.as_ref().map(|difference| difference.change);
        let out = node.shape;
        let description = match difference {
            None => tr!("{}: {}, puts out {}", node.id, text, out),
            Some(Difference { change: Change::Changed, words, .. }) => {
                tr!("{}: {}, puts out {}, changed: {}", node.id, text, out, words)
            }
            Some(Difference { change: Change::Added, .. }) => tr!("{}: {}, puts out {}, added", node.id, text, out),
            Some(Difference { change: Change::Removed, .. }) => tr!("{}: {}, removed", node.id, text),
        };
        let is_last = node.op == Op::Linear;
        if change != Some(Change::Removed) && !is_last {
            self.shape(out, x, y + BOX_HEIGHT);
        }
        let at = (x, y, width, BOX_HEIGHT);
        self.column.cells.push(Cell { id: node.id.clone(), label: text, description, at, change, fold: None });
    }

    /// Draws the handle that closes an open stage or block.
    fn handle(&mut self, unit: BlockRef, is_there: bool) {
        if is_there {
            let label = unit.to_string();
            let description = tr!("{}, open", label);
            let at = (MIDDLE, self.y, 84.0, HANDLE_HEIGHT);
            self.column.cells.push(Cell {
                id: label.clone(),
                label,
                description,
                at,
                change: None,
                fold: Some(Fold::Close(unit)),
            });
            self.y += HANDLE_HEIGHT;
            self.step(10.0);
        } else {
            self.step(HANDLE_HEIGHT + 10.0);
        }
    }

    /// Draws a closed stage, or some of its blocks, as one box.
    fn closed(&mut self, stage: usize, range: Range<usize>, whole: bool) {
        let graph = self.graph;
        let blocks: Vec<&Block> = graph.stage(stage).filter(|block| range.contains(&block.index)).collect();
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return self.step(STEP) };
        let shape = graph.nodes[last.output].shape;
        let many = |n: usize| tr!("1 block" | "{} blocks" % n);
        // A whole stage opens at its first block, as in the paper's figure; a run of blocks opens into a list.
        let (id, label, unit) = match blocks.len() {
            n if whole => (format!("layer{stage}"), tr!("stage {} · {}", stage, many(n)), BlockRef { stage, block: Some(0) }),
            1 => (first.id.clone(), first.id.clone(), BlockRef { stage, block: Some(first.index) }),
            n => (first.id.clone(), tr!("{} more blocks", n), BlockRef { stage, block: None }),
        };
        let paths = blocks.iter().flat_map(|block| [true, false].map(|is_a| Part::Path { stage, block: block.index, is_a }));
        let differences =
            paths.flat_map(|part| aligned(self.base, graph, part)).filter(|pair| pair.difference().is_some()).count();
        // A block that the base network lacks counts as added as a whole.
        let base_blocks = self.base.stage(stage).filter(|block| range.contains(&block.index)).count();
        let change = (differences > 0).then_some(if base_blocks == 0 { Change::Added } else { Change::Changed });
        let description = match change {
            None => tr!("{}, puts out {}, closed", label, shape),
            Some(_) => tr!("{}, puts out {}, {} of its layers differ, closed", label, shape, differences),
        };
        let at = (MIDDLE, self.y, WIDE, BOX_HEIGHT);
        self.column.cells.push(Cell { id, label, description, at, change, fold: Some(Fold::Open(unit)) });
        self.shape(shape, MIDDLE, self.y + BOX_HEIGHT);
        self.y += BOX_HEIGHT;
        self.step(GAP);
    }

    /// Draws an open block with both paths.
    fn opened(&mut self, stage: usize, block: usize, rows: usize) {
        let graph = self.graph;
        let is_there = graph.stage(stage).nth(block).is_some();
        self.handle(BlockRef { stage, block: Some(block) }, is_there);
        let fork = self.y;
        let first = fork + 14.0;
        let end = first + rows as f64 * STEP;
        let Some(block) = graph.stage(stage).nth(block) else {
            return self.step(end + 8.0 + GAP - fork);
        };
        for (text, x, ends) in [(tr!("path A"), 2.0, false), (tr!("path B"), WIDTH - 2.0, true)] {
            self.column.notes.push(Note { text, at: (x, fork - 5.0), ends });
        }
        for (x, is_a) in [(PATHS.0, true), (PATHS.1, false)] {
            let layers = aligned(self.base, graph, Part::Path { stage, block: block.index, is_a });
            // A path with fewer rows is centred vertically.
            let spare = if is_a || layers.is_empty() { 0 } else { rows - layers.len() };
            let mut y = first + spare as f64 * STEP / 2.0;
            self.line(&[(MIDDLE, fork), (x, fork), (x, if layers.is_empty() { end } else { y })]);
            for (index, pair) in layers.iter().enumerate() {
                self.layer(pair, x, y, NARROW);
                let next = if index + 1 < layers.len() { y + STEP } else { end };
                self.line(&[(x, y + BOX_HEIGHT), (x, next)]);
                y += STEP;
            }
            self.line(&[(x, end), (MIDDLE + if is_a { -8.0 } else { 8.0 }, end)]);
        }
        self.column.joins.push((MIDDLE, end));
        self.y = end + 8.0;
        self.shape(graph.nodes[block.output].shape, MIDDLE, self.y);
        self.step(GAP);
    }
}

/// Renders a column as an SVG element, with the CSS classes `node`, `added`, `removed`, `changed`, `selected`, `handle`, `line`, `join`,
/// `note` and `sign`.
///
/// Every box is a button with its layer in `data-node` and what it opens or closes in `data-fold`. The selected box, or else the first, is
/// in the tab order; arrow keys reach the others. `name` is the accessible name of the drawing.
pub fn svg(column: &Column, name: &str, selected: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_svg(&mut out, column, name, selected);
    out
}

fn write_svg(out: &mut String, column: &Column, name: &str, selected: &str) -> std::fmt::Result {
    write!(out, r#"<svg class="diagram" viewBox="0 0 {WIDTH} {}" role="group" aria-label="{name}">"#, column.height)?;
    // One path element for all lines: a deep network has a thousand lines, and the number of elements decides the time.
    out.push_str(r#"<path class="line" d=""#);
    for line in &column.lines {
        for (index, (x, y)) in line.iter().enumerate() {
            write!(out, "{}{x} {y}", if index == 0 { 'M' } else { 'L' })?;
        }
    }
    out.push_str(r#""/>"#);
    for Note { text, at: (x, y), ends } in &column.notes {
        let anchor = if *ends { r#" text-anchor="end""# } else { "" };
        write!(out, r#"<text class="note" x="{x}" y="{y}"{anchor}>{text}</text>"#)?;
    }
    for (x, y) in &column.joins {
        let plus = y + 4.0;
        write!(out, r#"<circle class="join" cx="{x}" cy="{y}" r="8"/>"#)?;
        write!(out, r#"<text class="plus" x="{x}" y="{plus}" text-anchor="middle">+</text>"#)?;
    }
    let reached = column.cells.iter().position(|cell| cell.id == selected).unwrap_or(0);
    for (index, cell) in column.cells.iter().enumerate() {
        write_cell(out, cell, cell.id == selected, index == reached)?;
    }
    out.push_str("</svg>");
    Ok(())
}

fn write_cell(out: &mut String, cell: &Cell, is_selected: bool, is_reached: bool) -> std::fmt::Result {
    let (x, y, width, height) = cell.at;
    let (change, sign) = match cell.change {
        None => ("", ""),
        Some(Change::Added) => (" added", "+"),
        Some(Change::Removed) => (" removed", "−"),
        Some(Change::Changed) => (" changed", "~"),
    };
    let handle = if height < BOX_HEIGHT { " handle" } else { "" };
    let selected = if is_selected { " selected" } else { "" };
    let fold = match &cell.fold {
        None => String::new(),
        Some(fold) => format!(r#" data-fold="{fold}" aria-expanded="{}""#, matches!(fold, Fold::Close(_))),
    };
    let reached = if is_reached { 0 } else { -1 };
    write!(
        out,
        r#"<g class="node{change}{handle}{selected}" data-node="{0}"{fold} role="button" tabindex="{reached}" aria-label="{1}"><title>{1}</title>"#,
        cell.id, cell.description
    )?;
    let (left, right, middle) = (x - width / 2.0, x + width / 2.0, y + height / 2.0);
    write!(out, r#"<rect x="{left}" y="{y}" width="{width}" height="{height}" rx="6"/>"#)?;
    // The text moves to make room for the sign.
    let words = if sign.is_empty() || cell.fold.is_some() { x } else { x + 5.0 };
    write!(out, r#"<text x="{words}" y="{}" text-anchor="middle">{}</text>"#, middle + 4.0, cell.label)?;
    if !sign.is_empty() {
        write!(out, r#"<text class="sign" x="{}" y="{}" text-anchor="middle">{sign}</text>"#, left + 8.0, middle + 4.0)?;
    }
    let (tip, top) = (right - 8.0, middle);
    match cell.fold {
        None => {}
        Some(Fold::Open(_)) => write!(out, r#"<path class="tip" d="M{} {}l4 3.5l-4 3.5z"/>"#, tip - 4.0, top - 3.5)?,
        Some(Fold::Close(_)) => write!(out, r#"<path class="tip" d="M{} {}h7l-3.5 4z"/>"#, tip - 7.0, top - 2.0)?,
    }
    out.push_str("</g>");
    Ok(())
}
