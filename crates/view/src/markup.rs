//! Tables and lists as HTML text. A view of every cell would be slower to build, and larger to fetch, by far.

use std::fmt::Write;

/// Whether XML 1.0 has this character: it has neither most control characters nor U+FFFE and U+FFFF, not even as references (section 2.2).
pub fn is_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Text as it stands in HTML and in XML, in an attribute too. What XML has no character for becomes U+FFFD.
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
    /// What it says.
    pub text: String,
    /// What it says beside that, quieter; an empty text keeps the room for it.
    pub aside: Option<String>,
    /// What it says in full, when asked.
    pub title: String,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A table. The first column names its rows; a letter colours a column's head or a row, as [`stridescope_link::names::hue`] gives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// What it is called; nothing for no caption.
    pub caption: String,
    /// Heads of all columns, the first one's too.
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

    /// The rows alone.
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

/// A list of facts: what each is about, and what it says.
pub fn facts(facts: &[(impl AsRef<str>, String)]) -> String {
    let list = facts.iter().map(|(name, words)| format!("<dt>{}</dt><dd>{}</dd>", escape(name.as_ref()), escape(words)));
    format!("<dl>{}</dl>", list.collect::<String>())
}
