//! The figure **features**: every channel of the layer under study, in every network at once, and class activation maps.

mod column;

use crate::parts::button::button;
use crate::parts::by_network::ByNetwork;
use crate::parts::options::{Choose, options};
use crate::session::Session;
use column::{Column, Look};
use leptos::ev;
use leptos::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use stridescope_i18n::{Message, label, tr, translate};
use stridescope_link::{Colours, Sort};
use stridescope_link::{FILLS, MAX_SIDE, Probe, State, fill_name, fill_named};
use stridescope_protocol::{Answer, Area, Edit, Run, Tap, Tapped};
use stridescope_view::charts;
use stridescope_view::features::{Change, Maps};
use stridescope_view::heatmap::range;
use stridescope_weights::ModelRef;

/// Number of class activation maps.
const CLASSES: usize = 5;
/// The layer whose output is the logits.
const CLASSIFIER: &str = "fc";
/// Time for which a layer is shown while they play.
const PACE: Duration = Duration::from_millis(500);
/// Bins of the histogram.
const BINS: usize = 40;

/// The maps that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Channels,
    /// Class activation maps of the last stage.
    Classes,
    /// Grad-CAM at the layer under study.
    Gradients,
}

impl Shown {
    /// Whether there is one map per class.
    fn is_of_classes(self) -> bool {
        matches!(self, Self::Classes | Self::Gradients)
    }
}

/// The figure's state and open requests.
#[derive(Clone, Copy)]
struct View {
    shown: RwSignal<Shown>,
    look: Look,
    is_playing: RwSignal<bool>,
    /// The open requests.
    asked: StoredValue<Vec<u32>>,
    /// Number of networks without an answer for the layer that is shown.
    left: StoredValue<usize>,
}

impl View {
    fn new(session: Session) -> Self {
        // In the whole page only the prediction is computed without a click; an embedded figure was requested by itself.
        let is_alone = session.state.with_untracked(|state| state.embed.is_some());
        Self {
            shown: RwSignal::new(if is_alone { Shown::Channels } else { Shown::Nothing }),
            look: Look {
                session,
                seen: ByNetwork::new(),
                pointer: RwSignal::new(None),
                top: RwSignal::new(0),
                over_picture: RwSignal::new(false),
                fill: RwSignal::new(String::new()),
                side: RwSignal::new(4),
            },
            is_playing: RwSignal::new(false),
            asked: StoredValue::new(Vec::new()),
            left: StoredValue::new(0),
        }
    }
}

/// The maps of an answer: one per channel of the layer, or one per class.
fn maps(answer: Answer, shown: Shown) -> Maps {
    let (shape, values, names) = if shown.is_of_classes() {
        let shape = answer.cams.first().map(|cam| cam.shape);
        let values = answer.cams.into_iter().flat_map(|cam| cam.values).collect();
        (shape, values, answer.top.iter().map(|class| label(&class.wnid, &class.label)).collect())
    } else {
        let layer = answer.taps.into_iter().next();
        (layer.as_ref().map(|layer| layer.shape), layer.map(|layer| layer.values).unwrap_or_default(), Vec::new())
    };
    let [_, _, height, width] = shape.unwrap_or_default();
    Maps { names, height, width, values, ..Maps::default() }
}

/// The effect of an edit on every channel of the layer, on the stages, and on the prediction.
fn difference(mut answer: Answer) -> Maps {
    // The taps are in the order of the request: the layer first, the classifier last.
    let stages = answer.taps.split_off(1.min(answer.taps.len()));
    let (classifier, stages): (Vec<_>, Vec<_>) = stages.into_iter().partition(|tap| tap.node == CLASSIFIER);
    let top = classifier.first().map(|added| top_five(&answer, &added.values)).unwrap_or_default();
    let mut maps = maps(answer, Shown::Channels);
    maps.status = tr!("{} of {} values differ.", maps.values.iter().filter(|value| **value != 0.0).count(), maps.values.len());
    maps.top = top;
    let change = |Tapped { node, shape: [_, _, height, width], values, .. }| Change::of(node, (height, width), &values);
    maps.stages = stages.into_iter().map(change).collect();
    maps
}

/// The top-5 classes, with their probabilities before and after `added` is added to the logits.
fn top_five(before: &Answer, added: &[f32]) -> Vec<(String, f64, f64)> {
    let logit = |index: usize| match (before.logits.get(index), added.get(index)) {
        (Some(&logit), Some(&added)) => f64::from(logit) + f64::from(added),
        _ => f64::NEG_INFINITY,
    };
    let most = (0..added.len()).map(logit).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = (0..added.len()).map(|index| (logit(index) - most).exp()).sum();
    let now = |index: usize| (logit(index) - most).exp() / sum;
    before.top.iter().map(|class| (label(&class.wnid, &class.label), class.p, now(class.index))).collect()
}

