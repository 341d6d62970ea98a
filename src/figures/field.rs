//! The figure **receptive field**: which pixels a position of a layer can depend on, and which it does depend on, in every network.

use crate::dom;
use crate::parts::button::button;
use crate::parts::by_network::{ByNetwork, why_not};
use crate::parts::save::Save;
use crate::parts::slider::Slider;
use crate::session::Session;
use leptos::ev;
use leptos::prelude::*;
use stridescope_i18n::{Message, msg, tr};
use stridescope_link::names::{display, hue};
use stridescope_link::{State, WHOLE};
use stridescope_protocol::{Answer, UnitRef};
use stridescope_view::field::{Seen, place};
use stridescope_view::heatmap::grey;
use stridescope_view::svg_export::{self, Over};
use stridescope_weights::ModelRef;

/// The figure's state and open requests.
#[derive(Clone, Copy)]
struct View {
    is_on: RwSignal<bool>,
    one_channel: RwSignal<bool>,
    known: ByNetwork<Seen>,
    /// The open requests.
    requested: StoredValue<Vec<u32>>,
}

impl View {
    fn new(session: Session) -> Self {
        // In the whole page it is computed after a click; an embedded figure was requested by itself.
        let is_alone = session.state.with_untracked(|state| state.embed.is_some());
        let (is_on, one_channel) = (RwSignal::new(is_alone), RwSignal::new(false));
        Self { is_on, one_channel, known: ByNetwork::new(), requested: StoredValue::new(Vec::new()) }
    }
}

/// The figure.
#[component]
pub fn FieldFigure(
    /// The session whose networks and picture are shown.
    session: Session,
) -> impl IntoView {
    let View { is_on, one_channel, known, requested } = session.figure_state(|| View::new(session));
    let answered = session.answered();
    let target = Memo::new(move |_| {
        session.state.with(|state| (state.node.clone(), state.at, one_channel.get().then_some(state.channel)))
    });
    Effect::new(move |_| {
        let (networks, (node, at, channel)) = (answered.get(), target.get());
        requested.update_value(|requested| requested.drain(..).for_each(|id| session.cancel(id)));
        if !is_on.get() {
            return;
        }
        known.keep(&networks);
        for (model, _) in networks {
            let graph = session.state.with_untracked(|state| state.graph(&model));
            let Some((side, place)) = graph.and_then(|graph| Some((graph.input.width, place(&graph, &node, at)?))) else {
                known.put(model, Err(msg!("This network has no layer {}.", node)));
                continue;
            };
            let (y, x) = place.at;
            let unit = UnitRef { node: node.clone(), channel, y, x };
            let name = model.clone();
            let on_answer = move |answer: Result<Answer, Message>| {
                let seen =
                    answer.map(|answer| Seen::of(place, side, answer.gradients.first().map_or(&[], |gradient| &gradient.values)));
                known.put(name, seen);
            };
            let id = session.run_extra(&model, |run| run.gradients = vec![unit], on_answer);
            requested.update_value(|requested| requested.extend(id));
        }
    });
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    let slider = move |label: String, get: fn(&State) -> usize, set: fn(&mut State, usize)| {
        view! { <label>{label}<Slider session max=WHOLE step=10 get set/></label> }
    };
    view! {
        <div class="choices walk">
            {button(tr!("Compute"), move || is_on.update(|on| *on = !*on)).pressed(move || is_on.get()).view()}
            {slider(tr!("Down"), |state| state.at.0, |state, share| state.at.0 = share)}
            {slider(tr!("Across"), |state| state.at.1, |state, share| state.at.1 = share)}
            {button(tr!("One channel"), move || one_channel.update(|one| *one = !*one)).pressed(move || one_channel.get()).view()}
            <span>{move || session.state.with(|state| if one_channel.get() {
                tr!("{}, channel {}, as chosen above.", state.node, state.channel)
            } else {
                tr!("{}, all channels together.", state.node)
            })}</span>
        </div>
        <Show when=move || is_on.get() fallback=|| view! { <p class="problem">{tr!("It is computed when it is asked for: one pass back through each network.")}</p> }>
            <div class="cols">
                <For each=move || models.get() key=ModelRef::to_string let:model><Column session known model/></For>
            </div>
        </Show>
    }
}

#[component]
fn Column(
    /// The session whose picture is shown.
    session: Session,
    /// The answers.
    known: ByNetwork<Seen>,
    /// The network.
    model: ModelRef,
) -> impl IntoView {
    let (name, requested) = (display(&model), model.clone());
    let colour = hue(&model);
    let found = {
        let model = model.clone();
        Memo::new(move |_| known.of(&model))
    };
    let with = move |read: &dyn Fn(&Seen) -> String| {
        found.with(|found| found.as_ref().and_then(|seen| seen.as_ref().ok()).map(|seen| read(seen)))
    };
    let behind = {
        let model = model.clone();
        move || session.answer(&model)?.mean("input").map(grey)
    };
    let light = move || with(&Seen::picture);
    let choose = move |event: ev::MouseEvent| {
        if let Some((x, y)) = dom::share(&event, ".whole") {
            let thousandths = |share: f64| (share * WHOLE as f64) as usize;
            session.change(|state| state.at = (thousandths(y), thousandths(x)));
        }
    };
    let draw = {
        let behind = behind.clone();
        move |palette: svg_export::Palette| {
            let state = session.state.get_untracked();
            let words = with(&Seen::words)?;
            let caption = state.caption(&model, format!("{}. {words}", state.node));
            let layers: Vec<String> = behind().into_iter().chain(light()).collect();
            Some((
                format!("{model}-{}-field", state.node),
                svg_export::map(&layers, Over::Light, &with(&Seen::frame)?, &caption, palette),
            ))
        }
    };
    view! {
        <article class=format!("card {colour}")>
            <h3><i class="dot"></i>{name.clone()}</h3>
            {move || found.with(|found| why_not(found.as_ref(), || session.hindrance(&requested))).map(|words| view! { <p class="problem">{words}</p> })}
            <div class="whole enlarged lit" on:click=choose>
                {move || behind().map(|src| view! { <img class="behind" alt="" src=src/> })}
                {move || light().map(|src| view! { <img alt=move || with(&Seen::words).unwrap_or_default() src=src/> })}
                <div inner_html=move || with(&Seen::frame)></div>
            </div>
            <p class="cap">{move || with(&Seen::words)}</p>
            <Save session what=tr!("the receptive field of {}", name) draw/>
        </article>
    }
}
