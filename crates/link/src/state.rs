//! What the page shows.

use crate::names::display;
use crate::{Colours, Figure, Lang, Probe, Sort, Theme, samples};
use std::sync::OnceLock;
use stridescope_arch::cost::{Convention, Extras};
use stridescope_arch::folding::Folding;
use stridescope_arch::table::Level;
use stridescope_arch::transition::{Transition, transitions};
use stridescope_arch::{Graph, Input, SpecError, lower};
use stridescope_i18n::{Explain, Message, msg, tr, translate};
use stridescope_protocol::{BackendChoice, KernelChoice};
use stridescope_weights::ModelRef;
use stridescope_weights::source::WeightsSource;

/// Most networks that are shown side by side.
pub const MAX_MODELS: usize = 4;
const DEFAULT_MODELS: [&str; 4] = ["tiny-a", "tiny-b", "tiny-c", "tiny-d"];
pub(crate) const DEFAULT_NODE: &str = "layer2.0";
const DEFAULT_IMAGE: &str = "chelsea";
const DEFAULT_SIZE: usize = 224;

/// The whole state of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// One to four different networks.
    pub models: Vec<ModelRef>,
    /// The layer, block or stage under study.
    pub node: String,
    /// The stages and blocks that the diagrams open.
    pub open: Folding,
    /// A sample picture; none while the visitor's own is shown, which no link can hold.
    pub image: Option<String>,
    /// Side of the input in pixels; otherwise what each network's weights ask for.
    pub size: Option<usize>,
    /// Pixels of the input that the picture is moved to the left.
    pub shift: usize,
    /// What is changed, to see where the change goes.
    pub probe: Option<Probe>,
    /// The place of the picture under study, in thousandths from its top and its left.
    pub at: (usize, usize),
    /// The channel under study.
    pub channel: usize,
    /// How channels are put in order.
    pub sort: Sort,
    /// How values are coloured.
    pub colours: Colours,
    /// Whether all networks' values share one colour scale.
    pub one_scale: bool,
    /// What is counted as an operation.
    pub count: Convention,
    /// How finely costs are told apart.
    pub level: Level,
    /// The network that the others are compared with, one of [`State::models`]; the first unless given.
    pub base: Option<ModelRef>,
    /// On which device to compute.
    pub backend: BackendChoice,
    /// By which kernels, on WebGPU.
    pub kernels: KernelChoice,
    /// Light or dark.
    pub theme: Theme,
    /// The language.
    pub lang: Lang,
    /// The figure that stands alone; otherwise the whole page is shown.
    pub embed: Option<Figure>,
    /// Whether a figure that stands alone has its controls.
    pub controls: bool,
    /// Whether a figure that stands alone computes as soon as it is in sight, rather than when asked.
    pub autorun: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            models: default_models(),
            node: DEFAULT_NODE.into(),
            open: Folding::around(DEFAULT_NODE),
            image: Some(DEFAULT_IMAGE.into()),
            size: None,
            shift: 0,
            probe: None,
            at: (500, 500),
            channel: 0,
            sort: Sort::Index,
            colours: Colours::Viridis,
            one_scale: false,
            count: Convention::Macs(Extras::NONE),
            level: Level::Stage,
            base: None,
            backend: BackendChoice::Auto,
            kernels: KernelChoice::Auto,
            theme: Theme::Auto,
            lang: Lang::Auto,
            embed: None,
            controls: true,
            autorun: false,
        }
    }
}

impl State {
    /// Side of the input that diagrams and costs are shown for, in pixels: what was asked, else what the weights of all these networks
    /// ask for, else 224.
    pub fn shape_size(&self) -> usize {
        let mut sizes = self.models.iter().map(|model| self.run_size(model));
        let first = sizes.next().unwrap_or(DEFAULT_SIZE);
        if sizes.all(|size| size == first) { first } else { DEFAULT_SIZE }
    }

    /// The networks' layers at [`State::shape_size`].
    ///
    /// # Errors
    /// The first that this size makes impossible.
    pub fn graphs(&self) -> Result<Vec<Graph>, SpecError> {
        let input = Input::square(self.shape_size());
        self.models.iter().map(|model| lower(model.spec(), input)).collect()
    }

    /// The network that the others are compared with, by its place in [`State::models`].
    pub fn base_index(&self) -> usize {
        let found = self.base.as_ref().and_then(|base| self.models.iter().position(|model| model == base));
        found.unwrap_or(0)
    }

