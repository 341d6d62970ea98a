//! A compiler for wasm32 on a Debian where rustup cannot download one: `cargo xtask setup --debian-compiler`.
//!
//! Debian has a current compiler for its browsers (`rustc-web`) and the source of the standard library, but no library for wasm32. This
//! builds it from that source, installs it beside Debian's other libraries, and links it into rustup under a separate name, so that native
//! builds keep the active toolchain.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::apt;
use super::wasm::TARGET;
use crate::error::Error;
use crate::process::{self, timed};
use crate::project::Project;

/// Name of the linked toolchain in rustup.
pub const TOOLCHAIN: &str = "debian";

const STEP: &str = "standard library for wasm32";
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "libstd-rust-web-dev", "rust-web-src", "lld-19"];
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const LLD: &str = "/usr/lib/llvm-19/bin/lld";
const REMEDY: &str = "Read the output above, or install Rust's wasm32-unknown-unknown target by other means.";

/// Installs Debian's compiler, builds the library, and links both into rustup.
pub fn build_std(project: &Project) -> Result<(), Error> {
    apt::install(STEP, &PACKAGES)?;
    let mut rustc = process::command(RUSTC);
    let sysroot = process::read(STEP, rustc.args(["--print", "sysroot"]), REMEDY)?;
    let rustlib = Path::new(&sysroot).join("lib/rustlib");
    link_linker(&rustlib)?;

    let scratch = project.scratch().join("wasm-std");
    let libraries = timed("standard library for wasm32: building it from source", "about a minute", || compile(&scratch))?;
    install(&libraries, &rustlib.join(TARGET).join("lib"))?;
    fs::remove_dir_all(&scratch).map_err(|error| Error::file(STEP, &scratch, error))?;

    if process::find("rustup").is_some() {
        let mut rustup = process::command("rustup");
        process::run(STEP, rustup.args(["toolchain", "link", TOOLCHAIN, &sysroot]), REMEDY)?;
    }
    Ok(())
}

/// The compiler expects a linker named `rust-lld` beside its host libraries; Debian's lld is the same program.
fn link_linker(rustlib: &Path) -> Result<(), Error> {
    let version = process::read(STEP, process::command(RUSTC).arg("-vV"), REMEDY)?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Error::new(STEP, "the compiler names no host", REMEDY))?;
    let folder = rustlib.join(host).join("bin");
    let link = folder.join("rust-lld");
    apt::as_root(STEP, &["mkdir", "-p", &folder.to_string_lossy()])?;
    apt::as_root(STEP, &["ln", "-sf", LLD, &link.to_string_lossy()])
}

/// Compiles the standard library as a dependency of an empty crate and returns its libraries.
fn compile(scratch: &Path) -> Result<Vec<PathBuf>, Error> {
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    let target = scratch.join("target");
    write(&scratch.join("Cargo.toml"), manifest)?;
    write(&scratch.join("src/lib.rs"), "#![no_std]\n")?;

    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(env::split_paths(&path));
    let path = env::join_paths(folders).map_err(|error| Error::new(STEP, error, REMEDY))?;
    let mut cargo = process::command(CARGO);
    cargo
        .current_dir(scratch)
        .args(["build", "--release", "--quiet", "-Zbuild-std=std,panic_abort,test,proc_macro", "--target", TARGET])
        .env("PATH", path)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Builds with link-time optimisation need bitcode in the library.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes");
    process::run(STEP, &mut cargo, REMEDY)?;

    let built = target.join(TARGET).join("release/deps");
    let entries = fs::read_dir(&built).map_err(|error| Error::file(STEP, &built, error))?;
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".rlib") && !name.starts_with("libempty-")
    };
    Ok(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(is_library).collect())
}

/// Replaces the libraries of the target: two builds with the same name would be ambiguous.
fn install(libraries: &[PathBuf], folder: &Path) -> Result<(), Error> {
    let folder = folder.to_string_lossy();
    apt::as_root(STEP, &["rm", "-rf", &folder])?;
    apt::as_root(STEP, &["mkdir", "-p", &folder])?;
    let names: Vec<_> = libraries.iter().map(|library| library.to_string_lossy()).collect();
    let mut line = vec!["cp"];
    line.extend(names.iter().map(AsRef::<str>::as_ref));
    line.push(&folder);
    apt::as_root(STEP, &line)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|error| Error::file(STEP, path, error))
}
