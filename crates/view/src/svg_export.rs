//! Standalone drawings: an SVG file with its own colours, for an article or a slide.

use crate::markup::{escape, is_xml};
use std::fmt::Write;
use stridescope_arch::diagram::{self, Column, WIDTH};
use stridescope_i18n::tr;
use stridescope_link::names::{display, paint};
use stridescope_weights::ModelRef;

/// The colours of a standalone drawing, as in `styles.css`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// Dark ink on white.
    Light,
    /// Light ink on near-black.
    Dark,
}

/// The page's CSS variables, with their values in the light and in the dark theme.
const COLOURS: [(&str, &str, &str); 11] = [
    ("card", "#ffffff", "#1b1e23"),
    ("ink", "#1b1e23", "#eceae5"),
    ("ink-2", "#565c66", "#abb0b9"),
    ("ink-3", "#6b717b", "#8f959f"),
    ("line", "#e4e1d9", "#2f333b"),
    ("line-2", "#efece5", "#262a31"),
    ("a", "#7a5195", "#b58fd0"),
    ("b", "#2f6fb0", "#7fb2e8"),
    ("c", "#a3611a", "#e0a35a"),
    ("d", "#1a7a57", "#5cc79c"),
    ("lost", "#c0402b", "#ef7f68"),
];

impl Palette {
    /// Replaces the page's CSS variables, such as `var(--ink)`, by their values.
    fn resolve(self, svg: &str) -> String {
        COLOURS.iter().fold(svg.to_string(), |svg, (name, light, dark)| {
            svg.replace(&format!("var(--{name})"), if self == Self::Light { light } else { dark })
        })
    }
}

/// A drawing with its size in SVG user units.
#[derive(Debug, Clone, PartialEq)]
pub struct Still {
    /// The content of the file.
    pub svg: String,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:var(--ink)}.title{font-weight:600;font-size:13px}\
    .note{font-size:9px;fill:var(--ink-3)}.line{fill:none;stroke:var(--ink-3)}.node rect{fill:var(--card);stroke:var(--ink-3)}\
    .removed rect{stroke-dasharray:3 3}.removed text{fill:var(--ink-3)}.handle rect{stroke:none}.handle text{fill:var(--ink-2)}\
    .join{fill:var(--card);stroke:var(--ink-3)}.plus{font-size:12px}.tip{fill:var(--ink-3)}";

/// Block diagrams side by side: each network and its column.
pub fn diagrams(columns: &[(ModelRef, Column)], palette: Palette) -> Still {
    const MARGIN: f64 = 16.0;
    const HEAD: f64 = 36.0;
    let height = columns.iter().map(|(_, column)| column.height).fold(0.0, f64::max) + HEAD + 8.0;
    let width = columns.len() as f64 * (WIDTH + MARGIN) + MARGIN;
    let mut style = STYLE.to_string();
    let mut body = String::new();
    for (index, (model, column)) in columns.iter().enumerate() {
        let letter = paint(model);
        // Writing to a string cannot fail.
        let _ = write!(
            style,
            ".n{index} .added rect{{fill:var(--{letter});fill-opacity:.28;stroke:var(--{letter})}}\
             .n{index} .changed rect{{fill:var(--{letter});fill-opacity:.13;stroke:var(--{letter})}}"
        );
        let drawn = diagram::svg(column, "", "");
        let inner = &drawn[drawn.find('>').map_or(0, |end| end + 1)..];
        let x = MARGIN + index as f64 * (WIDTH + MARGIN);
        let _ = write!(
            body,
            "<g class=\"n{index}\" transform=\"translate({x} {HEAD})\"><text class=\"title\" x=\"{}\" y=\"-12\" text-anchor=\"middle\">{}</text>{}</g>",
            WIDTH / 2.0,
            escape(&display(model)),
            without_buttons(inner.trim_end_matches("</svg>")),
        );
    }
    let names: Vec<String> = columns.iter().map(|(model, _)| display(model)).collect();
    let title = tr!("Block diagram of {}", names.join(", "));
    file(&title, (width, height), &format!("<style>{style}</style>{body}"), palette)
}

/// A chart, from its `<svg>` element and its size on the page.
pub fn chart(title: &str, svg: &str, size: (u32, u32), palette: Palette) -> Still {
    let inner = &svg[svg.find('>').map_or(0, |end| end + 1)..];
    let size = (f64::from(size.0), f64::from(size.1));
    file(title, size, inner.trim_end().trim_end_matches("</svg>"), palette)
}

/// How a map is blended with the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Semi-transparent.
    Veil,
    /// Lightening: black leaves the image unchanged.
    Light,
}

