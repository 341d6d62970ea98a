//! The page's state as a link, without a browser.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/cases.rs"]
mod cases;

use cases::thousand;
use proptest::prelude::*;
use stridescope_arch::cost::{Convention, Extra, Extras};
use stridescope_arch::folding::Folding;
use stridescope_arch::table::Level;
use stridescope_arch::{ArchSpec, Variant};
use stridescope_link::change::changed;
use stridescope_link::names;
use stridescope_link::parameters::PARAMETERS;
use stridescope_link::samples::SAMPLES;
use stridescope_link::{Colours, Sort};
use stridescope_link::{FILLS, Figure, Lang, Probe, State, Theme};
use stridescope_protocol::{BackendChoice, KernelChoice};
use stridescope_view::facts::fact;
use stridescope_view::snippets::{Snippet, alone};
use stridescope_weights::ModelRef;

fn model(text: &str) -> ModelRef {
    ModelRef::parse(text).unwrap()
}

#[test]
fn the_default_state_has_an_empty_query() {
    assert_eq!(State::default().to_query(), "");
    assert_eq!(State::from_query(""), (State::default(), vec![]));
    assert_eq!(State::from_query("?"), (State::default(), vec![]));
}

#[test]
fn links_parse_as_documented() {
    let (state, problems) =
        State::from_query("?models=resnet50-a,resnet50-d&node=layer3.0.conv2&image=rocket&size=96&backend=cpu&theme=dark&utm=x");
    assert_eq!(problems, []);
    assert_eq!(state.models, ["resnet50-a", "resnet50-d"]);
    assert_eq!((state.open.to_string().as_str(), state.shape_size()), ("layer3.0", 96));
    assert_eq!((state.backend, state.theme), (BackendChoice::Cpu, Theme::Dark));
    let query = "?models=resnet50-a.os8,resnet50-d&count=fvcore&level=blocks&base=resnet50-d";
    let (compared, problems) = State::from_query(query);
    assert_eq!((compared.to_query().as_str(), compared.base_index(), problems.len()), (query, 1, 0));
    let query = "?models=resnet50-b@resnet50.a1_in1k,resnet50-d@hf:timm/resnet50d.a1_in1k";
    assert_eq!(State::from_query(query).0.to_query(), query);
    let (usual, _) = State::from_query("?models=resnet50-b@resnet50.gluon_in1k,resnet50-b");
    assert_eq!(usual.models, ["resnet50-b"], "what is taken unasked needs no word");
    assert_eq!(state.to_query(), "?models=resnet50-a,resnet50-d&node=layer3.0.conv2&image=rocket&size=96&backend=cpu&theme=dark");
}

#[test]
fn scripts_change_only_the_named_parameters() {
    // The state before, the change, and the state or the error after it.
    let cases = [
        ("", "node=layer3.0", Ok("?node=layer3.0")),
        ("?node=layer3.0&theme=dark", "node", Ok("?theme=dark")),
        ("?models=resnet50-a,resnet50-d&base=resnet50-d", "models=tiny-a,tiny-b", Ok("?models=tiny-a,tiny-b")),
        ("?models=resnet152-a&node=layer3.30", "models=tiny-a", Ok("?models=tiny-a")),
        ("?models=resnet152-a&node=layer3.30&theme=dark", "theme=light", Ok("?models=resnet152-a&node=layer3.30&theme=light")),
        ("?embed=cost&autorun=1", "embed=cost", Ok("?embed=cost&autorun=1")),
        ("?embed=cost", "embed=predict", Err("Which figure stands alone is chosen by the link")),
        (
            "?models=resnet50-a,resnet50-d&base=resnet50-d",
            "models=tiny-a&base=tiny-d",
            Err("\"tiny-d\" is none of the networks shown"),
        ),
        ("", "node=layer9", Err("None of these networks has a layer \"layer9\"")),
        ("", "size=7", Err("The size \"7\" is not between")),
        ("", "colour=red", Err("There is no parameter \"colour\"")),
    ];
    for (before, changes, expected) in cases {
        let before = State::from_query(before).0;
        let changes: Vec<_> = changes
            .split('&')
            .map(|change| change.split_once('=').map_or((change.into(), None), |(key, value)| (key.into(), Some(value.into()))))
            .collect();
        match (changed(&before, &changes), expected) {
            (Ok(state), Ok(query)) => assert_eq!(state.to_query(), query, "{changes:?}"),
            (Err(said), Err(start)) => assert!(said.contains(start), "{changes:?}: {said}"),
            (found, _) => panic!("{changes:?}: {found:?}"),
        }
    }
}

