//! Malformed weights files: each returns its error on one line, without a panic and within a memory limit.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod bombs;
mod pickles;
mod safetensors;
#[path = "../common/torch.rs"]
mod torch;
mod zips;

use peak_alloc::PeakAlloc;
use std::panic::catch_unwind;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Allowed allocations besides the file itself.
const BOUND: usize = 64_000_000;

/// A malformed file, created when needed, since some have 100 MB.
pub struct Case {
    what: &'static str,
    make: Box<dyn FnOnce() -> Vec<u8>>,
    sentence: String,
}

fn case(what: &'static str, bytes: impl AsRef<[u8]>, sentence: String) -> Case {
    let bytes = bytes.as_ref().to_vec();
    Case { what, make: Box::new(|| bytes), sentence }
}

fn large(what: &'static str, make: impl FnOnce() -> Vec<u8> + 'static, sentence: String) -> Case {
    Case { what, make: Box::new(make), sentence }
}

fn no_safetensors(clause: &str) -> String {
    format!("this is no usable safetensors file: {clause}. Download it again, or choose another")
}

fn no_pickle(clause: &str) -> String {
    format!(
        "this is no usable PyTorch file: {clause}. Save it again with torch.save(model.state_dict(), FILE), or choose another"
    )
}

/// A single test, since allocations of parallel tests would be counted too.
#[test]
fn every_malformed_file_is_rejected_with_little_memory() {
    let (safetensors, pickles, bombs, zips) = (safetensors::cases(), pickles::cases(), bombs::cases(), zips::cases());
    assert!(safetensors.len() >= 60 && pickles.len() >= 60);
    let counts = [&safetensors, &pickles, &bombs, &zips].map(Vec::len);
    println!("{counts:?} files: safetensors, pickles, bombs of pickles, zips");
    let mut failures = Vec::new();
    let mut most = (0, "");
    for Case { what, make, sentence } in safetensors.into_iter().chain(pickles).chain(bombs).chain(zips) {
        let bytes = make();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let answer = catch_unwind(|| stridescope_weights::read(bytes).map(|_| ()));
        let allocated = MEMORY.peak_usage() - before;
        most = most.max((allocated, what));
        if allocated > BOUND {
            failures.push(format!("{what}: {allocated} bytes were allocated"));
        }
        match answer {
            Err(_) => failures.push(format!("{what}: panicked")),
            Ok(Ok(())) => failures.push(format!("{what}: was read")),
            Ok(Err(error)) if error.to_string() != sentence => failures.push(format!("{what}: {error}\n  and not {sentence}")),
            Ok(Err(_)) if sentence.contains('\n') => failures.push(format!("{what}: more than a line")),
            Ok(Err(_)) => {}
        }
    }
    println!("at most {:.1} MB besides the file: {}", most.0 as f64 / 1e6, most.1);
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
