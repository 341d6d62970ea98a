//! The figure **weights**: the weights source of each network, the contents of a file, and the cache of this device.

use crate::dom;
use crate::parts::button::button;
use crate::parts::consent::{Busy, Consent};
use crate::parts::options::{Choose, Options};
use crate::session::Session;
use crate::session::weight_files::{CachedList, ENDINGS, InspectionStatus};
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use stridescope_i18n::numbers::grouped;
use stridescope_i18n::{Explain, Key, key, msg, tr, translate};
use stridescope_image::Interpolation;
use stridescope_link::names::{display, hue};
use stridescope_protocol::Opened;
use stridescope_view::markup::facts;
use stridescope_view::weights::{findings, offers, questions, table};
use stridescope_weights::Card;
use stridescope_weights::ModelRef;
use stridescope_weights::catalogue::{self, CatalogueEntry};
use stridescope_weights::labels;
use stridescope_weights::source::WeightsSource;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement};

const GIGABYTE: u64 = 1_000_000_000;
/// Sets of networks to compare.
const PRESETS: [(Key, [&str; 4]); 2] = [
    (key!("ImageNet, 1,000 classes"), ["resnet50-a", "resnet50-b", "resnet50-c", "resnet50-d"]),
    (key!("Ten classes"), ["tiny-a", "tiny-b", "tiny-c", "tiny-d"]),
];

/// The figure.
#[component]
pub fn Weights(
    /// The session whose weights are shown.
    session: Session,
) -> impl IntoView {
    let models = Memo::new(move |_| session.state.with(|state| state.models.clone()));
    let presets = PRESETS.map(|(title, nets)| {
        let is_set = move || models.with(|models| models.iter().eq(&nets));
        let set =
            move || session.change(|state| state.models = nets.iter().filter_map(|net| ModelRef::parse(net).ok()).collect());
        button(title.translated(), set).pressed(is_set).view()
    });
    session.list_cached();
    view! {
        <div class="choices"><span class="group" role="group" aria-label=tr!("Networks that belong together")>{presets}</span></div>
        <div class="cols">
            <For each=move || models.get() key=ModelRef::to_string let:model><Column session model/></For>
        </div>
        <Another session/>
        <Show when=move || session.files.inspected.with(Option::is_some)><Inside session/></Show>
        <CachedFiles session/>
    }
}

/// The details of a network's weights, from the answer or from the catalogue.
fn card_of(session: Session, model: &ModelRef) -> Option<Card> {
    let said = session.answer(model).and_then(|answer| answer.card.clone());
    said.or_else(|| match model.weights() {
        Some(WeightsSource::Entry(entry)) => Some(entry.card.clone()),
        _ => None,
    })
}

fn titled(entry: &CatalogueEntry) -> String {
    let accuracy = entry.card.accuracy.as_ref().map_or(String::new(), |accuracy| format!(", {:.1} %", accuracy.top1));
    format!("{}{accuracy}", entry.id)
}

/// One network and its weights source.
#[component]
fn Column(
    /// The session that is changed.
    session: Session,
    /// The network.
    model: ModelRef,
) -> impl IntoView {
    let problem = RwSignal::new(String::new());
    let source = model.weights().cloned();
    let current = source.as_ref().map(WeightsSource::to_string).unwrap_or_default();
    let mut options: Options = catalogue::all_for(model.name()).map(|entry| (entry.id.clone(), titled(entry))).collect();
    match &source {
        None => options.insert(0, (String::new(), tr!("none in the catalogue"))),
        Some(source) if !options.iter().any(|(id, _)| *id == current) => options.push((current.clone(), source.title().into())),
        Some(_) => {}
    }
    let choose = {
        let model = model.clone();
        move |id: String| {
            let chosen = WeightsSource::parse(&id).map_err(|error| error.sentence().to_string());
            let at = session.state.with_untracked(|state| state.models.iter().position(|known| *known == model));
            let done = chosen.and_then(|source| session.choose_weights(&model, &source));
            let is_done = done.is_ok();
            if let Some(at) = at.filter(|_| is_done) {
                // Another source makes it another column.
                dom::focus_again(".whose select", at);
            }
            problem.set(done.err().unwrap_or_default());
            is_done
        }
    };
    let known = {
        let model = model.clone();
        Memo::new(move |_| card_of(session, &model))
    };
    let list = move || known.with(|card| card.as_ref().map(description).unwrap_or_default());
    let link =
        move || known.with(|card| card.as_ref().map(|card| card.source.clone()).filter(|link| link.starts_with("https://")));
    let inspect = {
        let (source, model) = (source.clone(), model.clone());
        move || {
            if let Some(source) = &source {
                session.inspect(source.clone(), Some(model.clone()));
            }
        }
    };
    let has_source = source.is_some();
    let is_known = matches!(source, Some(WeightsSource::Entry(_)));
    view! {
        <article class=format!("card whose {}", hue(&model))>
            <h3><i class="dot"></i>{display(&ModelRef::of_spec(model.spec().clone()))}</h3>
            <Choose label=tr!("Weights") options=options current=current choose=choose/>
            <p class="problem" role="status">{problem}</p>
            <div class="told" inner_html=list></div>
            <Show when=move || link().is_some()>
                <p class="cap"><a href=move || link().unwrap_or_default() rel="noreferrer">{tr!("Where they are described")}</a></p>
            </Show>
            {(has_source && !is_known).then(|| view! { <ClassNames session model=model.clone()/> })}
            {button(tr!("Look inside"), inspect).disabled(move || !has_source).view()}
        </article>
    }
}

