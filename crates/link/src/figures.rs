//! The one table of figures: what each is called, what is said of it, and how high it stands in another page.
//!
//! `tests/tables.rs` holds the element, its types, the documentation, the styles and `index.html` to it.

use stridescope_i18n::translate;

/// A figure of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Figure {
    /// Block diagrams.
    Architecture,
    /// What strides read. An element shows it that names no figure.
    #[default]
    Strides,
    /// Maps.
    Features,
    /// Receptive fields.
    Field,
    /// Tables and charts.
    Cost,
    /// Predictions.
    Predict,
    /// Files of weights.
    Weights,
    /// The article.
    Learn,
}

/// What is known of a figure before it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which one.
    pub figure: Figure,
    /// As links and elements call it.
    pub name: &'static str,
    /// Its section in the page.
    pub section: &'static str,
    /// Its heading, in English.
    pub title: &'static str,
    /// What the navigation calls it, in English.
    pub short: &'static str,
    /// What it shows, in an English sentence or two.
    pub caption: Option<&'static str>,
    /// Its height in another page before it says its own, in CSS pixels; none where it cannot stand alone.
    pub height_px: Option<u32>,
    /// Whether the engine has something to do for it.
    pub computes: bool,
}

/// All of them: those that can stand alone first, in the order in which they are offered.
pub static FIGURES: [Row; 8] = [
    Row {
        figure: Figure::Architecture,
        name: "architecture",
        section: "architecture",
        title: "Architecture",
        short: "Architecture",
        caption: Some("Where the networks differ is coloured. Stages and blocks open when chosen."),
        height_px: Some(900),
        computes: false,
    },
    Row {
        figure: Figure::Strides,
        name: "strides",
        section: "strides",
        title: "Strides",
        short: "Strides",
        caption: Some("What each path reads of a map on its way to half the size. Grey is never read."),
        height_px: Some(820),
        computes: true,
    },
    Row {
        figure: Figure::Features,
        name: "features",
        section: "features",
        title: "Features",
        short: "Features",
        caption: Some("What each network computes of this picture, layer by layer."),
        height_px: Some(820),
        computes: true,
    },
    Row {
        figure: Figure::Field,
        name: "field",
        section: "field",
        title: "Receptive field",
        short: "Field",
        caption: Some(
            "What one position of a map can see of the picture (the frame), and how much each pixel moves it (the light).",
        ),
        height_px: Some(560),
        computes: true,
    },
    Row {
        figure: Figure::Cost,
        name: "cost",
        section: "cost",
        title: "Cost",
        short: "Cost",
        caption: Some("What each network takes: multiplications, parameters, memory, and the time of each layer here."),
        height_px: Some(1400),
        computes: false,
    },
    Row {
        figure: Figure::Predict,
        name: "predict",
        section: "prediction",
        title: "Prediction",
        short: "Prediction",
        caption: Some("What each network says of the picture. Every number says whose weights it comes from."),
        height_px: Some(560),
        computes: true,
    },
    Row {
        figure: Figure::Weights,
        name: "weights",
        section: "weights",
        title: "Weights",
        short: "Weights",
        caption: Some("Whose they are, what a file of them holds, and what this device keeps."),
        height_px: None,
        computes: true,
    },
    Row {
        figure: Figure::Learn,
        name: "learn",
        section: "learn",
        title: "Learn",
        short: "Learn",
        caption: None,
        height_px: None,
        computes: false,
    },
];

// Each row stands at its figure's number, by which it is found.
const _: () = {
    let mut index = 0;
    while index < FIGURES.len() {
        assert!(FIGURES[index].figure as usize == index);
        index += 1;
    }
};

/// Height of a frame whose figure says none, in CSS pixels.
pub const OTHER_HEIGHT_PX: u32 = 600;

impl Figure {
    /// Those that can stand alone in another page, in the order in which they are offered.
    pub fn embeddable() -> impl Iterator<Item = Self> {
        FIGURES.iter().filter(|row| row.height_px.is_some()).map(|row| row.figure)
    }

    /// All of them, in the order of the whole page: the predictions first.
    pub fn in_page() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Predict).chain(FIGURES.iter().map(|row| row.figure).filter(|figure| *figure != Self::Predict))
    }

    /// The one of that name that can stand alone.
    pub fn embeddable_named(name: &str) -> Option<Self> {
        Self::embeddable().find(|figure| figure.name() == name)
    }

    fn row(self) -> &'static Row {
        &FIGURES[self as usize]
    }

    /// As in the query string.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The figure's section in the page.
    pub fn section(self) -> &'static str {
        self.row().section
    }

    /// Its heading, in the reader's language.
    pub fn title(self) -> String {
        translate(self.row().title)
    }

    /// What the navigation calls it, in the reader's language.
    pub fn short(self) -> String {
        translate(self.row().short)
    }

    /// What it shows, in the reader's language.
    pub fn caption(self) -> Option<String> {
        self.row().caption.map(translate)
    }

    /// Its height in another page before it says its own, in CSS pixels.
    pub fn height_px(self) -> u32 {
        self.row().height_px.unwrap_or(OTHER_HEIGHT_PX)
    }

    /// Whether the engine has something to do for it.
    pub fn computes(self) -> bool {
        self.row().computes
    }
}
