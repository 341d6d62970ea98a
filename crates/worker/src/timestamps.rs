//! GPUs without timestamp queries.
//!
//! burn's runtime sets up a stream for timestamp queries where the adapter supports them, but only uses them once something is profiled. Where it
//! does not, the runtime panics on the web as soon as a stream is made (cubecl-wgpu 0.11.3 and 0.12.0-pre.1, `Timings::system` in
//! `src/compute/stream.rs`). Profiling is for autotuning only, which this build leaves out. So such an adapter is made to report the feature, and its
//! device is requested without it. See docs/gpu.md.

use js_sys::{Array, Function, Object, Promise, Reflect, Set};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// WebGPU's name of the feature.
pub const FEATURE: &str = "timestamp-query";
/// The method of `navigator.gpu` that is replaced.
const REQUEST: &str = "requestAdapter";

/// While it exists, adapters report that they support timestamp queries.
pub struct Pretence {
    gpu: Object,
    _request: Closure<dyn FnMut(JsValue) -> Promise>,
}

impl Pretence {
    /// Starts to replace the method; `gpu` is `navigator.gpu`.
    ///
    /// # Errors
    /// The browser's exception, where the method cannot be replaced.
    pub fn of(gpu: JsValue) -> Result<Self, JsValue> {
        let gpu: Object = gpu.dyn_into()?;
        let original: Function = Reflect::get(&gpu, &REQUEST.into())?.dyn_into()?;
        let itself = gpu.clone();
        let request = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |options: JsValue| {
            let promise = original.apply(&itself, &Array::of1(&options));
            future_to_promise(async move {
                let adapter = JsFuture::from(Promise::resolve(&promise?)).await?;
                if let Some(adapter) = adapter.dyn_ref::<Object>() {
                    pretend(adapter)?;
                }
                Ok(adapter)
            })
        });
        define(&gpu, REQUEST, request.as_ref())?;
        Ok(Self { gpu, _request: request })
    }
}

impl Drop for Pretence {
    fn drop(&mut self) {
        // Deleting the own property restores the prototype's method.
        let _ = Reflect::delete_property(&self.gpu, &REQUEST.into());
    }
}

fn pretend(adapter: &Object) -> Result<(), JsValue> {
    let features = Set::new(&Reflect::get(adapter, &"features".into())?);
    features.add(&FEATURE.into());
    let original: Function = Reflect::get(adapter, &"requestDevice".into())?.dyn_into()?;
    let itself = adapter.clone();
    let request = Closure::once_into_js(move |wanted: JsValue| -> Result<JsValue, JsValue> {
        let key = "requiredFeatures".into();
        let features = Array::new();
        for feature in Array::from(&Reflect::get(&wanted, &key)?).iter().filter(|feature| *feature != FEATURE) {
            features.push(&feature);
        }
        Reflect::set(&wanted, &key, &features)?;
        original.apply(&itself, &Array::of1(&wanted))
    });
    define(adapter, "features", &features)?;
    define(adapter, "requestDevice", &request)
}

/// Defines an own property of an object, which hides the prototype's.
fn define(object: &Object, key: &str, value: &JsValue) -> Result<(), JsValue> {
    let how = Object::new();
    Reflect::set(&how, &"value".into(), value)?;
    Reflect::set(&how, &"configurable".into(), &true.into())?;
    match Reflect::define_property(object, &key.into(), &how)? {
        true => Ok(()),
        false => Err(key.into()),
    }
}
