//! The contents of a weights file as tables.

use crate::markup::escape;
use std::fmt::Write;
use stridescope_arch::{AntiAlias, ArchSpec, DilatedPool};
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::tr;
use stridescope_link::names::display;
use stridescope_weights::Layout;
use stridescope_weights::ModelRef;
use stridescope_weights::inspect::{Alternatives, BINS, Inspection, Tensor, Values};
use stridescope_weights::layout::Ambiguity;

/// Size of a histogram, in pixels.
const HISTOGRAM: (usize, usize) = (96, 24);
/// Maximum number of names in a finding.
const LISTED: usize = 12;

/// A histogram as an SVG: one bar per bin between minimum and maximum, scaled to the fullest bin.
pub fn histogram(values: &Values) -> String {
    let (width, height) = HISTOGRAM;
    let most = values.histogram.iter().copied().max().unwrap_or(0).max(1);
    let mut bars = String::new();
    for (bin, count) in values.histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
        // A bin with a single value must be visible.
        let bar = (height as f64 * f64::from(*count) / f64::from(most)).max(1.0);
        // Writing to a string cannot fail.
        let _ = write!(bars, "M{} {height}v-{bar:.1}h{}V{height}z", bin * width / BINS, width / BINS);
    }
    let words = tr!(
        "{} values from {} to {}",
        grouped(values.histogram.iter().map(|n| u64::from(*n)).sum()),
        number(values.min),
        number(values.max)
    );
    format!(
        r#"<svg class="histogram" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{words}"><path d="{bars}"/></svg>"#
    )
}

/// Four significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        magnitude if (1e-3..1e5).contains(&magnitude) => {
            let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.2e}"),
    }
}

