//! Networks that can run: checkpoints fetched or generated once, and a few networks cached on their device.

use super::download::{Partial, Report, Wanted, download, read};
use super::fetch::{FetchError, text};
use super::opfs::Folder;
use super::sha256;
use js_sys::Reflect;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use stridescope_arch::{ArchSpec, BlockKind, Input, SpecError, lower};
use stridescope_engine::gpu::Kernels;
use stridescope_engine::{Backend, EngineError, Network};
use stridescope_i18n::{Explain, Message, explained, msg};
use stridescope_image::ImageError;
use stridescope_protocol::{Fetching, Open, Opened, Run, Step, WeightsChoice};
use stridescope_weights::catalogue::{self, CatalogueEntry, Remote};
use stridescope_weights::inspect::Inspection;
use stridescope_weights::source::hub::{Config, Listed, Repository};
use stridescope_weights::source::{SourceError, WeightsSource, host};
use stridescope_weights::{Card, Checkpoint, Layout, WeightsError, check, formats::tfjs, synthetic};
use web_sys::Blob;

/// Number of networks that stay on a device; the least recently used one is dropped.
const KEPT: usize = 4;
/// Default side in pixels for which a network is built; it takes other sizes too.
const SYNTHETIC_SIZE: usize = 224;
/// Global that the loader sets (xtask/src/release.rs): the path of each file of weights, relative to the site's folder.
const WEIGHTS: &str = "stridescopeWeights";
/// Prefix of the key of synthetic weights among the checkpoints; no source starts so.
const SYNTHETIC: &str = "synthetic weights of ";

/// Why a network cannot run.
#[derive(Debug)]
pub enum StoreError {
    /// The download needs the visitor's consent.
    Elsewhere {
        /// Size of the download in bytes, where known.
        bytes: Option<u64>,
        /// The host that would be contacted.
        host: String,
    },
    /// There are no weights for this network.
    NoWeights(String),
    /// The visitor's own file, which a link cannot hold.
    Own(String),
    /// Weights of the right shape for another network.
    OtherNetwork(String, String),
    /// The name or the size is not a valid network.
    Spec(SpecError),
    /// The text is not a weights source.
    WeightsSource(SourceError),
    /// The download failed.
    Fetch(FetchError),
    /// The file is not valid.
    Weights(WeightsError),
    /// A request must come first.
    NotReady(Message),
    /// The picture does not suit the network.
    Image(ImageError),
    /// The network could not be built.
    Engine(EngineError),
}

explained!(
    StoreError,
    Spec: SpecError,
    WeightsSource: SourceError,
    Fetch: FetchError,
    Weights: WeightsError,
    Image: ImageError,
    Engine: EngineError
);

impl Explain for StoreError {
    fn message(&self) -> Message {
        match self {
            Self::Elsewhere { host, .. } => msg!("the weights are on {}", host),
            Self::NoWeights(net) => msg!(
                "there are no weights for {} yet: its diagram and cost can be seen, but it cannot be run. Choose tiny-a to tiny-d or resnet50-a, or open a file of weights",
                net
            ),
            Self::Own(name) => msg!("\"{}\" is a file on the device where it was opened: open it here once more", name),
            Self::OtherNetwork(meant, net) => msg!(
                "these are weights for {0}, not for {1}: they would fit, but mean nothing there. Choose {0} instead",
                meant,
                net
            ),
            Self::Spec(error) => error.message(),
            Self::WeightsSource(error) => error.message(),
            Self::Fetch(error) => error.message(),
            Self::Weights(error) => error.message(),
            Self::NotReady(message) => message.clone(),
            Self::Image(error) => error.message(),
            Self::Engine(error) => error.message(),
        }
    }
}

/// A network that can run, and the details of its weights.
#[derive(Clone)]
pub struct Loaded {
    /// The network.
    pub network: Rc<Network>,
    /// The weights' recipe and classes; none for synthetic weights.
    pub card: Option<Card>,
    /// Whether the weights were never trained.
    pub untrained: bool,
}

