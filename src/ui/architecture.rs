//! The figure **architecture**: block diagrams side by side, aligned, what differs from the original coloured.

use super::dom;
use super::inspector::Inspector;
use super::names::{display, hue, short_count, tagline};
use super::session::Session;
use super::state::State;
use crate::arch::diff::{Change, Difference, differences, grouped};
use crate::arch::{Graph, cost, diagram};
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, SvgElement};

/// One network's column, ready to show.
#[derive(Clone, PartialEq)]
struct Drawn {
    net: String,
    svg: String,
    column: diagram::Column,
    macs: u64,
    params: u64,
    /// What the network it is compared with is called, and what differs; nothing for that network itself.
    differences: Option<(String, Vec<Difference>)>,
}

fn drawn(state: &State) -> Result<Vec<Drawn>, String> {
    let graphs = state.graphs().map_err(|error| dom::sentence(&error.to_string()))?;
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), state.open_stage());
    let base = state.base_index();
    let column = |(index, ((net, graph), column)): (usize, ((&String, &Graph), &diagram::Column))| {
        let name = format!("Block diagram of {}", display(net));
        let against = graphs.get(base).filter(|_| index != base);
        Drawn {
            net: net.clone(),
            svg: diagram::svg(column, &name, &state.node),
            column: column.clone(),
            macs: graph.nodes.iter().map(|node| cost::macs(graph, node)).sum(),
            params: graph.nodes.iter().map(|node| cost::params(graph, node)).sum(),
            differences: against.map(|against| (display(&state.models[base]), grouped(&differences(against, graph)))),
        }
    };
    Ok(state.models.iter().zip(&graphs).zip(&columns).enumerate().map(column).collect())
}

/// The diagrams of the chosen networks.
#[component]
pub fn Architecture(
    /// The session whose networks are drawn.
    session: Session,
) -> impl IntoView {
    let shown = Memo::new(move |_| session.state.with(drawn));
    let size = move || session.state.with(State::shape_size);
    let columns = NodeRef::<Div>::new();
    let select = move |event: &web_sys::Event| {
        let Some(id) = dom::closest(event, "[data-node]").and_then(|element| element.get_attribute("data-node")) else { return };
        session.state.update(|state| state.node = id.clone());
        // The diagrams are drawn anew; the keyboard stays where it was.
        refocus(columns, id);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            select(&event);
        }
    };
    view! {
        <section id="architecture" aria-labelledby="architecture-title">
            <div class="head">
                <h2 id="architecture-title">"Architecture"</h2>
                <p>"What differs from the original is coloured. Choose a stage to open its downsampling block."</p>
            </div>
            {move || match shown.get() {
                Err(problem) => view! { <p class="problem">{problem}</p> }.into_any(),
                Ok(networks) => view! {
                    <div
                        class="cols diagrams"
                        node_ref=columns
                        on:click=move |event| select(&event)
                        on:keydown=on_key
                        on:mouseover=move |event| hover(columns, dom::closest(&event, "[data-node]"))
                        on:mouseleave=move |_| hover(columns, None)
                    >
                        {networks.into_iter().map(|network| view! { <Column network/> }).collect_view()}
                    </div>
                }.into_any(),
            }}
            <Inspector session/>
            <p class="cap">{move || format!("MACs of convolutions and fc, {0} × {0}, batch 1. A box is a convolution with its normalisation and ReLU: kernel, channels out, stride.", size())}</p>
        </section>
    }
}

#[component]
fn Column(
    /// What is shown.
    network: Drawn,
) -> impl IntoView {
    let Drawn { net, svg, column, macs, params, differences } = network;
    let name = display(&net);
    let save = {
        let (net, name) = (net.clone(), name.clone());
        move |_| {
            let file = diagram::standalone_svg(&column, &name, hue(&net), diagram::Palette::Light);
            dom::download(&format!("{net}.svg"), "image/svg+xml", &file);
        }
    };
    view! {
        <article class=format!("card {}", hue(&net))>
            <h3><i class="dot"></i>{name.clone()}<span>{tagline(&net)}</span></h3>
            <p class="cap">{short_count(macs)}" MACs · "{short_count(params)}" parameters"</p>
            <div class="drawing" inner_html=svg></div>
            {differences.map(|(against, list)| view! { <Differences against list/> })}
            <button class="ghost save" aria-label=format!("Save SVG of {name}") on:click=save>"Save SVG"</button>
        </article>
    }
}

#[component]
fn Differences(
    /// The network that this one is compared with.
    against: String,
    /// What differs.
    list: Vec<Difference>,
) -> impl IntoView {
    let count = list.len();
    let line = |difference: Difference| {
        let (sign, word) = match difference.change {
            Change::Added => ("+", "added"),
            Change::Removed => ("−", "removed"),
            Change::Changed => ("~", "changed"),
        };
        view! { <li class=word><b aria-hidden="true">{sign}</b><span><code>{difference.id}</code>" "{word}": "{difference.words}</span></li> }
    };
    view! {
        <details class="differences" open=count <= 8>
            <summary>{match count {
                0 => format!("No layer differs from {against}"),
                1 => format!("One difference from {against}"),
                n => format!("{n} differences from {against}"),
            }}</summary>
            <ul>{list.into_iter().map(line).collect_view()}</ul>
        </details>
    }
}

fn boxes(columns: NodeRef<Div>) -> Vec<Element> {
    let Some(list) = columns.get_untracked().and_then(|div| div.query_selector_all("[data-node]").ok()) else {
        return Vec::new();
    };
    (0..list.length()).filter_map(|i| list.get(i)?.dyn_into().ok()).collect()
}

/// Lights up the same layer in every column.
fn hover(columns: NodeRef<Div>, over: Option<Element>) {
    let id = over.and_then(|element| element.get_attribute("data-node"));
    for element in boxes(columns) {
        let is_same = id.is_some() && element.get_attribute("data-node") == id;
        let _ = element.class_list().toggle_with_force("hover", is_same);
    }
}

fn refocus(columns: NodeRef<Div>, id: String) {
    request_animation_frame(move || {
        let found = boxes(columns).into_iter().find(|element| element.get_attribute("data-node").as_ref() == Some(&id));
        if let Some(element) = found.and_then(|element| element.dyn_into::<SvgElement>().ok()) {
            let _ = element.focus();
        }
    });
}
