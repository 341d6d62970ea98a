//! Arguments of the page's linker.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        // The build splits the page's wasm, for which it needs the relocations.
        println!("cargo::rustc-link-arg-bin=app=--emit-relocs");
    }
}
