//! The page: header, controls, figures, and the address bar in sync with the state.

use crate::deferred::{Deferred, defer};
use crate::dom;
use crate::engine_client::client::Client;
use crate::engine_client::pool::WorkerPool;
use crate::figures::predict::Predict;
use crate::language;
use crate::parts::button::button;
use crate::session::Session;
use crate::session::receive;
use crate::shell::controls::{Bar, LanguageSelect, ThemeButton};
use crate::shell::embed::{Alone, run_in_sight};
use crate::shell::lazy::{Lazy, offer_api};
use crate::shell::share::Share;
use crate::shell::{address, anchor};
use leptos::ev;
use leptos::prelude::*;
use std::rc::Rc;
use stridescope_i18n::{Message, tr};
use stridescope_link::{Figure, Lang, State, Theme};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::CustomEvent;

/// The select of the language, which is rendered again after a change.
const LANGUAGE_SELECT: &str = "select.language";

/// Mounts the page in the visitor's language.
pub fn start() {
    console_error_panic_hook::set_once();
    let query = dom::query();
    let worker_pool = WorkerPool::new();
    spawn_local(async move {
        let loaded = language::resolved(Lang::of_query(&query));
        let (loaded, texts, problem) = match language::fetch(loaded).await {
            Ok(texts) => (loaded, texts, None),
            Err(sentence) => (Lang::En, None, Some(sentence)),
        };
        language::set_language(loaded, texts);
        let (state, mut problems) = State::from_query(&query);
        problems.extend(problem);
        dom::next_task().await;
        dom::remove_shell();
        leptos::mount::mount_to_body(move || view! { <App state problems loaded worker_pool/> });
    });
}

#[component]
fn App(
    /// The state of the link.
    state: State,
    /// The problems of the link.
    problems: Vec<Message>,
    /// The language of the loaded catalogue.
    loaded: Lang,
    /// The page's side of the engine.
    worker_pool: Rc<WorkerPool>,
) -> impl IntoView {
    let image = state.image.clone();
    let alone = state.embed;
    let session = Session::new(state, problems, worker_pool);
    let loaded = RwSignal::new(loaded);
    address::follow(session);
    follow_theme(session);
    receive::follow(session);
    follow_language(session, loaded);
    follow_updates(session);
    follow_connection(session);
    follow_reader(session);
    defer(move || offer_api(session));
    if let Some(figure) = alone {
        dom::set_root_attribute("data-embed", Some(figure.name()));
        run_in_sight(session);
    } else {
        anchor::follow(session);
    }

    let requested = Memo::new(move |_| {
        session.state.with(|state| (state.models.clone(), state.backend, state.kernels, state.size, state.shift))
    });
    Effect::new(move |_| {
        requested.with(|_| session.refresh());
    });
    let begin = move || session.load_sample(image.as_deref().unwrap_or_default());
    if Client::is_early() {
        begin();
    } else {
        // The engine starts after the page is mounted: on few cores they would slow each other down.
        defer(move || defer(begin));
    }

    // Another language renders the whole page again.
    move || {
        loaded.track();
        match alone {
            Some(figure) => view! { <Alone session figure/> }.into_any(),
            None => view! { <Whole session/> }.into_any(),
        }
    }
}

/// The whole page.
#[component]
fn Whole(
    /// The session of the page.
    session: Session,
) -> impl IntoView {
    let links = Figure::in_page().map(|figure| view! { <a href=format!("#{}", figure.section())>{figure.short()}</a> });
    let fetched = move || {
        let figures = Figure::in_page().filter(|figure| *figure != Figure::Predict);
        figures.map(move |figure| view! { <Lazy session figure/> })
    };
    view! {
        <a class="skip" href="#main">{tr!("Skip to the figures")}</a>
        <header>
            <div class="wrap">
                <span class="logo"><Logo/>"Stridescope"</span>
                <nav aria-label=tr!("Figures")>
                    {links.collect_view()}
                </nav>
                <span class="space"></span>
                <span class="group">
                    <Share session/>
                    <LanguageSelect session/>
                    <ThemeButton session/>
                </span>
            </div>
        </header>
        <main id="main" tabindex="-1">
            <div class="wrap lede">
                <h1>{tr!("A stride-2 1×1 convolution never looks at three pixels out of four.")}</h1>
                <p>{tr!("ResNet-B, C and D are three small repairs. See what they say of your own picture, on your own machine.")}</p>
            </div>
            <Deferred><Bar session/></Deferred>
            <Notice session/>
            <div class="wrap">
                <Deferred><Predict session/></Deferred>
                <Deferred>
                    {fetched().collect_view()}
                </Deferred>
            </div>
        </main>
        <Deferred>
            <footer><div class="wrap">
                <p>
                    {tr!("Your picture never leaves this device. No cookies, no analytics.")}" "
                    <a href="https://arxiv.org/abs/1812.01187" rel="noreferrer">{tr!("After He et al., Bag of Tricks, 2019")}</a>
                </p>
            </div></footer>
        </Deferred>
    }
}