/// A card as a list.
fn description(card: &Card) -> String {
    let accuracy = match &card.accuracy {
        Some(accuracy) => format!("{:.2} %, {} ({})", accuracy.top1, translate(&accuracy.measured_on), translate(&accuracy.by)),
        None => tr!("not stated"),
    };
    let how = &card.preprocess;
    let filter = match how.interpolation {
        Interpolation::Bilinear => tr!("bilinear"),
        Interpolation::Bicubic => tr!("bicubic"),
    };
    let triple = |values: [f32; 3]| values.map(|value| format!("{value:.3}")).join(", ");
    facts(&[
        (&tr!("Whose"), card.origin.to_string()),
        (&tr!("Recipe"), translate(&card.recipe)),
        (&tr!("Top-1"), accuracy),
        (&tr!("Licence"), translate(&card.licence)),
        (&tr!("Classes"), grouped(card.class_count() as u64)),
        (&tr!("Input"), tr!("{} px, from {} px, {}", how.size, how.resize, filter)),
        (&tr!("Mean"), triple(how.mean)),
        (&tr!("Std"), triple(how.std)),
    ])
}

/// The file of an input, which is reset so that the same file can be chosen again.
fn chosen(event: &ev::Event) -> Option<File> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

#[wasm_bindgen]
extern "C" {
    /// The browser's text decoder; bound here, because a feature of `web-sys` would apply to all crates that share it.
    type TextDecoder;
    #[wasm_bindgen(constructor, catch)]
    fn new(label: &str, options: &JsValue) -> Result<TextDecoder, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &[u8]) -> Result<String, JsValue>;
}

/// Decodes Korean text of Windows; none where the bytes are invalid.
fn euc_kr(bytes: &[u8]) -> Option<String> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"fatal".into(), &true.into()).ok()?;
    TextDecoder::new("euc-kr", &options).ok()?.decode(bytes).ok()
}

/// Class names for a network whose weights have none.
#[component]
fn ClassNames(
    /// The session that stores them.
    session: Session,
    /// The network.
    model: ModelRef,
) -> impl IntoView {
    let status = RwSignal::new(String::new());
    let take = move |event: ev::Event| {
        let Some(file) = chosen(&event) else { return };
        let model = model.clone();
        spawn_local(async move {
            let bytes = JsFuture::from(file.array_buffer()).await.map(|buffer| js_sys::Uint8Array::new(&buffer).to_vec());
            let classes = session.answer(&model).map_or(0, |answer| answer.logits.len());
            if classes == 0 {
                return status.set(tr!("Ask the network first, so that its classes can be counted."));
            }
            let Ok(bytes) = bytes else { return status.set(msg!("the file cannot be read").sentence().to_string()) };
            match labels::read(&bytes, classes, euc_kr) {
                Err(error) => status.set(error.sentence().to_string()),
                Ok(labels) => {
                    let names: Vec<String> = labels.into_iter().map(|label| label.name).collect();
                    status.set(tr!("Named after {}.", file.name()));
                    if let Some(source) = model.weights() {
                        session.files.names.update(|all| drop(all.insert(source.to_string(), Arc::new(names))));
                    }
                }
            }
        });
    };
    view! {
        <label class="pick ghost">
            {tr!("Names of its classes…")}
            <input type="file" accept=".txt,.json,.csv" aria-label=tr!("A file with the names of its classes, one a line") on:change=take/>
        </label>
        <p class="cap" role="status">{status}</p>
    }
}

