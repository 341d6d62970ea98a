//! One column of the figure **features**: the maps of one network.

use crate::dom;
use crate::parts::by_network::{ByNetwork, why_not};
use crate::parts::save::Save;
use crate::session::Session;
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_link::Colours;
use stridescope_link::names::{display, hue};
use stridescope_link::{Probe, fill_named};
use stridescope_view::features::{Maps, TILE};
use stridescope_view::heatmap::{self, grey};
use stridescope_view::svg_export::{self, Over};
use stridescope_weights::ModelRef;

/// Rows rendered above and below the visible part of the wall.
const MARGIN: usize = 2;

/// State shared by all columns.
#[derive(Clone, Copy)]
pub struct Look {
    /// The session whose networks and picture are shown.
    pub session: Session,
    /// The answers.
    pub seen: ByNetwork<Maps>,
    /// Position of the pointer over an enlarged map, from 0 to 1 across and down.
    pub pointer: RwSignal<Option<(f64, f64)>>,
    /// Scroll position of the walls, in CSS pixels.
    pub top: RwSignal<i32>,
    /// Whether enlarged maps are drawn over the picture.
    pub over_picture: RwSignal<bool>,
    /// The probe's fill, by its name in a link; empty for no probe.
    pub fill: RwSignal<String>,
    /// Rows and columns that a probe changes.
    pub side: RwSignal<usize>,
}

impl Look {
    /// Puts the probe's square at a position of the layer under study, if a fill is chosen.
    pub fn put_probe(self, y: usize, x: usize) {
        if let Some(fill) = self.fill.with_untracked(|name| fill_named(name)) {
            let side = self.side.get_untracked();
            self.session.change(|state| state.probe = Some(Probe { node: state.node.clone(), y, x, side, fill }));
        }
    }

    /// The range of the shared colour scale, over everything shown; none where each network has its own.
    fn common(self, of: impl Fn(&Maps) -> &[f32]) -> Option<(f32, f32)> {
        self.session.state.with(|state| state.one_scale).then(|| {
            let ends = self.seen.all().into_iter().map(|(_, maps)| maps.ends(of(&maps)));
            ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 1.0))
        })
    }
}

