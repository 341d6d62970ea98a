//! The figure **predict**: the picture, and what each network says of it.

use super::button::button;
use super::live::Live;
use super::markup::escape;
use super::names::{display, hue};
use super::session::{Outcome, Session, Source};
use super::state::MAX_SHIFT;
use crate::weights::{Card, catalogue};
use crate::worker::protocol::{Prediction, Ran, Step};
use leptos::prelude::*;

/// The network that knows far more than the tiny ones.
const THOUSAND_CLASSES: &str = "resnet50-a";

/// The picture and a card for each network.
#[component]
pub fn Predict(
    /// The session whose answers are shown.
    session: Session,
) -> impl IntoView {
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    let none_knows_it = Memo::new(move |_| {
        session.outcomes.with(|outcomes| {
            let mut done = outcomes
                .values()
                .filter_map(|outcome| match outcome {
                    Outcome::Done(answer) => Some(answer.ran.none_of_its_classes),
                    _ => None,
                })
                .peekable();
            done.peek().is_some() && done.all(|none| none)
        })
    });
    let ask_the_large_one = move || session.state.update(|state| state.models = vec![THOUSAND_CLASSES.into()]);
    view! {
        <section id="prediction" aria-labelledby="prediction-title">
            <div class="head">
                <h2 id="prediction-title">"Prediction"</h2>
                <p>"Every number says whose weights it comes from."</p>
            </div>
            <div class="answers">
                <Shown session/>
                <div class="cols" aria-live="polite">
                    <For each=move || models.get() key=String::clone let:net><Answer session net/></For>
                </div>
            </div>
            <Show when=move || none_knows_it.get()>
                <div class="offer">
                    <p>"These networks know ten things each, and the picture is perhaps none of them. ResNet-50-A knows 1,000."</p>
                    {button("Ask ResNet-50-A", ask_the_large_one).class("solid").view()}
                </div>
            </Show>
        </section>
    }
}

#[component]
fn Shown(
    /// The session whose picture is shown.
    session: Session,
) -> impl IntoView {
    view! {
        <figure class="picture">
            {move || match (session.live.get(), session.picture.get()) {
                (Some(source), _) => view! { <Live session source/> }.into_any(),
                (None, None) => view! { <div class="frame"></div><figcaption class="cap">"The picture is being read."</figcaption> }.into_any(),
                (None, Some(picture)) => view! {
                    <div class="frame"><img src=picture.url alt=picture.title.clone()/></div>
                    <figcaption class="cap"><b>{picture.title}</b>{format!(" · {} × {} · {}", picture.size.0, picture.size.1, picture.credit)}</figcaption>
                }.into_any(),
            }}
            <Show when=move || session.live.get().is_none()>
                <span class="group cap sources">
                    {button("Camera", move || session.live.set(Some(Source::Camera))).view()}
                    {button("Draw on it", move || session.live.set(Some(Source::Brush))).disabled(move || session.picture.with(Option::is_none)).view()}
                </span>
            </Show>
            <label class="cap shift">
                {move || format!("Moved by {} px", session.state.with(|state| state.shift))}
                <input
                    type="range" min="0" max=MAX_SHIFT aria-label="Pixels that the picture is moved to the left"
                    prop:value=move || session.state.with(|state| state.shift.to_string())
                    on:input=move |event| if let Ok(shift) = event_target_value(&event).parse() { session.state.update(|state| state.shift = shift) }
                />
            </label>
            <p class="cap hint">"Drop or paste a picture anywhere on this page."</p>
        </figure>
    }
}

