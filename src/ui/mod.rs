//! The page. Logic is in plain structs that are tested without a browser; components are thin.

#[cfg(feature = "ui")]
mod api;
#[cfg(feature = "ui")]
mod app;
#[cfg(feature = "ui")]
mod architecture;
#[cfg(feature = "ui")]
mod builder;
#[cfg(feature = "ui")]
mod button;
#[cfg(feature = "ui")]
mod by_network;
#[cfg(feature = "charts")]
pub mod change;
#[cfg(feature = "charts")]
pub mod charts;
#[cfg(feature = "ui")]
mod choose;
#[cfg(feature = "ui")]
mod controls;
#[cfg(feature = "ui")]
mod cost;
#[cfg(feature = "ui")]
mod dom;
#[cfg(feature = "ui")]
mod embed;
pub mod facts;
#[cfg(feature = "ui")]
mod features;
#[cfg(feature = "ui")]
mod features_column;
#[cfg(feature = "charts")]
pub mod features_view;
#[cfg(feature = "ui")]
mod fetching;
#[cfg(feature = "ui")]
mod field;
#[cfg(feature = "charts")]
pub mod field_view;
#[cfg(feature = "ui")]
mod files;
#[cfg(feature = "ui")]
mod head;
#[cfg(feature = "ui")]
mod inspector;
#[cfg(feature = "ui")]
mod lang;
#[cfg(feature = "ui")]
mod later;
#[cfg(feature = "ui")]
mod learn;
#[cfg(feature = "ui")]
mod live;
pub mod markup;
pub mod names;
#[cfg(feature = "charts")]
pub mod picture;
#[cfg(feature = "ui")]
mod predict;
#[cfg(feature = "ui")]
mod receive;
pub mod received;
#[cfg(feature = "ui")]
mod roofline;
#[cfg(feature = "charts")]
pub mod roofline_view;
pub mod samples;
#[cfg(feature = "ui")]
mod save;
#[cfg(feature = "ui")]
mod session;
#[cfg(feature = "ui")]
mod share;
#[cfg(feature = "charts")]
pub mod snippets;
#[cfg(feature = "ui")]
mod soon;
#[cfg(feature = "charts")]
pub mod state;
#[cfg(feature = "charts")]
pub mod still;
#[cfg(feature = "ui")]
mod strides;
#[cfg(feature = "charts")]
pub mod strides_view;
pub mod tables;
#[cfg(feature = "ui")]
mod viewport;
#[cfg(feature = "ui")]
mod weights;
#[cfg(feature = "charts")]
pub mod weights_view;

#[cfg(feature = "ui")]
pub use app::start;
