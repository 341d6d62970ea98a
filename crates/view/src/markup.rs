//! Tables and lists as HTML text. A leptos view per cell would be much slower to build and larger to download.

use std::fmt::Write;

/// Whether XML 1.0 allows a character: it excludes most control characters, U+FFFE and U+FFFF, even as references (section 2.2).
pub fn is_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Escapes text for HTML and XML, including attributes. Characters that XML does not allow become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if is_xml(letter) => out.push(letter),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    out
}

/// A cell of a table's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// A secondary text, in a quieter style; an empty text reserves its space.
    pub aside: Option<String>,
    /// The tooltip, with the full value.
    pub title: String,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A table. The first column names its rows; a letter sets the colour of a column or a row, as [`stridescope_link::names::hue`] returns it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The caption; empty for none.
    pub caption: String,
    /// The heads of all columns, including the first.
    pub head: Vec<(Option<char>, String)>,
    /// The rows: colour, name, cells.
    pub rows: Vec<(Option<char>, String, Vec<Cell>)>,
}

fn dotted(hue: Option<char>, name: &str) -> String {
    let dot = if hue.is_some() { r#"<i class="dot"></i>"# } else { "" };
    format!("{dot}{}", escape(name))
}

fn class(hue: Option<char>) -> String {
    hue.map_or(String::new(), |hue| format!(r#" class="{hue}""#))
}

impl Table {
    /// The table as HTML.
    pub fn html(&self) -> String {
        let mut out = String::from("<table>");
        if !self.caption.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "<caption>{}</caption>", escape(&self.caption));
        }
        out.push_str("<thead><tr>");
        for (hue, name) in &self.head {
            let _ = match name.as_str() {
                "" => write!(out, "<td></td>"),
                name => write!(out, r#"<th scope="col"{}>{}</th>"#, class(*hue), dotted(*hue, name)),
            };
        }
        out.push_str("</tr></thead><tbody>");
        self.write_rows(&mut out);
        out.push_str("</tbody></table>");
        out
    }

    /// The rows without the head.
    pub fn rows_html(&self) -> String {
        let mut out = String::new();
        self.write_rows(&mut out);
        out
    }

    fn write_rows(&self, out: &mut String) {
        for (hue, name, cells) in &self.rows {
            let _ = write!(out, r#"<tr{}><th scope="row">{}</th>"#, class(*hue), dotted(*hue, name));
            for Cell { text, aside, title } in cells {
                let title = if title.is_empty() { String::new() } else { format!(r#" title="{}""#, escape(title)) };
                let aside = aside.as_ref().map_or(String::new(), |aside| format!("<span>{}</span>", escape(aside)));
                let _ = write!(out, "<td{title}>{}{aside}</td>", escape(text));
            }
            out.push_str("</tr>");
        }
    }
}

/// A list of terms and descriptions.
pub fn facts(facts: &[(impl AsRef<str>, String)]) -> String {
    let list = facts.iter().map(|(name, words)| format!("<dt>{}</dt><dd>{}</dd>", escape(name.as_ref()), escape(words)));
    format!("<dl>{}</dl>", list.collect::<String>())
}
