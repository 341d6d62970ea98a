//! The address of a site.

/// An address, `https://example.org/sub/`, or only its path, `/sub/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The origin, `https://example.org`, if it is known.
    pub origin: Option<String>,
    /// The path with both slashes, `/sub/`.
    pub path: String,
}

impl Base {
    /// Parses an address or a path; the error is a sentence without a full stop.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_address = text.starts_with("https://") || text.starts_with("http://");
        let (origin, path) = if is_address { split(text) } else { (None, text) };
        if is_address && origin.is_none() {
            return Err(format!("`{text}` names no host"));
        }
        if !is_address && !path.starts_with('/') {
            return Err(format!("`{text}` is neither an address, https://example.org/sub/, nor a path, /sub/"));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~%/".contains(c);
        if !path.chars().all(is_plain) || path.contains("//") || path.split('/').any(|step| step == "." || step == "..") {
            return Err(format!("`{path}` is not the path of a folder as an address writes it"));
        }
        Ok(Self { origin, path: format!("{}/", path.trim_end_matches('/')) })
    }

    /// The full address, if it is known.
    pub fn url(&self) -> Option<String> {
        self.origin.as_ref().map(|origin| format!("{origin}{}", self.path))
    }
}

/// Splits an address into its origin, if the host is valid, and its path.
fn split(address: &str) -> (Option<String>, &str) {
    let start = address.find("://").map_or(0, |index| index + 3);
    let end = address[start..].find(['/', '?', '#']).map_or(address.len(), |index| start + index);
    let (origin, path) = address.split_at(end);
    let host = &origin[start..];
    let is_sensible = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c));
    (is_sensible.then(|| origin.to_ascii_lowercase()), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_address_or_a_path() {
        let cases = [
            ("https://user.github.io/repo", Some((Some("https://user.github.io"), "/repo/"))),
            ("https://Example.org", Some((Some("https://example.org"), "/"))),
            ("http://127.0.0.1:8080/a/b/", Some((Some("http://127.0.0.1:8080"), "/a/b/"))),
            ("http://[::1]:80/", Some((Some("http://[::1]:80"), "/"))),
            ("/", Some((None, "/"))),
            ("/sub/path", Some((None, "/sub/path/"))),
            ("/%EC%9E%94/", Some((None, "/%EC%9E%94/"))),
            ("", None),
            ("sub/", None),
            ("https://", None),
            ("https:///sub/", None),
            ("https://user@example.org/", None),
            ("https://example.org/?a=b", None),
            ("https://example.org?a=b", None),
            ("ftp://example.org/", None),
            ("/a//b/", None),
            ("/a/../b/", None),
            ("/a b/", None),
            ("/\"/", None),
            ("/잔/", None),
        ];
        for (text, expected) in cases {
            let base = Base::parse(text);
            let parts = base.as_ref().ok().map(|base| (base.origin.as_deref(), base.path.as_str()));
            assert_eq!(parts, expected, "{text}: {base:?}");
        }
    }

    #[test]
    fn only_an_address_has_a_url() {
        let url = |text: &str| Base::parse(text).ok().and_then(|base| base.url());
        assert_eq!(url("https://example.org/sub"), Some("https://example.org/sub/".into()));
        assert_eq!(url("/sub"), None);
    }
}
