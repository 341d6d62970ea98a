//! The safetensors container (<https://github.com/huggingface/safetensors#format>): a length, a header of JSON, numbers.
//!
//! Written by the crate of that name. Read here, since that crate keeps the last of two tensors of one name, and takes up to thirty
//! bytes of memory for each byte of a header, which may be 100 MB long.

use crate::catalogue::card::METADATA_KEY;
use crate::{Card, Checkpoint, Dtype, Entry, WeightsError, shorten};
use ::safetensors::tensor::{SafeTensorError, TensorView};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Formatter;
use std::ops::Range;
use stridescope_i18n::{Message, msg};

/// Longest header in bytes; a ResNet-152's is 100,000 bytes long.
const LONGEST_HEADER: usize = 500_000;
/// Longest name of a tensor in bytes.
const LONGEST_NAME: usize = 500;
/// Key of what a file says of itself, which is no tensor.
const METADATA: &str = "__metadata__";

/// Reads a safetensors file. Its tensors are left as they are stored; nothing is copied.
///
/// # Errors
/// When the container is broken, or a tensor is of a type that no network here uses.
pub fn read(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let (tensors, card) = {
        let (header, data) = split(&bytes).map_err(WeightsError::Container)?;
        let mut pairs = parsed(header).map_err(WeightsError::Container)?;
        let metadata = pairs.iter().position(|(name, _)| name == METADATA).map(|at| pairs.swap_remove(at).1);
        let tensors = tensors(pairs, data, bytes.len())?;
        check_order(&tensors, data, bytes.len()).map_err(WeightsError::Container)?;
        (tensors, metadata.map_or(Ok(None), |metadata| card(&metadata))?)
    };
    Ok(Checkpoint { bytes, tensors, card })
}

/// The header's text, and where the numbers begin.
fn split(bytes: &[u8]) -> Result<(&str, usize), Message> {
    let len = bytes.len();
    let Some((head, rest)) = bytes.split_first_chunk() else {
        return Err(msg!("it is {} bytes long, too short for a header", len));
    };
    let claimed = u64::from_le_bytes(*head);
    let header = usize::try_from(claimed).ok().filter(|claimed| *claimed <= LONGEST_HEADER);
    let Some(header) = header else {
        let most = LONGEST_HEADER as f64 / 1e6;
        let other = msg!("its header claims {} bytes, and those of weights take less than {} MB", claimed, most);
        return Err(what_it_is(bytes).unwrap_or(other));
    };
    let text =
        rest.get(..header).ok_or_else(|| msg!("its header of {} bytes is longer than the file of {} bytes", header, len))?;
    let text = std::str::from_utf8(text).map_err(|_| msg!("its header is not UTF-8 text"))?;
    if text.starts_with('{') { Ok((text, 8 + header)) } else { Err(msg!("its header does not begin with a brace")) }
}

/// What people have in place of weights, by how it begins.
fn what_it_is(bytes: &[u8]) -> Option<Message> {
    static LOOKS: [(&[u8], Message); 12] = [
        (b"version https://git-lfs", msg!("it is a pointer of Git LFS, which stands for the file that is meant")),
        (b"<", msg!("it is a web page, perhaps one about the file that is meant")),
        (b"{", msg!("it is a text of JSON, perhaps an index of several files or a configuration")),
        (b"\x80\x02", msg!("it is a pickle that torch.save did not write")),
        (b"\x80\x03", msg!("it is a pickle that torch.save did not write")),
        (b"\x80\x04", msg!("it is a pickle that torch.save did not write")),
        (b"PK", msg!("it is a zip without a first part")),
        (b"\x1f\x8b", msg!("it is packed by gzip, and must be unpacked first")),
        (b"\x89HDF", msg!("it is a file of HDF5, as Keras writes them")),
        (b"\x89PNG", msg!("it is a picture")),
        (b"\xff\xd8\xff", msg!("it is a picture")),
        (b"GGUF", msg!("it is a file of GGUF, which holds language models")),
    ];
    let bytes = bytes.trim_ascii_start();
    LOOKS.iter().find(|(look, _)| bytes.starts_with(look)).map(|(_, what)| what.clone())
}

/// The header's members in their order, those of one name too.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn parsed(header: &str) -> Result<Vec<(String, Value)>, Message> {
    let Pairs(pairs) = serde_json::from_str(header).map_err(|_| msg!("its header is not the JSON it should be"))?;
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) if is_name(pair[0]) => Err(msg!("tensor \"{}\" is described twice", shorten(pair[0]))),
        Some(_) => Err(msg!("a tensor's name cannot be shown")),
        None => Ok(pairs),
    }
}