#[test]
fn stale_values_do_not_block_changes_by_scripts() {
    // The page itself removes networks and leaves these behind.
    let stale = State { models: vec![model("tiny-a")], base: Some(model("tiny-d")), node: "layer4.9".into(), ..State::default() };
    let state = changed(&stale, &[("theme".into(), Some("dark".into()))]).unwrap();
    assert_eq!((state.theme, state.base, state.models), (Theme::Dark, None, stale.models));
}

#[test]
fn the_visitors_own_image_stays_until_replaced() {
    let own = State { image: None, ..State::default() };
    let change = |key: &str, value: Option<&str>| changed(&own, &[(key.into(), value.map(String::from))]).unwrap().image;
    assert_eq!(change("theme", Some("dark")), None);
    assert_eq!(change("image", None), None);
    assert_eq!(change("image", Some("rocket")).as_deref(), Some("rocket"));
}

#[test]
fn diagrams_use_the_input_size_of_the_networks() {
    let cases =
        [("", 128), ("models=resnet50-a", 224), ("models=resnet101-d", 224), ("models=tiny-a,resnet50-a", 224), ("size=64", 64)];
    for (query, size) in cases {
        assert_eq!(State::from_query(query).0.shape_size(), size, "{query}");
    }
}

#[test]
fn invalid_values_are_reported_and_replaced_by_defaults() {
    let cases = [
        ("models=resnet50", "There is no network \"resnet50\""),
        ("models=", "There is no network \"\""),
        ("models=tiny-a,tiny-b,tiny-c,tiny-d,resnet18-a", "At most 4 networks stand side by side, not 5"),
        ("node=layer9.0", "None of these networks has a layer \"layer9.0\""),
        ("image=dog", "There is no sample picture \"dog\""),
        ("image=own", "choose it again"),
        ("models=resnet50-d.os7", "There is no switch \"os7\""),
        ("models=resnet18-b.groups7", "leave groups out"),
        ("models=resnet50-b.blocks1000000000", "blocks in a stage is 1000000000"),
        ("count=flop", "write fvcore or torchinfo, or macs or flops"),
        ("shift=33", "not between 0 and 32"),
        ("probe=input,1,2,9,zero", "side from 1 to 8"),
        ("probe=input,1,2,3,red", "zero, white or noise"),
        ("channel=-1", "write a number from 0 on"),
        ("sort=size", "write index, mean, max or difference"),
        ("colours=jet", "write viridis, magma, grey or diverging"),
        ("scale=two", "write one or each"),
        ("open=layer2.0.conv1", "names no stages and blocks"),
        ("level=channels", "write stages, blocks or layers"),
        ("base=resnet50-d", "compared with the first"),
        ("size=31", "not between 32 and 512"),
        ("size=99999999999999999999999", "not between 32 and 512"),
        ("backend=gpu", "write auto, webgpu or cpu"),
        ("kernels=fast", "write auto, stock or tiled"),
        ("theme=sepia", "write auto, light or dark"),
        ("lang=fr", "write auto, en or ko"),
        ("embed=weights", "write architecture, strides, features, field, cost or predict"),
        ("controls=yes", "is neither 0 nor 1, which controls can be"),
        ("autorun=2", "is neither 0 nor 1, which autorun can be"),
        ("models=tiny-a@", "names no weights"),
        ("models=tiny-a@nowhere", "\"nowhere\" names no weights: write the address of a safetensors file"),
        ("models=tiny-a@resnet50.a1_in1k", "are weights for resnet50-b, not for tiny-a"),
        ("models=tiny-a@http://example.org/a.pth", "would not be encrypted"),
    ];
    for (query, words) in cases {
        let (state, problems) = State::from_query(query);
        assert_eq!(state, State::default(), "{query}");
        assert_eq!(problems.len(), 1, "{query}: {problems:?}");
        let problem = problems[0].to_string();
        assert!(problem.contains(words) && problem.ends_with('.'), "{query}: {}", problems[0]);
    }
    let (state, _) = State::from_query("models=tiny-a,tiny-a");
    assert_eq!(state.models, ["tiny-a"]);
}

