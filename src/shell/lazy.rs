//! Parts of the page whose code is in files of its own, fetched after the page is mounted or on demand.

use crate::dom;
use crate::figures::architecture::Architecture;
use crate::figures::cost::Cost;
use crate::figures::features::Features;
use crate::figures::field::FieldFigure;
use crate::figures::learn::Learn;
use crate::figures::strides::Strides;
use crate::figures::weights::Weights;
use crate::parts::button::button;
use crate::parts::heading::figure_head;
use crate::session::Session;
use crate::shell::api;
use crate::shell::share::Forms;
use crate::site;
use leptos::html::Section;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};
use stridescope_i18n::tr;
use stridescope_link::Figure;

/// A view, or the error where its code was not fetched.
type Fetched = Result<AnyView, SplitLoaderError>;

/// Why a part's code was not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// No answer, or a wrong one.
    Connection,
    /// The site has another version by now.
    Replaced,
}

/// A part whose code is fetched later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A figure.
    Figure(Figure),
    /// The content of the dialog for sharing.
    Share,
}

/// The file that holds a part's code, and which of its parts it is. Each file holds parts that share most of their code; one file per part would
/// leave dozens of chunks shared by two or three of them.
#[derive(Clone, Copy)]
enum File {
    Page,
    Drawn(DrawnPart),
    Computed(ComputedPart),
    Weights,
    Text(TextPart),
}

#[derive(Clone, Copy)]
enum DrawnPart {
    Architecture,
    Cost,
}

#[derive(Clone, Copy)]
enum ComputedPart {
    Strides,
    Features,
    Field,
}

#[derive(Clone, Copy)]
enum TextPart {
    Learn,
    Share,
}

impl Part {
    fn file(self) -> File {
        match self {
            Self::Figure(Figure::Architecture) => File::Drawn(DrawnPart::Architecture),
            Self::Figure(Figure::Strides) => File::Computed(ComputedPart::Strides),
            Self::Figure(Figure::Features) => File::Computed(ComputedPart::Features),
            Self::Figure(Figure::Field) => File::Computed(ComputedPart::Field),
            Self::Figure(Figure::Cost) => File::Drawn(DrawnPart::Cost),
            Self::Figure(Figure::Predict) => File::Page,
            Self::Figure(Figure::Weights) => File::Weights,
            Self::Figure(Figure::Learn) => File::Text(TextPart::Learn),
            Self::Share => File::Text(TextPart::Share),
        }
    }

    /// Creates the part within `owner`, so that it is disposed of with its place.
    async fn fetch(self, session: Session, owner: Owner) -> Fetched {
        match self.file() {
            File::Drawn(part) => drawn(part, session, owner).await,
            File::Computed(part) => computed(part, session, owner).await,
            File::Weights => weights(session, owner).await,
            File::Text(part) => text_part(part, session, owner).await,
            // Its code is part of the page itself, and is never fetched.
            File::Page => Ok(().into_any()),
        }
    }
}

/// The figures that need no engine.
#[wasm_split(drawn, wasm_split_path = leptos::wasm_split, fallible)]
fn drawn(part: DrawnPart, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match part {
        DrawnPart::Architecture => view! { <Architecture session/> }.into_any(),
        DrawnPart::Cost => view! { <Cost session/> }.into_any(),
    }))
}

/// The figures that show runs.
#[wasm_split(computed, wasm_split_path = leptos::wasm_split, fallible)]
fn computed(part: ComputedPart, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match part {
        ComputedPart::Strides => view! { <Strides session/> }.into_any(),
        ComputedPart::Features => view! { <Features session/> }.into_any(),
        ComputedPart::Field => view! { <FieldFigure session/> }.into_any(),
    }))
}

#[wasm_split(weights, wasm_split_path = leptos::wasm_split, fallible)]
fn weights(session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| view! { <Weights session/> }.into_any()))
}

/// The article and the dialog for sharing.
#[wasm_split(text_part, wasm_split_path = leptos::wasm_split, fallible)]
fn text_part(part: TextPart, session: Session, owner: Owner) -> Fetched {
    Ok(owner.with(|| match part {
        TextPart::Learn => view! { <Learn session/> }.into_any(),
        TextPart::Share => view! { <Forms session/> }.into_any(),
    }))
}

