//! What the linker must know of the page and of the engine.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        // The build cuts the page's wasm into pieces, for which it must know who refers to whom.
        println!("cargo::rustc-link-arg-bin=app=--emit-relocs");
        // Otherwise every function that JavaScript calls, down to those that count references, would run all constructors first; burn's
        // libraries have hundreds. The worker calls them once, when it starts the GPU.
        println!("cargo::rustc-link-arg-bin=worker=--export=__wasm_call_ctors");
    }
}
