//! Weights in 8 bits: what is written, what is read back, and what other readers find in the file.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use ::safetensors::{SafeTensors, tensor::TensorView};
use proptest::prelude::*;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::path::Path;
use stridescope_arch::{ArchSpec, Graph, Input, lower};
use stridescope_weights::inspect::{Inspection, Values};
use stridescope_weights::{Checkpoint, Dtype, Entry, Layout, WeightsError, check, formats::safetensors, layout, synthetic};

fn graph(net: &str) -> Graph {
    lower(&ArchSpec::named(net).unwrap(), Input::square(64)).unwrap()
}

/// A checkpoint with one f32 tensor.
fn one(name: &str, shape: &[usize], values: &[f32]) -> Checkpoint {
    with(Checkpoint::default(), name, shape, values)
}

fn with(mut checkpoint: Checkpoint, name: &str, shape: &[usize], values: &[f32]) -> Checkpoint {
    let start = checkpoint.bytes.len();
    checkpoint.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let entry = Entry { dtype: Dtype::F32, shape: shape.to_vec(), range: start..checkpoint.bytes.len(), scales: None };
    checkpoint.tensors.insert(name.into(), entry);
    checkpoint
}

/// The numbers and scales of a tensor as the crate `safetensors` reads them.
fn stored(file: &[u8], name: &str) -> (Vec<i8>, Vec<f32>, Vec<usize>) {
    let file = SafeTensors::deserialize(file).unwrap();
    let (numbers, scales) = (file.tensor(name).unwrap(), file.tensor(&format!("{name}_scale")).unwrap());
    assert_eq!((numbers.dtype(), scales.dtype()), (::safetensors::Dtype::I8, ::safetensors::Dtype::F32));
    let numbers = numbers.data().iter().map(|byte| byte.cast_signed()).collect();
    let values = scales.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (numbers, values, scales.shape().to_vec())
}

/// Written, read by the crate and by us: -128 is never used, every value is off by half a scale at most, and no range is left idle.
fn check_round_trip(shape: &[usize], values: &[f32]) {
    let file = safetensors::write(&one("x.weight", shape, values), Dtype::I8).unwrap();
    let (numbers, scales, scales_shape) = stored(&file, "x.weight");
    assert_eq!(scales_shape, [&shape[..1], &vec![1; shape.len() - 1]].concat(), "the product of the two broadcasts");
    let checkpoint = safetensors::read(file).unwrap();
    assert_eq!(checkpoint.tensors.keys().collect::<Vec<_>>(), ["x.weight"], "scales are no tensor of the network");
    let entry = &checkpoint.tensors["x.weight"];
    assert_eq!((entry.dtype, &entry.shape[..]), (Dtype::I8, shape));
    let read = checkpoint.values("x.weight").unwrap();
    assert_eq!((numbers.len(), read.len(), scales.len()), (values.len(), values.len(), shape[0]));
    assert!(!numbers.contains(&-128));
    let each = values.len() / shape[0];
    for (channel, scale) in scales.iter().enumerate() {
        let all = channel * each..(channel + 1) * each;
        assert!(scale.is_normal() && *scale > 0.0, "{scale:e}");
        let largest = values[all.clone()].iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let most = numbers[all.clone()].iter().map(|number| number.unsigned_abs()).max().unwrap();
        if largest >= 127.0 * f32::MIN_POSITIVE {
            assert!((112..=127).contains(&most), "the largest became {most}");
        }
        for at in all {
            assert_eq!(read[at], f32::from(numbers[at]) * scale);
            let error = (f64::from(read[at]) - f64::from(values[at])).abs();
            // 127 roundings of f32 are 0.00002 of a scale.
            assert!(error <= 0.50002 * f64::from(*scale), "{:e} became {:e} with the scale {scale:e}", values[at], read[at]);
        }
    }
}

/// Values of all magnitudes, and channels of zeros, in up to three dimensions.
fn tensors() -> impl Strategy<Value = (Vec<usize>, Vec<f32>)> {
    let value =
        (-1.0f32..=1.0, prop_oneof![Just(0.0f32), Just(1.0), Just(1e-30), Just(1e-37), Just(1e-40), Just(1e-44), Just(3e38)]);
    let channel = move |each| (prop::collection::vec(value.clone(), each), any::<prop::sample::Index>());
    (1usize..6, 1usize..5, 1usize..4).prop_flat_map(move |(channels, inputs, side)| {
        let each = inputs * side;
        prop::collection::vec(channel(each), channels).prop_map(move |drawn| {
            let values = drawn.into_iter().flat_map(|(values, index)| {
                // One magnitude for a channel, as in a network.
                let magnitude = values[index.index(values.len())].1;
                values.into_iter().map(move |(value, _)| value * magnitude)
            });
            (if side == 1 { vec![channels, inputs] } else { vec![channels, inputs, side] }, values.collect())
        })
    })
}