#[test]
fn names_are_displayed_in_their_usual_form() {
    let cases = [
        ("resnet50-d", "ResNet-50-D"),
        ("tiny-a", "Tiny-A"),
        ("resnext50_32x4d-b", "ResNeXt-50 32×4d-B"),
        ("resnet50-a.os8.classes21", "ResNet-50-A os8 classes21"),
    ];
    for (net, shown) in cases {
        assert_eq!(names::display(&model(net)), shown);
    }
    assert_eq!(names::variant(&model("resnet50-d")), Some(Variant::D));
    assert_eq!(names::variant(&model("resnet50-a.shortcut-avgpool")), None);
    assert_eq!(names::base(&model("resnet50-d.os8@hf:some/net")), ("resnet50", "d"));
    assert_eq!(names::tagline(&model("resnet50-d")), "avgpool shortcut");
    assert_eq!(names::tagline(&model("resnet50-a.shortcut-avgpool")), "a mixture of your own");
    let hue = |net| names::hue(&model(net));
    assert_eq!((hue("resnet50-a.shortcut-avgpool"), hue("resnet50-a.stride-conv2")), ('a', 'b'));
    assert_eq!(names::display(&model("resnet50-b@resnet50.a1_in1k")), "ResNet-50-B · a1_in1k");
    assert_eq!(names::display(&model("tiny-d.classes7@hf:some/net")), "Tiny-D classes7 · net");
    assert_eq!([0, 999, 1000, 25_557_032].map(stridescope_i18n::numbers::grouped), ["0", "999", "1,000", "25,557,032"]);
    for (count, shown) in [(3_857_973_248, "3.86 G"), (25_557_032, "25.6 M"), (375_717_888, "376 M"), (999, "999")] {
        assert_eq!(stridescope_i18n::numbers::short_count(count), shown);
    }
    for (family, _) in names::families() {
        assert!(ArchSpec::named(&format!("{family}-a")).is_ok(), "{family}");
    }
}

/// Weights sources as in a link.
const SOURCES: [&str; 6] = [
    "",
    "",
    "@hf:some-one/net_1.x",
    "@https://example.org/a%20b/net.safetensors?a=1&b=2%2C3#c",
    "@http://localhost:8080/net.pth",
    "@file:my + net @ home (1)&é.pth",
];

