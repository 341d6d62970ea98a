//! A network with its weights, loaded and checked.

use crate::files::open;
use crate::{Failure, read};
use encoding_rs::EUC_KR;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use stridescope_arch::{ArchSpec, Input, lower};
use stridescope_engine::{Backend, Network, Pass};
use stridescope_i18n::numbers::grouped;
use stridescope_image::{Interpolation, Preprocess};
use stridescope_weights::catalogue::card::{Classes, KnownClasses};
use stridescope_weights::catalogue::{self, Remote};
use stridescope_weights::labels::{self, Label};
use stridescope_weights::{Card, check};

/// A network with its weights.
pub struct Ready {
    /// The network.
    pub network: Network,
    /// Preprocessing, and the threshold for "none of my classes".
    pub card: Card,
    /// The labels of its classes.
    pub labels: Vec<Label>,
    /// Whether the classes have only numbers as names.
    pub is_numbered: bool,
    /// What was assumed because the weights do not state it, as a sentence.
    pub assumed: Option<String>,
}

impl Ready {
    /// Loads a network with the weights of a file, or with the weights at hand; class names come from a file or from the weights, and the
    /// input size from `size` or from the weights.
    pub fn open(net: &str, weights: Option<&Path>, names: Option<&Path>, size: Option<usize>) -> Result<Self, Failure> {
        let spec = ArchSpec::named(net)?;
        spec.check_rgb()?;
        let path = match weights {
            Some(path) => path.to_path_buf(),
            None => shipped(net)?,
        };
        let checkpoint = open(&path)?;
        if check::is_untrained(&checkpoint) {
            let why = "was never trained: every normalisation is as it was made, and what it says would mean nothing";
            return Err(Failure(format!("{} {why}", path.display())));
        }
        if let Some(card) = checkpoint.card.as_ref().filter(|card| card.net != net) {
            return Err(Failure(format!("{} holds weights for {}, not for {net}", path.display(), card.net)));
        }
        // If this card is not used below, it has a different number of classes.
        let has_other = checkpoint.card.is_some();
        let mut is_assumed = false;
        let mut card = Card::of_file(&checkpoint, net, |classes| match catalogue::for_net(net).filter(|_| weights.is_none()) {
            Some(entry) => entry.card.clone(),
            None => {
                is_assumed = true;
                Card::unknown(net, classes)
            }
        });
        if let Some(size) = size {
            card.preprocess = card.preprocess.at_size(size);
        }
        let spec = ArchSpec { classes: card.class_count(), ..spec };
        let graph = lower(&spec, Input::square(card.preprocess.size))?;
        let network = Network::load(graph, Arc::new(checkpoint), Backend::Cpu)
            .map_err(|error| Failure(format!("{}: {error}", path.display())))?;
        let labels = match names {
            Some(names) => read_labels(names, card.class_count())?,
            None => labels::labels(&card.classes),
        };
        let assumed = is_assumed.then(|| assumption(&path, &card, names, has_other));
        let is_numbered = labels.iter().enumerate().all(|(class, label)| label.name == format!("class {class}"));
        Ok(Self { network, card, labels, is_numbered, assumed })
    }

    /// The logits of one image, and the time of the forward pass in milliseconds.
    pub fn logits(&self, picture: &stridescope_image::Rgb) -> Result<(Vec<f32>, f64), Failure> {
        let how = self.card.preprocess;
        let input = stridescope_image::prepare(&stridescope_image::resize_and_crop(picture, &how, (0, 0))?, &how);
        let start = Instant::now();
        let output = block_on(self.network.forward(&input, 1, (how.size, how.size), &Pass::default()))?;
        Ok((output.logits, start.elapsed().as_secs_f64() * 1e3))
    }
}

/// Runs a future to completion. Natively, a forward pass on the CPU never waits.
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

/// The file of the weights in the project's `assets/weights`.
fn shipped(net: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/weights")).join(format!("{net}.safetensors"));
    if path.is_file() {
        return Ok(path);
    }
    let entry = catalogue::for_net(net);
    let how = match entry.map(|entry| (&entry.file, &entry.remote)) {
        // `cargo xtask weights` downloads the weights that the site may serve.
        Some((Some(_), _)) => "run cargo xtask weights, or give --weights FILE".into(),
        Some((None, Some(Remote::Hub { repository, .. }))) => {
            format!("download the model.safetensors of {} and give it as --weights FILE", repository.page())
        }
        _ => "give --weights FILE".into(),
    };
    Err(Failure(format!("there are no weights for {net} here: {how}")))
}

fn read_labels(path: &Path, classes: usize) -> Result<Vec<Label>, Failure> {
    let decode = |bytes: &[u8]| EUC_KR.decode_without_bom_handling_and_without_replacement(bytes).map(String::from);
    let labels = labels::read(&read(path)?, classes, decode).map_err(|error| Failure(format!("{}: {error}", path.display())))?;
    Ok(labels::with_imagenets(labels))
}

/// What is assumed about weights without a card.
fn assumption(path: &Path, card: &Card, names: Option<&Path>, has_other: bool) -> String {
    let Preprocess { size, resize, interpolation, .. } = card.preprocess;
    let filter = match interpolation {
        Interpolation::Bilinear => "bilinear",
        Interpolation::Bicubic => "bicubic",
    };
    let count = grouped(card.class_count() as u64);
    let classes = match (names, &card.classes) {
        (Some(names), _) => format!("its classes are named by {}", names.display()),
        (None, Classes::Known(KnownClasses::Imagenet1k)) => format!("its {count} classes are taken for ImageNet's"),
        (None, Classes::Wnids(_)) => format!("its classes, {count}, are numbered: name them with --labels FILE"),
    };
    // Where the catalogue has more than the default card, the file may be those very weights.
    let usual = Card::unknown(&card.net, card.class_count());
    let pixels = |card: &Card| Preprocess { crop_pct: None, ..card.preprocess };
    let is_other = |entry: &&catalogue::CatalogueEntry| {
        entry.card.class_count() == usual.class_count()
            && (pixels(&entry.card) != pixels(&usual) || entry.card.classes != usual.classes)
    };
    let known = match catalogue::for_net(&card.net).filter(is_other) {
        Some(entry) => {
            format!("; if these are {}, stridescope convert FILE NEW --net {} writes that into it", entry.id, card.net)
        }
        None => String::new(),
    };
    let why = if has_other { "describes itself with another number of classes" } else { "does not say how to prepare pictures" };
    format!(
        "{} {why}: taken is ImageNet's usual way ({size} px cut from {resize} px, {filter}, ImageNet's mean and std); {classes}{known}",
        path.display()
    )
}
