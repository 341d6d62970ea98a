//! Parts whose code comes after the page itself: in files of their own, fetched once the page stands or when it is asked for.

use super::api;
use super::architecture::Architecture;
use super::button::button;
use super::cost::Cost;
use super::dom;
use super::features::Features;
use super::field::FieldFigure;
use super::learn::Learn;
use super::session::Session;
use super::share::Forms;
use super::strides::Strides;
use super::weights::Weights;
use crate::tr;
use leptos::html::Section;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

/// A view, or its code did not come.
type Fetched = Result<AnyView, SplitLoaderError>;

/// A part that is fetched later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Block diagrams.
    Architecture,
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
    /// The article.
    Learn,
    /// What can be copied, in the dialog for sharing.
    Share,
}

impl Figure {
    /// The section's name in the page's address, and its heading.
    fn names(self) -> (&'static str, String) {
        match self {
            Self::Architecture => ("architecture", tr!("Architecture")),
            Self::Strides => ("strides", tr!("Strides")),
            Self::Features => ("features", tr!("Features")),
            Self::Field => ("field", tr!("Receptive field")),
            Self::Cost => ("cost", tr!("Cost")),
            Self::Weights => ("weights", tr!("Weights")),
            Self::Learn => ("learn", tr!("Learn")),
            Self::Share => ("share", tr!("Share")),
        }
    }

    /// The part, made within `owner`, so that it goes when its place does.
    ///
    /// What comes together shares most of its code; a file for each alone would leave dozens that two or three of them share.
    async fn fetch(self, session: Session, owner: Owner) -> Fetched {
        match self {
            Self::Architecture | Self::Cost => drawn(self, session, owner).await,
            Self::Strides | Self::Features | Self::Field => computed(self, session, owner).await,
            Self::Weights => weights(session, owner).await,
            Self::Learn | Self::Share => told(self, session, owner).await,
        }
    }
}

/// What is known of networks without an engine.
#[wasm_split(drawn, wasm_split_path = leptos::wasm_split, fallible)]
fn drawn(figure: Figure, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match figure {
        Figure::Cost => view! { <Cost session/> }.into_any(),
        _ => view! { <Architecture session/> }.into_any(),
    }))
}

/// What networks make of the picture.
#[wasm_split(computed, wasm_split_path = leptos::wasm_split, fallible)]
fn computed(figure: Figure, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match figure {
        Figure::Features => view! { <Features session/> }.into_any(),
        Figure::Field => view! { <FieldFigure session/> }.into_any(),
        _ => view! { <Strides session/> }.into_any(),
    }))
}

#[wasm_split(weights, wasm_split_path = leptos::wasm_split, fallible)]
fn weights(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Weights session/> }.into_any()))
}

/// What is there to be read, and to be taken along.
#[wasm_split(told, wasm_split_path = leptos::wasm_split, fallible)]
fn told(figure: Figure, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match figure {
        Figure::Share => view! { <Forms session/> }.into_any(),
        _ => view! { <Learn session/> }.into_any(),
    }))
}

/// Offers the page's API to scripts and to a page around, once its code has come.
pub fn offer_api(session: Session) {
    let Some(owner) = Owner::current() else { return };
    spawn_local(async move {
        // Without it the page is whole all the same, and whoever waits for it hears nothing.
        let _ = api_offered(session, owner).await;
    });
}

#[wasm_split(api, wasm_split_path = leptos::wasm_split, fallible)]
fn api_offered(session: Session, owner: Owner) -> Result<(), SplitLoaderError> {
    owner.with(|| api::offer(session));
    Ok(())
}

/// The section of a figure: its heading until the rest has come. In the whole page that is fetched when the section comes into sight, or
/// from the reader's first move on, so that what is looked at first stands first.
#[component]
pub fn Later(
    /// The session that the figure shows.
    session: Session,
    /// Which one.
    figure: Figure,
) -> impl IntoView {
    let (name, heading) = figure.names();
    let title = format!("{name}-title");
    let is_busy = RwSignal::new(true);
    let section = NodeRef::<Section>::new();
    let is_seen = RwSignal::new(session.state.with_untracked(|state| state.embed.is_some()));
    section.on_load(move |section| dom::once_in_sight(&section, move || is_seen.set(true)));
    let wanted = Signal::derive(move || is_seen.get() || session.is_read.get());
    let waiting = {
        let title = title.clone();
        move || view! { <div class="head"><h2 id=title.clone()>{heading.clone()}</h2></div> }.into_any()
    };
    view! {
        <section id=name node_ref=section aria-labelledby=title aria-busy=move || is_busy.get().to_string()>
            <Arriving session figure is_busy wanted waiting/>
        </section>
    }
    .into_any()
}

/// A part, once its code has come.
#[component]
pub fn Arriving(
    /// The session that the part shows.
    session: Session,
    /// Which one.
    figure: Figure,
    /// Whether it is on its way.
    is_busy: RwSignal<bool>,
    /// Whether it is to come.
    #[prop(into)]
    wanted: Signal<bool>,
    /// What stands in its place until then.
    #[prop(into)]
    waiting: ViewFn,
) -> impl IntoView {
    let owner = Owner::current().unwrap_or_default();
    let arrived = RwSignal::new_local(None::<AnyView>);
    let has_failed = RwSignal::new(false);
    let fetch = move || {
        is_busy.set(true);
        has_failed.set(false);
        let owner = owner.clone();
        spawn_local(async move {
            // Where the page speaks another language by now, this place is gone, and nothing is set.
            match figure.fetch(session, owner).await {
                Ok(view) => drop(arrived.try_set(Some(view))),
                Err(_) => drop(has_failed.try_set(true)),
            }
            is_busy.try_set(false);
        });
    };
    let fetch = Callback::new(move |()| fetch());
    Effect::new(move |was: Option<bool>| {
        let wanted = wanted.get();
        if wanted && was != Some(true) {
            fetch.run(());
        }
        wanted || was == Some(true)
    });
    move || {
        match (is_busy.get(), has_failed.get()) {
        (false, false) => arrived.try_update_untracked(Option::take).flatten(),
        (_, false) => Some(waiting.run()),
        (_, true) => Some(view! {
            {waiting.run()}
            <p class="problem">{tr!("The code of this figure could not be fetched. Check the connection, then try again.")}</p>
            {button(tr!("Try again"), move || fetch.run(())).view()}
        }.into_any()),
    }
    }
}
