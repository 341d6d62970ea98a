//! The figure **architecture**: block diagrams side by side, aligned, with the differences to the baseline marked.

mod builder;
mod inspector;

use crate::deferred::Deferred;
use crate::dom;
use crate::parts::button::button;
use crate::parts::save::Save;
use crate::parts::viewport::Viewport;
use crate::session::Session;
use builder::Builder;
use inspector::Inspector;
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use stridescope_arch::diff::{Change, Difference, differences, grouped};
use stridescope_arch::folding::{Fold, Folding};
use stridescope_arch::{Graph, Input, SpecError, cost, diagram, lower};
use stridescope_i18n::numbers::short_count;
use stridescope_i18n::{Explain, tr, translate};
use stridescope_link::State;
use stridescope_link::names::{display, hue, tagline};
use stridescope_view::markup::escape;
use stridescope_view::svg_export;
use stridescope_weights::ModelRef;
use wasm_bindgen::JsCast;
use web_sys::{Element, SvgElement};

/// One network's column.
#[derive(Clone, PartialEq)]
struct Drawn {
    model: ModelRef,
    column: diagram::Column,
    macs: u64,
    params: u64,
    /// The baseline's name and the differences to it; none for the baseline itself.
    differences: Option<(String, Vec<Difference>)>,
}

fn drawn(state: &State) -> Result<Vec<Drawn>, String> {
    let Some(base) = state.base() else { return Ok(Vec::new()) };
    let lowered = || {
        let base = base.spec();
        Ok((state.graphs()?, lower(base, Input::square(state.shape_size()))?))
    };
    let (graphs, base_graph) = lowered().map_err(|error: SpecError| error.sentence().to_string())?;
    let columns = diagram::columns(&graphs.iter().collect::<Vec<_>>(), &base_graph, &state.open);
    let column = |((model, graph), column): ((&ModelRef, &Graph), diagram::Column)| Drawn {
        model: model.clone(),
        column,
        macs: graph.nodes.iter().map(|node| cost::macs(graph, node)).sum(),
        params: graph.nodes.iter().map(|node| cost::params(graph, node)).sum(),
        differences: (*model != base).then(|| (display(&base), grouped(&differences(&base_graph, graph)))),
    };
    Ok(state.models.iter().zip(&graphs).zip(columns).map(column).collect())
}

