//! The charts of the figure **cost**, as SVG that follows the page's theme, each with its data.

use crate::markup::escape;
use crate::tables::{GLUONCV, MIXUP_ENTRY, PAPER, ascending, counted, part_names};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use stridescope_arch::cost::{Convention, Extras, totals};
use stridescope_arch::spec::MAX_SIZE;
use stridescope_arch::table::{Level, Row, rows};
use stridescope_arch::{Graph, Input, lower, receptive};
use stridescope_i18n::numbers::short_count;
use stridescope_i18n::{tr, translate};
use stridescope_link::names::{display, paint};
use stridescope_weights::ModelRef;
use stridescope_weights::catalogue::{self, Remote};

/// A chart and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The title.
    pub title: String,
    /// The drawing, as SVG.
    pub svg: String,
    /// Names of the columns of [`Chart::rows`].
    pub head: Vec<String>,
    /// The data.
    pub rows: Vec<Vec<String>>,
}

/// Size of every chart, in SVG user units.
pub const SIZE: (u32, u32) = (440, 320);
/// Placeholders for the page's colours while a chart is drawn.
pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
pub(super) const QUIET: RGBColor = RGBColor(1, 1, 2);
pub(super) const LINE: RGBColor = RGBColor(1, 1, 3);
const HUES: [(char, RGBColor, &str); 4] = [
    ('a', RGBColor(1, 2, 1), "var(--a)"),
    ('b', RGBColor(1, 2, 2), "var(--b)"),
    ('c', RGBColor(1, 2, 3), "var(--c)"),
    ('d', RGBColor(1, 2, 4), "var(--d)"),
];

pub(super) fn colour(model: &ModelRef) -> RGBColor {
    let paint = paint(model);
    HUES.iter().find(|(known, _, _)| *known == paint).map_or(INK, |(_, colour, _)| *colour)
}

/// Draws a chart and replaces the placeholder colours by the page's. Drawing into a string cannot fail; if it did, the chart would be
/// empty.
pub(super) fn svg(title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut out = String::new();
    {
        let area = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        if draw(&area).and_then(|()| area.present().map_err(drop)).is_err() {
            return String::new();
        }
    }
    let mut page: Vec<(RGBColor, &str)> = HUES.iter().map(|&(_, colour, name)| (colour, name)).collect();
    page.extend([(INK, "var(--ink)"), (QUIET, "var(--ink-2)"), (LINE, "var(--line)")]);
    for (RGBColor(r, g, b), name) in page {
        out = out.replace(&format!("#{r:02X}{g:02X}{b:02X}"), name);
    }
    let (width, height) = SIZE;
    let (size, title) = (format!("width=\"{width}\" height=\"{height}\""), escape(title));
    out.replacen(&size, &format!("class=\"chart\" role=\"img\" aria-label=\"{title}\""), 1)
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
pub(super) type Drawn = Result<(), ()>;

pub(super) fn words(size: i32, colour: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    let pos = Pos::new(h, v);
    TextStyle { font: ("sans-serif", size).into_font(), color: colour.to_backend_color(), pos }
}

pub(super) type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The label of an axis, its range, and the format of its numbers.
pub(super) struct Axis<'a> {
    pub title: &'a str,
    pub range: std::ops::Range<f64>,
    pub label: &'a dyn Fn(&f64) -> String,
    /// Maximum number of ticks; 0 for an axis of names.
    pub ticks: usize,
}

/// Draws the axes with light grid lines.
pub(super) fn plot<'a, 'b>(area: &'a Area<'b>, x: &Axis, y: &Axis) -> Result<Plot<'a, 'b>, ()> {
    let mut plot = ChartBuilder::on(area)
        .margin(12)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x.range.clone(), y.range.clone())
        .map_err(drop)?;
    plot.configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(LINE)
        .axis_style(LINE)
        .x_labels(x.ticks)
        .y_labels(y.ticks)
        .x_label_formatter(x.label)
        .y_label_formatter(y.label)
        .x_desc(x.title)
        .y_desc(y.title)
        .axis_desc_style(words(13, QUIET, HPos::Center, VPos::Center))
        .label_style(words(13, QUIET, HPos::Center, VPos::Center))
        .draw()
        .map_err(drop)?;
    Ok(plot)
}

