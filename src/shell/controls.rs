//! The controls: networks, picture, device, theme.

use crate::language::{LANGUAGES, resolved};
use crate::parts::button::button;
use crate::session::Session;
use crate::session::receive::receive_picture;
use crate::site;
use leptos::ev;
use leptos::prelude::*;
use stridescope_arch::Variant;
use stridescope_i18n::{tr, translate};
use stridescope_link::names::{display, families, family, variant};
use stridescope_link::samples::SAMPLES;
use stridescope_link::{Lang, MAX_MODELS, Theme, backend_named};
use stridescope_protocol::BackendChoice;
use stridescope_weights::ModelRef;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// The sticky bar: networks, pictures, device.
#[component]
pub fn Bar(
    /// The session that is changed.
    session: Session,
    /// Whether the page computes on a picture; otherwise there is nothing to choose but networks.
    #[prop(default = true)]
    computes: bool,
) -> impl IntoView {
    view! {
        <div class="bar"><div class="wrap">
            <Networks session/>
            {computes.then(|| view! {
                <Pictures session/>
                <span class="space"></span>
                <Device session/>
            })}
        </div></div>
    }
    .into_any()
}

#[component]
fn Networks(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    // The family of all networks; none where they differ, as a link may have it.
    let shared = Memo::new(move |_| {
        let models = models.get();
        let first = models.first().map(|net| family(net).to_string())?;
        (families().any(|(name, _)| name == first) && models.iter().all(|net| family(net) == first)).then_some(first)
    });
    // timm has the names S and T for this depth only; elsewhere they appear if a link names them.
    let letters = Memo::new(move |_| {
        let of_fifty = shared.with(|shared| shared.as_deref() == Some("resnet50"));
        let shown = |letter: &Variant| {
            of_fifty
                || Variant::PAPER.contains(letter)
                || models.with(|models| models.iter().any(|net| variant(net) == Some(*letter)))
        };
        Variant::ALL.into_iter().filter(shown).collect::<Vec<_>>()
    });
    let choose_family = move |name: String| {
        session.change(|state| {
            let letters: Vec<char> = Variant::ALL
                .into_iter()
                .filter(|v| state.models.iter().any(|net| variant(net) == Some(*v)))
                .map(Variant::letter)
                .collect();
            state.models = letters.into_iter().filter_map(|letter| ModelRef::parse(&format!("{name}-{letter}")).ok()).collect();
        });
    };
    let toggle = move |letter: Variant| {
        // Read before the state is locked: reading may recompute it from the state.
        let name = shared.get_untracked().unwrap_or_else(|| "tiny".into());
        session.change(|state| {
            let Ok(chosen) = ModelRef::parse(&format!("{name}-{}", letter.letter())) else { return };
            let is_shown = |model: &ModelRef| model.spec() == chosen.spec();
            if state.models.iter().any(is_shown) {
                if !state.models.iter().all(is_shown) {
                    state.models.retain(|model| !is_shown(model));
                }
            } else if state.models.len() < MAX_MODELS {
                let at = state.models.iter().position(|model| *model > chosen).unwrap_or(state.models.len());
                state.models.insert(at, chosen);
            }
        });
    };
    view! {
        <div class="group" role="group" aria-label=tr!("Networks")>
            <select
                aria-label=tr!("Depth")
                prop:value=move || shared.get().unwrap_or_default()
                on:change=move |event| choose_family(event_target_value(&event))
            >
                <Show when=move || shared.with(Option::is_none)><option value="" disabled=true>{tr!("Mixed")}</option></Show>
                {families().map(|(name, title)| view! {
                    <option value=name selected=move || shared.with(|shared| shared.as_deref() == Some(name))>{title}</option>
                }).collect_view()}
            </select>
            <Show
                when=move || shared.with(Option::is_some)
                fallback=move || view! { <span class="mixture">{move || models.get().iter().map(display).collect::<Vec<_>>().join(", ")}</span> }
            >
                {move || letters.get().into_iter().map(|letter| {
                    let is_on = move || models.with(|models| models.iter().any(|net| variant(net) == Some(letter)));
                    let is_last = move || is_on() && models.with(|models| models.iter().all(|net| variant(net) == Some(letter)));
                    view! {
                        <button
                            class=format!("chip {}", letter.letter())
                            title=translate(letter.tagline())
                            aria-pressed=move || is_on().to_string()
                            aria-disabled=move || is_last().to_string()
                            on:click=move |_| toggle(letter)
                        >
                            <i class="dot"></i>{letter.letter().to_ascii_uppercase()}
                        </button>
                    }
                }).collect_view()}
            </Show>
        </div>
    }
}

