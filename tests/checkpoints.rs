//! PyTorch checkpoints: complete, truncated and modified.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/torch.rs"]
mod torch;

use std::panic::catch_unwind;
use std::path::Path;
use stridescope_arch::{ArchSpec, BlockKind, Input, Shortcut, Stem, lower};
use stridescope_weights::layout::{self, Ambiguity, Inferred};
use stridescope_weights::{Checkpoint, Dtype, Entry, Layout, check, synthetic};
use torch::{named, remarked, tensor, zipped};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("tests/fixtures/checkpoints").join(name)).unwrap()
}

/// The network of each file, by the end of its name: block, stem and its width, shortcut; whether A and B have the same names.
const NETWORKS: [(&str, BlockKind, Stem, usize, Shortcut, bool); 5] = [
    ("torchvision-basic", BlockKind::Basic, Stem::Conv7, 2, Shortcut::Conv, false),
    ("-b", BlockKind::Bottleneck, Stem::Conv7, 2, Shortcut::Conv, true),
    ("-c", BlockKind::Bottleneck, Stem::Deep, 32, Shortcut::Conv, false),
    ("timm-d", BlockKind::Bottleneck, Stem::Deep, 32, Shortcut::AvgPoolConv, false),
    ("input-stem-d", BlockKind::Bottleneck, Stem::Deep, 2, Shortcut::AvgPoolConv, false),
];

/// Every container, type and layout, written by PyTorch, and the precision of the type.
const FILES: [(&str, f32); 16] = [
    ("timm-d.pth", 0.0),
    ("torchvision-b.pth", 0.0),
    ("torchvision-basic.pth", 0.0),
    ("input-stem-b.pth", 0.0),
    ("input-stem-d.pth", 0.0),
    ("legacy-c.pth", 0.0),
    ("half-c.pt", 1e-3),
    ("bfloat16-c.pt", 8e-3),
    ("training-c.pth", 0.0),
    ("parameters-c.pth", 0.0),
    ("channels-last-c.pth", 0.0),
    ("protocol-4-c.pth", 0.0),
    ("bfloat16-c.safetensors", 8e-3),
    ("torchvision-b.safetensors", 0.0),
    ("torchvision-basic.safetensors", 1e-3),
    ("input-stem-d.safetensors", 1e-3),
];

/// Each file is read, its network inferred, and every value compared with the synthetic weights that PyTorch's side used.
#[test]
fn checkpoints_have_the_values_that_pytorch_saved() {
    for (name, tolerance) in FILES {
        let (checkpoint, layout) = stridescope_weights::read_as(file(name)).unwrap();
        let Inferred { spec, stride_is_open } = layout::infer(&checkpoint).unwrap();
        let (name_alone, _) = name.rsplit_once('.').unwrap();
        let (_, block, stem, width, shortcut, open) = NETWORKS.into_iter().find(|(end, ..)| name_alone.ends_with(end)).unwrap();
        assert_eq!(
            (spec.block, spec.stem, spec.stem_width, spec.shortcut, stride_is_open),
            (block, stem, width, shortcut, open),
            "{name}"
        );
        assert_eq!((spec.width, &spec.layers[..], spec.classes), (4, &[1, 1, 1, 1][..], 7), "{name}");
        let graph = lower(&spec, Input::square(64)).unwrap();
        assert_eq!(check::compare(&checkpoint, &graph).verdict(), Ok(()), "{name}");
        let is_renamed = name.starts_with("input-stem");
        assert_eq!(layout, if is_renamed { Layout::InputStem } else { Layout::Timm }, "{name}");
        let ours = synthetic::checkpoint(&graph);
        for tensor in graph.tensors() {
            // There the synthetic weights used the file's own names, and no small last normalisation for basic blocks.
            let is_other = is_renamed && layout.name(&tensor.name, &spec).as_ref() != Some(&tensor.name);
            if is_other || (block == BlockKind::Basic && tensor.name.ends_with("bn2.weight")) {
                continue;
            }
            for (found, wanted) in checkpoint.values(&tensor.name).unwrap().iter().zip(ours.values(&tensor.name).unwrap()) {
                assert!(
                    (found - wanted).abs() <= tolerance * wanted.abs() + 1e-6,
                    "{name}, {}: {found}, not {wanted}",
                    tensor.name
                );
            }
        }
        assert_eq!(stridescope_weights::read(file(name)).unwrap().tensors, checkpoint.tensors);
    }
}

/// Anti-aliased and dilated networks, and a tiered stem with a width that 4 does not divide.
const MORE: [&str; 7] = [
    "resnetaa50-d",
    "resnetblur50-b.os8",
    "resnet50-d.os16",
    "resnet50-d.os8.dilatedpool-none",
    "resnet18-b.os8",
    "resnet50-a.os16",
    "resnet26-t.width20.stemwidth10",
];

