//! The innermost loop of the convolutions as a module of its own, where the browser supports relaxed SIMD.

use js_sys::WebAssembly::{Instance, Module, validate};
use js_sys::{Object, Reflect, Uint8Array};
use std::cell::OnceCell;
use stridescope_kernels::relaxed_simd::{Call, MODULE, delegate};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen]
extern "C" {
    /// The module's exports.
    type Exports;

    #[wasm_bindgen(method)]
    fn products(this: &Exports, weights: usize, columns: usize, terms: usize, tiles: usize, panels: usize);
}

thread_local! {
    static EXPORTS: OnceCell<Exports> = const { OnceCell::new() };
}

/// Uses the module for the innermost loop if the browser can. Without it everything works, only slower.
pub fn start() {
    if let Ok(Some(exports)) = instantiate() {
        EXPORTS.with(|cell| cell.set(exports).is_ok());
        delegate(call);
    }
}

/// None where the browser lacks relaxed SIMD.
fn instantiate() -> Result<Option<Exports>, JsValue> {
    let bytes = Uint8Array::from(MODULE).into();
    if !validate(&bytes)? {
        return Ok(None);
    }
    let (imports, engine) = (Object::new(), Object::new());
    Reflect::set(&engine, &"memory".into(), &wasm_bindgen::memory())?;
    Reflect::set(&imports, &"engine".into(), &engine)?;
    Ok(Some(Instance::new(&Module::new(&bytes)?, &imports)?.exports().unchecked_into()))
}

fn call(Call { weights, columns, terms, tiles, panels }: Call) {
    EXPORTS.with(|cell| {
        if let Some(exports) = cell.get() {
            exports.products(weights, columns, terms, tiles, panels);
        }
    });
}
