//! A select.

use crate::dom;
use leptos::prelude::*;

/// Values as in a link, and their labels.
pub type Options = Vec<(String, String)>;

/// A fixed list of options.
pub fn options<V: Into<String>, T: Into<String>>(list: impl IntoIterator<Item = (V, T)>) -> Options {
    list.into_iter().map(|(value, title)| (value.into(), title.into())).collect()
}

/// A select with its label.
#[component]
pub fn Choose(
    /// The label.
    #[prop(into)]
    label: String,
    /// The options.
    #[prop(into)]
    options: Signal<Options>,
    /// The current value.
    #[prop(into)]
    current: Signal<String>,
    /// Sets another value; on false the select returns to the current one.
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
