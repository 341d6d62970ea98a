//! What page and engine say to each other, and the two ends of it.
//!
//! The engine lives in a dedicated Worker with wasm of its own, so that the page never blocks and holds no burn code.

#[cfg(feature = "webgpu")]
mod backend;
#[cfg(feature = "ui")]
pub mod client;
#[cfg(feature = "ui")]
pub mod crew;
#[cfg(feature = "webgpu")]
mod download;
#[cfg(feature = "webgpu")]
mod fetch;
#[cfg(feature = "webgpu")]
mod fused;
#[cfg(feature = "webgpu")]
pub mod host;
#[cfg(feature = "webgpu")]
mod kept;
#[cfg(feature = "webgpu")]
mod picture;
pub mod protocol;
#[cfg(feature = "ui")]
pub mod site;
#[cfg(feature = "webgpu")]
mod store;
#[cfg(feature = "webgpu")]
mod stream;
#[cfg(feature = "webgpu")]
mod sum;
#[cfg(feature = "webgpu")]
mod timestamps;
#[cfg(feature = "browser")]
mod transport;
#[cfg(feature = "webgpu")]
mod wait;
