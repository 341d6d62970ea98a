//! Parts that are made one after another, so that the page answers in between.

use crate::dom;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Does something in a task of its own, after this one and those that were asked for before.
pub fn defer(what: impl FnOnce() + 'static) {
    let owner = Owner::current().unwrap_or_default();
    spawn_local(async move {
        dom::next_task().await;
        owner.with(what);
    });
}

/// What is inside is made [`defer`].
#[component]
pub fn Deferred(
    /// What is inside.
    children: ChildrenFn,
) -> impl IntoView {
    let is_time = RwSignal::new(false);
    defer(move || {
        is_time.try_set(true);
    });
    view! { <Show when=move || is_time.get()>{children()}</Show> }.into_any()
}
