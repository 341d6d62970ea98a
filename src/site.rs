//! Addresses of the files of this page's version. `index.html` names their folders, and xtask/src/release.rs writes them there: no other place knows
//! them, and all are relative to the page's address.

use js_sys::{Function, Promise, Reflect};
use stridescope_link::samples::Sample;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Response, Url};

/// Selector of the tag of assets/start.js in `index.html`.
const TAG: &str = "script[data-wasm]";
/// Global that assets/boot.js sets.
const RELEASE: &str = "stridescopeRelease";
/// Start of `index.html`. Some hosts answer with that page for every missing file.
const PAGE: &str = "<!doctype html";

/// Absolute address of the script that starts the engine.
pub fn engine() -> String {
    named("engine").unwrap_or_default()
}

/// Absolute address of a file of the page's code.
pub fn code(file: &str) -> String {
    within("app", file)
}

/// Absolute address of a file of the texts, `lang/ko.json`.
pub fn texts(file: &str) -> String {
    within("texts", file)
}

/// Absolute address of a sample picture.
pub fn sample(sample: &Sample) -> String {
    within("samples", sample.file)
}

/// Absolute address of a sample's preview.
pub fn sample_preview(sample: &Sample) -> String {
    within("samples", &format!("previews/{}.webp", sample.id))
}

/// Absolute address of a sample's square thumbnail.
pub fn sample_thumb(sample: &Sample) -> String {
    within("samples", &format!("thumbs/{}.jpg", sample.id))
}

/// Starts a request, so that several can be in progress before [`text`] or [`fetch_blob`] awaits one.
pub fn request(url: &str) -> Option<Promise> {
    Some(web_sys::window()?.fetch_with_str(url))
}

/// The text of a request; none where it failed. If a newer version of the site is the cause, the visitor is told.
pub async fn text(request: Option<Promise>) -> Option<String> {
    let text = match answer(request).await {
        Some(response) => settled(response.text()).await.and_then(|text| text.as_string()).filter(|text| !is_page(text)),
        None => None,
    };
    if text.is_none() {
        is_replaced().await;
    }
    text
}

/// Fetches a file of this site; none where it failed, as in [`text`].
pub async fn fetch_blob(url: &str) -> Option<Blob> {
    let blob = match answer(request(url)).await {
        Some(response) => settled(response.blob()).await.and_then(|blob| blob.dyn_into::<Blob>().ok()),
        None => None,
    };
    let blob = blob.filter(|blob| !blob.type_().starts_with("text/html"));
    if blob.is_none() {
        is_replaced().await;
    }
    blob
}

/// Whether the site has another version by now, so that files of this one may be gone. The page then offers to reload; one that has not started yet
/// reloads itself.
pub async fn is_replaced() -> bool {
    let look = || {
        let window = web_sys::window()?;
        let release = Reflect::get(&window, &RELEASE.into()).ok()?;
        let look: Function = Reflect::get(&release, &"isReplaced".into()).ok()?.dyn_into().ok()?;
        look.call0(&release).ok()?.dyn_into::<Promise>().ok()
    };
    match look() {
        Some(looked) => JsFuture::from(looked).await.is_ok_and(|is_replaced| is_replaced.is_truthy()),
        None => false,
    }
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = web_sys::window() {
        // Where this fails, the browser's own button remains.
        let _ = window.location().reload();
    }
}

fn within(folder: &str, file: &str) -> String {
    named(folder).map(|folder| folder + file).unwrap_or_default()
}

/// The attribute of the page's tag for a folder or a file.
fn named(name: &str) -> Option<String> {
    let document = web_sys::window()?.document()?;
    let path = document.query_selector(TAG).ok()??.get_attribute(&format!("data-{name}"))?;
    Some(Url::new_with_base(&path, &document.base_uri().ok()??).ok()?.href())
}

fn is_page(text: &str) -> bool {
    text.trim_start().get(..PAGE.len()).is_some_and(|start| start.eq_ignore_ascii_case(PAGE))
}

async fn answer(request: Option<Promise>) -> Option<Response> {
    let response: Response = JsFuture::from(request?).await.ok()?.dyn_into().ok()?;
    response.ok().then_some(response)
}

async fn settled(promise: Result<Promise, JsValue>) -> Option<JsValue> {
    JsFuture::from(promise.ok()?).await.ok()
}
