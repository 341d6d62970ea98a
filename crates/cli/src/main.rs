//! The command line. Depends on `engine` and the crates below it, and has no logic that other crates need. Errors are one line on standard
//! error and exit code 2.

mod coverage;
mod files;
mod output;
mod predict;
mod ready;
mod summary;
mod table;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use output::{note, print};
use std::path::Path;
use std::process::ExitCode;

/// ResNet-50 and its B, C and D tweaks: cost, coverage, predictions.
#[derive(Parser)]
#[command(name = "stridescope", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What a network costs: layers, shapes, parameters, MACs.
    Summary(summary::Arguments),
    /// Which positions of a downsampling block's input its two paths read.
    Coverage(coverage::Arguments),
    /// What a network says of pictures.
    Classify(predict::ClassifyArguments),
    /// How often a network is right on a folder of pictures, one sub-folder a wnid.
    Eval(predict::EvalArguments),
    /// Rewrites weights as safetensors in timm's layout.
    Convert(files::ConvertArguments),
    /// What a weights file holds, and what of it fits its network.
    Inspect(files::InspectArguments),
}

/// The error of a command: one sentence.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let done = match Arguments::try_parse() {
        Ok(Arguments { command }) => run(&command),
        Err(error) if error.use_stderr() => Err(Failure(usage_sentence(&error))),
        Err(help) => print(&help.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(sentence)) => fail(&sentence),
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Summary(arguments) => summary::run(arguments),
        Command::Coverage(arguments) => coverage::run(arguments),
        Command::Classify(arguments) => predict::classify(arguments),
        Command::Eval(arguments) => predict::eval(arguments),
        Command::Convert(arguments) => files::convert(arguments),
        Command::Inspect(arguments) => files::inspect(arguments),
    }
}

fn fail(sentence: &str) -> ExitCode {
    // If standard error is closed as well, only the exit code reports the failure.
    note(&format!("stridescope: {sentence}"));
    ExitCode::from(2)
}

/// clap's message on one line, without its usage text.
fn usage_sentence(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "say what to do, as in stridescope summary resnet50-d; see stridescope --help".into();
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or(&text);
    let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
    format!("{}; see stridescope --help", words.join(" "))
}

/// Reads a file whole.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure(format!("{} cannot be read: {error}", path.display())))
}
