//! A compiler for wasm32.

use std::fs;
use std::process::Command;

use super::{apt, debian};
use crate::error::Error;
use crate::process::{self, timed};
use crate::project::Project;

/// The target of the page and the engine.
pub const TARGET: &str = "wasm32-unknown-unknown";

const STEP: &str = "compiler for wasm32";
const BY_HAND: &str = "Check the network (and HTTPS_PROXY behind a proxy), then run this again. On a Debian that cannot reach Rust's \
                       servers, `cargo xtask setup --debian-compiler` builds the library from Debian's packages.";

/// The toolchain that compiles for wasm32: the active one, or a linked one used only for wasm.
#[derive(Clone, Debug)]
pub struct WasmToolchain {
    /// Its name in rustup, if it is not the active one.
    linked: Option<&'static str>,
}

impl WasmToolchain {
    /// Finds a toolchain, or adds the target to the active one.
    pub fn require(project: &Project) -> Result<Self, Error> {
        let active = Self { linked: None };
        let debian = Self { linked: Some(debian::TOOLCHAIN) };
        if active.compiles(project) {
            return Ok(active);
        }
        if debian.is_linked() && debian.compiles(project) {
            return Ok(debian);
        }
        add_target()?;
        if active.compiles(project) {
            return Ok(active);
        }
        Err(Error::new(STEP, "the compiler still finds no standard library for wasm32", BY_HAND))
    }

    /// Makes `command` use this toolchain.
    fn select(&self, command: &mut Command) {
        if let Some(name) = self.linked {
            command.env("RUSTUP_TOOLCHAIN", name);
        }
    }

    /// A cargo of this toolchain.
    pub fn cargo(&self) -> Command {
        let mut cargo = process::command("cargo");
        self.select(&mut cargo);
        cargo
    }

    /// Installs clippy for this toolchain.
    pub fn require_clippy(&self) -> Result<(), Error> {
        let has_clippy = || process::probe(self.cargo().args(["clippy", "--version"])).is_some();
        if has_clippy() {
            return Ok(());
        }
        let step = "clippy";
        match self.linked {
            Some(_) => apt::install(step, &["rust-web-clippy"]),
            None => timed("clippy: adding it with rustup", "a second or two, once", || {
                let mut rustup = process::command("rustup");
                process::run(step, rustup.args(["component", "add", "clippy"]), "Install clippy by hand.")
            }),
        }
    }

    fn is_linked(&self) -> bool {
        let list = process::probe(process::command("rustup").args(["toolchain", "list"])).unwrap_or_default();
        self.linked.is_some_and(|name| list.lines().any(|line| line.split_whitespace().next() == Some(name)))
    }

    /// Compiles and links an empty library: detects a library of another compiler version and a missing linker.
    fn compiles(&self, project: &Project) -> bool {
        let scratch = project.scratch();
        if fs::create_dir_all(&scratch).is_err() {
            return false;
        }
        let mut rustc = process::command("rustc");
        self.select(&mut rustc);
        rustc.args(["--target", TARGET, "--crate-type", "cdylib", "--crate-name", "probe", "--out-dir"]);
        process::probe(rustc.arg(&scratch).arg("-")).is_some()
    }
}

fn add_target() -> Result<(), Error> {
    if process::find("rustup").is_none() {
        let remedy =
            "Install Rust from https://rustup.rs, or your system's Rust library for wasm32-unknown-unknown, then run this again.";
        return Err(Error::new(STEP, "this Rust has no library for wasm32, and there is no rustup that could add it", remedy));
    }
    timed("compiler for wasm32: adding the target with rustup", "a second or two, once", || {
        let mut rustup = process::command("rustup");
        process::run(STEP, rustup.args(["target", "add", TARGET]), BY_HAND)
    })
}
