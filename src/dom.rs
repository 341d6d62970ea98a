//! Helpers for the browser's API.

use js_sys::Array;
use leptos::prelude::{RwSignal, Set};
use leptos::task::spawn_local;
use std::rc::Rc;
use stridescope_i18n::tr;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, DataTransfer, Document, Element, File, FileList, HtmlCanvasElement, HtmlElement,
    HtmlImageElement, HtmlInputElement, HtmlSelectElement, IntersectionObserver, IntersectionObserverEntry, MediaDevices,
    ResizeObserver, Url, Window,
};

/// The window; there is one, since the page runs in it.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// Fetches a file of this site.
pub async fn fetch_blob(url: &str) -> Result<Blob, ()> {
    crate::site::fetch_blob(url).await.ok_or(())
}

/// An object URL, under which an `<img>` can show a file.
pub fn object_url(blob: &Blob) -> String {
    Url::create_object_url_with_blob(blob).unwrap_or_default()
}

/// A list of files as a vector.
pub fn files(list: Option<FileList>) -> Vec<File> {
    list.map_or(Vec::new(), |list| (0..list.length()).filter_map(|index| list.get(index)).collect())
}

/// Sets the file of an input as if the visitor had chosen it.
pub fn choose(input: &HtmlInputElement, file: &File) {
    let Some((data, event)) = DataTransfer::new().ok().zip(document().and_then(|document| document.create_event("Event").ok()))
    else {
        return;
    };
    if data.items().add_with_file(file).is_ok() {
        input.set_files(data.files().as_ref());
        event.init_event_with_bubbles("change", true);
        let _ = input.dispatch_event(&event);
    }
}

/// Whether the browser reports a connection, which may reach no further than a router.
pub fn is_online() -> bool {
    window().is_none_or(|window| window.navigator().on_line())
}

/// Revokes an address that [`object_url`] made; any other is left alone.
pub fn drop_object_url(url: &str) {
    if url.starts_with("blob:") {
        let _ = Url::revoke_object_url(url);
    }
}

/// Copies text to the clipboard; returns whether that worked.
pub async fn copy(text: &str) -> bool {
    let Some(window) = window() else { return false };
    // Without a secure context there is no clipboard, and a call would throw.
    if !window.is_secure_context() {
        return false;
    }
    JsFuture::from(window.navigator().clipboard().write_text(text)).await.is_ok()
}

/// Copies text to the clipboard and sets `told` to a confirmation or an error: `Copied as Markdown.`
pub fn copy_with_status(text: String, kind: impl std::fmt::Display + 'static, status: RwSignal<String>) {
    spawn_local(async move {
        status.set(match copy(&text).await {
            true => tr!("Copied as {}.", kind),
            false => tr!("The browser refused the clipboard: allow it for this page, or select the table by hand."),
        });
    });
}

/// Whether this page has an origin. A sandboxed frame has none, and so no storage and no camera.
pub fn has_origin() -> bool {
    window().is_some_and(|window| window.origin() != "null")
}

/// Whether files may be cached on this device: an embedded figure caches nothing.
pub fn may_keep() -> bool {
    let root = document().and_then(|document| document.document_element());
    has_origin() && !root.is_some_and(|root| root.has_attribute("data-embed"))
}

/// The page's body.
pub fn body() -> Option<HtmlElement> {
    document()?.body()
}

/// The address that relative addresses of this page are resolved against.
pub fn base() -> String {
    document().and_then(|document| document.base_uri().ok().flatten()).unwrap_or_default()
}

/// The site's address, up to its last slash.
pub fn site() -> String {
    let base = base();
    let path = base.split(['?', '#']).next().unwrap_or_default();
    path.rfind('/').map_or(path, |end| &path[..=end]).into()
}

/// Runs a script of this site, unless it has been run already, with the address of the site relative to it. A script that did not load is removed, so
/// that it can be run again, and `failed` is called.
pub fn run_script_once(url: &str, site: &str, failed: impl FnOnce() + 'static) {
    let Some(head) = document().and_then(|document| document.head()) else { return };
    if all(Some(&head), &format!("script[src=\"{url}\"]")).is_empty()
        && let Some(script) = create::<HtmlElement>("script")
        && script.set_attribute("data-site", site).is_ok()
        && script.set_attribute("src", url).is_ok()
    {
        let lost = script.clone();
        let forget = Closure::once_into_js(move || {
            lost.remove();
            failed();
        });
        script.set_onerror(Some(forget.unchecked_ref()));
        let _ = head.append_child(&script);
    }
}

