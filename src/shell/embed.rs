//! An embedded figure: its content, its start and its height.

use crate::deferred::Deferred;
use crate::dom;
use crate::figures::predict::Predict;
use crate::parts::button::button;
use crate::parts::heading::figure_head;
use crate::session::Session;
use crate::shell::app::Notice;
use crate::shell::controls::Bar;
use crate::shell::lazy::Lazy;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_link::{Figure, State};

/// One figure, its controls if the link asks for them, and a link to the whole page.
#[component]
pub fn Alone(
    /// The session of the figure.
    session: Session,
    /// The figure.
    figure: Figure,
) -> impl IntoView {
    let controls = Memo::new(move |_| session.state.with(|state| state.controls));
    Effect::new(move |_| dom::set_root_attribute("data-controls", (!controls.get()).then_some("0")));
    let asks = move || figure.computes() && !session.awake.get();
    let whole = move || {
        let state = session.state.get();
        let query = State { embed: None, controls: true, autorun: false, ..state }.to_query();
        format!("{}#{}", if query.is_empty() { "./" } else { &query }, figure.section())
    };
    view! {
        <main id="main" class="alone">
            <h1 class="unseen">{"Stridescope"}</h1>
            <div class="wrap">{figure_head(figure)}</div>
            <Show when=move || controls.get()><Deferred><Bar session computes=figure.computes()/></Deferred></Show>
            <Notice session/>
            <Deferred><div class="wrap">
                <Show when=asks>
                    <div class="offer run">
                        {button(tr!("Run on this device"), move || session.wake()).class("solid").view()}
                        <p class="cap">{tr!("Until then nothing is computed. The picture stays on this device.")}</p>
                    </div>
                </Show>
                {match figure {
                    Figure::Predict => view! { <Predict session is_headed=true/> }.into_any(),
                    figure => view! { <Lazy session figure is_headed=true/> }.into_any(),
                }}
                <p class="cap from"><a href=whole target="_blank" rel="noopener">{tr!("Open in Stridescope")}</a></p>
            </div></Deferred>
        </main>
    }
}

/// Starts to compute when the figure becomes visible, if the link says so; otherwise the page around may start it later.
pub fn run_in_sight(session: Session) {
    let wants = Memo::new(move |_| session.state.with(|state| state.autorun && state.embed.is_some_and(Figure::computes)));
    Effect::new(move |_| {
        if let Some(body) = dom::body().filter(|_| wants.get()) {
            dom::once_in_sight(&body, move || session.wake());
        }
    });
}
