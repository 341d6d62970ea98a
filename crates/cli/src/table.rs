//! Text tables: plain, CSV and Markdown.

use clap::ValueEnum;
pub use stridescope_i18n::numbers::grouped;

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Text,
    /// One object.
    Json,
    /// Comma-separated values.
    Csv,
    /// A Markdown table.
    Markdown,
}

/// Rows of cells under a head. The first column is text, the others are numbers.
pub struct Table {
    /// Names of the columns.
    pub head: Vec<&'static str>,
    /// Cells, one per column in each row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Formats the table; [`Format::Json`] is not a table and returns plain text.
    pub fn to_text(&self, format: Format) -> String {
        let head: Vec<String> = self.head.iter().map(|cell| (*cell).to_string()).collect();
        let rows = std::iter::once(&head).chain(&self.rows);
        match format {
            Format::Csv => rows.map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n").collect(),
            Format::Markdown => {
                let rule: Vec<String> = (0..head.len()).map(|i| if i < 2 { "---".into() } else { "---:".into() }).collect();
                let rows = std::iter::once(&head).chain(std::iter::once(&rule)).chain(&self.rows);
                rows.map(|row| format!("| {} |\n", row.join(" | "))).collect()
            }
            Format::Text | Format::Json => {
                let widths: Vec<usize> = (0..head.len())
                    .map(|i| rows.clone().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0))
                    .collect();
                let line = |row: &Vec<String>| {
                    let cells = row
                        .iter()
                        .zip(&widths)
                        .enumerate()
                        .map(|(i, (cell, &width))| if i < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") });
                    cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
                };
                rows.map(line).collect()
            }
        }
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.into() }
}
