//! The page around the figures: header, controls, embedded figures, sharing, and the API for scripts.

mod address;
mod anchor;
mod api;
mod app;
mod controls;
mod embed;
mod lazy;
mod share;

pub use app::start;
