//! The original's model.json, before the first zero byte, and its shards, after it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_weights::formats::tfjs;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (json, shards) = bytes.split_at(end);
    let _ = tfjs::shards(json);
    let _ = tfjs::read(json, shards.get(1..).unwrap_or_default().to_vec());
});
