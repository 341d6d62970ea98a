//! Figures as file downloads.

use crate::dom;
use crate::parts::button::button;
use crate::session::Session;
use leptos::prelude::*;
use leptos::task::spawn_local;
use stridescope_i18n::{msg, tr};
use stridescope_link::Theme;
use stridescope_view::svg_export::{Palette, Still};

/// The format of a saved figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A vector file.
    Svg,
    /// A bitmap, two pixels per unit of the drawing.
    Png,
}

/// Buttons that save a figure, which is drawn on click.
#[component]
pub fn Save(
    /// The session whose theme it is drawn in.
    session: Session,
    /// The object for screen readers: `the diagrams`.
    #[prop(into)]
    what: String,
    /// Draws it: the file's name without its extension, and the drawing.
    #[prop(into)]
    draw: Callback<Palette, Option<(String, Still)>>,
) -> impl IntoView {
    let save = move |format: Format| {
        let is_dark = match session.state.with_untracked(|state| state.theme) {
            Theme::Auto => dom::prefers_dark(),
            theme => theme == Theme::Dark,
        };
        let Some((name, still)) = draw.run(if is_dark { Palette::Dark } else { Palette::Light }) else { return };
        match format {
            Format::Svg => dom::download(&format!("{name}.svg"), "image/svg+xml", &still.svg),
            Format::Png => spawn_local(async move {
                match dom::rasterise(&still.svg, still.width, still.height).await {
                    Some(blob) => dom::download_blob(&format!("{name}.png"), &blob),
                    None => session.notice.set(vec![msg!("The browser could not draw this figure as a PNG: save it as SVG.")]),
                }
            }),
        }
    };
    view! {
        <span class="group" role="group" aria-label=tr!("Save {}", what)>
            {tr!("Save")}
            {button("SVG", move || save(Format::Svg)).view()}
            {button("PNG", move || save(Format::Png)).view()}
        </span>
    }
}