#[component]
fn Pictures(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let shown = Memo::new(move |_| session.state.with(|state| state.image.clone()));
    let take = move |event: ev::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input {
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                receive_picture(session, file);
            }
            // Reset, so that the same file can be chosen again.
            input.set_value("");
        }
    };
    view! {
        <div class="group thumbs" role="group" aria-label=tr!("Picture")>
            {SAMPLES.map(|sample| view! {
                <button
                    class="thumb"
                    title=translate(sample.title)
                    aria-label=translate(sample.title)
                    aria-pressed=move || shown.with(|shown| shown.as_deref() == Some(sample.id)).to_string()
                    on:click=move |_| session.choose_sample(sample.id)
                >
                    <img src=site::sample_thumb(&sample) alt="" width="34" height="34"/>
                </button>
            })}
            <label class="thumb add" title=tr!("Your own picture: choose, drop or paste it")>
                <input type="file" accept="image/*" aria-label=tr!("Your own picture") on:change=take/>
                <span aria-hidden="true">"+"</span>
            </label>
        </div>
    }
}

#[component]
fn Device(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let choice = Memo::new(move |_| session.state.with(|state| state.backend));
    let options = [
        (BackendChoice::Auto, "auto", tr!("Automatic")),
        (BackendChoice::Webgpu, "webgpu", "WebGPU".to_string()),
        (BackendChoice::Cpu, "cpu", "CPU".to_string()),
    ];
    let report = move || match session.backend.get() {
        None => view! { <span class="why">{tr!("Computed on your own device")}</span> }.into_any(),
        Some(report) => {
            let name = if report.name == "webgpu" { "WebGPU" } else { "CPU" };
            let adapter = if report.adapter.is_empty() { String::new() } else { format!(" ({})", report.adapter) };
            view! { <span class="why"><i class="lamp"></i><b>{name}</b>{adapter}" · "{report.why.to_string()}</span> }.into_any()
        }
    };
    view! {
        <div class="group device">
            {report}
            <select
                aria-label=tr!("Device")
                on:change=move |event| {
                    if let Some(backend) = backend_named(&event_target_value(&event)) {
                        session.change(|state| state.backend = backend);
                    }
                }
            >
                {options.map(|(backend, value, title)| view! {
                    <option value=value selected=move || choice.get() == backend>{title}</option>
                })}
            </select>
        </div>
    }
}

/// The theme: light, dark, or the device's.
#[component]
pub fn ThemeButton(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let theme = move || session.state.with(|state| state.theme);
    let next = move || match theme() {
        Theme::Auto => Theme::Dark,
        Theme::Dark => Theme::Light,
        Theme::Light => Theme::Auto,
    };
    let title = move || match theme() {
        Theme::Auto => tr!("Theme: auto"),
        Theme::Dark => tr!("Theme: dark"),
        Theme::Light => tr!("Theme: light"),
    };
    view! {
        {button(title, move || {
            let next = next();
            session.change(|state| state.theme = next);
        })
        .view()}
    }
}

/// The languages, each by its own name.
#[component]
pub fn LanguageSelect(
    /// The session that is changed.
    session: Session,
) -> impl IntoView {
    let chosen = Memo::new(move |_| session.state.with(|state| resolved(state.lang)));
    let choose = move |event| {
        if let Some(lang) = Lang::named(&event_target_value(&event)) {
            session.change(|state| state.lang = lang);
        }
    };
    view! {
        <select class="language" aria-label=tr!("Language") on:change=choose>
            {LANGUAGES.map(|(lang, name)| view! {
                <option value=lang.name() lang=lang.name() selected=move || chosen.get() == lang>{name}</option>
            })}
        </select>
    }
}
