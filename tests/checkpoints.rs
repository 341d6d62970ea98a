//! Checkpoints as PyTorch writes them; whole, cut off and changed.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{block_on, project};
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Arc;
use stridescope::arch::{ArchSpec, BlockKind, Input, Shortcut, Stem, StrideOn, lower};
use stridescope::engine::{Backend, Network, Pass, relative_l2};
use stridescope::weights::layout::{self, Inferred};
use stridescope::weights::{self, Checkpoint, check, formula};

#[derive(serde::Deserialize)]
struct Goldens {
    size: usize,
    logits: BTreeMap<String, Vec<f32>>,
}

fn goldens() -> Goldens {
    serde_json::from_slice(&std::fs::read(project().join("tests/fixtures/checkpoints/logits.json")).unwrap()).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(project().join("tests/fixtures/checkpoints").join(name)).unwrap()
}

/// What each file's network is by the end of its name: block, stem and its width, shortcut; whether A and B share these names.
const NETWORKS: [(&str, BlockKind, Stem, usize, Shortcut, bool); 5] = [
    ("torchvision-basic", BlockKind::Basic, Stem::Conv7, 2, Shortcut::Conv, false),
    ("-b", BlockKind::Bottleneck, Stem::Conv7, 2, Shortcut::Conv, true),
    ("-c", BlockKind::Bottleneck, Stem::Deep, 32, Shortcut::Conv, false),
    ("timm-d", BlockKind::Bottleneck, Stem::Deep, 32, Shortcut::AvgPoolConv, false),
    ("input-stem-d", BlockKind::Bottleneck, Stem::Deep, 2, Shortcut::AvgPoolConv, false),
];

/// Every container, number type and layout, made by PyTorch: read, its network inferred, run.
#[test]
fn checkpoints_give_the_logits_that_pytorch_computes_with_them() {
    let goldens = goldens();
    assert_eq!(goldens.logits.len(), 16);
    for (name, wanted) in &goldens.logits {
        let checkpoint = Arc::new(weights::read(file(name)).unwrap());
        let Inferred { spec, stride_is_open } = layout::infer(&checkpoint).unwrap();
        let (name_alone, _) = name.rsplit_once('.').unwrap();
        let (_, block, stem, width, shortcut, open) = NETWORKS.into_iter().find(|(end, ..)| name_alone.ends_with(end)).unwrap();
        assert_eq!(
            (spec.block, spec.stem, spec.stem_width, spec.shortcut, stride_is_open),
            (block, stem, width, shortcut, open),
            "{name}"
        );
        assert_eq!((spec.width, &spec.layers[..], spec.classes), (4, &[1, 1, 1, 1][..], 7), "{name}");
        let size = goldens.size;
        let distance = |spec: &ArchSpec| {
            let graph = lower(spec, Input::square(size)).unwrap();
            assert_eq!(check::compare(&checkpoint, &graph).verdict(), Ok(()), "{name}");
            let network = Network::load(graph, checkpoint.clone(), Backend::Cpu).unwrap();
            let output = block_on(network.forward(&formula::input(3 * size * size), 1, (size, size), &Pass::default())).unwrap();
            relative_l2(&output.logits, wanted)
        };
        let found = distance(&spec);
        assert!(found <= 1e-4, "{name}: {found:.2e}");
        println!("{name}: logits {found:.1e} off");
        if stride_is_open {
            let other = distance(&ArchSpec { stride_on: StrideOn::Conv1, ..spec });
            assert!(other > 1e-2, "{name}: only the logits tell where the stride is, {other:.2e}");
        }
    }
}

/// The network of every checkpoint of the family is found from names and shapes alone.
#[test]
fn networks_are_inferred_from_names_and_shapes() {
    for name in
        ArchSpec::names().into_iter().chain(["resnet50-d.classes21.channels1".into(), "resnet50-c.width32.blocks1-2-1".into()])
    {
        let spec = ArchSpec::named(&name).unwrap();
        let graph = lower(&spec, Input::square(224)).unwrap();
        let mut checkpoint = Checkpoint::default();
        for tensor in graph.tensors() {
            let entry = weights::Entry { dtype: weights::Dtype::F32, shape: tensor.shape, range: 0..0 };
            checkpoint.tensors.insert(tensor.name, entry);
        }
        let inferred = layout::infer(&checkpoint).unwrap();
        let found = lower(&inferred.spec, Input::square(224)).unwrap();
        // A smoothing before a stride leaves no trace in the tensors; neither does the stride.
        assert_eq!(found.tensors(), graph.tensors(), "{name} was taken for {}", inferred.spec.name());
        let told_apart = spec.anti_alias == inferred.spec.anti_alias && (!inferred.stride_is_open || !name.contains("-a"));
        if told_apart && spec.stride_on == inferred.spec.stride_on {
            assert_eq!(inferred.spec.name(), spec.name());
        }
    }
}

