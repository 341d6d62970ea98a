//! The figure **cost**: tables in total and by part, every way of counting named, differences against a baseline, and the paper's own.

use super::charts::{self, Chart};
use super::dom;
use super::names::{display, grouped, hue, short_count};
use super::session::Session;
use super::state::State;
use super::tables::{Comparison, PAPER, megabytes};
use crate::arch::cost::{Convention, totals};
use crate::arch::table::{Format, Level, Row, rows};
use crate::arch::{ArchSpec, Graph, Input, lower};
use leptos::prelude::*;

/// Costs of the chosen networks.
#[component]
pub fn Cost(
    /// The session whose networks are counted.
    session: Session,
) -> impl IntoView {
    // Another layer or picture changes nothing here.
    let asked = Memo::new(move |_| {
        let State { node, image, backend, theme, .. } = State::default();
        session.state.with(|state| State { node, image, backend, theme, ..state.clone() })
    });
    let copied = RwSignal::new(String::new());
    // Published figures: the same whatever is chosen.
    let accuracy = StoredValue::new(charts::accuracy());
    view! {
        <section id="cost" aria-labelledby="cost-title">
            <div class="head">
                <h2 id="cost-title">"Cost"</h2>
                <p>{move || session.state.with(|state| state.count.users())}</p>
            </div>
            <Choices session copied/>
            {move || asked.with(|state| match state.graphs() {
                Err(error) => view! { <p class="problem">{dom::sentence(&error.to_string())}</p> }.into_any(),
                Ok(graphs) => {
                    let totals = Comparison::totals(&state.models, &graphs, state.count, state.base_index());
                    let parts = Comparison::parts(&state.models, &graphs, state.level, state.count, state.base_index());
                    view! {
                        <Compared comparison=totals state=state.clone() title="In total"/>
                        <Compared comparison=parts state=state.clone() title="By part"/>
                        <div class="charts">
                            <Drawn chart=charts::by_stage(&state.models, &graphs, state.count)/>
                            <Drawn chart=charts::by_size(&state.models, &graphs, state.count)/>
                            <Drawn chart=charts::field_by_depth(&state.models, &graphs)/>
                            <Drawn chart=accuracy.get_value()/>
                        </div>
                        {state.models.iter().zip(graphs).map(|(net, graph)| view! {
                            <Details net=net.clone() graph level=state.level count=state.count/>
                        }).collect_view()}
                    }.into_any()
                }
            })}
            <Paper/>
        </section>
    }
}

#[component]
fn Drawn(
    /// What is shown.
    chart: Chart,
) -> impl IntoView {
    let head = chart.head.into_iter().map(|name| view! { <th scope="col">{name}</th> }).collect_view();
    let line = |cells: Vec<String>| view! { <tr>{cells.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view()}</tr> };
    view! {
        <figure class="card drawn">
            <figcaption>{chart.title.clone()}</figcaption>
            <div inner_html=chart.svg></div>
            <details>
                <summary class="cap">"Figures"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label=format!("Figures of the chart {}", chart.title)>
                    <table><thead><tr>{head}</tr></thead><tbody>{chart.rows.into_iter().map(line).collect_view()}</tbody></table>
                </div>
            </details>
        </figure>
    }
}

