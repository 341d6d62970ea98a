//! Drawings as text, from plain values: what the page shows and what is saved of it. Nothing here knows a browser.

pub mod charts;
pub mod facts;
pub mod features;
pub mod field;
pub mod heatmap;
pub mod markup;
pub mod roofline;
pub mod snippets;
pub mod strides;
pub mod svg_export;
pub mod tables;
pub mod weights;
