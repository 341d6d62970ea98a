//! The tables of the figure **cost**: networks side by side, each compared with a baseline.

use stridescope_arch::Graph;
use stridescope_arch::cost::{self, Convention, Extra, Extras};
use stridescope_arch::receptive::{self, Field};
use stridescope_arch::table::{self, Level, Row};
use stridescope_i18n::numbers::{grouped, short_count};
use stridescope_i18n::{tr, translate};
use stridescope_link::names::display;
use stridescope_weights::ModelRef;

/// A plain-text table: head and rows.
pub type Plain = (Vec<String>, Vec<Vec<String>>);

/// What is counted, in the reader's language; copied tables use [`Convention::title`].
pub fn counted(convention: Convention) -> String {
    let extras = convention.extras().unwrap_or_default();
    if extras == Extras::NONE {
        return translate(&convention.title());
    }
    let names: Vec<String> =
        Extra::ALL.into_iter().filter(|&extra| extras.has(extra)).map(|extra| translate(extra.title())).collect();
    match convention {
        Convention::Flops(_) => tr!("FLOPs with {}", names.join(", ")),
        _ => tr!("MACs with {}", names.join(", ")),
    }
}

/// One number of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Rounded to three digits.
    pub short: String,
    /// The exact number, for copying.
    pub exact: String,
    /// Difference from the baseline in percent, `+12.2 %`; empty if there is none, and for the baseline.
    pub percent: String,
    /// Exact difference from the baseline, `+470,851,584`; empty likewise.
    pub difference: String,
}

/// Rows of numbers, with one column per network.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The networks' names.
    pub networks: Vec<String>,
    /// The name of each row and its numbers; `None` if a network has no such part.
    pub rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// `+12.2 %` or `−3.1 %`, and the exact difference; empty if there is none.
fn difference(value: u64, base: u64) -> (String, String) {
    let by = i128::from(value) - i128::from(base);
    if by == 0 {
        return (String::new(), String::new());
    }
    let sign = if by < 0 { "−" } else { "+" };
    let exact = format!("{sign}{}", grouped(u64::try_from(by.unsigned_abs()).unwrap_or(u64::MAX)));
    let percent = 100.0 * by.unsigned_abs() as f64 / base as f64;
    let percent = match percent {
        _ if base == 0 => tr!("new"),
        p if p < 0.05 => format!("{sign}<0.1 %"),
        p if p < 99.95 => format!("{sign}{p:.1} %"),
        p => format!("{sign}{p:.0} %"),
    };
    (percent, exact)
}

fn row(values: &[Option<u64>], base: usize, short: impl Fn(u64) -> String) -> Vec<Option<Cell>> {
    let against = values.get(base).copied().flatten();
    let cell = |(index, value): (usize, &Option<u64>)| {
        value.map(|value| {
            let (percent, difference) = match against {
                Some(against) if index != base => difference(value, against),
                _ => (String::new(), String::new()),
            };
            Cell { short: short(value), exact: grouped(value), percent, difference }
        })
    };
    values.iter().enumerate().map(cell).collect()
}

/// The indices that sort some keys in ascending order; stable.
pub fn ascending(keys: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
    order
}

/// `97.5 MB`, in units of 2^20 bytes, as in torchsummary and torchinfo.
pub fn megabytes(bytes: u64) -> String {
    let mb = bytes as f64 / f64::from(1 << 20);
    if mb >= 100.0 { format!("{mb:.0} MB") } else { format!("{mb:.1} MB") }
}

impl Comparison {
    /// The costs of whole networks.
    pub fn totals(models: &[ModelRef], graphs: &[Graph], convention: Convention, base: usize) -> Self {
        let totals: Vec<Row> = graphs.iter().map(|graph| table::total(graph, convention)).collect();
        let of = |of: &dyn Fn(&Row) -> u64| -> Vec<Option<u64>> { totals.iter().map(|total| Some(of(total))).collect() };
        let pixels = |count: u64| format!("{count} px");
        let memory = |graph: &Graph| ((cost::torchsummary(graph).total_mb * f64::from(1 << 20)).round()) as u64;
        let rows = vec![
            (tr!("Parameters"), row(&of(&|total| total.params), base, short_count)),
            (counted(convention), row(&of(&|total| total.ops), base, short_count)),
            (tr!("MACs that nobody reads"), row(&of(&|total| total.dead_macs), base, short_count)),
            (tr!("Activations, float32"), row(&of(&|total| total.activation_bytes), base, megabytes)),
            (
                tr!("torchsummary's total size"),
                row(&graphs.iter().map(|graph| Some(memory(graph))).collect::<Vec<_>>(), base, megabytes),
            ),
            (
                tr!("Receptive field"),
                row(&graphs.iter().map(|graph| Some(receptive::size(graph) as u64)).collect::<Vec<_>>(), base, pixels),
            ),
        ];
        Self { networks: models.iter().map(display).collect(), rows }
    }