/// A checkpoint in memory.
#[derive(Clone)]
struct Held {
    checkpoint: Arc<Checkpoint>,
    layout: Layout,
    /// timm's `config.json`, where there is one beside it.
    config: Option<Config>,
    bytes: u64,
}

/// Network, weights source, and the kernels where it is on the GPU.
type Key = (String, String, Option<Kernels>);

/// The checkpoints and networks in memory.
#[derive(Default)]
pub struct Store {
    checkpoints: HashMap<String, Held>,
    /// Sorted by last use, oldest first.
    networks: Vec<(Key, Loaded)>,
    /// The source that was inspected last; its checkpoint stays for the run that follows.
    opened: Option<String>,
    partial: Partial,
    /// A notice for the visitor.
    pub notice: Option<Message>,
}

impl Store {
    /// The network of a run on that device. `own` is the visitor's file, where the weights come from one; `report` is called with each step and
    /// returns whether to continue.
    pub async fn network(
        &mut self,
        run: &Run,
        backend: &Backend,
        own: Option<&Blob>,
        report: Report<'_>,
    ) -> Result<Loaded, StoreError> {
        let spec = ArchSpec::named(&run.net)?;
        let source = match &run.weights {
            WeightsChoice::Synthetic => None,
            WeightsChoice::From(source) => Some(WeightsSource::parse(source)?),
            WeightsChoice::Catalogue => {
                let entry = catalogue::for_net(&run.net).ok_or_else(|| StoreError::NoWeights(run.net.clone()))?;
                Some(WeightsSource::Entry(entry))
            }
        };
        let weights = source.as_ref().map_or_else(|| format!("{SYNTHETIC}{}", run.net), WeightsSource::to_string);
        let key: Key = (
            run.net.clone(),
            weights.clone(),
            match backend {
                Backend::Cpu => None,
                Backend::Gpu(gpu) => Some(gpu.kernels),
            },
        );
        if let Some(at) = self.networks.iter().position(|(known, _)| *known == key) {
            let recent = self.networks.remove(at);
            let loaded = recent.1.clone();
            self.networks.push(recent);
            return Ok(loaded);
        }
        let held = match &source {
            Some(source) => self.held(source, run.fetching, own, report).await?,
            None => self.made(&weights, &spec)?,
        };
        if !report(Step::Building) {
            return Err(FetchError::Cancelled.into());
        }
        if let Some(meant) = meant(&held, &run.net, &spec) {
            return Err(StoreError::OtherNetwork(meant, run.net.clone()));
        }
        let card = source.as_ref().map(|source| card(source, &held, &run.net));
        let classes = card.as_ref().map_or(spec.classes, Card::class_count);
        let size = card.as_ref().map_or(SYNTHETIC_SIZE, |card| card.preprocess.size);
        let graph = lower(&ArchSpec { classes, ..spec }, Input::square(size))?;
        let untrained = source.is_some() && check::is_untrained(&held.checkpoint);
        let built = Network::load(graph, held.checkpoint, backend.clone());
        if built.is_err() {
            // A checkpoint that does not fit is dropped: the next try fetches it again.
            self.checkpoints.remove(&weights);
        }
        let loaded = Loaded { network: Rc::new(built?), card, untrained };
        if self.networks.len() >= KEPT {
            self.networks.remove(0);
        }
        self.networks.push((key, loaded.clone()));
        self.tidy();
        Ok(loaded)
    }

