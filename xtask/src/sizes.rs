//! What a visitor downloads, against the budgets.

use std::fmt::Write;

use crate::compress::Asset;
use crate::error::Error;

/// A part of the site that is loaded as one.
struct Part {
    name: &'static str,
    budget_bytes: u64,
    contains: fn(&Asset) -> bool,
}

const PARTS: [Part; 4] = [
    Part {
        name: "page",
        budget_bytes: 300_000,
        contains: |asset| is_code(asset) && !is_engine(asset) && !is_later(asset) && !is_element(asset),
    },
    Part { name: "figures", budget_bytes: 290_000, contains: |asset| is_code(asset) && is_later(asset) },
    Part { name: "engine", budget_bytes: 1_600_000, contains: |asset| is_code(asset) && is_engine(asset) },
    Part { name: "element", budget_bytes: 5_000, contains: is_element },
];

fn is_code(asset: &Asset) -> bool {
    asset.path.extension().is_some_and(|kind| kind == "wasm" || kind == "js" || kind == "mjs")
}

fn is_engine(asset: &Asset) -> bool {
    asset.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("worker"))
}

/// Code of figures, which is fetched when the page stands.
fn is_later(asset: &Asset) -> bool {
    let name = asset.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with("app-") && (name.contains("-split_") || name.contains("-chunk_"))
}

/// What other sites load to show a figure.
fn is_element(asset: &Asset) -> bool {
    asset.path.file_name().is_some_and(|name| name == "stride-scope.js")
}

/// The sizes of each part, wasm and JavaScript together, one line a part.
pub fn table(assets: &[Asset]) -> String {
    let mut text = format!("{:<8}{:>12}{:>12}{:>12}\n", "bytes", "raw", "brotli", "budget");
    for part in &PARTS {
        let (raw, brotli) = total(part, assets);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<8}{:>12}{:>12}{:>12}", part.name, grouped(raw), grouped(brotli), grouped(part.budget_bytes));
    }
    text
}

/// An error if a part is larger than its budget.
pub fn check(assets: &[Asset]) -> Result<(), Error> {
    for part in &PARTS {
        let (_, brotli) = total(part, assets);
        if brotli > part.budget_bytes {
            let (size, budget) = (grouped(brotli), grouped(part.budget_bytes));
            return Err(Error::new(
                "size check",
                format!("the {} takes {size} bytes compressed, and its budget is {budget}", part.name),
                "Find what grew with `twiggy` or by taking features out of Cargo.toml.",
            ));
        }
    }
    Ok(())
}

fn total(part: &Part, assets: &[Asset]) -> (u64, u64) {
    let members = assets.iter().filter(|asset| (part.contains)(asset));
    members.fold((0, 0), |(raw, brotli), asset| (raw + asset.raw_bytes, brotli + asset.brotli_bytes))
}

/// Digits in groups of three: 1,600,000.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(path: &str, raw_bytes: u64, brotli_bytes: u64) -> Asset {
        Asset { path: path.into(), raw_bytes, brotli_bytes }
    }

    #[test]
    fn the_table_adds_up_wasm_and_javascript_of_each_part() {
        let assets = [
            asset("app-0123456789abcdef.js", 20_000, 5_000),
            asset("app-0123456789abcdef_bg.wasm", 700_000, 200_000),
            asset("app-0123456789abcdef-split.js", 6_000, 900),
            asset("app-0123456789abcdef-split_cost.wasm", 110_000, 40_000),
            asset("app-0123456789abcdef-chunk_5.wasm", 70_000, 28_000),
            asset("assets/start.js", 1_000, 400),
            asset("assets/styles.css", 9_000, 3_000),
            asset("index.html", 2_000, 800),
            asset("worker.js", 100_000, 20_000),
            asset("worker_bg.wasm", 12_000_000, 1_500_000),
            asset("worker_loader.js", 60, 50),
            asset("stride-scope.js", 8_000, 2_500),
            asset("sw.js", 9_000, 4_000),
        ];
        let expected = "\
bytes            raw      brotli      budget
page         736,000     210,300     300,000
figures      180,000      68,000     290,000
engine    12,100,060   1,520,050   1,600,000
element        8,000       2,500       5,000
";
        assert_eq!(table(&assets), expected);
        assert!(check(&assets).is_ok());
    }

    #[test]
    fn a_part_over_its_budget_is_named() {
        let page = check(&[asset("app.wasm", 1, 300_001)]).expect_err("over").to_string();
        assert!(page.contains("the page takes 300,001 bytes"), "{page}");
        let engine = check(&[asset("worker_bg.wasm", 1, 1_600_001)]).expect_err("over").to_string();
        assert!(engine.contains("the engine takes 1,600,001 bytes"), "{engine}");
        assert!(check(&[asset("app.wasm", 1, 300_000), asset("worker.js", 1, 1_600_000)]).is_ok());
    }
}
