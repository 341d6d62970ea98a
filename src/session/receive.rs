//! Drop and paste anywhere on the page: images, files of weights, class names, and the site's own samples. Text fields keep the browser's behaviour.

use crate::dom;
use crate::session::Session;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use stridescope_link::received::{HEAD, Kind, Linked, Place, first_address, plan};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DataTransfer, DataTransferItem, DragEvent, Element, File, HtmlImageElement, HtmlInputElement};

/// Editable elements.
const FIELD: &str = ":read-write";
/// The buttons that choose a file, and the section and columns of weights.
const CHOOSES_PICTURE: &str = ".add";
const CHOOSES_WEIGHTS: &str = ".another .pick";
const CHOOSES_NAMES: &str = ".whose .pick";
const COLUMN: &str = ".whose";
const SECTION: &str = "#weights";
const FILES: &str = "Files";
const TEXTS: [&str; 4] = ["text/plain", "text/html", "text/uri-list", "text/x-moz-url"];

/// A drag that started on this page.
#[derive(Debug, Clone)]
struct OwnDrag {
    /// The target of the dragged picture. Anything else from this page can only be dropped into a text field.
    linked: Linked,
}

/// Listens for drops and pastes.
pub fn follow(session: Session) {
    let own = StoredValue::new_local(None::<OwnDrag>);
    let start = window_event_listener(ev::dragstart, move |event| {
        let picture = dom::closest(&event, "img").and_then(|element| element.dyn_into::<HtmlImageElement>().ok());
        let linked = picture.map_or(Linked::Nothing, |picture| Linked::of(&picture.src(), &dom::site()));
        own.set_value(Some(OwnDrag { linked }));
    });
    let end = window_event_listener(ev::dragend, move |_| own.set_value(None));
    let over = window_event_listener(ev::dragover, move |event| {
        let Some(data) = event.data_transfer() else { return };
        if is_for_field(&event, &data) {
            return dom::set_root_attribute("data-dropping", None);
        }
        let is_taken = match own.get_value() {
            Some(drag) => matches!(drag.linked, Linked::Sample(_)),
            None => has(&data, &[FILES, "text/uri-list", "text/x-moz-url"]),
        };
        if is_taken {
            event.prevent_default();
            // A picture of this page counts as a file too.
            let is_file = has(&data, &[FILES]) && own.with_value(Option::is_none);
            dom::set_root_attribute("data-dropping", is_file.then_some(""));
        }
    });
    let leave = window_event_listener(ev::dragleave, |event| {
        if event.related_target().is_none() {
            dom::set_root_attribute("data-dropping", None);
        }
    });
    let drop = window_event_listener(ev::drop, move |event| {
        dom::set_root_attribute("data-dropping", None);
        let own = own.try_update_value(Option::take).flatten();
        let Some(data) = event.data_transfer().filter(|data| !is_for_field(&event, data)) else { return };
        // By default the browser would open the file in place of this page, whose state would be lost.
        event.prevent_default();
        match own {
            Some(drag) => follow_link(session, drag.linked),
            None => take(session, &data, Some(&event)),
        }
    });
    let paste = window_event_listener(ev::paste, move |event| {
        let Some(data) = event.clipboard_data() else { return };
        let is_in_field = dom::closest(&event, FIELD).is_some();
        // Office programs add a picture of the copied text.
        if is_in_field && has(&data, &TEXTS) {
            return;
        }
        if has(&data, &[FILES]) {
            event.prevent_default();
        }
        take(session, &data, None);
    });
    on_cleanup(move || [start, end, over, leave, drop, paste].into_iter().for_each(WindowListenerHandle::remove));
}

/// Whether a drag goes to a text field: it is over one and contains text.
fn is_for_field(event: &DragEvent, data: &DataTransfer) -> bool {
    has(data, &TEXTS) && dom::closest(event, FIELD).is_some()
}

/// Whether the data contains one of these types.
fn has(data: &DataTransfer, types: &[&str]) -> bool {
    data.types().iter().filter_map(|kind| kind.as_string()).any(|kind| types.contains(&kind.as_str()))
}

/// Takes files, or else an address.
fn take(session: Session, data: &DataTransfer, dropped: Option<&DragEvent>) {
    // The browser empties the data after this event.
    let (files, folders) = contents(data);
    if !files.is_empty() || !folders.is_empty() {
        let place = dropped.map_or((Place::Page, None), place);
        spawn_local(receive(session, files, folders, place));
        return;
    }
    let text = |kind: &str| data.get_data(kind).ok().filter(|text| !text.is_empty());
    let listed = ["text/uri-list", "text/x-moz-url"].into_iter().find_map(text);
    let address = listed.map(|list| first_address(&list).to_string()).or_else(|| text("text/plain"));
    if let Some(address) = address {
        follow_link(session, Linked::of(&address, &dom::site()));
    }
}

