//! Waiting for the network with an eye on the visitor, who may have given up, and on the clock.

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::WorkerGlobalScope;

/// How often the visitor is asked, in milliseconds.
const LOOK_MS: i32 = 250;
/// How long nothing at all may come, in milliseconds.
const SILENCE_MS: i32 = 30_000;

/// Why there was no waiting any longer.
#[derive(Debug)]
pub enum Waited {
    /// What was waited for failed.
    Failed,
    /// Nothing came for too long.
    Silence,
    /// The visitor gave it up.
    GivenUp,
}

fn timer(ms: i32) -> Promise {
    Promise::new(&mut |resolve, _| {
        let scope = js_sys::global().dyn_into::<WorkerGlobalScope>().ok();
        let set = scope.and_then(|scope| scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms).ok());
        // Should there be no timer, the promise would hang: resolve at once.
        if set.is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    })
}

/// Waits a while.
pub async fn sleep(ms: i32) {
    let _ = JsFuture::from(timer(ms)).await;
}

/// Waits for a promise of anything but `undefined`, as long as `go_on` says so.
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