/// Weights from other sources.
#[component]
fn Another(
    /// The session that opens them.
    session: Session,
) -> impl IntoView {
    let address = RwSignal::new(String::new());
    let problem = RwSignal::new(String::new());
    let open = move || match WeightsSource::parse(&address.get_untracked()) {
        Err(error) => problem.set(error.sentence().to_string()),
        Ok(source) => {
            problem.set(String::new());
            session.inspect(source, None);
        }
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        open();
    };
    let take = move |event: ev::Event| {
        if let Some(file) = chosen(&event) {
            session.open_file(&file);
        }
    };
    view! {
        <form class="choices another" on:submit=submit>
            <label for="address">{tr!("Other weights")}</label>
            <input
                id="address" type="text" inputmode="url" autocomplete="off" spellcheck="false"
                placeholder="https://huggingface.co/timm/resnet50d.gluon_in1k"
                prop:value=address
                on:input=move |event| address.set(event_target_value(&event))
            />
            {button(tr!("Open"), open).view()}
            <label class="pick ghost">
                {tr!("Your own file…")}
                <input type="file" accept=ENDINGS.join(",") aria-label=tr!("Your own file of weights") on:change=take/>
            </label>
            <p class="cap">{tr!("A repository or the address of a .safetensors file; or drop a .safetensors, .pth or .pt anywhere on this page. It is read as data, never run, and never leaves this device.")}</p>
            <p class="problem" role="alert">{problem}</p>
        </form>
    }
}

/// The inspected file.
#[component]
fn Inside(
    /// The session that inspects.
    session: Session,
) -> impl IntoView {
    let title = move || {
        session.files.inspected.with(|inspected| inspected.as_ref().map(|inspected| inspected.source.title().to_string()))
    };
    view! {
        <div class="inspector inside">
            <div class="head">
                <h3>{title}</h3>
                <span class="space"></span>
                {button(tr!("Close"), move || session.close_inspection()).view()}
            </div>
            {move || session.files.inspected.get().map(|inspected| match inspected.status {
                InspectionStatus::Busy(progress) => view! { <Busy progress cancel=move |()| session.close_inspection()/> }.into_any(),
                InspectionStatus::Elsewhere { bytes, host } => view! { <Consent bytes host fetch=move |fetching| session.inspect_from_elsewhere(fetching)/> }.into_any(),
                InspectionStatus::Failed(sentence) => {
                    let (source, model) = (inspected.source, inspected.model);
                    view! {
                        <p class="problem" role="alert">{sentence.to_string()}</p>
                        {button(tr!("Try again"), move || session.inspect(source.clone(), model.clone())).view()}
                    }.into_any()
                }
                InspectionStatus::Done(file) => match file.unpack() {
                    Ok(opened) => view! { <Contents session source=inspected.source opened is_column=inspected.model.is_some()/> }.into_any(),
                    Err(error) => view! { <p class="problem" role="alert">{error.sentence().to_string()}</p> }.into_any(),
                },
            })}
        </div>
    }
}

