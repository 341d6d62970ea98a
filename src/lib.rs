//! Stridescope: ResNet-50 and its B, C and D tweaks, side by side.
//!
//! `arch` describes and analyses, `weights` and `image` read what is given, `engine` computes, `worker` carries messages between
//! page and engine, `ui` is the page, `words` has its two languages. Arrows go down only: see ARCHITECTURE.md.

pub mod arch;
#[cfg(feature = "engine")]
pub mod engine;
pub mod image;
pub mod ui;
pub mod weights;
pub mod words;
pub mod worker;
