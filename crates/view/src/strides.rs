//! The drawings and words of the figure **strides**.

use crate::heatmap::{self, Palette, data_url, quantise, range};
use std::fmt::Write;
use stridescope_arch::transition::{Reading, Transition};
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::tr;
use stridescope_link::Colours;

/// Most rows and columns under the magnifier.
pub const SPAN: usize = 10;
/// Side of a position under the magnifier, in units of the drawing.
const CELL: usize = 16;
/// What is never read: the one colour that no map has.
const LOST: [u8; 3] = [0x8b, 0x8f, 0x96];
/// A map that is not known: nothing has been computed.
const BLANK: u8 = 180;

fn palette() -> Palette {
    let mut palette = heatmap::palette(Colours::Viridis);
    palette[255] = LOST;
    palette
}

/// A map's values as colours 0 to 254, its darkest and brightest being its least and greatest.
pub fn shades(map: Option<&[f32]>, positions: usize) -> Vec<u8> {
    match map.filter(|map| map.len() == positions) {
        Some(map) => quantise(map, range(map)).into_iter().map(|value| value.min(254)).collect(),
        None => vec![BLANK; positions],
    }
}

/// The whole map as an `<img>` shows it, what a path never reads in grey.
pub fn overview(reading: &Reading, shades: &[u8]) -> String {
    let width = reading.reads.columns.len();
    let seen = |(at, &shade): (usize, &u8)| if reading.reads.at(at / width, at % width) == 0 { 255 } else { shade };
    data_url(&palette(), width, &shades.iter().enumerate().map(seen).collect::<Vec<_>>())
}

/// Where a step of the walk is: row and column of a path's output; `at` counts the positions of a walk over `walk` rows and columns.
pub fn place(reading: &Reading, at: usize, walk: (usize, usize)) -> (usize, usize) {
    let scale = |at: usize, walk: usize, out: usize| (at * out / walk.max(1)).min(out.saturating_sub(1));
    (scale(at / walk.1.max(1), walk.0, reading.out.0), scale(at % walk.1.max(1), walk.1, reading.out.1))
}

/// First row (or column) under the magnifier, for a kernel whose taps are these.
fn origin(taps: &[usize], len: usize) -> usize {
    let middle = (taps.first().copied().unwrap_or(0) + taps.last().copied().unwrap_or(0)) / 2;
    (middle + 1).saturating_sub(SPAN / 2).min(len.saturating_sub(SPAN))
}

/// The positions around the kernel, each with how often the path reads it: as many dots, from five on a number; none where it is lost.
pub fn magnifier(reading: &Reading, shades: &[u8], place: (usize, usize)) -> String {
    let (height, width) = (reading.reads.rows.len(), reading.reads.columns.len());
    let (rows, columns) = (reading.taps(height, place.0), reading.taps(width, place.1));
    let (top, left) = (origin(&rows, height), origin(&columns, width));
    let (across, down) = (SPAN.min(width), SPAN.min(height));
    let palette = palette();
    let mut out = String::new();
    let words = tr!("Rows {} to {}, columns {} to {}: {}", top, top + down - 1, left, left + across - 1, summary(reading));
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        r#"<svg class="magnifier" viewBox="-1 -1 {} {}" role="img" aria-label="{words}">"#,
        across * CELL + 2,
        down * CELL + 2,
    );
    for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
        let reads = reading.reads.at(top + y, left + x);
        let shade = if reads == 0 { 255 } else { shades.get((top + y) * width + left + x).copied().unwrap_or(BLANK) };
        let [r, g, b] = palette[usize::from(shade)];
        let (px, py) = (x * CELL, y * CELL);
        let _ = write!(out, r#"<rect x="{px}" y="{py}" width="16" height="16" fill="rgb({r} {g} {b})"/>"#);
        let dots: &[(usize, usize)] = match reads {
            1 => &[(8, 8)],
            2 => &[(5, 8), (11, 8)],
            3 => &[(5, 5), (8, 8), (11, 11)],
            4 => &[(5, 5), (11, 5), (5, 11), (11, 11)],
            _ => &[],
        };
        for (dx, dy) in dots {
            let _ = write!(out, r#"<circle cx="{}" cy="{}" r="2"/>"#, px + dx, py + dy);
        }
        match reads {
            0 => drop(write!(out, r#"<path class="never" d="M{} {}l6 6m0 -6l-6 6"/>"#, px + 5, py + 5)),
            5.. => drop(write!(out, r#"<text x="{}" y="{}" text-anchor="middle">{reads}</text>"#, px + 8, py + 12)),
            _ => {}
        }
    }
    for (y, x) in rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y, x))) {
        if (top..top + down).contains(&y) && (left..left + across).contains(&x) {
            let _ =
                write!(out, r#"<rect class="tap" x="{}" y="{}" width="15" height="15"/>"#, (x - left) * CELL, (y - top) * CELL);
        }
    }
    out.push_str("</svg>");
    out
}

/// The frame of the magnifier on the whole map, as an SVG over it.
pub fn frame(reading: &Reading, place: (usize, usize)) -> String {
    let (height, width) = (reading.reads.rows.len(), reading.reads.columns.len());
    let (top, left) = (origin(&reading.taps(height, place.0), height), origin(&reading.taps(width, place.1), width));
    format!(
        r#"<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true"><rect x="{left}" y="{top}" width="{}" height="{}"/></svg>"#,
        SPAN.min(width),
        SPAN.min(height)
    )
}

/// `25 %`, `12.5 %`, `55.56 %`.
pub fn percent(share: f64) -> String {
    let text = format!("{share:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What a path reads, in a sentence without its stop: `1×1, 128, /2 reads 25 % of 3,136 positions; 2,352 are lost`.
pub fn summary(reading: &Reading) -> String {
    let all = reading.reads.rows.len() * reading.reads.columns.len();
    let share = percent(reading.reads.read_percent());
    let (least, most) = (reading.reads.min(), reading.reads.max());
    let times = match (least, most) {
        (1, 1) => tr!(", each once"),
        (0, 1) => String::new(),
        (least, most) if least == most => tr!(", each {} times", least),
        (least, most) => tr!(", each {} to {} times", least.max(1), most),
    };
    let lost = match reading.lost() {
        0 => tr!("none is lost"),
        lost => tr!("{} are lost", grouped(lost)),
    };
    tr!("{} reads {} of {} positions{}; {}", reading.reader, share, grouped(all as u64), times, lost)
}

/// How far apart the middles of both paths' windows are, where they are; in a sentence.
pub fn offset(transition: &Transition) -> Option<String> {
    let [a, b] = transition.readings.get(..2)? else { return None };
    let apart = (a.centre() - b.centre()).abs();
    match apart {
        0.0 => None,
        0.5 => Some(tr!("The middles of their windows are half a position apart.")),
        apart => Some(tr!("The middles of their windows are {} positions apart.", apart)),
    }
}
