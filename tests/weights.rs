//! Weights files: reading, writing, and the errors of broken ones.
#![allow(clippy::unwrap_used, missing_docs)]

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_i18n::msg;
use stridescope_weights::catalogue::Remote;
use stridescope_weights::catalogue::card::Reject;
use stridescope_weights::{Card, Checkpoint, Dtype, catalogue, check, formats::safetensors, labels, synthetic};

fn graph() -> Graph {
    lower(&ArchSpec::named("tiny-c").unwrap(), Input::square(64)).unwrap()
}

#[test]
fn written_files_are_read_back() {
    let checkpoint =
        Checkpoint { card: catalogue::for_net("tiny-c").map(|entry| entry.card.clone()), ..synthetic::checkpoint(&graph()) };
    for (dtype, tolerance) in [(Dtype::F32, 0.0), (Dtype::F16, 1e-3)] {
        let read = safetensors::read(safetensors::write(&checkpoint, dtype).unwrap()).unwrap();
        assert_eq!(read.card, checkpoint.card);
        let dtypes = ["conv1.0.weight", "fc.weight", "fc.bias", "bn1.running_var"].map(|name| read.tensors[name].dtype);
        assert_eq!(dtypes, [dtype, dtype, Dtype::F32, Dtype::F32], "what is no matrix is short, and stays exact");
        assert!(check::compare(&read, &graph()).verdict().is_ok());
        for name in checkpoint.tensors.keys() {
            for (a, b) in checkpoint.values(name).unwrap().iter().zip(read.values(name).unwrap()) {
                assert!((a - b).abs() <= tolerance, "{name}: {a} became {b}");
            }
        }
    }
    let halved = safetensors::write(&checkpoint, Dtype::F16).unwrap().len() as f64;
    assert!(halved < 0.55 * safetensors::write(&checkpoint, Dtype::F32).unwrap().len() as f64);
}

/// Values of synthetic weights, computed by `tests/golden/synthetic.py`.
#[test]
fn synthetic_weights_match_python() {
    let drawn: Vec<u32> = synthetic::unit("layer1.0.conv1.weight", 4).map(|u| (u * (1 << 24) as f32) as u32).collect();
    assert_eq!(drawn, [14117074, 9616880, 14270343, 9341603]);
    assert_eq!(synthetic::input(3), [1641119, 10944791, 3416248].map(|drawn| 4.0 * drawn as f32 / (1 << 24) as f32 - 2.0));
    let first_values = [
        ("resnet18-a", "conv1.weight", 0.018213),
        ("resnet18-a", "layer1.0.bn1.weight", 0.627970),
        ("resnet18-a", "layer1.0.bn2.weight", 0.207221),
        ("resnet18-a", "layer4.1.conv2.weight", 0.007541),
        ("resnet18-a", "bn1.running_var", 1.142308),
        ("resnet18-a", "bn1.running_mean", 0.093780),
        ("resnet18-a", "bn1.bias", -0.131122),
        ("resnet18-a", "fc.weight", -0.001662),
        ("resnet18-a", "fc.bias", -0.004470),
        ("tiny-a", "layer1.0.bn2.weight", 1.036105),
        ("tiny-a", "layer1.0.bn3.weight", 0.126282),
    ];
    for net in ["resnet18-a", "tiny-a"] {
        let checkpoint = synthetic::checkpoint(&lower(&ArchSpec::named(net).unwrap(), Input::square(64)).unwrap());
        for (_, key, value) in first_values.iter().filter(|(of, ..)| *of == net) {
            let first = checkpoint.values(key).unwrap()[0];
            assert!((first - value).abs() < 1e-6, "{net}, {key}: {first}, not {value}");
        }
    }
}

#[test]
fn integers_other_than_the_batch_counter_are_rejected() {
    let graph = graph();
    let mut checkpoint = synthetic::checkpoint(&graph);
    let start = checkpoint.bytes.len();
    checkpoint.bytes.extend([0; 8]);
    let counter = stridescope_weights::Entry { dtype: Dtype::I64, shape: vec![], range: start..start + 8, scales: None };
    checkpoint.tensors.insert("bn1.num_batches_tracked".into(), counter.clone());
    assert!(check::compare(&checkpoint, &graph).verdict().is_ok());
    checkpoint.tensors.insert("fc.bias".into(), stridescope_weights::Entry { shape: vec![10], ..counter });
    assert!(check::compare(&checkpoint, &graph).verdict().is_err());
}

