//! The innermost loop in a WebAssembly module of its own, with multiplications and additions fused where the processor can.
//!
//! Fused, they are a third faster. But the instructions are those of relaxed SIMD, and an engine that lacks them refuses any module that
//! contains them: they cannot be in the module that everything else is in. So whoever runs this package in a browser asks whether
//! [`MODULE`] is valid there, instantiates it over the memory that this package lives in, and hands its function to [`delegate`].

use super::microkernel::{Columns, Tile, Weights};
use std::sync::OnceLock;

/// The module, `relaxed_simd.wat` assembled: imports the memory as `engine.memory`, exports `products(weights, columns, terms, tiles, panels)`, of
/// addresses in bytes and numbers of terms and panels.
pub const MODULE: &[u8] = include_bytes!("relaxed_simd.wasm");

/// Writes, for each of `panels`, the sums over `terms` of the products of weights, `[panels][terms][4]`, with columns, `[terms][8]`, to a
/// tile, `[4][8]`: [`MODULE`]'s function. Addresses are those of `f32`s; neither number is zero.
pub type Products = fn(call: Call);

/// What [`Products`] is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Address of the weights, which are read.
    pub weights: usize,
    /// Address of the columns, which are read.
    pub columns: usize,
    /// Terms of every sum.
    pub terms: usize,
    /// Address of the tiles, which are written.
    pub tiles: usize,
    /// Panels of weights, and tiles.
    pub panels: usize,
}

static PRODUCTS: OnceLock<Products> = OnceLock::new();

/// Has `products` do the innermost loop from now on; the first one stays.
pub fn delegate(products: Products) {
    PRODUCTS.get_or_init(|| products);
}

/// Has the module do it, if there is one.
pub(crate) fn products(weights: &[Weights], columns: &[Columns], tiles: &mut [Tile]) -> bool {
    let (terms, panels) = (columns.len(), tiles.len());
    // It reads as much as it is told to, so this is where its bounds are checked.
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