    /// Inspects a file of weights.
    pub async fn open(&mut self, open: &Open, own: Option<&Blob>, report: Report<'_>) -> Result<Opened, StoreError> {
        let source = WeightsSource::parse(&open.source)?;
        let key = source.to_string();
        if self.opened.as_ref() != Some(&key) {
            self.opened = None;
            self.tidy();
        }
        let held = self.held(&source, open.fetching, own, report).await?;
        self.opened = Some(key.clone());
        self.tidy();
        if !report(Step::Building) {
            return Err(FetchError::Cancelled.into());
        }
        let named = open.net.as_deref().or(match &source {
            WeightsSource::Entry(entry) => Some(entry.card.net.as_str()),
            _ => held.checkpoint.card.as_ref().map(|card| card.net.as_str()),
        });
        let mut inspection = Inspection::of(&held.checkpoint, held.layout, named)?;
        if let Some(config) = held.config.as_ref().filter(|config| config.is_timms()) {
            inspection.settle(|spec| config.applied_to(spec));
        }
        let net = inspection.net.as_ref().filter(|_| inspection.problem.is_none());
        let card = net.map(|net| card(&source, &held, net));
        Ok(Opened { source: key, bytes: held.bytes, card, inspection })
    }

    /// Drops checkpoints that no network uses.
    fn tidy(&mut self) {
        let Self { checkpoints, networks, opened, .. } = self;
        checkpoints.retain(|key, _| opened.as_ref() == Some(key) || networks.iter().any(|((_, used, _), _)| used == key));
    }

    fn made(&mut self, key: &str, spec: &ArchSpec) -> Result<Held, StoreError> {
        if let Some(held) = self.checkpoints.get(key) {
            return Ok(held.clone());
        }
        let checkpoint = Arc::new(synthetic::checkpoint(&lower(spec, Input::square(SYNTHETIC_SIZE))?));
        let bytes = checkpoint.bytes.len() as u64;
        let held = Held { checkpoint, layout: Layout::Timm, config: None, bytes };
        self.checkpoints.insert(key.into(), held.clone());
        Ok(held)
    }

    /// The checkpoint of a source: from memory, this site, the cache, or another host.
    async fn held(
        &mut self,
        source: &WeightsSource,
        fetching: Fetching,
        own: Option<&Blob>,
        report: Report<'_>,
    ) -> Result<Held, StoreError> {
        let key = source.to_string();
        if let Some(held) = self.checkpoints.get(&key) {
            return Ok(held.clone());
        }
        let held = match source {
            WeightsSource::Own(name) => {
                let blob = own.ok_or_else(|| StoreError::Own(name.clone()))?;
                let total = blob.size() as u64;
                let mut bytes = Vec::new();
                read(blob, name, &mut bytes, &mut |received| report(Step::Weights { received, total })).await?;
                read_held(bytes, None)?
            }
            WeightsSource::Entry(entry) => match entry.file.as_deref().and_then(carried) {
                Some(url) => {
                    let bytes = (entry.built_in || entry.remote.is_none()).then_some(entry.bytes);
                    let sha256 = entry.sha256.clone().filter(|_| bytes.is_some());
                    let wanted = Wanted {
                        key: key.clone(),
                        title: entry.id.clone(),
                        urls: vec![url],
                        each: 0,
                        bytes,
                        sha256,
                        beside: None,
                    };
                    read_held(download(&wanted, &mut Partial::default(), None, report).await?.0, None)?
                }
                None => self.remote(source, fetching, report).await?,
            },
            WeightsSource::Hub(_) | WeightsSource::Address(_) => self.remote(source, fetching, report).await?,
        };
        self.checkpoints.insert(key, held.clone());
        Ok(held)
    }