fn any_state() -> impl Strategy<Value = State> {
    (
        (prop::sample::subsequence(ArchSpec::names(), 1..=4), prop::array::uniform4(prop::sample::select(SOURCES.to_vec())))
            .prop_map(|(nets, sources)| {
                nets.iter().zip(sources).map(|(net, source)| model(&format!("{net}{source}"))).collect::<Vec<_>>()
            }),
        prop::sample::select(vec!["layer1", "layer2.0", "layer4.1.conv2", "fc", "maxpool"]),
        prop::sample::select(SAMPLES.to_vec()),
        prop::option::of(32usize..=512),
        prop::sample::select(vec![BackendChoice::Auto, BackendChoice::Webgpu, BackendChoice::Cpu]),
        prop::sample::select(vec![Theme::Auto, Theme::Light, Theme::Dark]),
        (
            (prop::sample::select(Convention::ALL.to_vec()), any::<[bool; 4]>()),
            prop::sample::select(vec!["", "layer1", "layer2.0,layer3,layer3.1", "layer4.0"]),
            prop::sample::select(Level::ALL.to_vec()),
            any::<Option<prop::sample::Index>>(),
        ),
        (
            (0usize..2048, (0usize..=1000, 0usize..=1000)),
            prop::sample::select(Sort::ALL.to_vec()),
            prop::sample::select(Colours::ALL.to_vec()),
            any::<bool>(),
            0usize..=32,
            prop::option::of((0usize..300, 0usize..300, 1usize..=8, 0usize..3)),
        ),
        (
            prop::sample::select(vec![Lang::Auto, Lang::En, Lang::Ko]),
            prop::sample::select(vec![KernelChoice::Auto, KernelChoice::Stock, KernelChoice::Tiled]),
            prop::option::of(prop::sample::select(Figure::embeddable().collect::<Vec<_>>())),
            any::<bool>(),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(
                models,
                node,
                sample,
                size,
                backend,
                theme,
                ((count, extras), open, level, base),
                ((channel, at), sort, colours, one_scale, shift, probe),
                (lang, kernels, embed, controls, autorun),
            )| State {
                base: base.map(|base| base.get(&models).clone()),
                models,
                node: node.into(),
                image: Some(sample.id.into()),
                // Anti-aliasing does not accept every size.
                size: size.map(|size| size / 32 * 32),
                count: count.with(
                    Extra::ALL
                        .into_iter()
                        .zip(extras)
                        .filter(|(_, on)| *on)
                        .fold(Extras::NONE, |set, (extra, _)| set.toggled(extra)),
                ),
                open: Folding::parse(open).unwrap(),
                channel,
                at,
                sort,
                colours,
                one_scale,
                shift,
                probe: probe.map(|(y, x, side, fill)| Probe { node: "input".into(), y, x, side, fill: FILLS[fill].0 }),
                level,
                backend,
                kernels,
                theme,
                lang,
                embed,
                controls,
                autorun,
            },
        )
}

#[test]
fn the_language_comes_from_the_link_or_the_browser() {
    let cases: [(&str, &[&str], Lang); 7] = [
        ("", &["ko-KR", "en"], Lang::Ko),
        ("", &["en-GB", "ko"], Lang::En),
        ("", &["fr", "ko"], Lang::Ko),
        ("", &["fr", "auto"], Lang::En),
        ("", &[], Lang::En),
        ("?models=tiny-a&lang=ko", &["en"], Lang::Ko),
        ("lang=en", &["ko"], Lang::En),
    ];
    for (query, languages, spoken) in cases {
        assert_eq!(Lang::of_query(query).resolved(languages), spoken, "{query} {languages:?}");
    }
}

#[test]
fn snippets_link_to_their_state() {
    let (state, _) = State::from_query("?models=resnet50-a,resnet50-d&node=layer3.0&image=rocket");
    let state = alone(&state, Figure::Predict, (false, true), (Lang::Ko, Theme::Dark));
    let snippet = Snippet { site: "https://example.org/s/".into(), state: state.clone(), title: "A & \"B\" [c]".into() };
    let query = "models=resnet50-a,resnet50-d&node=layer3.0&image=rocket&theme=dark&lang=ko";
    assert_eq!(snippet.link(), format!("https://example.org/s/?{query}#prediction"));
    assert_eq!(snippet.source(), format!("https://example.org/s/?{query}&embed=predict&controls=0&autorun=1"));
    let query = snippet.source().split_once('?').unwrap().1.to_string();
    assert_eq!(State::from_query(&query), (state, vec![]));
    let frame = snippet.iframe();
    assert!(frame.contains("title=\"A &amp; &quot;B&quot; [c]\"") && frame.contains("&amp;node=layer3.0"), "{frame}");
    assert!(
        frame.contains("sandbox=\"allow-scripts ") && frame.contains("loading=\"lazy\"") && !frame.contains("allow-same-origin"),
        "{frame}"
    );
    let odd = Snippet { title: "a\n\u{1}\u{FFFE}".into(), ..snippet.clone() };
    assert!(odd.iframe().contains("title=\"a\n\u{FFFD}\u{FFFD}\""), "{}", odd.iframe());
    assert!(odd.markdown().starts_with("[![a  \u{FFFE}]("), "{}", odd.markdown());
    let element = snippet.element();
    assert!(
        element.starts_with(
            "<script src=\"https://example.org/s/stride-scope.js\" async></script>\n<stride-scope figure=\"predict\""
        ),
        "{element}"
    );
    assert!(element.contains(" autorun=\"1\"") && !element.contains(" embed="), "{element}");
    assert!(
        snippet
            .markdown()
            .starts_with("[![A & \"B\" c](https://example.org/s/assets/og/predict.png)](https://example.org/s/?models=")
    );
}

#[test]
fn the_articles_numbers_match_the_networks() {
    let cases = [
        ("params resnet50-b", "25.6 M"),
        ("macs resnet50-a 224", "3.86 G"),
        ("macs resnet50-d 224", "4.33 G"),
        ("dead-macs resnet50-a 224", "376 M"),
        ("dead-share resnet50-a 224", "9.74 %"),
        ("dead-share resnet50-d 224", "0 %"),
        ("macs-ratio resnet50-d resnet50-a 224", "12.2 %"),
        ("macs-ratio resnet50-d resnet50-c 224", "0 %"),
        ("receptive resnet50-a", "483"),
        ("receptive resnet50-b", "427"),
        ("reads-a resnet50-a layer2.0", "25 %"),
        ("reads-b resnet50-a layer2.0", "25 %"),
        ("reads-a resnet50-b layer2.0", "100 %"),
        ("reads-b resnet50-c layer3.0", "25 %"),
        ("reads-b resnet50-d layer4.0", "100 %"),
        ("layers-with-stride2-1x1 resnet50-a", "6"),
        ("layers-with-stride2-1x1 resnet50-b", "3"),
        ("layers-with-stride2-1x1 resnet50-d", "0"),
    ];
    for (name, shown) in cases {
        assert_eq!(fact(name).as_deref(), Some(shown), "{name}");
    }
    for name in ["", "macs", "macs resnet50-a x", "macs vgg-a 224", "reads-a resnet50-a layer9.0", "speed resnet50-a"] {
        assert_eq!(fact(name), None, "{name}");
    }
}

proptest! {
    #![proptest_config(thousand())]

    #[test]
    fn states_round_trip_through_links(state in any_state()) {
        prop_assert_eq!(State::from_query(&state.to_query()), (state, vec![]));
    }

    #[test]
    fn parsing_a_query_never_panics(query in "\\PC{0,200}") {
        let (state, _) = State::from_query(&query);
        prop_assert!((1..=4).contains(&state.models.len()));
        prop_assert_eq!(State::from_query(&state.to_query()).0, state);
    }

    #[test]
    fn any_value_is_read(key in prop::sample::select(PARAMETERS.map(|parameter| parameter.key).to_vec()), value in "\\PC{0,80}") {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair(key, &value).finish();
        let (state, problems) = State::from_query(&query);
        prop_assert!(problems.len() <= 1);
        prop_assert_eq!(State::from_query(&state.to_query()).0, state);
    }
}