fn row(tensor: &Tensor, spec: Option<&ArchSpec>, fault: Option<String>) -> String {
    let class = if fault.is_some() { r#" class="fault""# } else { "" };
    let fault = fault.map_or(String::new(), |fault| format!(" ({fault})"));
    let mut out = format!(r#"<tr{class}><th scope="row">{}{fault}</th>"#, escape(&tensor.name));
    let mut cell = |text: &str| {
        let _ = write!(out, "<td>{text}</td>");
    };
    for layout in [Layout::InputStem, Layout::Keras] {
        cell(&spec.and_then(|spec| layout.name(&tensor.name, spec)).map_or("–".into(), |name| escape(&name)));
    }
    cell(&escape(&tensor.dtype));
    cell(&tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "));
    match &tensor.values {
        Some(values) => {
            [values.mean, values.std, values.min, values.max].into_iter().for_each(|value| cell(&number(value)));
            cell(&grouped(values.zeros as u64));
            cell(&histogram(values));
        }
        None => (0..6).for_each(|_| cell("")),
    }
    out.push_str("</tr>");
    out
}

/// Every tensor whose name contains `filter`, in the three layouts, with statistics and a histogram; and their number.
pub fn table(inspection: &Inspection, filter: &str) -> (String, usize) {
    let spec = inspection.net.as_ref().and_then(|net| ArchSpec::named(net).ok());
    let report = &inspection.report;
    let fault = |name: &String| match name {
        name if report.not_finite.iter().any(|(bad, _)| bad == name) => Some(tr!("not finite")),
        name if report.misshapen.iter().any(|bad| bad.name == *name) => Some(tr!("another shape")),
        name if report.extra.contains(name) => Some(tr!("read by no layer")),
        _ => None,
    };
    let found: Vec<String> = inspection
        .tensors
        .iter()
        .filter(|tensor| tensor.name.contains(filter.trim()))
        .map(|tensor| row(tensor, spec.as_ref(), fault(&tensor.name)))
        .collect();
    let heads = [
        Layout::Timm.title().into(),
        Layout::InputStem.title().into(),
        Layout::Keras.title().into(),
        tr!("Type"),
        tr!("Shape"),
        tr!("Mean"),
        tr!("Std"),
        tr!("Least"),
        tr!("Greatest"),
        tr!("Zeros"),
        tr!("Histogram"),
    ];
    let head: String = heads.iter().map(|head| format!(r#"<th scope="col">{head}</th>"#)).collect();
    (format!("<table><thead><tr>{head}</tr></thead><tbody>{}</tbody></table>", found.concat()), found.len())
}

/// The problems of a file, one line each: the kind, and the tensors.
pub fn findings(inspection: &Inspection) -> Vec<(String, String)> {
    let report = &inspection.report;
    let list = |names: Vec<String>| {
        let more = names.len().saturating_sub(LISTED);
        let shown = names.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
        if more > 0 { tr!("{} and {} more", shown, more) } else { shown }
    };
    let shape = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    let misshapen =
        report.misshapen.iter().map(|bad| tr!("{}: {} instead of {}", bad.name, shape(&bad.found), shape(&bad.wanted)));
    let not_finite = report.not_finite.iter().map(|(name, index)| tr!("{}, number {}", name, grouped(*index as u64)));
    [
        (tr!("Missing"), report.missing.clone()),
        (tr!("Read by no layer"), report.extra.clone()),
        (tr!("Of another shape"), misshapen.collect()),
        (tr!("Not finite"), not_finite.collect()),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| (what, list(names)))
    .collect()
}

/// A property that the tensors of a file do not show, with one network per answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub label: String,
    /// Networks that differ in this property alone; the first is assumed.
    pub nets: Vec<String>,
    /// The label of each answer.
    pub titles: Vec<String>,
}

/// The questions about a file, except for the place of the stride, for which [`offers`] has one button each.
pub fn questions(inspection: &Inspection) -> Vec<Question> {
    inspection.alternatives.iter().filter_map(question).collect()
}

fn question(alternatives: &Alternatives) -> Option<Question> {
    let (label, answer): (_, fn(&ArchSpec) -> String) = match alternatives.about {
        Ambiguity::Stride => return None,
        Ambiguity::AntiAlias => (tr!("Anti-aliasing"), anti_aliasing),
        Ambiguity::Dilation => (tr!("Dilated"), dilation),
    };
    let title = |net: &String| ArchSpec::named(net).map_or_else(|_| net.clone(), |spec| answer(&spec));
    Some(Question { label, titles: alternatives.nets.iter().map(title).collect(), nets: alternatives.nets.clone() })
}

/// The label of a network's anti-aliasing.
fn anti_aliasing(spec: &ArchSpec) -> String {
    match spec.anti_alias {
        AntiAlias::None => tr!("none"),
        AntiAlias::AvgPool => tr!("avgpool"),
        AntiAlias::Blur => "BlurPool".into(),
    }
}

/// The label of a network's dilation.
fn dilation(spec: &ArchSpec) -> String {
    let stride = 4usize << spec.dilate.iter().filter(|dilated| !**dilated).count();
    match (spec.dilate.contains(&true), spec.dilated_pool) {
        (false, _) => tr!("none"),
        (true, DilatedPool::None) => tr!("output stride {}, shortcut not pooled: GluonCV, OpenMMLab", stride),
        (true, DilatedPool::Same) => tr!("output stride {}", stride),
    }
}

/// The networks that a file can be shown as, each with the text of its button. `answers` holds a network for each of [`questions`].
pub fn offers(inspection: &Inspection, answers: &[String]) -> Vec<(String, ModelRef)> {
    let Some(Ok(taken)) = inspection.net.as_deref().map(ArchSpec::named) else { return Vec::new() };
    let others = inspection.alternatives.iter().filter(|alternatives| alternatives.about != Ambiguity::Stride);
    let spec =
        others.zip(answers).fold(taken, |spec, (alternatives, answer)| match (alternatives.about, ArchSpec::named(answer)) {
            (Ambiguity::AntiAlias, Ok(answer)) => ArchSpec { anti_alias: answer.anti_alias, ..spec },
            (Ambiguity::Dilation, Ok(answer)) => ArchSpec { dilate: answer.dilate, dilated_pool: answer.dilated_pool, ..spec },
            (Ambiguity::Stride, _) | (_, Err(_)) => spec,
        });
    let original = ModelRef::of_spec(spec.original());
    let model = ModelRef::of_spec(spec);
    if !inspection.stride_is_open {
        return vec![(tr!("Show {}", display(&model)), model)];
    }
    vec![
        (tr!("On the 1×1: {}, as He et al. and Keras", display(&original)), original),
        (tr!("On the 3×3: {}, as torchvision and timm", display(&model)), model),
    ]
}
