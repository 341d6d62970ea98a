//! Files of `torch.save`: a zip of a pickle and its storages; before PyTorch 1.6, pickles followed by the storages.
//!
//! The formats are those of `torch/serialization.py` (`_save` and `_legacy_save`). Storages stay where they are in the file.

pub mod pickle;
mod zip;

use crate::formats::safetensors::is_name;
use crate::{Checkpoint, Dtype, Entry, WeightsError, shorten};
use pickle::{Id, Kind, MAX_VALUES, Pickle, Tensor, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use stridescope_i18n::{Message, msg};

/// The first bytes of a file from before PyTorch 1.6: a pickle of the number 0x1950a86a20f9469cfc6c.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Whether a file starts like a PyTorch file.
pub fn is_pytorch(bytes: &[u8]) -> bool {
    bytes.starts_with(zip::LOCAL) || bytes.starts_with(LEGACY)
}

/// Maximum number of storages in a legacy file.
const MAX_STORAGES: usize = 10_000;
/// Longest tensor in bytes that is reordered if it is not contiguous; the longest of a Wide ResNet has 38 MB.
const MAX_STRIDED_BYTES: usize = 48_000_000;

/// The range of each storage in the file, by its key.
type Storages = HashMap<String, Range<usize>>;

/// Reads the tensors of a state dict, or of a dictionary that contains one.
///
/// # Errors
/// If the file is damaged, or the pickle contains anything but tensors and plain values.
pub fn read(mut bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let (pickle, storages) =
        if bytes.starts_with(zip::LOCAL) { from_zip(&bytes) } else { from_legacy(&bytes) }.map_err(WeightsError::Pickle)?;
    let mut tensors = BTreeMap::new();
    // The range that each tensor reads, and the tensors that are not contiguous.
    let (mut spans, mut strided) = (Vec::new(), Vec::new());
    for (key, value) in state_dict(&pickle).map_err(WeightsError::Pickle)? {
        let (Value::Text(name), Value::Tensor(tensor)) = (pickle.get(*key), pickle.get(*value)) else { continue };
        if !is_name(name) {
            return Err(WeightsError::Pickle(msg!("a tensor's name cannot be shown")));
        }
        let name = name.to_string();
        let dtype = match tensor.kind {
            Kind::F32 => Dtype::F32,
            Kind::F16 => Dtype::F16,
            Kind::Bf16 => Dtype::Bf16,
            Kind::I64 => Dtype::I64,
            Kind::Other(dtype) => return Err(WeightsError::Dtype { name, dtype: dtype.into() }),
        };
        let (shown, wrong) = (shorten(&name), WeightsError::Pickle);
        let beyond = || wrong(msg!("tensor \"{}\" reaches beyond its store; the file may be cut off", shown));
        let storage =
            storages.get(&*tensor.key).ok_or_else(|| wrong(msg!("tensor \"{}\" has a store that is not in the file", shown)))?;
        let span = span(tensor, dtype.bytes(), storage).ok_or_else(beyond)?;
        let len = tensor.shape.iter().try_fold(dtype.bytes(), |product, side| product.checked_mul(*side));
        let len = len.ok_or_else(|| wrong(msg!("tensor \"{}\" has a shape too large to exist", shown)))?;
        // A tensor is reordered in place, and must fit its own range.
        if len > span.len() {
            return Err(wrong(msg!("tensor \"{}\" repeats its numbers", shown)));
        }
        if !is_contiguous(tensor) {
            if span.len() > MAX_STRIDED_BYTES {
                return Err(wrong(msg!("tensor \"{}\" is too large to be put into order", shown)));
            }
            strided.push((name.clone(), tensor, dtype.bytes(), span.clone()));
        }
        let range = span.start..span.start + len;
        spans.push((span.start, span.end));
        if tensors.insert(name.clone(), Entry { dtype, shape: tensor.shape.clone(), range, scales: None }).is_some() {
            return Err(WeightsError::Pickle(msg!("it holds \"{}\" twice", shorten(&name))));
        }
    }
    spans.sort_unstable();
    for (name, tensor, width, span) in strided {
        if is_shared(&spans, &span) {
            let why = msg!("tensor \"{}\" lies across numbers that another tensor reads as well", shorten(&name));
            return Err(WeightsError::Pickle(why));
        }
        if let Some(numbers) = bytes.get_mut(span) {
            make_contiguous(numbers, tensor, width);
        }
    }
    Ok(Checkpoint { bytes, tensors, card: None })
}

/// The range from a tensor's first value to its last; `None` if it exceeds the storage.
fn span(tensor: &Tensor, width: usize, storage: &Range<usize>) -> Option<Range<usize>> {
    if tensor.shape.contains(&0) {
        return Some(storage.start..storage.start);
    }
    let mut sides = tensor.shape.iter().zip(&tensor.stride);
    let last = sides.try_fold(tensor.offset, |at, (side, stride)| at.checked_add((side - 1).checked_mul(*stride)?))?;
    let end = storage.start.checked_add(last.checked_add(1)?.checked_mul(width)?)?;
    (end <= storage.end).then(|| storage.start + tensor.offset * width..end)
}

/// Whether another of the sorted ranges overlaps this one.
fn is_shared(spans: &[(usize, usize)], span: &Range<usize>) -> bool {
    let before = spans.partition_point(|(start, _)| *start < span.end);
    spans[..before].iter().filter(|(_, end)| *end > span.start).count() > 1
}

fn is_contiguous(tensor: &Tensor) -> bool {
    let mut wanted = 1;
    tensor.shape.contains(&0)
        || tensor.shape.iter().zip(&tensor.stride).rev().all(|(&side, &stride)| {
            let fits = side == 1 || stride == wanted;
            wanted *= side;
            fits
        })
}

/// Reorders the values of a tensor, which fill its range, to row-major order.
fn make_contiguous(span: &mut [u8], tensor: &Tensor, width: usize) {
    let numbers = span.to_vec();
    let mut index = vec![0usize; tensor.shape.len()];
    let count = tensor.shape.iter().product();
    for into in span.chunks_exact_mut(width).take(count) {
        let at = width * index.iter().zip(&tensor.stride).map(|(i, stride)| i * stride).sum::<usize>();
        into.copy_from_slice(&numbers[at..at + width]);
        for (i, side) in index.iter_mut().zip(&tensor.shape).rev() {
            *i += 1;
            if *i < *side {
                break;
            }
            *i = 0;
        }
    }
}

fn from_zip(bytes: &[u8]) -> Result<(Pickle, Storages), Message> {
    let mut pickle = None;
    let mut storages = Storages::new();
    for zip::Part { name, range } in zip::parts(bytes)? {
        let within = name.split_once('/').map_or("", |(_, within)| within);
        let is_first = match within.strip_prefix("data/") {
            Some(key) => storages.insert(key.to_string(), range).is_none(),
            None if within == "data.pkl" => pickle.replace(range).is_none(),
            None if within == "byteorder" && bytes[range].starts_with(b"big") => {
                return Err(msg!("it was written on a big-endian machine"));
            }
            None => true,
        };
        if !is_first {
            return Err(msg!("its zip holds \"{}\" twice", shorten(name)));
        }
    }
    let pickle = pickle.ok_or(msg!("its zip holds no data.pkl; it may be a TorchScript model"))?;
    Ok((Pickle::read(&bytes[pickle], MAX_VALUES)?, storages))
}

fn from_legacy(bytes: &[u8]) -> Result<(Pickle, Storages), Message> {
    let mut at = LEGACY.len();
    let mut next = |most| {
        let pickle = Pickle::read(bytes.get(at..).unwrap_or_default(), most)?;
        at += pickle.len;
        Ok::<_, Message>(pickle)
    };
    // A version and a description of the machine come first.
    for _ in 0..2 {
        next(MAX_STORAGES)?;
    }
    let (pickle, keys) = (next(MAX_VALUES)?, next(MAX_STORAGES)?);
    let Value::List(listed) = keys.get(keys.root) else { return Err(msg!("its list of stores is none")) };
    let kinds: HashMap<&str, Kind> = pickle.storages().collect();
    let mut storages = Storages::new();
    for (index, id) in listed.iter().enumerate() {
        let Value::Text(key) = keys.get(*id) else { return Err(msg!("its list of stores is none")) };
        let width = match kinds.get(&**key).ok_or_else(|| msg!("its store number {} is read by nothing", index + 1))? {
            Kind::F32 | Kind::Other("i32") => 4,
            Kind::F16 | Kind::Bf16 => 2,
            Kind::I64 | Kind::Other("f64") => 8,
            Kind::Other(_) => 1,
        };
        let cut = || msg!("its store number {} is cut off", index + 1);
        let head = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut)?;
        let len = usize::try_from(u64::from_le_bytes(*head)).ok().and_then(|count| count.checked_mul(width)).ok_or_else(cut)?;
        let end = (at + 8).checked_add(len).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        if storages.insert(key.to_string(), at + 8..end).is_some() {
            return Err(msg!("its store number {} comes twice", index + 1));
        }
        at = end;
    }
    Ok((pickle, storages))
}

/// The dictionary with the most tensors: the pickle's root, or one inside it (`state_dict`, `model`).
fn state_dict(pickle: &Pickle) -> Result<&[(Id, Id)], Message> {
    let Value::Dict(own) = pickle.get(pickle.root) else { return Err(msg!("it holds no dictionary of tensors")) };
    let count = |pairs: &[(Id, Id)]| {
        let is_tensor = |pair: &(Id, Id)| matches!((pickle.get(pair.0), pickle.get(pair.1)), (Value::Text(_), Value::Tensor(_)));
        pairs.iter().filter(|pair| is_tensor(pair)).count()
    };
    // A set, since the same dictionary can occur several times.
    let inner: BTreeSet<Id> = own.iter().map(|(_, value)| *value).collect();
    let inner = inner.into_iter().filter_map(|id| match pickle.get(id) {
        Value::Dict(pairs) => Some(pairs.as_slice()),
        _ => None,
    });
    let best = inner.chain([own.as_slice()]).map(|pairs| (count(pairs), pairs)).max_by_key(|(count, _)| *count);
    best.filter(|(count, _)| *count > 0).map(|(_, pairs)| pairs).ok_or_else(|| msg!("it holds no dictionary of tensors"))
}