/// The tensors, within a file of `len` bytes whose numbers begin at `data`.
fn tensors(pairs: Vec<(String, Value)>, data: usize, len: usize) -> Result<BTreeMap<String, Entry>, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (name, info) in pairs {
        if !is_name(&name) {
            return Err(WeightsError::Container(msg!("a tensor's name cannot be shown")));
        }
        let (shown, wrong) = (shorten(&name), WeightsError::Container);
        let dtype =
            info.get("dtype").and_then(Value::as_str).ok_or_else(|| wrong(msg!("tensor \"{}\" has no number type", shown)))?;
        let dtype = match dtype {
            "F32" => Dtype::F32,
            "F16" => Dtype::F16,
            "BF16" => Dtype::Bf16,
            "I64" => Dtype::I64,
            other if is_name(other) => return Err(WeightsError::Dtype { name, dtype: shorten(&other.to_lowercase()) }),
            _ => return Err(wrong(msg!("tensor \"{}\" has no number type", shown))),
        };
        let shape = numbers(&info, "shape").ok_or_else(|| wrong(msg!("tensor \"{}\" has no shape of whole numbers", shown)))?;
        let Some([start, end]) = numbers(&info, "data_offsets").and_then(|offsets| <[usize; 2]>::try_from(offsets).ok()) else {
            return Err(wrong(msg!("tensor \"{}\" does not say in two whole numbers where it lies", shown)));
        };
        let size = shape.iter().try_fold(dtype.bytes(), |product, side| product.checked_mul(*side));
        let size = size.ok_or_else(|| wrong(msg!("tensor \"{}\" has a shape too large to exist", shown)))?;
        if end.checked_sub(start) != Some(size) {
            return Err(wrong(msg!(
                "tensor \"{}\" takes {} bytes by its shape, but lies from byte {} to {}",
                shown,
                size,
                start,
                end
            )));
        }
        let beyond = || wrong(msg!("tensor \"{}\" lies beyond the end of the file, which may be cut off", shown));
        let end = data.checked_add(end).filter(|end| *end <= len).ok_or_else(beyond)?;
        tensors.insert(name, Entry { dtype, shape, range: end - size..end });
    }
    Ok(tensors)
}

fn numbers(info: &Value, key: &str) -> Option<Vec<usize>> {
    info.get(key)?.as_array()?.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
}

/// Whether the tensors fill the file from `data` to its end, one behind the other.
fn check_order(tensors: &BTreeMap<String, Entry>, data: usize, len: usize) -> Result<(), Message> {
    let mut order: Vec<(&Range<usize>, &str)> = tensors.iter().map(|(name, entry)| (&entry.range, name.as_str())).collect();
    order.sort_unstable_by_key(|(range, _)| (range.start, range.end));
    let (mut end, mut last) = (data, "");
    for (range, name) in order {
        if range.start < end {
            return Err(msg!("tensors \"{}\" and \"{}\" overlap", shorten(last), shorten(name)));
        }
        if range.start > end {
            return Err(msg!("{} bytes before tensor \"{}\" belong to no tensor", range.start - end, shorten(name)));
        }
        (end, last) = (range.end, name);
    }
    if end == len { Ok(()) } else { Err(msg!("{} bytes at its end belong to no tensor", len - end)) }
}

/// Whether a name from a file can stand in a sentence, and in one line.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

fn card(metadata: &Value) -> Result<Option<Card>, WeightsError> {
    let map = match metadata {
        Value::Null => return Ok(None),
        Value::Object(map) if map.values().all(Value::is_string) => map,
        _ => {
            return Err(WeightsError::Container(msg!(
                "its header is not the JSON it should be: __metadata__ holds more than text"
            )));
        }
    };
    let Some(json) = map.get(METADATA_KEY).and_then(Value::as_str) else { return Ok(None) };
    // What serde says of a card can hold any text of that card.
    let in_one_line = |why: String| Message::Verbatim(why.chars().filter(|c| !c.is_control()).take(120).collect());
    Card::from_json(json).map(Some).map_err(|error| match error {
        WeightsError::Card(Message::Verbatim(why)) => WeightsError::Card(in_one_line(why)),
        other => other,
    })
}

/// Writes a checkpoint as safetensors. With [`Dtype::F16`], convolution and classifier weights are halved; vectors (biases and
/// everything of a normalisation) stay f32, since they are small and some lie outside what a half can hold. Integers are dropped.
///
/// # Errors
/// When the container cannot be built.
pub fn write(checkpoint: &Checkpoint, dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    let failed = |error: SafeTensorError| WeightsError::Container(Message::Verbatim(error.to_string()));
    let mut stored = Vec::new();
    for (name, entry) in &checkpoint.tensors {
        if entry.dtype == Dtype::I64 {
            continue;
        }
        let values = checkpoint.values(name)?;
        let halved = dtype == Dtype::F16 && entry.shape.len() > 1;
        if halved && values.iter().any(|&value| value.is_finite() && half::f16::from_f32(value).is_infinite()) {
            return Err(WeightsError::TooLargeForHalf { name: name.clone() });
        }
        let bytes: Vec<u8> = if halved {
            values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
        } else {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        let kind = if halved { ::safetensors::Dtype::F16 } else { ::safetensors::Dtype::F32 };
        stored.push((name.as_str(), kind, entry.shape.clone(), bytes));
    }
    let views = stored
        .iter()
        .map(|(name, kind, shape, bytes)| Ok((*name, TensorView::new(*kind, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, SafeTensorError>>()
        .map_err(failed)?;
    let metadata = match &checkpoint.card {
        Some(card) => {
            let json = serde_json::to_string(card).map_err(|error| WeightsError::Card(Message::Verbatim(error.to_string())))?;
            Some(HashMap::from([(METADATA_KEY.to_string(), json)]))
        }
        None => None,
    };
    ::safetensors::serialize(views, metadata).map_err(failed)
}
