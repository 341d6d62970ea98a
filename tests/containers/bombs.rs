//! Pickles that use as much memory or time per byte as possible.

use super::pickles::{LEGACY, stored};
use super::torch::{named, tensor, zipped};
use super::{Case, large, no_pickle};
use std::fmt::Write;

pub fn cases() -> Vec<Case> {
    let says = no_pickle;
    let (values, steps, long) = (
        says("its pickle makes over 100000 values"),
        says("its pickle takes over 500000 steps"),
        says("its pickle is over 4 MB long"),
    );
    let none = says("it holds no dictionary of tensors");
    let repeated = |before: &'static [u8], unit: &'static [u8], count: usize, after: &'static [u8]| {
        move || stored(&[&b"\x80\x04"[..], before, &unit.repeat(count), after].concat())
    };
    // Names t0, t1 and so on, each with the same item.
    let names = |count: usize, item: &[u8]| -> Vec<u8> {
        let mut pairs = Vec::new();
        let mut name = String::new();
        for index in 0..count {
            name.clear();
            write!(name, "t{index}").unwrap();
            pairs.extend([&b"\x8c"[..], &[name.len() as u8], name.as_bytes(), item].concat());
        }
        pairs
    };
    let sound = || tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85");
    // The maximum of eight dimensions.
    let many_sides = || {
        let sides = [&b"("[..], &b"K\x01".repeat(8), b"t"].concat();
        tensor("FloatStorage", b"K\0", &sides, &sides)
    };
    vec![
        large("10 million tuples", repeated(b"", b")", 10_000_000, b"."), values.clone()),
        large("4 million tuples", repeated(b"", b")", 3_900_000, b"."), values.clone()),
        large("10 million marks", repeated(b"", b"(", 10_000_000, b"."), steps.clone()),
        large("10 million values kept", repeated(b"N", b"\x94", 10_000_000, b"."), steps.clone()),
        large("as many values kept as can be", repeated(b"N", b"\x94", 499_995, b"."), none.clone()),
        large("as many marks as can be", repeated(b"", b"(", 499_995, b"N."), none.clone()),
        large("10 million times None", repeated(b"", b"N", 10_000_000, b"."), steps.clone()),
        large("4 million values recalled", repeated(b"]q\0", b"h\0", 1_990_000, b"."), steps.clone()),
        large("a list that takes itself again and again", repeated(b"]q\0", b"h\0a", 249_990, b"."), none.clone()),
        large("a list of as much as can be", repeated(b"](", b"N", 499_990, b"e."), none.clone()),
        large("a dictionary of as much as can be", repeated(b"}(", b"NN", 249_990, b"u."), none.clone()),
        large("lists of one item", repeated(b"", b"N\x85", 99_000, b"."), none.clone()),
        large("lists of lists of lists", repeated(b")", b"\x85", 99_000, b"."), none.clone()),
        large("dictionaries of one pair", repeated(b"", b"}NNs", 99_000, b"."), none.clone()),
        large(
            "one text of 100 MB",
            || stored(&[&b"\x80\x02X"[..], &100_000_000u32.to_le_bytes(), &vec![b'x'; 100_000_000], b"."].concat()),
            long.clone(),
        ),
        large(
            "texts as long as can be",
            || stored(&[&b"\x80\x02"[..], &[&b"X\0\x10\0\0"[..], &[b'x'; 4096]].concat().repeat(970), b"."].concat()),
            none.clone(),
        ),
        large(
            "texts that are none, as long as can be",
            || stored(&[&b"\x80\x02"[..], &[&b"X\0\x10\0\0"[..], &[0xff; 4096]].concat().repeat(970), b"."].concat()),
            none.clone(),
        ),
        large("texts of no letters", repeated(b"", b"\x8c\0", 2_000_000, b"."), values.clone()),
        large("numbers", repeated(b"", b"K\0", 1_900_000, b"."), values.clone()),
        large(
            "numbers of 255 bytes",
            || stored(&[&b"\x80\x02"[..], &[&b"\x8a\xff"[..], &[0xff; 255]].concat().repeat(15_000), b"."].concat()),
            none.clone(),
        ),
        large(
            "values kept from far to near",
            || {
                let kept: Vec<u8> = (0..400_000u32).rev().flat_map(|slot| [&b"r"[..], &slot.to_le_bytes()].concat()).collect();
                stored(&[&b"\x80\x02N"[..], &kept, b"."].concat())
            },
            none.clone(),
        ),
        large(
            "calls with a long list",
            || {
                let call = b"h\0h\x01R0";
                stored(
                    &[
                        &b"\x80\x02ccollections\nOrderedDict\nq\0]("[..],
                        &b"N".repeat(100_000),
                        b"eq\x01",
                        &call.repeat(90_000),
                        b".",
                    ]
                    .concat(),
                )
            },
            none.clone(),
        ),
        large(
            "one dictionary in another again and again",
            || {
                let inner = [&b"}q\0("[..], &b"NN".repeat(90_000), b"u"].concat();
                stored(&[&b"\x80\x02}("[..], b"N", &inner, &b"Nh\0".repeat(90_000), b"u."].concat())
            },
            none.clone(),
        ),
        large(
            "parameters of eight sides",
            move || {
                let again = b"ctorch._utils\n_rebuild_parameter\nq\x01h\0\x85R";
                let rest = b"h\x01h\0\x85R".repeat(33_000 - 50);
                stored(&[&b"\x80\x02"[..], &many_sides(), b"q\0", again, &rest, b"."].concat())
            },
            none.clone(),
        ),
        large(
            "tensors as many as can be",
            move || {
                let again = [&b"\x80\x02ctorch._utils\n_rebuild_parameter\nq\x01"[..], &many_sides(), b"\x85q\x02R0}("].concat();
                stored(&[again, names(49_000, b"h\x01h\x02R"), b"X\x02\0\0\0t0h\x01h\x02Ru.".to_vec()].concat())
            },
            says("it holds \"t0\" twice"),
        ),
        large(
            "names as many as can be",
            move || stored(&[&b"\x80\x02"[..], &sound(), b"q\0}(", &names(99_000, b"h\0"), b"X\x02\0\0\0t0h\0u."].concat()),
            says("it holds \"t0\" twice"),
        ),
        large(
            "one name as often as can be",
            || {
                let name = [&b"X\xf4\x01\0\0"[..], &[b'n'; 500], b"q\x01"].concat();
                let tensor = tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85");
                stored(&[&b"\x80\x02"[..], &name, b"0", &tensor, b"q\0}(", &b"h\x01h\0".repeat(240_000), b"u."].concat())
            },
            says(&format!("it holds \"{}\" twice", "n".repeat(60))),
        ),
        large(
            "all pickles of an old file as large as can be",
            move || {
                let full = |values: usize, kept: usize| [&b"\x80\x02"[..], &b")".repeat(values), &b"N\x94".repeat(kept)].concat();
                let (small, main) = ([&full(9_900, 20_000)[..], b"."].concat(), full(99_000, 200_000));
                [LEGACY, &small, &small, &main, &named(&sound())[2..], &small].concat()
            },
            says("its list of stores is none"),
        ),
        large(
            "a store of 100 MB across",
            move || {
                let pickle = named(&tensor("FloatStorage", b"K\0", b"J\0\0\x04\0K\x60\x86", b"K\x01J\0\0\x04\0\x86"));
                zipped(&[("a/data.pkl", &pickle), ("a/data/0", &vec![0; 100_663_296])])
            },
            says("tensor \"x\" is too large to be put into order"),
        ),
        large(
            "a store of 47 MB across, then one that shares",
            move || {
                let (rows, of_rows) = (b"J\0\0\x04\0K\x2d\x86", b"K\x01J\0\0\x04\0\x86");
                let first = tensor("FloatStorage", b"K\0", rows, of_rows);
                let other = tensor("FloatStorage", b"J\0\0\xc0\0", b"K\x02K\x02\x86", b"K\x01K\x02\x86");
                let pickle =
                    [&b"\x80\x02}(X\x01\0\0\0x"[..], &first, b"X\x01\0\0\0y", &other, b"X\x01\0\0\0z", &other, b"u."].concat();
                zipped(&[("a/data.pkl", &pickle), ("a/data/0", &vec![0; 100_663_296])])
            },
            says("tensor \"y\" lies across numbers that another tensor reads as well"),
        ),
    ]
}
