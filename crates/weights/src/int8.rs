//! Weights in 8 bits: whole numbers from -127 to 127 and one scale per output channel, `value = number * scale`.
//!
//! Files hold them as those of compressed-tensors do (<https://github.com/vllm-project/compressed-tensors>; `int-quantized`, symmetric, by
//! channel): the numbers as I8 under the tensor's own name, the scales as F32 under that name and `_scale`, such as `fc.weight_scale`. The
//! scales of a matrix have the shape `[outputs, 1]`, as there; those of a convolution, which compressed-tensors does not have, are
//! `[outputs, 1, 1, 1]`. In any library with broadcasting, the product of the two tensors is the weight.

use crate::{Dtype, Entry, WeightsError, shorten};
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use stridescope_i18n::{Message, msg};

/// Key in a file's metadata that says how its I8 tensors are quantised.
pub(crate) const METADATA_KEY: &str = "quantization";
/// The value of that key, in the words of compressed-tensors.
pub(crate) const METADATA: &str = r#"{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel"}"#;
/// Largest number; -128 is never used, so that the range is symmetric.
const LARGEST: f32 = 127.0;
/// Smallest and largest scale that is written: a channel of zeros needs one too, a subnormal one would have too few bits, and no product may
/// overflow.
const SCALES: (f32, f32) = (f32::MIN_POSITIVE, (f32::MAX / LARGEST).next_down());
/// What the largest value of a channel may be in scales, in eighths: 112 to 127.
const LARGEST_IN_EIGHTHS: RangeInclusive<u16> = 896..=1016;

/// Name of the tensor that holds the scales of another.
pub(crate) fn scales_name(name: &str) -> String {
    format!("{name}_scale")
}

/// The numbers and the little-endian f32 scales of finite values, those of each of `channels` output channels together.
pub(crate) fn quantize(values: &[f32], channels: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut numbers, mut scales) = (Vec::with_capacity(values.len()), Vec::with_capacity(4 * channels));
    for channel in values.chunks((values.len() / channels.max(1)).max(1)) {
        let scale = scale(channel);
        numbers.extend(channel.iter().map(|value| (number(*value, scale) as i8).cast_unsigned()));
        scales.extend(scale.to_le_bytes());
    }
    (numbers, scales)
}

/// The scale of a channel, of those that cut nothing off, with the smallest error of the channel's output.
///
/// Where inputs have a mean and a variance of 1, as behind a ReLU, errors `e` of the weights move an output by `sum(e²) + sum(e)²` in the mean
/// square: those of one sign add up (Nagel et al., <https://arxiv.org/abs/1906.04721>).
fn scale(channel: &[f32]) -> f32 {
    let largest = channel.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let (mut best, mut least) = (SCALES.0, f32::INFINITY);
    for eighths in LARGEST_IN_EIGHTHS.rev() {
        let scale = (largest / (f32::from(eighths) / 8.0)).clamp(SCALES.0, SCALES.1);
        // In scales, so that squares neither overflow nor vanish.
        let (mut sum, mut squares) = (0f32, 0f32);
        for value in channel {
            let error = number(*value, scale) - value / scale;
            sum += error;
            squares += error * error;
        }
        let relative = f32::from(eighths);
        let error = (squares + sum * sum) / (relative * relative);
        if error < least {
            (best, least) = (scale, error);
        }
    }
    best
}

/// The whole number that stands for a value.
fn number(value: f32, scale: f32) -> f32 {
    (value / scale).round_ties_even()
}

/// The values of numbers with these scales.
pub(crate) fn dequantize(numbers: &[u8], scales: &[u8]) -> Vec<f32> {
    let scales = scales.as_chunks().0;
    let mut values = Vec::with_capacity(numbers.len());
    for (channel, scale) in numbers.chunks((numbers.len() / scales.len().max(1)).max(1)).zip(scales) {
        let scale = f32::from_le_bytes(*scale);
        values.extend(channel.iter().map(|number| f32::from(number.cast_signed()) * scale));
    }
    values
}

/// Gives each I8 tensor of a file its scales, and removes these from the tensors.
///
/// # Errors
/// If a tensor's scales are missing, or are not one positive, finite f32 per output channel.
pub(crate) fn attach(tensors: &mut BTreeMap<String, Entry>, bytes: &[u8]) -> Result<(), WeightsError> {
    let is_int8 = |(_, entry): &(&String, &Entry)| entry.dtype == Dtype::I8;
    let names: Vec<String> = tensors.iter().filter(is_int8).map(|(name, _)| name.clone()).collect();
    for name in names {
        let scales = tensors.remove(&scales_name(&name));
        if let Some(entry) = tensors.get_mut(&name) {
            match scales_of(&name, entry, scales, bytes) {
                Ok(scales) => entry.scales = Some(scales),
                Err(why) => return Err(WeightsError::Int8 { name, why }),
            }
        }
    }
    Ok(())
}

/// The range of a tensor's scales, or what is wrong with them.
fn scales_of(name: &str, entry: &Entry, scales: Option<Entry>, bytes: &[u8]) -> Result<Range<usize>, Message> {
    let shown = shorten(&scales_name(name));
    let Some(scales) = scales else { return Err(msg!("its scales, \"{}\", are missing", shown)) };
    let channels = entry.shape.first().copied().unwrap_or(1);
    if scales.dtype != Dtype::F32 || scales.range.len() / 4 != channels || scales.shape.first() != Some(&channels) {
        return Err(msg!("its scales, \"{}\", are not one f32 for each of {} output channels", shown, channels));
    }
    let values = bytes.get(scales.range.clone()).unwrap_or_default().as_chunks().0;
    let is_wrong = |scale: &[u8; 4]| {
        let scale = f32::from_le_bytes(*scale);
        !(scale > 0.0 && scale.is_finite())
    };
    match values.iter().position(is_wrong) {
        Some(index) => Err(msg!("number {} of its scales, \"{}\", is not finite and above zero", index, shown)),
        None => Ok(scales.range),
    }
}
