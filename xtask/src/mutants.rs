//! Changes the code in small ways, one at a time, and sees whether a test notices.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::process::{self, announce};
use crate::project::Project;
use crate::setup;

const STEP: &str = "mutants";
/// Seconds that the tests of one change may take.
const MOST_S: u32 = 30;
/// A test that takes long, and notices nothing but panics.
const SLOW: &str = "truncated_and_modified_files_never_panic";
/// Cases of a property: most changes are noticed by the first.
const MUTANT_CASES: &str = "100";
/// What changes is compiled in a moment, as one piece of many, and yet its tests take a moment only; what does not change is fast.
const CHANGING: [(&str, &str); 3] =
    [("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"), ("CARGO_PROFILE_DEV_LTO", "off")];
const DEPENDENCIES: &str = "profile.dev.package.\"*\".opt-level=2";
/// How cargo-mutants ends when all are through and some were missed, or took too long.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// A part of the code, and the tests that ought to notice a change of it: the quick ones first, then what only slower ones see.
struct Area {
    name: &'static str,
    stages: &'static [Stage],
}

/// Tests, and the packages that have them.
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

/// Whether there is an area of that name.
pub fn is_area(name: &str) -> bool {
    AREAS.iter().any(|area| area.name == name)
}

/// Changes every area, or one of them, going on where an earlier run stopped. What was noticed and what was not is listed outside the clone.
/// Fails where a change went unnoticed.
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
    /// The package whose code is changed.
    fn package(&self) -> String {
        format!("stridescope-{}", self.name)
    }

    /// Tries every change that was not noticed before, and names those that still are not.
    fn change(&self, project: &Project, program: &Path) -> Result<Vec<String>, Error> {
        let found = project.scratch().join("mutants").join(self.name);
        fs::create_dir_all(&found).map_err(|error| Error::file(STEP, &found, error))?;
        let listed = |name: &str| -> Result<Vec<String>, Error> {
            let list = found.join("mutants.out").join(name);
            let lines = fs::read_to_string(&list).map_err(|error| Error::file(STEP, &list, error))?;
            Ok(lines.lines().map(str::to_string).collect())
        };
        // What runs without end is noticed; the next stage need not come by it.
        let mut endless = Vec::new();
        for Stage { packages, tests } in self.stages {
            announce(&format!("{STEP}: {}, to be noticed by {}", self.package(), tests.join(", ")));
            let mut mutants = process::command(program);
            mutants.args(["mutants", "--package", &self.package(), "--test-package", packages, "--output"]).arg(&found);
            mutants.args(["--iterate", "--no-shuffle", "--colors", "never", "--timeout", &MOST_S.to_string()]);
            // For building, too: otherwise every test of the project is linked each time.
            mutants.args(tests.iter().map(|test| format!("--cargo-arg=--test={test}")));
            // What is changed is a copy of the clone, another one for each stage; what it depends on is compiled once.
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