    /// The costs of the parts of networks; parts with equal names share a row.
    pub fn parts(models: &[ModelRef], graphs: &[Graph], level: Level, convention: Convention, base: usize) -> Self {
        let tables: Vec<Vec<Row>> = graphs.iter().map(|graph| table::rows(graph, level, convention)).collect();
        let row_of = |id: &String| {
            let values: Vec<Option<u64>> =
                tables.iter().map(|rows| rows.iter().find(|row| row.id == *id).map(|row| row.ops)).collect();
            (id.clone(), row(&values, base, short_count))
        };
        let networks = models.iter().map(display).collect();
        Self { networks, rows: part_names(&tables).iter().map(row_of).collect() }
    }

    /// Head and rows with exact numbers, for copying, in English: each network's value, then its difference from the baseline.
    pub fn exact(&self, first: &str, base: usize) -> Plain {
        let mut head = vec![first.to_string()];
        for (index, network) in self.networks.iter().enumerate() {
            head.push(network.clone());
            if index != base {
                head.push(format!("{network} − {}", self.networks.get(base).map_or("", String::as_str)));
            }
        }
        let cells = |(name, cells): &(String, Vec<Option<Cell>>)| {
            let mut line = vec![name.clone()];
            for (index, cell) in cells.iter().enumerate() {
                line.push(cell.as_ref().map_or(String::new(), |cell| cell.exact.replace(',', "")));
                if index != base {
                    line.push(cell.as_ref().map_or(String::new(), |cell| cell.difference.replace(',', "")));
                }
            }
            line
        };
        (head, self.rows.iter().map(cells).collect())
    }
}

/// Head and rows of one network's parts with exact numbers, for copying, in English.
pub fn details(rows: &[Row], operations: &str) -> Plain {
    let head = [
        "part",
        "output",
        "parameters",
        operations,
        "share, %",
        "activations, bytes",
        "receptive field",
        "jump",
        "centre",
        "unread MACs",
    ];
    let sum: u64 = rows.iter().map(|row| row.ops).sum();
    let line = |row: &Row| {
        let of_field = |of: &dyn Fn(&Field) -> String| row.field.as_ref().map_or(String::new(), of);
        vec![
            row.id.clone(),
            row.shape.to_string(),
            row.params.to_string(),
            row.ops.to_string(),
            format!("{:.2}", 100.0 * row.ops as f64 / sum.max(1) as f64),
            row.activation_bytes.to_string(),
            of_field(&|field| field.size.to_string()),
            of_field(&|field| field.jump.to_string()),
            of_field(&|field| field.centre.to_string()),
            row.dead_macs.to_string(),
        ]
    };
    (head.map(String::from).into(), rows.iter().map(line).collect())
}

/// Merges lists of names, preserving the order of each list.
pub fn merged<'a, L: IntoIterator<Item = &'a str>>(lists: impl IntoIterator<Item = L>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for list in lists {
        let mut at = 0;
        for name in list {
            match names.iter().position(|known| known == name) {
                Some(found) => at = found + 1,
                None => {
                    names.insert(at, name.into());
                    at += 1;
                }
            }
        }
    }
    names
}

/// The names of the parts of all networks.
pub fn part_names(tables: &[Vec<Row>]) -> Vec<String> {
    merged(tables.iter().map(|rows| rows.iter().map(|row| row.id.as_str())))
}

/// The paper's table of model tweaks, shown beside the computed values: network, FLOPs, top-1 and top-5 accuracy as reported for ImageNet's
/// validation images.
///
/// He et al. 2019, arXiv 1812.01187, table "model tweaks": trained for 120 epochs with the paper's efficient recipe, one crop of 224 pixels.
pub const PAPER: [(&str, &str, f64, f64); 4] = [
    ("resnet50-a", "3.8 G", 76.21, 92.97),
    ("resnet50-b", "4.1 G", 76.66, 93.28),
    ("resnet50-c", "4.3 G", 76.87, 93.48),
    ("resnet50-d", "4.3 G", 77.16, 93.52),
];

/// GluonCV's results with one recipe for all four: network, top-1 and top-5 accuracy on ImageNet's validation images.
///
/// 120 epochs, cosine decay, label smoothing, no mixup: the commands (`resnet50_v1.sh`, `resnet50_v1b.sh`, `resnet50_v1c.sh` and
/// `resnet50_v1d.sh` of <https://github.com/dmlc/web-data/tree/master/gluoncv/logs/classification/imagenet>) differ in the network's name alone.
/// Accuracies of the parameters `cc729d95`, `0ecdba34`, `2a4e0708` and `00319ddc`, from
/// <https://github.com/dmlc/gluon-cv/blob/master/docs/model_zoo/csv_tables/Classifications/ResNet.csv>.
pub const GLUONCV: [(&str, f64, f64); 4] =
    [("resnet50-a", 77.36, 93.57), ("resnet50-b", 77.67, 93.82), ("resnet50-c", 78.03, 94.09), ("resnet50-d", 78.48, 94.20)];

/// GluonCV's other D, the one of [`MIXUP_ENTRY`]: 200 epochs with mixup (`resnet50_v1d-mixup.sh`), otherwise as in [`GLUONCV`]. Parameters
/// `117a384e` of the same table: network, top-1 and top-5 accuracy.
pub const GLUONCV_MIXUP: (&str, f64, f64) = ("resnet50-d", 79.15, 94.58);

/// The catalogue entry with the weights of [`GLUONCV_MIXUP`], which GluonCV, and therefore timm, uses by default.
pub const MIXUP_ENTRY: &str = "resnet50d.gluon_in1k";