#[component]
fn Answer(
    /// The session whose answer is shown.
    session: Session,
    /// The network.
    net: String,
) -> impl IntoView {
    let outcome = {
        let net = net.clone();
        Memo::new(move |_| session.outcomes.with(|outcomes| outcomes.get(&net).cloned()))
    };
    let time = move || match outcome.get() {
        Some(Outcome::Done(answer)) => {
            let ms = answer.ran.ms;
            format!("{} ms", if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") })
        }
        _ => String::new(),
    };
    let name = net.clone();
    view! {
        <article class=format!("card answer {}", hue(&net)) data-net=net.clone()>
            <h3><i class="dot"></i>{display(&net)}<span>{time}</span></h3>
            {move || match outcome.get() {
                None | Some(Outcome::Waiting(None)) => view! { <Waiting session net=name.clone() step=None/> }.into_any(),
                Some(Outcome::Waiting(step)) => view! { <Waiting session net=name.clone() step/> }.into_any(),
                Some(Outcome::Done(answer)) => view! { <Done ran=answer.ran.clone()/> }.into_any(),
                Some(Outcome::Elsewhere { bytes, host }) => view! { <Elsewhere session net=name.clone() bytes host/> }.into_any(),
                Some(Outcome::Cancelled) => view! { <Again session net=name.clone() message="Given up.".to_string()/> }.into_any(),
                Some(Outcome::Failed(message)) => view! { <Again session net=name.clone() message/> }.into_any(),
                Some(Outcome::NoWeights) => view! {
                    <p class="problem">"There are no weights for this network yet, so it cannot be asked. Its diagram is below."</p>
                }.into_any(),
            }}
        </article>
    }
}

#[component]
fn Waiting(
    /// The session that is busy.
    session: Session,
    /// The network.
    net: String,
    /// With what, once that is known.
    step: Option<Step>,
) -> impl IntoView {
    let (words, share) = match step {
        None => ("Waiting for its turn".into(), None),
        Some(Step::Device) => ("Looking for a device".into(), None),
        Some(Step::Weights { received, total }) => {
            let share = received as f64 / total.max(1) as f64;
            (format!("Fetching weights: {:.1} of {:.1} MB", received as f64 / 1e6, total as f64 / 1e6), Some(share))
        }
        Some(Step::Building) => ("Reading the weights".into(), None),
        Some(Step::Computing) => ("Computing".into(), None),
    };
    view! {
        <div class="waiting">
            <p>{words}</p>
            <progress max="1" value=share.map(|share| share.to_string())></progress>
            {button("Cancel", move || session.stop(&net)).view()}
        </div>
    }
}

#[component]
fn Done(
    /// What the network said.
    ran: Ran,
) -> impl IntoView {
    let row = |class: &Prediction| {
        format!(
            r#"<li class="row"><span>{}</span><span class="meter"><b style="width:{:.1}%"></b></span><span class="number">{}</span></li>"#,
            escape(&class.label),
            100.0 * class.p,
            percent(class.p)
        )
    };
    let rows: String = ran.top.iter().map(row).collect();
    let is_unsure = ran.none_of_its_classes;
    let doubt = is_unsure.then(|| view! { <p class="none">"Not sure: perhaps none of its ten classes."</p> });
    view! {
        {doubt}
        <ol class="top" class:unsure=is_unsure inner_html=rows></ol>
        {ran.card.map(|card| view! { <Origin card/> })}
    }
}

/// `97.5 %`, with as many digits as mean something.
fn percent(p: f64) -> String {
    if p >= 0.995 {
        format!("{:.1} %", 100.0 * p)
    } else if p >= 0.1 {
        format!("{:.0} %", 100.0 * p)
    } else {
        format!("{:.1} %", 100.0 * p)
    }
}

/// Whose weights, by which recipe, with which accuracy.
#[component]
fn Origin(
    /// What travels with the weights.
    card: Card,
) -> impl IntoView {
    let accuracy =
        card.accuracy.map(|accuracy| format!(" Top-1 {:.1} % on {} ({}).", accuracy.top1, accuracy.measured_on, accuracy.by));
    view! { <p class="cap origin">{format!("Weights: {}. Recipe: {}.", card.origin, card.recipe)}{accuracy}</p> }
}

#[component]
fn Elsewhere(
    /// The session that would fetch them.
    session: Session,
    /// The network.
    net: String,
    /// Size of the download.
    bytes: u64,
    /// Who would be asked.
    host: String,
) -> impl IntoView {
    let card = catalogue::for_net(&net).map(|entry| entry.card);
    view! {
        <p class="problem">{format!("Its weights are not on this site. They can be fetched from {host}: {:.0} MB.", bytes as f64 / 1e6)}</p>
        {button(format!("Download {:.0} MB", bytes as f64 / 1e6), move || session.agree(&net)).class("solid").view()}
        {card.map(|card| view! { <Origin card/> })}
    }
}

#[component]
fn Again(
    /// The session that would ask again.
    session: Session,
    /// The network.
    net: String,
    /// What happened.
    message: String,
) -> impl IntoView {
    view! {
        <p class="problem">{message}</p>
        {button("Try again", move || session.retry(&net)).view()}
    }
}
