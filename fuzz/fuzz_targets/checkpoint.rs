//! Weights files: safetensors, and PyTorch's zips and pickles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_weights::{inspect::Inspection, layout, read_as};

fuzz_target!(|bytes: &[u8]| {
    let Ok((checkpoint, found)) = read_as(bytes.to_vec()) else { return };
    let inferred = layout::infer(&checkpoint).ok().map(|inferred| inferred.spec.name());
    let _ = Inspection::of(&checkpoint, found, inferred.as_deref());
});