/// Maps layered as on the page, with the drawing `over` on top and a caption below.
pub fn map(layers: &[String], how: Over, over: &str, caption: &[String], palette: Palette) -> Still {
    const SIDE: f64 = 320.0;
    let lines: Vec<String> = caption.iter().flat_map(|words| wrapped(words)).collect();
    let line = |(index, words): (usize, &String)| {
        format!(r#"<text x="16" y="{}">{}</text>"#, SIDE + 40.0 + 18.0 * index as f64, escape(words))
    };
    let image = |(index, url): (usize, &String)| {
        let style = match (how, index) {
            _ if layers.len() == 1 => "",
            (Over::Veil, 0) => "",
            (Over::Veil, _) => ";opacity:.62",
            (Over::Light, 0) => ";filter:brightness(.5)",
            (Over::Light, _) => ";mix-blend-mode:screen",
        };
        format!(r#"<image x="16" y="16" width="{SIDE}" height="{SIDE}" href="{url}" style="image-rendering:pixelated{style}"/>"#)
    };
    let over = over.replacen("<svg ", &format!(r#"<svg x="16" y="16" width="{SIDE}" height="{SIDE}" "#), 1);
    let body = format!(
        "<style>text{{font:12px system-ui,sans-serif;fill:var(--ink)}}svg rect{{vector-effect:non-scaling-stroke}}\
         svg svg rect{{fill:none;stroke:#fff;stroke-width:2}}</style>{}{over}{}",
        layers.iter().enumerate().map(image).collect::<String>(),
        lines.iter().enumerate().map(line).collect::<String>()
    );
    file(&caption.join(", "), (SIDE + 32.0, SIDE + 44.0 + 18.0 * lines.len() as f64), &body, palette)
}

/// The drawings of one path, as on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct PathDrawn {
    /// `Path A`.
    pub path: String,
    /// The data URL of the whole map.
    pub map: String,
    /// The magnifier's frame on the map, an SVG.
    pub frame: String,
    /// The magnifier, an SVG.
    pub magnifier: String,
    /// The summary of its reads, as text.
    pub words: String,
}

/// The paths of one transition side by side: the whole map above the magnifier, with a caption below.
pub fn strides(paths: &[PathDrawn], caption: &[String], palette: Palette) -> Still {
    const SIDE: usize = 320;
    const COLUMN: usize = SIDE + 24;
    // A nested `<svg>` is positioned by these attributes.
    let placed = |svg: &str, x: usize, y: usize| {
        svg.replacen("<svg ", &format!(r#"<svg x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" "#), 1)
    };
    let mut body = String::from(
        "<style>text{font:12px system-ui,sans-serif;fill:var(--ink)}.title{font-weight:600}.frame rect{fill:none;stroke:#fff;stroke-width:2;\
         vector-effect:non-scaling-stroke}.magnifier circle{fill:#fff;stroke:#14161a;stroke-width:.8}\
         .magnifier text{font-size:10px;font-weight:600;fill:#fff;stroke:#14161a;stroke-width:2;paint-order:stroke}\
         .magnifier .never{stroke:#fff;stroke-opacity:.55;fill:none}.magnifier .tap{fill:none;stroke:#fff;stroke-width:2}</style>",
    );
    let mut lines = 0;
    for (index, path) in paths.iter().enumerate() {
        let x = 16 + index * COLUMN;
        let caption = wrapped(&path.words);
        lines = lines.max(caption.len());
        let caption = caption
            .iter()
            .enumerate()
            .map(|(line, words)| format!(r#"<text x="{x}" y="{}">{}</text>"#, 2 * SIDE + 74 + 18 * line, escape(words)));
        // Writing to a string cannot fail.
        let _ = write!(
            body,
            r#"<text class="title" x="{x}" y="26">{}</text><image x="{x}" y="36" width="{SIDE}" height="{SIDE}" href="{}" style="image-rendering:pixelated" preserveAspectRatio="none"/><g class="frame">{}</g>{}{}"#,
            escape(&path.path),
            path.map,
            placed(&path.frame, x, 36),
            placed(&path.magnifier, x, SIDE + 48),
            caption.collect::<String>(),
        );
    }
    let top = 2 * SIDE + 84 + 18 * lines;
    let under: Vec<String> = caption.iter().flat_map(|words| wrapped(words)).collect();
    for (line, words) in under.iter().enumerate() {
        let _ = write!(body, r#"<text x="16" y="{}">{}</text>"#, top + 18 * line, escape(words));
    }
    let size = ((paths.len() * COLUMN + 8) as f64, (top + 18 * under.len()) as f64);
    file(&caption.join(", "), size, &body, palette)
}

/// Wraps text to the width of a map.
fn wrapped(words: &str) -> Vec<String> {
    const LETTERS: usize = 54;
    // A Korean syllable is about as wide as two Latin letters.
    let width = |text: &str| -> usize { text.chars().map(|letter| if ('가'..='힣').contains(&letter) { 2 } else { 1 }).sum() };
    let mut lines: Vec<String> = vec![String::new()];
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if width(line) + width(word) < LETTERS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

fn file(title: &str, (width, height): (f64, f64), body: &str, palette: Palette) -> Still {
    let title = escape(title);
    // plotters escapes what has a meaning in XML, but passes on characters that XML does not allow.
    let body = body.replace(|letter| !is_xml(letter), "\u{FFFD}");
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{title}\"><rect width=\"{width}\" height=\"{height}\" fill=\"var(--card)\"/>{body}</svg>\n"
    );
    Still { svg: palette.resolve(&svg), width, height }
}

/// Removes the attributes that make a box a button.
fn without_buttons(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(start) = rest.find(r#" role="button""#) {
        let end = rest[start..].find("<title>").map_or(rest.len(), |end| start + end);
        out.push_str(&rest[..start]);
        out.push('>');
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}
