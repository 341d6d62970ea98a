//! Installs missing tools. Each part prints what it installs, and otherwise nothing.

mod apt;
mod browser;
mod debian;
mod engines;
mod examples;
mod node;
mod tools;
mod wasm;

use crate::error::Error;
use crate::process::announce;
use crate::project::Project;

pub use browser::Browser;
pub use engines::require as engines;
pub use examples::require as examples;
pub use node::{Node, require as node};
pub use tools::{auditor, fuzzer, mutator};
pub use wasm::{TARGET as WASM_TARGET, WasmToolchain};

/// The tools of every task. With `debian_compiler`, the compiler for wasm32 is built from Debian's packages if rustup's cannot be had.
pub fn everything(project: &Project, debian_compiler: bool) -> Result<(), Error> {
    if debian_compiler {
        debian::build_std(project)?;
    }
    lint(project)?;
    auditor(project)?;
    browser(project)?;
    engines()?;
    examples()?;
    announce("everything that the tasks need is here");
    Ok(())
}

/// The compiler for wasm32.
pub fn wasm(project: &Project) -> Result<WasmToolchain, Error> {
    WasmToolchain::require(project)
}

/// The compiler for wasm32, with clippy.
pub fn lint(project: &Project) -> Result<WasmToolchain, Error> {
    let wasm = WasmToolchain::require(project)?;
    wasm.require_clippy()?;
    Ok(wasm)
}

/// The tools of the browser tests.
pub fn browser(project: &Project) -> Result<Browser, Error> {
    let node = node::require()?;
    node.require_packages(&project.tests())?;
    Browser::require(project, &node)
}
