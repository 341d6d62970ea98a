//! The article in both languages: equal structure, numbers computed from the networks, valid links and figures.
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope_link::{FIGURES, Figure, State};
use stridescope_view::facts::fact;

const ARTICLES: [(&str, &str); 2] =
    [("en", include_str!("../assets/learn/en.html")), ("ko", include_str!("../assets/learn/ko.html"))];

/// Every tag of an article with its attributes, as written.
fn tags(article: &str) -> Vec<&str> {
    article.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// A tag without its translated attributes.
fn without_label(tag: &str) -> String {
    let Some((before, rest)) = tag.split_once(" aria-label=\"") else { return tag.into() };
    format!("{before}{}", rest.split_once('"').unwrap().1)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| Some(rest.split_once('"')?.0))
}

#[test]
fn both_articles_have_the_same_structure() {
    let [(_, english), (_, korean)] = ARTICLES;
    let parts = |article: &'static str| tags(article).into_iter().map(without_label).collect::<Vec<_>>();
    assert_eq!(parts(english), parts(korean));
    for (lang, article) in ARTICLES {
        let is_allowed = |tag: &&str| !tag.starts_with("script") && !tag.contains(" style=") && !tag.contains(" on");
        assert!(tags(article).iter().all(is_allowed), "{lang}: nothing that a strict policy forbids");
    }
}

#[test]
fn every_number_is_computed_from_the_networks() {
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

/// Quoted code of this project occurs in its source file, line by line.
#[test]
fn quoted_code_matches_the_source() {
    for (lang, article) in ARTICLES {
        let mut count = 0;
        for block in article.split("<code class=\"language-rust\">// ").skip(1) {
            let (file, code) = block.split("</code>").next().unwrap().split_once('\n').unwrap();
            let code = code.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let source =
                std::fs::read_to_string(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file)).unwrap();
            assert!(source.contains(&code), "{lang}: {file} has no\n{code}");
            count += 1;
        }
        assert!(count >= 2, "{lang}: {count}");
    }
}

#[test]
fn links_and_figures_exist_on_the_page() {
    for (lang, article) in ARTICLES {
        for tag in tags(article) {
            if let Some(link) = attribute(tag, "href").filter(|link| link.starts_with('?')) {
                let (query, section) = link.split_once('#').unwrap();
                assert_eq!(State::from_query(&query.replace("&amp;", "&")).1, [], "{lang}: {link}");
                assert!(FIGURES.iter().any(|figure| figure.section == section), "{lang}: {link}");
            }
            if tag.starts_with("stride-scope") {
                assert!(attribute(tag, "figure").and_then(Figure::embeddable_named).is_some(), "{lang}: {tag}");
                for key in ["models", "node", "image", "controls"] {
                    let Some(value) = attribute(tag, key) else { continue };
                    assert_eq!(State::from_query(&format!("{key}={value}")).1, [], "{lang}: {tag}");
                }
            }
        }
    }
}

#[test]
fn the_single_recipe_comparison_matches_gluoncv() {
    // GluonCV's table (dmlc/gluon-cv, docs/model_zoo/csv_tables/Classifications/ResNet.csv): ResNet50_v1, _v1b, _v1c and _v1d without
    // mixup.
    let reported = [
        ("gluoncv resnet50-a", "77.36 %"),
        ("gluoncv resnet50-b", "77.67 %"),
        ("gluoncv resnet50-c", "78.03 %"),
        ("gluoncv resnet50-d", "78.48 %"),
        ("gluoncv-gain resnet50-d resnet50-c", "0.45"),
        ("gluoncv-mixup resnet50-d", "79.15 %"),
        ("gluoncv-mixup-gain resnet50-d", "0.67"),
        ("published resnet50d.gluon_in1k", "79.08 %"),
    ];
    for (name, value) in reported {
        assert_eq!(fact(name).as_deref(), Some(value), "{name}");
    }
    for (lang, article) in ARTICLES {
        let paragraph = article.lines().find(|line| line.contains("gluoncv resnet50-a")).unwrap();
        for (name, _) in &reported[..5] {
            assert!(paragraph.contains(&format!("data-fact=\"{name}\"")), "{lang}: {name}");
        }
        assert!(paragraph.contains("120") && paragraph.contains("mixup"), "{lang}: the recipe stands with the figures");
        assert!(!paragraph.contains("data-fact=\"published"), "{lang}: other recipes stand apart");
    }
    for unknown in ["gluoncv resnet50-s", "gluoncv-mixup resnet50-c", "gluoncv-gain resnet50-d tiny-a", "published resnet50e"] {
        assert_eq!(fact(unknown), None, "{unknown}");
    }
}

#[test]
fn no_text_mixes_weights_of_two_recipes() {
    let texts = [
        ("en.html", ARTICLES[0].1),
        ("ko.html", ARTICLES[1].1),
        ("ko.json", include_str!("../assets/lang/ko.json")),
        ("catalogue.json", include_str!("../assets/catalogue.json")),
        ("README.md", include_str!("../README.md")),
        ("networks.md", include_str!("../docs/networks.md")),
        ("embedding.md", include_str!("../docs/embedding.md")),
        ("assets/weights/README.md", include_str!("../assets/weights/README.md")),
    ];
    let joined = ["one recipe for all", "one for B, C and D", "fairest trio", "공통", "가장 공평한 셋"];
    for (name, text) in texts {
        for line in text.lines().filter(|line| line.contains("GluonCV")) {
            assert!(!joined.iter().any(|words| line.contains(words)), "{name}: {line}");
        }
        // The D in the catalogue: 200 epochs with mixup, unlike B and C.
        for line in text.lines().filter(|line| line.contains("79.08 %")) {
            assert!(line.contains("200") && line.contains("mixup"), "{name}: {line}");
        }
    }
}
