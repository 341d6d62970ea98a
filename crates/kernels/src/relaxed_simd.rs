//! The innermost loop as a separate WebAssembly module that uses fused multiply-add where the processor has it.
//!
//! It is a third faster. The instructions belong to relaxed SIMD, and an engine without relaxed SIMD rejects every module that contains
//! them, so they cannot be in the main module. The browser program checks whether [`MODULE`] is valid, instantiates it over the memory of
//! this crate, and passes its function to [`delegate`].

use super::microkernel::{Columns, Tile, Weights};
use std::sync::OnceLock;

/// `relaxed_simd.wat`, assembled: imports the memory as `engine.memory` and exports `products(weights, columns, terms, tiles, panels)`,
/// with addresses in bytes.
pub const MODULE: &[u8] = include_bytes!("relaxed_simd.wasm");

/// The function of [`MODULE`]: for each of `panels`, writes the sums over `terms` of weights, `[panels][terms][4]`, times columns,
/// `[terms][8]`, to a tile, `[4][8]`. Addresses point to `f32`s; `terms` and `panels` are not zero.
pub type Products = fn(call: Call);

/// The arguments of [`Products`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Address of the weights, read.
    pub weights: usize,
    /// Address of the columns, read.
    pub columns: usize,
    /// Number of terms of every sum.
    pub terms: usize,
    /// Address of the tiles, written.
    pub tiles: usize,
    /// Number of panels of weights, and of tiles.
    pub panels: usize,
}

static PRODUCTS: OnceLock<Products> = OnceLock::new();

/// Delegates the innermost loop to `products`. Later calls have no effect.
pub fn delegate(products: Products) {
    PRODUCTS.get_or_init(|| products);
}

/// Delegates to the module; false if there is none.
pub(crate) fn products(weights: &[Weights], columns: &[Columns], tiles: &mut [Tile]) -> bool {
    let (terms, panels) = (columns.len(), tiles.len());
    // The module checks no bounds, so they are checked here.
    let (true, Some(products)) = (terms > 0 && panels > 0 && weights.len() >= terms * panels, PRODUCTS.get()) else {
        return false;
    };
    products(Call {
        weights: weights.as_ptr().expose_provenance(),
        columns: columns.as_ptr().expose_provenance(),
        terms,
        tiles: tiles.as_mut_ptr().expose_provenance(),
        panels,
    });
    true
}
