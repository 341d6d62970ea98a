//! The safetensors format (<https://github.com/huggingface/safetensors#format>): a length, a JSON header, the tensors' data.
//!
//! Both directions are our own. The crate `safetensors` silently uses the last of two tensors with the same name, needs up to thirty bytes of
//! memory per byte of a header, which may be 100 MB long, and writes metadata in an order that changes each time. The tests hold the files
//! against it.

use crate::catalogue::card::METADATA_KEY;
use crate::{Card, Checkpoint, Dtype, Entry, WeightsError, int8, shorten};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Formatter;
use std::ops::Range;
use stridescope_i18n::{Message, msg};

/// Maximum length of the header in bytes; a ResNet-152's has 100,000.
const MAX_HEADER_BYTES: usize = 500_000;
/// Maximum length of a tensor's name in bytes.
const MAX_NAME_BYTES: usize = 500;
/// Header key of the file's metadata, which is no tensor.
const METADATA: &str = "__metadata__";

/// The types that are read.
const TYPES: [Dtype; 5] = [Dtype::F32, Dtype::F16, Dtype::Bf16, Dtype::I8, Dtype::I64];

/// A type's name in a header.
fn type_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "F32",
        Dtype::F16 => "F16",
        Dtype::Bf16 => "BF16",
        Dtype::I8 => "I8",
        Dtype::I64 => "I64",
    }
}

/// Reads a safetensors file. The tensors stay in their stored form; nothing is copied.
///
/// # Errors
/// If the file is damaged, or a tensor has an unsupported type.
pub fn read(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let (tensors, card) = {
        let (header, data) = split(&bytes).map_err(WeightsError::Container)?;
        let mut pairs = parsed(header).map_err(WeightsError::Container)?;
        let metadata = pairs.iter().position(|(name, _)| name == METADATA).map(|at| pairs.swap_remove(at).1);
        let mut tensors = tensors(pairs, data, bytes.len())?;
        check_order(&tensors, data, bytes.len()).map_err(WeightsError::Container)?;
        int8::attach(&mut tensors, &bytes)?;
        (tensors, metadata.map_or(Ok(None), |metadata| card(&metadata))?)
    };
    Ok(Checkpoint { bytes, tensors, card })
}

/// The header's text, and the offset of the data.
fn split(bytes: &[u8]) -> Result<(&str, usize), Message> {
    let len = bytes.len();
    let Some((head, rest)) = bytes.split_first_chunk() else {
        return Err(msg!("it is {} bytes long, too short for a header", len));
    };
    let claimed = u64::from_le_bytes(*head);
    let header = usize::try_from(claimed).ok().filter(|claimed| *claimed <= MAX_HEADER_BYTES);
    let Some(header) = header else {
        let most = MAX_HEADER_BYTES as f64 / 1e6;
        let other = msg!("its header claims {} bytes, and those of weights take less than {} MB", claimed, most);
        return Err(other_format(bytes).unwrap_or(other));
    };
    let text =
        rest.get(..header).ok_or_else(|| msg!("its header of {} bytes is longer than the file of {} bytes", header, len))?;
    let text = std::str::from_utf8(text).map_err(|_| msg!("its header is not UTF-8 text"))?;
    if text.starts_with('{') { Ok((text, 8 + header)) } else { Err(msg!("its header does not begin with a brace")) }
}

/// Recognises common other files by their first bytes.
fn other_format(bytes: &[u8]) -> Option<Message> {
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

/// The header's members in order, including duplicates.
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

/// The tensors of a file of `len` bytes whose data start at `data`.
fn tensors(pairs: Vec<(String, Value)>, data: usize, len: usize) -> Result<BTreeMap<String, Entry>, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (name, info) in pairs {
        if !is_name(&name) {
            return Err(WeightsError::Container(msg!("a tensor's name cannot be shown")));
        }
        let (shown, wrong) = (shorten(&name), WeightsError::Container);
        let dtype =
            info.get("dtype").and_then(Value::as_str).ok_or_else(|| wrong(msg!("tensor \"{}\" has no number type", shown)))?;
        let dtype = match TYPES.into_iter().find(|known| type_name(*known) == dtype) {
            Some(dtype) => dtype,
            None if is_name(dtype) => return Err(WeightsError::Dtype { name, dtype: shorten(&dtype.to_lowercase()) }),
            None => return Err(wrong(msg!("tensor \"{}\" has no number type", shown))),
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
        tensors.insert(name, Entry { dtype, shape, range: end - size..end, scales: None });
    }
    Ok(tensors)
}

fn numbers(info: &Value, key: &str) -> Option<Vec<usize>> {
    info.get(key)?.as_array()?.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
}

/// Checks that the tensors fill the file from `data` to its end, without gaps or overlaps.
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

/// Whether a name from a file is safe to show in a message of one line.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
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
    // serde's message can contain any text of the card.
    let in_one_line = |why: String| Message::Verbatim(why.chars().filter(|c| !c.is_control()).take(120).collect());
    Card::from_json(json).map(Some).map_err(|error| match error {
        WeightsError::Card(Message::Verbatim(why)) => WeightsError::Card(in_one_line(why)),
        other => other,
    })
}