#[component]
fn Choices(
    /// The session that is changed.
    session: Session,
    /// What was copied last, in a sentence.
    copied: RwSignal<String>,
) -> impl IntoView {
    let copy = move |format: Format| {
        let text = session.state.with_untracked(|state| {
            let graphs = state.graphs().ok()?;
            let base = state.base_index();
            let table = Comparison::parts(&state.models, &graphs, state.level, state.count, base);
            let total = Comparison::totals(&state.models, &graphs, state.count, base);
            let (head, mut lines) = table.exact(&format!("{}, {}", state.level.name(), state.count.title()), base);
            // The last line is the sum.
            lines.extend(total.exact("", base).1.into_iter().nth(1).map(|mut line| {
                line[0] = "total".into();
                line
            }));
            Some(format.write(&head, &lines))
        });
        let Some(text) = text else { return };
        leptos::task::spawn_local(async move {
            copied.set(match dom::copy(&text).await {
                true => format!("Copied as {}.", format.title()),
                false => "The browser refused the clipboard: allow it for this page, or select the table by hand.".into(),
            });
        });
    };
    view! {
        <div class="choices">
            <label>"Parts "<select on:change=move |event| {
                let name = event_target_value(&event);
                if let Some(level) = Level::ALL.into_iter().find(|level| level.name() == name) {
                    session.state.update(|state| state.level = level);
                }
            }>
                {Level::ALL.map(|level| view! {
                    <option value=level.name() selected=move || session.state.with(|state| state.level == level)>{level.name()}</option>
                })}
            </select></label>
            <label>"Count "<select on:change=move |event| {
                let name = event_target_value(&event);
                if let Some(count) = Convention::ALL.into_iter().find(|count| count.name() == name) {
                    session.state.update(|state| state.count = count);
                }
            }>
                {Convention::ALL.map(|count| view! {
                    <option value=count.name() selected=move || session.state.with(|state| state.count == count)>{count.title()}</option>
                })}
            </select></label>
            <label>"Compared with "<select on:change=move |event| {
                let name = event_target_value(&event);
                session.state.update(|state| state.base = (state.models.first() != Some(&name)).then_some(name));
            }>
                {move || session.state.with(|state| state.models.iter().enumerate().map(|(index, net)| {
                    let is_base = state.base_index() == index;
                    view! { <option value=net.clone() selected=is_base>{display(net)}</option> }
                }).collect_view())}
            </select></label>
            <span class="space"></span>
            <span class="group" role="group" aria-label="Copy the table">
                "Copy"
                {Format::ALL.map(|format| view! {
                    <button class="ghost" on:click=move |_| copy(format)>{format.title()}</button>
                })}
            </span>
            <p class="cap" role="status">{copied}</p>
        </div>
    }
}

