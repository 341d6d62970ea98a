//! Work split into several tasks, so that the page responds in between.

use crate::dom;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

/// Runs a closure in a task of its own, after the current one and those deferred before.
pub fn defer(what: impl FnOnce() + 'static) {
    let owner = Owner::current().unwrap_or_default();
    spawn_local(async move {
        dom::next_task().await;
        owner.with(what);
    });
}

/// Renders its children in a [deferred](defer) task.
#[component]
pub fn Deferred(
    /// The content.
    children: ChildrenFn,
) -> impl IntoView {
    let is_time = RwSignal::new(false);
    defer(move || {
        is_time.try_set(true);
    });
    view! { <Show when=move || is_time.get()>{children()}</Show> }.into_any()
}
