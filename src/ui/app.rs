//! The shell of the page: header, controls, figures, and the address bar in step with them.

use super::architecture::Architecture;
use super::button::button;
use super::controls::{Bar, ThemeButton};
use super::dom;
use super::files::is_weights;
use super::later::{Figure, Later};
use super::predict::Predict;
use super::session::Session;
use super::state::{State, Theme};
use leptos::ev;
use leptos::prelude::*;

/// Mounts the page.
pub fn start() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let (state, problems) = State::from_query(&dom::query());
    let image = state.image.clone();
    let session = Session::new(state, &problems);
    follow_address(session);
    follow_theme(session);
    follow_pictures(session);

    let asked = Memo::new(move |_| session.state.with(|state| (state.models.clone(), state.backend, state.size, state.shift)));
    Effect::new(move |_| {
        asked.with(|_| session.refresh());
    });
    session.load_sample(image.as_deref().unwrap_or_default());

    view! {
        <a class="skip" href="#main">"Skip to the figures"</a>
        <header>
            <div class="wrap">
                <span class="logo"><Logo/>"Stridescope"</span>
                <nav aria-label="Figures">
                    <a href="#prediction">"Prediction"</a>
                    <a href="#architecture">"Architecture"</a>
                    <a href="#strides">"Strides"</a>
                    <a href="#features">"Features"</a>
                    <a href="#field">"Field"</a>
                    <a href="#cost">"Cost"</a>
                    <a href="#weights">"Weights"</a>
                </nav>
                <span class="space"></span>
                <ThemeButton session/>
            </div>
        </header>
        <main id="main" tabindex="-1">
            <div class="wrap lede">
                <h1>"A stride-2 1×1 convolution never looks at three pixels out of four."</h1>
                <p>"ResNet-B, C and D are three small repairs. See what they say of your own picture, on your own machine."</p>
            </div>
            <Bar session/>
            <Notice session/>
            <div class="wrap">
                <Predict session/>
                <Architecture session/>
                <Later session figure=Figure::Strides/>
                <Later session figure=Figure::Features/>
                <Later session figure=Figure::Field/>
                <Later session figure=Figure::Cost/>
                <Later session figure=Figure::Weights/>
            </div>
        </main>
        <footer><div class="wrap">
            "Your picture never leaves this device. No cookies, no analytics. After "
            <a href="https://arxiv.org/abs/1812.01187" rel="noreferrer">"He et al., Bag of Tricks, 2019"</a>"."
        </div></footer>
    }
}

/// Nine pixels, of which a stride of two reads four.
#[component]
fn Logo() -> impl IntoView {
    let cells = (0..9).map(|i| (i % 3, i / 3)).map(|(x, y)| {
        let class = if x % 2 == 0 && y % 2 == 0 { "read" } else { "lost" };
        view! { <rect class=class x=2 + x * 7 y=2 + y * 7 width="6" height="6" rx="1.4"/> }
    });
    view! { <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">{cells.collect_view()}</svg> }
}

/// What the visitor should know, until it is put away.
#[component]
fn Notice(
    /// The session whose notice is shown.
    session: Session,
) -> impl IntoView {
    view! {
        <div class="wrap" role="alert">
            <Show when=move || session.notice.with(Option::is_some)>
                <div class="notice">
                    <p>{move || session.notice.get()}</p>
                    {button("Close", move || session.notice.set(None)).view()}
                </div>
            </Show>
        </div>
    }
}

/// The address bar follows the state, and the state follows the back button.
fn follow_address(session: Session) {
    Effect::new(move |was: Option<String>| {
        let query = session.state.with(State::to_query);
        if was.as_ref() != Some(&query) && dom::query() != query {
            dom::set_query(&query, was.is_some());
        }
        query
    });
    let back = window_event_listener(ev::popstate, move |_| {
        let (state, problems) = State::from_query(&dom::query());
        let image = state.image.clone().filter(|_| session.state.with_untracked(|now| now.image != state.image));
        if !problems.is_empty() {
            session.notice.set(Some(problems.join(" ")));
        }
        if session.state.with_untracked(|now| *now != state) {
            session.state.set(state);
        }
        if let Some(image) = image {
            session.load_sample(&image);
        }
    });
    on_cleanup(move || back.remove());
}

fn follow_theme(session: Session) {
    Effect::new(move |_| {
        let theme = session.state.with(|state| state.theme);
        dom::set_root_attribute("data-theme", (theme != Theme::Auto).then(|| theme.name()));
    });
}

/// Pictures can be dropped and pasted anywhere on the page, and files of weights dropped.
fn follow_pictures(session: Session) {
    let over = window_event_listener(ev::dragover, |event| {
        event.prevent_default();
        dom::set_root_attribute("data-dropping", Some(""));
    });
    let leave = window_event_listener(ev::dragleave, |event| {
        if event.related_target().is_none() {
            dom::set_root_attribute("data-dropping", None);
        }
    });
    let drop = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        dom::set_root_attribute("data-dropping", None);
        match event.data_transfer().and_then(|data| data.files()).and_then(|files| files.get(0)) {
            Some(file) if is_weights(&file.name()) => {
                session.open_file(&file);
                dom::scroll_to("weights");
            }
            Some(file) => session.choose_file(&file),
            None => {
                session.notice.set(Some("No file was dropped: drop a picture, or a file of weights, from your device.".into()))
            }
        }
    });
    let paste = window_event_listener(ev::paste, move |event| {
        if let Some(file) = event.clipboard_data().and_then(|data| data.files()).and_then(|files| files.get(0)) {
            event.prevent_default();
            session.choose_file(&file);
        }
    });
    on_cleanup(move || {
        over.remove();
        leave.remove();
        drop.remove();
        paste.remove();
    });
}