#[test]
fn errors_name_one_tensor_and_count_the_others() {
    let graph = graph();
    let verdict = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = synthetic::checkpoint(&graph);
        change(&mut checkpoint);
        check::compare(&checkpoint, &graph).verdict().unwrap_err().to_string()
    };
    for (count, more) in [(1, ""), (2, " (and 1 more)"), (3, " (and 2 more)")] {
        let lost = ["bn1.weight", "bn1.bias", "fc.bias"].map(str::to_string);
        let missing = verdict(&|checkpoint| checkpoint.tensors.retain(|name, _| !lost[..count].contains(name)));
        assert!(missing.starts_with(&format!("tensor \"bn1.weight\" is missing{more}. ")), "{missing}");
        let extra = verdict(&|checkpoint| {
            let entry = checkpoint.tensors["bn1.bias"].clone();
            checkpoint.tensors.extend((0..count).map(|i| (format!("extra{i}"), entry.clone())));
        });
        assert!(extra.starts_with(&format!("tensor \"extra0\" belongs to no layer of this network{more}. ")), "{extra}");
    }
}

#[test]
fn the_catalogue_is_valid() {
    let entries = catalogue::entries().unwrap();
    let first: Vec<&str> = entries.iter().map(|entry| entry.card.net.as_str()).take(8).collect();
    let wanted = ["tiny-a", "tiny-b", "tiny-c", "tiny-d", "resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"];
    assert_eq!(first, wanted, "what is taken unasked comes first");
    for entry in entries {
        assert!(std::ptr::eq(catalogue::find(&entry.id).unwrap(), entry), "{} twice", entry.id);
        assert!(entry.id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{} in a link", entry.id);
        assert!(entry.card.source.starts_with("https://"), "{}", entry.id);
        let how = entry.card.preprocess;
        assert!((how.size..=2 * how.size).contains(&how.resize), "{}", entry.id);
        let host = entry.remote.as_ref().map(Remote::host);
        let wanted = entry.remote.as_ref().map(|remote| match remote {
            Remote::Hub { .. } => "huggingface.co",
            Remote::Tfjs { .. } => "cdn.jsdelivr.net",
        });
        assert_eq!(host.as_deref(), wanted, "{}", entry.id);
        if let Some(Remote::Hub { .. }) = entry.remote {
            // The size of the safetensors file in f32: the values, PyTorch's counters, and a header.
            let graph = lower(&ArchSpec::named(&entry.card.net).unwrap(), Input::square(224)).unwrap();
            let values: usize = graph.tensors().iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
            let header = entry.bytes - 4 * values as u64;
            assert!((100..180).contains(&(header / graph.tensors().len() as u64)), "{}: {header} bytes of header", entry.id);
        }
        let spec = ArchSpec::named(&entry.card.net).unwrap();
        assert_eq!(spec.classes, entry.card.class_count(), "{}", entry.card.net);
        assert_eq!(labels::labels(&entry.card.classes).len(), spec.classes);
        assert!(entry.card.accuracy.as_ref().is_some_and(|accuracy| accuracy.top1 > 50.0));
        if entry.built_in {
            let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
                .join("assets/weights")
                .join(entry.file.as_ref().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            let digits: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((bytes.len() as u64, Some(digits)), (entry.bytes, entry.sha256.clone()), "{}", path.display());
        }
    }
}

#[test]
fn each_card_names_its_recipe() {
    let mut by_recipe: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in catalogue::entries().unwrap() {
        assert!(!["", "not stated"].contains(&entry.card.recipe.trim()), "{}", entry.id);
        by_recipe.entry(&entry.card.recipe).or_default().push(&entry.id);
    }
    // Equal texts mean equal recipes; each list is one recipe.
    let together: Vec<Vec<&str>> = by_recipe.into_values().filter(|ids| ids.len() > 1).collect();
    let wanted = [
        vec!["tiny-a.imagenette", "tiny-b.imagenette", "tiny-c.imagenette", "tiny-d.imagenette"],
        vec!["resnet50.gluon_in1k", "resnet50c.gluon_in1k"],
        vec!["resnet50d.ra2_in1k", "resnet18d.ra2_in1k", "resnet34d.ra2_in1k"],
    ];
    assert_eq!(together, wanted);
    // From GluonCV's commands (dmlc/web-data, gluoncv/logs/classification/imagenet: resnet50_v1b.sh, _v1c.sh, _v1d-mixup.sh).
    for (id, epochs, has_mixup) in
        [("resnet50.gluon_in1k", 120, false), ("resnet50c.gluon_in1k", 120, false), ("resnet50d.gluon_in1k", 200, true)]
    {
        let recipe = &catalogue::find(id).unwrap().card.recipe;
        assert!(recipe.contains(&format!("{epochs} epochs")) && recipe.contains("label smoothing"), "{id}: {recipe}");
        assert_eq!((recipe.contains("mixup"), recipe.contains("no mixup")), (true, !has_mixup), "{id}: {recipe}");
    }
}

#[test]
fn labels_match_imagenet() {
    let labels = labels::labels(&catalogue::for_net("resnet50-a").unwrap().card.classes);
    let by_wnid: HashMap<&str, (usize, &str)> =
        labels.iter().enumerate().map(|(i, label)| (label.wnid.as_str(), (i, label.name.as_str()))).collect();
    assert_eq!(by_wnid.len(), 1000);
    assert_eq!(by_wnid["n02124075"], (285, "Egyptian cat"));
    assert_eq!(by_wnid["n07920052"].0, 967);
    assert!(labels.windows(2).all(|pair| pair[0].wnid < pair[1].wnid), "ImageNet's order is that of the wnids");
    let tiny = labels::labels(&catalogue::for_net("tiny-a").unwrap().card.classes);
    assert_eq!(tiny[5].name, "French horn");
}

#[test]
fn a_network_rejects_only_below_its_threshold() {
    let reject = Reject { top_p_below: 0.85, keeps: 70.0 };
    assert!(reject.applies(0.849) && !reject.applies(0.85) && !reject.applies(1.0));
}

#[test]
fn invalid_cards_are_rejected() {
    let json = serde_json::to_string(&catalogue::for_net("tiny-a").unwrap().card).unwrap();
    assert!(Card::from_json(&json).is_ok());
    for (from, to) in
        [("\"std\":[0.229", "\"std\":[0.0"), ("\"std\":[0.229", "\"std\":[-1.0"), ("\"mean\":[0.485", "\"mean\":[1e60")]
    {
        assert!(json.contains(from));
        assert!(Card::from_json(&json.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn unknown_weights_get_a_default_card() {
    let known = &catalogue::for_net("resnet50-b").unwrap().card;
    assert_eq!(Card::unknown("resnet50-b", 1000).classes, known.classes);
    let seven = Card::unknown("tiny-a", 7).named(msg!("a file"), "https://example.org/");
    assert_eq!(
        (seven.net.as_str(), seven.origin.to_string().as_str(), seven.source.as_str()),
        ("tiny-a", "a file", "https://example.org/")
    );
    let names: Vec<String> = labels::labels(&seven.classes).into_iter().map(|label| label.name).collect();
    assert_eq!(names, ["class 0", "class 1", "class 2", "class 3", "class 4", "class 5", "class 6"]);
    let json = serde_json::to_string(&seven).unwrap();
    assert_eq!(Card::from_json(&json).unwrap(), seven);
    let error = Card::from_json(&json.replace("[\"class 0\"", "7,\"x\":[\"class 0\"")).unwrap_err().to_string();
    assert!(error.contains("expected \"imagenet-1k\" or a list of wnids"), "{error}");
}

#[test]
fn f16_conversion_rejects_values_out_of_range() {
    let mut checkpoint = synthetic::checkpoint(&graph());
    let range = checkpoint.tensors["fc.weight"].range.clone();
    checkpoint.bytes[range.start..range.start + 4].copy_from_slice(&1e5f32.to_le_bytes());
    let error = safetensors::write(&checkpoint, Dtype::F16).unwrap_err().to_string();
    assert!(error.contains("\"fc.weight\"") && error.contains("f32"), "{error}");
    assert!(safetensors::write(&checkpoint, Dtype::F32).is_ok());
}