/// The network of every checkpoint of the family is inferred from names and shapes alone.
#[test]
fn networks_are_inferred_from_names_and_shapes() {
    for name in ArchSpec::names()
        .into_iter()
        .chain(["resnet50-d.classes21.channels1", "resnet50-c.width32.blocks1-2-1"].map(String::from))
        .chain(MORE.map(String::from))
    {
        let spec = ArchSpec::named(&name).unwrap();
        let graph = lower(&spec, Input::square(224)).unwrap();
        let mut checkpoint = Checkpoint::default();
        for tensor in graph.tensors() {
            let entry = Entry { dtype: Dtype::F32, shape: tensor.shape, range: 0..0, scales: None };
            checkpoint.tensors.insert(tensor.name, entry);
        }
        let inferred = layout::infer(&checkpoint).unwrap();
        let found = lower(&inferred.spec, Input::square(224)).unwrap();
        // For every ambiguity, one alternative is the network itself, and all have the same tensors.
        for without_label in Ambiguity::ALL {
            let alternatives = without_label.alternatives(&inferred.spec);
            assert_eq!(alternatives[0], inferred.spec, "{name}");
            let is_own = |other: &ArchSpec| match without_label {
                Ambiguity::Stride => other.stride_on == spec.stride_on || spec.block == BlockKind::Basic,
                Ambiguity::AntiAlias => other.anti_alias == spec.anti_alias,
                Ambiguity::Dilation => (&other.dilate, other.dilated_pool) == (&spec.dilate, spec.dilated_pool),
            };
            assert!(alternatives.iter().any(is_own), "{name}: {without_label:?}");
            for other in &alternatives {
                assert_eq!(
                    lower(other, Input::square(224)).unwrap().tensors(),
                    graph.tensors(),
                    "{name} beside {}",
                    other.name()
                );
            }
        }
        // Neither anti-aliasing nor the place of the stride shows in the tensors.
        assert_eq!(found.tensors(), graph.tensors(), "{name} was taken for {}", inferred.spec.name());
        if let Some(second) = checkpoint.tensors.get_mut("conv1.3.weight") {
            // Neither the first width nor four thirds of it.
            second.shape[0] *= 2;
            let error = layout::infer(&checkpoint).unwrap_err().to_string();
            assert!(error.contains("its stem is neither one 7x7 convolution nor three 3x3"), "{error}");
        }
        let is_plain = spec.anti_alias == inferred.spec.anti_alias && !spec.dilate.contains(&true);
        let told_apart = is_plain && (!inferred.stride_is_open || !name.contains("-a"));
        if told_apart && spec.stride_on == inferred.spec.stride_on {
            assert_eq!(inferred.spec.name(), spec.name());
        }
    }
}

/// A given pickle in a zip like PyTorch's, with one storage.
fn saved(pickle: &[u8], store: &[u8]) -> Vec<u8> {
    zipped(&[("a/data/0", store), ("a/data.pkl", pickle)])
}

/// Offset, shape and stride of a tensor, as pickle opcodes.
type View<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn viewed((offset, shape, stride): View) -> Vec<u8> {
    tensor("FloatStorage", offset, shape, stride)
}

/// A storage with the values 0 to 15.
fn sixteen() -> Vec<u8> {
    (0..16u8).flat_map(|number| f32::from(number).to_le_bytes()).collect()
}

