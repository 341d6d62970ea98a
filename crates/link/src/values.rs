//! Values of parameters.

use form_urlencoded::parse;
use stridescope_protocol::{BackendChoice, Fill, KernelChoice};

/// The order of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By number.
    #[default]
    Index,
    /// The largest mean first.
    Mean,
    /// The largest value first.
    Max,
    /// The largest difference of means to the baseline first.
    Difference,
}

impl Sort {
    /// In the order of the menu.
    pub const ALL: [Self; 4] = [Self::Index, Self::Mean, Self::Max, Self::Difference];

    /// Its name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::Difference => "difference",
        }
    }

    /// The order of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// A colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// Dark blue to yellow, perceptually uniform and suited to the colour-blind (matplotlib's).
    #[default]
    Viridis,
    /// Black to pale yellow (matplotlib's).
    Magma,
    /// Black to white.
    Grey,
    /// Blue to red through white, for values on both sides of zero (ColorBrewer's).
    Diverging,
}

impl Colours {
    /// In the order of the menu.
    pub const ALL: [Self; 4] = [Self::Viridis, Self::Magma, Self::Grey, Self::Diverging];

    /// Its name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Grey => "grey",
            Self::Diverging => "diverging",
        }
    }

    /// The colour map of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colours| colours.name() == name)
    }
}

/// The unit of a place: thousandths of the picture.
pub const WHOLE: usize = 1000;

/// A place of the picture, `down,across` in thousandths.
pub(crate) fn place(text: &str) -> Option<(usize, usize)> {
    let (down, across) = text.split_once(',')?;
    let share = |text: &str| text.parse().ok().filter(|share| *share <= WHOLE);
    Some((share(down)?, share(across)?))
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device is set.
    #[default]
    Auto,
    /// Dark ink on light paper.
    Light,
    /// Light ink on dark paper.
    Dark,
}

impl Theme {
    /// Its name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The theme of that name.
pub fn theme_named(name: &str) -> Option<Theme> {
    [Theme::Auto, Theme::Light, Theme::Dark].into_iter().find(|theme| theme.name() == name)
}

/// Devices by their names in a link.
const BACKENDS: [(BackendChoice, &str); 3] =
    [(BackendChoice::Auto, "auto"), (BackendChoice::Webgpu, "webgpu"), (BackendChoice::Cpu, "cpu")];

/// Name of a device in a link.
pub(crate) fn backend_name(backend: BackendChoice) -> &'static str {
    BACKENDS.iter().find(|(known, _)| *known == backend).map_or("", |(_, name)| name)
}

/// The device of that name.
pub fn backend_named(name: &str) -> Option<BackendChoice> {
    BACKENDS.iter().find(|(_, known)| *known == name).map(|(backend, _)| *backend)
}

/// Kernels by their names in a link.
const KERNELS: [(KernelChoice, &str); 3] =
    [(KernelChoice::Auto, "auto"), (KernelChoice::Stock, "stock"), (KernelChoice::Tiled, "tiled")];

/// Name of kernels in a link.
pub(crate) fn kernels_name(kernels: KernelChoice) -> &'static str {
    KERNELS.iter().find(|(known, _)| *known == kernels).map_or("", |(_, name)| name)
}

/// The kernels of that name.
pub(crate) fn kernels_named(name: &str) -> Option<KernelChoice> {
    KERNELS.iter().find(|(_, known)| *known == name).map(|(kernels, _)| *kernels)
}

/// The language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// The first language of the browser that the page has, else English.
    #[default]
    Auto,
    /// English.
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// Its name in a link.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The language of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Auto, Self::En, Self::Ko].into_iter().find(|lang| lang.name() == name)
    }

    /// The language in a query string, whatever else it contains.
    pub fn of_query(query: &str) -> Self {
        let mut pairs = parse(query.trim_start_matches('?').as_bytes());
        pairs.find(|(key, _)| key == "lang").and_then(|(_, value)| Self::named(&value)).unwrap_or_default()
    }

    /// The page's language for a reader with these languages, in order of preference, as browsers name them: `ko-KR`.
    pub fn resolved<S: AsRef<str>>(self, languages: &[S]) -> Self {
        let known =
            |language: &S| Self::named(language.as_ref().split('-').next().unwrap_or_default().to_ascii_lowercase().as_str());
        match self {
            Self::Auto => languages.iter().filter_map(known).find(|lang| *lang != Self::Auto).unwrap_or(Self::En),
            lang => lang,
        }
    }
}

/// Largest shift of the picture, in pixels.
pub const MAX_SHIFT: usize = 32;
/// Largest side of a probe.
pub const MAX_SIDE: usize = 8;

/// An edit of a square of one layer's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The layer; `input` for the picture.
    pub node: String,
    /// Its first row.
    pub y: usize,
    /// Its first column.
    pub x: usize,
    /// Rows and columns.
    pub side: usize,
    /// The new value.
    pub fill: Fill,
}

/// The fills of a probe: value, name in a link, display name.
pub const FILLS: [(Fill, &str, &str); 3] =
    [(Fill::Zero, "zero", "black, or zero"), (Fill::White, "white", "white, or one"), (Fill::Noise, "noise", "noise")];

/// Name of a fill in a link.
pub fn fill_name(fill: Fill) -> &'static str {
    FILLS.iter().find(|(known, _, _)| *known == fill).map_or("", |(_, name, _)| name)
}

/// The fill of that name.
pub fn fill_named(name: &str) -> Option<Fill> {
    FILLS.iter().find(|(_, known, _)| *known == name).map(|(fill, _, _)| *fill)
}

impl Probe {
    /// Parses the format of [`Display`](std::fmt::Display).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let node = parts.next().filter(|node| !node.is_empty())?.to_string();
        let mut number = || parts.next()?.parse::<usize>().ok();
        let (y, x, side) = (number()?, number()?, number().filter(|side| (1..=MAX_SIDE).contains(side))?);
        let fill = fill_named(parts.next()?)?;
        parts.next().is_none().then_some(Self { node, y, x, side, fill })
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{},{},{}", self.node, self.y, self.x, self.side, fill_name(self.fill))
    }
}
