//! Runs the fuzz targets.

use std::fs;

use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

const STEP: &str = "fuzzing";
/// cargo-fuzz needs unstable compiler flags.
const TOOLCHAIN: &str = "nightly";
/// Maximum memory per input in megabytes, and maximum time in seconds.
const MAX_MB: u32 = 2048;
const MAX_SECONDS: u32 = 20;

/// Each target with additional folders of initial inputs, besides its own in fuzz/corpus.
const TARGETS: [(&str, &[&str]); 7] = [
    ("checkpoint", &["tests/fixtures/checkpoints"]),
    ("tfjs", &[]),
    ("hub", &[]),
    ("link", &[]),
    ("network", &[]),
    ("message", &[]),
    ("picture", &[]),
];

/// The names of the targets.
pub fn names() -> [&'static str; 7] {
    TARGETS.map(|(target, _)| target)
}

/// Runs every target, or one, for `seconds` each, and fails at the first input that crashes it. New inputs are stored outside the clone.
pub fn run(project: &Project, only: Option<&str>, seconds: u32) -> Result<(), Error> {
    let fuzz = project.root.join("fuzz");
    let cargo_fuzz = setup::fuzzer(project)?;
    for (target, seeds) in TARGETS.into_iter().filter(|(target, _)| only.is_none_or(|only| only == *target)) {
        announce(&format!("{STEP}: {target}, {seconds} s"));
        let found = project.scratch().join("corpus").join(target);
        fs::create_dir_all(&found).map_err(|error| Error::file(STEP, &found, error))?;
        let folders = std::iter::once(fuzz.join("corpus").join(target)).chain(seeds.iter().map(|seed| project.root.join(seed)));
        let mut run = process::command(&cargo_fuzz);
        run.current_dir(&fuzz).env("RUSTUP_TOOLCHAIN", TOOLCHAIN).args(["fuzz", "run", "--fuzz-dir"]).arg(&fuzz);
        run.arg("--target-dir")
            .arg(project.target.join("fuzz"))
            .arg(target)
            .arg(&found)
            .args(folders.filter(|folder| folder.is_dir()));
        run.arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MAX_MB}"))
            .arg(format!("-timeout={MAX_SECONDS}"));
        run.args(["-print_final_stats=1", "-verbosity=0"]);
        process::run(STEP, &mut run, "The input is in fuzz/artifacts: mend what it breaks, and keep it in fuzz/corpus.")?;
    }
    announce("no parser fell over");
    Ok(())
}