    /// Weights from the cache, or from another host.
    async fn remote(&mut self, source: &WeightsSource, fetching: Fetching, report: Report<'_>) -> Result<Held, StoreError> {
        let key = source.to_string();
        if let Some(Some(folder)) = Folder::existing().await
            && let Some((description, blob)) = folder.find(&key).await
            && let Some(sha256) = description.sha256
        {
            let total = blob.size() as u64;
            let mut bytes = Vec::new();
            let read =
                read(&blob, &description.title, &mut bytes, &mut |received| report(Step::Weights { received, total })).await;
            let is_meant = match source {
                WeightsSource::Entry(entry) => entry.sha256.as_ref().is_none_or(|known| *known == sha256),
                _ => true,
            };
            match read {
                Err(FetchError::Cancelled) => return Err(FetchError::Cancelled.into()),
                Ok(()) if is_meant && sha256::sha256(&bytes).await == sha256 => {
                    return understood(source, bytes, description.beside);
                }
                // The cached file is damaged or of another version: it is fetched again.
                _ => folder.remove(&key).await,
            }
        }
        if fetching == Fetching::Here {
            return Err(elsewhere(source));
        }
        let wanted = resolve(source, &mut || report(Step::Asking)).await?;
        let keep = if fetching == Fetching::Keep { Folder::open().await } else { None };
        let (bytes, is_full) = download(&wanted, &mut self.partial, keep.as_ref(), report).await?;
        let length = bytes.len() as f64 / 1e6;
        let held = match understood(source, bytes, wanted.beside) {
            Ok(held) => held,
            Err(error) => {
                if let Some(folder) = keep {
                    folder.remove(&key).await;
                }
                return Err(error);
            }
        };
        if is_full || (fetching == Fetching::Keep && keep.is_none()) {
            let (size, title) = (format!("{length:.0}"), &wanted.title);
            self.notice = Some(if is_full {
                msg!(
                    "This browser has no room left to keep the {} MB of {}: they are used now, and will be fetched again next time.",
                    size,
                    title
                )
            } else {
                msg!(
                    "This browser keeps nothing for this page, not even the {} MB of {}: they are used now, and will be fetched again next time.",
                    size,
                    title
                )
            });
        }
        Ok(held)
    }
}

/// The path of a file of weights on this site, if it is there: the loader that started this engine has the list.
fn carried(file: &str) -> Option<String> {
    let weights = Reflect::get(&js_sys::global(), &WEIGHTS.into()).ok()?;
    Reflect::get(&weights, &file.into()).ok()?.as_string()
}

fn elsewhere(source: &WeightsSource) -> StoreError {
    let (bytes, host) = match source {
        WeightsSource::Entry(entry) => (Some(entry.bytes), entry.remote.as_ref().map_or_else(String::new, Remote::host)),
        WeightsSource::Hub(repository) => (None, host(&repository.page()).into()),
        WeightsSource::Address(address) => (None, host(address).into()),
        WeightsSource::Own(name) => (None, name.clone()),
    };
    StoreError::Elsewhere { bytes, host }
}

/// Finds out which addresses, sizes and hashes a source stands for.
async fn resolve(source: &WeightsSource, go_on: &mut dyn FnMut() -> bool) -> Result<Wanted, StoreError> {
    let (key, title) = (source.to_string(), source.title().to_string());
    match source {
        WeightsSource::Entry(CatalogueEntry { remote: Some(Remote::Hub { repository, commit }), .. }) => {
            listed(key, title, repository, commit.as_deref(), go_on).await
        }
        WeightsSource::Hub(repository) => listed(key, title, repository, None, go_on).await,
        WeightsSource::Entry(CatalogueEntry { remote: Some(Remote::Tfjs { url, shard_bytes }), bytes, sha256, .. }) => {
            let model = text(url, go_on).await?;
            let folder = url.rsplit_once('/').map_or("", |(folder, _)| folder);
            let urls = tfjs::shards(&model)?.iter().map(|shard| format!("{folder}/{shard}")).collect();
            let beside = Some(String::from_utf8_lossy(&model).into_owned());
            Ok(Wanted { key, title, urls, each: *shard_bytes, bytes: Some(*bytes), sha256: sha256.clone(), beside })
        }
        WeightsSource::Address(address) => {
            Ok(Wanted { key, title, urls: vec![address.clone()], each: 0, bytes: None, sha256: None, beside: None })
        }
        WeightsSource::Entry(entry) => Err(StoreError::NoWeights(entry.card.net.clone())),
        WeightsSource::Own(name) => Err(StoreError::Own(name.clone())),
    }
}

