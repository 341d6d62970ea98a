//! The engine's program: a worker that computes for the page.

mod backend;
mod download;
mod fetch;
mod host;
mod opfs;
mod picture;
mod relaxed_simd;
mod sha256;
mod store;
mod stream;
mod timeout;
mod timestamps;

fn main() {
    host::start();
}
