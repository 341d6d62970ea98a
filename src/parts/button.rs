//! A button. One type for all of them: with its closures in its type, every place where one stands would be code of its own.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A button that is still being described; [`Button::view`] makes it.
pub struct Button {
    class: &'static str,
    title: TextProp,
    name: Option<TextProp>,
    pressed: Option<Signal<bool>>,
    disabled: Option<Signal<bool>>,
    press: Callback<()>,
}

/// A button that says `title` and does `press`.
pub fn button(title: impl Into<TextProp>, press: impl Fn() + Send + Sync + 'static) -> Button {
    let press = Callback::new(move |()| press());
    Button { class: "ghost", title: title.into(), name: None, pressed: None, disabled: None, press }
}

impl Button {
    /// Another look than a quiet one.
    pub fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// What a screen reader calls it, where that is not what it says.
    pub fn named(self, name: impl Into<TextProp>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// One that stays pressed.
    pub fn pressed(self, pressed: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { class: "ghost toggle", pressed: Some(Signal::derive(pressed)), ..self }
    }

    /// One that cannot always be pressed.
    pub fn disabled(self, disabled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { disabled: Some(Signal::derive(disabled)), ..self }
    }

    /// The button itself.
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
