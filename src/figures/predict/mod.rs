//! The figure **predict**: the picture, and each network's prediction.

mod live;

use crate::dom;
use crate::parts::button::button;
use crate::parts::consent::{Busy, Consent};
use crate::parts::heading::figure_head;
use crate::parts::slider::Slider;
use crate::session::{LiveInput, Outcome, Progress, Session};
use leptos::prelude::*;
use live::Live;
use std::sync::Arc;
use stridescope_i18n::{label, msg, tr, translate};
use stridescope_image::{Interpolation, Preprocess};
use stridescope_link::names::{display, hue};
use stridescope_link::{Figure, MAX_SHIFT};
use stridescope_protocol::{Answer, Fetching, Prediction};
use stridescope_view::heatmap::photo;
use stridescope_view::markup::escape;
use stridescope_weights::Card;
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;

/// The network offered to readers who have only seen the ten classes of the tiny ones.
const THOUSAND_CLASSES: &str = "resnet50-a";

/// The picture and a card for each network.
#[component]
pub fn Predict(
    /// The session whose answers are shown.
    session: Session,
    /// Whether the heading is already on the page.
    #[prop(optional)]
    is_headed: bool,
) -> impl IntoView {
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    let none_knows_it = Memo::new(move |_| {
        session.outcomes.with(|outcomes| {
            let mut done = outcomes
                .values()
                .filter_map(|outcome| match outcome {
                    Outcome::Done(answer) => Some(answer.none_of_its_classes),
                    _ => None,
                })
                .peekable();
            done.peek().is_some() && done.all(|none| none)
        })
    });
    // The recipe alone changes the accuracy of a network by about four points.
    let recipes_differ = Memo::new(move |_| {
        let models = models.get();
        session.outcomes.with(|outcomes| {
            let mut recipes: Vec<String> = models
                .iter()
                .filter_map(|model| match outcomes.get(model) {
                    Some(Outcome::Done(answer)) => answer.card.as_ref().map(|card| card.recipe.clone()),
                    _ => None,
                })
                .collect();
            recipes.sort();
            recipes.dedup();
            recipes.len() > 1
        })
    });
    // The networks whose weights are on another host, and the sizes of the downloads.
    let waiting = Memo::new(move |_| {
        let models = models.get();
        session.outcomes.with(|outcomes| {
            let size = |model: &ModelRef| match outcomes.get(model) {
                Some(Outcome::Elsewhere { bytes, .. }) => Some((model.clone(), bytes.unwrap_or(0))),
                _ => None,
            };
            models.iter().filter_map(size).collect::<Vec<_>>()
        })
    });
    let fetching = if dom::may_keep() { Fetching::Keep } else { Fetching::Elsewhere };
    let fetch_all = move || waiting.get_untracked().iter().for_each(|(model, _)| session.allow_download(model, fetching));
    let all = move || {
        let bytes: u64 = waiting.with(|waiting| waiting.iter().map(|(_, bytes)| bytes).sum());
        tr!("Download all, {} MB", format!("{:.0}", bytes as f64 / 1e6))
    };
    let ask_the_large_one =
        move || session.change(|state| state.models = ModelRef::parse(THOUSAND_CLASSES).into_iter().collect());
    view! {
        <section id="prediction" aria-labelledby="prediction-title">
            {(!is_headed).then(|| figure_head(Figure::Predict))}
            <div class="answers">
                <Shown session/>
                <div class="cols" aria-live="polite">
                    <For each=move || models.get() key=ModelRef::to_string let:model><Answer session model/></For>
                </div>
            </div>
            <Show when=move || waiting.with(|waiting| waiting.len() > 1)>
                <div class="offer">
                    <p>{tr!("Several of these networks wait for their weights. Kept on this device, they need no network the next time.")}</p>
                    {button(all, fetch_all).class("solid").view()}
                </div>
            </Show>
            <Show when=move || recipes_differ.get()>
                <p class="cap">
                    {tr!("These networks were trained by different recipes, which alone moves the same network's accuracy by four points: what differs here is not the tweaks' doing alone.")}
                </p>
            </Show>
            <Show when=move || none_knows_it.get()>
                <div class="offer">
                    <p>{tr!("These networks know ten things each, and the picture is perhaps none of them. ResNet-50-A knows 1,000.")}</p>
                    {button(tr!("Ask ResNet-50-A"), ask_the_large_one).class("solid").view()}
                </div>
            </Show>
        </section>
    }
    .into_any()
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
                (None, None) => view! { <div class="frame"></div><figcaption class="cap">{session.lack.get().unwrap_or_else(|| msg!("The picture is being read.")).to_string()}</figcaption> }.into_any(),
                (None, Some(picture)) => view! {
                    <div class="frame"><img src=picture.url alt=picture.title.to_string()/></div>
                    <figcaption class="cap">
                        <b>{picture.title.to_string()}</b>{picture.size.map(|(width, height)| format!(" · {width} × {height}"))}" · "{picture.credit.to_string()}
                    </figcaption>
                }.into_any(),
            }}
            <Show when=move || session.live.get().is_none()>
                <span class="group cap sources">
                    // A frame without an origin gets no camera.
                    {dom::has_origin().then(|| button(tr!("Camera"), move || session.live.set(Some(LiveInput::Camera))).view())}
                    {button(tr!("Draw on it"), move || session.live.set(Some(LiveInput::Brush))).disabled(move || session.picture.with(Option::is_none)).view()}
                </span>
            </Show>
            <label class="cap shift">
                {move || tr!("Moved by {} px", session.state.with(|state| state.shift))}
                <Slider
                    session max=MAX_SHIFT label=tr!("Pixels that the picture is moved to the left")
                    get=|state| state.shift set=|state, shift| state.shift = shift
                />
            </label>
            <p class="cap hint">{tr!("Drop or paste a picture anywhere on this page.")}</p>
        </figure>
    }
}

