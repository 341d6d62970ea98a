//! Edits the start tags of a page, as far as index.html needs it.

use std::fmt;
use std::ops::Range;

/// A start tag, with its attributes in order and still escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The element's name, `link`.
    pub name: String,
    attributes: Vec<(String, Option<String>)>,
}

impl Tag {
    /// Parses a tag from `<` to `>`.
    fn parse(text: &str) -> Self {
        let inner = text.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
        let end = inner.find(char::is_whitespace).unwrap_or(inner.len());
        let (name, mut rest) = inner.split_at(end);
        let mut attributes = Vec::new();
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[start..];
            let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len()).max(1);
            let (name, after) = rest.split_at(end);
            let (value, after) = value(after);
            attributes.push((name.to_string(), value.map(String::from)));
            rest = after;
        }
        Self { name: name.to_string(), attributes }
    }

    /// The value of an attribute; `None` if it is absent or has no value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name)?.1.as_deref()
    }

    /// Sets an attribute to a value without double quotes.
    pub fn set(&mut self, name: &str, value: &str) {
        let value = Some(value.to_string());
        match self.attributes.iter_mut().find(|(key, _)| key == name) {
            Some(attribute) => attribute.1 = value,
            None => self.attributes.push((name.to_string(), value)),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            match value {
                Some(value) => write!(f, " {name}=\"{value}\"")?,
                None => write!(f, " {name}")?,
            }
        }
        write!(f, ">")
    }
}

/// Parses the value after an attribute's name, if there is one; returns it and the rest.
fn value(text: &str) -> (Option<&str>, &str) {
    let Some(text) = text.strip_prefix('=') else { return (None, text) };
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let end = quoted.find(quote).unwrap_or(quoted.len());
            return (Some(&quoted[..end]), quoted[end..].strip_prefix(quote).unwrap_or_default());
        }
    }
    let (value, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (Some(value), after)
}

/// Replaces each start tag by what `change` returns; `None` leaves it unchanged.
pub fn change_tags(html: &str, mut change: impl FnMut(Tag) -> Option<String>) -> String {
    let mut text = String::with_capacity(html.len());
    let mut end = 0;
    for range in tags(html) {
        text.push_str(&html[end..range.start]);
        end = range.end;
        let tag = &html[range];
        text.push_str(&change(Tag::parse(tag)).unwrap_or_else(|| tag.to_string()));
    }
    text + &html[end..]
}

/// The ranges of the start tags, outside comments.
fn tags(html: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = html[from..].find('<').map(|index| from + index) {
        let rest = &html[start..];
        let length = match rest.strip_prefix("<!--") {
            Some(comment) => comment.find("-->").map_or(rest.len(), |index| index + "<!---->".len()),
            None => tag_length(rest),
        };
        if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            found.push(start..start + length);
        }
        from = start + length;
    }
    found
}

/// The length of the tag at the start of the text: a `>` in quotes does not end it.
fn tag_length(text: &str) -> usize {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return index + 1,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// Escapes text for a page or an attribute.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_an_attribute_changes_nothing_else() {
        let cases = [
            ("<link rel=\"a\" href='b'>", "<link rel=\"a\" href=\"b\" x=\"1\">"),
            ("<link rel=\"a\"/>", "<link rel=\"a\" x=\"1\">"),
            ("<link as=fetch crossorigin>", "<link as=\"fetch\" crossorigin x=\"1\">"),
            ("<link x=\"0\" y>", "<link x=\"1\" y>"),
            ("<link x>", "<link x=\"1\">"),
            ("<link =>", "<link = x=\"1\">"),
            ("<link a=\"", "<link a=\"\" x=\"1\">"),
            ("<link>", "<link x=\"1\">"),
        ];
        for (text, expected) in cases {
            let mut tag = Tag::parse(text);
            tag.set("x", "1");
            assert_eq!(tag.to_string(), expected, "{text}");
            assert_eq!(tag.get("x"), Some("1"));
        }
        assert_eq!(Tag::parse("<link crossorigin>").get("crossorigin"), None);
    }

    #[test]
    fn only_start_tags_are_changed() {
        let html = "<!doctype html>\n<html><!-- <p> --><p a=\"1 > 0\">2 < 3</p> é <br/>";
        let mut names = Vec::new();
        let same = change_tags(html, |tag| {
            names.push(tag.name);
            None
        });
        assert_eq!(same, html);
        assert_eq!(names, ["html", "p", "br"]);

        let changed = change_tags(html, |tag| (tag.name == "br").then(|| "!".into()));
        assert_eq!(changed, html.replace("<br/>", "!"));
        for broken in ["<", "<a", "<!--", "<!-- <a>", "<a b=\">", "é<a"] {
            assert_eq!(change_tags(broken, |_| None), broken);
        }
    }

    #[test]
    fn text_is_escaped_for_attributes_too() {
        assert_eq!(escaped("<a href=\"?b&c\">"), "&lt;a href=&quot;?b&amp;c&quot;&gt;");
    }
}
