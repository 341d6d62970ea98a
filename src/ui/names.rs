//! Networks' names as people write them, and the colour that each is known by.

use crate::arch::{ArchSpec, Variant};

/// `ResNet-50-D` for `resnet50-d`, `Tiny-D` for `tiny-d`. An unknown name stands for itself.
pub fn display(net: &str) -> String {
    match net.rsplit_once('-') {
        Some(("tiny", letter)) => format!("Tiny-{}", letter.to_uppercase()),
        Some((body, letter)) => match body.strip_prefix("resnet") {
            Some(depth) => format!("ResNet-{depth}-{}", letter.to_uppercase()),
            None => net.into(),
        },
        None => net.into(),
    }
}

/// The paper's letter of a network.
pub fn variant(net: &str) -> Option<Variant> {
    ArchSpec::named(net).ok()?;
    Variant::ALL.into_iter().find(|variant| net.ends_with(variant.letter()))
}

/// The family of a network, `resnet50` or `tiny`.
pub fn family(net: &str) -> &str {
    net.rsplit_once('-').map_or(net, |(family, _)| family)
}

/// The families that can be chosen, with what they are called.
pub const FAMILIES: [(&str, &str); 6] = [
    ("tiny", "Tiny"),
    ("resnet18", "ResNet-18"),
    ("resnet34", "ResNet-34"),
    ("resnet50", "ResNet-50"),
    ("resnet101", "ResNet-101"),
    ("resnet152", "ResNet-152"),
];

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
