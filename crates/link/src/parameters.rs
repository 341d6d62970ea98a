//! The one table of a link's parameters: how each is read and written, and its documentation.
//!
//! A new parameter is a row here and a field of [`State`]; `tests/tables.rs` fails until the element, its types and the documentation have it.

use crate::state::models;
use crate::values::{backend_name, kernels_name, kernels_named, place};
use crate::{Colours, Figure, Lang, MAX_SHIFT, MAX_SIDE, Probe, Sort, State, backend_named, samples, theme_named};
use stridescope_arch::cost::Convention;
use stridescope_arch::folding::Folding;
use stridescope_arch::spec::{MAX_SIZE, MIN_SIZE};
use stridescope_arch::table::Level;
use stridescope_i18n::{Message, msg};
use stridescope_weights::ModelRef;

/// A parameter, without its documentation.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in a link.
    pub key: &'static str,
    /// Type of its value in scripts.
    pub kind: Kind,
    /// Whether only a link can set it: no attribute of the element, no script.
    pub is_fixed: bool,
    read: Read,
    write: Write,
}

/// Type of a value in scripts; in a link all values are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A list of texts, separated by commas in a link.
    List,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A boolean, `1` or `0` in a link.
    Switch,
}

/// A parameter and its documentation.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The parameter.
    pub parameter: Parameter,
    /// What it is, its values, and its default, in Markdown.
    pub docs: [&'static str; 3],
}

/// A link while it is parsed.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The state so far.
    pub(crate) state: State,
    /// The opened stages and blocks, where the link names them.
    pub(crate) open: Option<Folding>,
    /// The baseline, where the link names one. The networks may follow it in the link.
    pub(crate) base: Option<String>,
    /// Whether the visitor's own picture is available.
    pub(crate) has_own_image: bool,
}

type Read = fn(&mut Reading, &str) -> Result<(), Message>;
type Write = fn(&State) -> String;

impl Parameter {
    /// Sets a value from a link. An invalid value changes nothing.
    ///
    /// # Errors
    /// Why the value is not valid.
    pub(crate) fn read(&self, reading: &mut Reading, value: &str) -> Result<(), Message> {
        (self.read)(reading, value)
    }

    /// Its value in a link; empty where a link cannot express it.
    pub(crate) fn write(&self, state: &State) -> String {
        (self.write)(state)
    }
}

/// The parameter of that name.
pub fn named(key: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.key == key)
}

