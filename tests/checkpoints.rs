//! Checkpoints as PyTorch writes them, and what damaged or hostile ones are answered with.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use common::{block_on, project};
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Arc;
use stridescope::arch::{ArchSpec, Input, Shortcut, Stem, lower};
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

/// Every container, number type and layout, made by PyTorch: read, its network inferred, run.
#[test]
fn checkpoints_give_the_logits_that_pytorch_computes_with_them() {
    let goldens = goldens();
    assert!(goldens.logits.len() >= 10);
    for (name, wanted) in &goldens.logits {
        let checkpoint = weights::read(file(name)).unwrap();
        let Inferred { spec, stride_is_open } = layout::infer(&checkpoint).unwrap();
        let shortcut = if name.contains("-d.") { Shortcut::AvgPoolConv } else { Shortcut::Conv };
        assert_eq!((spec.stem, spec.stem_width, spec.shortcut, spec.classes), (Stem::Deep, 32, shortcut, 7), "{name}");
        assert_eq!((spec.width, &spec.layers[..], stride_is_open), (4, &[1, 1, 1, 1][..], false), "{name}");
        let size = goldens.size;
        let graph = lower(&spec, Input::square(size)).unwrap();
        assert_eq!(check::compare(&checkpoint, &graph).verdict(), Ok(()), "{name}");
        let network = Network::load(graph, Arc::new(checkpoint), Backend::Cpu).unwrap();
        let output = block_on(network.forward(&formula::input(3 * size * size), 1, (size, size), &Pass::default())).unwrap();
        let distance = relative_l2(&output.logits, wanted);
        assert!(distance <= 1e-4, "{name}: {distance:.2e}");
        println!("{name}: logits {distance:.1e} off");
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
fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in parts {
        zip.start_file(*name, options).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn pickled(pickle: &[u8]) -> Vec<u8> {
    zipped(&[("a/data.pkl", pickle), ("a/data/0", &[0; 64])])
}

/// `{"x": tensor}` of a store of that type, with offset, shape and stride as given in pickle.
fn tensor(storage: &str, offset: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n".to_vec();
    pickle.extend(format!("{storage}\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ").as_bytes());
    pickle.extend([offset, shape, stride, b"\x89ccollections\nOrderedDict\n)RtRs."].concat());
    pickle
}

#[test]
fn hostile_and_damaged_pickles_are_answered_with_a_sentence() {
    let long_name = [&b"\x80\x02X"[..], &u32::MAX.to_le_bytes(), b"abc."].concat();
    let huge = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    let pickles: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "cut off at byte 0"),
        (b"\x80".to_vec(), "cut off"),
        (b"\x80\x06N.".to_vec(), "protocol 6"),
        (b"\x80\x01N.".to_vec(), "protocol 1"),
        (b"\x80\x02".to_vec(), "cut off"),
        (b"\x80\x02.".to_vec(), "takes a value that is not there"),
        (b"\x80\x02N.".to_vec(), "holds no dictionary of tensors"),
        (b"\x80\x02}.".to_vec(), "holds no dictionary of tensors"),
        (b"\x80\x02]q\0h\0a.".to_vec(), "holds no dictionary of tensors"),
        (b"\x80\x02}q\0X\x01\0\0\0ah\0s.".to_vec(), "holds no dictionary of tensors"),
        (b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.".to_vec(), "asks for os.system, which is no part of weights"),
        (b"\x80\x02cposix\nsystem\n.".to_vec(), "posix.system"),
        (b"\x80\x02c__builtin__\neval\n.".to_vec(), "__builtin__.eval"),
        (b"\x80\x02cbuiltins\nexec\n.".to_vec(), "builtins.exec"),
        (b"\x80\x02csubprocess\nPopen\n.".to_vec(), "subprocess.Popen"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.".to_vec(), "numpy.core.multiarray._reconstruct"),
        (b"\x80\x02ctorch.nn.modules.conv\nConv2d\n.".to_vec(), "Conv2d"),
        (b"\x80\x02ccollections\nOrderedDict\x00\n.".to_vec(), "collections.OrderedDict, which is no part"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.".to_vec(), "asks for os.system"),
        (b"\x80\x04\x8c\x02osN\x93.".to_vec(), "imports something without a name"),
        (b"\x80\x02c".to_vec(), "name without an end"),
        (b"\x80\x02cabc".to_vec(), "name without an end"),
        (b"\x80\x02cabc\ndef".to_vec(), "name without an end"),
        (b"\x80\x02i__main__\nX\n.".to_vec(), "opcode 0x69"),
        (b"\x80\x02)\x81.".to_vec(), "opcode 0x81"),
        (b"\x80\x02o.".to_vec(), "opcode 0x6f"),
        (b"\x80\x02\x82\x01.".to_vec(), "opcode 0x82"),
        (b"\x80\x02\xff.".to_vec(), "opcode 0xff at byte 2"),
        (b"\x80\x02P0\n.".to_vec(), "opcode 0x50"),
        (b"\x80\x02\x97.".to_vec(), "opcode 0x97"),
        (b"\x80\x02NR.".to_vec(), "takes a value that is not there"),
        (b"\x80\x02NNR.".to_vec(), "calls something without arguments"),
        (b"\x80\x02N)R.".to_vec(), "calls what cannot be called"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.".to_vec(), "calls what cannot be called"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.".to_vec(), "without a proper store"),
        (b"\x80\x02ctorch._utils\n_rebuild_parameter\n)R.".to_vec(), "a parameter that is no tensor"),
        (b"\x80\x02NQ.".to_vec(), "names a store that is none"),
        (b"\x80\x02)Q.".to_vec(), "names a store that is none"),
        (b"\x80\x02h\x05.".to_vec(), "recalls value 5"),
        (b"\x80\x02j\xff\xff\xff\xff.".to_vec(), "recalls value 4294967295"),
        (b"\x80\x02r\xff\xff\xff\xff.".to_vec(), "takes a value that is not there"),
        (b"\x80\x02t.".to_vec(), "ends a list that never began"),
        (b"\x80\x02u.".to_vec(), "ends a list that never began"),
        (b"\x80\x02}(Nu.".to_vec(), "a key without a value"),
        (b"\x80\x02](NNu.".to_vec(), "into what is no dictionary"),
        (b"\x80\x02NNNs.".to_vec(), "into what is no dictionary"),
        (b"\x80\x02}Na.".to_vec(), "appends to what is no list"),
        (b"\x80\x02}(Ne.".to_vec(), "appends to what is no list"),
        (b"\x80\x02}(s.".to_vec(), "takes a value that is not there"),
        (b"\x80\x02\x85.".to_vec(), "takes a value that is not there"),
        (b"\x80\x02b.".to_vec(), "takes a value that is not there"),
        (long_name, "cut off"),
        (b"\x80\x02\x8a\xff\0.".to_vec(), "cut off"),
        (b"\x80\x02G\0.".to_vec(), "cut off"),
        (tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x86"), "without a proper store"),
        (tensor("FloatStorage", b"N", b"K\x02\x85", b"K\x01\x85"), "without a proper store"),
        (tensor("FloatStorage", b"K\0", b"K\x02K\x02\x86", b"K\x01\x85"), "without a proper store"),
        (tensor("FloatStorage", b"J\xff\xff\xff\xff", b"K\x02\x85", b"K\x01\x85"), "without a proper store"),
        (tensor("FloatStorage", b"K\x0f", b"K\x02\x85", b"K\x01\x85"), "\"x\" reaches beyond its store"),
        (tensor("FloatStorage", b"K\0", b"K\x11\x85", b"K\x01\x85"), "\"x\" reaches beyond its store"),
        (tensor("FloatStorage", b"K\0", b"K\x10\x85", b"K\x02\x85"), "\"x\" reaches beyond its store"),
        (tensor("FloatStorage", huge, b"K\x02\x85", b"K\x01\x85"), "reaches beyond its store"),
        (tensor("FloatStorage", b"K\0", &[&huge[..], b"\x85"].concat(), b"K\0\x85"), "reaches beyond its store"),
        (tensor("FloatStorage", b"K\0", &[&huge[..], huge, b"\x86"].concat(), b"K\0K\0\x86"), "reaches beyond its store"),
        // A store of 16 numbers that claims, by a stride of zero, to hold 2^27.
        (tensor("FloatStorage", b"K\0", b"J\0\0\0\x08\x85", b"K\0\x85"), "reaches beyond its store"),
        (tensor("DoubleStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"), "\"x\" is stored as f64"),
        (tensor("UntypedStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"), "torch.UntypedStorage"),
    ];
    assert!(pickles.len() >= 60, "{}", pickles.len());
    for (pickle, words) in &pickles {
        let bytes = pickled(pickle);
        let answer = catch_unwind(|| weights::read(bytes).map(|_| ())).unwrap_or_else(|_| panic!("{pickle:02x?} panicked"));
        let sentence = answer.expect_err(words).to_string();
        assert!(sentence.contains(words), "{pickle:02x?}\n{sentence}\nlacks {words}");
        assert!(sentence.contains("Save it again") || sentence.contains("Convert the file"), "{sentence}");
    }
    // The same machinery takes what is sound.
    let sound = weights::read(pickled(&tensor("FloatStorage", b"K\x02", b"K\x03K\x02\x86", b"K\x01K\x03\x86"))).unwrap();
    assert_eq!((sound.tensors["x"].shape.clone(), sound.values("x").unwrap().len()), (vec![3, 2], 6));
}

#[test]
fn damaged_containers_are_answered_with_a_sentence() {
    let twice = b"\x80\x02}(X\x01\0\0\0xh\0X\x01\0\0\0xh\0u.";
    assert!(weights::read(pickled(twice)).is_err());
    for (bytes, words) in [
        (b"PK\x03\x04".to_vec(), "its zip cannot be read"),
        (zipped(&[]), "safetensors"),
        (zipped(&[("a/other", b"x")]), "holds no data.pkl"),
        (zipped(&[("a/data.pkl", b"\x80\x02}."), ("a/byteorder", b"big")]), "big-endian"),
    ] {
        let sentence = weights::read(bytes).expect_err(words).to_string();
        assert!(sentence.contains(words), "{sentence}");
    }
    let mut packed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    packed
        .start_file("a/data.pkl", zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
        .unwrap();
    let mut packed = packed.finish().unwrap().into_inner();
    // Its parts say that they are deflated: local header, then directory.
    let directory = packed.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    (packed[8], packed[directory + 10]) = (8, 8);
    let sentence = weights::read(packed).unwrap_err().to_string();
    assert!(sentence.contains("is compressed, which PyTorch's never are"), "{sentence}");
}

/// Cut anywhere, or a byte changed anywhere: an answer, and never a panic.
#[test]
fn every_cut_and_every_changed_byte_is_answered() {
    for name in ["timm-d.pth", "legacy-c.pth", "protocol-4-c.pth", "bfloat16-c.safetensors"] {
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
