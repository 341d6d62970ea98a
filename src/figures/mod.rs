//! The figures, one file or folder each.

pub mod architecture;
pub mod cost;
pub mod features;
pub mod field;
pub mod learn;
pub mod predict;
pub mod strides;
pub mod weights;
