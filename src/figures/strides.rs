//! The figure **strides**: which positions of a map each path reads, which positions are dead, and a check that dead positions change nothing.

use crate::parts::button::button;
use crate::parts::save::Save;
use crate::session::{Outcome, Session};
use leptos::prelude::*;
use std::time::Duration;
use stridescope_arch::transition::{Reading, Transition};
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::{Message, label, tr, translate};
use stridescope_link::State;
use stridescope_link::names::{display, hue};
use stridescope_protocol::{Answer, Area, Edit, Fill, Prediction};
use stridescope_view::markup::Table;
use stridescope_view::strides::{frame, magnifier, offset, overview, percent, place, shades, summary};
use stridescope_view::svg_export::{self, Palette, PathDrawn};
use stridescope_view::tables::merged;
use stridescope_weights::ModelRef;

/// Interval between two steps of the animated walk.
const PACE: Duration = Duration::from_millis(400);

/// A network and its transitions.
type Walked = (ModelRef, Vec<Transition>);

/// The figure.
#[component]
pub fn Strides(
    /// The session whose networks and picture are shown.
    session: Session,
) -> impl IntoView {
    // Only the networks and the size change the transitions.
    let requested = Memo::new(move |_| {
        session.state.with(|state| State { models: state.models.clone(), size: state.size, ..State::default() })
    });
    let networks = Memo::new(move |_| {
        requested
            .with(|state| state.models.iter().map(|model| (model.clone(), state.transitions(model))).collect::<Vec<Walked>>())
    });
    // The transition of the layer under study, else the first downsampling block.
    let chosen = Memo::new(move |_| {
        networks.with(|networks| {
            let node = session.state.with(|state| state.node.clone());
            let all = || networks.iter().flat_map(|(_, transitions)| transitions);
            let holds = |transition: &&Transition| node == transition.id || node.starts_with(&format!("{}.", transition.id));
            let found =
                all().find(holds).or_else(|| all().find(|transition| transition.readings.len() > 1)).or_else(|| all().next());
            found.map(|transition| transition.id.clone()).unwrap_or_default()
        })
    });
    let step = RwSignal::new(0usize);
    // The walk follows the output of the first network that has this transition; the others keep pace.
    let walk = Memo::new(move |_| {
        networks.with(|networks| {
            let id = chosen.get();
            let found = networks.iter().flat_map(|(_, transitions)| transitions).find(|transition| transition.id == id);
            let smallest = found.and_then(|transition| transition.readings.iter().map(|reading| reading.out).min());
            smallest.unwrap_or((1, 1))
        })
    });
    let steps = move || {
        let (rows, columns) = walk.get();
        rows * columns
    };
    let playing = RwSignal::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(handle) = playing.try_update(Option::take).flatten() {
            handle.clear();
        }
    };
    let play = move || {
        if playing.with_untracked(Option::is_some) {
            return stop();
        }
        let advance = move || {
            let next = step.get_untracked() + 1;
            if next < steps() { step.set(next) } else { stop() }
        };
        if step.get_untracked() + 1 >= steps() {
            step.set(0);
        }
        playing.set(set_interval_with_handle(advance, PACE).ok());
    };
    on_cleanup(stop);
    Effect::new(move |_| {
        // The walk over another map starts near its middle, where the picture has something to show.
        let (rows, columns) = walk.get();
        step.set(rows / 2 * columns + columns / 2);
    });
    let checked = RwSignal::new(Vec::<(ModelRef, Result<Check, Message>)>::new());
    Effect::new(move |_| {
        // A check is only valid for the picture and the networks that are shown.
        session.outcomes.track();
        checked.set(Vec::new());
    });
    let check = move |fill: Fill| {
        checked.set(Vec::new());
        for (model, transitions) in networks.get_untracked() {
            let maps: Vec<String> = transitions.into_iter().filter(|t| t.readings.len() > 1).map(|t| t.map).collect();
            if untrack(|| session.answer(&model)).is_none() {
                continue;
            }
            let edits = maps.into_iter().map(|node| Edit { node, area: Area::Unread, fill }).collect();
            let name = model.clone();
            session.run_extra(
                &model,
                |run| run.edits = edits,
                move |answer| {
                    let check = answer.map(|answer| Check::of(&answer)).transpose();
                    checked.update(|checked| checked.extend(check.map(|check| (name, check))));
                },
            );
        }
    };
    let can_check =
        move || session.outcomes.with(|outcomes| outcomes.values().any(|outcome| matches!(outcome, Outcome::Done(_))));
    view! {
        <Strip session networks chosen/>
        <div class="choices walk">
            {button(move || if playing.with(Option::is_some) { tr!("Pause") } else { tr!("Play") }, play).view()}
            <input
                type="range" min="0" max=move || steps().saturating_sub(1) aria-label=tr!("Step of the walk")
                aria-valuetext=move || position_text(step.get(), walk.get())
                prop:value=move || step.get().to_string()
                on:input=move |event| if let Ok(at) = event_target_value(&event).parse() { step.set(at) }
            />
            <span class="number">{move || position_text(step.get(), walk.get())}</span>
        </div>
        <div class="cols">
            {move || {
                let networks = networks.get();
                let id = chosen.get();
                networks.into_iter().map(|(model, transitions)| {
                    let transition = transitions.into_iter().find(|transition| transition.id == id);
                    view! { <Column session model transition step walk checked/> }
                }).collect_view()
            }}
        </div>
        <div class="offer">
            <p>{tr!("Does what nobody reads matter? Change every position that the original never reads, at each transition, and compute again.")}</p>
            {button(tr!("Set them to zero"), move || check(Fill::Zero)).class("solid").disabled(move || !can_check()).view()}
            {button(tr!("Replace them by noise"), move || check(Fill::Noise)).disabled(move || !can_check()).view()}
        </div>
    }
}

