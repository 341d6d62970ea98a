//! The section **learn**: an article in the page's language with embedded figures, whose numbers are computed here.

use crate::dom;
use crate::language::resolved;
use crate::parts::button::button;
use crate::session::Session;
use crate::site;
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_link::State;
use stridescope_view::facts::fact;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

/// The script that defines `<stride-scope>`, for this page as for any other.
const ELEMENT: &str = "stride-scope.js";

/// The article; it is fetched before it becomes visible.
#[component]
pub fn Learn(
    /// The session whose language and theme it follows.
    session: Session,
) -> impl IntoView {
    let place = NodeRef::<Div>::new();
    let has_failed = RwSignal::new(false);
    let lang = resolved(session.state.with_untracked(|state| state.lang));
    let fetch = move || {
        has_failed.set(false);
        spawn_local(async move {
            let text = site::text(site::request(&site::texts(&format!("learn/{}.html", lang.name())))).await;
            // If the language has changed meanwhile, the place is gone.
            match (text, place.try_get_untracked().flatten()) {
                (Some(text), Some(place)) => put(&place, &text, session),
                (None, Some(_)) => drop(has_failed.try_set(true)),
                (_, None) => {}
            }
        });
    };
    // A reader who followed a link to a part of the article must not wait until it becomes visible.
    let is_led_here = move || session.led_to.with_untracked(|id| id.as_ref().is_some_and(|id| id.starts_with("learn-")));
    place.on_load(move |place| if is_led_here() { fetch() } else { dom::once_in_sight(&place, fetch) });
    session.again_when_online(has_failed.into(), fetch);
    Effect::new(move |_| {
        session.state.with(|state| state.theme);
        follow(place.get().as_deref(), session);
    });
    // A link in the article changes the page's state but not the reader's preferences, such as the theme.
    let follow_link = move |event: ev::MouseEvent| {
        let href = dom::closest(&event, "a[href^='?']").and_then(|link| link.get_attribute("href"));
        let Some(href) = href.filter(|_| !(event.ctrl_key() || event.meta_key() || event.shift_key())) else { return };
        event.prevent_default();
        let (query, section) = href.split_once('#').unwrap_or((&href, ""));
        let now = session.state.get_untracked();
        let State { lang, theme, backend, kernels, image, .. } = now;
        session.go(State { lang, theme, backend, kernels, image, ..State::from_query(query).0 });
        session.led_to.set(Some(section.into()));
    };
    view! {
        <Show when=move || has_failed.get()>
            <p class="problem">{tr!("The article could not be fetched. Check the connection, then try again.")}</p>
            {button(tr!("Try again"), fetch).view()}
        </Show>
        <div class="article" node_ref=place on:click=follow_link></div>
    }
}

/// Inserts the article (a text of this site) and the numbers that it refers to.
fn put(place: &HtmlElement, text: &str, session: Session) {
    place.set_inner_html(text);
    for element in dom::all(Some(place), "[data-fact]") {
        if let Some(value) = element.get_attribute("data-fact").and_then(|name| fact(&name)) {
            element.set_text_content(Some(&value));
        }
    }
    follow(Some(place), session);
    run_element(session);
}

/// Runs the script of the article's figures. If it does not load, it is run again once the browser is online.
fn run_element(session: Session) {
    dom::run_script_once(&site::code(ELEMENT), "../", move || session.when_online(move || run_element(session)));
}

/// Sets language and theme of the article's figures.
fn follow(place: Option<&HtmlElement>, session: Session) {
    let (lang, theme) = session.state.with_untracked(|state| (resolved(state.lang), state.theme));
    for figure in dom::all(place, "stride-scope") {
        let _ = figure.set_attribute("lang", lang.name());
        let _ = figure.set_attribute("theme", theme.name());
    }
}
