//! The drawings of the figure **features**: a grid of channels, one enlarged map, and statistics.

use crate::heatmap::{Palette, data_url, palette, quantise, range};
use crate::markup::escape;
use crate::strides::percent;
use crate::tables::ascending;
use std::fmt::Write;
use stridescope_i18n::tr;
use stridescope_link::{Colours, Sort};

/// Maximum rows and columns of a thumbnail.
const THUMBNAIL: usize = 28;
/// Side of a tile in the grid, including its margin, in CSS pixels.
pub const TILE: usize = 48;

/// Maps of one network: the channels of a layer, or one map per class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Maps {
    /// The name of each map; empty if maps are numbered.
    pub names: Vec<String>,
    /// The effect of an edit on these maps, as a sentence; empty without an edit.
    pub status: String,
    /// The effect of an edit on the most likely classes: name, probability before and after.
    pub top: Vec<(String, f64, f64)>,
    /// The effect of an edit on the stages, in order.
    pub stages: Vec<Change>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The maps one after another, row-major.
    pub values: Vec<f32>,
}

/// The effect of an edit on one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The layer, block or stage.
    pub node: String,
    /// Columns.
    pub width: usize,
    /// The largest change over the channels at each position, row-major.
    pub largest: Vec<f32>,
}

impl Change {
    /// From the changes of a layer's output, `[C, H, W]`: zero where nothing differs.
    pub fn of(node: String, (height, width): (usize, usize), differences: &[f32]) -> Self {
        let positions = (height * width).max(1);
        let mut largest = vec![0.0f32; positions];
        for channel in differences.chunks(positions) {
            largest.iter_mut().zip(channel).for_each(|(most, difference)| *most = most.max(difference.abs()));
        }
        Self { node, width, largest }
    }

    /// Percentage of positions at which any channel differs.
    pub fn percent(&self) -> f64 {
        100.0 * self.largest.iter().filter(|value| **value > 0.0).count() as f64 / self.largest.len().max(1) as f64
    }

    fn html(&self) -> String {
        let map = data_url(&palette(Colours::Magma), self.width, &quantise(&self.largest, (0.0, range(&self.largest).1)));
        let share = percent(self.percent());
        format!(
            r#"<figure><img alt="" src="{map}"/><figcaption>{}<br/>{}</figcaption></figure>"#,
            escape(&self.node),
            if self.percent() == 0.0 { tr!("nothing") } else { share }
        )
    }
}

impl Maps {
    /// Number of maps.
    pub fn count(&self) -> usize {
        self.values.len() / (self.height * self.width).max(1)
    }

    /// The values of one map, row-major.
    pub fn map(&self, index: usize) -> &[f32] {
        let positions = self.height * self.width;
        self.values.get(index * positions..(index + 1) * positions).unwrap_or(&[])
    }

    /// The value at a row and a column.
    pub fn at(&self, index: usize, (y, x): (usize, usize)) -> Option<f32> {
        (x < self.width).then(|| self.map(index).get(y * self.width + x).copied())?
    }

    /// Mean of one map.
    pub fn mean(&self, index: usize) -> f64 {
        let map = self.map(index);
        map.iter().map(|&value| f64::from(value)).sum::<f64>() / map.len().max(1) as f64
    }

    /// The name of one map: `channel 12`, or its own.
    pub fn name(&self, index: usize) -> String {
        self.names.get(index).cloned().unwrap_or_else(|| tr!("channel {}", index))
    }

    /// The order of the channels; `base` holds the baseline's maps.
    pub fn order(&self, sort: Sort, base: Option<&Self>) -> Vec<usize> {
        let key = |index: usize| match sort {
            Sort::Index => index as f64,
            Sort::Mean => -self.mean(index),
            Sort::Max => -f64::from(range(self.map(index)).1),
            Sort::Difference => -base.map_or(0.0, |base| (self.mean(index) - base.mean(index)).abs()),
        };
        ascending(&(0..self.count()).map(key).collect::<Vec<_>>())
    }

