//! The page's state.

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

/// Most networks side by side.
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
    /// The opened stages and blocks of the diagrams.
    pub open: Folding,
    /// A sample picture; none for the visitor's own, which no link can hold.
    pub image: Option<String>,
    /// Side of the input in pixels; none for the size that each network's weights ask for.
    pub size: Option<usize>,
    /// Shift of the picture to the left, in pixels of the input.
    pub shift: usize,
    /// The edit whose effect is shown.
    pub probe: Option<Probe>,
    /// The place under study, in thousandths of the picture from its top and its left.
    pub at: (usize, usize),
    /// The channel under study.
    pub channel: usize,
    /// The order of the channels.
    pub sort: Sort,
    /// The colour map.
    pub colours: Colours,
    /// Whether all networks' values share one colour scale.
    pub one_scale: bool,
    /// What is counted as an operation.
    pub count: Convention,
    /// The rows of the cost tables.
    pub level: Level,
    /// The baseline, one of [`State::models`]; the first if none.
    pub base: Option<ModelRef>,
    /// The device.
    pub backend: BackendChoice,
    /// The kernels on WebGPU.
    pub kernels: KernelChoice,
    /// Light or dark.
    pub theme: Theme,
    /// The language.
    pub lang: Lang,
    /// The figure that is embedded in another page; none for the whole page.
    pub embed: Option<Figure>,
    /// Whether an embedded figure has its controls.
    pub controls: bool,
    /// Whether an embedded figure computes as soon as it is visible, rather than after a click.
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
    /// Side of the input for diagrams and costs, in pixels: the state's size, else the size that the weights of all these networks agree on, else
    /// 224.
    pub fn shape_size(&self) -> usize {
        let mut sizes = self.models.iter().map(|model| self.run_size(model));
        let first = sizes.next().unwrap_or(DEFAULT_SIZE);
        if sizes.all(|size| size == first) { first } else { DEFAULT_SIZE }
    }

    /// The networks' layers at [`State::shape_size`].
    ///
    /// # Errors
    /// The first error, where a network cannot take this size.
    pub fn graphs(&self) -> Result<Vec<Graph>, SpecError> {
        let input = Input::square(self.shape_size());
        self.models.iter().map(|model| lower(model.spec(), input)).collect()
    }

    /// Index of the baseline in [`State::models`].
    pub fn base_index(&self) -> usize {
        let found = self.base.as_ref().and_then(|base| self.models.iter().position(|model| model == base));
        found.unwrap_or(0)
    }

    /// Side of the input for a network's runs, in pixels: the state's size, else what its weights ask for, else 224. Weights from elsewhere take the
    /// size of the catalogue's weights for the same network.
    pub fn run_size(&self, model: &ModelRef) -> usize {
        self.size.or(model.entry().map(|entry| entry.card.preprocess.size)).unwrap_or(DEFAULT_SIZE)
    }

    /// A network's layers at its run size; none where it cannot take that size.
    pub fn graph(&self, model: &ModelRef) -> Option<Graph> {
        lower(model.spec(), Input::square(self.run_size(model))).ok()
    }

    /// Names of the outputs of a network's stem and stages.
    pub fn stages(&self, model: &ModelRef) -> Vec<String> {
        let Some(graph) = self.graph(model) else { return Vec::new() };
        let count = graph.blocks.last().map_or(0, |block| block.stage);
        let names = std::iter::once("maxpool".to_string()).chain((1..=count).map(|stage| format!("layer{stage}")));
        names.filter(|name| graph.find(name).is_some()).collect()
    }

    /// A network's downsampling transitions at its run size; empty where it cannot take that size.
    pub fn transitions(&self, model: &ModelRef) -> Vec<Transition> {
        self.graph(model).map(|graph| transitions(&graph)).unwrap_or_default()
    }

    /// The caption of a saved figure of one network: the network, its weights, `what` of which layer, and the picture.
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

    /// The baseline.
    pub fn baseline(&self) -> Option<&ModelRef> {
        self.models.get(self.base_index())
    }

    /// The baseline of differences: [`State::baseline`], or for a single network the original of its depth.
    pub fn base(&self) -> Option<ModelRef> {
        let baseline = self.baseline()?;
        Some(if self.models.len() == 1 { ModelRef::of_spec(baseline.spec().original()) } else { baseline.clone() })
    }

    /// Resets what refers to networks that are gone: a baseline, a layer under study or a probe that none of these networks has.
    pub fn settle(&mut self) {
        self.base.take_if(|base| !self.models.contains(base));
        let Ok(graphs) = self.graphs() else { return };
        let has = |node: &str| have(&graphs, node);
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
        // An invalid size is reported in the network's place.
        self.graphs().map_or(true, |graphs| have(&graphs, &self.node))
    }
}

/// Whether any of these networks has a node.
fn have(graphs: &[Graph], node: &str) -> bool {
    graphs.iter().any(|graph| graph.find(node).is_some())
}

fn default_models() -> Vec<ModelRef> {
    static MODELS: OnceLock<Vec<ModelRef>> = OnceLock::new();
    MODELS.get_or_init(|| DEFAULT_MODELS.iter().filter_map(|name| ModelRef::parse(name).ok()).collect()).clone()
}

pub(crate) fn models(list: &str) -> Result<Vec<ModelRef>, Message> {
    let mut models: Vec<ModelRef> = Vec::new();
    let named = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    // An empty list names no network; the whole text is then reported.
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