/// A pickle of our own in a zip as PyTorch's.
fn zipped(pickle: &[u8], store: &[u8], remark: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("a/data/0", store), ("a/data.pkl", pickle)] {
        zip.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    zip.set_comment(remark).unwrap();
    zip.finish().unwrap().into_inner()
}

/// `{"x": tensor}` with offset, shape and stride as given in pickle.
fn tensor(offset: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    let store = b"((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ";
    let rest = b"\x89ccollections\nOrderedDict\n)RtRs.";
    [b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n", &store[..], offset, shape, stride, rest].concat()
}

/// Views into a store of 0, 1, 2 up to 15.
#[test]
fn views_are_read_as_pytorch_sees_them() {
    type View = (&'static [u8], &'static [u8], &'static [u8], Vec<usize>, Vec<f32>);
    let store: Vec<u8> = (0..16u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    let views: Vec<View> = vec![
        (b"K\0", b"K\x03\x85", b"K\x01\x85", vec![3], vec![0., 1., 2.]),
        (b"K\x0d", b"K\x03\x85", b"K\x01\x85", vec![3], vec![13., 14., 15.]),
        (b"K\x05", b")", b")", vec![], vec![5.]),
        (b"K\0", b"K\0\x85", b"K\x01\x85", vec![0], vec![]),
        (b"K\x02", b"K\x02K\x03\x86", b"K\x03K\x01\x86", vec![2, 3], vec![2., 3., 4., 5., 6., 7.]),
        // Rows that are columns, every second number, and part of each row.
        (b"K\x02", b"K\x03K\x02\x86", b"K\x01K\x03\x86", vec![3, 2], vec![2., 5., 3., 6., 4., 7.]),
        (b"K\x01", b"K\x04\x85", b"K\x02\x85", vec![4], vec![1., 3., 5., 7.]),
        (b"K\0", b"K\x04K\x02\x86", b"K\x04K\x01\x86", vec![4, 2], vec![0., 1., 4., 5., 8., 9., 12., 13.]),
        // The stride of a side of one says nothing.
        (b"K\x04", b"K\x01K\x02\x86", b"K\x63K\x01\x86", vec![1, 2], vec![4., 5.]),
    ];
    for (offset, shape, stride, sides, numbers) in views {
        let checkpoint = weights::read(zipped(&tensor(offset, shape, stride), &store, "")).unwrap();
        assert_eq!((&checkpoint.tensors["x"].shape, checkpoint.values("x").unwrap()), (&sides, numbers));
    }
}

/// Allowed, though PyTorch and its like do not write it so.
#[test]
fn unusual_files_are_read() {
    let safetensors =
        |header: &str, data: usize| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat();
    let pickle = tensor(b"K\0", b"K\x02\x85", b"K\x01\x85");
    let a = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#;
    let b = r#""b":{"data_offsets":[0,4],"shape":[2,1],"dtype":"F16","more":[{}]}"#;
    let files = [
        ("no tensors", safetensors("{}", 0), 0),
        ("spaces behind the header", safetensors("{}      ", 0), 0),
        ("not by their place, and with a member of another's", safetensors(&format!("{{{a},{b}}}"), 8), 2),
        ("without numbers", safetensors(r#"{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}"#, 0), 1),
        ("a note without a card", safetensors(&format!(r#"{{"__metadata__":{{"format":"pt"}},{b}}}"#), 4), 1),
        ("a zip with a remark", zipped(&pickle, &[0; 64], "by hand"), 1),
        ("a zip with a remark like the record at the end", zipped(&pickle, &[0; 64], &"PK\x05\x06".repeat(20)), 1),
    ];
    for (what, bytes, count) in files {
        assert_eq!(weights::read(bytes).unwrap_or_else(|error| panic!("{what}: {error}")).tensors.len(), count, "{what}");
    }
}

/// Cut anywhere, or a byte changed anywhere: an answer, and never a panic.
#[test]
fn every_cut_and_every_changed_byte_is_answered() {
    for name in
        ["torchvision-basic.pth", "legacy-c.pth", "protocol-4-c.pth", "channels-last-c.pth", "torchvision-basic.safetensors"]
    {
        let sound = file(name);
        let step = sound.len() / 150 + 1;
        for at in (0..sound.len()).step_by(step).chain(sound.len().saturating_sub(400)..sound.len()).chain(0..200) {
            let cut = sound[..at].to_vec();
            assert!(catch_unwind(|| weights::read(cut).is_err()).unwrap_or(false), "{name} cut at {at}");
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = sound.clone();
                changed[at] ^= flip;
                let read = catch_unwind(|| weights::read(changed).and_then(|checkpoint| layout::infer(&checkpoint)).is_ok());
                assert!(read.is_ok(), "{name} with byte {at} changed by {flip:#x} panicked");
            }
        }
    }
}
