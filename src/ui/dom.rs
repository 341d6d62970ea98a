//! The few things that are asked of the browser directly.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Element, Response, Url, Window};

/// The window; there is one, since the page runs in it.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// Fetches a file of this site.
pub async fn fetch_blob(url: &str) -> Result<Blob, ()> {
    let window = window().ok_or(())?;
    let response: Response = JsFuture::from(window.fetch_with_str(url)).await.map_err(drop)?.dyn_into().map_err(drop)?;
    if !response.ok() {
        return Err(());
    }
    JsFuture::from(response.blob().map_err(drop)?).await.map_err(drop)?.dyn_into().map_err(drop)
}

/// An address under which an `<img>` can show a file.
pub fn object_url(blob: &Blob) -> String {
    Url::create_object_url_with_blob(blob).unwrap_or_default()
}

/// Forgets an address that [`object_url`] made; any other is left alone.
pub fn drop_object_url(url: &str) {
    if url.starts_with("blob:") {
        let _ = Url::revoke_object_url(url);
    }
}

/// Puts text on the clipboard; whether the browser let it.
pub async fn copy(text: &str) -> bool {
    let Some(window) = window() else { return false };
    // Without a secure context there is no clipboard, and asking for it would throw.
    if !window.is_secure_context() {
        return false;
    }
    JsFuture::from(window.navigator().clipboard().write_text(text)).await.is_ok()
}

/// Offers a text as a file to save.
pub fn download(name: &str, mime: &str, text: &str) {
    let Some(document) = window().and_then(|window| window.document()) else { return };
    let Some(link) = document.create_element("a").ok().and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return;
    };
    let address = format!("data:{mime};charset=utf-8,{}", String::from(js_sys::encode_uri_component(text)));
    if link.set_attribute("href", &address).is_ok() && link.set_attribute("download", name).is_ok() {
        link.click();
    }
}

/// The query string of the address bar.
pub fn query() -> String {
    window().and_then(|window| window.location().search().ok()).unwrap_or_default()
}

/// Puts a query string into the address bar, as a step that the back button undoes, or in place of the present one.
pub fn set_query(query: &str, as_step: bool) {
    let Some((location, history)) = window().and_then(|window| Some((window.location(), window.history().ok()?))) else { return };
    let url = format!("{}{query}{}", location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let null = wasm_bindgen::JsValue::NULL;
    // A sandboxed frame may forbid it; then the state is simply not in the address.
    let _ = if as_step {
        history.push_state_with_url(&null, "", Some(&url))
    } else {
        history.replace_state_with_url(&null, "", Some(&url))
    };
}

/// Sets an attribute of the root element, or removes it.
pub fn set_root_attribute(name: &str, value: Option<&str>) {
    let Some(root) = window().and_then(|window| window.document()).and_then(|document| document.document_element()) else {
        return;
    };
    let _ = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
}

/// The nearest element around an event's target that matches a selector.
pub fn closest(event: &web_sys::Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

/// A message as a sentence: upper case first, full stop last.
pub fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
