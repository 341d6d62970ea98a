//! Both languages are complete: whatever the source says has its translation, and nothing is translated that is never said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use proc_macro2::{Group, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use stridescope_arch::cost::{Convention, Extra};
use stridescope_arch::table::Level;
use stridescope_arch::transition::transitions;
use stridescope_arch::{Input, Variant, lower};
use stridescope_i18n::{Catalogue, Message};
use stridescope_link::names::tagline;
use stridescope_link::samples::SAMPLES;
use stridescope_link::{Colours, FIGURES, FILLS, Sort};
use stridescope_weights::{ModelRef, catalogue};

const KOREAN: &str = include_str!("../assets/lang/ko.json");
const LABELS: &str = include_str!("../assets/labels/imagenet-1k.ko.tsv");
const ENGLISH_LABELS: &str = include_str!("../assets/labels/imagenet-1k.tsv");

fn korean() -> BTreeMap<String, String> {
    serde_json::from_str(KOREAN).expect("assets/lang/ko.json is an object of strings")
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What a literal of the source stands for; nothing for one that is no text.
fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|literal| literal.value())
}

/// Calls back for each group of tokens with the two tokens before it.
fn groups(tokens: TokenStream, found: &mut dyn FnMut(&[TokenTree], &Group)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            found(&tokens[index.saturating_sub(2)..index], group);
            groups(group.stream(), found);
        }
    }
}

fn is_macro(before: &[TokenTree], name: &str) -> bool {
    matches!(before, [TokenTree::Ident(ident), TokenTree::Punct(mark)] if ident == name && mark.as_char() == '!')
}

/// Every sentence that `tr!`, `msg!` or `key!` is given in these tokens.
fn said_in(tokens: TokenStream, path: &Path) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    groups(tokens, &mut |before, group| {
        if ["tr", "msg", "key"].iter().any(|name| is_macro(before, name)) {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let first = inner.first().and_then(text);
            said.insert(first.unwrap_or_else(|| panic!("{}: a macro for words, of no literal: {group}", path.display())));
            if let [_, TokenTree::Punct(bar), many, ..] = &inner[..]
                && bar.as_char() == '|'
            {
                said.insert(text(many).unwrap());
            }
        }
    });
    said
}

/// The source, but for what puts it into words, whose documentation and tests say what nobody reads.
fn tokens() -> Vec<(PathBuf, TokenStream)> {
    let paths = ["src", "crates"].into_iter().flat_map(sources).filter(|path| !path.to_string_lossy().contains("crates/i18n/"));
    paths.map(|path| (path.clone(), fs::read_to_string(&path).unwrap().parse().unwrap())).collect()
}

/// Every sentence that `tr!`, `msg!` or `key!` is given. What only puts others together has no words of its own.
fn said() -> BTreeSet<String> {
    let mut said: BTreeSet<String> = tokens().into_iter().flat_map(|(path, tokens)| said_in(tokens, &path)).collect();
    said.retain(|sentence| anonymous(sentence).contains(char::is_alphabetic));
    said
}

/// Every sentence of an error, by the error's name.
fn errors() -> BTreeMap<String, BTreeSet<String>> {
    let mut errors = BTreeMap::new();
    for (path, tokens) in tokens() {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let word = |token: &TokenTree| matches!(token, TokenTree::Ident(_)).then(|| token.to_string()).unwrap_or_default();
        for window in tokens.windows(5) {
            if let [a, b, c, error, TokenTree::Group(body)] = window
                && [a, b, c].map(word) == ["impl", "Explain", "for"]
            {
                errors.insert(error.to_string(), said_in(body.stream(), &path));
            }
        }
    }
    errors
}

/// A template without its values.
fn anonymous(template: &str) -> String {
    let mut pieces = template.split('{');
    let first = pieces.next().unwrap().to_string();
    pieces.fold(first, |text, piece| text + piece.split_once('}').map_or(piece, |(_, rest)| rest))
}

