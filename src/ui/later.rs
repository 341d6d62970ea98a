//! Parts whose code comes after the page itself: each in a file of its own, fetched once the page stands or when it is asked for.

use super::api;
use super::button::button;
use super::cost::Cost;
use super::features::Features;
use super::field::FieldFigure;
use super::learn::Learn;
use super::session::Session;
use super::share::Forms;
use super::strides::Strides;
use super::weights::Weights;
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

/// A view, or its code did not come.
type Fetched = Result<AnyView, SplitLoaderError>;

/// A part that is fetched later.
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
    /// The article.
    Learn,
    /// What can be copied, in the dialog for sharing.
    Share,
}

impl Figure {
    /// The section's name in the page's address, and its heading.
    fn names(self) -> (&'static str, String) {
        match self {
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
    async fn fetch(self, session: Session, owner: Owner) -> Fetched {
        match self {
            Self::Strides => strides(session, owner).await,
            Self::Features => features(session, owner).await,
            Self::Field => field(session, owner).await,
            Self::Cost => cost(session, owner).await,
            Self::Weights => weights(session, owner).await,
            Self::Learn => learn(session, owner).await,
            Self::Share => share(session, owner).await,
        }
    }
}

#[wasm_split(strides, wasm_split_path = leptos::wasm_split, fallible)]
fn strides(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Strides session/> }.into_any()))
}

#[wasm_split(features, wasm_split_path = leptos::wasm_split, fallible)]
fn features(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Features session/> }.into_any()))
}

#[wasm_split(field, wasm_split_path = leptos::wasm_split, fallible)]
fn field(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <FieldFigure session/> }.into_any()))
}

#[wasm_split(cost, wasm_split_path = leptos::wasm_split, fallible)]
fn cost(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Cost session/> }.into_any()))
}

#[wasm_split(weights, wasm_split_path = leptos::wasm_split, fallible)]
fn weights(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Weights session/> }.into_any()))
}

#[wasm_split(learn, wasm_split_path = leptos::wasm_split, fallible)]
fn learn(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Learn session/> }.into_any()))
}

#[wasm_split(share, wasm_split_path = leptos::wasm_split, fallible)]
fn share(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Forms session/> }.into_any()))
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

/// The section of a figure: its heading until the rest has come.
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
    let waiting = {
        let title = title.clone();
        move || view! { <div class="head"><h2 id=title.clone()>{heading.clone()}</h2></div> }.into_any()
    };
    view! {
        <section id=name aria-labelledby=title aria-busy=move || is_busy.get().to_string()>
            <Arriving session figure is_busy waiting/>
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
    fetch();
    let fetch = Callback::new(move |()| fetch());
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
