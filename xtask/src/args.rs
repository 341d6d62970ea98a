//! The command line of `cargo xtask`.

use std::path::PathBuf;

use crate::dist::{self, Base};
use crate::error::Error;
use crate::fuzz;
use crate::mutants;

/// The output of `cargo xtask help`.
pub const USAGE: &str = "\
cargo xtask serve [--port N]        build the release page and serve it on this machine (port 8080)
cargo xtask test [native|browser]   run every test, or one part
cargo xtask build                   build the release page and check its size
cargo xtask build --record          build it and record its size in bench/sizes.json
cargo xtask build page              build and check it, keeping the engine of the last build as it is
cargo xtask releases                make two versions of the site of the last build, for the test of what
                                    happens when one takes the other's place, and say where they are
cargo xtask dist --base PATH_OR_URL [--out FOLDER]
                                    build the page and make a folder for a static host of it
                                    (site/), complete for the address that it will have
cargo xtask lint                    check the format, clippy with warnings denied, and the crates'
                                    licences and sources
cargo xtask audit                   check licences, sources and known advisories of all crates and
                                    npm packages; asks the databases of advisories
cargo xtask fuzz [TARGET] [--seconds N]
                                    feed every parser of outside data, or that of one file in
                                    fuzz/fuzz_targets, whatever a fuzzer thinks of, 60 seconds each
cargo xtask mutants [AREA]          change the networks' description (`arch`), the readers of `weights`
                                    and of pictures (`image`) in every small way and see whether a
                                    test notices; takes hours, and goes on where it stopped
cargo xtask weights                 fetch the real ImageNet weights of resnet50-a (about 95 MB)
cargo xtask bench [--write] [--full] [--webgpu]
                                    compare with other engines in the same browser, and measure
                                    the page; --write keeps the results in bench/RESULTS.md, --full
                                    adds depths and growth, --webgpu adds WebGPU, in software
cargo xtask bench --gpu [--write]   compare them on this machine's own GPU, through WebGPU
cargo xtask setup                   only get the tools that the others need
Every command first gets whatever it needs and does not find.";

const DEFAULT_PORT: u16 = 8080;
const DEFAULT_FUZZ_S: u32 = 60;

/// One task, with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Get the tools without building.
    Setup,
    /// Build the page and serve it.
    Serve {
        /// TCP port on 127.0.0.1.
        port: u16,
    },
    /// Build the page and check its budgets.
    Build,
    /// Build the page and record its sizes.
    BuildAndRecord,
    /// Rebuild only the page's own code and styles in the last build.
    BuildPage,
    /// Make two versions of the site from the last build.
    Releases,
    /// Build the page and make a site from it.
    Dist(dist::Options),
    /// Run tests.
    Test {
        /// The part of the tests.
        part: Part,
    },
    /// Fuzz the parsers.
    Fuzz {
        /// The target; all if `None`.
        target: Option<String>,
        /// Seconds per target.
        seconds: u32,
    },
    /// Mutation testing.
    Mutants {
        /// The area; all if `None`.
        area: Option<String>,
    },
    /// Format, clippy, licences and sources of the crates.
    Lint,
    /// Licences, sources and known vulnerabilities of the dependencies.
    Audit,
    /// Download and convert the real weights.
    Weights,
    /// Run the benchmark.
    Bench(BenchOptions),
}

/// Options of the benchmark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BenchOptions {
    /// Write the results into the clone.
    pub write: bool,
    /// Also measure every depth, and the growth of time and memory.
    pub full: bool,
    /// Also measure WebGPU in software.
    pub webgpu: bool,
    /// Measure only WebGPU on this machine's GPU.
    pub gpu: bool,
}

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Native and browser tests.
    All,
    /// The tests of `cargo test`.
    Native,
    /// The tests in a browser, on the built page.
    Browser,
}

/// Parses the arguments after `cargo xtask`.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, Error> {
    let args: Vec<String> = args.into_iter().collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => Ok(Command::Help),
        ["setup"] => Ok(Command::Setup),
        ["serve"] => Ok(Command::Serve { port: DEFAULT_PORT }),
        ["serve", "--port", port] => Ok(Command::Serve { port: parse_port(port)? }),
        ["serve", option] if option.starts_with("--port=") => {
            Ok(Command::Serve { port: parse_port(option.trim_start_matches("--port="))? })
        }
        ["build"] => Ok(Command::Build),
        ["build", "--record"] => Ok(Command::BuildAndRecord),
        ["build", "page"] => Ok(Command::BuildPage),
        ["releases"] => Ok(Command::Releases),
        ["dist", options @ ..] => Ok(Command::Dist(parse_dist(options)?)),
        ["test"] => Ok(Command::Test { part: Part::All }),
        ["test", "native"] => Ok(Command::Test { part: Part::Native }),
        ["test", "browser"] => Ok(Command::Test { part: Part::Browser }),
        ["fuzz", options @ ..] => parse_fuzz(options),
        ["mutants"] => Ok(Command::Mutants { area: None }),
        ["mutants", area] if mutants::is_area(area) => Ok(Command::Mutants { area: Some((*area).into()) }),
        ["lint"] => Ok(Command::Lint),
        ["audit"] => Ok(Command::Audit),
        ["weights"] => Ok(Command::Weights),
        ["bench", options @ ..] => Ok(Command::Bench(parse_bench(options)?)),
        other => Err(usage_error(format!("`{}` is not a task", other.join(" ")))),
    }
}

