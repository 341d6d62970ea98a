//! The engine's worker.

fn main() {
    stridescope::worker::host::start();
}