/// Writes a checkpoint as safetensors. With [`Dtype::F16`] or [`Dtype::I8`], convolution and classifier weights are stored as such; vectors
/// (biases and all of a batch normalisation) stay f32, since they are small and some exceed the range of f16. 64-bit integers are dropped.
///
/// # Errors
/// If a value exceeds the range of f16, has none in i8 because it is not finite, or the file cannot be built.
pub fn write(checkpoint: &Checkpoint, dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    let mut stored = Vec::new();
    for (name, entry) in &checkpoint.tensors {
        if entry.dtype == Dtype::I64 {
            continue;
        }
        let values = checkpoint.values(name)?;
        let mut add = |name: String, dtype, shape: Vec<usize>, bytes| stored.push(Stored { name, dtype, shape, bytes });
        match dtype {
            Dtype::F16 if entry.shape.len() > 1 => {
                if values.iter().any(|&value| value.is_finite() && half::f16::from_f32(value).is_infinite()) {
                    return Err(WeightsError::TooLargeForHalf { name: name.clone() });
                }
                let bytes = values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect();
                add(name.clone(), Dtype::F16, entry.shape.clone(), bytes);
            }
            Dtype::I8 if entry.shape.len() > 1 && !values.is_empty() => {
                if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                    return Err(WeightsError::NotFinite { name: name.clone(), index });
                }
                let scales_name = int8::scales_name(name);
                if checkpoint.tensors.contains_key(&scales_name) {
                    let why = msg!("another tensor has the name of its scales, \"{}\"", shorten(&scales_name));
                    return Err(WeightsError::Int8 { name: name.clone(), why });
                }
                let mut shape = vec![1; entry.shape.len()];
                shape[0] = entry.shape[0];
                let (numbers, scales) = int8::quantize(&values, shape[0]);
                add(scales_name, Dtype::F32, shape, scales);
                add(name.clone(), Dtype::I8, entry.shape.clone(), numbers);
            }
            _ => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                add(name.clone(), Dtype::F32, entry.shape.clone(), bytes);
            }
        }
    }
    let mut metadata = BTreeMap::new();
    if dtype == Dtype::I8 {
        metadata.insert(int8::METADATA_KEY, int8::METADATA.to_string());
    }
    if let Some(card) = &checkpoint.card {
        let json = serde_json::to_string(card).map_err(|error| WeightsError::Card(Message::Verbatim(error.to_string())))?;
        metadata.insert(METADATA_KEY, json);
    }
    serialize(metadata, stored).map_err(|error| WeightsError::Container(Message::Verbatim(error.to_string())))
}

/// A tensor to write.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A member of a header.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Metadata(BTreeMap<&'static str, String>),
    Tensor { dtype: &'static str, shape: &'a [usize], data_offsets: [usize; 2] },
}

/// The bytes of a file. Types with wide values come first, so that every value is aligned, then names decide.
fn serialize(metadata: BTreeMap<&'static str, String>, mut tensors: Vec<Stored>) -> Result<Vec<u8>, serde_json::Error> {
    tensors.sort_by(|one, other| other.dtype.bytes().cmp(&one.dtype.bytes()).then_with(|| one.name.cmp(&other.name)));
    let mut members = Vec::with_capacity(1 + tensors.len());
    if !metadata.is_empty() {
        members.push((METADATA, Member::Metadata(metadata)));
    }
    let mut end = 0;
    for Stored { name, dtype, shape, bytes } in &tensors {
        let data_offsets = [end, end + bytes.len()];
        members.push((name, Member::Tensor { dtype: type_name(*dtype), shape, data_offsets }));
        end += bytes.len();
    }
    let mut header = Vec::new();
    serde_json::Serializer::new(&mut header).collect_map(members)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = Vec::with_capacity(8 + header.len() + end);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    tensors.iter().for_each(|tensor| file.extend(&tensor.bytes));
    Ok(file)
}
