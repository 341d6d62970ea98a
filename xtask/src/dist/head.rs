//! The metadata of index.html that need its address, and the checksums of the files that it loads.

use super::base::Base;
use super::oembed;
use crate::headers;
use crate::html::{self, Tag, escaped};

/// The languages of the page, as in its links.
const LANGUAGES: [&str; 2] = ["en", "ko"];

/// Completes the page. `checksum` returns the checksum of a file, by its address in the page.
pub fn complete(page: &str, base: &Base, checksum: impl Fn(&str) -> Option<String>) -> String {
    let url = base.url();
    let page = html::change_tags(page, |mut tag| {
        if tag.get("charset").is_some() {
            return Some(format!("{tag}\n    {}", policy(base)));
        }
        if let Some(picture) = picture(&tag) {
            let Some(url) = &url else { return Some(String::new()) };
            if let Some(path) = picture.strip_prefix("./") {
                tag.set("content", &format!("{url}{path}"));
            }
            return Some(tag.to_string());
        }
        let sum = checksum(loaded(&tag)?)?;
        tag.set("integrity", &sum);
        tag.set("crossorigin", "anonymous");
        if let Some(sum) = tag.get("data-wasm").and_then(&checksum) {
            tag.set("data-integrity", &sum);
        }
        Some(tag.to_string())
    });
    match url {
        Some(url) => page.replacen("</head>", &format!("{}\n  </head>", links(&url)), 1),
        None => page,
    }
}

/// The policy as a meta tag, for hosts that send no headers.
fn policy(base: &Base) -> String {
    format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", headers::policy(base.origin.as_deref()))
}

/// The value of a tag for a preview image, which needs a full address.
fn picture(tag: &Tag) -> Option<&str> {
    let name = tag.get("property").or_else(|| tag.get("name"))?;
    if name.starts_with("og:image") || name == "twitter:image" { tag.get("content") } else { None }
}

/// The script or stylesheet that a tag loads.
fn loaded(tag: &Tag) -> Option<&str> {
    match (tag.name.as_str(), tag.get("rel")) {
        ("script", _) => tag.get("src"),
        ("link", Some("stylesheet" | "modulepreload")) => tag.get("href"),
        _ => None,
    }
}

/// Links to the page's address, its languages, and its oEmbed description.
fn links(url: &str) -> String {
    let mut lines = vec![
        format!("<link rel=\"canonical\" href=\"{url}\">"),
        format!("<meta property=\"og:url\" content=\"{url}\">"),
        format!("<link rel=\"alternate\" hreflang=\"x-default\" href=\"{url}\">"),
    ];
    lines.extend(LANGUAGES.map(|lang| format!("<link rel=\"alternate\" hreflang=\"{lang}\" href=\"{url}?lang={lang}\">")));
    let preset = oembed::FIRST;
    lines.push(format!(
        "<link rel=\"alternate\" type=\"application/json+oembed\" href=\"{url}{}\" title=\"{}\">",
        preset.path(),
        escaped(preset.title)
    ));
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

/// The content of `sitemap.xml`.
pub fn sitemap(url: &str) -> String {
    let alternates: String = LANGUAGES
        .map(|lang| format!("    <xhtml:link rel=\"alternate\" hreflang=\"{lang}\" href=\"{url}?lang={lang}\"/>\n"))
        .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n  \
         <url>\n    <loc>{url}</loc>\n{alternates}  </url>\n</urlset>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta property="og:title" content="Stridescope">
    <meta property="og:image" content="./assets/og/page.png">
    <meta property="og:image:width" content="1200">
    <meta name="twitter:image" content="./assets/og/page.png">
    <link rel="icon" href="./assets/icon.svg">
    <link rel="stylesheet" href="./styles.css"/>
    <script type="module" src="./assets/start.js" data-js="./app.js" data-wasm="./app.wasm"></script>
    <link rel="modulepreload" href="./app.js"></head>
  <body></body>
</html>
"#;

    fn completed(base: &str) -> String {
        let sums = |file: &str| {
            ["./styles.css", "./assets/start.js", "./app.js", "./app.wasm"].contains(&file).then(|| format!("sum:{file}"))
        };
        complete(PAGE, &Base::parse(base).expect("a base"), sums)
    }

    #[test]
    fn scripts_have_checksums_and_follow_the_policy() {
        for base in ["/sub/", "https://example.org/sub/"] {
            let page = completed(base);
            let first = page.lines().nth(4).unwrap_or_default();
            assert!(
                first.starts_with("    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"),
                "{page}"
            );
            for tag in [
                r#"<link rel="icon" href="./assets/icon.svg">"#,
                r#"<link rel="stylesheet" href="./styles.css" integrity="sum:./styles.css" crossorigin="anonymous">"#,
                r#"<script type="module" src="./assets/start.js" data-js="./app.js" data-wasm="./app.wasm" integrity="sum:./assets/start.js" crossorigin="anonymous" data-integrity="sum:./app.wasm"></script>"#,
                r#"<link rel="modulepreload" href="./app.js" integrity="sum:./app.js" crossorigin="anonymous">"#,
            ] {
                assert!(page.contains(tag), "{tag} is not in\n{page}");
            }
        }
    }

    #[test]
    fn metadata_contain_the_full_address_only_if_it_is_known() {
        let page = completed("https://example.org/sub");
        for tag in [
            r#"<meta property="og:image" content="https://example.org/sub/assets/og/page.png">"#,
            r#"<meta property="og:image:width" content="1200">"#,
            r#"<meta name="twitter:image" content="https://example.org/sub/assets/og/page.png">"#,
            r#"<link rel="canonical" href="https://example.org/sub/">"#,
            r#"<link rel="alternate" hreflang="ko" href="https://example.org/sub/?lang=ko">"#,
            r#"<link rel="alternate" type="application/json+oembed" href="https://example.org/sub/oembed/strides.json" title="#,
            "script-src 'self' https://example.org 'wasm-unsafe-eval' 'sha256-",
        ] {
            assert!(page.contains(tag), "{tag} is not in\n{page}");
        }
        let page = completed("/sub/");
        for absent in ["og:image", "twitter:image", "canonical", "hreflang", "oembed", "og:url"] {
            assert!(!page.contains(absent), "{absent} is in\n{page}");
        }
        assert!(page.contains("og:title"));
    }

    #[test]
    fn the_sitemap_names_the_page_in_both_languages() {
        let text = sitemap("https://example.org/");
        for part in ["<loc>https://example.org/</loc>", "hreflang=\"en\"", "href=\"https://example.org/?lang=ko\""] {
            assert!(text.contains(part), "{text}");
        }
    }
}
