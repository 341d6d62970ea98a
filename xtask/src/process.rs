//! Runs other programs.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Error;

const POLL: Duration = Duration::from_millis(50);
const REMINDER: Duration = Duration::from_secs(60);

/// Prints a line. Errors are ignored; the exit code reports the result even if standard output is closed or full.
pub fn print(line: &str) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// [`print()`], to standard error.
pub fn warn(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Announces a step.
pub fn announce(step: &str) {
    print(&format!("==> {step}"));
}

/// Runs a step: says before it how long it usually takes on two cores, and after it how long it took.
pub fn timed<T>(step: &str, usually: &str, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    announce(&format!("{step} ({usually})"));
    let started = Instant::now();
    let result = run()?;
    print(&format!("    {step}: took {}", in_words(started.elapsed())));
    Ok(result)
}

/// A duration for readers.
pub fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// A command for `program` without cargo's environment variables for this process, which a nested cargo would use as its own (`CARGO` even
/// decides which cargo `cargo clippy` calls).
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` to completion with its output passed through, and prints a reminder every minute.
pub fn run(step: &str, command: &mut Command, remedy: &str) -> Result<(), Error> {
    run_to(step, command, remedy, &[])
}

/// [`run`] for a program that also succeeds with these exit codes.
pub fn run_to(step: &str, command: &mut Command, remedy: &str, codes: &[i32]) -> Result<(), Error> {
    let mut child = command.spawn().map_err(|error| start_error(step, command, &error, remedy))?;
    let started = Instant::now();
    let mut reminders = 0;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| Error::new(step, error, remedy))? {
            break status;
        }
        if started.elapsed() >= REMINDER * (reminders + 1) {
            reminders += 1;
            print(&format!("    {step}: still at it after {reminders} min"));
        }
        sleep(POLL);
    };
    let is_end = status.success() || status.code().is_some_and(|code| codes.contains(&code));
    if is_end { Ok(()) } else { Err(Error::new(step, ending(command, status), remedy)) }
}

/// Runs `command` and returns what it wrote to standard output, trimmed.
pub fn read(step: &str, command: &mut Command, remedy: &str) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| start_error(step, command, &error, remedy))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(Error::new(step, format!("{}: {last}", ending(command, output.status)), remedy))
    }
}

/// Standard output of `command` if it succeeds. Prints nothing otherwise.
pub fn probe(command: &mut Command) -> Option<String> {
    read("probe", command, "").ok()
}

/// Finds a program on the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| [folder.join(program), folder.join(program).with_extension(env::consts::EXE_EXTENSION)])
        .find(|file| file.is_file())
}

fn start_error(step: &str, command: &Command, error: &std::io::Error, remedy: &str) -> Error {
    Error::new(step, format!("`{}` could not be started: {error}", name(command)), remedy)
}

fn ending(command: &Command, status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("`{}` ended with exit code {code}", name(command)),
        None => format!("`{}` was stopped by a signal", name(command)),
    }
}

/// The program and its first argument.
fn name(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    match command.get_args().next() {
        Some(first) => format!("{program} {}", first.to_string_lossy()),
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_a_failing_program_and_its_last_line() {
        let mut command = command("sh");
        command.args(["-c", "echo one >&2; echo two >&2; exit 3"]);
        let error = read("greeting", &mut command, "Try again.").expect_err("it exits with 3").to_string();
        assert_eq!(error, "greeting failed: `sh -c` ended with exit code 3: two. Try again.");
    }

    #[test]
    fn durations_are_put_into_words() {
        let cases = [(0, "0.0 s"), (1_250, "1.2 s"), (59_900, "59.9 s"), (60_000, "1 min 0 s"), (3_725_000, "62 min 5 s")];
        for (ms, expected) in cases {
            assert_eq!(in_words(Duration::from_millis(ms)), expected);
        }
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let name = "stridescope-no-such-program";
        let error = run("greeting", &mut command(name), "Install it.").expect_err("it does not exist");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(find(name), None);
        assert!(find("sh").is_some());
    }
}
