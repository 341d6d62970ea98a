//! The safetensors container, read and written by the crate of that name.

use super::card::METADATA_KEY;
use super::{Card, Checkpoint, Dtype, Entry, WeightsError, shorten};
use ::safetensors::SafeTensors;
use ::safetensors::tensor::{SafeTensorError, TensorView};
use std::collections::HashMap;

/// Reads a safetensors file. Its tensors are left as they are stored; nothing is copied.
///
/// # Errors
/// When the container is broken, or a tensor is of a type that no network here uses.
pub fn read(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| container(&error, bytes.len()))?;
    let data = header + 8;
    if data + metadata.data_len() != bytes.len() {
        let promised = data + metadata.data_len();
        return Err(WeightsError::Container(format!("its header promises {promised} bytes, but there are {}", bytes.len())));
    }
    let card = match metadata.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)) {
        Some(json) => Some(Card::from_json(json)?),
        None => None,
    };
    let mut tensors = std::collections::BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let dtype = match info.dtype {
            ::safetensors::Dtype::F32 => Dtype::F32,
            ::safetensors::Dtype::F16 => Dtype::F16,
            ::safetensors::Dtype::BF16 => Dtype::Bf16,
            ::safetensors::Dtype::I64 => Dtype::I64,
            other => return Err(WeightsError::Dtype { name, dtype: format!("{other:?}").to_lowercase() }),
        };
        let (start, end) = info.data_offsets;
        tensors.insert(name, Entry { dtype, shape: info.shape.clone(), range: data + start..data + end });
    }
    Ok(Checkpoint { bytes, tensors, card })
}

fn container(error: &SafeTensorError, len: usize) -> WeightsError {
    WeightsError::Container(match error {
        SafeTensorError::HeaderTooSmall => format!("it is {len} bytes long, too short for a header"),
        SafeTensorError::HeaderTooLarge => "its header claims to be over 100 MB".into(),
        SafeTensorError::InvalidHeaderLength => format!("its header is longer than the file of {len} bytes"),
        SafeTensorError::InvalidHeader(_) => "its header is not UTF-8 text".into(),
        SafeTensorError::InvalidHeaderDeserialization(_) => "its header is not the JSON it should be".into(),
        SafeTensorError::InvalidOffset(name) => format!("tensor \"{}\" overlaps another or leaves a gap", shorten(name)),
        SafeTensorError::TensorInvalidInfo => "a tensor's shape and its bytes do not agree".into(),
        SafeTensorError::MetadataIncompleteBuffer => {
            format!("its header does not describe all of its {len} bytes; it may be cut off")
        }
        SafeTensorError::ValidationOverflow => "a tensor's shape is too large to exist".into(),
        other => other.to_string(),
    })
}

/// Writes a checkpoint as safetensors. With [`Dtype::F16`], convolution and classifier weights are halved; vectors (biases and
/// everything of a normalisation) stay f32, since they are small and some lie outside what a half can hold. Integers are dropped.
///
/// # Errors
/// When the container cannot be built.
pub fn write(checkpoint: &Checkpoint, dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    let failed = |error: SafeTensorError| WeightsError::Container(error.to_string());
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
            let json = serde_json::to_string(card).map_err(|error| WeightsError::Card(error.to_string()))?;
            Some(HashMap::from([(METADATA_KEY.to_string(), json)]))
        }
        None => None,
    };
    ::safetensors::serialize(views, metadata).map_err(failed)
}
