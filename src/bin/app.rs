//! The page.

fn main() {
    stridescope::ui::start();
}
