//! A button. It is one type for all uses: with its closures as type parameters, the code would be compiled again for each use.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// The builder of a button; [`Button::view`] renders it.
pub struct Button {
    class: &'static str,
    title: TextProp,
    name: Option<TextProp>,
    pressed: Option<Signal<bool>>,
    disabled: Option<Signal<bool>>,
    press: Callback<()>,
}

/// A button with this title that calls `press` on click.
pub fn button(title: impl Into<TextProp>, press: impl Fn() + Send + Sync + 'static) -> Button {
    let press = Callback::new(move |()| press());
    Button { class: "ghost", title: title.into(), name: None, pressed: None, disabled: None, press }
}

impl Button {
    /// Replaces the CSS class `ghost`.
    pub fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// Sets the name for screen readers, where it differs from the title.
    pub fn named(self, name: impl Into<TextProp>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Makes it a toggle button.
    pub fn pressed(self, pressed: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { class: "ghost toggle", pressed: Some(Signal::derive(pressed)), ..self }
    }

    /// Disables it while `disabled` returns true.
    pub fn disabled(self, disabled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { disabled: Some(Signal::derive(disabled)), ..self }
    }

    /// Renders the button.
    pub fn view(self) -> AnyView {
        let Self { class, title, name, pressed, disabled, press } = self;
        view! {
            <button
                type="button"
                class=class
                aria-label=move || name.as_ref().map(TextProp::get)
                aria-pressed=move || pressed.map(|pressed| pressed.get().to_string())
                disabled=move || disabled.is_some_and(|disabled| disabled.get())
                on:click=move |_| press.run(())
            >{move || title.get()}</button>
        }
        .into_any()
    }
}
