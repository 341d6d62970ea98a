//! GPUs without timestamp queries.
//!
//! burn's runtime has a stream measure by them where the adapter says that it has them, but only once something is profiled; where it does not, it
//! panics on the web as soon as a stream is made (cubecl-wgpu 0.11.3 and 0.12.0-pre.1, `Timings::system` in `src/compute/stream.rs`), though nothing
//! is to be profiled: that is for autotuning, which this build leaves out. So such an adapter is made to say that it has them, and its device
//! is asked for without. See docs/gpu.md.

use js_sys::{Array, Function, Object, Promise, Reflect, Set};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// WebGPU's name of the feature.
pub const FEATURE: &str = "timestamp-query";
/// The method of `navigator.gpu` that is replaced.
const REQUEST: &str = "requestAdapter";

/// While it lives, the adapters that the browser gives away say that they have timestamp queries.
pub struct Pretence {
    gpu: Object,
    _request: Closure<dyn FnMut(JsValue) -> Promise>,
}

impl Pretence {
    /// Begins to pretend; `gpu` is `navigator.gpu`.
    ///
    /// # Errors
    /// What the browser throws, where it lets nothing be replaced.
    pub fn of(gpu: JsValue) -> Result<Self, JsValue> {
        let gpu: Object = gpu.dyn_into()?;
        let original: Function = Reflect::get(&gpu, &REQUEST.into())?.dyn_into()?;
        let itself = gpu.clone();
        let request = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |options: JsValue| {
            let asked = original.apply(&itself, &Array::of1(&options));
            future_to_promise(async move {
                let adapter = JsFuture::from(Promise::resolve(&asked?)).await?;
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
        // The prototype's is there again.
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

/// Gives an object a property of its own, which hides its prototype's.
fn define(object: &Object, key: &str, value: &JsValue) -> Result<(), JsValue> {
    let how = Object::new();
    Reflect::set(&how, &"value".into(), value)?;
    Reflect::set(&how, &"configurable".into(), &true.into())?;
    match Reflect::define_property(object, &key.into(), &how)? {
        true => Ok(()),
        false => Err(key.into()),
    }
}
