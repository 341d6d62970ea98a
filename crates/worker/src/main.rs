//! The engine's program: a worker that computes what the page asks for.

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
