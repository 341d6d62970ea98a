//! Figures and parameters are what the tables of `crates/link` say, wherever else they are written down.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use stridescope_arch::cost::totals;
use stridescope_arch::coverage::block_reads;
use stridescope_arch::names::BODIES;
use stridescope_arch::switches::{SWITCHES, Switch};
use stridescope_arch::table::Level;
use stridescope_arch::{ArchSpec, Input, lower, receptive};
use stridescope_i18n::Catalogue;
use stridescope_i18n::numbers::grouped;
use stridescope_link::parameters::{Kind, PARAMETERS, Parameter, TABLE};
use stridescope_link::samples::SAMPLES;
use stridescope_link::{Colours, FIGURES, Figure, OTHER_HEIGHT_PX, Row, Sort, State};

/// A file of the project.
fn file(path: &str) -> String {
    fs::read_to_string(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)).unwrap()
}

/// What stands between two texts, the first time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("there is no {before:?}"));
    rest.split_once(after).unwrap_or_else(|| panic!("there is no {after:?} after {before:?}")).0
}

/// Every text that stands between two marks.
fn marked(text: &str, mark: char) -> Vec<&str> {
    text.split(mark).skip(1).step_by(2).collect()
}

/// As one line.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the table of Markdown under this head, each a list of its cells.
fn rows<'a>(text: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let lines = text.lines().skip_while(|line| *line != head).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "there is no table {head}");
    rows
}

/// The values that stand in Markdown as they are written; a name that is a parameter's own stands for that.
fn literals(markdown: &str) -> Vec<&str> {
    marked(markdown, '`').into_iter().filter(|value| !PARAMETERS.iter().any(|parameter| parameter.key == *value)).collect()
}

fn names() -> Vec<&'static str> {
    Figure::embeddable().map(Figure::name).collect()
}

/// The parameters of which this is true.
fn keys(holds: impl Fn(&Parameter) -> bool) -> BTreeSet<&'static str> {
    PARAMETERS.iter().filter(|parameter| holds(parameter)).map(|parameter| parameter.key).collect()
}

/// A link's parameter in the state that a link without it leads to.
fn default_of(key: &str) -> String {
    State::default().parameters().into_iter().find(|written| written.parameter.key == key).unwrap().value
}

mod element {
    use super::*;

    fn script() -> String {
        file("assets/stride-scope.js")
    }

    #[test]
    fn its_attributes_are_the_parameters() {
        let script = script();
        let listed: BTreeSet<&str> = marked(between(&script, "const PARAMETERS = [", "];"), '"').into_iter().collect();
        assert_eq!(listed, keys(|parameter| !parameter.is_fixed));
        let switches: BTreeSet<&str> = marked(between(&script, "const SWITCHES = [", "];"), '"').into_iter().collect();
        assert_eq!(switches, keys(|parameter| parameter.kind == Kind::Switch));
    }

    #[test]
    fn its_figures_have_the_heights_of_the_table() {
        let script = script();
        let heights: Vec<String> =
            Figure::embeddable().map(|figure| format!("{}: {}", figure.name(), figure.height_px())).collect();
        assert_eq!(between(&script, "const FIGURES = { ", " };"), heights.join(", "));
        assert_eq!(between(&script, "FIGURES[figure] ?? ", "}"), OTHER_HEIGHT_PX.to_string());
        assert_eq!(between(&script, "getAttribute(\"figure\") ?? \"", "\""), Figure::default().name());
    }
}

mod types {
    use super::*;

    fn types() -> String {
        file("assets/stridescope.d.ts")
    }

    /// The texts of a union, in order.
    fn union(types: &str, name: &str) -> Vec<String> {
        marked(between(types, &format!("type {name} = "), ";"), '"').into_iter().map(String::from).collect()
    }

