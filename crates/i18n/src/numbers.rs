//! Counts for readers.

/// A count with its thousands grouped: `4,089,184,256`.
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

/// A count with three digits and a unit of thousands, millions or billions: `3.86 G`.
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
