//! Developer tasks of Stridescope: everything from a fresh clone to a served and tested page.
//!
//! Run as `cargo xtask COMMAND`. Neither the page nor the command line needs it at run time.

#![cfg_attr(test, allow(clippy::expect_used))]

mod args;
mod assets;
mod audit;
mod bench;
mod compress;
mod dist;
mod error;
mod folded;
mod fuzz;
mod headers;
mod html;
mod lint;
mod mutants;
mod onnx;
mod page;
mod precache;
mod process;
mod project;
mod release;
mod releases;
mod serve;
mod setup;
mod sizes;
mod split;
mod strip;
mod test;
mod tfjs;
mod weights;

use std::process::ExitCode;

use args::{Command, USAGE};
use error::Error;
use project::Project;

fn main() -> ExitCode {
    let result = args::parse(std::env::args().skip(1)).and_then(run);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::warn(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    if command == Command::Help {
        process::print(USAGE);
        return Ok(());
    }
    let project = Project::open()?;
    match command {
        Command::Help => Ok(()),
        Command::Setup => setup::everything(&project),
        Command::Serve { port } => serve::run(&project, port),
        Command::Build => page::build_within_budget(&project),
        Command::BuildAndRecord => page::build_and_record(&project),
        Command::BuildPage => page::rebuild(&project),
        Command::Releases => releases::make(&project).map(|folder| println!("{}", folder.display())),
        Command::Dist(options) => dist::run(&project, &options),
        Command::Test { part } => test::run(&project, part),
        Command::Fuzz { target, seconds } => fuzz::run(&project, target.as_deref(), seconds),
        Command::Mutants { area } => mutants::run(&project, area.as_deref()),
        Command::Lint => lint::run(&project),
        Command::Audit => audit::run(&project),
        Command::Weights => weights::fetch(&project),
        Command::Bench(options) => bench::run(&project, options),
    }
}
