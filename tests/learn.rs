//! The article in both languages: the same parts, its numbers those of the networks, its links and figures those of the page.
#![cfg(feature = "charts")]
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope::ui::facts::fact;
use stridescope::ui::state::{Embed, State};

const ARTICLES: [(&str, &str); 2] =
    [("en", include_str!("../assets/learn/en.html")), ("ko", include_str!("../assets/learn/ko.html"))];
/// The sections of the page that a link may lead to.
const SECTIONS: [&str; 8] = ["prediction", "architecture", "strides", "features", "field", "cost", "weights", "learn"];

/// Every tag of an article with its attributes, as it is written.
fn tags(article: &str) -> Vec<&str> {
    article.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// A tag without what a reader is told of it.
fn untold(tag: &str) -> String {
    let Some((before, rest)) = tag.split_once(" aria-label=\"") else { return tag.into() };
    format!("{before}{}", rest.split_once('"').unwrap().1)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| Some(rest.split_once('"')?.0))
}

#[test]
fn both_articles_have_the_same_parts() {
    let [(_, english), (_, korean)] = ARTICLES;
    let parts = |article: &'static str| tags(article).into_iter().map(untold).collect::<Vec<_>>();
    assert_eq!(parts(english), parts(korean));
    for (lang, article) in ARTICLES {
        let is_allowed = |tag: &&str| !tag.starts_with("script") && !tag.contains(" style=") && !tag.contains(" on");
        assert!(tags(article).iter().all(is_allowed), "{lang}: nothing that a strict policy forbids");
    }
}

#[test]
fn every_number_is_the_networks_own() {
    for (lang, article) in ARTICLES {
        let mut count = 0;
        for place in article.split("<data data-fact=\"").skip(1) {
            let (name, rest) = place.split_once("\">").unwrap();
            assert_eq!(fact(name).as_deref(), rest.split('<').next(), "{lang}: {name}");
            count += 1;
        }
        assert!(count >= 20, "{lang}: {count}");
    }
}

/// What an article shows of this project's own code stands there, in the order of its lines.
#[test]
fn code_of_this_project_is_as_it_stands_there() {
    for (lang, article) in ARTICLES {
        let mut count = 0;
        for block in article.split("<code class=\"language-rust\">// ").skip(1) {
            let (file, code) = block.split("</code>").next().unwrap().split_once('\n').unwrap();
            let code = code.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let source = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            assert!(source.contains(&code), "{lang}: {file} has no\n{code}");
            count += 1;
        }
        assert!(count >= 2, "{lang}: {count}");
    }
}

#[test]
fn links_and_figures_are_the_pages() {
    for (lang, article) in ARTICLES {
        for tag in tags(article) {
            if let Some(link) = attribute(tag, "href").filter(|link| link.starts_with('?')) {
                let (query, section) = link.split_once('#').unwrap();
                assert_eq!(State::from_query(&query.replace("&amp;", "&")).1, Vec::<String>::new(), "{lang}: {link}");
                assert!(SECTIONS.contains(&section), "{lang}: {link}");
            }
            if tag.starts_with("stride-scope") {
                assert!(attribute(tag, "figure").and_then(Embed::named).is_some(), "{lang}: {tag}");
                for key in ["models", "node", "image", "controls"] {
                    let Some(value) = attribute(tag, key) else { continue };
                    assert_eq!(State::from_query(&format!("{key}={value}")).1, Vec::<String>::new(), "{lang}: {tag}");
                }
            }
        }
    }
}
