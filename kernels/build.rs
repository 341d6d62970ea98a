//! Assembles the module of the innermost loop.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let source = "src/fused.wat";
    println!("cargo::rerun-if-changed={source}");
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(folder.join("fused.wasm"), wat::parse_file(source)?)?;
    Ok(())
}