    /// What a state's members are, by their names.
    fn members(types: &str) -> BTreeMap<String, String> {
        let body = between(types, "interface State {\n", "\n  }\n");
        let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("/**"));
        lines
            .map(|line| line.trim_end_matches(';').split_once(": ").unwrap())
            .map(|(key, kind)| (key.into(), kind.into()))
            .collect()
    }

    #[test]
    fn figures_and_samples_are_those_of_the_tables() {
        assert_eq!(union(&types(), "Figure"), names());
        let samples: BTreeSet<String> = union(&types(), "Sample").into_iter().collect();
        assert_eq!(samples, SAMPLES.iter().map(|sample| sample.id.to_string()).collect());
    }

    #[test]
    fn a_state_has_the_parameters_each_of_its_kind() {
        let types = types();
        let members = members(&types);
        assert_eq!(members.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys(|_| true));
        for row in TABLE {
            let (key, [_, values, _]) = (row.parameter.key, row.docs);
            let is = members[key].strip_suffix(" | null").unwrap_or(&members[key]);
            let expected: &[&str] = match row.parameter.kind {
                Kind::List => &["string[]"],
                Kind::Number => &["number"],
                Kind::Switch => &["boolean"],
                Kind::Text => &["string", "Figure", "Sample"],
            };
            if row.parameter.kind != Kind::Text || !is.contains('"') {
                assert!(expected.contains(&is), "{key}: {is}");
                continue;
            }
            let listed: BTreeSet<&str> = marked(is, '"').into_iter().collect();
            // The documentation describes some defaults rather than name them.
            let default = default_of(key);
            assert_eq!(listed, literals(values).into_iter().chain([default.as_str()]).collect(), "{key}");
        }
    }
}

mod documentation {
    use super::*;

    #[test]
    fn its_table_of_parameters_is_the_one_table() {
        let docs = file("docs/embedding.md");
        let listed = rows(&docs, "| parameter | what it is | values | unless given |");
        for (cells, row) in listed.iter().zip(TABLE) {
            let expected = format!("`{}` | {}", row.parameter.key, row.docs.join(" | "));
            assert_eq!(cells.join(" | "), expected);
        }
        assert_eq!(listed.len(), TABLE.len());
    }

    #[test]
    fn values_that_it_names_are_read_and_its_defaults_are_those() {
        for row in TABLE {
            let (key, [_, values, default]) = (row.parameter.key, row.docs);
            for value in literals(values) {
                assert_eq!(State::from_query(&format!("{key}={value}")).1, [], "{key}: {value}");
            }
            if let Some((least, most)) = values.split_once(" to ").filter(|_| row.parameter.kind == Kind::Number) {
                let [least, most] = [least, most].map(|end| end.parse::<usize>().unwrap());
                for (value, is_read) in [(least, true), (most, true), (most + 1, false)] {
                    assert_eq!(State::from_query(&format!("{key}={value}")).1.is_empty(), is_read, "{key}: {value}");
                }
            }
            if let [default] = literals(default)[..] {
                assert_eq!(default_of(key), default, "{key}");
            }
        }
    }

    #[test]
    fn it_names_every_value_that_there_is() {
        let cases = [
            ("embed", names()),
            ("image", SAMPLES.map(|sample| sample.id).to_vec()),
            ("sort", Sort::ALL.map(Sort::name).to_vec()),
            ("colours", Colours::ALL.map(Colours::name).to_vec()),
            ("level", Level::ALL.map(Level::name).to_vec()),
        ];
        for (key, values) in cases {
            let row = TABLE.iter().find(|row| row.parameter.key == key).unwrap();
            assert_eq!(literals(row.docs[1]), values, "{key}");
        }
    }

    /// A sentence that refuses a value offers the others, but for networks, layers and pictures, which are too many.
    #[test]
    fn what_a_refusal_offers_is_what_it_lists() {
        for row in TABLE.iter().filter(|row| !["models", "node", "image"].contains(&row.parameter.key)) {
            let problems = State::from_query(&format!("{}=~", row.parameter.key)).1;
            let [refusal] = &problems[..] else { panic!("{}: {problems:?}", row.parameter.key) };
            let refusal = refusal.to_string();
            for value in literals(row.docs[1]) {
                assert!(refusal.contains(value), "{}: {value} is missing in {refusal}", row.parameter.key);
            }
        }
    }