/// The diagrams of the chosen networks.
#[component]
pub fn Architecture(
    /// The session whose networks are drawn.
    session: Session,
) -> impl IntoView {
    // Changes of the layer or the picture must not redraw the diagrams.
    let requested = Memo::new(move |_| {
        session.state.with(|state| {
            let State { models, size, base, open, .. } = state.clone();
            State { models, size, base, open, ..State::default() }
        })
    });
    let shown = Memo::new(move |_| requested.with(drawn));
    let viewport = session.figure_state(Viewport::new);
    let columns = viewport.columns;
    // The box to focus after the next render: column, and its possible names.
    let wanted = StoredValue::new(None::<(usize, Vec<String>)>);

    Effect::new(move |_| {
        shown.track();
        session.state.with(|state| mark(columns, &state.node));
        viewport.restore();
        if let Some((column, names)) = wanted.try_update_value(Option::take).flatten() {
            let found =
                names.iter().find_map(|name| boxes(columns, Some(column)).into_iter().find(|element| is_box_of(element, name)));
            focus(found);
        }
    });
    let choose = move |element: &Element| {
        if let Some(id) = element.get_attribute("data-node") {
            let fold = element.get_attribute("data-fold").and_then(|fold| Fold::parse(&fold));
            if let Some(Fold::Open(unit) | Fold::Close(unit)) = fold {
                let stage = format!("layer{}", unit.stage);
                wanted.set_value(Some((column_of(element), vec![unit.to_string(), stage.clone(), format!("{stage}.0")])));
            }
            session.change(|state| {
                state.node = id;
                if let Some(fold) = fold {
                    state.open.apply(fold);
                }
            });
        }
    };
    let on_click = move |event: ev::MouseEvent| {
        if let Some(element) = dom::closest(&event, "[data-node]").filter(|_| !viewport.was_dragged()) {
            choose(&element);
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let Some(element) = dom::closest(&event, "[data-node]") else { return };
        match event.key().as_str() {
            "Enter" | " " => choose(&element),
            key => match neighbour(columns, &element, key) {
                Some(next) => focus(Some(next)),
                None if viewport.on_key(key) => {}
                None => return,
            },
        }
        event.prevent_default();
    };
    let fold_all = move |open: bool| {
        session.change(|state| {
            state.open = if open { Folding::all(&state.graphs().unwrap_or_default()) } else { Folding::default() };
        });
    };
    let draw = move |palette| {
        let drawn = shown.get_untracked().ok()?;
        let name = drawn.iter().map(|drawn| drawn.model.as_str()).collect::<Vec<_>>().join("-");
        let columns: Vec<_> = drawn.into_iter().map(|drawn| (drawn.model, drawn.column)).collect();
        Some((format!("architecture-{name}"), svg_export::diagrams(&columns, palette)))
    };
    let compared = move || {
        let base = session.state.with(|state| state.base().as_ref().map(display).unwrap_or_default());
        tr!("What differs from {} is coloured.", base)
    };
    let size = move || session.state.with(State::shape_size);
    let is_whole = session.state.with_untracked(|state| state.embed.is_none());
    view! {
        // An embedded figure shows networks; building them is for the whole page.
        {is_whole.then(|| view! { <Builder session/> })}
        <div class="choices">
            <span class="group" role="group" aria-label=tr!("Blocks")>
                {button(tr!("Open all"), move || fold_all(true)).view()}
                {button(tr!("Close all"), move || fold_all(false)).view()}
            </span>
            {viewport.controls()}
            <span class="space"></span>
            <Save session what=tr!("the diagrams") draw/>
        </div>
        {move || match shown.get() {
            Err(problem) => view! { <p class="problem">{problem}</p> }.into_any(),
            Ok(networks) => {
                let node = session.state.with_untracked(|state| state.node.clone());
                view! {
                    <div
                        class="cols diagrams"
                        node_ref=columns
                        on:click=on_click
                        on:keydown=on_key
                        on:mouseover=move |event| hover(columns, dom::closest(&event, "[data-node]"))
                        on:mouseleave=move |_| hover(columns, None)
                    >
                        {networks.into_iter().map(|network| view! { <Column network node=node.clone() viewport/> }).collect_view()}
                    </div>
                }.into_any()
            }
        }}
        <Deferred><Inspector session/></Deferred>
        <p class="cap">{compared}" "{move || tr!("MACs of convolutions and fc, {0} × {0}, batch 1. A box is a convolution with its normalisation and ReLU: kernel, channels out, stride. On the lines: channels × height × width.", size())}</p>
    }
    .into_any()
}

#[component]
fn Column(
    /// The network and its drawing.
    network: Drawn,
    /// The layer under study.
    node: String,
    /// The viewport of the diagrams.
    viewport: Viewport,
) -> impl IntoView {
    let Drawn { model, column, macs, params, differences } = network;
    let name = display(&model);
    let svg = diagram::svg(&column, &escape(&tr!("Block diagram of {}", name)), &node);
    view! {
        <article class=format!("card {}", hue(&model))>
            <h3><i class="dot"></i>{name}<span>{translate(tagline(&model))}</span></h3>
            <p class="cap">{tr!("{} MACs · {} parameters", short_count(macs), short_count(params))}</p>
            {viewport.pane(svg)}
            {differences.map(|(against, list)| view! { <Differences against list/> })}
        </article>
    }
}

#[component]
fn Differences(
    /// The baseline's name.
    against: String,
    /// The differences to it.
    list: Vec<Difference>,
) -> impl IntoView {
    let count = list.len();
    let line = |difference: Difference| {
        let Difference { id, change, words } = difference;
        let (sign, class, label) = match change {
            Change::Added => ("+", "added", tr!("added: {}", words)),
            Change::Removed => ("−", "removed", tr!("removed: {}", words)),
            Change::Changed => ("~", "changed", tr!("changed: {}", words)),
        };
        format!(
            r#"<li class="{class}"><b aria-hidden="true">{sign}</b><span><code>{}</code> {}</span></li>"#,
            escape(&id),
            escape(&label)
        )
    };
    let lines: String = list.into_iter().map(line).collect();
    view! {
        <details class="differences" open=count <= 8>
            <summary>{match count {
                0 => tr!("No layer differs from {}", against),
                n => tr!("One difference from {1}" | "{} differences from {}" % n, against),
            }}</summary>
            <ul inner_html=lines></ul>
        </details>
    }
}

/// The boxes of one column, or of all.
fn boxes(columns: NodeRef<Div>, column: Option<usize>) -> Vec<Element> {
    let articles = dom::all(columns.get_untracked().as_ref(), "article");
    let wanted = articles.iter().enumerate().filter(|(index, _)| column.is_none_or(|column| column == *index));
    wanted.flat_map(|(_, article)| dom::all(Some(article), "[data-node]")).collect()
}

fn is_box_of(element: &Element, id: &str) -> bool {
    element.get_attribute("data-node").as_deref() == Some(id)
}

fn column_of(element: &Element) -> usize {
    let mut article = element.closest("article").ok().flatten();
    let mut index = 0;
    while let Some(before) = article.and_then(|article| article.previous_element_sibling()) {
        index += 1;
        article = Some(before);
    }
    index
}

/// Highlights the same layer in every column.
fn hover(columns: NodeRef<Div>, over: Option<Element>) {
    let id = over.and_then(|element| element.get_attribute("data-node"));
    for element in boxes(columns, None) {
        let is_same = id.as_ref().is_some_and(|id| is_box_of(&element, id));
        let _ = element.class_list().toggle_with_force("hover", is_same);
    }
}

/// Marks the layer under study in every column, and makes it reachable by the tab key, or else the first box.
fn mark(columns: NodeRef<Div>, id: &str) {
    let count = dom::all(columns.get_untracked().as_ref(), "article").len();
    for column in 0..count {
        let boxes = boxes(columns, Some(column));
        let reached = boxes.iter().position(|element| is_box_of(element, id)).unwrap_or(0);
        for (index, element) in boxes.iter().enumerate() {
            let _ = element.class_list().toggle_with_force("selected", is_box_of(element, id));
            let _ = element.set_attribute("tabindex", if index == reached { "0" } else { "-1" });
        }
    }
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<SvgElement>().ok()) {
        let _ = element.focus();
    }
}

/// The box that an arrow key leads to: in the same column, or at the same place in the next one.
fn neighbour(columns: NodeRef<Div>, from: &Element, key: &str) -> Option<Element> {
    let column = column_of(from);
    let index_in = |boxes: &[Element]| boxes.iter().position(|element| element == from);
    match key {
        "ArrowDown" => {
            let boxes = boxes(columns, Some(column));
            boxes.get(index_in(&boxes)? + 1).cloned()
        }
        "ArrowUp" => {
            let boxes = boxes(columns, Some(column));
            boxes.get(index_in(&boxes)?.checked_sub(1)?).cloned()
        }
        "ArrowLeft" | "ArrowRight" => {
            let next = if key == "ArrowRight" { column + 1 } else { column.checked_sub(1)? };
            let id = from.get_attribute("data-node")?;
            let there = boxes(columns, Some(next));
            let same = there.iter().find(|element| is_box_of(element, &id)).cloned();
            // A network without this layer: take the box at about the same height.
            let top = from.get_bounding_client_rect().top();
            let distance = |element: &Element| (element.get_bounding_client_rect().top() - top).abs();
            same.or_else(|| there.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))))
        }
        _ => None,
    }
}
