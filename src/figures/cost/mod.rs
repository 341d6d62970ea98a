//! The figure **cost**: tables in total and by part, with every convention of counting named, differences to a baseline, and the paper's figures.

mod roofline;

use crate::dom;
use crate::parts::button::button;
use crate::parts::chart::Drawn;
use crate::parts::options::{Choose, options};
use crate::session::Session;
use leptos::prelude::*;
use roofline::Roofline;
use stridescope_arch::cost::{Convention, Extra, torchsummary_text, totals};
use stridescope_arch::table::{Format, Level, Row, rows};
use stridescope_arch::{Graph, Input, lower};
use stridescope_i18n::numbers::{grouped, short_count};
use stridescope_i18n::{Explain, Key, key, tr, translate};
use stridescope_link::State;
use stridescope_link::names::{display, hue};
use stridescope_view::charts::{self, Quantity};
use stridescope_view::markup::{Cell, Table};
use stridescope_view::tables::{self, Comparison, PAPER, Plain, ascending, counted, details, megabytes};
use stridescope_weights::ModelRef;

/// Costs of the chosen networks.
#[component]
pub fn Cost(
    /// The session whose networks are counted.
    session: Session,
) -> impl IntoView {
    // Changes of the layer or the picture must not redraw the tables.
    let requested = Memo::new(move |_| {
        session.state.with(|state| {
            let State { models, size, base, count, level, .. } = state.clone();
            State { models, size, base, count, level, ..State::default() }
        })
    });
    // Published values: the same for all networks.
    let accuracy = StoredValue::new(charts::accuracy());
    view! {
        <Choices session/>
        <p class="cap">{move || session.state.with(|state| translate(state.count.users()))}</p>
        {move || requested.with(|state| match state.graphs() {
            Err(error) => view! { <p class="problem">{error.sentence().to_string()}</p> }.into_any(),
            Ok(graphs) => {
                let totals = Comparison::totals(&state.models, &graphs, state.count, state.base_index());
                let parts = Comparison::parts(&state.models, &graphs, state.level, state.count, state.base_index());
                view! {
                    <Compared comparison=totals models=state.models.clone() caption=tr!("In total, {0} × {0}, batch 1", state.shape_size())/>
                    <Compared comparison=parts models=state.models.clone() caption=tr!("By part: {}", counted(state.count))/>
                    <div class="charts">
                        <Drawn session chart=charts::by_part(&state.models, &graphs, state.level, Quantity::Ops(state.count))/>
                        <Drawn session chart=charts::by_part(&state.models, &graphs, state.level, Quantity::Params)/>
                        <Drawn session chart=charts::by_size(&state.models, &graphs, state.count)/>
                        <Drawn session chart=charts::field_by_depth(&state.models, &graphs)/>
                        <Drawn session chart=accuracy.get_value()/>
                    </div>
                    {state.models.iter().zip(graphs).map(|(model, graph)| view! {
                        <Details model=model.clone() graph level=state.level count=state.count/>
                    }).collect_view()}
                }.into_any()
            }
        })}
        <Roofline session/>
        <Paper/>
    }
}

#[component]
fn Choices(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let table = move |()| {
        session.state.with_untracked(|state| {
            let graphs = state.graphs().ok()?;
            let base = state.base_index();
            let table = Comparison::parts(&state.models, &graphs, state.level, state.count, base);
            let total = Comparison::totals(&state.models, &graphs, state.count, base);
            let (head, mut lines) = table.exact(&format!("{}, {}", state.level.name(), state.count.title()), base);
            // The last row is the total.
            lines.extend(total.exact("", base).1.into_iter().nth(1).map(|mut line| {
                line[0] = "total".into();
                line
            }));
            Some((head, lines))
        })
    };
    let change = move |change: &dyn Fn(&mut State)| {
        session.change(change);
        true
    };
    let level = Signal::derive(move || session.state.with(|state| state.level.name().to_string()));
    let choose_level = move |name: String| match Level::ALL.into_iter().find(|level| level.name() == name) {
        Some(level) => change(&|state| state.level = level),
        None => false,
    };
    let count = Signal::derive(move || session.state.with(|state| state.count.base().to_string()));
    let choose_count = move |name: String| match Convention::named(&name) {
        Some(count) => change(&|state| state.count = count.with(state.count.extras().unwrap_or_default())),
        None => false,
    };
    let toggle = move |extra: Extra| {
        change(&|state| state.count = state.count.with(state.count.extras().unwrap_or_default().toggled(extra)));
    };
    let base = Signal::derive(move || session.state.with(|state| state.baseline().map(ModelRef::to_string).unwrap_or_default()));
    let bases = Signal::derive(move || {
        session.state.with(|state| options(state.models.iter().map(|model| (model.to_string(), display(model)))))
    });
    let choose_base = move |name: String| {
        change(&|state| state.base = state.models.iter().skip(1).find(|model| model.as_str() == name).cloned())
    };
    view! {
        <div class="choices">
            <Choose label=tr!("Parts") options=options(Level::ALL.map(|level| (level.name(), translate(level.name())))) current=level choose=choose_level/>
            <Choose label=tr!("Count") options=options(Convention::ALL.map(|count| (count.base(), counted(count)))) current=count choose=choose_count/>
            <span class="group" role="group" aria-label=tr!("Operations added")>
                {tr!("with")}
                {Extra::ALL.map(|extra| {
                    button(translate(extra.title()), move || toggle(extra))
                        .pressed(move || session.state.with(|state| state.count.extras().is_some_and(|extras| extras.has(extra))))
                        .disabled(move || session.state.with(|state| state.count.extras().is_none()))
                        .view()
                })}
            </span>
            <Choose label=tr!("Compared with") options=bases current=base choose=choose_base/>
            <span class="space"></span>
            <Copy what=tr!("the table") table/>
        </div>
    }
}