    /// Limits of the colour scale for some values; symmetric around zero for differences.
    pub fn ends(&self, values: &[f32]) -> (f32, f32) {
        let (least, most) = range(values);
        let far = most.max(-least);
        if self.status.is_empty() { (least, most) } else { (-far, far) }
    }

    /// The effect of an edit as HTML: the positions reached in each stage, and the most likely classes; empty without an edit.
    pub fn aftermath(&self) -> String {
        if self.status.is_empty() {
            return String::new();
        }
        let stages: String = self.stages.iter().map(Change::html).collect();
        let row = |(name, before, after): &(String, f64, f64)| {
            let p = |p: f64| percent(100.0 * p);
            format!("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escape(name), p(*before), p(*after))
        };
        let rows: String = self.top.iter().map(row).collect();
        let head: String =
            [tr!("Class"), tr!("before"), tr!("after")].iter().map(|head| format!(r#"<th scope="col">{head}</th>"#)).collect();
        format!(r#"<div class="after">{stages}</div><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"#)
    }

    /// Mean and extremes of one map, as text.
    pub fn words(&self, index: usize) -> String {
        let (least, most) = range(self.map(index));
        // Small values need more digits.
        let digits = if least.abs().max(most.abs()) < 0.1 { 4 } else { 2 };
        let number = |value: f64| format!("{value:.digits$}");
        tr!("{}: {} to {}, mean {}", self.name(index), number(least.into()), number(most.into()), number(self.mean(index)))
    }

    /// One map as an image of at most [`THUMBNAIL`] rows and columns, averaged over its parts.
    fn thumbnail(&self, index: usize, palette: &Palette, ends: (f32, f32)) -> String {
        let step = self.height.max(self.width).div_ceil(THUMBNAIL).max(1);
        let (rows, columns) = (self.height.div_ceil(step), self.width.div_ceil(step));
        let map = self.map(index);
        let mut out = Vec::with_capacity(rows * columns);
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y * step, x * step))) {
            let part = (y..(y + step).min(self.height))
                .flat_map(|y| &map[y * self.width + x..y * self.width + (x + step).min(self.width)]);
            let (sum, count) = part.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            out.push(sum / count);
        }
        data_url(palette, columns, &quantise(&out, ends))
    }

    /// One map as an image with one pixel per value.
    pub fn picture(&self, index: usize, palette: &Palette, ends: (f32, f32)) -> String {
        data_url(palette, self.width, &quantise(self.map(index), ends))
    }

    /// The tiles of some rows of the grid, `across` per row, positioned absolutely; `order` lists the channels. Without common `ends`, each
    /// tile has its own colour scale.
    pub fn wall(
        &self,
        order: &[usize],
        (rows, across): (std::ops::Range<usize>, usize),
        palette: &Palette,
        ends: Option<(f32, f32)>,
        chosen: usize,
    ) -> String {
        let mut out = String::new();
        for (place, &index) in order.iter().enumerate().take(rows.end * across).skip(rows.start * across) {
            let src = self.thumbnail(index, palette, ends.unwrap_or_else(|| self.ends(self.map(index))));
            let class = if index == chosen { r#" class="chosen""# } else { "" };
            let (left, top) = (place % across * TILE, place / across * TILE);
            let words = escape(&self.words(index));
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                r#"<img{class} data-channel="{index}" alt="" title="{words}" src="{src}" style="left:{left}px;top:{top}px"/>"#
            );
        }
        out
    }

    /// A histogram of one map as the points of a line: `bins` bins between the ends, in percent of all values.
    pub fn histogram(&self, index: usize, (least, most): (f32, f32), bins: usize) -> Vec<(f64, f64)> {
        let mut counts = vec![0usize; bins];
        let width = f64::from(most - least).max(f64::MIN_POSITIVE) / bins as f64;
        let map = self.map(index);
        for value in map {
            let bin = (f64::from(value - least) / width) as usize;
            if let Some(count) = counts.get_mut(bin.min(bins - 1)) {
                *count += 1;
            }
        }
        let share = |count: usize| 100.0 * count as f64 / map.len().max(1) as f64;
        counts.iter().enumerate().map(|(bin, &count)| (f64::from(least) + (bin as f64 + 0.5) * width, share(count))).collect()
    }
}
