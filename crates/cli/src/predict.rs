//! `stridescope classify` and `stridescope eval`.

use crate::output::{note, print};
use crate::ready::Ready;
use crate::{Failure, read};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use stridescope_engine::topk::top_k;
use stridescope_image::decode::decode;
use stridescope_weights::labels::Label;

/// Arguments of `classify`.
#[derive(clap::Args)]
pub struct ClassifyArguments {
    /// JPEG, PNG, WebP, GIF or BMP pictures.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The network, as in tiny-d; several with commas between.
    #[arg(long, value_delimiter = ',', required = true)]
    net: Vec<String>,
    /// The weights; otherwise those that come with Stridescope, or that `cargo xtask weights` fetched.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Names of the network's classes, in its order: one a line, CSV, or JSON.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// How many classes to name.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Arguments of `eval`.
#[derive(clap::Args)]
pub struct EvalArguments {
    /// A folder with one sub-folder a class, named by its wnid or its name.
    dir: PathBuf,
    /// The network, as in tiny-d.
    #[arg(long)]
    net: String,
    /// The weights; otherwise those that come with Stridescope, or that `cargo xtask weights` fetched.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Names of the network's classes, in its order: one a line, CSV, or JSON.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Side of the network's input in pixels; otherwise what the weights ask for.
    #[arg(long)]
    size: Option<usize>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines to read.
    Text,
    /// One array or object.
    Json,
}

#[derive(Serialize)]
struct Answer {
    image: String,
    net: String,
    backend: &'static str,
    ms: f64,
    top: Vec<Class>,
    none_of_its_classes: bool,
    /// What was assumed because the weights do not state it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed: Option<String>,
}

#[derive(Serialize)]
struct Class {
    index: usize,
    label: String,
    p: f64,
}

/// Classifies.
pub fn classify(arguments: &ClassifyArguments) -> Result<(), Failure> {
    let pictures = arguments
        .images
        .iter()
        .map(|path| {
            let picture = decode(&read(path)?).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
            Ok((path, picture))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let (weights, labels) = (arguments.weights.as_deref(), arguments.labels.as_deref());
    let nets = arguments.net.iter().map(|net| Ready::open(net, weights, labels, None)).collect::<Result<Vec<_>, _>>()?;
    nets.iter().filter_map(|ready| ready.assumed.as_ref()).for_each(|assumed| note(&format!("stridescope: note: {assumed}")));
    let mut answers = Vec::new();
    for (path, picture) in &pictures {
        for ready in &nets {
            let (logits, ms) = ready.logits(picture)?;
            let top_p = top_k(&logits, 1).first().map_or(0.0, |(_, p)| *p);
            let class = |(index, p): (usize, f64)| Class { index, label: name(&ready.labels, index), p };
            answers.push(Answer {
                image: path.display().to_string(),
                net: ready.card.net.clone(),
                backend: "cpu",
                ms: (ms * 10.0).round() / 10.0,
                top: top_k(&logits, arguments.top).into_iter().map(class).collect(),
                none_of_its_classes: ready.card.reject.is_some_and(|reject| reject.applies(top_p)),
                assumed: ready.assumed.clone(),
            });
        }
    }
    if arguments.format == Format::Json {
        return print(&(serde_json::to_string(&answers)? + "\n"));
    }
    for answer in &answers {
        let doubt = if answer.none_of_its_classes { "; perhaps none of its classes" } else { "" };
        print(&format!("{}: {} ({:.0} ms{doubt})\n", answer.image, answer.net, answer.ms))?;
        for class in &answer.top {
            print(&format!("  {:>6.2} %  {}\n", 100.0 * class.p, class.label))?;
        }
    }
    Ok(())
}

fn name(labels: &[Label], index: usize) -> String {
    labels.get(index).map_or_else(|| format!("class {index}"), |label| label.name.clone())
}

#[derive(Serialize)]
struct Evaluation {
    net: String,
    size: usize,
    images: usize,
    /// Top-1 accuracy in percent, over all classes of the network.
    top1: f64,
    top5: f64,
    /// Top-1 accuracy in percent, over the classes of the folder only.
    top1_among_folder: f64,
    /// Percentage of images above the card's threshold.
    answered: f64,
    /// Top-1 accuracy in percent, over those images.
    top1_of_answered: f64,
    /// What was assumed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed: Option<String>,
}

/// Evaluates.
pub fn eval(arguments: &EvalArguments) -> Result<(), Failure> {
    let ready = Ready::open(&arguments.net, arguments.weights.as_deref(), arguments.labels.as_deref(), arguments.size)?;
    let (folders, by_order) = folders(&arguments.dir, &ready)?;
    let assumed = [ready.assumed.clone(), by_order].into_iter().flatten().reduce(|one, other| format!("{one}; {other}"));
    if let Some(assumed) = &assumed {
        note(&format!("stridescope: note: {assumed}"));
    }
    let known: Vec<usize> = folders.iter().map(|(class, _)| *class).collect();
    let (mut images, mut top1, mut top5, mut among) = (0usize, 0usize, 0usize, 0usize);
    let (mut answered, mut answered_right) = (0usize, 0usize);
    for (class, files) in &folders {
        for path in files {
            let picture = decode(&read(path)?).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
            let (logits, _) = ready.logits(&picture)?;
            let top = top_k(&logits, 5);
            images += 1;
            let is_right = top.first().is_some_and(|(index, _)| index == class);
            top1 += usize::from(is_right);
            top5 += usize::from(top.iter().any(|(index, _)| index == class));
            among += usize::from(known.iter().max_by(|&&a, &&b| logits[a].total_cmp(&logits[b])) == Some(class));
            if top.first().is_some_and(|(_, p)| !ready.card.reject.is_some_and(|reject| reject.applies(*p))) {
                answered += 1;
                answered_right += usize::from(is_right);
            }
        }
        if arguments.format == Format::Text && images > 0 {
            note(&format!("{images} pictures, top-1 {:.2} %", percent(top1, images)));
        }
    }
    if images == 0 {
        return Err(Failure(format!("{} holds no pictures in folders named by wnid or class", arguments.dir.display())));
    }
    let evaluation = Evaluation {
        net: arguments.net.clone(),
        size: ready.card.preprocess.size,
        images,
        top1: percent(top1, images),
        top5: percent(top5, images),
        top1_among_folder: percent(among, images),
        answered: percent(answered, images),
        top1_of_answered: percent(answered_right, answered),
        assumed,
    };
    if arguments.format == Format::Json {
        return print(&(serde_json::to_string(&evaluation)? + "\n"));
    }
    print(&format!(
        "{}, {} px, {} pictures: top-1 {:.2} %, top-5 {:.2} %; among the folder's {} classes alone {:.2} %\n\
         sure enough to answer {:.2} % of them, of which it has {:.2} % right\n",
        evaluation.net,
        evaluation.size,
        images,
        evaluation.top1,
        evaluation.top5,
        known.len(),
        evaluation.top1_among_folder,
        evaluation.answered,
        evaluation.top1_of_answered,
    ))
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// The images of each class, by its index.
type Folders = Vec<(usize, Vec<PathBuf>)>;

/// The sub-folders that are classes of the network, with their files in order; and what was assumed about them.
fn folders(dir: &Path, ready: &Ready) -> Result<(Folders, Option<String>), Failure> {
    let entries = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
        let cannot = |error: std::io::Error| Failure(format!("{} cannot be read: {error}", path.display()));
        let mut paths = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
            .map_err(cannot)?;
        paths.sort();
        Ok(paths)
    };
    let paths: Vec<PathBuf> = entries(dir)?.into_iter().filter(|path| path.is_dir()).collect();
    let named = |path: &PathBuf| class_of(path.file_name()?.to_str()?, &ready.labels);
    let classes: Vec<Option<usize>> = paths.iter().map(named).collect();
    let unknown = paths.iter().zip(&classes).find(|(_, class)| class.is_none()).map(|(path, _)| path);
    let (classes, by_order): (Vec<usize>, _) = match unknown {
        None => (classes.into_iter().flatten().collect(), None),
        Some(_) if ready.is_numbered && paths.len() == ready.labels.len() => {
            let how = "its sub-folders are taken for the classes in the order of their names, as torchvision's ImageFolder numbers them";
            ((0..paths.len()).collect(), Some(format!("{}: {how}", dir.display())))
        }
        Some(_) if ready.is_numbered => {
            return Err(Failure(format!(
                "sub-folders of {}: {}; numbered classes of the network: {}. Give --labels FILE with the folders' names in the order of \
                 the network's classes",
                dir.display(),
                paths.len(),
                ready.labels.len()
            )));
        }
        Some(path) => {
            return Err(Failure(format!(
                "folder {} is none of the network's classes; name folders by wnid, or as --labels FILE names the classes",
                path.display()
            )));
        }
    };
    let files = paths.iter().map(|path| entries(path)).collect::<Result<Vec<_>, _>>()?;
    Ok((classes.into_iter().zip(files).collect(), by_order))
}

/// The class of a folder's name: a wnid, or the name of exactly one class.
fn class_of(folder: &str, labels: &[Label]) -> Option<usize> {
    let all = |is_it: fn(&Label, &str) -> bool| {
        let mut found = labels.iter().enumerate().filter(move |(_, label)| is_it(label, folder)).map(|(class, _)| class);
        found.next().filter(|_| found.next().is_none())
    };
    all(|label, folder| label.wnid == folder).or_else(|| all(|label, folder| label.name == folder))
}
