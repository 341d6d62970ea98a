//! What stands around the figures: the page, a figure that stands alone, the bar, sharing, and what scripts may ask.

mod anchor;
mod api;
mod app;
mod controls;
mod embed;
mod lazy;
mod share;

pub use app::start;