/// The table, in the order of a written link.
pub const TABLE: [Row; 22] = [
    row(
        "models",
        Kind::List,
        [
            "one to four networks, with commas, as the page names them; after an @, whose weights",
            "`resnet50-a` … `resnet152-d`, `tiny-a` … `tiny-d`, `resnet50-a.os8`, `resnet50-d@hf:timm/resnet50d.a1_in1k`, …",
            "`tiny-a,tiny-b,tiny-c,tiny-d`",
        ],
        |reading, value| {
            reading.state.models = models(value)?;
            Ok(())
        },
        |state| state.models.iter().map(ModelRef::as_str).collect::<Vec<_>>().join(","),
    ),
    row(
        "node",
        Kind::Text,
        ["the stage, block or layer under study, as timm calls it", "`layer2`, `layer2.0`, `layer2.0.conv1`, …", "`layer2.0`"],
        |reading, value| {
            reading.state.node = value.into();
            Ok(())
        },
        |state| state.node.clone(),
    ),
    row(
        "open",
        Kind::Text,
        ["stages and blocks that the diagrams open, with commas", "as in `layer2.0,layer3`", "the block of `node`"],
        |reading, value| {
            set(
                &mut reading.open,
                Folding::parse(value).map(Some),
                msg!("\"{}\" names no stages and blocks to open: write layer2.0,layer3.", shown(value)),
            )
        },
        |state| state.open.to_string(),
    ),
    row(
        "image",
        Kind::Text,
        ["the picture", "`chelsea`, `coffee`, `camera`, `rocket`, `astronaut`, `grace_hopper`, `clock_motion`", "`chelsea`"],
        image,
        |state| state.image.as_deref().unwrap_or(OWN_IMAGE).into(),
    ),
    row(
        "size",
        Kind::Number,
        ["side of the input, in pixels", "32 to 512", "what the weights ask for: 224, tiny networks 128"],
        |reading, value| {
            let size = value.parse().ok().filter(|size| (MIN_SIZE..=MAX_SIZE).contains(size));
            set(
                &mut reading.state.size,
                size.map(Some),
                msg!("The size \"{}\" is not between {} and {} pixels; it was left out.", shown(value), MIN_SIZE, MAX_SIZE),
            )
        },
        |state| state.size.map(|size| size.to_string()).unwrap_or_default(),
    ),
    row(
        "backend",
        Kind::Text,
        ["the device that computes", "`auto`, `webgpu`, `cpu`", "`auto`"],
        |reading, value| {
            set(
                &mut reading.state.backend,
                backend_named(value),
                msg!("There is no backend \"{}\": write auto, webgpu or cpu.", shown(value)),
            )
        },
        |state| backend_name(state.backend).into(),
    ),
    row(
        "kernels",
        Kind::Text,
        [
            "which kernels convolve on WebGPU",
            "`tiled` for Stridescope's own, `stock` for burn's, `auto` for whichever suits the adapter",
            "`auto`",
        ],
        |reading, value| {
            set(
                &mut reading.state.kernels,
                kernels_named(value),
                msg!("There are no kernels \"{}\": write auto, stock or tiled.", shown(value)),
            )
        },
        |state| kernels_name(state.kernels).into(),
    ),
    row(
        "shift",
        Kind::Number,
        ["pixels that the picture is moved to the left", "0 to 32", "`0`"],
        |reading, value| {
            let shift = value.parse().ok().filter(|shift| *shift <= MAX_SHIFT);
            set(
                &mut reading.state.shift,
                shift,
                msg!("The shift \"{}\" is not between 0 and {} pixels; it was left out.", shown(value), MAX_SHIFT),
            )
        },
        |state| state.shift.to_string(),
    ),
    row(
        "probe",
        Kind::Text,
        [
            "a square that is changed, to see where the change goes",
            "layer, row, column, side (1 to 8), and zero, white or noise, as in `input,64,64,4,zero`",
            "none",
        ],
        probe,
        |state| state.probe.as_ref().map(Probe::to_string).unwrap_or_default(),
    ),
    row(
        "at",
        Kind::Text,
        ["the place of the picture under study", "how far down and across, in thousandths, as in `500,500`", "`500,500`"],
        at,
        |state| format!("{},{}", state.at.0, state.at.1),
    ),
    row(
        "channel",
        Kind::Number,
        ["the channel under study", "from 0", "`0`"],
        |reading, value| {
            set(
                &mut reading.state.channel,
                value.parse().ok(),
                msg!("\"{}\" is no channel: write a number from 0 on.", shown(value)),
            )
        },
        |state| state.channel.to_string(),
    ),
    row(
        "sort",
        Kind::Text,
        ["order of channels", "`index`, `mean`, `max`, `difference`", "`index`"],
        |reading, value| {
            set(
                &mut reading.state.sort,
                Sort::named(value),
                msg!("There is no order \"{}\": write index, mean, max or difference.", shown(value)),
            )
        },
        |state| state.sort.name().into(),
    ),
    row(
        "colours",
        Kind::Text,
        ["how values are coloured", "`viridis`, `magma`, `grey`, `diverging`", "`viridis`"],
        |reading, value| {
            set(
                &mut reading.state.colours,
                Colours::named(value),
                msg!("There are no colours \"{}\": write viridis, magma, grey or diverging.", shown(value)),
            )
        },
        |state| state.colours.name().into(),
    ),
    row(
        "scale",
        Kind::Text,
        ["whether each network has a colour scale of its own", "`each`, or `one` for all", "`each`"],
        |reading, value| {
            set(
                &mut reading.state.one_scale,
                one_of(value, ["each", "one"]),
                msg!("There is no scale \"{}\": write one or each.", shown(value)),
            )
        },
        |state| if state.one_scale { "one" } else { "each" }.into(),
    ),
    row(
        "count",
        Kind::Text,
        [
            "what is counted as an operation",
            "`macs` or `flops`, with additions as in `macs-bn-relu-pool-add`; `fvcore`; `torchinfo`",
            "`macs`",
        ],
        count,
        |state| state.count.name(),
    ),
    row(
        "level",
        Kind::Text,
        ["what costs are told apart by", "`stages`, `blocks`, `layers`", "`stages`"],
        |reading, value| {
            set(
                &mut reading.state.level,
                Level::ALL.into_iter().find(|level| level.name() == value),
                msg!("There is no level \"{}\": write stages, blocks or layers.", shown(value)),
            )
        },
        |state| state.level.name().into(),
    ),
    row(
        "base",
        Kind::Text,
        ["the network that the others are compared with", "one of `models`", "the first"],
        |reading, value| {
            reading.base = Some(value.into());
            Ok(())
        },
        |state| state.base.as_ref().map(ModelRef::to_string).unwrap_or_default(),
    ),
    row(
        "theme",
        Kind::Text,
        ["light or dark", "`auto`, `light`, `dark`", "as the device is set"],
        |reading, value| {
            set(
                &mut reading.state.theme,
                theme_named(value),
                msg!("There is no theme \"{}\": write auto, light or dark.", shown(value)),
            )
        },
        |state| state.theme.name().into(),
    ),
    row(
        "lang",
        Kind::Text,
        ["the language", "`en`, `ko`", "the browser's, else English"],
        |reading, value| {
            set(
                &mut reading.state.lang,
                Lang::named(value),
                msg!("There is no language \"{}\": write auto, en or ko.", shown(value)),
            )
        },
        |state| state.lang.name().into(),
    ),
    fixed(row(
        "embed",
        Kind::Text,
        [
            "the figure that stands alone (`figure` of an element); only a link chooses it",
            "`architecture`, `strides`, `features`, `field`, `cost`, `predict`",
            "the whole page",
        ],
        embed,
        |state| state.embed.map_or("", Figure::name).into(),
    )),
    row(
        "controls",
        Kind::Switch,
        ["whether a figure that stands alone has networks, picture and device to choose from", "`0`, `1`", "`1`"],
        |reading, value| switch(&mut reading.state.controls, "controls", value),
        |state| bit(state.controls),
    ),
    row(
        "autorun",
        Kind::Switch,
        ["whether a figure that stands alone computes as soon as it is in sight", "`0`, `1`", "`0`"],
        |reading, value| switch(&mut reading.state.autorun, "autorun", value),
        |state| bit(state.autorun),
    ),
];

