//! What `torch.save` writes: a zip of a pickle and its stores, and before PyTorch 1.6 pickles followed by the stores.
//!
//! The formats are those of `torch/serialization.py` (`_save` and `_legacy_save`). Stores are left where they lie in the file.

use super::pickle::{Kind, Pickle, Tensor, Value};
use super::{Checkpoint, Dtype, Entry, WeightsError, shorten};
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// How a zip begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How a file of before PyTorch 1.6 begins: a pickle of the number 0x1950a86a20f9469cfc6c.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Whether a file begins as one of PyTorch's does.
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) || bytes.starts_with(LEGACY)
}

/// Where each store lies in the file, by its key.
type Stores = HashMap<String, Range<usize>>;

/// Reads the tensors of a state dict, or of a dictionary that holds one.
///
/// # Errors
/// When the container is broken, or the pickle is anything but tensors and plain values.
pub fn read(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let (pickle, stores) =
        if bytes.starts_with(ZIP) { from_zip(&bytes) } else { from_legacy(&bytes) }.map_err(WeightsError::Pickle)?;
    let tensors = state_dict(&pickle).map_err(WeightsError::Pickle)?;
    let mut checkpoint = Checkpoint { bytes, tensors: BTreeMap::new(), card: None };
    // Tensors that lie across their store are copied; a file's worth of them at most.
    let mut copied = 0usize;
    for (name, tensor) in tensors {
        let dtype = match tensor.kind {
            Kind::F32 => Dtype::F32,
            Kind::F16 => Dtype::F16,
            Kind::Bf16 => Dtype::Bf16,
            Kind::I64 => Dtype::I64,
            Kind::Other(dtype) => return Err(WeightsError::Dtype { name, dtype: dtype.into() }),
        };
        let beyond =
            || WeightsError::Pickle(format!("tensor \"{}\" reaches beyond its store; the file may be cut off", shorten(&name)));
        let store = stores.get(&*tensor.key).cloned().ok_or_else(beyond)?;
        let count = tensor.shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side)).ok_or_else(beyond)?;
        let last = tensor
            .shape
            .iter()
            .zip(&tensor.stride)
            .try_fold(tensor.offset, |at, (&side, &stride)| at.checked_add(side.saturating_sub(1).checked_mul(stride)?));
        let end =
            last.and_then(|last| last.checked_add(usize::from(count > 0))?.checked_mul(dtype.bytes())).ok_or_else(beyond)?;
        let len = count.checked_mul(dtype.bytes()).ok_or_else(beyond)?;
        if end > store.len() {
            return Err(beyond());
        }
        let range = if is_contiguous(&tensor) {
            let start = store.start + tensor.offset * dtype.bytes();
            start..start + len
        } else {
            copied = copied.saturating_add(len);
            if copied > store.len().max(64 << 20) {
                return Err(beyond());
            }
            gathered(&mut checkpoint.bytes, &tensor, store.start, (count, dtype.bytes()))
        };
        let entry = Entry { dtype, shape: tensor.shape, range };
        if checkpoint.tensors.insert(name.clone(), entry).is_some() {
            return Err(WeightsError::Pickle(format!("it holds \"{}\" twice", shorten(&name))));
        }
    }
    Ok(checkpoint)
}

fn is_contiguous(tensor: &Tensor) -> bool {
    let mut wanted = 1;
    tensor.shape.iter().zip(&tensor.stride).rev().all(|(&side, &stride)| {
        let fits = side <= 1 || stride == wanted;
        wanted *= side.max(1);
        fits
    })
}

/// Copies a tensor's numbers, in row-major order, behind everything else.
fn gathered(bytes: &mut Vec<u8>, tensor: &Tensor, store: usize, (count, width): (usize, usize)) -> Range<usize> {
    let start = bytes.len();
    bytes.reserve_exact(count * width);
    let mut index = vec![0usize; tensor.shape.len()];
    for _ in 0..count {
        let at = tensor.offset + index.iter().zip(&tensor.stride).map(|(i, stride)| i * stride).sum::<usize>();
        bytes.extend_from_within(store + at * width..store + (at + 1) * width);
        for (i, side) in index.iter_mut().zip(&tensor.shape).rev() {
            *i += 1;
            if *i < *side {
                break;
            }
            *i = 0;
        }
    }
    start..bytes.len()
}