    #[test]
    fn its_figures_are_those_of_the_table() {
        let docs = file("docs/embedding.md");
        let attributes = rows(&docs, "| attribute | |");
        let figure = attributes.iter().find(|cells| cells[0] == "`figure`").unwrap();
        let [first, ..] = &marked(figure[1], '`')[..] else { panic!("{figure:?}") };
        assert_eq!(*first, Figure::default().name());
        assert_eq!(marked(figure[1], '`').into_iter().collect::<BTreeSet<_>>(), names().into_iter().collect());

        let mut computes = BTreeMap::new();
        for cells in rows(&docs, "| figure | immediately | after “Run on this device”, or in view with `autorun=1` |") {
            computes.extend(cells[0].split(", ").map(|figure| (figure, !cells[2].is_empty())));
        }
        assert_eq!(computes, Figure::embeddable().map(|figure| (figure.name(), figure.computes())).collect());
    }

    #[test]
    fn the_readme_shows_a_figure_that_there_is() {
        let readme = file("README.md");
        let element = between(&readme, "<stride-scope ", "></stride-scope>");
        let attributes: BTreeMap<&str, &str> = element
            .split_terminator('"')
            .collect::<Vec<_>>()
            .chunks(2)
            .map(|pair| (pair[0].trim().trim_end_matches('='), pair[1]))
            .collect();
        assert!(names().contains(&attributes["figure"]), "{attributes:?}");
        let parameters: Vec<_> = attributes.iter().filter(|(key, _)| **key != "figure").collect();
        assert!(parameters.len() > 1);
        for (key, value) in parameters {
            assert_eq!(State::from_query(&format!("{key}={value}")).1, [], "{key}: {value}");
        }
    }

    #[test]
    fn its_heights_are_those_of_the_table() {
        let docs = file("docs/embedding.md");
        let mut heights: Vec<(u32, Vec<&str>)> = Vec::new();
        for figure in Figure::embeddable() {
            match heights.iter_mut().find(|(height, _)| *height == figure.height_px()) {
                Some((_, names)) => names.push(figure.name()),
                None => heights.push((figure.height_px(), vec![figure.name()])),
            }
        }
        let heights: Vec<String> =
            heights.into_iter().map(|(height, names)| format!("{} {height}", names.join(" and "))).collect();
        assert_eq!(between(&flowing(&docs), "Recommended heights: ", ". "), heights.join(", "));
    }
}

mod networks {
    use super::*;

    #[test]
    fn families_are_all_that_there_are() {
        let docs = file("docs/networks.md");
        let listed: BTreeSet<&str> = marked(between(&docs, "- **Family**: ", "\n- "), '`').into_iter().collect();
        assert_eq!(listed, BODIES.iter().map(|body| body.name).collect());
    }