/// The table without its documentation, which no program needs.
pub static PARAMETERS: [Parameter; TABLE.len()] = {
    let mut all = [TABLE[0].parameter; TABLE.len()];
    let mut index = 1;
    while index < all.len() {
        all[index] = TABLE[index].parameter;
        index += 1;
    }
    all
};

const fn row(key: &'static str, kind: Kind, docs: [&'static str; 3], read: Read, write: Write) -> Row {
    Row { parameter: Parameter { key, kind, is_fixed: false, read, write }, docs }
}

const fn fixed(row: Row) -> Row {
    Row { parameter: Parameter { is_fixed: true, ..row.parameter }, ..row }
}

/// The value of `image` for the visitor's own picture, which stays on the device.
const OWN_IMAGE: &str = "own";

/// A value, shortened for an error message.
pub(crate) fn shown(value: &str) -> String {
    value.chars().take(60).collect()
}

/// Sets a field to a parsed value; without one, the error is `refusal`.
fn set<T>(field: &mut T, value: Option<T>, refusal: Message) -> Result<(), Message> {
    *field = value.ok_or(refusal)?;
    Ok(())
}

fn image(reading: &mut Reading, value: &str) -> Result<(), Message> {
    reading.state.image = match samples::find(value) {
        Some(sample) => Some(sample.id.into()),
        None if value != OWN_IMAGE => return Err(msg!("There is no sample picture \"{}\"; another is shown.", shown(value))),
        None if reading.has_own_image => None,
        None => return Err(msg!("A link cannot hold your own picture, which stays on your device: choose it again.")),
    };
    Ok(())
}

fn probe(reading: &mut Reading, value: &str) -> Result<(), Message> {
    let refusal = msg!(
        "\"{}\" is no probe: write a layer, row, column, side from 1 to {} and zero, white or noise, as in input,64,64,4,zero.",
        shown(value),
        MAX_SIDE
    );
    set(&mut reading.state.probe, Probe::parse(value).map(Some), refusal)
}

fn at(reading: &mut Reading, value: &str) -> Result<(), Message> {
    let refusal =
        msg!("\"{}\" is no place: write how far down and across, in thousandths of the picture, as in 500,500.", shown(value));
    set(&mut reading.state.at, place(value), refusal)
}

fn count(reading: &mut Reading, value: &str) -> Result<(), Message> {
    let refusal = msg!(
        "There is no way of counting \"{}\": write fvcore or torchinfo, or macs or flops and what to add, as in macs-bn-relu-pool-add.",
        shown(value)
    );
    set(&mut reading.state.count, Convention::named(value), refusal)
}

fn embed(reading: &mut Reading, value: &str) -> Result<(), Message> {
    let names: Vec<&str> = Figure::embeddable().map(Figure::name).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    let refusal = msg!("There is no figure \"{}\" to embed: write {} or {}.", shown(value), others.join(", "), last);
    set(&mut reading.state.embed, Figure::embeddable_named(value).map(Some), refusal)
}

/// A boolean from one of two words.
fn one_of(value: &str, [off, on]: [&str; 2]) -> Option<bool> {
    if value == on { Some(true) } else { (value == off).then_some(false) }
}

fn switch(field: &mut bool, key: &str, value: &str) -> Result<(), Message> {
    set(field, one_of(value, ["0", "1"]), msg!("\"{}\" is neither 0 nor 1, which {} can be.", shown(value), key))
}

fn bit(on: bool) -> String {
    if on { "1" } else { "0" }.into()
}
