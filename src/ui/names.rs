//! Networks' names as people write them, and the colour that each is known by.

use crate::arch::names::BODIES;
use crate::arch::{ArchSpec, Variant};

/// `ResNet-50-D` for `resnet50-d`, `Tiny-D` for `tiny-d`; switches follow as they are written. An unknown name stands for itself.
pub fn display(net: &str) -> String {
    let (base, switches) = net.split_once('.').unwrap_or((net, ""));
    let known = base.rsplit_once('-').and_then(|(body, letter)| Some((BODIES.iter().find(|known| known.name == body)?, letter)));
    match known {
        Some((body, letter)) if switches.is_empty() => format!("{}-{}", body.title, letter.to_uppercase()),
        Some((body, letter)) => format!("{}-{} {}", body.title, letter.to_uppercase(), switches.replace('.', " ")),
        None => net.into(),
    }
}

/// The letter whose stem, stride and shortcut a network has.
pub fn variant(net: &str) -> Option<Variant> {
    ArchSpec::named(net).ok()?.letter()
}

/// The letter that a network is coloured by: its own, or for a mixture the one in its name.
pub fn hue(net: &str) -> char {
    let named = || net.split('.').next().and_then(|base| base.chars().last());
    variant(net).map(Variant::letter).or_else(named).unwrap_or('a')
}

/// What makes a network what it is: its letter's tweak, or that nobody is known to have trained it.
pub fn tagline(net: &str) -> &'static str {
    match ArchSpec::named(net).ok().map(|spec| (spec.known(), spec)) {
        Some((Some((_, variant)), _)) => variant.tagline(),
        Some((None, spec)) if spec.dilate.contains(&true) => "dilated",
        _ => "a mixture of your own",
    }
}

/// The family of a network, `resnet50` or `tiny`; with switches, the whole name is a family of its own.
pub fn family(net: &str) -> &str {
    if net.contains('.') { net } else { net.rsplit_once('-').map_or(net, |(family, _)| family) }
}

/// The families that can be chosen, with what they are called.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str)> {
    BODIES.iter().map(|body| (body.name, body.title))
}

/// `4,089,184,256`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3.86 G`: a count in thousands, millions or thousands of millions, three digits.
pub fn short_count(count: u64) -> String {
    let count = count as f64;
    let (value, unit) = match count {
        c if c >= 1e9 => (c / 1e9, " G"),
        c if c >= 1e6 => (c / 1e6, " M"),
        c if c >= 1e3 => (c / 1e3, " k"),
        c => (c, ""),
    };
    if value >= 100.0 || unit.is_empty() {
        format!("{value:.0}{unit}")
    } else if value >= 10.0 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.2}{unit}")
    }
}
