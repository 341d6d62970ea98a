//! What stands above a figure.

use leptos::prelude::*;

/// A section's heading, of the name `{section}-title`, and in a sentence what it shows.
pub fn section_heading(section: &str, heading: String, caption: Option<String>) -> AnyView {
    view! {
        <div class="head">
            <h2 id=format!("{section}-title")>{heading}</h2>
            {caption.map(|caption| view! { <p>{caption}</p> })}
        </div>
    }
    .into_any()
}
