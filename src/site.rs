//! Where the files of this page's version are. `index.html` names their folders, and xtask/src/release.rs writes them there: no other place
//! knows them, and all are found from the page's address.

use js_sys::{Function, Promise, Reflect};
use stridescope_link::samples::Sample;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Response, Url};

/// The tag of assets/start.js, by which the page is found in `index.html`.
const TAG: &str = "script[data-wasm]";
/// What assets/boot.js leaves for others.
const RELEASE: &str = "stridescopeRelease";
/// How `index.html` begins. Some hosts answer with it for every file that they do not have.
const PAGE: &str = "<!doctype html";

/// The script that starts the engine, as a whole address.
pub fn engine() -> String {
    named("engine").unwrap_or_default()
}

/// A file of the page's own code, as a whole address.
pub fn code(file: &str) -> String {
    within("app", file)
}

/// A file of the texts, `lang/ko.json`, as a whole address.
pub fn texts(file: &str) -> String {
    within("texts", file)
}

/// A sample picture, as a whole address.
pub fn sample(sample: &Sample) -> String {
    within("samples", sample.file)
}

/// A small copy of a sample picture, enough to look at.
pub fn sample_preview(sample: &Sample) -> String {
    within("samples", &format!("previews/{}.webp", sample.id))
}

/// A square of a sample picture, enough to choose by.
pub fn sample_thumb(sample: &Sample) -> String {
    within("samples", &format!("thumbs/{}.jpg", sample.id))
}

/// Asks for a file, so that several can be on their way before [`text`] or [`fetch_blob`] waits for one.
pub fn request(url: &str) -> Option<Promise> {
    Some(web_sys::window()?.fetch_with_str(url))
}

/// The text that was asked for; nothing where it did not come. The reader hears of it where a newer version took its place.
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

/// Fetches a file of this site; nothing where it did not come, likewise.
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

/// Whether the site is of another version by now, so that files of this one may be gone. The page then offers to be loaded again; one that has
/// not started yet is.
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
        // A browser that does not has a button of its own.
        let _ = window.location().reload();
    }
}

fn within(folder: &str, file: &str) -> String {
    named(folder).map(|folder| folder + file).unwrap_or_default()
}

/// What the page's tag says of a folder or a file.
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