#[component]
fn Compared(
    /// The figures.
    comparison: Comparison,
    /// Whose they are.
    state: State,
    /// What the table is called.
    title: &'static str,
) -> impl IntoView {
    let size = state.shape_size();
    let caption = match title {
        "By part" => format!("{title}: {}", state.count.title()),
        _ => format!("{title}, {size} × {size}, batch 1"),
    };
    let head = state.models.iter().zip(&comparison.networks).map(|(net, name)| {
        view! { <th scope="col" class=hue(net).to_string()><i class="dot"></i>{name.clone()}</th> }
    });
    let rows = comparison.rows.iter().map(|(name, cells)| {
        let cells = cells.iter().map(|cell| match cell {
            None => view! { <td class="absent">"–"</td> }.into_any(),
            Some(cell) => view! {
                <td title=format!("{} {}", cell.exact, cell.difference)>{cell.short.clone()}<span>{cell.percent.clone()}</span></td>
            }.into_any(),
        });
        view! { <tr><th scope="row">{name.clone()}</th>{cells.collect_view()}</tr> }
    });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=caption.clone()>
            <table>
                <caption>{caption.clone()}</caption>
                <thead><tr><td></td>{head.collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

/// What the table of one network can be ordered by.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Network,
    Params,
    Ops,
    Memory,
    Field,
    Dead,
}

const ORDERS: [(Order, &str); 5] = [
    (Order::Params, "Parameters"),
    (Order::Ops, "Operations"),
    (Order::Memory, "Activations"),
    (Order::Field, "Receptive field"),
    (Order::Dead, "Unread MACs"),
];

#[component]
fn Details(
    /// The network.
    net: String,
    /// Its layers.
    graph: Graph,
    /// How finely it is told.
    level: Level,
    /// What is counted.
    count: Convention,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let order = RwSignal::new(Order::Network);
    let filter = RwSignal::new(String::new());
    // Counted once it is opened.
    let all = Memo::new(move |_| rows(&graph, level, count));
    let shown = move || {
        let wanted = filter.get().to_lowercase();
        let sum: u64 = all.with(|rows| rows.iter().map(|row| row.ops).sum());
        let mut rows: Vec<Row> = all.with(|rows| rows.iter().filter(|row| row.id.contains(&wanted)).cloned().collect());
        let key = |row: &Row| match order.get() {
            Order::Network => 0,
            Order::Params => row.params,
            Order::Ops => row.ops,
            Order::Memory => row.activation_bytes,
            Order::Field => row.field.map_or(u64::MAX, |field| field.size as u64),
            Order::Dead => row.dead_macs,
        };
        rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
        rows.into_iter().map(|row| {
            let share = 100.0 * row.ops as f64 / sum.max(1) as f64;
            let (field, place) = row.field.map_or(("all".into(), String::new()), |field| {
                (format!("{} px", field.size), format!("a step of {} px, the first centred on {} px", field.jump, field.centre))
            });
            view! {
                <tr>
                    <th scope="row">{row.id}</th>
                    <td>{row.shape.to_string()}</td>
                    <td title=grouped(row.params)>{short_count(row.params)}</td>
                    <td title=grouped(row.ops)>{short_count(row.ops)}<span>{format!("{share:.1} %")}</span></td>
                    <td title=grouped(row.activation_bytes)>{megabytes(row.activation_bytes)}</td>
                    <td title=place>{field}</td>
                    <td title=grouped(row.dead_macs)>{if row.dead_macs == 0 { "0".into() } else { short_count(row.dead_macs) }}</td>
                </tr>
            }
        }).collect_view()
    };
    let name = display(&net);
    view! {
        <details class=format!("layers {}", hue(&net)) on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary><i class="dot"></i>{format!("All figures of {name}")}</summary>
            <Show when=move || open.get()>
                <div class="choices">
                    <label>"Only names with "<input type="search" prop:value=filter on:input=move |event| filter.set(event_target_value(&event))/></label>
                    <button class="ghost" aria-pressed=move || (order.get() == Order::Network).to_string() on:click=move |_| order.set(Order::Network)>"In order"</button>
                </div>
                <div class="scroll" tabindex="0" role="region" aria-label=format!("Figures of {name}")>
                    <table>
                        <thead><tr>
                            <th scope="col">"Part"</th>
                            <th scope="col">"Output"</th>
                            {ORDERS.map(|(by, title)| view! {
                                <th scope="col" aria-sort=move || if order.get() == by { "descending" } else { "none" }>
                                    <button class="sort" on:click=move |_| order.set(by)>{title}</button>
                                </th>
                            })}
                        </tr></thead>
                        <tbody>{shown}</tbody>
                    </table>
                </div>
            </Show>
        </details>
    }
}

/// The paper's own figures, and what is computed here for the same networks.
#[component]
fn Paper() -> impl IntoView {
    let line = |(net, flops, top1, top5): (&'static str, &'static str, &'static str, &'static str)| {
        let graph = ArchSpec::named(net).and_then(|spec| lower(&spec, Input::square(224)));
        let macs = graph.map_or(0, |graph| totals(&graph).macs);
        view! {
            <tr class=hue(net).to_string()>
                <th scope="row"><i class="dot"></i>{display(net)}</th>
                <td>{flops}<span>"reported"</span></td>
                <td title=grouped(macs)>{short_count(macs)}<span>"computed"</span></td>
                <td>{top1}" %"<span>"reported"</span></td>
                <td>{top5}" %"<span>"reported"</span></td>
            </tr>
        }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="The paper's table">
            <table>
                <caption>"The paper's table beside what is computed here, 224 × 224"</caption>
                <thead><tr>
                    <td></td><th scope="col">"FLOPs in the paper"</th><th scope="col">"MACs here"</th>
                    <th scope="col">"Top-1"</th><th scope="col">"Top-5"</th>
                </tr></thead>
                <tbody>{PAPER.map(line).collect_view()}</tbody>
            </table>
        </div>
        <p class="cap">
            "Reported: "<a href="https://arxiv.org/abs/1812.01187" rel="noreferrer">"He et al. 2019"</a>
            ", ImageNet validation, one crop of 224 pixels, the paper's own 120-epoch recipe. Its FLOPs are MACs: 3.8 G is the original counted as here, \
             cut off, not rounded; 4.1 G is torchvision's ResNet-50, which is B. fvcore says 3.88 G and 4.11 G because it counts normalisations, \
             and tools that count a multiply and an add apart say twice as much. C and D cost the same, since an average pooling has no MACs."
        </p>
    }
}