/// The contents of a file.
#[component]
fn Contents(
    /// The session that can show a network with it.
    session: Session,
    /// The weights source.
    source: WeightsSource,
    /// The contents.
    opened: Opened,
    /// Whether one of the shown networks uses it.
    is_column: bool,
) -> impl IntoView {
    let opened = Arc::new(opened);
    let inspection = &opened.inspection;
    let model = inspection.net.as_deref().and_then(|net| ModelRef::parse(net).ok());
    let said = match (&model, inspection.inferred) {
        (Some(model), true) => tr!("By names and shapes this is {}.", display(model)),
        (Some(model), false) => tr!("These are weights for {}.", display(model)),
        (None, _) => String::new(),
    };
    let values: usize = inspection.tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    let counts = tr!(
        "{} tensors, {} values, {} MB; names of {}.",
        inspection.tensors.len(),
        grouped(values as u64),
        format!("{:.1}", opened.bytes as f64 / 1e6),
        inspection.layout.title()
    );
    let untrained = inspection.untrained.then(|| {
        tr!(
            "Every normalisation is as it was made: this network was never trained, and what it says of a picture would mean nothing."
        )
    });
    let problem = inspection.problem.clone().map(|problem| problem.sentence().to_string());
    let listed = findings(inspection).into_iter().map(|(what, names)| view! { <dt>{what}</dt><dd>{names}</dd> }).collect_view();
    let is_offered = !is_column && problem.is_none() && inspection.no_pictures.is_none();
    let no_pictures = inspection.no_pictures.clone().map(|why| why.sentence().to_string());
    let failed = RwSignal::new(String::new());
    let open_questions = if is_offered { questions(inspection) } else { Vec::new() };
    // The answer to each question, stored as a network that has it.
    let answers =
        RwSignal::new(open_questions.iter().filter_map(|question| question.nets.first().cloned()).collect::<Vec<String>>());
    let asks = !open_questions.is_empty();
    let selects = open_questions.into_iter().enumerate().map(|(at, question)| {
        let current = Signal::derive(move || answers.with(|answers| answers.get(at).cloned().unwrap_or_default()));
        let choose = move |model: String| {
            answers.update(|answers| {
                if let Some(answer) = answers.get_mut(at) {
                    *answer = model;
                }
            });
            true
        };
        let options: Options = question.nets.into_iter().zip(question.titles).collect();
        view! { <Choose label=question.label options current choose/> }
    });
    let selects = selects.collect_view();
    let question = (is_offered && inspection.stride_is_open).then(|| {
        tr!("The original and its B have the same tensors, so that the file cannot tell: on which convolution is the stride?")
    });
    let inspected = opened.clone();
    let shows = move || {
        let offered = if is_offered { answers.with(|answers| offers(&inspected.inspection, answers)) } else { Vec::new() };
        let shown = offered.into_iter().map(|(title, model)| {
            let source = source.clone();
            let show = move || match session.show_weights(&model, &source) {
                Ok(()) => {
                    session.close_inspection();
                    session.led_to.set(Some("prediction".into()));
                }
                Err(sentence) => failed.set(sentence),
            };
            button(title, show).class("solid").view()
        });
        shown.collect_view()
    };
    let filter = RwSignal::new(String::new());
    let tensors = Memo::new(move |_| filter.with(|filter| table(&opened.inspection, filter)));
    view! {
        <p role="status">{said}" "{counts}</p>
        {untrained.map(|words| view! { <p class="none">{words}</p> })}
        {problem.map(|words| view! { <p class="problem">{words}</p> })}
        <dl>{listed}</dl>
        {no_pictures.map(|words| view! { <p class="none">{words}</p> })}
        {asks.then(|| view! {
            <p class="cap">{tr!("Anti-aliasing and dilation leave no tensor behind, so that the file cannot tell. Trained with either, it is another network: choose which.")}</p>
            <div class="choices untold">{selects}</div>
        })}
        {question.map(|words| view! { <p class="problem">{words}</p> })}
        <span class="group offers">{shows}</span>
        <p class="problem" role="alert">{failed}</p>
        <div class="choices">
            <label>{tr!("Names with ")}<input type="search" on:input=move |event| filter.set(event_target_value(&event))/></label>
            <span class="cap" role="status">{move || tr!("{} tensors", tensors.with(|(_, count)| *count))}</span>
        </div>
        <div class="scroll tensors" tabindex="0" role="region" aria-label=tr!("Tensors") inner_html=move || tensors.with(|(html, _)| html.clone())></div>
        <p class="cap">{tr!("A dash: that layout has no such network. Statistics are of finite values; a histogram has 32 equal parts from the least to the greatest.")}</p>
    }
}

/// The cache of this device.
#[component]
fn CachedFiles(
    /// The session with the list.
    session: Session,
) -> impl IntoView {
    let in_mega = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let in_giga = |bytes: u64| format!("{:.1}", bytes as f64 / 1e9);
    let size = move |bytes: u64| match bytes {
        GIGABYTE.. => format!("{} GB", in_giga(bytes)),
        _ => format!("{} MB", in_mega(bytes)),
    };
    let rows = move |list: CachedList| {
        let Some(files) = list.files else {
            return view! { <p class="cap">{tr!("This browser lets the page keep nothing on this device. Everything works without it: weights are fetched again at each visit.")}</p> }.into_any();
        };
        let room = list
            .room
            .map(|(used, quota)| tr!("This site uses {} of the {} that the browser grants it.", size(used), size(quota)))
            .map(|sentence| format!(" {sentence}"));
        if files.is_empty() {
            return view! { <p class="cap">{tr!("Nothing is kept on this device.")}{room}</p> }.into_any();
        }
        let files = files.into_iter().map(|file| {
            let whole = match (file.is_whole, file.bytes) {
                (true, _) => size(file.cached),
                (false, 0) => tr!("{}, unfinished", size(file.cached)),
                (false, bytes) if file.cached < GIGABYTE => tr!("{} MB of {}", in_mega(file.cached), size(bytes)),
                (false, bytes) => tr!("{} GB of {}", in_giga(file.cached), size(bytes)),
            };
            let name = file.title.clone();
            let key = file.key;
            view! {
                <li>
                    <span>{file.title}</span><span class="number">{whole}</span>
                    {button(tr!("Delete"), move || session.forget(key.clone())).named(move || tr!("Delete {}", name)).view()}
                </li>
            }
        });
        view! { <ul>{files.collect_view()}</ul><p class="cap">{tr!("What is whole is used without any network; what is not goes on when it is asked for again.")}{room}</p> }.into_any()
    };
    view! {
        <div class="kept">
            <h3>{tr!("Kept on this device")}</h3>
            {move || session.files.cached.get().map(rows)}
        </div>
    }
}