#[component]
fn Answer(
    /// The session whose answer is shown.
    session: Session,
    /// The network.
    model: ModelRef,
) -> impl IntoView {
    let outcome = {
        let model = model.clone();
        Memo::new(move |_| session.outcomes.with(|outcomes| outcomes.get(&model).cloned()))
    };
    let time = move || match outcome.get() {
        Some(Outcome::Done(answer)) => {
            let ms = answer.ms;
            format!("{} ms", if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") })
        }
        _ => String::new(),
    };
    let name = model.clone();
    view! {
        <article class=format!("card answer {}", hue(&model)) data-net=model.to_string()>
            <h3><i class="dot"></i>{display(&model)}<span>{time}</span></h3>
            {move || match outcome.get() {
                None if session.lack.with(Option::is_some) => view! {
                    <p class="problem">{session.lack.get().map(|lack| lack.to_string())}</p>
                    {button(tr!("Try again"), move || session.load_again()).view()}
                }.into_any(),
                None if !session.awake.get() => view! { <p class="cap asleep">{tr!("Not asked yet.")}</p> }.into_any(),
                None => busy(session, &name, None),
                Some(Outcome::Waiting(progress)) => busy(session, &name, progress),
                Some(Outcome::Done(answer)) => {
                    // Tracked here and not in each answer: a closed answer's subscription would stay in memory.
                    session.files.names.track();
                    view! { <Done session model=name.clone() answer/> }.into_any()
                }
                Some(Outcome::Elsewhere { bytes, host }) => view! { <Elsewhere session model=name.clone() bytes host/> }.into_any(),
                Some(Outcome::Cancelled) => view! { <Again session model=name.clone() message=tr!("Given up.")/> }.into_any(),
                Some(Outcome::Failed(message)) => view! { <Again session model=name.clone() message=message.to_string()/> }.into_any(),
                Some(Outcome::NoWeights) => view! {
                    <p class="problem">{tr!("There are no weights for this network yet, so it cannot be asked. Its diagram is below.")}</p>
                }.into_any(),
            }}
        </article>
    }
}

fn busy(session: Session, model: &ModelRef, progress: Option<Progress>) -> AnyView {
    let model = model.clone();
    view! { <Busy progress cancel=move |()| session.stop(&model)/> }.into_any()
}

#[component]
fn Done(
    /// The session whose answer it is.
    session: Session,
    /// The network.
    model: ModelRef,
    /// Its answer.
    answer: Arc<Answer>,
) -> impl IntoView {
    let row = |class: &Prediction| {
        let name = session.files.name(&model, class.index).unwrap_or_else(|| label(&class.wnid, &class.label));
        format!(
            r#"<li class="row"><span>{}</span><span class="meter"><b style="width:{:.1}%"></b></span><span class="number">{}</span></li>"#,
            escape(&name),
            100.0 * class.p,
            percent(class.p)
        )
    };
    let rows: String = answer.top.iter().map(row).collect();
    let is_unsure = answer.none_of_its_classes;
    let doubt = match (answer.untrained, is_unsure) {
        (true, _) => Some(tr!("These weights were never trained: what they say of a picture would mean nothing.")),
        (_, true) => Some(tr!("Not sure: perhaps none of its ten classes.")),
        _ => None,
    };
    let seen = answer.seen.as_ref().map(|seen| (seen.side, photo(seen.side, &seen.values)));
    let how = answer
        .card
        .as_ref()
        .map(|card| prepared(&card.preprocess, seen.as_ref().map_or(card.preprocess.size, |(side, _)| *side)));
    view! {
        {doubt.map(|doubt| view! { <p class="none">{doubt}</p> })}
        <ol class="top" class:unsure=is_unsure inner_html=rows></ol>
        {seen.map(|(side, url)| view! {
            <figure class="seen">
                <img src=url width=side height=side alt=tr!("The very pixels that this network reads")/>
                <figcaption class="cap">{how}</figcaption>
            </figure>
        })}
        {answer.card.clone().map(|card| view! { <Origin card/> })}
    }
}

/// How an image becomes a network's input: `Reads 224 × 224 px: shorter side to 256, bicubic, centre.`
fn prepared(how: &Preprocess, side: usize) -> String {
    let at = how.at_size(side);
    let filter = match how.interpolation {
        Interpolation::Bilinear => tr!("bilinear"),
        Interpolation::Bicubic => tr!("bicubic"),
    };
    let share = match how.size < how.resize {
        true => format!("{:.1} %", 100.0 * how.size as f64 / how.resize as f64),
        false => tr!("square"),
    };
    tr!("Reads {0} × {0} px: shorter side to {1} ({2}), the middle {3}.", side, at.resize, filter, share)
}

/// A probability in percent with its significant digits: `97.5 %`.
fn percent(p: f64) -> String {
    if p >= 0.995 {
        format!("{:.1} %", 100.0 * p)
    } else if p >= 0.1 {
        format!("{:.0} %", 100.0 * p)
    } else {
        format!("{:.1} %", 100.0 * p)
    }
}

/// Source, recipe and accuracy of the weights.
#[component]
fn Origin(
    /// The weights' details.
    card: Card,
) -> impl IntoView {
    let accuracy = card.accuracy.map(|accuracy| {
        tr!("Top-1 {} % on {} ({}).", format!("{:.1}", accuracy.top1), translate(&accuracy.measured_on), translate(&accuracy.by))
    });
    let words = tr!("Weights: {}. Recipe: {}.", card.origin, translate(&card.recipe));
    view! { <p class="cap origin">{words}{accuracy.map(|accuracy| format!(" {accuracy}"))}</p> }
}

#[component]
fn Elsewhere(
    /// The session that fetches them.
    session: Session,
    /// The network.
    model: ModelRef,
    /// Size of the download in bytes, where known.
    bytes: Option<u64>,
    /// The host that would be contacted.
    host: String,
) -> impl IntoView {
    let card = match model.weights() {
        Some(WeightsSource::Entry(entry)) => Some(entry.card.clone()),
        _ => None,
    };
    view! {
        <Consent bytes host fetch=move |fetching| session.allow_download(&model, fetching)/>
        {card.map(|card| view! { <Origin card/> })}
    }
}

#[component]
fn Again(
    /// The session that retries.
    session: Session,
    /// The network.
    model: ModelRef,
    /// Why it failed.
    message: String,
) -> impl IntoView {
    view! {
        <p class="problem">{message}</p>
        {button(tr!("Try again"), move || session.retry(&model)).view()}
    }
}