/// The logo: nine pixels, of which a stride of two reads four.
#[component]
fn Logo() -> impl IntoView {
    let cells = (0..9).map(|i| (i % 3, i / 3)).map(|(x, y)| {
        let class = if x % 2 == 0 && y % 2 == 0 { "read" } else { "lost" };
        view! { <rect class=class x=2 + x * 7 y=2 + y * 7 width="6" height="6" rx="1.4"/> }
    });
    view! { <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">{cells.collect_view()}</svg> }
}

/// The notices, until they are dismissed.
#[component]
pub fn Notice(
    /// The session with the notices.
    session: Session,
) -> impl IntoView {
    view! {
        <div class="wrap" role="alert">
            <Show when=move || session.update.with(Option::is_some)>
                <div class="notice">
                    <p>{tr!("A new version of this page is ready.")}</p>
                    <span class="group">
                        {button(tr!("Reload"), move || session.apply_update()).class("solid").view()}
                        {button(tr!("Close"), move || session.update.set(None)).view()}
                    </span>
                </div>
            </Show>
            <Show when=move || session.asks_for_gpu.get()>
                <div class="notice">
                    <p>{tr!("The GPU failed twice, so the CPU computes from here on. Nothing is lost. Should the GPU be tried again?")}</p>
                    <span class="group">
                        {button(tr!("Try the GPU again"), move || session.try_gpu_again()).class("solid").view()}
                        {button(tr!("Close"), move || session.asks_for_gpu.set(false)).view()}
                    </span>
                </div>
            </Show>
            <Show when=move || session.notice.with(|notice| !notice.is_empty())>
                <div class="notice">
                    <p>{move || Message::all(&session.notice.get())}</p>
                    {button(tr!("Close"), move || session.notice.set(Vec::new())).view()}
                </div>
            </Show>
        </div>
    }
    .into_any()
}

fn follow_theme(session: Session) {
    Effect::new(move |_| {
        let theme = session.state.with(|state| state.theme);
        dom::set_root_attribute("data-theme", (theme != Theme::Auto).then(|| theme.name()));
    });
}

/// Switches to another language once its catalogue is loaded, unless the visitor has chosen again by then.
fn follow_language(session: Session, loaded: RwSignal<Lang>) {
    let wanted = Memo::new(move |_| session.state.with(|state| language::resolved(state.lang)));
    // Number of retries.
    let tries = RwSignal::new(0);
    Effect::new(move |before: Option<()>| {
        tries.track();
        let requested = wanted.get();
        if requested == loaded.get_untracked() {
            return;
        }
        if before.is_none() {
            // The same request has just failed, before the page was mounted.
            return session.when_online(move || tries.update(|tries| *tries += 1));
        }
        spawn_local(async move {
            let texts = language::fetch(requested).await;
            if wanted.get_untracked() != requested || loaded.get_untracked() == requested {
                return;
            }
            match texts {
                Ok(texts) => {
                    let has_focus = dom::has_focus(LANGUAGE_SELECT);
                    language::set_language(requested, texts);
                    session.withdraw(&language::not_fetched());
                    loaded.set(requested);
                    if has_focus {
                        dom::focus_again(LANGUAGE_SELECT, 0);
                    }
                }
                Err(sentence) => {
                    session.notice.set(vec![sentence]);
                    session.when_online(move || tries.update(|tries| *tries += 1));
                }
            }
        });
    });
}

/// Offers a newer version of the page; `start.js` detects it.
fn follow_updates(session: Session) {
    let update = window_event_listener(ev::Custom::<CustomEvent>::new("stridescope-update"), move |event| {
        if let Ok(apply) = event.detail().dyn_into::<js_sys::Function>() {
            session.update.set(Some(apply));
        }
    });
    on_cleanup(move || update.remove());
}

/// Retries what failed offline once the browser is online.
fn follow_connection(session: Session) {
    let offline = window_event_listener(ev::offline, move |_| session.went_offline());
    let online = window_event_listener(ev::online, move |_| session.came_online());
    on_cleanup(move || {
        offline.remove();
        online.remove();
    });
    if !dom::is_online() {
        session.went_offline();
    }
}

/// The reader's first interaction, printing, or a link to a section: from then on figures outside the visible area load too.
fn follow_reader(session: Session) {
    let moves =
        ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown", "focusin", "beforeprint", "hashchange"];
    let listeners = moves.map(|name| {
        window_event_listener_untyped(name, move |_| session.is_read.maybe_update(|read| !std::mem::replace(read, true)))
    });
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    session.is_read.set(dom::fragment().is_some());
}
