//! What the page shows, as a link: all of it is in the query string and nothing else is.

use crate::names::{display, spec};
use crate::{Colours, Embed, Lang, MAX_SHIFT, MAX_SIDE, Probe, Sort, Theme, WHOLE, samples};
use form_urlencoded::{Serializer, parse};
use stridescope_arch::cost::{Convention, Extras};
use stridescope_arch::folding::Folding;
use stridescope_arch::spec::{MAX_SIZE, MIN_SIZE};
use stridescope_arch::table::Level;
use stridescope_arch::transition::{Transition, transitions};
use stridescope_arch::{ArchSpec, Graph, Input, SpecError, lower};
use stridescope_i18n::{Explain, Message, msg, tr, translate};
use stridescope_protocol::{BackendChoice, KernelChoice};
use stridescope_weights::catalogue;
use stridescope_weights::source::{WeightsSource, net_of, source_of, with_source, written};

/// Most networks that are shown side by side.
pub const MAX_MODELS: usize = 4;
const DEFAULT_MODELS: [&str; 4] = ["tiny-a", "tiny-b", "tiny-c", "tiny-d"];
const DEFAULT_NODE: &str = "layer2.0";
const DEFAULT_IMAGE: &str = "chelsea";
const DEFAULT_SIZE: usize = 224;

/// How parameters begin that other sites add to links that lead to any page.
const FOREIGN: [&str; 8] = ["utm", "fbclid", "gclid", "igshid", "mc_", "msclkid", "ref", "source"];

/// Longest value in a link that is read, in characters: four networks, each with the address of its weights.
const MAX_VALUE: usize = 1500;

/// The whole state of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// One to four different networks.
    pub models: Vec<String>,
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
    /// The network that the others are compared with; the first where it is none of [`State::models`].
    pub base: Option<String>,
    /// On which device to compute.
    pub backend: BackendChoice,
    /// By which kernels, on WebGPU.
    pub kernels: KernelChoice,
    /// Light or dark.
    pub theme: Theme,
    /// The language.
    pub lang: Lang,
    /// The figure that stands alone; otherwise the whole page is shown.
    pub embed: Option<Embed>,
    /// Whether a figure that stands alone has its controls.
    pub controls: bool,
    /// Whether a figure that stands alone computes as soon as it is in sight, rather than when asked.
    pub autorun: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            models: DEFAULT_MODELS.map(String::from).into(),
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

/// A link's own picture: the visitor's, which stays on the device.
const OWN_IMAGE: &str = "own";

fn backend_name(backend: BackendChoice) -> &'static str {
    match backend {
        BackendChoice::Auto => "auto",
        BackendChoice::Webgpu => "webgpu",
        BackendChoice::Cpu => "cpu",
    }
}

/// Kernels by their names in a link.
const KERNELS: [(KernelChoice, &str); 3] =
    [(KernelChoice::Auto, "auto"), (KernelChoice::Stock, "stock"), (KernelChoice::Tiled, "tiled")];

/// The device of that name.
pub fn backend_named(name: &str) -> Option<BackendChoice> {
    [BackendChoice::Auto, BackendChoice::Webgpu, BackendChoice::Cpu].into_iter().find(|&backend| backend_name(backend) == name)
}

/// The theme of that name.
pub fn theme_named(name: &str) -> Option<Theme> {
    [Theme::Auto, Theme::Light, Theme::Dark].into_iter().find(|theme| theme.name() == name)
}

impl State {
    /// Reads a query string, with or without its `?`. What makes no sense is left at its default and said in a sentence each.
    pub fn from_query(query: &str) -> (Self, Vec<Message>) {
        Self::from_query_beside(query, false)
    }