proptest! {
    #[test]
    fn every_value_is_within_half_a_scale((shape, values) in tensors()) {
        check_round_trip(&shape, &values);
    }
}

#[test]
fn channels_of_any_range_are_stored() {
    let channels = [
        [0.0, 0.0, 0.0, 0.0],
        [-0.0, 0.0, -0.0, 0.0],
        [1.0, -1.0, 0.5, -0.25],
        [f32::MAX, -f32::MAX, 1.0, 0.0],
        [f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 0.0, 1e-40],
        [1e-45, -1e-45, 2e-44, -2e-44],
        [3.0, 3.0, 3.0, 3.0],
        [-127.0, 126.0, -1.0, 0.4],
    ];
    check_round_trip(&[8, 4], channels.as_flattened());
    check_round_trip(&[8, 1, 2, 2], channels.as_flattened());
    check_round_trip(&[1, 32], channels.as_flattened());
    check_round_trip(&[32, 1, 1, 1], channels.as_flattened());
    // What fits exactly is stored exactly.
    let exact = [[127.0, -5.0, 64.0, 0.0], [0.25, -31.75, 2.0, 31.75]];
    let file = safetensors::write(&one("x", &[2, 4], exact.as_flattened()), Dtype::I8).unwrap();
    assert_eq!(stored(&file, "x"), (vec![127, -5, 64, 0, 1, -127, 8, 127], vec![1.0, 0.25], vec![2, 1]));
}

#[test]
fn vectors_and_tensors_without_values_stay_f32() {
    let mut checkpoint = one("bn.weight", &[3], &[1e30, -2.5, f32::MIN_POSITIVE]);
    checkpoint = with(checkpoint, "scalar", &[], &[0.1]);
    checkpoint = with(checkpoint, "none", &[4, 0], &[]);
    let read = safetensors::read(safetensors::write(&checkpoint, Dtype::I8).unwrap()).unwrap();
    assert_eq!(read.tensors.len(), 3);
    for (name, entry) in &checkpoint.tensors {
        assert_eq!((read.tensors[name].dtype, &read.tensors[name].shape), (Dtype::F32, &entry.shape), "{name}");
        assert_eq!(read.values(name), checkpoint.values(name), "{name}");
    }
}

fn output_error(values: &[f32], wanted: &[f32]) -> f64 {
    let errors = || values.iter().zip(wanted).map(|(value, wanted)| f64::from(*value) - f64::from(*wanted));
    errors().map(|error| error * error).sum::<f64>() + errors().sum::<f64>().powi(2)
}