/// Buttons that copy a table, which is built on click. `None` copies nothing.
#[component]
fn Copy(
    /// The object for screen readers: `the table`.
    #[prop(into)]
    what: String,
    /// Head and rows, with exact values.
    #[prop(into)]
    table: Callback<(), Option<Plain>>,
) -> impl IntoView {
    let copied = RwSignal::new(String::new());
    let copy = move |format: Format| {
        if let Some((head, lines)) = table.run(()) {
            dom::copy_with_status(format.write(&head, &lines), format.title(), copied);
        }
    };
    view! {
        <span class="group" role="group" aria-label=tr!("Copy {}", what)>
            {tr!("Copy")}
            {Format::ALL.map(|format| button(format.title(), move || copy(format)).view())}
        </span>
        <p class="cap" role="status">{copied}</p>
    }
}

#[component]
fn Compared(
    /// The values.
    comparison: Comparison,
    /// The networks.
    models: Vec<ModelRef>,
    /// The table's caption.
    caption: String,
) -> impl IntoView {
    let heads = models.iter().zip(&comparison.networks).map(|(model, name)| (Some(hue(model)), name.clone()));
    let cell = |cell: Option<tables::Cell>| match cell {
        None => Cell::from("–"),
        Some(cell) => Cell { title: format!("{} {}", cell.exact, cell.difference), text: cell.short, aside: Some(cell.percent) },
    };
    let row = |(name, cells): (String, Vec<Option<tables::Cell>>)| (None, name, cells.into_iter().map(cell).collect());
    let head = std::iter::once((None, String::new())).chain(heads).collect();
    let table = Table { caption: caption.clone(), head, rows: comparison.rows.into_iter().map(row).collect() };
    view! { <div class="scroll" tabindex="0" role="region" aria-label=caption inner_html=table.html()></div> }
}

/// The order of the table of one network.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Network,
    Params,
    Ops,
    Memory,
    Field,
    Dead,
}

const ORDERS: [(Order, Key); 5] = [
    (Order::Params, key!("Parameters")),
    (Order::Ops, key!("Operations")),
    (Order::Memory, key!("Activations")),
    (Order::Field, key!("Receptive field")),
    (Order::Dead, key!("Unread MACs")),
];

