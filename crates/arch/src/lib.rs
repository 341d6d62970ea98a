//! A ResNet as a value: [`ArchSpec`] (a few switches) is lowered to a [`Graph`] (every layer, with shapes), and all analysis reads the
//! graph ([`cost`], [`receptive`], [`coverage`], [`reach`], [`transition`], [`diff`], [`table`], [`diagram`]). Depends on `i18n` alone.
//! Pure: it runs no network, touches no page and does no I/O.

pub mod cost;
pub mod coverage;
pub mod diagram;
pub mod diff;
pub mod folding;
pub mod graph;
mod lower;
pub mod names;
pub mod reach;
pub mod receptive;
pub mod spec;
pub mod switches;
pub mod table;
pub mod transition;

pub use graph::{Block, Conv, Graph, Node, Op, Path, Place, Pool, Shape, TensorSpec};
pub use lower::lower;
pub use names::Variant;
pub use spec::{AntiAlias, ArchSpec, BlockKind, DilatedPool, Input, Shortcut, SpecError, Stem, StrideOn};