#[test]
fn networks_are_a_quarter_as_large_and_still_themselves() {
    for net in ["tiny-a", "tiny-b", "tiny-c", "tiny-d"] {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(format!("assets/weights/{net}.safetensors"));
        let before = stridescope_weights::read(std::fs::read(path).unwrap()).unwrap();
        let [whole, eight] = [Dtype::F32, Dtype::I8].map(|dtype| safetensors::write(&before, dtype).unwrap());
        assert!((eight.len() as f64) < 0.28 * whole.len() as f64, "{net}: {} of {} bytes", eight.len(), whole.len());
        let (_, metadata) = SafeTensors::read_metadata(&eight).unwrap();
        let notes = metadata.metadata().as_ref().unwrap();
        assert_eq!(notes["quantization"], r#"{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel"}"#);
        let after = stridescope_weights::read(eight).unwrap();
        assert_eq!(after.card, before.card);
        assert!(after.tensors.keys().eq(before.tensors.keys()));
        assert_eq!(layout::infer(&after), layout::infer(&before));
        assert_eq!(check::compare(&after, &graph(net)).verdict(), Ok(()));
        assert!(!check::is_untrained(&after));
        let (mut noise, mut signal) = (0.0, 0.0);
        // Of an output whose inputs have a mean and a variance of 1: with our scales, and with the largest value as 127.
        let (mut ours, mut plain) = (0.0, 0.0);
        for (name, entry) in &after.tensors {
            let (values, wanted) = (after.values(name).unwrap(), before.values(name).unwrap());
            if entry.shape.len() == 1 {
                assert_eq!((entry.dtype, &values), (Dtype::F32, &wanted), "{name}");
                continue;
            }
            assert_eq!(entry.dtype, Dtype::I8, "{name}");
            noise += values.iter().zip(&wanted).map(|(value, wanted)| f64::from(value - wanted).powi(2)).sum::<f64>();
            signal += wanted.iter().map(|wanted| f64::from(*wanted).powi(2)).sum::<f64>();
            let each = wanted.len() / entry.shape[0];
            for (values, wanted) in values.chunks(each).zip(wanted.chunks(each)) {
                let scale = wanted.iter().fold(0f32, |largest, value| largest.max(value.abs())) / 127.0;
                let rounded: Vec<f32> = wanted.iter().map(|value| (value / scale).round_ties_even() * scale).collect();
                let [own, other] = [output_error(values, wanted), output_error(&rounded, wanted)];
                assert!(own <= 1.001 * other, "{net}, {name}: {own:e}, not {other:e}");
                (ours, plain) = (ours + own, plain + other);
            }
        }
        println!(
            "{net}: error {:.5} of the weights, {:.3} of the plain scales' in outputs",
            (noise / signal).sqrt(),
            (ours / plain).sqrt()
        );
        assert!(ours < 0.7 * plain, "{net}: {ours} of {plain}");
        assert!((noise / signal).sqrt() < 0.01, "{net}: {}", (noise / signal).sqrt());
    }
}

#[test]
fn a_second_conversion_changes_no_value() {
    let once = safetensors::read(safetensors::write(&synthetic::checkpoint(&graph("tiny-d")), Dtype::I8).unwrap()).unwrap();
    let [again, whole] =
        [Dtype::I8, Dtype::F32].map(|dtype| safetensors::read(safetensors::write(&once, dtype).unwrap()).unwrap());
    for name in once.tensors.keys() {
        let [once, again, whole] = [&once, &again, &whole].map(|checkpoint| checkpoint.values(name).unwrap());
        assert_eq!(whole, once, "{name}: f32 holds them exactly");
        for (first, second) in once.iter().zip(&again) {
            assert!((first - second).abs() <= 1e-6 * first.abs(), "{name}: {first} became {second}");
        }
    }
}

/// A file has one checksum, with a card and the note on its type as well.
#[test]
fn the_same_weights_make_the_same_file() {
    let card = stridescope_weights::catalogue::for_net("tiny-b").map(|entry| entry.card.clone());
    let checkpoint = Checkpoint { card, ..one("fc.weight", &[2, 3], &[1.0, 2.0, 3.0, -4.0, 5.0, 6.0]) };
    let files: Vec<Vec<u8>> = (0..20).map(|_| safetensors::write(&checkpoint, Dtype::I8).unwrap()).collect();
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(SafeTensors::read_metadata(&files[0]).unwrap().1.metadata().as_ref().unwrap().len(), 2);
}

/// The scales leave the tensors before names are compared, so that wrappers and other layouts are recognised as ever.
#[test]
fn layouts_are_found_in_eight_bits_too() {
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/checkpoints"));
    let stem = safetensors::read(std::fs::read(fixtures.join("input-stem-d.safetensors")).unwrap()).unwrap();
    let mut wrapped = synthetic::checkpoint(&graph("tiny-c"));
    wrapped.tensors = wrapped.tensors.into_iter().map(|(name, entry)| (format!("module.{name}"), entry)).collect();
    for (checkpoint, wanted) in [(stem, Layout::InputStem), (wrapped, Layout::Timm)] {
        let [whole, eight] = [Dtype::F32, Dtype::I8]
            .map(|dtype| stridescope_weights::read_as(safetensors::write(&checkpoint, dtype).unwrap()).unwrap());
        assert_eq!((whole.1, eight.1), (wanted, wanted));
        assert!(eight.0.tensors.keys().eq(whole.0.tensors.keys()));
        let spec = layout::infer(&eight.0).unwrap().spec;
        assert_eq!(spec, layout::infer(&whole.0).unwrap().spec);
        assert_eq!(check::compare(&eight.0, &lower(&spec, Input::square(64)).unwrap()).verdict(), Ok(()));
    }
}

#[test]
fn an_inspection_has_the_type_and_the_values() {
    let file = safetensors::write(&synthetic::checkpoint(&graph("tiny-c")), Dtype::I8).unwrap();
    let (checkpoint, layout) = stridescope_weights::read_as(file).unwrap();
    let inspection = Inspection::of(&checkpoint, layout, None).unwrap();
    assert_eq!((inspection.net.as_deref(), inspection.problem), (Some("tiny-c"), None));
    assert_eq!(inspection.tensors.len(), checkpoint.tensors.len());
    for tensor in inspection.tensors {
        assert_eq!(tensor.dtype, if tensor.shape.len() > 1 { "i8" } else { "f32" }, "{}", tensor.name);
        assert_eq!(tensor.values, Values::of(&checkpoint.values(&tensor.name).unwrap()), "{}", tensor.name);
    }
}

#[test]
fn what_eight_bits_cannot_hold_is_rejected() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = safetensors::write(&one("fc.weight", &[2, 2], &[1.0, 2.0, value, 3.0]), Dtype::I8).unwrap_err();
        assert_eq!(error, WeightsError::NotFinite { name: "fc.weight".into(), index: 2 });
    }
    let taken = with(one("fc.weight", &[2, 1], &[1.0, 2.0]), "fc.weight_scale", &[2], &[1.0, 1.0]);
    let error = safetensors::write(&taken, Dtype::I8).unwrap_err().to_string();
    let sentence = "tensor \"fc.weight\" cannot be used as i8: another tensor has the name of its scales, \"fc.weight_scale\". \
                    Use f32 or f16 instead";
    assert_eq!(error, sentence);
    let read = safetensors::read(safetensors::write(&taken, Dtype::F32).unwrap()).unwrap();
    assert_eq!(read.tensors.len(), 2, "beside f32, the name is one like any other");
}