/// Removes the placeholder that `index.html` shows until the page is mounted.
pub fn remove_shell() {
    if let Some(shell) = document().and_then(|document| document.get_element_by_id("shell")) {
        shell.remove();
    }
}

/// The fragment of the page's address, decoded.
pub fn fragment() -> Option<String> {
    let hash = window()?.location().hash().ok()?;
    hash.strip_prefix('#').filter(|id| !id.is_empty()).map(String::from)
}

/// The page's height and its scroll position, in CSS pixels.
pub fn page_place() -> (f64, f64) {
    let height = body().map_or(0.0, |body| body.get_bounding_client_rect().height());
    (height, window().and_then(|window| window.scroll_y().ok()).unwrap_or_default())
}

/// Whether an element's top is where a link to it scrolls, within its scroll margin.
pub fn is_at_beginning(id: &str) -> bool {
    const MARGIN: f64 = 100.0;
    let element = document().and_then(|document| document.get_element_by_id(id));
    element.is_some_and(|element| (0.0..=MARGIN).contains(&element.get_bounding_client_rect().top().round()))
}

fn document() -> Option<Document> {
    window()?.document()
}

/// A new element.
pub fn create<T: JsCast>(name: &str) -> Option<T> {
    document()?.create_element(name).ok()?.dyn_into().ok()
}

fn data_url(mime: &str, text: &str) -> String {
    format!("data:{mime};charset=utf-8,{}", String::from(js_sys::encode_uri_component(text)))
}

fn offer(name: &str, address: &str) {
    let Some(link) = create::<HtmlElement>("a") else { return };
    if link.set_attribute("href", address).is_ok() && link.set_attribute("download", name).is_ok() {
        link.click();
    }
}

/// Offers a text as a file download.
pub fn download(name: &str, mime: &str, text: &str) {
    offer(name, &data_url(mime, text));
}

/// Offers bytes as a file download.
pub fn download_blob(name: &str, blob: &Blob) {
    let address = object_url(blob);
    offer(name, &address);
    drop_object_url(&address);
}

/// Largest side of a rendered image in pixels; the limit of canvases is about twice that.
const MAX_SIDE: f64 = 8192.0;

/// Renders an SVG file as a PNG, two pixels for each of its units, fewer where it is very large.
pub async fn rasterise(svg: &str, width: f64, height: f64) -> Option<Blob> {
    let image = image(&data_url("image/svg+xml", svg)).await?;
    let scale = (MAX_SIDE / width.max(height)).min(2.0);
    let canvas: HtmlCanvasElement = create("canvas")?;
    canvas.set_width((width * scale) as u32);
    canvas.set_height((height * scale) as u32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context
        .draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, f64::from(canvas.width()), f64::from(canvas.height()))
        .ok()?;
    canvas_blob(&canvas).await
}

/// Loads an image from its address.
pub async fn image(url: &str) -> Option<HtmlImageElement> {
    let image: HtmlImageElement = create("img")?;
    image.set_src(url);
    JsFuture::from(image.decode()).await.ok()?;
    Some(image)
}

/// The content of a canvas as a PNG.
pub async fn canvas_blob(canvas: &HtmlCanvasElement) -> Option<Blob> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if canvas.to_blob(&resolve).is_err() {
            let _ = reject.call0(&JsValue::NULL);
        }
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// Lets pending tasks run: what follows is a task of its own.
pub async fn next_task() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let timer = window().map(|window| window.set_timeout_with_callback(&resolve));
        if !matches!(timer, Some(Ok(_))) {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// Waits for the next frame, which never comes in a hidden tab.
pub async fn next_frame() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if window().and_then(|window| window.request_animation_frame(&resolve).ok()).is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// Milliseconds since the navigation.
pub fn now() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Access to cameras, where the browser grants it.
pub fn media_devices() -> Option<MediaDevices> {
    window()?.navigator().media_devices().ok().filter(|devices| !devices.is_undefined())
}

/// Whether the device prefers dark colours.
pub fn prefers_dark() -> bool {
    let query = window().and_then(|window| window.match_media("(prefers-color-scheme: dark)").ok().flatten());
    query.is_some_and(|query| query.matches())
}

/// The descendants that match a selector, in document order.
pub fn all<E: AsRef<Element>>(within: Option<&E>, selector: &str) -> Vec<Element> {
    let Some(list) = within.and_then(|element| element.as_ref().query_selector_all(selector).ok()) else { return Vec::new() };
    (0..list.length()).filter_map(|i| list.get(i)?.dyn_into().ok()).collect()
}

/// Sets the value of the select that fired an event.
pub fn set_value(event: &web_sys::Event, value: &str) {
    if let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) {
        select.set_value(value);
    }
}