/// One network: the enlarged map, the effect of the probe, and the wall of all channels.
#[component]
pub fn Column(
    /// State shared by all columns.
    look: Look,
    /// The network.
    model: ModelRef,
) -> impl IntoView {
    let session = look.session;
    let (name, asked) = (display(&model), model.clone());
    let found = {
        let model = model.clone();
        Memo::new(move |_| look.seen.of(&model))
    };
    let with = move |read: &dyn Fn(&Maps) -> String| {
        found.with(|found| found.as_ref().and_then(|maps| maps.as_ref().ok()).map(|maps| read(maps)))
    };
    let channel = move || session.state.with(|state| state.channel);
    let order = Memo::new(move |_| {
        let (sort, base) = session.state.with(|state| (state.sort, state.baseline().cloned()));
        let base = base.and_then(|base| look.seen.of(&base)?.ok());
        found
            .with(|found| found.as_ref().and_then(|maps| maps.as_ref().ok()).map(|maps| maps.order(sort, base.as_deref())))
            .unwrap_or_default()
    });
    let wall = NodeRef::<Div>::new();
    let across = RwSignal::new(6usize);
    let measure = move || {
        if let Some(wall) = wall.get_untracked() {
            across.set((wall.client_width() as usize / TILE).max(1));
        }
    };
    Effect::new(move |_| {
        found.track();
        let top = look.top.get();
        measure();
        if let Some(wall) = wall.get_untracked().filter(|wall| wall.scroll_top() != top) {
            wall.set_scroll_top(top);
        }
    });
    // Differences have both signs and need a diverging colour map.
    let palette = move || {
        heatmap::palette(session.state.with(|state| if state.probe.is_some() { Colours::Diverging } else { state.colours }))
    };
    let tiles = move || {
        let (palette, chosen) = (palette(), channel());
        let ends = look.common(|maps| &maps.values);
        let first = (look.top.get().max(0) as usize / TILE).saturating_sub(MARGIN);
        let rows = first..first + 5 + 2 * MARGIN;
        order
            .with(|order| with(&|maps| maps.wall(order, (rows.clone(), across.get()), &palette, ends, chosen)))
            .unwrap_or_default()
    };
    let height = move || order.with(|order| format!("height:{}px", order.len().div_ceil(across.get()) * TILE));
    let enlarged = move || {
        let (palette, channel) = (palette(), channel());
        let ends = look.common(|maps| maps.map(channel));
        with(&|maps| maps.picture(channel, &palette, ends.unwrap_or_else(|| maps.ends(maps.map(channel)))))
    };
    let behind = {
        let model = model.clone();
        move || {
            let answer = look.over_picture.get().then(|| session.answer(&model))??;
            answer.mean("input").map(grey)
        }
    };
    let side = {
        let model = model.clone();
        Memo::new(move |_| session.state.with(|state| state.run_size(&model)))
    };
    let words = move || {
        let channel = channel();
        let place = look.pointer.get();
        with(&|maps| match place {
            None => maps.words(channel),
            Some((x, y)) => {
                let at = ((y * maps.height as f64) as usize, (x * maps.width as f64) as usize);
                let value = maps.at(channel, at).map_or("–".into(), |value| format!("{value:.3}"));
                let pixel = |share: f64| (share * side.get() as f64) as usize;
                tr!("{}, row {}, column {} (pixel {}, {}): {}", maps.name(channel), at.0, at.1, pixel(y), pixel(x), value)
            }
        })
    };
    let point = move |event: ev::PointerEvent| {
        look.pointer.set(dom::share(&event, ".whole"));
    };
    // A touch has no position until it taps.
    let put_probe = move |event: ev::MouseEvent| {
        let place = dom::share(&event, ".whole");
        look.pointer.set(place);
        let size = found
            .with_untracked(|found| found.as_ref().and_then(|maps| maps.as_ref().ok()).map(|maps| (maps.height, maps.width)));
        if let (Some((x, y)), Some((height, width))) = (place, size) {
            look.put_probe((y * height as f64) as usize, (x * width as f64) as usize);
        }
    };
    let choose = move |channel: usize| session.change(|state| state.channel = channel);
    let on_key = move |event: ev::KeyboardEvent| {
        let across = across.get_untracked() as isize;
        let by = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "ArrowUp" => -across,
            "ArrowDown" => across,
            _ => return,
        };
        event.prevent_default();
        let chosen = session.state.with_untracked(|state| state.channel);
        let next = order.with_untracked(|order| {
            let at = order.iter().position(|&index| index == chosen)?;
            let next = at.checked_add_signed(by)?;
            Some((next, *order.get(next)?))
        });
        if let Some((place, channel)) = next {
            session.change_in_gesture(|state| state.channel = channel);
            let row = (place / across as usize * TILE) as i32;
            let top = look.top.get_untracked();
            look.top.set(if row < top { row } else { top.max(row - 4 * TILE as i32) });
        }
    };
    let colour = hue(&model);
    let (model, shown_behind) = (model.clone(), behind.clone());
    let draw = move |palette: svg_export::Palette| {
        let words = with(&|maps| maps.words(channel()))?;
        let state = session.state.get_untracked();
        let caption = state.caption(&model, format!("{}. {words}", state.node));
        let layers: Vec<String> = shown_behind().into_iter().chain([enlarged()?]).collect();
        Some((format!("{model}-{}", state.node), svg_export::map(&layers, Over::Veil, "", &caption, palette)))
    };
    view! {
        <article class=format!("card {}", colour)>
            <h3><i class="dot"></i>{name.clone()}</h3>
            {move || found.with(|found| why_not(found.as_ref(), || session.hindrance(&asked))).map(|words| view! { <p class="problem">{words}</p> })}
            <div class="whole enlarged" class:over=move || look.over_picture.get() on:pointermove=point on:click=put_probe on:pointerleave=move |_| look.pointer.set(None)>
                {move || behind().map(|src| view! { <img class="behind" alt="" src=src/> })}
                {move || enlarged().map(|src| view! { <img alt=move || words().unwrap_or_default() src=src/> })}
            </div>
            <p class="cap">{words}</p>
            <p class="checked">{move || with(&|maps| maps.status.clone())}</p>
            <div class="stages" inner_html=move || with(&Maps::aftermath)></div>
            <div
                class="wall" node_ref=wall tabindex="0" role="group"
                aria-label=tr!("Maps of {}: arrow keys choose one", name)
                on:scroll=move |_| if let Some(wall) = wall.get_untracked() { look.top.set(wall.scroll_top()); measure(); }
                on:click=move |event| {
                    let tile = dom::closest(&event, "[data-channel]").and_then(|tile| tile.get_attribute("data-channel"));
                    if let Some(channel) = tile.and_then(|channel| channel.parse().ok()) { choose(channel) }
                }
                on:keydown=on_key
                on:keyup=move |_| session.end_gesture()
            >
                <div style=height inner_html=tiles></div>
            </div>
            <Save session what=tr!("the map of {}", name) draw/>
        </article>
    }
}