/// Scales so large that a product overflows are found with the other values that are not finite.
#[test]
fn products_that_overflow_are_not_finite() {
    let graph = graph("tiny-c");
    let file = safetensors::write(&synthetic::checkpoint(&graph), Dtype::I8).unwrap();
    let mut checkpoint = safetensors::read(file).unwrap();
    let scales = checkpoint.tensors["fc.weight"].scales.clone().unwrap();
    checkpoint.bytes[scales.start..scales.start + 4].copy_from_slice(&f32::MAX.to_le_bytes());
    let error = check::compare(&checkpoint, &graph).verdict().unwrap_err();
    assert!(matches!(&error, WeightsError::NotFinite { name, .. } if name == "fc.weight"), "{error}");
}

/// The writer against the crate `safetensors`: the same bytes.
#[test]
fn f32_and_f16_files_are_those_of_the_crate() {
    let mut checkpoint = synthetic::checkpoint(&graph("tiny-b"));
    checkpoint = with(checkpoint, "quoted \"\\é\u{7f}", &[], &[1.0]);
    checkpoint = with(checkpoint, "none", &[0, 3], &[]);
    for card in [None, stridescope_weights::catalogue::for_net("tiny-b").map(|entry| entry.card.clone())] {
        let metadata =
            card.as_ref().map(|card| HashMap::from([("stridescope".to_string(), serde_json::to_string(card).unwrap())]));
        checkpoint.card = card;
        for dtype in [Dtype::F32, Dtype::F16] {
            let file = safetensors::write(&checkpoint, dtype).unwrap();
            let read = SafeTensors::deserialize(&file).unwrap();
            let views: Vec<(String, TensorView)> = read.tensors();
            assert_eq!(views.len(), checkpoint.tensors.len());
            assert!(file == ::safetensors::serialize(views, metadata.clone()).unwrap(), "{dtype:?}");
        }
    }
}

/// Truncated anywhere or with any byte changed: a result or an error, never a panic.
#[test]
fn truncated_and_modified_files_never_panic() {
    let mut checkpoint = one("a.weight", &[3, 2], &[0.1, -0.2, 0.3, 0.0, 0.0, 9.0]);
    checkpoint = with(checkpoint, "a.bias", &[3], &[1.0, 2.0, 3.0]);
    let sound = safetensors::write(&checkpoint, Dtype::I8).unwrap();
    let read = |bytes: Vec<u8>| {
        catch_unwind(|| {
            let checkpoint = stridescope_weights::read(bytes)?;
            checkpoint.tensors.keys().filter_map(|name| checkpoint.values(name).ok()).for_each(drop);
            Ok::<_, WeightsError>(())
        })
    };
    for at in 0..sound.len() {
        assert!(read(sound[..at].to_vec()).unwrap_or_else(|_| panic!("cut at {at}")).is_err(), "cut at {at}");
        for flip in [0x01, 0x02, 0x10, 0x80, 0xff] {
            let mut changed = sound.clone();
            changed[at] ^= flip;
            assert!(read(changed).is_ok(), "byte {at} changed by {flip:#x}");
        }
    }
}
