//! Display names and colours of networks.

use stridescope_arch::names::BODIES;
use stridescope_arch::{ArchSpec, Variant};
use stridescope_i18n::{tr, translate};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;

/// `ResNet-50-D` for `resnet50-d`, `Tiny-D` for `tiny-d`; then switches as they are written, then the weights where they were chosen.
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

/// The body and the letter of a network's name: `resnet50` and `d` of `resnet50-d.os8`.
pub fn base(model: &ModelRef) -> (&str, &str) {
    let base = model.name().split('.').next().unwrap_or_default();
    base.rsplit_once('-').unwrap_or((base, ""))
}

/// The letter whose stem, stride and shortcut a network has; none for a mixture.
pub fn variant(model: &ModelRef) -> Option<Variant> {
    model.spec().letter()
}

/// The letter that gives a network its colour: its own, or for a mixture the one in its name.
pub fn hue(model: &ModelRef) -> char {
    let named = || base(model).1.chars().last();
    variant(model).map(Variant::letter).or_else(named).unwrap_or('a')
}

/// The letter of the paper that gives the colour: S is a kind of C, T of D.
pub fn paint(model: &ModelRef) -> char {
    match hue(model) {
        's' => 'c',
        't' => 'd',
        letter => letter,
    }
}

/// What distinguishes a network: its letter's tweak, or that no trained weights are known.
pub fn tagline(model: &ModelRef) -> &'static str {
    let spec = model.spec();
    match spec.known() {
        Some((_, variant)) => variant.tagline(),
        None if spec.dilate.contains(&true) => "dilated",
        None => "a mixture of your own",
    }
}

/// Where a network comes from: the papers of its body and its letter, with links; of a mixture, that no trained weights are known.
pub fn source(spec: &ArchSpec) -> Vec<(String, Option<String>)> {
    match spec.known() {
        Some((body, variant)) if body.source == variant.source() => linked(&translate(body.source)),
        Some((body, variant)) => {
            let mut words = linked(&translate(body.source));
            words.push((format!(". {}: ", variant.letter().to_ascii_uppercase()), None));
            words.extend(linked(&translate(variant.source())));
            words
        }
        // Dilation changes no tensor: the weights of the network without it fit.
        None if spec.dilate.contains(&true) => {
            let plain = ArchSpec { dilate: vec![false; spec.dilate.len()], ..spec.clone() };
            let mut words = source(&plain);
            words.push((tr!(", dilated instead of strided"), None));
            words
        }
        None => vec![(tr!("A mixture that nobody is known to have trained"), None)],
    }
}

/// A text and, where it names a paper on arXiv, the paper's address.
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

/// The family of a network, `resnet50` or `tiny`. A network with switches is a family of its own, under its whole name.
pub fn family(model: &ModelRef) -> &str {
    let net = model.name();
    if net.contains('.') { net } else { net.rsplit_once('-').map_or(net, |(family, _)| family) }
}

/// The families of the menu, with their display names.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    BODIES.iter().map(|body| (body.name, body.title))
}
