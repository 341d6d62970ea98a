//! Arguments of the engine's linker.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        // Otherwise every exported function, even for reference counting, would run all constructors first; burn's
        // libraries have hundreds. The worker calls them once, when it starts the GPU.
        println!("cargo::rustc-link-arg-bin=worker=--export=__wasm_call_ctors");
    }
}
