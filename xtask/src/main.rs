//! Developer tasks of Stridescope: everything from a fresh clone to a served and tested page.
//!
//! Run as `cargo xtask TASK`. Neither the page nor the command line needs it at run time.

#![cfg_attr(test, allow(clippy::expect_used))]

mod assets;
mod audit;
mod bench;
mod bindgen;
mod cli;
mod compress;
mod disk;
mod dist;
mod error;
mod fuzz;
mod headers;
mod html;
mod lint;
mod mutants;
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
mod weights;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Task};
use error::Error;
use project::Project;

fn main() -> ExitCode {
    let Cli { task } = Cli::parse();
    let opened = Project::open();
    match opened.as_ref().map_err(Error::clone).and_then(|project| run(project, task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::warn(&format!("error: {error}"));
            if let Some(shortage) = opened.ok().and_then(|project| disk::shortage(&project.target)) {
                process::warn(&shortage);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(project: &Project, task: Task) -> Result<(), Error> {
    match task {
        Task::Serve { port } => serve::run(project, port),
        Task::Test { part } => test::run(project, part),
        Task::Build { part: Some(cli::BuildPart::Page), .. } => page::rebuild(project),
        Task::Build { record: true, .. } => page::build_and_record(project),
        Task::Build { .. } => page::build_within_budget(project),
        Task::Releases => releases::make(project).map(|folder| println!("{}", folder.display())),
        Task::Dist(options) => dist::run(project, &options),
        Task::Lint => lint::run(project),
        Task::Audit => audit::run(project),
        Task::Fuzz { target, seconds } => fuzz::run(project, target.as_deref(), seconds),
        Task::Mutants { area } => mutants::run(project, area.as_deref()),
        Task::Weights => weights::fetch(project),
        Task::Bench(options) => bench::run(project, options),
        Task::Setup { debian_compiler } => setup::everything(project, debian_compiler),
    }
}