    /// Likewise, where the visitor's own picture may be at hand (`has_own_image`), which a link can name but not hold.
    pub fn from_query_beside(query: &str, has_own_image: bool) -> (Self, Vec<Message>) {
        let mut state = Self::default();
        let mut problems = Vec::new();
        let mut open = None;
        for (key, value) in parse(query.trim_start_matches('?').as_bytes()) {
            let value: String = value.chars().take(MAX_VALUE).collect();
            let shown: String = value.chars().take(60).collect();
            match key.as_ref() {
                "models" => match models(&value) {
                    Ok(models) => state.models = models,
                    Err(problem) => problems.push(problem),
                },
                "node" => state.node = value,
                "open" => match Folding::parse(&value) {
                    Some(folding) => open = Some(folding),
                    None => problems.push(msg!("\"{}\" names no stages and blocks to open: write layer2.0,layer3.", shown)),
                },
                "image" if value == OWN_IMAGE && has_own_image => state.image = None,
                "image" if value == OWN_IMAGE => {
                    problems.push(msg!("A link cannot hold your own picture, which stays on your device: choose it again."));
                }
                "image" => match samples::find(&value) {
                    Some(sample) => state.image = Some(sample.id.into()),
                    None => problems.push(msg!("There is no sample picture \"{}\"; another is shown.", shown)),
                },
                "size" => match value.parse().ok().filter(|size| (MIN_SIZE..=MAX_SIZE).contains(size)) {
                    Some(size) => state.size = Some(size),
                    None => problems
                        .push(msg!("The size \"{}\" is not between {} and {} pixels; it was left out.", shown, MIN_SIZE, MAX_SIZE)),
                },
                "shift" => match value.parse().ok().filter(|shift| *shift <= MAX_SHIFT) {
                    Some(shift) => state.shift = shift,
                    None => problems.push(msg!("The shift \"{}\" is not between 0 and {} pixels; it was left out.", shown, MAX_SHIFT)),
                },
                "probe" => match Probe::parse(&value) {
                    Some(probe) => state.probe = Some(probe),
                    None => problems.push(msg!("\"{}\" is no probe: write a layer, row, column, side from 1 to {} and zero, white or noise, as in input,64,64,4,zero.", shown, MAX_SIDE)),
                },
                "at" => match place(&value) {
                    Some(at) => state.at = at,
                    None => problems.push(msg!("\"{}\" is no place: write how far down and across, in thousandths of the picture, as in 500,500.", shown)),
                },
                "channel" => match value.parse() {
                    Ok(channel) => state.channel = channel,
                    Err(_) => problems.push(msg!("\"{}\" is no channel: write a number from 0 on.", shown)),
                },
                "sort" => match Sort::ALL.into_iter().find(|sort| sort.name() == value) {
                    Some(sort) => state.sort = sort,
                    None => problems.push(msg!("There is no order \"{}\": write index, mean, max or difference.", shown)),
                },
                "colours" => match Colours::ALL.into_iter().find(|colours| colours.name() == value) {
                    Some(colours) => state.colours = colours,
                    None => problems.push(msg!("There are no colours \"{}\": write viridis, magma, grey or diverging.", shown)),
                },
                "scale" => match value.as_str() {
                    "each" => state.one_scale = false,
                    "one" => state.one_scale = true,
                    _ => problems.push(msg!("There is no scale \"{}\": write one or each.", shown)),
                },
                "count" => match Convention::named(&value) {
                    Some(count) => state.count = count,
                    None => problems.push(msg!("There is no way of counting \"{}\": write fvcore or torchinfo, or macs or flops and what to add, as in macs-bn-relu-pool-add.", shown)),
                },
                "level" => match Level::ALL.into_iter().find(|level| level.name() == value) {
                    Some(level) => state.level = level,
                    None => problems.push(msg!("There is no level \"{}\": write stages, blocks or layers.", shown)),
                },
                "base" => state.base = Some(value),
                "backend" => match backend_named(&value) {
                    Some(backend) => state.backend = backend,
                    None => problems.push(msg!("There is no backend \"{}\": write auto, webgpu or cpu.", shown)),
                },
                "kernels" => match KERNELS.iter().find(|(_, name)| *name == value) {
                    Some((kernels, _)) => state.kernels = *kernels,
                    None => problems.push(msg!("There are no kernels \"{}\": write auto, stock or tiled.", shown)),
                },
                "theme" => match theme_named(&value) {
                    Some(theme) => state.theme = theme,
                    None => problems.push(msg!("There is no theme \"{}\": write auto, light or dark.", shown)),
                },
                "lang" => match Lang::named(&value) {
                    Some(lang) => state.lang = lang,
                    None => problems.push(msg!("There is no language \"{}\": write auto, en or ko.", shown)),
                },
                "embed" => match Embed::named(&value) {
                    Some(figure) => state.embed = Some(figure),
                    None => problems.push(msg!("There is no figure \"{}\" to embed: write architecture, strides, features, field, cost or predict.", shown)),
                },
                "controls" | "autorun" => match (value.as_str(), key.as_ref()) {
                    ("0" | "1", "controls") => state.controls = value == "1",
                    ("0" | "1", _) => state.autorun = value == "1",
                    _ => problems.push(msg!("\"{}\" is neither 0 nor 1, which {} can be.", shown, key)),
                },
                key if FOREIGN.iter().any(|foreign| key.starts_with(foreign)) => {}
                key => {
                    let key: String = key.chars().take(60).collect();
                    problems.push(msg!("There is no parameter \"{}\" in a link; it was left out.", key));
                }
            }
        }
        if let Some(base) = state.base.take_if(|base| !state.models.contains(base)) {
            let shown: String = base.chars().take(60).collect();
            problems.push(msg!("\"{}\" is none of the networks shown, so that the others are compared with the first.", shown));
        }
        if !state.has_node() {
            let shown: String = state.node.chars().take(60).collect();
            problems.push(msg!("None of these networks has a layer \"{}\"; {} is shown.", shown, DEFAULT_NODE));
            state.node = DEFAULT_NODE.into();
        }
        state.open = open.unwrap_or_else(|| Folding::around(&state.node));
        (state, problems)
    }