fn from_zip(bytes: &[u8]) -> Result<(Pickle, Stores), String> {
    let broken = |error: zip::result::ZipError| format!("its zip cannot be read ({error}); it may be cut off");
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut pickle = None;
    let mut stores = Stores::new();
    for index in 0..zip.len() {
        let file = zip.by_index_raw(index).map_err(broken)?;
        let name = file.name().to_string();
        let within = name.split_once('/').map_or("", |(_, within)| within);
        let key = within.strip_prefix("data/");
        if within != "data.pkl" && key.is_none() && within != "byteorder" {
            continue;
        }
        // PyTorch stores; what is packed could unpack to anything.
        if file.compression() != CompressionMethod::Stored || file.encrypted() {
            return Err(format!("its part \"{}\" is compressed, which PyTorch's never are", shorten(&name)));
        }
        let start = file.data_start().map_or(bytes.len() as u64, |start| start);
        let range = usize::try_from(start).ok().zip(usize::try_from(file.size()).ok());
        let range =
            range.and_then(|(start, size)| Some(start..start.checked_add(size)?)).filter(|range| range.end <= bytes.len());
        let range = range.ok_or_else(|| format!("its part \"{}\" reaches beyond the file", shorten(&name)))?;
        match key {
            Some(key) => drop(stores.insert(key.to_string(), range)),
            None if within == "byteorder" && bytes[range.clone()].starts_with(b"big") => {
                return Err("it was written on a big-endian machine".into());
            }
            None if within == "byteorder" => {}
            None => pickle = Some(range),
        }
    }
    let pickle = pickle.ok_or("its zip holds no data.pkl; it may be a TorchScript model")?;
    Ok((Pickle::read(&bytes[pickle])?, stores))
}

fn from_legacy(bytes: &[u8]) -> Result<(Pickle, Stores), String> {
    let mut at = LEGACY.len();
    let mut next = || {
        let pickle = Pickle::read(bytes.get(at..).unwrap_or_default())?;
        at += pickle.len;
        Ok::<_, String>(pickle)
    };
    let (_version, _machine, pickle, keys) = (next()?, next()?, next()?, next()?);
    let Value::List(keys_listed) = keys.get(keys.root) else { return Err("its list of stores is none".into()) };
    let kinds: HashMap<&str, Kind> = pickle.storages().collect();
    let mut stores = Stores::new();
    for id in keys_listed {
        let Value::Text(key) = keys.get(*id) else { return Err("its list of stores is none".into()) };
        let cut = || format!("its store {} is cut off", shorten(key));
        let width = match kinds.get(&**key).ok_or_else(|| format!("nothing reads its store {}", shorten(key)))? {
            Kind::F32 | Kind::Other("i32") => 4,
            Kind::F16 | Kind::Bf16 => 2,
            Kind::I64 | Kind::Other("f64") => 8,
            Kind::Other(_) => 1,
        };
        let head: [u8; 8] = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(cut)?;
        let len = usize::try_from(u64::from_le_bytes(head)).ok().and_then(|count| count.checked_mul(width)).ok_or_else(cut)?;
        let end = (at + 8).checked_add(len).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        stores.insert(key.to_string(), at + 8..end);
        at = end;
    }
    Ok((pickle, stores))
}

/// The tensors of the dictionary that holds the most of them: the pickle's own, or one that it holds (`state_dict`, `model`).
fn state_dict(pickle: &Pickle) -> Result<Vec<(String, Tensor)>, String> {
    let tensors = |id: usize| -> Vec<(String, Tensor)> {
        let Value::Dict(pairs) = pickle.get(id) else { return Vec::new() };
        let both = |(key, value): &(usize, usize)| match (pickle.get(*key), pickle.get(*value)) {
            (Value::Text(key), Value::Tensor(tensor)) => Some((key.to_string(), tensor.clone())),
            _ => None,
        };
        pairs.iter().filter_map(both).collect()
    };
    let own = tensors(pickle.root);
    let inner: Vec<usize> = match pickle.get(pickle.root) {
        Value::Dict(pairs) => pairs.iter().map(|(_, value)| *value).collect(),
        _ => Vec::new(),
    };
    let best = inner.into_iter().map(tensors).chain([own]).max_by_key(Vec::len).unwrap_or_default();
    if best.is_empty() {
        return Err("it holds no dictionary of tensors".into());
    }
    Ok(best)
}
