//! The networks at hand: checkpoints fetched or made once, and a few networks kept on their device.

use super::fetch::{FetchError, fetch};
use super::protocol::{Step, WeightsChoice};
use crate::arch::{ArchSpec, Input, SpecError, lower};
use crate::engine::{Backend, EngineError, Network};
use crate::image::ImageError;
use crate::weights::catalogue::{CatalogueEntry, Remote, for_net};
use crate::weights::{Card, Checkpoint, WeightsError, formula, safetensors, tfjs};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Networks that stay on a device; the one that was used longest ago makes room.
const KEPT: usize = 4;
/// Side that a network is built for when nothing else is said, in pixels; it takes other sizes too.
const FORMULA_SIZE: usize = 224;

/// Why there is no network to run.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The visitor has to agree to a download first.
    #[error("the weights are on {host}")]
    Elsewhere {
        /// Size of the download.
        bytes: u64,
        /// Who would be asked.
        host: String,
    },
    /// Nobody has weights for it.
    #[error(
        "there are no weights for {0} yet: its diagram and cost can be seen, but it cannot be run. Choose tiny-a to tiny-d or resnet50-a"
    )]
    NoWeights(String),
    /// The name or the size makes no network.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The file is not what it should be.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Something has to come first.
    #[error("{0}")]
    NotReady(String),
    /// The picture does not suit the network.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The network could not be built.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A network that can be run, and what is known of its weights.
#[derive(Clone)]
pub struct Loaded {
    /// The network.
    pub network: Rc<Network>,
    /// Whose weights; none for those of the formula.
    pub card: Option<Card>,
}

type Key = (String, WeightsChoice);

/// See the module.
#[derive(Default)]
pub struct Store {
    checkpoints: HashMap<Key, Arc<Checkpoint>>,
    /// Least recently used first.
    networks: Vec<(Key, bool, Loaded)>,
    /// Names of the weights files that this site carries; asked once.
    present: Option<Vec<String>>,
}

impl Store {
    /// The network of that name on that device. `report` hears what is going on and says whether to go on.
    pub async fn network(
        &mut self,
        net: &str,
        weights: WeightsChoice,
        backend: &Backend,
        allow_remote: bool,
        report: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Loaded, StoreError> {
        let key: Key = (net.into(), weights);
        let on_gpu = matches!(backend, Backend::Gpu(_));
        if let Some(at) = self.networks.iter().position(|(k, gpu, _)| *k == key && *gpu == on_gpu) {
            let kept = self.networks.remove(at);
            let loaded = kept.2.clone();
            self.networks.push(kept);
            return Ok(loaded);
        }
        let spec = ArchSpec::named(net)?;
        let (checkpoint, card) = match weights {
            WeightsChoice::Formula => {
                let graph = lower(&spec, Input::square(FORMULA_SIZE))?;
                let make = || Arc::new(formula::checkpoint(&graph));
                (self.checkpoints.entry(key.clone()).or_insert_with(make).clone(), None)
            }
            WeightsChoice::Catalogue => {
                let entry = for_net(net).ok_or_else(|| StoreError::NoWeights(net.into()))?;
                let checkpoint = match self.checkpoints.get(&key) {
                    Some(checkpoint) => checkpoint.clone(),
                    None => Arc::new(self.fetch(&entry, allow_remote, report).await?),
                };
                self.checkpoints.insert(key.clone(), checkpoint.clone());
                let card = checkpoint.card.clone().unwrap_or(entry.card);
                (checkpoint, Some(card))
            }
        };
        if !report(Step::Building) {
            return Err(FetchError::Cancelled.into());
        }
        let classes = card.as_ref().map_or(spec.classes, Card::class_count);
        let size = card.as_ref().map_or(FORMULA_SIZE, |card| card.preprocess.size);
        let graph = lower(&ArchSpec { classes, ..spec }, Input::square(size))?;
        let built = Network::load(graph, checkpoint, backend.clone());
        if built.is_err() {
            // A file that does not fit is not kept: the next try fetches it anew.
            self.checkpoints.remove(&key);
        }
        let loaded = Loaded { network: Rc::new(built?), card };
        if self.networks.len() >= KEPT {
            let ((net, weights), _, _) = self.networks.remove(0);
            self.checkpoints.remove(&(net, weights));
        }
        self.networks.push((key, on_gpu, loaded.clone()));
        Ok(loaded)
    }

    async fn fetch(
        &mut self,
        entry: &CatalogueEntry,
        allow_remote: bool,
        report: &mut dyn FnMut(Step) -> bool,
    ) -> Result<Checkpoint, StoreError> {
        if let Some(file) = &entry.file
            && (entry.built_in || self.is_present(file).await)
        {
            let total = if entry.built_in || entry.remote.is_none() { entry.bytes } else { entry.bytes / 2 };
            let mut bytes = Vec::with_capacity(total as usize);
            let mut go_on = |received| report(Step::Weights { received, total: total.max(received) });
            fetch(&format!("assets/weights/{file}"), &mut bytes, &mut go_on).await?;
            return Ok(safetensors::read(bytes)?);
        }
        let remote = entry.remote.as_ref().ok_or_else(|| StoreError::NoWeights(entry.card.net.clone()))?;
        if !allow_remote {
            return Err(StoreError::Elsewhere { bytes: entry.bytes, host: remote.host().into() });
        }
        let total = entry.bytes;
        let mut bytes = Vec::with_capacity(total as usize);
        match remote {
            Remote::Safetensors { url } => {
                fetch(url, &mut bytes, &mut |received| report(Step::Weights { received, total: total.max(received) })).await?;
                Ok(safetensors::read(bytes)?)
            }
            Remote::Tfjs { url } => {
                let mut model = Vec::new();
                fetch(url, &mut model, &mut |_| report(Step::Weights { received: 0, total })).await?;
                let folder = url.rsplit_once('/').map_or("", |(folder, _)| folder);
                for shard in tfjs::shards(&model)? {
                    let before = bytes.len() as u64;
                    let mut go_on =
                        |received| report(Step::Weights { received: before + received, total: total.max(before + received) });
                    fetch(&format!("{folder}/{shard}"), &mut bytes, &mut go_on).await?;
                }
                Ok(tfjs::read(&model, &bytes)?)
            }
        }
    }

    /// Whether this site carries a file; without the list, it is taken to carry none but the built-in ones.
    async fn is_present(&mut self, file: &str) -> bool {
        if self.present.is_none() {
            let mut json = Vec::new();
            let listed = fetch("assets/weights/present.json", &mut json, &mut |_| true).await;
            self.present = listed.ok().and_then(|()| serde_json::from_slice(&json).ok());
        }
        self.present.as_ref().is_some_and(|files| files.iter().any(|name| name == file))
    }
}