/// Draws one line per network, with its letter at the end.
fn lines(
    title: &str,
    models: &[ModelRef],
    series: &[Vec<(f64, f64)>],
    (x, y): (&Axis, &Axis),
    (head, cells): (Vec<String>, &dyn Fn(f64) -> String),
) -> Chart {
    let drawing = svg(title, |area| {
        let mut plot = plot(area, x, y)?;
        for (model, points) in models.iter().zip(series) {
            let style = colour(model).stroke_width(2);
            plot.draw_series(LineSeries::new(points.iter().copied(), style)).map_err(drop)?;
            plot.draw_series(points.iter().map(|&at| Circle::new(at, 3, colour(model).filled()))).map_err(drop)?;
        }
        legend(area, models)
    });
    let all: Vec<f64> = series.iter().flatten().map(|point| point.0).collect();
    let mut places: Vec<f64> = ascending(&all).into_iter().map(|index| all[index]).collect();
    places.dedup();
    let value = |points: &Vec<(f64, f64)>, at: f64| {
        points.iter().find(|point| point.0 == at).map_or(String::new(), |point| (y.label)(&point.1))
    };
    let row = |at: &f64| std::iter::once(cells(*at)).chain(series.iter().map(|points| value(points, *at))).collect();
    Chart { title: title.into(), svg: drawing, head, rows: places.iter().map(row).collect() }
}

/// The legend, in the upper left corner.
pub(super) fn legend(area: &Area, models: &[ModelRef]) -> Drawn {
    for (index, model) in models.iter().enumerate() {
        let y = 22 + 17 * index as i32;
        area.draw(&Rectangle::new([(84, y - 5), (94, y + 5)], colour(model).filled())).map_err(drop)?;
        area.draw(&Text::new(display(model), (100, y), words(13, INK, HPos::Left, VPos::Center))).map_err(drop)?;
    }
    Ok(())
}

fn heads(first: String, models: &[ModelRef]) -> Vec<String> {
    std::iter::once(first).chain(models.iter().map(display)).collect()
}

/// A round number slightly above `most`.
fn ceiling(most: f64) -> f64 {
    let unit = 10f64.powf(most.max(1.0).log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .iter()
        .map(|step| step * unit)
        .find(|&round| round >= most * 1.04)
        .unwrap_or(10.0 * unit)
}

/// The quantity stacked by [`by_part`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Learned parameters.
    Params,
    /// Operations under a convention.
    Ops(Convention),
}

/// The costs of all parts, stacked per network.
pub fn by_part(models: &[ModelRef], graphs: &[Graph], level: Level, quantity: Quantity) -> Chart {
    let (convention, what) = match quantity {
        Quantity::Params => (Convention::Macs(Extras::NONE), tr!("Parameters")),
        Quantity::Ops(convention) => (convention, counted(convention)),
    };
    let value = |row: &Row| if quantity == Quantity::Params { row.params } else { row.ops };
    let tables: Vec<Vec<Row>> = graphs.iter().map(|graph| rows(graph, level, convention)).collect();
    let most = tables.iter().map(|rows| rows.iter().map(value).sum::<u64>()).max().unwrap_or(1);
    let title = match level {
        Level::Stage => tr!("{} by stage", what),
        Level::Block => tr!("{} by block", what),
        Level::Layer => tr!("{} by layer", what),
    };
    let nothing = |_: &f64| String::new();
    let count = |value: &f64| short_count(*value as u64);
    let x = Axis { title: "", range: 0.0..models.len() as f64, label: &nothing, ticks: 0 };
    let y = Axis { title: "", range: 0.0..ceiling(most as f64), label: &count, ticks: 5 };
    let drawing = svg(&title, |area| {
        let mut plot = plot(area, &x, &y)?;
        let height = f64::from(SIZE.1) - 68.0;
        for (index, (model, rows)) in models.iter().zip(&tables).enumerate() {
            let (left, right) = (index as f64 + 0.18, index as f64 + 0.82);
            let mut from = 0.0;
            for (step, row) in rows.iter().enumerate() {
                let to = from + value(row) as f64;
                // Deeper stages are darker.
                let strength = 0.25 + 0.6 * step as f64 / (rows.len().max(2) - 1) as f64;
                let block = Rectangle::new([(left, from), (right, to)], colour(model).mix(strength).filled());
                // Skip parts without a value: most layers have no parameters.
                if to == from {
                    continue;
                }
                plot.draw_series([block]).map_err(drop)?;
                // Label a part if its block is large enough.
                let room = (f64::from(SIZE.0) - 96.0) / models.len() as f64 * 0.64;
                if (to - from) / y.range.end * height > 15.0 && row.id.len() as f64 * 6.5 < room {
                    let at = (index as f64 + 0.5, f64::midpoint(from, to));
                    let style = words(12, INK, HPos::Center, VPos::Center);
                    plot.draw_series([Text::new(row.id.clone(), at, style)]).map_err(drop)?;
                }
                from = to;
            }
            let style = words(13, INK, HPos::Center, VPos::Bottom);
            let sum = short_count(rows.iter().map(value).sum());
            plot.draw_series([Text::new(sum, (index as f64 + 0.5, from + y.range.end * 0.01), style)]).map_err(drop)?;
            let place = plot.backend_coord(&(index as f64 + 0.5, 0.0));
            let style = words(13, INK, HPos::Center, VPos::Top);
            area.draw(&Text::new(display(model), (place.0, place.1 + 8), style)).map_err(drop)?;
        }
        Ok(())
    });
    let names = part_names(&tables);
    let line = |name: String| {
        let cells =
            tables.iter().map(|rows| rows.iter().find(|row| row.id == name).map_or(String::new(), |row| short_count(value(row))));
        std::iter::once(name.clone()).chain(cells).collect()
    };
    Chart { title, svg: drawing, head: heads(tr!("Part"), models), rows: names.into_iter().map(line).collect() }
}