fn position_text(step: usize, (rows, columns): (usize, usize)) -> String {
    tr!("row {}, column {} of {} × {}", step / columns.max(1), step % columns.max(1), rows, columns)
}

/// A strip with every transition of every network; a click selects one.
#[component]
fn Strip(
    /// The session whose layer under study is changed.
    session: Session,
    /// The networks and their transitions.
    networks: Memo<Vec<Walked>>,
    /// The selected transition.
    chosen: Memo<String>,
) -> impl IntoView {
    // Name and layer of each transition.
    let ids = move || {
        networks.with(|networks| {
            let all = || networks.iter().map(|(_, transitions)| transitions);
            let node = |id: String| {
                let node = all().flatten().find(|transition| transition.id == id).map(|transition| transition.node.clone());
                (id, node.unwrap_or_default())
            };
            let ids = merged(all().map(|transitions| transitions.iter().map(|transition| transition.id.as_str())));
            ids.into_iter().map(node).collect::<Vec<_>>()
        })
    };
    let share = |transition: &Transition| {
        let shares: Vec<String> = transition.readings.iter().map(|reading| percent(reading.reads.read_percent())).collect();
        shares.join(" / ")
    };
    let rows = move || {
        let row = |(model, transitions): Walked| {
            let cell = |(id, _)| transitions.iter().find(|transition| transition.id == id).map_or("–".into(), share).into();
            (Some(hue(&model)), display(&model), ids().into_iter().map(cell).collect())
        };
        Table { rows: networks.get().into_iter().map(row).collect(), ..Table::default() }.rows_html()
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=tr!("Share of positions read at every transition")>
            <table class="strip">
                <caption>{tr!("Read by path A / path B")}</caption>
                <thead><tr><td></td>{move || ids().into_iter().map(|(id, node)| {
                    let is_chosen = { let id = id.clone(); move || chosen.get() == id };
                    view! {
                        <th scope="col">
                            {button(id, move || session.change(|state| state.node.clone_from(&node))).pressed(is_chosen).view()}
                        </th>
                    }
                }).collect_view()}</tr></thead>
                <tbody inner_html=rows></tbody>
            </table>
        </div>
    }
}

/// The effect of changing dead positions on the logits.
#[derive(Clone, PartialEq)]
struct Check {
    changed: usize,
    classes: usize,
    most: f32,
    top: (String, String),
}