fn parse_bench(words: &[&str]) -> Result<BenchOptions, Error> {
    let mut options = BenchOptions::default();
    for word in words {
        match *word {
            "--write" => options.write = true,
            "--full" => options.full = true,
            "--webgpu" => options.webgpu = true,
            "--gpu" => options.gpu = true,
            other => return Err(usage_error(format!("`{other}` is no option of `bench`"))),
        }
    }
    if options.gpu && (options.full || options.webgpu) {
        return Err(usage_error(
            "`--gpu` measures nothing but this machine's own GPU, so `--full` and `--webgpu` do not go with it".into(),
        ));
    }
    Ok(options)
}

fn parse_dist(words: &[&str]) -> Result<dist::Options, Error> {
    let (mut base, mut out) = (None, None);
    let mut words = words.iter().flat_map(|word| match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => vec![name, value],
        _ => vec![*word],
    });
    while let Some(name) = words.next() {
        let target = match name {
            "--base" => &mut base,
            "--out" => &mut out,
            other => return Err(usage_error(format!("`{other}` is no option of `dist`"))),
        };
        *target =
            Some(words.next().filter(|value| !value.is_empty()).ok_or_else(|| usage_error(format!("`{name}` needs a value")))?);
    }
    let base = base.ok_or_else(|| usage_error("`dist` needs `--base`, where visitors will find the site".into()))?;
    Ok(dist::Options { base: Base::parse(base).map_err(usage_error)?, out: out.map(PathBuf::from) })
}

fn parse_fuzz(options: &[&str]) -> Result<Command, Error> {
    let (target, options) = match options {
        [target, rest @ ..] if fuzz::is_target(target) => (Some((*target).to_string()), rest),
        all => (None, all),
    };
    match options {
        [] => Ok(Command::Fuzz { target, seconds: DEFAULT_FUZZ_S }),
        ["--seconds", seconds] => match seconds.parse() {
            Ok(seconds) if seconds > 0 => Ok(Command::Fuzz { target, seconds }),
            _ => Err(usage_error(format!("`{seconds}` is no number of seconds"))),
        },
        other => Err(usage_error(format!("`{}` is nothing that can be fuzzed", other.join(" ")))),
    }
}

fn parse_port(text: &str) -> Result<u16, Error> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(usage_error(format!("`{text}` is not a port from 1 to 65535"))),
    }
}

fn usage_error(cause: String) -> Error {
    Error::new("reading the command line", cause, "See `cargo xtask help`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dist(base: &str, out: Option<&str>) -> Option<Command> {
        Some(Command::Dist(dist::Options { base: Base::parse(base).ok()?, out: out.map(PathBuf::from) }))
    }

    #[test]
    fn command_lines_are_parsed() {
        let cases = [
            ("", Some(Command::Help)),
            ("--help", Some(Command::Help)),
            ("setup", Some(Command::Setup)),
            ("serve", Some(Command::Serve { port: 8080 })),
            ("serve --port 3000", Some(Command::Serve { port: 3000 })),
            ("serve --port=3000", Some(Command::Serve { port: 3000 })),
            ("serve --port 0", None),
            ("serve --port 70000", None),
            ("serve --port", None),
            ("serve 3000", None),
            ("build", Some(Command::Build)),
            ("build --record", Some(Command::BuildAndRecord)),
            ("build page", Some(Command::BuildPage)),
            ("build --release", None),
            ("releases", Some(Command::Releases)),
            ("test", Some(Command::Test { part: Part::All })),
            ("test native", Some(Command::Test { part: Part::Native })),
            ("test browser", Some(Command::Test { part: Part::Browser })),
            ("test everything", None),
            ("fuzz", Some(Command::Fuzz { target: None, seconds: 60 })),
            ("fuzz --seconds 5", Some(Command::Fuzz { target: None, seconds: 5 })),
            ("fuzz network --seconds 5", Some(Command::Fuzz { target: Some("network".into()), seconds: 5 })),
            ("fuzz everything", None),
            ("fuzz --seconds 0", None),
            ("mutants", Some(Command::Mutants { area: None })),
            ("mutants weights", Some(Command::Mutants { area: Some("weights".into()) })),
            ("mutants everything", None),
            ("lint", Some(Command::Lint)),
            ("audit", Some(Command::Audit)),
            ("weights", Some(Command::Weights)),
            ("bench", Some(Command::Bench(BenchOptions::default()))),
            (
                "bench --webgpu --write",
                Some(Command::Bench(BenchOptions { write: true, webgpu: true, ..BenchOptions::default() })),
            ),
            ("bench --full", Some(Command::Bench(BenchOptions { full: true, ..BenchOptions::default() }))),
            ("bench --gpu", Some(Command::Bench(BenchOptions { gpu: true, ..BenchOptions::default() }))),
            ("bench --gpu --full", None),
            ("bench --webgpu --gpu", None),
            ("bench --quick", None),
            ("dist --base /sub/", dist("/sub/", None)),
            ("dist --base=https://example.org --out=public", dist("https://example.org/", Some("public"))),
            ("dist --out public --base /", dist("/", Some("public"))),
            ("dist", None),
            ("dist --base", None),
            ("dist --base=", None),
            ("dist --base sub", None),
            ("dist --out public", None),
            ("dist --base / public", None),
            ("deploy", None),
        ];
        for (line, expected) in cases {
            let parsed = parse(line.split_whitespace().map(String::from));
            assert_eq!(parsed.as_ref().ok(), expected.as_ref(), "cargo xtask {line}");
        }
    }

    #[test]
    fn unknown_arguments_are_named() {
        let error = parse(["deploy".to_string()]).expect_err("no such task").to_string();
        assert!(error.contains("`deploy`") && error.contains("cargo xtask help"), "{error}");
    }
}
