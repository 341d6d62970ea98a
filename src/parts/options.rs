//! One of a few, by a select.

use crate::dom;
use leptos::prelude::*;

/// A value as it stands in a link, and what it is called.
pub type Options = Vec<(String, String)>;

/// Options whose values and titles are known at once.
pub fn options<V: Into<String>, T: Into<String>>(list: impl IntoIterator<Item = (V, T)>) -> Options {
    list.into_iter().map(|(value, title)| (value.into(), title.into())).collect()
}

/// A select with its label.
#[component]
pub fn Choose(
    /// What is chosen.
    #[prop(into)]
    label: String,
    /// What there is.
    #[prop(into)]
    options: Signal<Options>,
    /// What is set.
    #[prop(into)]
    current: Signal<String>,
    /// Sets another; false where it cannot be, and the select goes back.
    #[prop(into)]
    choose: Callback<String, bool>,
) -> impl IntoView {
    let on_change = move |event| {
        if !choose.run(event_target_value(&event)) {
            dom::set_value(&event, &current.get_untracked());
        }
    };
    view! {
        <label>
            {label}
            <select prop:value=current on:change=on_change>
                {move || options.get().into_iter().map(|(value, title)| {
                    let is_set = { let value = value.clone(); move || current.get() == value };
                    view! { <option value=value selected=is_set>{title}</option> }
                }).collect_view()}
            </select>
        </label>
    }
}
