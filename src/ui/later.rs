//! Figures whose code comes after the page itself: each in a file of its own, fetched once the page stands.

use super::button::button;
use super::cost::Cost;
use super::features::Features;
use super::field::FieldFigure;
use super::session::Session;
use super::strides::Strides;
use super::weights::Weights;
use leptos::html;
use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use leptos::web_sys::HtmlElement;

/// A figure that is fetched later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// What strides read.
    Strides,
    /// Maps.
    Features,
    /// Receptive fields.
    Field,
    /// Tables and charts.
    Cost,
    /// Files of weights.
    Weights,
}

impl Figure {
    /// The section's name in the page's address, and its heading.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Strides => ("strides", "Strides"),
            Self::Features => ("features", "Features"),
            Self::Field => ("field", "Receptive field"),
            Self::Cost => ("cost", "Cost"),
            Self::Weights => ("weights", "Weights"),
        }
    }

    async fn mount(self, session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
        match self {
            Self::Strides => strides(session, parent).await,
            Self::Features => features(session, parent).await,
            Self::Field => field(session, parent).await,
            Self::Cost => cost(session, parent).await,
            Self::Weights => weights(session, parent).await,
        }
    }
}

#[wasm_split(strides, wasm_split_path = leptos::wasm_split, fallible)]
fn strides(session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
    mount_to(parent, move || view! { <Strides session/> }).forget();
    Ok(())
}

#[wasm_split(features, wasm_split_path = leptos::wasm_split, fallible)]
fn features(session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
    mount_to(parent, move || view! { <Features session/> }).forget();
    Ok(())
}

#[wasm_split(field, wasm_split_path = leptos::wasm_split, fallible)]
fn field(session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
    mount_to(parent, move || view! { <FieldFigure session/> }).forget();
    Ok(())
}

#[wasm_split(cost, wasm_split_path = leptos::wasm_split, fallible)]
fn cost(session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
    mount_to(parent, move || view! { <Cost session/> }).forget();
    Ok(())
}

#[wasm_split(weights, wasm_split_path = leptos::wasm_split, fallible)]
fn weights(session: Session, parent: HtmlElement) -> Result<(), SplitLoaderError> {
    mount_to(parent, move || view! { <Weights session/> }).forget();
    Ok(())
}

/// The section of a figure: its heading until the rest has come.
#[component]
pub fn Later(
    /// The session that the figure shows.
    session: Session,
    /// Which one.
    figure: Figure,
) -> impl IntoView {
    let (name, heading) = figure.names();
    let section = NodeRef::<html::Section>::new();
    // Whether it is there; nothing while it is on its way.
    let arrived = RwSignal::new(None::<bool>);
    let fetch = move || {
        arrived.set(None);
        if let Some(section) = section.get_untracked() {
            spawn_local(async move { arrived.set(Some(figure.mount(session, section).await.is_ok())) });
        }
    };
    section.on_load(move |_| fetch());
    let title = StoredValue::new(format!("{name}-title"));
    view! {
        <section id=name aria-labelledby=title.get_value() aria-busy=move || arrived.get().is_none().to_string() node_ref=section>
            {move || (arrived.get() != Some(true)).then(|| view! {
                <div class="head"><h2 id=title.get_value()>{heading}</h2></div>
                {arrived.get().map(|_| view! {
                    <p class="problem">"The code of this figure could not be fetched. Check the connection, then try again."</p>
                    {button("Try again", fetch).view()}
                })}
            })}
        </section>
    }
}
