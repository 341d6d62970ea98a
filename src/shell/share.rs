//! Sharing: a link to the current state, and the code that embeds a figure, with a preview.

use crate::dom;
use crate::language::{LANGUAGES, resolved};
use crate::parts::button::button;
use crate::parts::options::{Choose, options};
use crate::session::Session;
use crate::shell::lazy::{LazyPart, Part};
use leptos::html::Dialog;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_link::{Figure, Lang, Theme, theme_named};
use stridescope_view::snippets::{SANDBOX, Snippet, alone};

/// The button and its dialog.
#[component]
pub fn Share(
    /// The session to share.
    session: Session,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let is_open = RwSignal::new(false);
    let is_busy = RwSignal::new(true);
    let open = move || {
        if let Some(dialog) = dialog.get_untracked() {
            is_open.set(dialog.show_modal().is_ok());
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    view! {
        {button(tr!("Share"), open).view()}
        <dialog class="share" node_ref=dialog aria-labelledby="share-title" on:close=move |_| is_open.set(false)>
            <div class="head">
                <h2 id="share-title">{tr!("Share")}</h2>
                <span class="space"></span>
                {button(tr!("Close"), close).view()}
            </div>
            <Show when=move || is_open.get()><LazyPart session part=Part::Share is_busy wanted=true/></Show>
        </dialog>
    }
}

/// The content of the dialog: texts to copy, and a preview.
#[component]
pub fn Forms(
    /// The session to share.
    session: Session,
) -> impl IntoView {
    let (theme, lang) = session.state.with_untracked(|state| (state.theme, resolved(state.lang)));
    let figure = RwSignal::new(Figure::default());
    let controls = RwSignal::new(true);
    let autorun = RwSignal::new(false);
    let theme = RwSignal::new(theme);
    let lang = RwSignal::new(lang);
    let status = RwSignal::new(String::new());
    let snippet = Memo::new(move |_| {
        let figure = figure.get();
        let state = session.state.with(|state| alone(state, figure, (controls.get(), autorun.get()), (lang.get(), theme.get())));
        let names = state.models.iter().map(stridescope_link::names::display).collect::<Vec<_>>().join(", ");
        Snippet { site: dom::site(), state, title: format!("Stridescope: {}, {names}", figure.title()) }
    });
    let figures = options(Figure::embeddable().map(|figure| (figure.name(), figure.title())));
    let themes = options([("auto", tr!("as the device is set")), ("light", tr!("light")), ("dark", tr!("dark"))]);
    let languages = options(LANGUAGES.map(|(lang, name)| (lang.name(), name)));
    let set_figure = move |name: String| {
        Figure::embeddable_named(&name).is_some_and(|named| {
            figure.set(named);
            true
        })
    };
    let set_theme = move |name: String| {
        theme_named(&name).is_some_and(|named: Theme| {
            theme.set(named);
            true
        })
    };
    let set_lang = move |name: String| {
        Lang::named(&name).is_some_and(|named| {
            lang.set(named);
            true
        })
    };
    let own = move || session.state.with(|state| state.image.is_none());
    let form = move |name: &'static str, label: String, text: fn(&Snippet) -> String| {
        let value = move || snippet.with(text);
        let copied = label.clone();
        let copy = move || dom::copy_with_status(snippet.with_untracked(text), copied.clone(), status);
        view! {
            <div class="form">
                <label for=format!("share-{name}")>{label.clone()}</label>
                {button(tr!("Copy"), copy).named(tr!("Copy {}", label)).view()}
                <textarea id=format!("share-{name}") readonly=true rows=if name == "link" { 2 } else { 4 } spellcheck="false" prop:value=value></textarea>
            </div>
        }
    };
    view! {
        <div class="choices">
            <Choose label=tr!("Figure") options=figures current=Signal::derive(move || figure.get().name().to_string()) choose=set_figure/>
            <Choose label=tr!("Theme") options=themes current=Signal::derive(move || theme.get().name().to_string()) choose=set_theme/>
            <Choose label=tr!("Language") options=languages current=Signal::derive(move || lang.get().name().to_string()) choose=set_lang/>
            {button(tr!("Controls"), move || controls.update(|on| *on = !*on)).pressed(move || controls.get()).view()}
            {button(tr!("Runs when in sight"), move || autorun.update(|on| *on = !*on)).pressed(move || autorun.get()).view()}
        </div>
        <Show when=own><p class="problem">{tr!("Your own picture stays on this device: whoever follows the link sees the networks and the layer, and chooses a picture.")}</p></Show>
        {form("link", tr!("Link"), Snippet::link)}
        {form("iframe", tr!("Frame"), Snippet::iframe)}
        {form("element", tr!("Element"), Snippet::element)}
        {form("markdown", tr!("Markdown"), Snippet::markdown)}
        <p class="cap">{tr!("A still picture, SVG or PNG, is saved below each figure of the page.")}</p>
        <p class="checked" role="status">{move || status.get()}</p>
        <h3>{tr!("As it will look")}</h3>
        <iframe class="preview" title=move || snippet.with(|snippet| snippet.title.clone()) sandbox=SANDBOX src=move || snippet.with(Snippet::source)></iframe>
    }
}
