//! Waits for the network with a timeout, and with a check whether the visitor cancelled.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::WorkerGlobalScope;

/// Interval of the check for cancellation, in milliseconds.
const LOOK_MS: i32 = 250;
/// Longest time without an answer, in milliseconds.
const SILENCE_MS: i32 = 30_000;

/// Why the wait ended without a value.
#[derive(Debug)]
pub enum Waited {
    /// The promise was rejected.
    Failed,
    /// The timeout passed.
    Silence,
    /// The visitor cancelled it.
    GivenUp,
}

fn timer(ms: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        let scope = js_sys::global().dyn_into::<WorkerGlobalScope>().ok();
        let set = scope.and_then(|scope| scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms).ok());
        // Without a timer the promise would never resolve.
        if set.is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    })
}

/// Waits for `ms` milliseconds.
pub async fn sleep(ms: i32) {
    let _ = JsFuture::from(timer(ms)).await;
}

/// Waits for a promise of anything but `undefined`, as long as `go_on` returns true.
pub async fn with_timeout(promise: &Promise, go_on: &mut dyn FnMut() -> bool) -> Result<JsValue, Waited> {
    for _ in 0..SILENCE_MS / LOOK_MS {
        let first = Promise::race(&Array::of2(promise, &timer(LOOK_MS)));
        let value = JsFuture::from(first).await.map_err(|_| Waited::Failed)?;
        if !value.is_undefined() {
            return Ok(value);
        }
        if !go_on() {
            return Err(Waited::GivenUp);
        }
    }
    Err(Waited::Silence)
}