/// The costs of networks for input sizes from 64 pixels on.
pub fn by_size(models: &[ModelRef], graphs: &[Graph], convention: Convention) -> Chart {
    let cost = |graph: &Graph, size: usize| -> Option<(f64, f64)> {
        let graph = lower(&graph.spec, Input::square(size)).ok()?;
        let ops: u64 = graph.nodes.iter().map(|node| convention.count(&graph, node)).sum();
        Some((size as f64, ops as f64))
    };
    let series: Vec<Vec<(f64, f64)>> =
        graphs.iter().map(|graph| (64..=MAX_SIZE).step_by(64).filter_map(|size| cost(graph, size)).collect()).collect();
    let most = series.iter().flatten().fold(1.0, |most: f64, point| most.max(point.1));
    let pixels = |value: &f64| format!("{value:.0}");
    let count = |value: &f64| short_count(*value as u64);
    let pixels_in = tr!("input, pixels");
    let x = Axis { title: &pixels_in, range: 40.0..536.0, label: &pixels, ticks: 6 };
    let y = Axis { title: "", range: 0.0..ceiling(most), label: &count, ticks: 5 };
    let title = tr!("{} by input size", counted(convention));
    lines(&title, models, &series, (&x, &y), (heads(tr!("Pixels"), models), &|at| format!("{at:.0}")))
}

/// The receptive field at each block.
pub fn field_by_depth(models: &[ModelRef], graphs: &[Graph]) -> Chart {
    let fields = |graph: &Graph| -> Vec<(f64, f64)> {
        let fields = receptive::fields(graph);
        let ends = graph.blocks.first().map(|block| block.input).into_iter().chain(graph.blocks.iter().map(|block| block.output));
        ends.enumerate().filter_map(|(index, node)| Some((index as f64, fields[node]?.size as f64))).collect()
    };
    let series: Vec<Vec<(f64, f64)>> = graphs.iter().map(fields).collect();
    let most = series.iter().flatten().fold(1.0, |most: f64, point| most.max(point.1));
    let longest = series.iter().map(Vec::len).max().unwrap_or(1);
    let number = |value: &f64| format!("{value:.0}");
    let (blocks, pixels) = (tr!("blocks, from the stem on"), tr!("pixels"));
    let x = Axis { title: &blocks, range: -0.5..longest as f64 - 0.5, label: &number, ticks: 9 };
    let y = Axis { title: &pixels, range: 0.0..ceiling(most), label: &number, ticks: 5 };
    lines(&tr!("Receptive field by depth"), models, &series, (&x, &y), (heads(tr!("Blocks"), models), &|at| format!("{at:.0}")))
}

