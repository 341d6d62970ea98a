//! The form that builds networks: presets, and every switch of the family.

use crate::parts::button::button;
use crate::parts::options::{Choose, options};
use crate::session::Session;
use leptos::prelude::*;
use stridescope_arch::spec::{MAX_SIZE, MIN_SIZE};
use stridescope_arch::switches::{
    ANTI_ALIAS, BLOCK, BLOCKS, CHANNELS, CLASSES, Choice, DILATE, DILATED_POOL, Entry, GROUPS, SHORTCUT, STEM, STEM_WIDTH,
    STRIDE, SWITCHES, WIDTH, WIDTH_PER_GROUP,
};
use stridescope_arch::{ArchSpec, Input, SpecError, Variant, lower};
use stridescope_i18n::{Explain, Key, key, msg, tr, translate};
use stridescope_link::MAX_MODELS;
use stridescope_link::names::{self, display, families, hue, source};
use stridescope_weights::ModelRef;

/// The switches with a few values: label, switch, and a label for each value.
static CHOICES: [(Key, &Choice, &[Key]); 6] = [
    (key!("Stem"), &STEM, &[Key::of("7×7"), key!("three 3×3"), key!("three 3×3, tiered")]),
    (key!("Stride on"), &STRIDE, &[Key::of("conv1, 1×1"), Key::of("conv2, 3×3")]),
    (key!("Shortcut"), &SHORTCUT, &[Key::of("1×1, /2"), key!("avgpool, then 1×1")]),
    (key!("Anti-aliasing"), &ANTI_ALIAS, &[key!("none"), key!("avgpool"), Key::of("BlurPool")]),
    (
        key!("Avgpool shortcut, dilated"),
        &DILATED_POOL,
        &[key!("avgpool 2×2, stride 1: timm"), key!("no pooling: GluonCV, OpenMMLab")],
    ),
    (key!("Block"), &BLOCK, &[key!("basic"), key!("bottleneck")]),
];

/// The switches with numbers: label, switch, and hint.
static ENTRIES: [(Key, &Entry, Key); 8] = [
    (key!("Blocks"), &BLOCKS, key!("blocks in each stage, as in 3-4-6-3")),
    (key!("Dilated"), &DILATE, key!("for each stage after the first, 1 to dilate instead of a stride, as in 0-0-1")),
    (key!("Width"), &WIDTH, key!("channels of the first stage")),
    (key!("Stem width"), &STEM_WIDTH, key!("channels of the first 3×3 of a stem of three")),
    (key!("Groups"), &GROUPS, key!("cardinality, 32 in ResNeXt")),
    (key!("Width per group"), &WIDTH_PER_GROUP, key!("64; 4 in ResNeXt-50 32×4d, 128 in Wide ResNet-50-2")),
    (key!("Classes"), &CLASSES, key!("classes of fc")),
    (key!("Channels"), &CHANNELS, key!("channels of the picture")),
];

// A value of each choice has a label, and each switch a field: an output stride is a way to write dilations.
const _: () = {
    let mut at = 0;
    while at < CHOICES.len() {
        assert!(CHOICES[at].1.values.len() == CHOICES[at].2.len());
        at += 1;
    }
    assert!(CHOICES.len() + ENTRIES.len() + 1 == SWITCHES.len());
};

/// The form, collapsed at first.
#[component]
pub fn Builder(
    /// The session whose networks are built.
    session: Session,
) -> impl IntoView {
    let count = Memo::new(move |_| session.state.with(|state| state.models.len()));
    let add = move || {
        session.change(|state| {
            let family = state.models.last().map_or("resnet50", |model| names::base(model).0).to_string();
            let letters =
                Variant::ALL.into_iter().filter_map(|letter| ModelRef::parse(&format!("{family}-{}", letter.letter())).ok());
            if let Some(model) = letters.into_iter().find(|model| !state.models.contains(model)) {
                state.models.push(model);
            }
        });
    };
    let resize = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        match text.trim().parse::<usize>().ok().filter(|size| (MIN_SIZE..=MAX_SIZE).contains(size)) {
            None if !text.trim().is_empty() => {
                session.notice.set(vec![msg!("The input's side must be between {} and {} pixels.", MIN_SIZE, MAX_SIZE)]);
            }
            size => session.change(|state| state.size = size),
        }
    };
    view! {
        <details class="builder">
            <summary>{tr!("Change the networks")}</summary>
            <div class="cols">
                <For each=move || 0..count.get() key=|index| *index let:index><Editor session index/></For>
            </div>
            <div class="choices">
                {button(tr!("Add a network"), add).disabled(move || count.get() == MAX_MODELS).view()}
                <label>{tr!("Input, pixels")}" "<input
                    type="number" min=MIN_SIZE max=MAX_SIZE
                    placeholder=move || session.state.with(|state| state.shape_size().to_string())
                    prop:value=move || session.state.with(|state| state.size.map(|size| size.to_string()).unwrap_or_default())
                    on:change=resize
                /></label>
            </div>
        </details>
    }
}