/// Offers the page's API to scripts and to a page around, once its code is loaded.
pub fn offer_api(session: Session) {
    let Some(owner) = Owner::current() else { return };
    spawn_local(async move {
        // The page works without its API, which is missing until a retry succeeds.
        if api_offered(session, owner.clone()).await.is_err() {
            session.when_online(move || owner.with(|| offer_api(session)));
        }
    });
}

#[wasm_split(api, wasm_split_path = leptos::wasm_split, fallible)]
fn api_offered(session: Session, owner: Owner) -> Result<(), SplitLoaderError> {
    owner.with(|| api::offer(session));
    Ok(())
}

/// The section of a figure: its heading, and its content once the code is loaded. In the whole page the code is fetched when the section becomes
/// visible, or after the reader's first interaction, so that the visible part of the page loads first.
#[component]
pub fn Lazy(
    /// The session of the figure.
    session: Session,
    /// The figure, any but the prediction.
    figure: Figure,
    /// Whether the heading is already on the page.
    #[prop(optional)]
    is_headed: bool,
) -> impl IntoView {
    let name = figure.section();
    let is_busy = RwSignal::new(true);
    let section = NodeRef::<Section>::new();
    let is_seen = RwSignal::new(session.state.with_untracked(|state| state.embed.is_some()));
    section.on_load(move |section| dom::once_in_sight(&section, move || is_seen.set(true)));
    let wanted = Signal::derive(move || is_seen.get() || session.is_read.get());
    view! {
        <section id=name node_ref=section aria-labelledby=format!("{name}-title") aria-busy=move || is_busy.get().to_string()>
            {(!is_headed).then(|| figure_head(figure))}
            <LazyPart session part=Part::Figure(figure) is_busy wanted/>
        </section>
    }
    .into_any()
}

/// A part, once its code is loaded.
#[component]
pub fn LazyPart(
    /// The session of the part.
    session: Session,
    /// The part.
    part: Part,
    /// Whether it is being fetched.
    is_busy: RwSignal<bool>,
    /// Whether it is to be fetched.
    #[prop(into)]
    wanted: Signal<bool>,
) -> impl IntoView {
    let owner = Owner::current().unwrap_or_default();
    let arrived = RwSignal::new_local(None::<AnyView>);
    let failure = RwSignal::new(None::<Failure>);
    let fetch = move || {
        is_busy.set(true);
        failure.set(None);
        let owner = owner.clone();
        spawn_local(async move {
            // After a change of language the signals of this place are disposed of, and nothing is set.
            match part.fetch(session, owner).await {
                Ok(view) => drop(arrived.try_set(Some(view))),
                Err(_) => {
                    let why = if site::is_replaced().await { Failure::Replaced } else { Failure::Connection };
                    let _ = failure.try_set(Some(why));
                }
            }
            is_busy.try_set(false);
        });
    };
    let fetch = Callback::new(move |()| fetch());
    session.again_when_online(Signal::derive(move || failure.with(Option::is_some)), move || fetch.run(()));
    Effect::new(move |was: Option<bool>| {
        let wanted = wanted.get();
        if wanted && was != Some(true) {
            fetch.run(());
        }
        wanted || was == Some(true)
    });
    move || {
        match (is_busy.get(), failure.get()) {
        (false, None) => arrived.try_update_untracked(Option::take).flatten(),
        (_, None) => None,
        (_, Some(Failure::Connection)) => Some(view! {
            <p class="problem">{tr!("The code of this figure could not be fetched. Check the connection, then try again.")}</p>
            {button(tr!("Try again"), move || fetch.run(())).view()}
        }.into_any()),
        (_, Some(Failure::Replaced)) => Some(view! {
            <p class="problem">{tr!("A new version of this page is there, and the code of this figure is gone. Load the page again.")}</p>
            {button(tr!("Reload"), site::reload).view()}
        }.into_any()),
    }
    }
}