impl Check {
    /// Compares logits and classes without and with the edits, both computed by the same kernels on one device.
    fn of(answer: &Answer) -> Option<Self> {
        let changed = answer.changed.as_ref()?;
        let (before, after) = (&answer.logits, &changed.logits);
        let pairs = || before.iter().zip(after.iter());
        let first = |top: &[Prediction]| top.first().map(|class| label(&class.wnid, &class.label)).unwrap_or_default();
        Some(Self {
            changed: pairs().filter(|(a, b)| a.to_bits() != b.to_bits()).count(),
            classes: before.len(),
            most: pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max),
            top: (first(&answer.top), first(&changed.top)),
        })
    }

    fn words(&self) -> String {
        match self.changed {
            0 => tr!("Not one bit of its {} logits changed.", self.classes),
            n => {
                let (before, after) = &self.top;
                let most = format!("{:.2}", self.most);
                if before == after {
                    tr!("{} of {} logits changed, by up to {}; it still says {}.", n, self.classes, most, after)
                } else {
                    tr!("{} of {} logits changed, by up to {}; it says {} instead of {}.", n, self.classes, most, after, before)
                }
            }
        }
    }
}

#[component]
fn Column(
    /// The session whose maps are shown.
    session: Session,
    /// The network.
    model: ModelRef,
    /// The transition, if this network has it.
    transition: Option<Transition>,
    /// The current step of the walk.
    step: RwSignal<usize>,
    /// Rows and columns of the walk.
    walk: Memo<(usize, usize)>,
    /// The results of the checks.
    checked: RwSignal<Vec<(ModelRef, Result<Check, Message>)>>,
) -> impl IntoView {
    let name = display(&model);
    let colour = hue(&model);
    let Some(transition) = transition else {
        return view! { <article class=format!("card {colour}")><h3><i class="dot"></i>{name}</h3><p class="problem">{tr!("This network keeps its size here.")}</p></article> }.into_any();
    };
    let positions = transition.size.0 * transition.size.1;
    let map = transition.map.clone();
    let shown = {
        let model = model.clone();
        let map = map.clone();
        Memo::new(move |_| shades(session.answer(&model).as_ref().and_then(|answer| answer.mean(&map)), positions))
    };
    let words = offset(&transition);
    let dead = transition.dead();
    let drawn = StoredValue::new(transition.readings.clone());
    let draw = {
        let (model, map, id) = (model.clone(), map.clone(), transition.id.clone());
        move |palette: Palette| {
            let what = tr!("{}: what is read of {}, whose channels' mean is shown; grey is never read.", id, map);
            let caption = session.state.with_untracked(|state| state.caption(&model, what));
            let drawn = drawn.with_value(|readings| {
                let of = |reading: &Reading| {
                    let at = place(reading, step.get_untracked(), walk.get_untracked());
                    shown.with_untracked(|shades| PathDrawn {
                        path: translate(reading.path),
                        map: overview(reading, shades),
                        frame: frame(reading, at),
                        magnifier: magnifier(reading, shades, at),
                        words: summary(reading),
                    })
                };
                readings.iter().map(of).collect::<Vec<_>>()
            });
            Some((format!("{model}-{id}-strides"), svg_export::strides(&drawn, &caption, palette)))
        }
    };
    let paths = transition.readings.into_iter().map(|reading| {
        let reading = StoredValue::new(reading);
        let at = move || reading.with_value(|reading| place(reading, step.get(), walk.get()));
        let findings = reading.with_value(summary);
        view! {
            <div class="path">
                <p class="which">{reading.with_value(|reading| translate(reading.path))}</p>
                <div class="whole">
                    <img alt="" src=move || reading.with_value(|reading| shown.with(|shades| overview(reading, shades)))/>
                    <div inner_html=move || reading.with_value(|reading| frame(reading, at()))></div>
                </div>
                <div inner_html=move || reading.with_value(|reading| shown.with(|shades| magnifier(reading, shades, at())))></div>
                <p class="cap">{findings}"."</p>
            </div>
        }
    }).collect_view();
    view! {
        <article class=format!("card {colour}")>
            <h3><i class="dot"></i>{name.clone()}<span>{tr!("mean of {}, {} × {}", map, transition.size.0, transition.size.1)}</span></h3>
            <div class="paths">{paths}</div>
            <p class="cap">{words}
                " "{if dead == 0 { tr!("Every position can matter.") } else {
                    tr!("{} of {} positions were computed for nobody.", grouped(dead), grouped(positions as u64))
                }}
            </p>
            <p class="checked" role="status">{move || checked.with(|checked| checked.iter().find(|(name, _)| *name == model).map(|(_, check)| match check {
                Ok(check) => check.words(),
                Err(sentence) => sentence.to_string(),
            }))}</p>
            <Save session what=tr!("what {} reads", name) draw/>
        </article>
    }.into_any()
}