#[component]
fn Details(
    /// The network.
    model: ModelRef,
    /// Its layers.
    graph: Graph,
    /// The level of the rows.
    level: Level,
    /// The convention of counting.
    count: Convention,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let order = RwSignal::new(Order::Network);
    let filter = RwSignal::new(String::new());
    // Computed when it is opened.
    let graph = StoredValue::new(graph);
    let all = Memo::new(move |_| graph.with_value(|graph| rows(graph, level, count)));
    let as_torch = RwSignal::new(false);
    let status = RwSignal::new(String::new());
    let chosen = move || {
        let wanted = filter.get().to_ascii_lowercase();
        let rows: Vec<Row> = all.with(|rows| rows.iter().filter(|row| row.id.contains(&wanted)).cloned().collect());
        // Largest first. In the network's order all keys are equal, and the sort is stable.
        let key = |row: &Row| match order.get() {
            Order::Network => 0,
            Order::Params => row.params,
            Order::Ops => row.ops,
            Order::Memory => row.activation_bytes,
            Order::Field => row.field.map_or(u64::MAX, |field| field.size as u64),
            Order::Dead => row.dead_macs,
        };
        let order = ascending(&rows.iter().map(|row| -(key(row) as f64)).collect::<Vec<_>>());
        order.into_iter().filter_map(|index| rows.get(index).cloned()).collect::<Vec<_>>()
    };
    let table = move |()| Some(details(&chosen(), &count.title()));
    let shown = move || {
        let sum: u64 = all.with(|rows| rows.iter().map(|row| row.ops).sum());
        let row = |row: Row| {
            let titled = |text: String, title: String| Cell { text, title, aside: None };
            let share = 100.0 * row.ops as f64 / sum.max(1) as f64;
            let (field, place) = row.field.map_or((tr!("all"), String::new()), |field| {
                (format!("{} px", field.size), tr!("a step of {} px, the first centred on {} px", field.jump, field.centre))
            });
            let cells = vec![
                Cell::from(row.shape.to_string()),
                titled(short_count(row.params), grouped(row.params)),
                Cell { aside: Some(format!("{share:.1} %")), ..titled(short_count(row.ops), grouped(row.ops)) },
                titled(megabytes(row.activation_bytes), grouped(row.activation_bytes)),
                titled(field, place),
                titled(short_count(row.dead_macs), grouped(row.dead_macs)),
            ];
            (None, row.id, cells)
        };
        Table { rows: chosen().into_iter().map(row).collect(), ..Table::default() }.rows_html()
    };
    let name = StoredValue::new(display(&model));
    view! {
        <details class=format!("layers {}", hue(&model)) on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary><i class="dot"></i>{tr!("All figures of {}", name.get_value())}</summary>
            <Show when=move || open.get()>
                <div class="choices">
                    <label>{tr!("Only names with")}" "<input type="search" prop:value=filter on:input=move |event| filter.set(event_target_value(&event))/></label>
                    {button(tr!("In order"), move || order.set(Order::Network)).pressed(move || order.get() == Order::Network).view()}
                    {button(tr!("As torchsummary prints it"), move || as_torch.update(|on| *on = !*on)).pressed(move || as_torch.get()).view()}
                    <span class="space"></span>
                    <Copy what=tr!("the figures of {}", name.get_value()) table/>
                </div>
                <Show when=move || as_torch.get()>
                    <div class="scroll printed" tabindex="0" role="region" aria-label=tr!("torchsummary of {}", name.get_value())>
                        {button(tr!("Copy text"), move || dom::copy_with_status(graph.with_value(torchsummary_text), tr!("text"), status)).view()}
                        <span class="cap" role="status">{status}</span>
                        <pre>{graph.with_value(torchsummary_text)}</pre>
                    </div>
                </Show>
                <div class="scroll" tabindex="0" role="region" aria-label=tr!("Figures of {}", name.get_value())>
                    <table>
                        <thead><tr>
                            <th scope="col">{tr!("Part")}</th>
                            <th scope="col">{tr!("Output")}</th>
                            {ORDERS.map(|(by, title)| view! {
                                <th scope="col" aria-sort=move || if order.get() == by { "descending" } else { "none" }>
                                    {button(title.translated(), move || order.set(by)).class("sort").view()}
                                </th>
                            })}
                        </tr></thead>
                        <tbody inner_html=shown></tbody>
                    </table>
                </div>
            </Show>
        </details>
    }
}

/// The paper's figures, and those computed here for the same networks.
#[component]
fn Paper() -> impl IntoView {
    let row = |(net, flops, top1, top5): (&str, &str, f64, f64)| {
        let model = ModelRef::parse(net).ok()?;
        let macs = lower(model.spec(), Input::square(224)).map_or(0, |graph| totals(&graph).macs);
        let reported = |text: String| Cell { text, aside: Some(tr!("reported")), title: String::new() };
        let computed = Cell { text: short_count(macs), aside: Some(tr!("computed")), title: grouped(macs) };
        let cells = vec![reported(flops.into()), computed, reported(format!("{top1:.2} %")), reported(format!("{top5:.2} %"))];
        Some((Some(hue(&model)), display(&model), cells))
    };
    let table = Table {
        caption: tr!("The paper's table beside what is computed here, 224 × 224"),
        head: [String::new(), tr!("FLOPs in the paper"), tr!("MACs here"), tr!("Top-1"), tr!("Top-5")]
            .map(|name| (None, name))
            .into(),
        rows: PAPER.into_iter().filter_map(row).collect(),
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=tr!("The paper's table") inner_html=table.html()></div>
        <p class="cap">
            {tr!("Reported:")}" "<a href="https://arxiv.org/abs/1812.01187" rel="noreferrer">{tr!("He et al. 2019")}</a>
            {tr!(", ImageNet validation, one crop of 224 pixels, the paper's own 120-epoch recipe. Its FLOPs are MACs: 3.8 G is the original counted as here, \
             cut off, not rounded; 4.1 G is torchvision's ResNet-50, which is B. fvcore says 3.88 G and 4.11 G because it counts normalisations, \
             and tools that count a multiply and an add apart say twice as much. C and D cost the same, since an average pooling has no MACs.")}
        </p>
    }
}
