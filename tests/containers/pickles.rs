//! Malformed and malicious pickles, in the zip of `torch.save` and in the legacy format.

use super::torch::{REBUILD, named, tensor, zipped};
use super::{Case, case, no_pickle};

/// The first bytes of a file from before PyTorch 1.6.
pub const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// A pickle of an empty tuple, in place of a version and a machine description.
const ANY: &[u8] = b"\x80\x02).";

/// A zip with a pickle and a storage of 64 bytes.
pub fn stored(pickle: &[u8]) -> Vec<u8> {
    zipped(&[("a/data.pkl", pickle), ("a/data/0", &[0; 64])])
}

/// A legacy file: the pickle, the list of its storages, their data.
fn legacy(pickle: &[u8], keys: &[u8], stores: &[u8]) -> Vec<u8> {
    [LEGACY, ANY, ANY, pickle, keys, stores].concat()
}

pub fn cases() -> Vec<Case> {
    [opcodes(), imports(), lists(), tensors(), legacies()].into_iter().flatten().collect()
}

fn pickles(cases: Vec<(&'static str, Vec<u8>, &str)>) -> Vec<Case> {
    cases.into_iter().map(|(what, pickle, clause)| case(what, stored(&pickle), no_pickle(clause))).collect()
}

/// Truncated pickles, other protocols, and opcodes that no weights need.
fn opcodes() -> Vec<Case> {
    let none = "it holds no dictionary of tensors";
    let absent = |at: usize| format!("its pickle takes a value that is not there, at byte {at}");
    let cut = |at: usize| format!("its pickle is cut off at byte {at}");
    let odd = |code: u8| format!("its pickle uses the opcode 0x{code:02x} at byte 2, which no weights need");
    let protocol = |number: u8| format!("its pickle is of protocol {number}, and only 2 to 5 are read");
    let long_text = [&b"\x80\x02X"[..], &u32::MAX.to_le_bytes(), b"abc."].concat();
    pickles(vec![
        ("nothing", vec![], &cut(0)),
        ("half a protocol", b"\x80".to_vec(), &cut(1)),
        ("protocol 6", b"\x80\x06N.".to_vec(), &protocol(6)),
        ("protocol 1", b"\x80\x01N.".to_vec(), &protocol(1)),
        ("protocol 255", b"\x80\xffN.".to_vec(), &protocol(255)),
        ("a protocol alone", b"\x80\x02".to_vec(), &cut(2)),
        ("no end", b"\x80\x02}".to_vec(), &cut(3)),
        ("an end alone", b"\x80\x02.".to_vec(), &absent(3)),
        ("None", b"\x80\x02N.".to_vec(), none),
        ("a number", b"\x80\x02K\x07.".to_vec(), none),
        ("text", b"\x80\x02X\x02\0\0\0hi.".to_vec(), none),
        ("an empty dictionary", b"\x80\x02}.".to_vec(), none),
        ("a dictionary of numbers", b"\x80\x02}X\x01\0\0\0aK\x01s.".to_vec(), none),
        ("a text of 4 GB", long_text, &cut(11)),
        ("a frame of 2^64 bytes that ends at once", [b"\x80\x04\x95", &[0xff; 8][..], b"N."].concat(), none),
        ("half a frame", b"\x80\x04\x95\0\0".to_vec(), &cut(5)),
        ("a long number that is cut off", b"\x80\x02\x8a\xff\0.".to_vec(), &cut(6)),
        ("a long number of 255 bytes", [&b"\x80\x02\x8a\xff"[..], &[0xff; 255], b"."].concat(), none),
        ("a number of 4 GB", b"\x80\x02\x8b\xff\xff\xff\x7f.".to_vec(), &odd(0x8b)),
        ("bytes of 4 GB", b"\x80\x03B\xff\xff\xff\xff.".to_vec(), &odd(b'B')),
        ("text of 2^63 bytes", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.".to_vec(), &odd(0x8d)),
        ("a byte array of 2^63 bytes", b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.".to_vec(), &odd(0x96)),
        ("half a float", b"\x80\x02G\0.".to_vec(), &cut(5)),
        ("half an integer", b"\x80\x02J\0\0".to_vec(), &cut(5)),
        ("an instance", b"\x80\x02i__main__\nX\n.".to_vec(), &odd(b'i')),
        ("a new object", b"\x80\x02)\x81.".to_vec(), "its pickle uses the opcode 0x81 at byte 3, which no weights need"),
        ("a new object with names", b"\x80\x04\x92.".to_vec(), &odd(0x92)),
        ("an object", b"\x80\x02o.".to_vec(), &odd(b'o')),
        ("an extension", b"\x80\x02\x82\x01.".to_vec(), &odd(0x82)),
        ("a buffer out of band", b"\x80\x05\x97.".to_vec(), &odd(0x97)),
        ("a set", b"\x80\x04\x8f.".to_vec(), &odd(0x8f)),
        ("a value doubled", b"\x80\x022.".to_vec(), &odd(b'2')),
        ("a persistent name as text", b"\x80\x02P0\n.".to_vec(), &odd(b'P')),
        ("a text in quotes", b"\x80\x02S'x'\n.".to_vec(), &odd(b'S')),
        ("no opcode", b"\x80\x02\xff.".to_vec(), &odd(0xff)),
        ("a web page", b"<html>".to_vec(), "its pickle uses the opcode 0x3c at byte 0, which no weights need"),
    ])
}

/// Imports that would execute code.
fn imports() -> Vec<Case> {
    let asks = |what: &str| format!("its pickle asks for {what}, which is no part of weights and is never run here");
    let endless = "its pickle holds a name without an end";
    let long = format!("\x02c{}\n{}\n.", "m".repeat(3000), "n".repeat(3000));
    let endless_name = [&b"\x80\x02c"[..], &[b'x'; 5000]].concat();
    let global = |module: &str, name: &str| [b"\x80\x02c", module.as_bytes(), b"\n", name.as_bytes(), b"\n."].concat();
    pickles(vec![
        ("a command that is run", b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.".to_vec(), &asks("os.system")),
        ("posix.system", global("posix", "system"), &asks("posix.system")),
        ("nt.system", global("nt", "system"), &asks("nt.system")),
        ("eval", global("__builtin__", "eval"), &asks("__builtin__.eval")),
        ("exec", global("builtins", "exec"), &asks("builtins.exec")),
        ("getattr", global("builtins", "getattr"), &asks("builtins.getattr")),
        ("subprocess.Popen", global("subprocess", "Popen"), &asks("subprocess.Popen")),
        ("webbrowser.open", global("webbrowser", "open"), &asks("webbrowser.open")),
        ("torch.load", global("torch", "load"), &asks("torch.load")),
        ("runpy._run_code", global("runpy", "_run_code"), &asks("runpy._run_code")),
        ("an array of numpy", global("numpy.core.multiarray", "_reconstruct"), &asks("numpy.core.multiarray._reconstruct")),
        ("a whole module", global("torch.nn.modules.conv", "Conv2d"), &asks("torch.nn.modules.conv.Conv2d")),
        ("a store of no type", global("torch", "UntypedStorage"), &asks("torch.UntypedStorage")),
        ("a name with NUL", global("collections", "OrderedDict\0"), &asks("collections.OrderedDict")),
        ("a name with a tab", global("o\ts", "sys\ttem"), &asks("os.system")),
        ("a name that is no text", b"\x80\x02cos\n\xff\n.".to_vec(), &asks("os.\u{fffd}")),
        ("no name", global("", ""), &asks(".")),
        ("a long name", [&[0x80][..], long.as_bytes()].concat(), &asks(&"m".repeat(80))),
        ("a name from the stack", b"\x80\x04\x8c\x02os\x8c\x06system\x93.".to_vec(), &asks("os.system")),
        ("a name from the stack with a dot", b"\x80\x04\x8c\x05torch\x8c\x08os.nopen\x93.".to_vec(), &asks("torch.os.nopen")),
        ("a name that is None", b"\x80\x04\x8c\x02osN\x93.".to_vec(), "its pickle imports something without a name"),
        ("a name of no end", b"\x80\x02c".to_vec(), endless),
        ("a module of no end", b"\x80\x02cabc".to_vec(), endless),
        ("a name of no end after a module", b"\x80\x02cabc\ndef".to_vec(), endless),
        ("a module of 5,000 letters", endless_name, endless),
        ("a call of nothing", b"\x80\x02NR.".to_vec(), "its pickle takes a value that is not there, at byte 4"),
        ("a call without arguments", b"\x80\x02NNR.".to_vec(), "its pickle calls something without arguments"),
        ("a call of None", b"\x80\x02N)R.".to_vec(), "its pickle calls what cannot be called"),
        ("a call of a type", b"\x80\x02ctorch\nFloatStorage\n)R.".to_vec(), "its pickle calls what cannot be called"),
        ("a call of a text", b"\x80\x02X\x02\0\0\0os)R.".to_vec(), "its pickle calls what cannot be called"),
    ])
}

/// Lists, dictionaries and the memo, including cycles.
fn lists() -> Vec<Case> {
    let none = "it holds no dictionary of tensors";
    let absent = |at: usize| format!("its pickle takes a value that is not there, at byte {at}");
    let never = "its pickle ends a list that never began, at byte 3";
    let (no_dictionary, no_list) = ("its pickle puts a key into what is no dictionary", "its pickle appends to what is no list");
    let sound = named(&tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"));
    let twice = {
        let tensor = tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85");
        [&b"\x80\x02}(X\x01\0\0\0x"[..], &tensor, b"q\x01X\x01\0\0\0xh\x01u."].concat()
    };
    let unnamed = |name: &[u8]| {
        let len = (name.len() as u32).to_le_bytes();
        let tensor = tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85");
        [&b"\x80\x02}X"[..], &len, name, &tensor, b"s."].concat()
    };
    pickles(vec![
        ("a list that holds itself", b"\x80\x02]q\0h\0a.".to_vec(), none),
        ("a dictionary that holds itself", b"\x80\x02}q\0X\x01\0\0\0ah\0s.".to_vec(), none),
        ("a dictionary that is its own key", b"\x80\x02}q\0h\0h\0s.".to_vec(), none),
        ("two lists that hold each other", b"\x80\x02]q\0]q\x01h\0ah\x01a.".to_vec(), none),
        ("a list of lists of lists, twice each", [&b"\x80\x02]"[..], &b"q\0]h\0ah\0a".repeat(60), b"."].concat(), none),
        (
            "tensors three dictionaries deep",
            [&b"\x80\x02}X\x01\0\0\0a}X\x01\0\0\0b"[..], &sound[2..sound.len() - 1], b"ss."].concat(),
            none,
        ),
        ("a tensor alone", [&b"\x80\x02"[..], &tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"), b"."].concat(), none),
        (
            "a tensor by number",
            [&b"\x80\x02}K\0"[..], &tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"), b"s."].concat(),
            none,
        ),
        ("a tensor whose name is no text", unnamed(&[0xff, 0xfe]), none),
        ("a tensor with a name of 5,000 letters", unnamed(&[b'n'; 5000]), none),
        ("a tensor with a name of 501 letters", unnamed(&[b'n'; 501]), "a tensor's name cannot be shown"),
        ("a tensor with a line break in its name", unnamed(b"a\nb"), "a tensor's name cannot be shown"),
        ("a tensor with NUL in its name", unnamed(b"\0"), "a tensor's name cannot be shown"),
        ("one name twice", twice, "it holds \"x\" twice"),
        ("recalled, never kept", b"\x80\x02h\x05.".to_vec(), "its pickle recalls value 5, which it never kept"),
        ("recalled from far", b"\x80\x02j\xff\xff\xff\xff.".to_vec(), "its pickle recalls value 4294967295, which it never kept"),
        ("kept, never made", b"\x80\x02q\0.".to_vec(), &absent(4)),
        ("kept far, never made", b"\x80\x02r\xff\xff\xff\xff.".to_vec(), &absent(7)),
        ("kept far", b"\x80\x02Nr\xff\xff\xff\xff.".to_vec(), none),
        ("a tuple that never began", b"\x80\x02t.".to_vec(), never),
        ("pairs that never began", b"\x80\x02u.".to_vec(), never),
        ("items that never began", b"\x80\x02e.".to_vec(), never),
        ("a key without a value", b"\x80\x02}(Nu.".to_vec(), "its pickle holds a key without a value"),
        ("pairs into a list", b"\x80\x02](NNu.".to_vec(), no_dictionary),
        ("a pair into None", b"\x80\x02NNNs.".to_vec(), no_dictionary),
        ("an item into a dictionary", b"\x80\x02}Na.".to_vec(), no_list),
        ("items into a dictionary", b"\x80\x02}(Ne.".to_vec(), no_list),
        ("items into nothing", b"\x80\x02(Ne.".to_vec(), &absent(5)),
        ("a pair across a mark", b"\x80\x02}(s.".to_vec(), &absent(5)),
        ("a tuple of one, of nothing", b"\x80\x02\x85.".to_vec(), &absent(3)),
        ("a tuple of three, of two", b"\x80\x02NN\x87.".to_vec(), &absent(5)),
        ("a state of nothing", b"\x80\x02b.".to_vec(), &absent(3)),
        ("a value taken away that is not there", b"\x80\x020.".to_vec(), &absent(3)),
    ])
}

/// Storages and tensors.
fn tensors() -> Vec<Case> {
    let (no_store, improper) =
        ("its pickle names a store that is none", "its pickle holds a tensor without a proper store, offset, shape and stride");
    let of = |offset: &[u8], shape: &[u8], stride: &[u8]| named(&tensor("FloatStorage", offset, shape, stride));
    let with = |storage: &str| stored(&named(&tensor(storage, b"K\0", b"K\x02\x85", b"K\x01\x85")));
    let typed = |dtype: &str| {
        format!(
            r#"tensor "x" is stored as {dtype}; only f32, f16 and bf16 can be read. Save it as f32 first, in PyTorch with model.float()"#
        )
    };
    let says = |what: &str| format!("tensor \"x\" {what}");
    let (beyond, too_large) = (says("reaches beyond its store; the file may be cut off"), says("has a shape too large to exist"));
    let huge = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    let nine = [&b"("[..], &b"K\x01".repeat(9), b"t"].concat();
    let elsewhere = zipped(&[("a/data.pkl", &of(b"K\0", b"K\x02\x85", b"K\x01\x85")), ("a/data/1", &[0; 64])]);
    // Two transposed tensors on the same storage.
    let across = tensor("FloatStorage", b"K\0", b"K\x02K\x03\x86", b"K\x01K\x02\x86");
    let shared = [
        &b"\x80\x02}(X\x01\0\0\0x"[..],
        &across,
        b"X\x01\0\0\0y",
        &tensor("FloatStorage", b"K\x05", b"K\x02\x85", b"K\x01\x85"),
        b"u.",
    ]
    .concat();
    let mut cases = pickles(vec![
        ("no store", b"\x80\x02NQ.".to_vec(), no_store),
        ("a store of no parts", b"\x80\x02)Q.".to_vec(), no_store),
        ("a store of no type", b"\x80\x02(X\x07\0\0\0storageNX\x01\0\0\x000tQ.".to_vec(), no_store),
        ("a store that is a module", b"\x80\x02(X\x06\0\0\0modulectorch\nFloatStorage\nX\x01\0\0\x000tQ.".to_vec(), no_store),
        ("a store without a key", b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nK\0tQ.".to_vec(), no_store),
        ("a tensor of nothing", [&b"\x80\x02"[..], REBUILD, b")R."].concat(), improper),
        ("a tensor of a number", [&b"\x80\x02"[..], REBUILD, b"(K\0K\0))tR."].concat(), improper),
        (
            "a parameter of nothing",
            b"\x80\x02ctorch._utils\n_rebuild_parameter\n)R.".to_vec(),
            "its pickle holds a parameter that is no tensor",
        ),
        (
            "a parameter of None",
            b"\x80\x02ctorch._utils\n_rebuild_parameter\nN\x85R.".to_vec(),
            "its pickle holds a parameter that is no tensor",
        ),
        ("one stride too many", of(b"K\0", b"K\x02\x85", b"K\x01K\x01\x86"), improper),
        ("no offset", of(b"N", b"K\x02\x85", b"K\x01\x85"), improper),
        ("one stride too few", of(b"K\0", b"K\x02K\x02\x86", b"K\x01\x85"), improper),
        ("a negative offset", of(b"J\xff\xff\xff\xff", b"K\x02\x85", b"K\x01\x85"), improper),
        ("a negative side", of(b"K\0", b"J\xff\xff\xff\xff\x85", b"K\x01\x85"), improper),
        ("a negative stride", of(b"K\x04", b"K\x02\x85", b"J\xff\xff\xff\xff\x85"), improper),
        ("a side that is a float", of(b"K\0", &[&b"G"[..], &[0; 8], b"\x85"].concat(), b"K\x01\x85"), improper),
        ("a shape that is a number", of(b"K\0", b"K\x02", b"K\x01"), improper),
        ("nine sides", of(b"K\0", &nine, &nine), improper),
        ("an offset near the end", of(b"K\x0f", b"K\x02\x85", b"K\x01\x85"), &beyond),
        ("a number too many", of(b"K\0", b"K\x11\x85", b"K\x01\x85"), &beyond),
        ("a stride too long", of(b"K\0", b"K\x10\x85", b"K\x02\x85"), &beyond),
        ("a huge offset", of(huge, b"K\x02\x85", b"K\x01\x85"), &beyond),
        ("a huge offset of one number", of(huge, b")", b")"), &beyond),
        ("a huge side", of(b"K\0", &[&huge[..], b"\x85"].concat(), b"K\x01\x85"), &beyond),
        ("a huge stride", of(b"K\0", b"K\x02\x85", &[&huge[..], b"\x85"].concat()), &beyond),
        ("a huge side without a stride", of(b"K\0", &[&huge[..], b"\x85"].concat(), b"K\0\x85"), &too_large),
        ("two huge sides without a stride", of(b"K\0", &[&huge[..], huge, b"\x86"].concat(), b"K\0K\0\x86"), &too_large),
        (
            "a huge side without a stride beside a sound one",
            of(b"K\0", &[&huge[..], b"K\x02\x86"].concat(), b"K\0K\x01\x86"),
            &too_large,
        ),
        ("overflow before a zero", of(b"K\0", &[&huge[..], huge, b"K\0\x87"].concat(), b"K\x01K\x01K\x01\x87"), &too_large),
        // A storage of 16 values that appears to hold 2^27, through a stride of zero.
        ("numbers repeated", of(b"K\0", b"J\0\0\0\x08\x85", b"K\0\x85"), &says("repeats its numbers")),
        ("rows that overlap", of(b"K\0", b"K\x04K\x04\x86", b"K\x01K\x01\x86"), &says("repeats its numbers")),
        ("across another's numbers", shared, &says("lies across numbers that another tensor reads as well")),
    ]);
    cases.push(case("a store that is not there", elsewhere, no_pickle(&says("has a store that is not in the file"))));
    let kinds = [("Double", "f64"), ("Int", "i32"), ("Byte", "u8"), ("Char", "i8"), ("Bool", "bool")];
    cases.extend(kinds.map(|(kind, dtype)| case("integers or doubles", with(&format!("{kind}Storage")), typed(dtype))));
    cases
}

/// Files from before PyTorch 1.6.
fn legacies() -> Vec<Case> {
    let says = no_pickle;
    let sound = named(&tensor("FloatStorage", b"K\0", b"K\x02\x85", b"K\x01\x85"));
    let keys = b"\x80\x02]X\x01\0\0\x000a.";
    let count = |count: u64| count.to_le_bytes();
    let cut = says("its store number 1 is cut off");
    vec![
        case("nothing behind the mark", LEGACY, says("its pickle is cut off at byte 0")),
        case("half the mark", &LEGACY[..9], super::no_safetensors("it is a pickle that torch.save did not write")),
        case("no machine", [LEGACY, ANY].concat(), says("its pickle is cut off at byte 0")),
        case("no tensors", [LEGACY, ANY, ANY].concat(), says("its pickle is cut off at byte 0")),
        case("no list of stores", legacy(&sound, b"", b""), says("its pickle is cut off at byte 0")),
        case("stores in no list", legacy(&sound, b"\x80\x02}.", b""), says("its list of stores is none")),
        case("stores by number", legacy(&sound, b"\x80\x02]K\0a.", b""), says("its list of stores is none")),
        case(
            "a store that nothing reads",
            legacy(&sound, b"\x80\x02]X\x01\0\0\x001a.", b""),
            says("its store number 1 is read by nothing"),
        ),
        case("no store", legacy(&sound, keys, b""), cut.clone()),
        case("half a length", legacy(&sound, keys, &[16, 0, 0]), cut.clone()),
        case("half a store", legacy(&sound, keys, &[&count(16)[..], &[0; 32]].concat()), cut.clone()),
        case("a store of 2^63 numbers", legacy(&sound, keys, &count(1 << 63)), cut.clone()),
        case("a store of 2^62 numbers", legacy(&sound, keys, &count(1 << 62)), cut.clone()),
        case("a store of 2^64 - 1 numbers", legacy(&sound, keys, &count(u64::MAX)), cut),
        case(
            "a store too short",
            legacy(&sound, keys, &[&count(1)[..], &[0; 4]].concat()),
            says("tensor \"x\" reaches beyond its store; the file may be cut off"),
        ),
        case(
            "a store that is not listed",
            legacy(&sound, b"\x80\x02].", b""),
            says("tensor \"x\" has a store that is not in the file"),
        ),
        case(
            "a store listed twice",
            legacy(&sound, b"\x80\x02]X\x01\0\0\x000q\x01ah\x01a.", &[&count(16)[..], &[0; 64], &count(16), &[0; 64]].concat()),
            says("its store number 2 comes twice"),
        ),
        case(
            "a command in place of the version",
            [LEGACY, b"\x80\x02cos\nsystem\n."].concat(),
            says("its pickle asks for os.system, which is no part of weights and is never run here"),
        ),
    ]
}
