//! Parts that are made one after another, so that the page answers in between.

use super::dom;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Does something in a task of its own, after this one and those that were asked for before.
pub fn soon(what: impl FnOnce() + 'static) {
    let owner = Owner::current().unwrap_or_default();
    spawn_local(async move {
        dom::next_task().await;
        owner.with(what);
    });
}

/// What is inside is made [`soon`].
#[component]
pub fn Soon(
    /// What is inside.
    children: ChildrenFn,
) -> impl IntoView {
    let is_time = RwSignal::new(false);
    soon(move || {
        is_time.try_set(true);
    });
    view! { <Show when=move || is_time.get()>{children()}</Show> }.into_any()
}