#[test]
fn views_are_read_as_in_pytorch() {
    type Case = (&'static [u8], &'static [u8], &'static [u8], Vec<usize>, Vec<f32>);
    let cases: Vec<Case> = vec![
        (b"K\0", b"K\x03\x85", b"K\x01\x85", vec![3], vec![0., 1., 2.]),
        (b"K\x0d", b"K\x03\x85", b"K\x01\x85", vec![3], vec![13., 14., 15.]),
        (b"K\x05", b")", b")", vec![], vec![5.]),
        // A LONG1 integer of one byte, and of two.
        (b"\x8a\x01\x0d", b"K\x03\x85", b"K\x01\x85", vec![3], vec![13., 14., 15.]),
        (b"\x8a\x02\x0e\0", b"K\x02\x85", b"K\x01\x85", vec![2], vec![14., 15.]),
        (b"K\0", b"K\0\x85", b"K\x01\x85", vec![0], vec![]),
        (b"K\x02", b"K\x02K\x03\x86", b"K\x03K\x01\x86", vec![2, 3], vec![2., 3., 4., 5., 6., 7.]),
        // A transposed tensor, every second value, and part of each row.
        (b"K\x02", b"K\x03K\x02\x86", b"K\x01K\x03\x86", vec![3, 2], vec![2., 5., 3., 6., 4., 7.]),
        (b"K\x01", b"K\x04\x85", b"K\x02\x85", vec![4], vec![1., 3., 5., 7.]),
        (b"K\0", b"K\x04K\x02\x86", b"K\x04K\x01\x86", vec![4, 2], vec![0., 1., 4., 5., 8., 9., 12., 13.]),
        // The stride of a side of length one is irrelevant.
        (b"K\x04", b"K\x01K\x02\x86", b"K\x63K\x01\x86", vec![1, 2], vec![4., 5.]),
    ];
    for (offset, shape, stride, sides, numbers) in cases {
        let checkpoint = stridescope_weights::read(saved(&named(&viewed((offset, shape, stride))), &sixteen())).unwrap();
        assert_eq!((&checkpoint.tensors["x"].shape, checkpoint.values("x").unwrap()), (&sides, numbers));
    }
    let before = named(&viewed((b"\x8a\x01\xff", b"K\x03\x85", b"K\x01\x85")));
    assert!(stridescope_weights::read(saved(&before, &sixteen())).is_err(), "a view cannot begin before its store");
}

/// Contiguous tensors may share values; tensors that must be reordered may only be adjacent to others.
#[test]
fn contiguous_views_may_overlap_and_others_may_not() {
    let blocks: View = (b"K\x02", b"K\x02K\x03K\x02\x87", b"K\x06K\x02K\x01\x87");
    let row: View = (b"K\x03", b"K\x01K\x02\x86", b"K\x63K\x01\x86");
    let columns: View = (b"K\x04", b"K\x03K\x02\x86", b"K\x01K\x03\x86");
    let two = |offset| -> View { (offset, b"K\x02\x85", b"K\x01\x85") };
    let all: Vec<f32> = (2..14u8).map(f32::from).collect();
    let turned = vec![4., 7., 5., 8., 6., 9.];
    let cases = [
        (blocks, blocks, all.clone(), all.clone()),
        (blocks, row, all, vec![3., 4.]),
        (columns, two(b"K\x02"), turned.clone(), vec![2., 3.]),
        (columns, two(b"K\x0a"), turned, vec![10., 11.]),
    ];
    for (x, y, of_x, of_y) in cases {
        let pickle = [b"\x80\x02}(X\x01\0\0\0x", &viewed(x)[..], b"X\x01\0\0\0y", &viewed(y), b"u."].concat();
        let checkpoint = stridescope_weights::read(saved(&pickle, &sixteen())).unwrap();
        assert_eq!(["x", "y"].map(|name| checkpoint.values(name).unwrap()), [of_x, of_y]);
    }
}

/// Tensors are reordered up to 48 MB; `tests/containers` checks that larger ones are rejected.
#[test]
fn the_longest_strided_tensor_is_reordered() {
    let columns: View = (b"K\0", b"J\x80\x8d\x5b\0K\x02\x86", b"K\x01J\x80\x8d\x5b\0\x86");
    let half = 6_000_000;
    let store: Vec<u8> = [1f32, 2.].iter().flat_map(|number| number.to_le_bytes().repeat(half)).collect();
    let values = stridescope_weights::read(saved(&named(&viewed(columns)), &store)).unwrap().values("x").unwrap();
    assert_eq!(values.len(), 2 * half);
    assert!(values.chunks(2).all(|pair| pair == [1., 2.]));
}

/// Valid, though PyTorch does not write it like this.
#[test]
fn unusual_files_are_read() {
    let safetensors =
        |header: &str, data: usize| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat();
    let pickle = named(&viewed((b"K\0", b"K\x02\x85", b"K\x01\x85")));
    let parts: [(&str, &[u8]); 2] = [("a/data/0", &[0; 64]), ("a/data.pkl", &pickle)];
    let a = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#;
    let b = r#""b":{"data_offsets":[0,4],"shape":[2,1],"dtype":"F16","more":[{}]}"#;
    let files = [
        ("no tensors", safetensors("{}", 0), 0),
        ("notes that are null", safetensors(r#"{"__metadata__":null}"#, 0), 0),
        ("spaces behind the header", safetensors("{}      ", 0), 0),
        ("not by their place, and with a member of another's", safetensors(&format!("{{{a},{b}}}"), 8), 2),
        ("without numbers", safetensors(r#"{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}"#, 0), 1),
        ("a note without a card", safetensors(&format!(r#"{{"__metadata__":{{"format":"pt"}},{b}}}"#), 4), 1),
        ("a zip with a remark", remarked(&parts, "by hand"), 1),
        ("a zip with a remark like the record at the end", remarked(&parts, &"PK\x05\x06".repeat(20)), 1),
    ];
    for (what, bytes, count) in files {
        assert_eq!(
            stridescope_weights::read(bytes).unwrap_or_else(|error| panic!("{what}: {error}")).tensors.len(),
            count,
            "{what}"
        );
    }
}

/// Truncated anywhere or with any byte changed: a result or an error, never a panic.
#[test]
fn truncated_and_modified_files_never_panic() {
    for name in
        ["torchvision-basic.pth", "legacy-c.pth", "protocol-4-c.pth", "channels-last-c.pth", "torchvision-basic.safetensors"]
    {
        let sound = file(name);
        let step = sound.len() / 150 + 1;
        for at in (0..sound.len()).step_by(step).chain(sound.len().saturating_sub(400)..sound.len()).chain(0..200) {
            let cut = sound[..at].to_vec();
            assert!(catch_unwind(|| stridescope_weights::read(cut).is_err()).unwrap_or(false), "{name} cut at {at}");
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = sound.clone();
                changed[at] ^= flip;
                let read =
                    catch_unwind(|| stridescope_weights::read(changed).and_then(|checkpoint| layout::infer(&checkpoint)).is_ok());
                assert!(read.is_ok(), "{name} with byte {at} changed by {flip:#x} panicked");
            }
        }
    }
}