    /// Side of the input that a network runs at, in pixels: what was asked, else what its weights ask for, else 224. Weights from elsewhere run at the
    /// size of the catalogue's for the same network.
    pub fn run_size(&self, model: &ModelRef) -> usize {
        self.size.or(model.entry().map(|entry| entry.card.preprocess.size)).unwrap_or(DEFAULT_SIZE)
    }

    /// A network's layers at the size that it runs at; none where that size is impossible.
    pub fn graph(&self, model: &ModelRef) -> Option<Graph> {
        lower(model.spec(), Input::square(self.run_size(model))).ok()
    }

    /// What comes out of a network's stem and of each of its stages, by name.
    pub fn stages(&self, model: &ModelRef) -> Vec<String> {
        let Some(graph) = self.graph(model) else { return Vec::new() };
        let count = graph.blocks.last().map_or(0, |block| block.stage);
        let names = std::iter::once("maxpool".to_string()).chain((1..=count).map(|stage| format!("layer{stage}")));
        names.filter(|name| graph.find(name).is_some()).collect()
    }

    /// Where a network makes its maps smaller, at the size that it runs at; nothing where that size is impossible.
    pub fn transitions(&self, model: &ModelRef) -> Vec<Transition> {
        self.graph(model).map(|graph| transitions(&graph)).unwrap_or_default()
    }

    /// The caption under a figure of one network: the network, its weights, `what` of which layer, and the picture.
    pub fn caption(&self, model: &ModelRef, what: String) -> [String; 4] {
        let weights = match model.weights() {
            Some(WeightsSource::Entry(entry)) => entry.card.origin.to_string(),
            Some(source) => source.title().into(),
            None => tr!("no weights"),
        };
        let image = self
            .image
            .as_deref()
            .and_then(samples::find)
            .map_or_else(|| tr!("the visitor's own"), |sample| translate(sample.title));
        [display(model), tr!("Weights: {}", weights), what, tr!("Picture: {}", image)]
    }

    /// The network of [`State::base_index`].
    pub fn baseline(&self) -> Option<&ModelRef> {
        self.models.get(self.base_index())
    }

    /// The network that differences are shown against: the baseline, or for a single network the original of its depth.
    pub fn base(&self) -> Option<ModelRef> {
        let baseline = self.baseline()?;
        Some(if self.models.len() == 1 { ModelRef::of_spec(baseline.spec().original()) } else { baseline.clone() })
    }

    /// Corrects what followed from networks that are gone: a baseline, a layer under study, or a probe that none of these has goes back to its
    /// default.
    pub fn settle(&mut self) {
        self.base.take_if(|base| !self.models.contains(base));
        let Ok(graphs) = self.graphs() else { return };
        let has = |node: &str| graphs.iter().any(|graph| graph.find(node).is_some());
        if !has(&self.node) {
            let was_around = self.open == Folding::around(&self.node);
            self.node = DEFAULT_NODE.into();
            if was_around {
                self.open = Folding::around(&self.node);
            }
        }
        self.probe.take_if(|probe| !has(&probe.node));
    }

    pub(crate) fn has_node(&self) -> bool {
        // A size that makes a network impossible is said where the network would stand.
        self.graphs().map_or(true, |graphs| graphs.iter().any(|graph| graph.find(&self.node).is_some()))
    }
}

fn default_models() -> Vec<ModelRef> {
    static MODELS: OnceLock<Vec<ModelRef>> = OnceLock::new();
    MODELS.get_or_init(|| DEFAULT_MODELS.iter().filter_map(|name| ModelRef::parse(name).ok()).collect()).clone()
}

pub(crate) fn models(list: &str) -> Result<Vec<ModelRef>, Message> {
    let mut models: Vec<ModelRef> = Vec::new();
    let named = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    // A list of nothing names no network, which is said of it as it stands.
    let names = if named.clone().next().is_some() { named.collect() } else { vec![list] };
    for name in names {
        let model = ModelRef::parse(name).map_err(|error| error.sentence())?;
        if !models.contains(&model) {
            models.push(model);
        }
    }
    if models.len() > MAX_MODELS {
        return Err(msg!("At most {} networks stand side by side, not {}.", MAX_MODELS, models.len()));
    }
    Ok(models)
}
