//! The command line of `cargo xtask`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::dist::Base;
use crate::fuzz;
use crate::mutants;

/// Developer tasks of Stridescope. Every task first gets whatever it needs and does not find.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
pub struct Cli {
    /// The task.
    #[command(subcommand)]
    pub task: Task,
}

/// One task, with its options.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Task {
    /// Build the release page and serve it on this machine
    Serve {
        /// TCP port on 127.0.0.1
        #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
    },
    /// Run the tests, or a part of them
    Test {
        /// Without it, everything that a change must pass
        part: Option<Part>,
    },
    /// Build the release page and check its size
    Build {
        /// Only the page's own code, keeping the engine of the last build as it is
        #[arg(conflicts_with = "record")]
        part: Option<BuildPart>,
        /// Record the sizes in bench/sizes.json instead of checking them
        #[arg(long)]
        record: bool,
    },
    /// Make two versions of the site of the last build, for the test of what happens when one takes the other's place, and print where they are
    Releases,
    /// Build the page and make a folder for a static host of it, complete for the address that it will have
    Dist(DistOptions),
    /// Check the format, clippy with warnings denied, and the crates' licences and sources
    Lint,
    /// Check licences, sources and known advisories of all crates and npm packages
    Audit,
    /// Feed every parser of outside data, or one of them, whatever a fuzzer thinks of
    Fuzz {
        /// A file in fuzz/fuzz_targets; all without it
        #[arg(value_parser = PossibleValuesParser::new(fuzz::names()))]
        target: Option<String>,
        /// Seconds for each of them
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
    },
    /// Change the code in every small way and list what no test notices; takes hours, and continues an interrupted run
    Mutants {
        /// All of them without it
        #[arg(value_parser = PossibleValuesParser::new(mutants::names()))]
        area: Option<String>,
    },
    /// Fetch the real ImageNet weights of resnet50-a (about 95 MB)
    Weights,
    /// Compare with other engines in the same browser, and measure the page
    Bench(BenchOptions),
    /// Only get the tools that the other tasks need
    Setup {
        /// Build a compiler for wasm32 from Debian's packages (as root), for where `rustup target add` does not work
        #[arg(long)]
        debian_compiler: bool,
    },
}

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What `cargo test` runs, and the real weights
    Native,
    /// Everything in browsers, on the built page
    Browser,
    /// The native tests without the real weights, and the main scenario in Chromium
    Quick,
    /// Everything, with what takes too long for every change
    Nightly,
}

/// A part of the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BuildPart {
    /// The page's own code, styles and other files
    Page,
}

/// The site to make.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DistOptions {
    /// Where visitors will find the site: `/`, `/sub/path/` or `https://example.org/`
    #[arg(long, value_parser = Base::parse, value_name = "PATH_OR_URL")]
    pub base: Base,
    /// The folder to make, site/ without it
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Options of the benchmark.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BenchOptions {
    /// Write the results to bench/RESULTS.md
    #[arg(long)]
    pub write: bool,
    /// Also measure every depth, and the growth of time and memory
    #[arg(long)]
    pub full: bool,
    /// Also measure WebGPU in software
    #[arg(long)]
    pub webgpu: bool,
    /// Measure only WebGPU on this machine's own GPU
    #[arg(long, conflicts_with_all = ["full", "webgpu"])]
    pub gpu: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dist(base: &str, out: Option<&str>) -> Option<Task> {
        Some(Task::Dist(DistOptions { base: Base::parse(base).ok()?, out: out.map(PathBuf::from) }))
    }

    #[test]
    fn command_lines_are_parsed() {
        let fuzz = |target: Option<&str>, seconds| Some(Task::Fuzz { target: target.map(String::from), seconds });
        let bench = BenchOptions::default();
        let cases = [
            ("", None),
            ("setup", Some(Task::Setup { debian_compiler: false })),
            ("setup --debian-compiler", Some(Task::Setup { debian_compiler: true })),
            ("serve", Some(Task::Serve { port: 8080 })),
            ("serve --port 3000", Some(Task::Serve { port: 3000 })),
            ("serve --port=3000", Some(Task::Serve { port: 3000 })),
            ("serve --port 0", None),
            ("serve --port 70000", None),
            ("serve --port", None),
            ("serve 3000", None),
            ("build", Some(Task::Build { part: None, record: false })),
            ("build --record", Some(Task::Build { part: None, record: true })),
            ("build page", Some(Task::Build { part: Some(BuildPart::Page), record: false })),
            ("build page --record", None),
            ("build --release", None),
            ("test", Some(Task::Test { part: None })),
            ("test native", Some(Task::Test { part: Some(Part::Native) })),
            ("test quick", Some(Task::Test { part: Some(Part::Quick) })),
            ("test nightly", Some(Task::Test { part: Some(Part::Nightly) })),
            ("test everything", None),
            ("fuzz", fuzz(None, 60)),
            ("fuzz --seconds 5", fuzz(None, 5)),
            ("fuzz network --seconds 5", fuzz(Some("network"), 5)),
            ("fuzz everything", None),
            ("fuzz --seconds 0", None),
            ("mutants", Some(Task::Mutants { area: None })),
            ("mutants weights", Some(Task::Mutants { area: Some("weights".into()) })),
            ("mutants everything", None),
            ("bench", Some(Task::Bench(bench))),
            ("bench --webgpu --write", Some(Task::Bench(BenchOptions { write: true, webgpu: true, ..bench }))),
            ("bench --gpu", Some(Task::Bench(BenchOptions { gpu: true, ..bench }))),
            ("bench --gpu --full", None),
            ("bench --webgpu --gpu", None),
            ("dist --base /sub/", dist("/sub/", None)),
            ("dist --base=https://example.org --out=public", dist("https://example.org/", Some("public"))),
            ("dist --out public --base /", dist("/", Some("public"))),
            ("dist", None),
            ("dist --base", None),
            ("dist --base=", None),
            ("dist --base sub", None),
            ("dist --base / public", None),
            ("deploy", None),
        ];
        for (line, expected) in cases {
            let parsed = Cli::try_parse_from(["xtask"].into_iter().chain(line.split_whitespace()));
            assert_eq!(parsed.ok().map(|cli| cli.task), expected, "cargo xtask {line}");
        }
    }
}
