//! The figures that a link can show alone.

/// A figure that stands alone in another page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embed {
    /// Block diagrams.
    Architecture,
    /// What strides read.
    Strides,
    /// Maps.
    Features,
    /// Receptive fields.
    Field,
    /// Tables and charts.
    Cost,
    /// Predictions.
    Predict,
}

impl Embed {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Architecture, Self::Strides, Self::Features, Self::Field, Self::Cost, Self::Predict];

    /// As in the query string.
    pub fn name(self) -> &'static str {
        match self {
            Self::Architecture => "architecture",
            Self::Strides => "strides",
            Self::Features => "features",
            Self::Field => "field",
            Self::Cost => "cost",
            Self::Predict => "predict",
        }
    }

    /// The figure of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }

    /// The figure's section in the page.
    pub fn section(self) -> &'static str {
        match self {
            Self::Predict => "prediction",
            figure => figure.name(),
        }
    }

    /// Whether the engine has something to do for it.
    pub fn computes(self) -> bool {
        !matches!(self, Self::Architecture | Self::Cost)
    }
}
