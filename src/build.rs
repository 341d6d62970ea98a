//! What the linker must know of the page.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        // The build cuts the page's wasm into pieces, for which it must know who refers to whom.
        println!("cargo::rustc-link-arg-bin=app=--emit-relocs");
    }
}