/// The figure.
#[component]
pub fn Features(
    /// The session whose networks and picture are shown.
    session: Session,
) -> impl IntoView {
    let View { shown, look, is_playing, asked, left } = session.figure_state(|| View::new(session));
    let answered = session.answered();
    let node = Memo::new(move |_| session.state.with(|state| state.node.clone()));
    let probe = Memo::new(move |_| session.state.with(|state| state.probe.clone()));
    // Selects the layer `by` steps away; returns whether there is one.
    let step = move |by: isize| {
        let found = session.state.with_untracked(|state| {
            let graph = state.graphs().ok()?.into_iter().next()?;
            let at = graph.find(&state.node).unwrap_or(0).checked_add_signed(by)?;
            graph.nodes.get(at).map(|node| node.id.clone())
        });
        let Some(node) = found else { return false };
        if is_playing.get_untracked() {
            session.change_in_gesture(|state| state.node = node);
        } else {
            session.change(|state| state.node = node);
        }
        true
    };
    Effect::new(move |_| {
        let (networks, node, shown, probe) = (answered.get(), node.get(), shown.get(), probe.get());
        asked.update_value(|asked| asked.drain(..).for_each(|id| session.cancel(id)));
        if shown == Shown::Nothing {
            return;
        }
        left.set_value(networks.len());
        look.seen.keep(&networks);
        for (model, _) in networks {
            let put = {
                let name = model.clone();
                move |maps: Result<Maps, Message>| {
                    look.seen.put(name, maps);
                    left.update_value(|left| *left = left.saturating_sub(1));
                    if left.get_value() == 0 && is_playing.get_untracked() {
                        let on = move || {
                            if is_playing.get_untracked() && !step(1) {
                                is_playing.set(false);
                            }
                        };
                        set_timeout(on, PACE);
                    }
                }
            };
            let ask = {
                let node = node.clone();
                move |run: &mut Run| match shown {
                    Shown::Classes => run.cams = CLASSES,
                    Shown::Gradients => (run.cams, run.cam_at) = (CLASSES, Some(node)),
                    _ => run.taps = vec![Tap::values(node)],
                }
            };
            let id = match probe.clone().filter(|_| shown == Shown::Channels) {
                None => session.run_extra(&model, ask, move |answer| put(answer.map(|answer| maps(answer, shown)))),
                Some(Probe { node, y, x, side, fill }) => {
                    let stages = session.state.with_untracked(|state| state.stages(&model));
                    let changed = move |run: &mut Run| {
                        ask(run);
                        run.taps.extend(stages.into_iter().map(Tap::values));
                        run.taps.push(Tap::values(CLASSIFIER));
                        run.edits = vec![Edit { node, area: Area::Square { y, x, side }, fill }];
                    };
                    session.run_extra(&model, changed, move |answer| put(answer.map(difference)))
                }
            };
            asked.update_value(|asked| asked.extend(id));
        }
    });
    let show = move |what: Shown| {
        session.change(|state| state.channel = 0);
        look.seen.clear();
        look.over_picture.set(what.is_of_classes());
        shown.set(what);
    };
    let play = move || {
        is_playing.update(|playing| *playing = !*playing);
        session.end_gesture();
        if is_playing.get_untracked() {
            if shown.get_untracked() == Shown::Nothing {
                show(Shown::Channels);
            } else if !step(1) {
                is_playing.set(false);
            }
        }
    };
    let set = move |change: &dyn Fn(&mut State)| {
        session.change(change);
        true
    };
    let sort = Signal::derive(move || session.state.with(|state| state.sort.name().to_string()));
    let set_sort = move |name: String| {
        Sort::ALL.into_iter().find(|sort| sort.name() == name).is_some_and(|sort| set(&|state| state.sort = sort))
    };
    let colours = Signal::derive(move || session.state.with(|state| state.colours.name().to_string()));
    let set_colours = move |name: String| {
        Colours::ALL
            .into_iter()
            .find(|colours| colours.name() == name)
            .is_some_and(|colours| set(&|state| state.colours = colours))
    };
    if let Some(probe) = probe.get_untracked() {
        look.fill.set(fill_name(probe.fill).into());
        look.side.set(probe.side);
    }
    let Look { fill, side, .. } = look;
    let set_fill = move |name: String| {
        session.change(|state| {
            state.probe = state.probe.take().and_then(|probe| Some(Probe { fill: fill_named(&name)?, ..probe }));
        });
        fill.set(name);
        true
    };
    let set_side = move |event| {
        if let Some(wanted) = event_target_value(&event).parse().ok().filter(|side| (1..=MAX_SIDE).contains(side)) {
            side.set(wanted);
            session.change(|state| {
                if let Some(probe) = &mut state.probe {
                    probe.side = wanted
                }
            });
        }
    };
    // Inputs for row and column: the keyboard's way to place the probe.
    let place = move |label: String, get: fn(&Probe) -> usize, set: fn((usize, usize), usize) -> (usize, usize)| {
        let value = move || probe.with(|probe| probe.as_ref().map(|probe| get(probe).to_string()).unwrap_or_default());
        let put = move |event: ev::Event| {
            let Ok(wanted) = event_target_value(&event).parse() else { return };
            if probe.with_untracked(Option::is_none) {
                let (y, x) = set((0, 0), wanted);
                return look.put_probe(y, x);
            }
            session.change(|state| {
                if let Some(probe) = &mut state.probe {
                    (probe.y, probe.x) = set((probe.y, probe.x), wanted);
                }
            });
        };
        view! { <label>{label}<input type="number" min="0" prop:value=value on:change=put disabled=move || fill.with(String::is_empty)/></label> }
    };
    let fills = std::iter::once(("", tr!("none"))).chain(FILLS.iter().map(|(_, name, title)| (*name, translate(title))));
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    let histogram = move || {
        // Two networks may have different classes.
        if shown.get() != Shown::Channels {
            return None;
        }
        let channel = session.state.with(|state| state.channel);
        let all = look.seen.all();
        let ends = all.iter().map(|(_, maps)| range(maps.map(channel))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (nets, maps): (Vec<ModelRef>, Vec<Arc<Maps>>) = all.into_iter().unzip();
        let series = |ends| maps.iter().map(|maps| maps.histogram(channel, ends, BINS)).collect::<Vec<_>>();
        ends.map(|ends| charts::histogram(&maps[0].name(channel), &nets, &series(ends)))
    };
    view! {
        <div class="choices">
            <span class="group" role="group" aria-label=tr!("Maps")>
                {[(Shown::Channels, tr!("Channels")), (Shown::Classes, tr!("Class activation")), (Shown::Gradients, tr!("Grad-CAM"))].map(|(what, title)| {
                    button(title, move || show(what)).pressed(move || shown.get() == what).view()
                })}
            </span>
            <span class="group" role="group" aria-label=tr!("Layer")>
                {button("←", move || { step(-1); }).named(tr!("Layer before")).view()}
                {button("→", move || { step(1); }).named(tr!("Layer after")).view()}
                {button(move || if is_playing.get() { tr!("Pause") } else { tr!("Play") }, play).named(tr!("Play through the layers")).view()}
            </span>
            <Choose label=tr!("Order") options=options(Sort::ALL.map(|sort| (sort.name(), translate(sort.name())))) current=sort choose=set_sort/>
            <Choose label=tr!("Colours") options=options(Colours::ALL.map(|colours| (colours.name(), translate(colours.name())))) current=colours choose=set_colours/>
            {button(tr!("One scale for all"), move || session.change(|state| state.one_scale = !state.one_scale))
                .pressed(move || session.state.with(|state| state.one_scale))
                .view()}
            {button(tr!("Over the picture"), move || look.over_picture.update(|on| *on = !*on)).pressed(move || look.over_picture.get()).view()}
            <Choose label=tr!("Probe") options=options(fills) current=fill choose=set_fill/>
            <label>{tr!("Side")}<input type="number" min="1" max=MAX_SIDE prop:value=move || side.get().to_string() on:change=set_side/></label>
            {place(tr!("Row"), |probe| probe.y, |(_, x), y| (y, x))}
            {place(tr!("Column"), |probe| probe.x, |(y, _), x| (y, x))}
            <span>{move || match probe.get() {
                Some(Probe { node, y, x, .. }) => tr!("{} is changed at row {}, column {}; differences are shown.", node, y, x),
                None if fill.with(String::is_empty) => String::new(),
                None => tr!("Click an enlarged map to change it there, or write row and column."),
            }}</span>
            {move || probe.get().map(|_| view! { <span class="cap">{tr!("A value counts where it differs in exact arithmetic: where it reads one that does, but not behind a ReLU that puts out zero before and after, nor behind a max pooling that passes on a value that is the same. Rounding counts nowhere.")}</span> })}
        </div>
        <Show when=move || shown.get() != Shown::Nothing fallback=|| view! { <p class="problem">{tr!("Choose what to look at. It is computed when it is asked for.")}</p> }>
            <p class="cap">{move || match shown.get() {
                Shown::Classes => tr!("Where each network finds its most likely classes: its last map, weighted as the classifier weighs it."),
                Shown::Gradients => tr!("Where each network finds its most likely classes at {}: its maps, each weighted by how much the class moves with it.", node.get()),
                _ => tr!("What each network computes of this picture at {}.", node.get()),
            }}</p>
            <div class="cols">
                <For each=move || models.get() key=ModelRef::to_string let:model><Column look model/></For>
            </div>
            {move || histogram().map(|chart| view! { <figure class="card drawn"><figcaption>{chart.title.clone()}</figcaption><div inner_html=chart.svg></div></figure> })}
        </Show>
    }
}