    #[test]
    fn letters_and_switches_make_networks() {
        let docs = file("docs/networks.md");
        let spec = |name: &str| ArchSpec::named(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        for letter in marked(between(&docs, "- **Letter**: ", " as in timm"), '`') {
            spec(&format!("resnet50{letter}"));
        }
        let rows = rows(&docs, "| switch | what it changes |");
        let switches: Vec<&str> = rows.iter().flat_map(|cells| marked(cells[0], '`')).collect();
        for switch in &switches {
            spec(&format!("resnet50-d.{switch}"));
        }
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for switch in SWITCHES {
            match switch {
                Switch::Choice(choice) => known.extend(choice.values),
                Switch::Entry(entry) => {
                    known.insert(entry.prefix);
                }
            }
        }
        let listed: BTreeSet<&str> = switches
            .into_iter()
            .map(|switch| {
                if known.contains(switch) {
                    switch
                } else {
                    switch.trim_end_matches(|end: char| end.is_ascii_digit() || end == '-')
                }
            })
            .collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn costs_are_those_of_the_networks() {
        let docs = file("docs/costs.md");
        let head =
            "| ResNet-50 | parameters | MACs at 224 px | receptive field | read by path A / path B at a transition | dead MACs |";
        let listed = rows(&docs, head);
        assert_eq!(listed.iter().map(|cells| cells[0]).collect::<String>(), "ABCD");
        for cells in listed {
            let spec = ArchSpec::named(&format!("resnet50-{}", cells[0].to_lowercase())).unwrap();
            let graph = lower(&spec, Input::square(224)).unwrap();
            let totals = totals(&graph);
            let dead = match totals.dead_macs {
                0 => "0".into(),
                dead => format!("{} ({:.2} %)", grouped(dead), 100.0 * dead as f64 / totals.macs as f64),
            };
            assert_eq!(cells[1..4], [grouped(totals.params), grouped(totals.macs), receptive::size(&graph).to_string()]);
            for block in graph.downsampling_blocks() {
                let (a, b) = block_reads(&graph, block);
                assert_eq!(cells[4], format!("{} % / {} %", a.reads.read_percent(), b.reads.read_percent()));
            }
            assert_eq!(cells[5], dead);
        }
    }
}

/// What other sites are told of figures.
#[test]
fn previews_have_the_heights_of_the_table() {
    let presets = file("xtask/src/dist/oembed.rs");
    let known: BTreeMap<&str, u32> = Figure::embeddable().map(|figure| (figure.name(), figure.height_px())).collect();
    let mut count = 0;
    for preset in presets.split("Preset { figure: \"").skip(1) {
        let (figure, rest) = preset.split_once('"').unwrap();
        assert_eq!(between(rest, "height: ", " }"), known[figure].to_string(), "{figure}");
        count += 1;
    }
    assert_eq!(count, presets.matches("figure: \"").count());
}

mod first_lines {
    use super::*;

    /// The heads that stand until the page does, as `index.html` has them.
    fn heads(html: &str) -> BTreeSet<(String, String, String, String)> {
        let heads = html.split("<div class=\"head ").skip(1).map(|head| {
            let (figure, lang) = (head.split('"').next().unwrap(), between(head, "lang=\"", "\""));
            let (title, caption) = (between(head, "<h2>", "</h2>"), between(head, "<p>", "</p>"));
            [figure, lang, title, caption].map(String::from).into()
        });
        heads.collect()
    }

    /// What is said of a figure, in Korean.
    fn in_korean<'a>(korean: &'a Catalogue, english: &str, row: &Row) -> &'a str {
        korean
            .translated(english)
            .unwrap_or_else(|| panic!("assets/lang/ko.json lacks what is said of {}: {english:?}", row.name))
    }

    #[test]
    fn heads_are_those_of_the_table_in_both_languages() {
        let korean = Catalogue::read(&file("assets/lang/ko.json"), "").unwrap();
        let mut expected = BTreeSet::new();
        for row in FIGURES.iter().filter(|row| row.height_px.is_some()) {
            let (title, caption) = (row.title, row.caption.unwrap());
            expected.insert([row.name, "en", title, caption].map(String::from).into());
            let [title, caption] = [title, caption].map(|english| in_korean(&korean, english, row).to_string());
            expected.insert((row.name.into(), "ko".into(), title, caption));
        }
        assert_eq!(heads(&file("index.html")), expected);
    }

    #[test]
    fn styles_show_the_head_of_each_figure() {
        let styles = file("assets/styles.css");
        let shown: BTreeSet<String> =
            styles.split(":root[data-embed=\"").skip(1).map(|rule| flowing(rule.split([',', '{']).next().unwrap())).collect();
        assert_eq!(shown, names().into_iter().map(|name| format!("{name}\"] #shell .{name}")).collect());
    }

    #[test]
    fn the_bar_is_that_of_the_page_in_both_languages() {
        let html = file("index.html");
        let korean = Catalogue::read(&file("assets/lang/ko.json"), "").unwrap();
        for lang in ["en", "ko"] {
            let bar = between(&html, &format!("<nav lang=\"{lang}\""), "</nav>");
            let links: Vec<_> =
                bar.split("href=\"#").skip(1).map(|link| (link.split('"').next().unwrap(), between(link, ">", "<"))).collect();
            let rows = Figure::in_page().map(|figure| FIGURES.iter().find(|row| row.figure == figure).unwrap());
            let name = |row: &'static Row| if lang == "ko" { in_korean(&korean, row.short, row) } else { row.short };
            assert_eq!(links, rows.map(|row| (row.section, name(row))).collect::<Vec<_>>(), "{lang}");
        }
        assert_eq!(Figure::in_page().count(), FIGURES.len());
    }
}
