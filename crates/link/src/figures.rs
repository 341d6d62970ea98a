//! The one table of figures: name, title, caption, and height in another page.
//!
//! `tests/tables.rs` checks that the element, its types, the documentation, the styles and `index.html` agree with it.

use stridescope_i18n::translate;

/// A figure of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Figure {
    /// The figure **architecture**: block diagrams.
    Architecture,
    /// The figure **strides**: which positions strides read. The default of the element.
    #[default]
    Strides,
    /// The figure **features**: maps.
    Features,
    /// The figure **receptive field**.
    Field,
    /// The figure **cost**: tables and charts.
    Cost,
    /// The figure **predict**: predictions.
    Predict,
    /// The figure **weights**: files of weights.
    Weights,
    /// The section **learn**: the article.
    Learn,
}

/// The static data of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The figure.
    pub figure: Figure,
    /// Its name in links and elements.
    pub name: &'static str,
    /// The id of its section in the page.
    pub section: &'static str,
    /// Its heading, in English.
    pub title: &'static str,
    /// What the navigation calls it, in English.
    pub short: &'static str,
    /// What it shows, in an English sentence or two.
    pub caption: Option<&'static str>,
    /// Its initial height in another page, before the frame reports its own, in CSS pixels; none where it cannot be embedded.
    pub height_px: Option<u32>,
    /// Whether it needs the engine.
    pub computes: bool,
}

/// All figures: those that can be embedded first, in the order of the menus.
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

// The order of the rows is that of the variants, since a figure is the index of its row.
const _: () = {
    let mut index = 0;
    while index < FIGURES.len() {
        assert!(FIGURES[index].figure as usize == index);
        index += 1;
    }
};

/// Height of the frame of an unknown figure, in CSS pixels.
pub const OTHER_HEIGHT_PX: u32 = 600;

impl Figure {
    /// The figures that can be embedded, in the order of the menus.
    pub fn embeddable() -> impl Iterator<Item = Self> {
        FIGURES.iter().filter(|row| row.height_px.is_some()).map(|row| row.figure)
    }

    /// All of them, in the order of the whole page: the predictions first.
    pub fn in_page() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Predict).chain(FIGURES.iter().map(|row| row.figure).filter(|figure| *figure != Self::Predict))
    }

    /// The figure of that name that can be embedded.
    pub fn embeddable_named(name: &str) -> Option<Self> {
        Self::embeddable().find(|figure| figure.name() == name)
    }

    fn row(self) -> &'static Row {
        &FIGURES[self as usize]
    }

    /// Its name in links.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The id of its section in the page.
    pub fn section(self) -> &'static str {
        self.row().section
    }

    /// Its heading, translated.
    pub fn title(self) -> String {
        translate(self.row().title)
    }

    /// What the navigation calls it, in the reader's language.
    pub fn short(self) -> String {
        translate(self.row().short)
    }

    /// What it shows, translated.
    pub fn caption(self) -> Option<String> {
        self.row().caption.map(translate)
    }

    /// Its initial height in another page, in CSS pixels.
    pub fn height_px(self) -> u32 {
        self.row().height_px.unwrap_or(OTHER_HEIGHT_PX)
    }

    /// Whether it needs the engine.
    pub fn computes(self) -> bool {
        self.row().computes
    }
}
