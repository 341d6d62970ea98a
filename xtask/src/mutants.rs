//! Mutation testing: changes the code in small ways, one at a time, and runs the tests on each.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

const STEP: &str = "mutants";
/// Time limit for the tests of one mutant, in seconds.
const MAX_SECONDS: u32 = 30;
/// A slow test that detects only panics.
const SLOW: &str = "truncated_and_modified_files_never_panic";
/// Cases per property: most mutants fail in the first.
const MUTANT_CASES: &str = "100";
/// Mutated packages compile fast, in many units, yet with enough optimisation for quick tests; all others are fully optimised.
const CHANGING: [(&str, &str); 3] =
    [("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"), ("CARGO_PROFILE_DEV_LTO", "off")];
const DEPENDENCIES: &str = "profile.dev.package.\"*\".opt-level=2";
/// Exit code of cargo-mutants when it finished and some mutants were missed or timed out.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// A part of the code and its tests: quick ones first, then those that detect the rest.
struct Area {
    name: &'static str,
    stages: &'static [Stage],
}

/// Tests and their packages.
struct Stage {
    packages: &'static str,
    tests: &'static [&'static str],
}

const AREAS: [Area; 3] = [
    Area {
        name: "arch",
        stages: &[
            Stage { packages: "stridescope-arch,stridescope-view", tests: &["arch", "compare", "coverage"] },
            Stage { packages: "stridescope-arch", tests: &["tools"] },
        ],
    },
    Area {
        name: "weights",
        stages: &[
            Stage { packages: "stridescope-weights,stridescope-view", tests: &["checkpoints", "sources", "weights"] },
            Stage { packages: "stridescope-weights", tests: &["containers", "tfjs"] },
        ],
    },
    Area { name: "image", stages: &[Stage { packages: "stridescope-image", tests: &["image"] }] },
];

/// The names of the areas.
pub fn names() -> [&'static str; 3] {
    AREAS.each_ref().map(|area| area.name)
}

/// Mutates every area, or one, and continues an interrupted run. The results are listed outside the clone. Fails if a mutant was missed.
pub fn run(project: &Project, only: Option<&str>) -> Result<(), Error> {
    let program = setup::mutator(project)?;
    let mut missed = Vec::new();
    for area in AREAS.iter().filter(|area| only.is_none_or(|only| area.name == only)) {
        missed.extend(area.change(project, &program)?);
    }
    if missed.is_empty() {
        announce("a test noticed every change");
        return Ok(());
    }
    missed.iter().for_each(|line| process::print(&format!("unnoticed: {line}")));
    Err(Error::new(
        STEP,
        format!("no test noticed {} of the changes", missed.len()),
        "Write a test that does, or say in docs/reliability.md why none can.",
    ))
}

impl Area {
    /// The package that is mutated.
    fn package(&self) -> String {
        format!("stridescope-{}", self.name)
    }

    /// Tests every mutant that was not caught before, and returns those that are still missed.
    fn change(&self, project: &Project, program: &Path) -> Result<Vec<String>, Error> {
        let found = project.scratch().join("mutants").join(self.name);
        fs::create_dir_all(&found).map_err(|error| Error::file(STEP, &found, error))?;
        let listed = |name: &str| -> Result<Vec<String>, Error> {
            let list = found.join("mutants.out").join(name);
            let lines = fs::read_to_string(&list).map_err(|error| Error::file(STEP, &list, error))?;
            Ok(lines.lines().map(str::to_string).collect())
        };
        // An endless loop counts as caught, and is excluded from the next stage.
        let mut endless = Vec::new();
        for Stage { packages, tests } in self.stages {
            announce(&format!("{STEP}: {}, to be noticed by {}", self.package(), tests.join(", ")));
            let mut mutants = process::command(program);
            mutants.args(["mutants", "--package", &self.package(), "--test-package", packages, "--output"]).arg(&found);
            mutants.args(["--iterate", "--no-shuffle", "--colors", "never", "--timeout", &MAX_SECONDS.to_string()]);
            // Also for the build; otherwise every test of the project is linked each time.
            mutants.args(tests.iter().map(|test| format!("--cargo-arg=--test={test}")));
            // Mutates a copy of the clone, one per stage; dependencies are compiled once.
            mutants
                .env("CARGO_TARGET_DIR", found.join("target"))
                .envs(CHANGING)
                .env("PROPTEST_CASES", MUTANT_CASES)
                .arg(format!("--cargo-arg=--config={DEPENDENCIES}"));
            mutants.args(["--", "--", "--skip", SLOW]);
            process::run_to(STEP, mutants.current_dir(&project.root), "Read the output above.", &[MISSED, TIMED_OUT])?;
            endless.extend(listed("timeout.txt")?);
            if listed("missed.txt")?.is_empty() {
                break;
            }
        }
        let mut left = listed("missed.txt")?;
        left.retain(|line| !endless.contains(line));
        let mut list = process::command(program);
        list.args(["mutants", "--list", "--package", &self.package()]).current_dir(&project.root);
        let all = process::read(STEP, &mut list, "Read the output above.")?.lines().count();
        announce(&format!("{STEP}: {}, no test noticed {} of {all} changes", self.name, left.len()));
        Ok(left)
    }
}
