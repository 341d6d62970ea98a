//! Links: the query string that holds the page's state, and other addresses that lead to a picture, weights or a figure.

pub mod change;
mod figures;
pub mod names;
pub mod parameters;
mod query;
pub mod received;
pub mod samples;
mod state;
mod values;

pub use figures::{FIGURES, Figure, OTHER_HEIGHT_PX, Row};
pub use query::Written;
pub use state::{MAX_MODELS, State};
pub use values::{
    Colours, FILLS, Lang, MAX_SHIFT, MAX_SIDE, Probe, Sort, Theme, WHOLE, backend_named, fill_name, fill_named, theme_named,
};
