//! A slider over a number of the state. A drag or a held arrow key is one history entry.

use crate::session::Session;
use leptos::ev;
use leptos::prelude::*;
use stridescope_link::State;

/// The slider.
#[component]
pub fn Slider(
    /// The session whose state it changes.
    session: Session,
    /// The largest value; the least is 0.
    max: usize,
    /// The step between two values.
    #[prop(default = 1)]
    step: usize,
    /// The accessible name, where it has no label.
    #[prop(optional)]
    label: Option<String>,
    /// Reads the value.
    get: fn(&State) -> usize,
    /// Sets the value.
    set: fn(&mut State, usize),
) -> impl IntoView {
    let is_held = StoredValue::new(false);
    let slide = move |event: ev::Event| {
        if let Ok(value) = event_target_value(&event).parse() {
            session.change_in_gesture(|state| set(state, value));
        }
    };
    // A held key changes the value repeatedly.
    let end = move |key: bool| {
        if key {
            is_held.set_value(false);
        }
        if !is_held.get_value() {
            session.end_gesture();
        }
    };
    view! {
        <input
            type="range" min="0" max=max step=step aria-label=label
            prop:value=move || session.state.with(|state| get(state).to_string())
            on:input=slide
            on:keydown=move |_| is_held.set_value(true)
            on:keyup=move |_| end(true)
            on:blur=move |_| end(true)
            on:change=move |_| end(false)
        />
    }
}