/// A histogram of one map of each network, in percent of its positions.
pub fn histogram(map: &str, models: &[ModelRef], series: &[Vec<(f64, f64)>]) -> Chart {
    let most = series.iter().flatten().fold(1.0, |most: f64, point| most.max(point.1));
    let places = || series.iter().flatten().map(|point| point.0);
    let (least, greatest) = (places().fold(f64::INFINITY, f64::min), places().fold(f64::NEG_INFINITY, f64::max));
    let value = |value: &f64| format!("{value:.1}");
    let percent = |value: &f64| format!("{value:.0} %");
    let (across, up) = (tr!("value"), tr!("positions"));
    let x = Axis { title: &across, range: least..greatest.max(least + 1e-6), label: &value, ticks: 6 };
    let y = Axis { title: &up, range: 0.0..ceiling(most), label: &percent, ticks: 5 };
    let title = tr!("Values of {}", map);
    lines(&title, models, series, (&x, &y), (heads(tr!("Value"), models), &|at| format!("{at:.2}")))
}

/// A published or measured accuracy: network, percent, and source.
struct Accuracy {
    model: ModelRef,
    size: usize,
    top1: f64,
    what: String,
    source: String,
    series: Series,
}

/// The source of a point.
#[derive(Clone, Copy, PartialEq)]
enum Series {
    Paper,
    GluonCv,
    /// Different recipes: differences are not due to the variant alone.
    Timm,
    Tiny,
}

/// Series trained on ImageNet with one recipe; their points are joined by a line.
const ONE_RECIPE: [Series; 2] = [Series::Paper, Series::GluonCv];

/// The network whose accuracy was reported under this name.
fn trained(net: &str) -> Option<ModelRef> {
    ModelRef::parse(net).ok()
}

fn accuracies() -> Vec<Accuracy> {
    let paper = PAPER.iter().filter_map(|&(net, _, top1, _)| {
        let source = tr!("reported by He et al. 2019, 120 epochs");
        Some(Accuracy { model: trained(net)?, size: 224, top1, what: tr!("paper"), source, series: Series::Paper })
    });
    let gluoncv = GLUONCV.iter().filter_map(|&(net, top1, _)| {
        let source = tr!("reported by GluonCV, 120 epochs, label smoothing, no mixup");
        Some(Accuracy { model: trained(net)?, size: 224, top1, what: "GluonCV".into(), source, series: Series::GluonCv })
    });
    let entries = catalogue::entries().unwrap_or_default();
    let timm = entries.iter().filter(|entry| matches!(entry.remote, Some(Remote::Hub { .. }))).filter_map(|entry| {
        let (_, tag) = entry.id.split_once('.')?;
        let source = format!("{}; {}", translate(&entry.card.recipe), tr!("timm's published results, checkpoint {}", tag));
        let top1 = entry.card.accuracy.as_ref()?.top1;
        let tag = tag.trim_end_matches("_in1k");
        // Its tag equals that of B and C, but its recipe differs.
        let what = if entry.id == MIXUP_ENTRY { format!("{tag} mixup") } else { tag.into() };
        Some(Accuracy { model: trained(&entry.card.net)?, size: 224, top1, what, source, series: Series::Timm })
    });
    let tiny = ["tiny-a", "tiny-b", "tiny-c", "tiny-d"].into_iter().filter_map(|net| {
        let card = &catalogue::for_net(net)?.card;
        let accuracy = card.accuracy.as_ref()?;
        let measured = format!("{}, {}", translate(&accuracy.measured_on), tr!("by {}", translate(&accuracy.by)));
        let source = format!("{}; {measured}", translate(&card.recipe));
        Some(Accuracy {
            model: trained(net)?,
            size: card.preprocess.size,
            top1: accuracy.top1,
            what: "tiny".into(),
            source,
            series: Series::Tiny,
        })
    });
    paper.chain(gluoncv).chain(timm).chain(tiny).collect()
}

/// From this many MACs on, points are close together.
const CROWDED: u64 = 3_000_000_000;
/// Height of a label, in SVG user units.
const LABEL: i32 = 15;

