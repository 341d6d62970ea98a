//! The heading of a figure.

use leptos::prelude::*;
use stridescope_link::Figure;

/// A figure's heading, with the id `{section}-title`, and its caption. `index.html` repeats both for the figures that can be embedded.
pub fn figure_head(figure: Figure) -> AnyView {
    view! {
        <div class="head">
            <h2 id=format!("{}-title", figure.section())>{figure.title()}</h2>
            {figure.caption().map(|caption| view! { <p>{caption}</p> })}
        </div>
    }
    .into_any()
}