    /// Every parameter of a link that leads here, with its value, and whether it may be left out since it is the default.
    pub fn parameters(&self) -> Vec<(&'static str, String, bool)> {
        let default = Self::default();
        let mut all = Vec::new();
        let mut put = |key: &'static str, value: &str, is_default: bool| all.push((key, value.to_string(), is_default));
        put("models", &self.models.join(","), self.models == default.models);
        put("node", &self.node, self.node == default.node);
        put("open", &self.open.to_string(), self.open == Folding::around(&self.node));
        put("image", self.image.as_deref().unwrap_or(OWN_IMAGE), self.image == default.image);
        put("size", &self.size.unwrap_or_default().to_string(), self.size.is_none());
        put("backend", backend_name(self.backend), self.backend == default.backend);
        let kernels = KERNELS.iter().find(|(kernels, _)| *kernels == self.kernels).map_or("", |(_, name)| name);
        put("kernels", kernels, self.kernels == default.kernels);
        put("shift", &self.shift.to_string(), self.shift == 0);
        put("probe", &self.probe.as_ref().map(Probe::to_string).unwrap_or_default(), self.probe.is_none());
        put("at", &format!("{},{}", self.at.0, self.at.1), self.at == default.at);
        put("channel", &self.channel.to_string(), self.channel == default.channel);
        put("sort", self.sort.name(), self.sort == default.sort);
        put("colours", self.colours.name(), self.colours == default.colours);
        put("scale", if self.one_scale { "one" } else { "each" }, !self.one_scale);
        put("count", &self.count.name(), self.count == default.count);
        put("level", self.level.name(), self.level == default.level);
        put("base", self.base.as_deref().unwrap_or_default(), self.base.is_none());
        put("theme", self.theme.name(), self.theme == default.theme);
        put("lang", self.lang.name(), self.lang == default.lang);
        put("embed", self.embed.map_or("", Embed::name), self.embed.is_none());
        put("controls", if self.controls { "1" } else { "0" }, self.controls);
        put("autorun", if self.autorun { "1" } else { "0" }, !self.autorun);
        all
    }