/// Accuracy against cost: the paper's four networks, GluonCV's four, timm's published results and the four tiny networks of this project.
pub fn accuracy() -> Chart {
    let title = tr!("Top-1 accuracy against MACs");
    let points: Vec<(Accuracy, u64)> = accuracies()
        .into_iter()
        .filter_map(|accuracy| {
            let graph = lower(accuracy.model.spec(), Input::square(accuracy.size)).ok()?;
            Some((accuracy, totals(&graph).macs))
        })
        .collect();
    let percent = |value: &f64| format!("{value:.0} %");
    let giga = |value: &f64| format!("{value:.0} G");
    let (across, up) = (tr!("MACs"), tr!("top-1"));
    let x = Axis { title: &across, range: -0.15..6.2, label: &giga, ticks: 7 };
    let y = Axis { title: &up, range: 70.0..90.0, label: &percent, ticks: 5 };
    let drawing = svg(&title, |area| {
        let mut plot = plot(area, &x, &y)?;
        let of = |series: Series| points.iter().filter(move |(accuracy, _)| accuracy.series == series);
        for series in ONE_RECIPE {
            let line: Vec<(f64, f64)> = of(series).map(|(accuracy, macs)| (*macs as f64 / 1e9, accuracy.top1)).collect();
            plot.draw_series(LineSeries::new(line, QUIET.stroke_width(2))).map_err(drop)?;
        }
        let note = Text::new(
            tr!("A line joins four of one recipe"),
            (84, SIZE.1 as i32 - 68),
            words(12, QUIET, HPos::Left, VPos::Center),
        );
        area.draw(&note).map_err(drop)?;
        let mut labels = Vec::with_capacity(points.len());
        for (accuracy, macs) in &points {
            let at = (*macs as f64 / 1e9, accuracy.top1);
            let style = match accuracy.series {
                // Filled: ImageNet. Hollow: ten classes, not comparable with the others.
                Series::Tiny => colour(&accuracy.model).stroke_width(2),
                _ => colour(&accuracy.model).filled(),
            };
            plot.draw_series([Circle::new(at, 5, style)]).map_err(drop)?;
            let letter = accuracy.model.name().chars().last().unwrap_or(' ').to_ascii_uppercase();
            labels.push((plot.backend_coord(&at), format!("{letter} {}", accuracy.what), *macs > CROWDED));
        }
        // Labels of crowded points form a column, with a line to each point.
        let order = ascending(&labels.iter().map(|(place, _, _)| f64::from(place.1)).collect::<Vec<_>>());
        let labels: Vec<_> = order.into_iter().map(|index| labels[index].clone()).collect();
        let crowd: Vec<i32> = labels.iter().filter(|(_, _, in_column)| *in_column).map(|(place, _, _)| place.1).collect();
        let count = crowd.len().max(1) as i32;
        // Centred on the points, but above the axis.
        let lowest = plot.backend_coord(&(0.0, y.range.start)).1 - count * LABEL;
        let mut next = (crowd.iter().sum::<i32>() / count - count * LABEL / 2).min(lowest).max(LABEL);
        let mut above = (0, 0);
        for (place, text, in_column) in labels {
            let to = if in_column {
                let to = (SIZE.0 as i32 - 88, next);
                next += LABEL;
                let path = PathElement::new([(place.0 + 6, place.1), (to.0 - 4, to.1)], LINE.stroke_width(1));
                area.draw(&path).map_err(drop)?;
                to
            } else {
                // Moves a label that would overlap the one above it.
                let is_close = (place.0 - above.0).abs() < 40;
                above = (place.0, if is_close { place.1.max(above.1 + LABEL - 2) } else { place.1 });
                (place.0 + 10, above.1)
            };
            area.draw(&Text::new(text, to, words(12, QUIET, HPos::Left, VPos::Center))).map_err(drop)?;
        }
        Ok(())
    });
    let row = |(accuracy, macs): &(Accuracy, u64)| {
        vec![display(&accuracy.model), format!("{:.2} %", accuracy.top1), short_count(*macs), accuracy.source.clone()]
    };
    let head = [tr!("Network"), tr!("Top-1"), tr!("MACs"), tr!("Recipe and source")].into();
    Chart { title, svg: drawing, head, rows: points.iter().map(row).collect() }
}
