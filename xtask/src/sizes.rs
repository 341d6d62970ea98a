//! The size of the page's downloads, compared with the budgets and with the recorded sizes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::compress::{self, Asset};
use crate::error::Error;

/// How much a part may grow before its record must be updated, in percent.
const TOLERANCE_PERCENT: u64 = 2;
const STEP: &str = "size check";

/// At the site's root for other sites, and in the page's folder for the article.
const ELEMENT: &str = "stride-scope.js";

/// A part of the site that is loaded at once.
struct Part {
    name: &'static str,
    contains: fn(&Asset) -> bool,
}

const PARTS: [Part; 4] = [
    Part { name: "page", contains: |asset| is_code(asset) && !is_engine(asset) && !is_later(asset) && !is_element(asset) },
    Part { name: "figures", contains: |asset| is_code(asset) && is_later(asset) },
    Part { name: "engine", contains: |asset| is_code(asset) && is_engine(asset) },
    Part { name: "element", contains: is_element },
];

fn is_code(asset: &Asset) -> bool {
    asset.path.extension().is_some_and(|kind| kind == "wasm" || kind == "js" || kind == "mjs")
}

fn is_engine(asset: &Asset) -> bool {
    asset.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("worker"))
}

/// Code of figures that is loaded after the start; the figures of the article are elements too.
fn is_later(asset: &Asset) -> bool {
    let name = asset.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_piece = name.starts_with("app-") && (name.contains("-split_") || name.contains("-chunk_"));
    is_piece || (name == ELEMENT && !is_element(asset))
}

/// What other sites load to show a figure.
fn is_element(asset: &Asset) -> bool {
    asset.path == Path::new(ELEMENT)
}

/// The compressed size of a part, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Size {
    /// The goal, which a build must keep.
    limit: u64,
    /// That of the last build that was recorded.
    recorded: u64,
}

/// The size of each part, by its name, as in bench/sizes.json.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, Size>);

impl Record {
    /// Reads the record.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::file(STEP, path, error))?;
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|error| Error::new(STEP, format!("{}: {error}", path.display()), "Restore it from the repository."))
    }

    /// The limit and the recorded size of a part; both are zero for one that is not in the file.
    fn of(&self, part: &Part) -> Size {
        self.0.get(part.name).copied().unwrap_or_default()
    }

    /// Records the sizes of a build, and keeps the limits.
    pub fn write(path: &Path, assets: &[Asset]) -> Result<(), Error> {
        let limits = Self::read(path)?;
        let size = |part: &Part| Size { recorded: total(part, assets).1, ..limits.of(part) };
        let sizes: BTreeMap<&str, Size> = PARTS.iter().map(|part| (part.name, size(part))).collect();
        let text = serde_json::to_string_pretty(&sizes).map_err(|error| Error::file(STEP, path, error.into()))? + "\n";
        compress::replace(path, text.as_bytes()).map_err(|error| Error::file(STEP, path, error))
    }
}

/// The sizes of each part, wasm and JavaScript together, one line per part.
pub fn table(assets: &[Asset], record: &Record) -> String {
    let mut text = format!("{:<8}{:>12}{:>12}{:>12}{:>12}\n", "bytes", "raw", "brotli", "recorded", "limit");
    for part in &PARTS {
        let (raw, brotli) = total(part, assets);
        let [raw, brotli, recorded, limit] = [raw, brotli, record.of(part).recorded, record.of(part).limit].map(grouped);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<8}{raw:>12}{brotli:>12}{recorded:>12}{limit:>12}", part.name);
    }
    text
}

/// Fails if a part exceeds its limit or its record.
pub fn check(assets: &[Asset], record: &Record) -> Result<(), Error> {
    for part in &PARTS {
        let (_, brotli) = total(part, assets);
        let size = grouped(brotli);
        let Size { limit, recorded } = record.of(part);
        if brotli > limit {
            return Err(Error::new(
                STEP,
                format!("the {} takes {size} bytes compressed, and its limit is {}", part.name, grouped(limit)),
                "Find what grew with `twiggy` or by taking features out of Cargo.toml.",
            ));
        }
        if brotli * 100 > recorded * (100 + TOLERANCE_PERCENT) {
            return Err(Error::new(
                STEP,
                format!(
                    "the {} takes {size} bytes compressed, over {TOLERANCE_PERCENT} % more than the {} recorded",
                    part.name,
                    grouped(recorded)
                ),
                "Find what grew; if it is worth that, record it with `cargo xtask build --record`.",
            ));
        }
    }
    Ok(())
}

