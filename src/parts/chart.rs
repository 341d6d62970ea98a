//! The card of a chart.

use crate::parts::save::Save;
use crate::session::Session;
use leptos::prelude::*;
use stridescope_i18n::tr;
use stridescope_view::charts::{self, Chart};
use stridescope_view::markup::{Cell, Table};
use stridescope_view::svg_export;

/// A chart with its data, to be saved.
#[component]
pub fn Drawn(
    /// The session whose theme the saved chart has.
    session: Session,
    /// The chart.
    chart: Chart,
) -> impl IntoView {
    let file = StoredValue::new((chart.title.clone(), chart.svg.clone()));
    let draw = move |palette| {
        let (title, svg) = file.get_value();
        let name: String = title.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
        Some((name.to_ascii_lowercase(), svg_export::chart(&title, &svg, charts::SIZE, palette)))
    };
    let row = |mut cells: Vec<String>| {
        let rest = cells.split_off(cells.len().min(1));
        (None, cells.pop().unwrap_or_default(), rest.into_iter().map(Cell::from).collect())
    };
    let head = chart.head.into_iter().map(|name| (None, name)).collect();
    let table = Table { caption: String::new(), head, rows: chart.rows.into_iter().map(row).collect() };
    // The word alone, as in the navigation, is translated as drawings; here it means numbers.
    let figures = tr!("Figures{}", "");
    view! {
        <figure class="card drawn">
            <figcaption>{chart.title.clone()}</figcaption>
            <div inner_html=chart.svg></div>
            <Save session what=tr!("the chart {}", chart.title) draw/>
            <details>
                <summary class="cap">{figures}</summary>
                <div class="scroll" tabindex="0" role="region" aria-label=tr!("Figures of the chart {}", chart.title) inner_html=table.html()></div>
            </details>
        </figure>
    }
}
