//! Networks' names as people write them, and the colour that each is known by.

use stridescope_arch::names::BODIES;
use stridescope_arch::{ArchSpec, Variant};
use stridescope_i18n::{tr, translate};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;

/// `ResNet-50-D` for `resnet50-d`, `Tiny-D` for `tiny-d`; switches follow as they are written, then the weights, where they were chosen.
pub fn display(model: &ModelRef) -> String {
    let name = titled(model.name());
    match model.chosen() {
        Some(WeightsSource::Entry(entry)) => {
            format!("{name} · {}", entry.id.split_once('.').map_or(&*entry.id, |(_, recipe)| recipe))
        }
        Some(source) => format!("{name} · {}", source.title()),
        None => name,
    }
}

fn titled(net: &str) -> String {
    let (base, switches) = net.split_once('.').unwrap_or((net, ""));
    let known = base.rsplit_once('-').and_then(|(body, letter)| Some((BODIES.iter().find(|known| known.name == body)?, letter)));
    match known {
        Some((body, letter)) if switches.is_empty() => format!("{}-{}", body.title, letter.to_ascii_uppercase()),
        Some((body, letter)) => format!("{}-{} {}", body.title, letter.to_ascii_uppercase(), switches.replace('.', " ")),
        None => net.into(),
    }
}

/// The body and the letter in a network's name: `resnet50` and `d` of `resnet50-d.os8`.
pub fn base(model: &ModelRef) -> (&str, &str) {
    let base = model.name().split('.').next().unwrap_or_default();
    base.rsplit_once('-').unwrap_or((base, ""))
}

/// The letter whose stem, stride and shortcut a network has.
pub fn variant(model: &ModelRef) -> Option<Variant> {
    model.spec().letter()
}

/// The letter that a network is coloured by: its own, or for a mixture the one in its name.
pub fn hue(model: &ModelRef) -> char {
    let named = || base(model).1.chars().last();
    variant(model).map(Variant::letter).or_else(named).unwrap_or('a')
}

/// The letter of the paper whose colour a network is drawn in: S is a kind of C, T of D.
pub fn paint(model: &ModelRef) -> char {
    match hue(model) {
        's' => 'c',
        't' => 'd',
        letter => letter,
    }
}

/// What sets a network apart: its letter's tweak, or that nobody is known to have trained it.
pub fn tagline(model: &ModelRef) -> &'static str {
    let spec = model.spec();
    match spec.known() {
        Some((_, variant)) => variant.tagline(),
        None if spec.dilate.contains(&true) => "dilated",
        None => "a mixture of your own",
    }
}

/// Where a network comes from: its body's paper and its letter's, with links; of a mixture, that nobody is known to have trained it.
pub fn source(spec: &ArchSpec) -> Vec<(String, Option<String>)> {
    match spec.known() {
        Some((body, variant)) if body.source == variant.source() => linked(&translate(body.source)),
        Some((body, variant)) => {
            let mut words = linked(&translate(body.source));
            words.push((format!(". {}: ", variant.letter().to_ascii_uppercase()), None));
            words.extend(linked(&translate(variant.source())));
            words
        }
        // Dilation changes no tensor: the network it came from has its weights.
        None if spec.dilate.contains(&true) => {
            let plain = ArchSpec { dilate: vec![false; spec.dilate.len()], ..spec.clone() };
            let mut words = source(&plain);
            words.push((tr!(", dilated instead of strided"), None));
            words
        }
        None => vec![(tr!("A mixture that nobody is known to have trained"), None)],
    }
}

/// Words and, where they name a paper on arXiv, its address.
fn linked(words: &str) -> Vec<(String, Option<String>)> {
    let mut out = Vec::new();
    let mut rest = words;
    while let Some(start) = rest.find("arXiv ") {
        let number = &rest[start + 6..];
        let end = number.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(number.len());
        out.push((rest[..start].to_string(), None));
        out.push((rest[start..start + 6 + end].to_string(), Some(format!("https://arxiv.org/abs/{}", &number[..end]))));
        rest = &number[end..];
    }
    out.push((rest.to_string(), None));
    out.retain(|(words, _)| !words.is_empty());
    out
}

/// The family of a network, `resnet50` or `tiny`; with switches, the whole name is a family of its own.
pub fn family(model: &ModelRef) -> &str {
    let net = model.name();
    if net.contains('.') { net } else { net.rsplit_once('-').map_or(net, |(family, _)| family) }
}

/// The families that can be chosen, with what they are called.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    BODIES.iter().map(|body| (body.name, body.title))
}