/// Requests from the hub the commit, and the size and hash of its file.
async fn listed(
    key: String,
    title: String,
    repository: &Repository,
    commit: Option<&str>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Wanted, StoreError> {
    let json = text(&repository.listing(commit.unwrap_or("main")), go_on).await?;
    let listed = Listed::parse(&json).map_err(|why| FetchError::Hub { repository: repository.to_string(), why })?;
    let beside = match listed.has_config {
        true => Some(String::from_utf8_lossy(&text(&repository.file(&listed.commit, "config.json"), go_on).await?).into_owned()),
        false => None,
    };
    let urls = vec![repository.file(&listed.commit, &listed.file)];
    Ok(Wanted { key, title, urls, each: 0, bytes: Some(listed.bytes), sha256: listed.sha256, beside })
}

/// Parses a file's bytes.
fn understood(source: &WeightsSource, bytes: Vec<u8>, beside: Option<String>) -> Result<Held, StoreError> {
    if matches!(source, WeightsSource::Entry(CatalogueEntry { remote: Some(Remote::Tfjs { .. }), .. })) {
        let length = bytes.len() as u64;
        let checkpoint = tfjs::read(beside.unwrap_or_default().as_bytes(), bytes)?;
        return Ok(Held { checkpoint: Arc::new(checkpoint), layout: Layout::Keras, config: None, bytes: length });
    }
    read_held(bytes, beside.and_then(|config| Config::parse(config.as_bytes())))
}

fn read_held(bytes: Vec<u8>, config: Option<Config>) -> Result<Held, StoreError> {
    let length = bytes.len() as u64;
    let (checkpoint, layout) = stridescope_weights::read_as(bytes)?;
    Ok(Held { checkpoint: Arc::new(checkpoint), layout, config, bytes: length })
}

/// The network that the weights declare, where it is not `net`. Tensors alone do not distinguish an original from its B.
fn meant(held: &Held, net: &str, spec: &ArchSpec) -> Option<String> {
    if let Some(card) = &held.checkpoint.card {
        return (card.net != net).then(|| card.net.clone());
    }
    let config = held.config.as_ref().filter(|config| config.is_timms())?;
    // Every field by name, so that a new one is decided here. Dilation is left out: nobody dilates trained weights by mistake; the rest shows in
    // the tensors.
    let ArchSpec {
        stride_on,
        anti_alias,
        dilate: _,
        dilated_pool: _,
        block: _,
        layers: _,
        stem: _,
        stem_width: _,
        shortcut: _,
        width: _,
        groups: _,
        width_per_group: _,
        classes: _,
        channels: _,
    } = config.applied_to(spec.clone());
    // A basic block has its stride on the 3x3 either way.
    let has_stride_elsewhere = spec.block == BlockKind::Bottleneck && spec.stride_on != stride_on;
    (has_stride_elsewhere || spec.anti_alias != anti_alias).then(|| ArchSpec { stride_on, anti_alias, ..spec.clone() }.name())
}

/// The details of these weights for that network.
fn card(source: &WeightsSource, held: &Held, net: &str) -> Card {
    Card::of_file(&held.checkpoint, net, |classes| match source {
        WeightsSource::Entry(entry) => entry.card.clone(),
        WeightsSource::Hub(repository) => match &held.config {
            Some(config) => config.card(net, classes, repository),
            None => Card::unknown(net, classes).named(msg!("{} on Hugging Face", repository.to_string()), &repository.page()),
        },
        WeightsSource::Address(address) => {
            Card::unknown(net, classes).named(msg!("{} from {}", source.title(), host(address)), address)
        }
        WeightsSource::Own(name) => Card::unknown(net, classes).named(msg!("your file {}", name), ""),
    })
}
