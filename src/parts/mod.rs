//! Components that several figures use.

pub mod button;
pub mod by_network;
pub mod chart;
pub mod consent;
pub mod heading;
pub mod options;
pub mod save;
pub mod slider;
pub mod viewport;
