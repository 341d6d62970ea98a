//! What stands above a figure.

use leptos::prelude::*;
use stridescope_link::Figure;

/// A figure's heading, of the name `{section}-title`, and in a sentence what it shows. `index.html` has the same of those that can stand alone.
pub fn figure_head(figure: Figure) -> AnyView {
    view! {
        <div class="head">
            <h2 id=format!("{}-title", figure.section())>{figure.title()}</h2>
            {figure.caption().map(|caption| view! { <p>{caption}</p> })}
        </div>
    }
    .into_any()
}
