//! The figure **architecture**: block diagrams side by side, aligned, what differs from the original coloured.

use super::dom;
use super::names::{display, short_count, variant};
use super::session::Session;
use super::state::State;
use crate::arch::{ArchSpec, Graph, Input, cost, diagram, lower};
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
    macs: u64,
    params: u64,
}

fn drawn(state: &State) -> Result<Vec<Drawn>, String> {
    let input = Input::square(state.shape_size());
    let graphs = state
        .models
        .iter()
        .map(|net| lower(&ArchSpec::named(net)?, input))
        .collect::<Result<Vec<Graph>, _>>()
        .map_err(|error| dom::sentence(&error.to_string()))?;
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), state.open_stage());
    let column = |((net, graph), column): ((&String, &Graph), &diagram::Column)| {
        let totals = cost::totals(graph);
        let name = format!("Block diagram of {}", display(net));
        Drawn { net: net.clone(), svg: diagram::svg(column, &name, &state.node), macs: totals.macs, params: totals.params }
    };
    Ok(state.models.iter().zip(&graphs).zip(&columns).map(column).collect())
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
            <p class="cap">{move || format!("MACs of convolutions and fc, {0} × {0}, batch 1. A box is a convolution with its normalisation and ReLU: kernel, channels out, stride.", size())}</p>
        </section>
    }
}

#[component]
fn Column(
    /// What is shown.
    network: Drawn,
) -> impl IntoView {
    let letter = variant(&network.net);
    view! {
        <article class=format!("card {}", letter.map(|letter| letter.letter()).unwrap_or('a'))>
            <h3>
                <i class="dot"></i>{display(&network.net)}
                <span>{letter.map(|letter| letter.tagline())}</span>
            </h3>
            <p class="cap">{short_count(network.macs)}" MACs · "{short_count(network.params)}" parameters"</p>
            <div class="drawing" inner_html=network.svg></div>
        </article>
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
