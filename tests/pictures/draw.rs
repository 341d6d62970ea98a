//! Writes the random images, each one's crop for a network as raw RGB, and `list.tsv`, for `random_golden.py` and the browser tests.
//!
//! usage: cargo run --release --features cli --example pictures -- FOLDER [COUNT SIZE]
//! (COUNT: only the first ones; SIZE: all crops of this size, not centre-cropped, bilinear)
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod random;

use std::path::PathBuf;
use stridescope_image::{Interpolation, decode::decode, resize_and_crop};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(&arguments[0]);
    let number = |at: usize| arguments.get(at).map(|number| number.parse::<usize>().unwrap());
    let (count, fixed) = (number(1).unwrap_or(random::COUNT), number(2));
    std::fs::create_dir_all(&folder).unwrap();
    let mut list = String::new();
    for index in 0..count {
        let drawn = random::draw(index);
        let mut how = drawn.how;
        if let Some(size) = fixed {
            (how.size, how.resize, how.interpolation) = (size, size, Interpolation::Bilinear);
        }
        let square = resize_and_crop(&decode(&drawn.bytes).unwrap(), &how, (0, 0)).unwrap();
        let filter = if how.interpolation == Interpolation::Bicubic { "bicubic" } else { "bilinear" };
        list += &format!("{}\t{}\t{}\t{filter}\n", drawn.name, how.size, how.resize);
        std::fs::write(folder.join(&drawn.name), &drawn.bytes).unwrap();
        std::fs::write(folder.join(&drawn.name).with_extension("rgb"), square.pixels).unwrap();
    }
    std::fs::write(folder.join("list.tsv"), list).unwrap();
}