fn follow_link(session: Session, linked: Linked) {
    match linked {
        Linked::Sample(sample) => session.choose_sample(sample.id),
        Linked::Weights(source) if is_whole(session) => {
            session.inspect(source, None);
            session.led_to.set(Some("weights".into()));
        }
        Linked::Said(sentence) => session.notice.set(vec![sentence]),
        Linked::Weights(_) | Linked::Nothing => {}
    }
}

fn is_whole(session: Session) -> bool {
    session.state.with_untracked(|state| state.embed.is_none())
}

/// The files, and the names of folders.
fn contents(data: &DataTransfer) -> (Vec<File>, Vec<String>) {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let items = data.items();
    for item in (0..items.length()).filter_map(|index| items.get(index)).filter(|item| item.kind() == "file") {
        match (folder(&item), item.get_as_file()) {
            (Some(name), _) => folders.push(name),
            (None, Ok(Some(file))) => files.push(file),
            (None, _) => {}
        }
    }
    if files.is_empty() && folders.is_empty() {
        files = dom::files(data.files());
    }
    (files, folders)
}

/// The name of a folder, if the item is one. No standard defines this, but every browser supports it.
fn folder(item: &DataTransferItem) -> Option<String> {
    let get = |object: &JsValue, key: &str| js_sys::Reflect::get(object, &key.into()).ok();
    let ask: js_sys::Function = get(item, "webkitGetAsEntry")?.dyn_into().ok()?;
    let entry = ask.call0(item).ok().filter(JsValue::is_object)?;
    get(&entry, "isDirectory")?.is_truthy().then(|| get(&entry, "name")?.as_string()).flatten()
}

/// The place of a drop, and the input that it is meant for, if any.
fn place(event: &DragEvent) -> (Place, Option<HtmlInputElement>) {
    let input = |label: Element| dom::all(Some(&label), "input[type=file]").pop()?.dyn_into().ok();
    let near = |around: &str| dom::closest(event, around);
    if near(CHOOSES_PICTURE).is_some() {
        return (Place::Picture, None);
    }
    if near(CHOOSES_WEIGHTS).is_some() {
        return (Place::Weights, None);
    }
    if let Some(input) = near(CHOOSES_NAMES).and_then(input) {
        return (Place::Names, Some(input));
    }
    // The column's own input, or the only one.
    let mut buttons = match near(COLUMN) {
        Some(column) => dom::all(Some(&column), ".pick"),
        None => dom::all(near(SECTION).as_ref(), CHOOSES_NAMES),
    };
    match (buttons.pop().and_then(input), buttons.is_empty()) {
        (Some(input), true) => (Place::NearNames, Some(input)),
        _ => (Place::Page, None),
    }
}

/// Detects the kinds of files and handles each.
async fn receive(session: Session, files: Vec<File>, folders: Vec<String>, (place, names): (Place, Option<HtmlInputElement>)) {
    // Notices about earlier files end here.
    session.notice.set(Vec::new());
    let mut known = Vec::new();
    for file in &files {
        known.push((file.name(), Kind::of(&file.name(), &file.type_(), &head(file).await)));
    }
    known.extend(folders.into_iter().map(|name| (name, Kind::Folder)));
    let plan = plan(&known, place, is_whole(session));
    let file = |index: Option<usize>| index.and_then(|index| files.get(index));
    if let Some(picture) = file(plan.picture) {
        session.choose_file(picture);
    }
    if let Some(weights) = file(plan.weights) {
        session.open_file(weights);
        session.led_to.set(Some("weights".into()));
    }
    if let (Some(chosen), Some(input)) = (file(plan.names), names) {
        dom::choose(&input, chosen);
    }
    if !plan.said.is_empty() {
        session.notice.set(plan.said);
    }
}

/// Handles a file that was chosen as a picture.
pub fn receive_picture(session: Session, file: File) {
    spawn_local(receive(session, vec![file], Vec::new(), (Place::Picture, None)));
}

/// The first bytes of a file; empty where it cannot be read, which is reported by its reader.
async fn head(file: &File) -> Vec<u8> {
    let bytes = |blob: Blob| async move { JsFuture::from(blob.array_buffer()).await.ok() };
    match file.slice_with_i32_and_i32(0, HEAD as i32) {
        Ok(blob) => bytes(blob).await.map_or(Vec::new(), |buffer| js_sys::Uint8Array::new(&buffer).to_vec()),
        Err(_) => Vec::new(),
    }
}