#[component]
fn Editor(
    /// The session that is changed.
    session: Session,
    /// Index of the network.
    index: usize,
) -> impl IntoView {
    let model = Memo::new(move |_| session.state.with(|state| state.models.get(index).cloned()));
    let problem = RwSignal::new(None::<String>);
    // Replaces the network, or shows the error.
    let apply = move |next: Result<ArchSpec, SpecError>| -> bool {
        let size = session.state.with_untracked(stridescope_link::State::shape_size);
        let made = next.and_then(|spec| lower(&spec, Input::square(size)).map(|_| ModelRef::of_spec(spec)));
        let made = made.map_err(|error| error.sentence().to_string()).and_then(|made| {
            let is_other = |(at, known): (usize, &ModelRef)| at != index && *known == made;
            match session.state.with_untracked(|state| state.models.iter().enumerate().any(is_other)) {
                true => Err(tr!("{} is shown already.", display(&made))),
                false => Ok(made),
            }
        });
        let is_made = made.is_ok();
        match made {
            Err(sentence) => problem.set(Some(sentence)),
            Ok(made) => {
                problem.set(None);
                session.change(|state| {
                    if state.base.as_ref() == state.models.get(index) {
                        state.base = state.base.is_some().then(|| made.clone());
                    }
                    if let Some(model) = state.models.get_mut(index) {
                        *model = made;
                    }
                });
            }
        }
        is_made
    };
    let spec = move || model.with(|model| model.as_ref().map(|model| model.spec().clone()));
    let switch = move |switch: &str| spec().is_some_and(|spec| apply(spec.with(switch)));
    let base = move || {
        let base = model.with(|model| {
            let (body, letter) = names::base(model.as_ref()?);
            Some((body.to_string(), letter.to_string()))
        });
        base.unwrap_or_default()
    };
    let name = move || model.with(|model| model.as_ref().map(display)).unwrap_or_default();
    let preset = move |body: &str, letter: &str| apply(ArchSpec::named(&format!("{body}-{letter}")));
    let choices = CHOICES.each_ref().map(|&(label, choice, titles)| {
        let current = Signal::derive(move || spec().map_or(String::new(), |spec| (choice.value)(&spec).to_string()));
        let list = options(choice.values.iter().zip(titles).map(|(&value, title)| (value, title.translated())));
        view! { <Choose label=label.translated() options=list current choose=move |value: String| switch(&value)/> }
    });
    let entries = ENTRIES.each_ref().map(|&(title, entry, hint)| {
        view! {
            <label title=hint.translated()>{title.translated()}<input
                prop:value=move || spec().and_then(|spec| (entry.value)(&spec)).unwrap_or_default()
                on:change=move |event| { switch(&format!("{}{}", entry.prefix, event_target_value(&event).trim())); }
            /></label>
        }
    });
    let remove = button(tr!("Remove"), move || {
        session.change(|state| {
            if state.models.len() > 1 {
                state.models.remove(index);
            }
        })
    })
    .named(move || tr!("Remove {}", name()))
    .disabled(move || session.state.with(|state| state.models.len() == 1))
    .view();
    view! {
        <fieldset class=move || format!("editor {}", model.with(|model| model.as_ref().map_or('a', hue)))>
            <legend><i class="dot"></i>{name}</legend>
            <Choose
                label=tr!("Network")
                options=options(families())
                current=Signal::derive(move || base().0)
                choose=move |body: String| preset(&body, &base().1)
            />
            <Choose
                label=tr!("Tweaks")
                options=options(Variant::ALL.map(|v| (v.letter().to_string(), format!("{}, {}", v.letter().to_ascii_uppercase(), translate(v.tagline())))))
                current=Signal::derive(move || base().1)
                choose=move |letter: String| preset(&base().0, &letter)
            />
            {choices}
            {entries}
            <p class="cap">{move || spec().map(|spec| source(&spec).into_iter().map(|(words, link)| match link {
                Some(link) => view! { <a href=link rel="noreferrer">{words}</a> }.into_any(),
                None => words.into_any(),
            }).collect_view())}</p>
            <p class="problem" role="status">{problem}</p>
            {remove}
        </fieldset>
    }
}
