//! Drawings as text, from plain values: everything that the page shows and exports. Depends on `arch`, `weights`, `protocol`, `link` and
//! `i18n`. Knows no leptos and no browser.

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
