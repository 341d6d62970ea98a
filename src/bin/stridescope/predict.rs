//! `stridescope classify` and `stridescope eval`.

use crate::files::{open, spec_of};
use crate::{Failure, print, read};
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use stridescope::arch::{ArchSpec, Input, lower};
use stridescope::engine::topk::top_k;
use stridescope::engine::{Backend, Network, Pass};
use stridescope::image::{self, decode::decode};
use stridescope::weights::labels::{Label, labels};
use stridescope::weights::{Card, catalogue, check};

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
    /// A folder with one sub-folder a class, named by its wnid.
    dir: PathBuf,
    /// The network, as in tiny-d.
    #[arg(long)]
    net: String,
    /// The weights; otherwise those that come with Stridescope, or that `cargo xtask weights` fetched.
    #[arg(long)]
    weights: Option<PathBuf>,
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

/// A network that is ready to answer.
struct Ready {
    network: Network,
    card: Card,
    labels: Vec<Label>,
}

impl Ready {
    fn open(net: &str, weights: Option<&PathBuf>) -> Result<Self, Failure> {
        let spec = ArchSpec::named(net)?;
        spec.check_rgb()?;
        let path = match weights {
            Some(path) => path.clone(),
            None => shipped(net)?,
        };
        let checkpoint = open(&path)?;
        if check::is_untrained(&checkpoint) {
            let why = "was never trained: every normalisation is as it was made, and what it says would mean nothing";
            return Err(Failure(format!("{} {why}", path.display())));
        }
        let card = match (checkpoint.card.clone(), catalogue::for_net(net)) {
            (Some(card), _) => card,
            (None, Some(entry)) => entry.card.clone(),
            (None, None) => {
                return Err(Failure(format!(
                    "{} does not say how to prepare pictures for {net}; convert it with --net first",
                    path.display()
                )));
            }
        };
        if card.net != net {
            return Err(Failure(format!("{} holds weights for {}, not for {net}", path.display(), card.net)));
        }
        let spec = ArchSpec { classes: spec_of(&card)?.classes, ..spec };
        let graph = lower(&spec, Input::square(card.preprocess.size))?;
        let network = Network::load(graph, Arc::new(checkpoint), Backend::Cpu)
            .map_err(|error| Failure(format!("{}: {error}", path.display())))?;
        let labels = labels(&card.classes);
        Ok(Self { network, card, labels })
    }

    /// Logits of one picture, and the milliseconds of the forward pass.
    fn logits(&self, picture: &image::Rgb) -> Result<(Vec<f32>, f64), Failure> {
        let how = self.card.preprocess;
        let input = image::prepare(&image::resize_and_crop(picture, &how, (0, 0))?, &how);
        let start = Instant::now();
        let output = block_on(self.network.forward(&input, 1, (how.size, how.size), &Pass::default()))?;
        Ok((output.logits, start.elapsed().as_secs_f64() * 1e3))
    }
}

/// Natively a forward pass on the CPU never waits for anything.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

/// The weights that lie under the project's `assets/weights`.
fn shipped(net: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/weights").join(format!("{net}.safetensors"));
    if path.is_file() {
        return Ok(path);
    }
    let how = match catalogue::for_net(net) {
        Some(_) => "run cargo xtask weights, or give --weights FILE",
        None => "give --weights FILE",
    };
    Err(Failure(format!("there are no weights for {net} here: {how}")))
}

#[derive(Serialize)]
struct Answer {
    image: String,
    net: String,
    backend: &'static str,
    ms: f64,
    top: Vec<Class>,
    none_of_its_classes: bool,
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
    let nets = arguments.net.iter().map(|net| Ready::open(net, arguments.weights.as_ref())).collect::<Result<Vec<_>, _>>()?;
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
    /// Percent, over all classes that the network knows.
    top1: f64,
    top5: f64,
    /// Percent, when only the folder's classes may be named.
    top1_among_folder: f64,
    /// Percent of the pictures that its card lets it answer.
    answered: f64,
    /// Percent of those that it has right.
    top1_of_answered: f64,
}

/// Evaluates.
pub fn eval(arguments: &EvalArguments) -> Result<(), Failure> {
    let mut ready = Ready::open(&arguments.net, arguments.weights.as_ref())?;
    if let Some(size) = arguments.size {
        ready.card.preprocess = ready.card.preprocess.at_size(size);
        lower(&ready.network.graph().spec, Input::square(size))?;
    }
    let folders = folders(&arguments.dir, &ready.labels)?;
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
            eprintln!("{images} pictures, top-1 {:.2} %", percent(top1, images));
        }
    }
    if images == 0 {
        return Err(Failure(format!("{} holds no pictures in folders named by wnid", arguments.dir.display())));
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

/// The sub-folders that are classes of the network, with their files in order.
fn folders(dir: &PathBuf, labels: &[Label]) -> Result<Vec<(usize, Vec<PathBuf>)>, Failure> {
    let entries = |path: &PathBuf| -> Result<Vec<PathBuf>, Failure> {
        let cannot = |error: std::io::Error| Failure(format!("{} cannot be read: {error}", path.display()));
        let mut paths = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
            .map_err(cannot)?;
        paths.sort();
        Ok(paths)
    };
    let mut folders = Vec::new();
    for path in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let class = labels.iter().position(|label| label.wnid == name).ok_or_else(|| {
            Failure(format!("folder {} is none of the network's classes; name folders by wnid", path.display()))
        })?;
        folders.push((class, entries(&path)?));
    }
    Ok(folders)
}