fn total(part: &Part, assets: &[Asset]) -> (u64, u64) {
    let members = assets.iter().filter(|asset| (part.contains)(asset));
    members.fold((0, 0), |(raw, brotli), asset| (raw + asset.raw_bytes, brotli + asset.brotli_bytes))
}

/// Digit grouping: 1,600,000.
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
            asset("app-0123456789abcdef/app.js", 20_000, 5_000),
            asset("app-0123456789abcdef/app_bg.wasm", 700_000, 200_000),
            asset("app-0123456789abcdef/app-split.js", 6_000, 900),
            asset("app-0123456789abcdef/app-split_cost.wasm", 110_000, 40_000),
            asset("app-0123456789abcdef/app-chunk_5.wasm", 70_000, 28_000),
            asset("app-0123456789abcdef/start.js", 1_000, 400),
            asset("app-0123456789abcdef/styles.css", 9_000, 3_000),
            asset("index.html", 2_000, 800),
            asset("engine-0123456789abcdef/worker.js", 100_000, 20_000),
            asset("engine-0123456789abcdef/worker_bg.wasm", 12_000_000, 1_500_000),
            asset("engine-0123456789abcdef/worker_loader.js", 60, 50),
            asset("stride-scope.js", 8_000, 2_500),
            asset("app-0123456789abcdef/stride-scope.js", 8_000, 2_500),
            asset("sw.js", 9_000, 4_000),
        ];
        let expected = "\
bytes            raw      brotli    recorded       limit
page         736,000     210,300     209,000     300,000
figures      188,000      70,500      70,000     360,000
engine    12,100,060   1,520,050   1,500,000   1,600,000
element        8,000       2,500           0       5,000
";
        let mut record = record([("page", 209_000), ("figures", 70_000), ("engine", 1_500_000), ("element", 0)]);
        assert_eq!(table(&assets, &record), expected);
        assert!(check(&assets, &record).is_err(), "the element was never recorded");
        record.0.insert("element".into(), Size { limit: 5_000, recorded: 2_500 });
        assert!(check(&assets, &record).is_ok());
    }

    fn record<const N: usize>(sizes: [(&str, u64); N]) -> Record {
        let limits = [("page", 300_000), ("figures", 360_000), ("engine", 1_600_000), ("element", 5_000)];
        let limit = |name| limits.iter().find(|(other, _)| *other == name).map_or(0, |(_, bytes)| *bytes);
        Record(sizes.into_iter().map(|(name, recorded)| (name.into(), Size { limit: limit(name), recorded })).collect())
    }

    #[test]
    fn a_part_larger_than_its_record_is_named() {
        let record = record([("page", 200_000)]);
        assert!(check(&[asset("app.wasm", 1, 204_000)], &record).is_ok());
        let grown = check(&[asset("app.wasm", 1, 204_001)], &record).expect_err("grown").to_string();
        assert!(grown.contains("the page takes 204,001 bytes compressed, over 2 % more than the 200,000 recorded"), "{grown}");
    }

    #[test]
    fn records_are_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("sizes.json");
        assert!(Record::read(&path).is_err());
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/sizes.json"), &path)?;
        Record::write(&path, &[asset("app.wasm", 1, 5), asset("worker.js", 1, 7)])?;
        assert_eq!(Record::read(&path)?, record([("page", 5), ("figures", 0), ("engine", 7), ("element", 0)]));
        Ok(())
    }

    #[test]
    fn a_part_over_its_budget_is_named() {
        let record = record([("page", 300_000), ("engine", 1_600_000)]);
        let page = check(&[asset("app.wasm", 1, 300_001)], &record).expect_err("over").to_string();
        assert!(page.contains("the page takes 300,001 bytes"), "{page}");
        let engine = check(&[asset("worker_bg.wasm", 1, 1_600_001)], &record).expect_err("over").to_string();
        assert!(engine.contains("the engine takes 1,600,001 bytes"), "{engine}");
        assert!(check(&[asset("app.wasm", 1, 300_000), asset("worker.js", 1, 1_600_000)], &record).is_ok());
    }
}