    /// The query string of this state, with its `?`; empty for the default state.
    pub fn to_query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (key, value, _) in self.parameters().iter().filter(|(_, _, is_default)| !is_default) {
            query.append_pair(key, value);
        }
        // These are allowed in a query and read better as themselves.
        match query.finish() {
            query if query.is_empty() => query,
            query => {
                let plain = [("%2C", ","), ("%40", "@"), ("%3A", ":"), ("%2F", "/")];
                format!("?{}", plain.iter().fold(query, |query, (code, letter)| query.replace(code, letter)))
            }
        }
    }

    /// Side of the input that diagrams and costs are shown for, in pixels: what was asked, else what the weights of all these networks
    /// ask for, else 224.
    pub fn shape_size(&self) -> usize {
        let mut sizes = self.models.iter().map(|net| self.run_size(net));
        let first = sizes.next().unwrap_or(DEFAULT_SIZE);
        if sizes.all(|size| size == first) { first } else { DEFAULT_SIZE }
    }

    /// The networks' layers at [`State::shape_size`].
    ///
    /// # Errors
    /// The first that this size makes impossible.
    pub fn graphs(&self) -> Result<Vec<Graph>, SpecError> {
        let input = Input::square(self.shape_size());
        self.models.iter().map(|net| lower(&spec(net)?, input)).collect()
    }

    /// The network that the others are compared with, by its place in [`State::models`].
    pub fn base_index(&self) -> usize {
        let found = self.base.as_ref().and_then(|base| self.models.iter().position(|net| net == base));
        found.unwrap_or(0)
    }

    /// Side of the input that a network runs at, in pixels: what was asked, else what its weights ask for, else 224.
    pub fn run_size(&self, net: &str) -> usize {
        // Weights from elsewhere run at the size that the catalogue's for the same network do.
        let entry = match source_of(net) {
            Some(WeightsSource::Entry(entry)) => Some(entry),
            _ => catalogue::for_net(net_of(net)),
        };
        self.size.or(entry.map(|entry| entry.card.preprocess.size)).unwrap_or(DEFAULT_SIZE)
    }

    /// A network's layers at the size that it runs at; none where that is no network.
    pub fn graph(&self, net: &str) -> Option<Graph> {
        spec(net).and_then(|spec| lower(&spec, Input::square(self.run_size(net)))).ok()
    }

    /// What comes out of a network's stem and of each of its stages, by name.
    pub fn stages(&self, net: &str) -> Vec<String> {
        let Some(graph) = self.graph(net) else { return Vec::new() };
        let count = graph.blocks.last().map_or(0, |block| block.stage);
        let names = std::iter::once("maxpool".to_string()).chain((1..=count).map(|stage| format!("layer{stage}")));
        names.filter(|name| graph.find(name).is_some()).collect()
    }

    /// Where a network makes its maps smaller, at the size that it runs at; nothing where that is no network.
    pub fn transitions(&self, net: &str) -> Vec<Transition> {
        self.graph(net).map(|graph| transitions(&graph)).unwrap_or_default()
    }

    /// What a figure of one network says under itself: whose weights, `what` of which layer, which picture.
    pub fn caption(&self, net: &str, what: String) -> [String; 4] {
        let weights = match source_of(net) {
            Some(WeightsSource::Entry(entry)) => entry.card.origin.to_string(),
            Some(source) => source.title().into(),
            None => tr!("no weights"),
        };
        let image = self
            .image
            .as_deref()
            .and_then(samples::find)
            .map_or_else(|| tr!("the visitor's own"), |sample| translate(sample.title));
        [display(net), tr!("Weights: {}", weights), what, tr!("Picture: {}", image)]
    }

    /// The network of [`State::base_index`].
    pub fn baseline(&self) -> &str {
        self.models.get(self.base_index()).map_or("", String::as_str)
    }

    /// Name and switches of the network that differences are told against: the baseline, or for a single network the original of its
    /// depth.
    ///
    /// # Errors
    /// When the name is none.
    pub fn base(&self) -> Result<(String, ArchSpec), SpecError> {
        let spec = spec(self.baseline())?;
        if self.models.len() == 1 {
            let original = spec.original();
            return Ok((original.name(), original));
        }
        Ok((self.baseline().into(), spec))
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

    fn has_node(&self) -> bool {
        // A size that makes a network impossible is said where the network would stand.
        self.graphs().map_or(true, |graphs| graphs.iter().any(|graph| graph.find(&self.node).is_some()))
    }
}

fn place(text: &str) -> Option<(usize, usize)> {
    let (down, across) = text.split_once(',')?;
    let share = |text: &str| text.parse().ok().filter(|share| *share <= WHOLE);
    Some((share(down)?, share(across)?))
}

/// A network with its weights, as it stands in a link once it has been read.
fn read_model(name: &str) -> Result<String, Message> {
    let net = net_of(name);
    spec(net).and_then(|spec| spec.check(Input::square(DEFAULT_SIZE))).map_err(|error| error.sentence())?;
    match written(name) {
        None => Ok(net.into()),
        Some(source) => {
            WeightsSource::parse(source).and_then(|source| with_source(net, &source)).map_err(|error| error.sentence())
        }
    }
}

fn models(list: &str) -> Result<Vec<String>, Message> {
    let mut models: Vec<String> = Vec::new();
    let named = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    // A list of nothing names no network, which is said of it as it stands.
    let names = if named.clone().next().is_some() { named.collect() } else { vec![list] };
    for name in names {
        let model = read_model(name)?;
        if !models.contains(&model) {
            models.push(model);
        }
    }
    if models.len() > MAX_MODELS {
        return Err(msg!("At most {} networks stand side by side, not {}.", MAX_MODELS, models.len()));
    }
    Ok(models)
}