/// The query string of the address bar.
pub fn query() -> String {
    window().and_then(|window| window.location().search().ok()).unwrap_or_default()
}

/// Sets the query string of the address bar, as a new history entry or in place of the current one.
pub fn set_query(query: &str, as_step: bool) {
    let Some((location, history)) = window().and_then(|window| Some((window.location(), window.history().ok()?))) else { return };
    let url = format!("{}{query}{}", location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let null = JsValue::NULL;
    // A sandboxed frame may forbid it; the address then lacks the state.
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

/// Sets a property of the root element's style.
pub fn set_root_property(name: &str, value: &str) {
    let root = document().and_then(|document| document.document_element()).and_then(|root| root.dyn_into::<HtmlElement>().ok());
    if let Some(root) = root {
        let _ = root.style().set_property(name, value);
    }
}

/// Whether the element with keyboard focus matches a selector.
pub fn has_focus(selector: &str) -> bool {
    document().and_then(|document| document.active_element()).is_some_and(|element| element.matches(selector).unwrap_or(false))
}

/// Restores the focus to one of the elements that match a selector, after the next render.
pub fn focus_again(selector: &'static str, index: usize) {
    spawn_local(async move {
        next_frame().await;
        let root = document().and_then(|document| document.document_element());
        if let Some(element) =
            all(root.as_ref(), selector).into_iter().nth(index).and_then(|found| found.dyn_into::<HtmlElement>().ok())
        {
            let _ = element.focus();
        }
    });
}

/// Scrolls to an element; returns whether there is one of that id.
pub fn scroll_to(id: &str) -> bool {
    let element = document().and_then(|document| document.get_element_by_id(id));
    if let Some(element) = &element {
        element.scroll_into_view();
    }
    element.is_some()
}

/// The closest ancestor of an event's target that matches a selector.
pub fn closest(event: &web_sys::Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

/// Position of an event within the closest element that matches a selector, from 0 to just under 1 across and down.
pub fn share(event: &web_sys::MouseEvent, selector: &str) -> Option<(f64, f64)> {
    let frame = closest(event, selector)?.get_bounding_client_rect();
    let share = |at: i32, start: f64, length: f64| ((f64::from(at) - start) / length.max(1.0)).clamp(0.0, 0.9999);
    Some((share(event.client_x(), frame.left(), frame.width()), share(event.client_y(), frame.top(), frame.height())))
}

/// Calls `seen` once, when an element becomes visible; at once where the browser cannot observe it.
pub fn once_in_sight(element: &Element, seen: impl Fn() + 'static) {
    let seen = Rc::new(seen);
    let now = seen.clone();
    let changed =
        Closure::<dyn FnMut(Array, IntersectionObserver)>::new(move |entries: Array, observer: IntersectionObserver| {
            let is_in_sight =
                |entry: JsValue| entry.dyn_into().is_ok_and(|entry: IntersectionObserverEntry| entry.is_intersecting());
            if entries.iter().any(is_in_sight) {
                observer.disconnect();
                seen();
            }
        });
    match IntersectionObserver::new(changed.as_ref().unchecked_ref()) {
        Ok(observer) => observer.observe(element),
        Err(_) => now(),
    }
    // The observer may call it at any time.
    changed.forget();
}

/// Calls `changed` with an element's height in CSS pixels, now and after each change.
pub fn follow_height(element: HtmlElement, changed: impl Fn(i32) + 'static) {
    let watched = element.clone();
    if let Some(observer) = resize_observer(move || changed(watched.get_bounding_client_rect().height().ceil() as i32)) {
        observer.observe(&element);
    }
}

/// An observer that calls `changed` when an observed element changes its size, and once for each new one.
pub fn resize_observer(changed: impl Fn() + 'static) -> Option<ResizeObserver> {
    let changed = Closure::<dyn FnMut()>::new(changed);
    let observer = ResizeObserver::new(changed.as_ref().unchecked_ref()).ok();
    changed.forget();
    observer
}