/// Every text that stands in the source or in the catalogue of weights.
fn written() -> BTreeSet<String> {
    fn add(tokens: TokenStream, written: &mut BTreeSet<String>) {
        for token in tokens {
            match &token {
                TokenTree::Group(group) => add(group.stream(), written),
                token => written.extend(text(token)),
            }
        }
    }
    let mut written = BTreeSet::new();
    for (_, tokens) in tokens() {
        add(tokens, &mut written);
    }
    let catalogue: serde_json::Value = serde_json::from_str(include_str!("../assets/catalogue.json")).unwrap();
    let mut open = vec![catalogue];
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::String(text) => drop(written.insert(text)),
            serde_json::Value::Array(values) => open.extend(values),
            serde_json::Value::Object(values) => open.extend(values.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    written
}

/// Words of data that the page shows.
fn data() -> BTreeSet<String> {
    let mut words: BTreeSet<String> = SAMPLES.iter().map(|sample| sample.title.to_string()).collect();
    // A name and a licence's letters are the same in every language.
    words.extend(SAMPLES.iter().map(|sample| sample.credit.to_string()).filter(|credit| !credit.ends_with("CC0")));
    for entry in catalogue::entries().unwrap() {
        words.insert(entry.card.recipe.clone());
        let Message::Template(origin, values) = &entry.card.origin else { panic!("{:?}", entry.card.origin) };
        assert!(values.is_empty(), "{origin}");
        // One word is a name.
        words.extend(Some(origin.to_string()).filter(|origin| origin.contains(' ')));
    }
    words.extend(Convention::ALL.iter().flat_map(|convention| [convention.title(), convention.users().to_string()]));
    let models = ["resnet50-d.os8", "resnet50-d.width80"].map(|name| ModelRef::parse(name).unwrap());
    let read = transitions(&lower(models[0].spec(), Input::square(224)).unwrap());
    let tables: [&mut dyn Iterator<Item = &'static str>; 10] = [
        &mut Variant::ALL.into_iter().map(Variant::tagline),
        &mut models.iter().map(tagline),
        &mut read.iter().flat_map(|transition| &transition.readings).map(|reading| reading.path),
        // Batch normalisation has the same letters in every language.
        &mut Extra::ALL.into_iter().map(Extra::title).filter(|title| *title != "BN"),
        &mut Level::ALL.into_iter().map(Level::name),
        &mut Sort::ALL.into_iter().map(Sort::name),
        &mut Colours::ALL.into_iter().map(Colours::name),
        &mut FILLS.into_iter().map(|(_, _, title)| title),
        &mut FIGURES.iter().flat_map(|row| [row.title, row.short]),
        &mut FIGURES.iter().filter_map(|row| row.caption),
    ];
    words.extend(tables.into_iter().flatten().filter(|words| !words.is_empty()).map(String::from));
    words
}

/// The values that a template asks for, by name or place.
fn values(template: &str) -> BTreeSet<String> {
    let named = |(place, part): (usize, &str)| {
        let name = part.split('}').next().unwrap();
        if name.is_empty() { place.to_string() } else { name.into() }
    };
    template.split('{').skip(1).enumerate().map(named).collect()
}

#[test]
fn everything_that_is_said_is_said_in_korean_too() {
    let korean = korean();
    let missing: Vec<_> = said().into_iter().filter(|sentence| !korean.contains_key(sentence)).collect();
    assert!(missing.is_empty(), "{} sentences are missing in assets/lang/ko.json: {missing:#?}", missing.len());
}

#[test]
fn nothing_is_translated_that_is_never_said() {
    let (said, written) = (said(), written());
    // Words of data are looked up as they are; what asks for values is put together in one place.
    let is_said = |key: &String| said.contains(key) || (!key.contains('{') && written.contains(key));
    let unsaid: Vec<_> = korean().into_keys().filter(|sentence| !is_said(sentence)).collect();
    assert!(unsaid.is_empty(), "{} sentences of assets/lang/ko.json stand nowhere in the source: {unsaid:#?}", unsaid.len());
}

#[test]
fn every_error_explains_itself() {
    let errors = errors();
    let names: Vec<&str> = errors.keys().map(String::as_str).collect();
    let all = [
        "EngineError",
        "FetchError",
        "ImageError",
        "LabelsError",
        "ModelError",
        "SourceError",
        "SpecError",
        "StoreError",
        "WeightsError",
    ];
    assert_eq!(names, all);
    // One passes on what its two causes say.
    assert!(errors.iter().all(|(name, sentences)| sentences.len() >= 4 || name == "ModelError"), "{errors:#?}");
}

/// Errors are shown with a capital: a name at their beginning must be recognised as one, by its quotation marks or by what it is made of.
#[test]
fn errors_that_begin_with_a_name_quote_it() {
    // What is counted, in words; a host or `this site`; `USER/REPOSITORY`.
    let safe = [
        "{} is {}, but must be ",
        "{} answered {} for ",
        "{} did not answer for ",
        "{} sent more of ",
        "{} on Hugging Face cannot ",
    ];
    let is_bare = |text: &&String| text.starts_with('{') && !safe.iter().any(|start| text.starts_with(start));
    let bare: Vec<_> = errors().into_values().flatten().filter(|sentence| is_bare(&sentence)).collect();
    assert!(bare.is_empty(), "these begin with a name that may be any word: {bare:#?}");
}

#[test]
fn data_that_is_shown_is_translated() {
    let catalogue = Catalogue::read(KOREAN, LABELS).unwrap();
    let missing: Vec<_> = data().into_iter().filter(|words| catalogue.translated(words).is_none()).collect();
    assert!(missing.is_empty(), "{} words of data are missing in assets/lang/ko.json: {missing:#?}", missing.len());
}

#[test]
fn translations_ask_for_the_values_of_their_originals_and_leave_nothing_empty() {
    for (english, korean) in korean() {
        assert!(!korean.trim().is_empty(), "{english}");
        assert_eq!(values(&english), values(&korean), "{english} / {korean}");
        assert_eq!(english.trim() == english, korean.trim() == korean, "{english}");
    }
}

#[test]
fn every_class_has_its_own_korean_name() {
    let ids = |labels: &'static str| labels.lines().map(|line| line.split_once('\t').unwrap()).collect::<Vec<_>>();
    let (korean, english) = (ids(LABELS), ids(ENGLISH_LABELS));
    assert_eq!(korean.len(), 1000);
    let mut names = BTreeSet::new();
    for ((id, name), (english_id, english)) in korean.into_iter().zip(english) {
        assert_eq!(id, english_id, "{english}");
        assert!(name.contains(|letter: char| ('가'..='힣').contains(&letter)), "{english}: {name}");
        assert!(names.insert(name), "{name} stands twice");
    }
}
