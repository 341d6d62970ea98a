//! Downloads: streamed, with progress, given up when the visitor cancels.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader, ReferrerPolicy, RequestInit, Response, WorkerGlobalScope};

/// Why nothing, or not everything, came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The visitor gave it up.
    #[error("cancelled")]
    Cancelled,
    /// The server said no.
    #[error("{host} answered {status} for {file}. Try again later, or choose another network")]
    Status {
        /// Who.
        host: String,
        /// HTTP's number.
        status: u16,
        /// The last part of the address.
        file: String,
    },
    /// The connection was not made, or broke.
    #[error("the download of {file} from {host} broke off after {:.1} MB. Check the connection and try again", *.received as f64 / 1e6)]
    Broken {
        /// Who.
        host: String,
        /// The last part of the address.
        file: String,
        /// Bytes that had come.
        received: u64,
    },
}

/// Fetches an address whole, appending to `into`. `go_on` hears of the bytes received so far and says whether to go on.
pub async fn fetch(url: &str, into: &mut Vec<u8>, go_on: &mut dyn FnMut(u64) -> bool) -> Result<(), FetchError> {
    let (host, file) = parts(url);
    let start = into.len();
    let broken =
        |received: usize| FetchError::Broken { host: host.clone(), file: file.clone(), received: (received - start) as u64 };
    let lost = |_: JsValue| broken(start);
    let abort = AbortController::new().map_err(lost)?;
    let options = RequestInit::new();
    options.set_signal(Some(&abort.signal()));
    options.set_referrer_policy(ReferrerPolicy::NoReferrer);
    let scope: WorkerGlobalScope = js_sys::global().dyn_into().map_err(|_| broken(start))?;
    let response = JsFuture::from(scope.fetch_with_str_and_init(url, &options)).await.map_err(lost)?;
    let response: Response = response.dyn_into().map_err(lost)?;
    if !response.ok() {
        abort.abort();
        return Err(FetchError::Status { host, status: response.status(), file });
    }
    let body = response.body().ok_or_else(|| broken(start))?;
    let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into().map_err(|_| broken(start))?;
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| broken(into.len()))?;
        if Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(());
        }
        let bytes: Uint8Array =
            Reflect::get(&chunk, &"value".into()).and_then(JsCast::dyn_into).map_err(|_| broken(into.len()))?;
        let at = into.len();
        into.resize(at + bytes.length() as usize, 0);
        bytes.copy_to(&mut into[at..]);
        if !go_on((into.len() - start) as u64) {
            abort.abort();
            return Err(FetchError::Cancelled);
        }
    }
}

fn parts(url: &str) -> (String, String) {
    let host = if url.contains("://") { url.split('/').nth(2).unwrap_or("the host") } else { "this site" };
    (host.into(), url.rsplit('/').next().unwrap_or(url).into())
}
