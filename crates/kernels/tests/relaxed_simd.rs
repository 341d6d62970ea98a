//! The calls to the relaxed-SIMD module. A browser test checks its arithmetic.
#![allow(clippy::expect_used, missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};
use stridescope_kernels::relaxed_simd::{Call, MODULE, delegate};
use stridescope_kernels::{Epilogue, Filters, Window, convolve};

static MULTIPLICATIONS: AtomicUsize = AtomicUsize::new(0);

/// Counts calls and writes nothing, so that every sum stays zero.
fn count(Call { weights, columns, terms, tiles, panels }: Call) {
    assert!(terms > 0 && panels > 0);
    assert!([weights, columns, tiles].iter().all(|address| *address != 0 && address.is_multiple_of(4)));
    MULTIPLICATIONS.fetch_add(terms * panels * 32, Ordering::Relaxed);
}

#[test]
fn the_module_matches_its_source() {
    let assembled = wat::parse_file(concat!(env!("CARGO_MANIFEST_DIR"), "/src/relaxed_simd.wat"))
        .expect("src/relaxed_simd.wat is well formed");
    assert!(
        assembled == MODULE,
        "src/relaxed_simd.wasm is not src/relaxed_simd.wat: `cargo test` of this package wants it assembled again"
    );
}

/// The module computes all products; bias, addition and ReLU stay here.
#[test]
fn every_product_is_delegated() {
    assert!(MODULE.starts_with(b"\0asm\x01\0\0\0"));
    delegate(count);
    let (channels, filters, size) = (24, 32, 28);
    for (kernel, padding, wanted) in [
        (1, 0, channels * filters * size * size),
        // 49 tiles of 36 products each, in panels of 8.
        (3, 1, channels * filters * 36 * 56),
    ] {
        let window = Window { kernel, stride: 1, padding, dilation: 1 };
        let weight = vec![1.0; filters * channels * kernel * kernel];
        let bias: Vec<f32> = (0..filters).map(|filter| filter as f32 - 8.0).collect();
        let packed = Filters::pack(&weight, &bias, 1, window).for_reuse();
        let epilogue = Epilogue { add: None, relu: true };
        MULTIPLICATIONS.store(0, Ordering::Relaxed);
        let out = convolve(&vec![1.0; channels * size * size], [1, channels, size, size], &packed, epilogue);
        assert_eq!(MULTIPLICATIONS.load(Ordering::Relaxed), wanted, "{window:?}");
        for (map, bias) in out.chunks(size * size).zip(&bias) {
            assert!(map.iter().all(|value| *value == bias.max(0.0)), "{window:?}");
        }
    }
}
