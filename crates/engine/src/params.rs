//! What the layers store on a device: weights from a checkpoint, with batch normalisations folded into the convolutions before them.

use super::Backend;
#[cfg(feature = "gpu")]
use super::gpu::Tiled;
use burn::tensor::{Device, Tensor, TensorData};
use stridescope_arch::{Conv, Graph, Op};
use stridescope_kernels::{Filters, Window};
use stridescope_weights::{Checkpoint, WeightsError};

/// PyTorch's default for BatchNorm2d.
const BN_EPS: f64 = 1e-5;

/// What a layer stores on the device.
pub enum Params {
    /// Nothing.
    None,
    /// A convolution with the batch normalisation after it folded in; with the tiled kernels also a classifier.
    Conv(ConvWeights),
    /// `[features, classes]` and `[1, classes]`.
    Linear(Box<(Tensor<2>, Tensor<2>)>),
}

/// The weights of a convolution, in the layout of the device.
pub enum ConvWeights {
    /// For burn's convolution: `[C_out, C_in / groups, k, k]` and `[C_out]`.
    #[cfg(feature = "gpu")]
    Tensors(Box<(Tensor<4>, Tensor<1>)>),
    /// For the tiled kernels on the GPU.
    #[cfg(feature = "gpu")]
    Tiled(Box<Tiled>),
    /// For the kernels on the CPU.
    Packed(Filters),
}

impl ConvWeights {
    /// Uploads weights and bias to the device.
    pub fn new(weight: Vec<f32>, bias: Vec<f32>, conv: &Conv, backend: &Backend) -> Self {
        match backend {
            Backend::Cpu => Self::Packed(Filters::pack(&weight, &bias, conv.groups, window(conv))),
            #[cfg(feature = "gpu")]
            Backend::Gpu(gpu) => {
                if gpu.is_tiled()
                    && let Some(tiled) = Tiled::pack(&weight, &bias, conv, gpu)
                {
                    return Self::Tiled(Box::new(tiled));
                }
                let shape = [conv.out_channels, conv.in_channels / conv.groups, conv.kernel, conv.kernel];
                Self::Tensors(Box::new((
                    Tensor::from_data(TensorData::new(weight, shape), &gpu.device),
                    Tensor::from_data(TensorData::new(bias, [conv.out_channels]), &gpu.device),
                )))
            }
        }
    }
}

/// The window of a convolution, for the CPU kernels.
pub fn window(&Conv { kernel, stride, padding, dilation, .. }: &Conv) -> Window {
    Window { kernel, stride, padding, dilation }
}

/// A classifier as a 1x1 convolution of a map with one position.
#[cfg(feature = "gpu")]
fn linear(features: usize, classes: usize) -> Conv {
    Conv { in_channels: features, out_channels: classes, kernel: 1, stride: 1, padding: 0, dilation: 1, groups: 1 }
}

/// What a layer stores on the device, uploaded; `norm` is the batch normalisation that reads it.
pub fn params(
    graph: &Graph,
    checkpoint: &Checkpoint,
    (index, norm): (usize, Option<usize>),
    backend: &Backend,
) -> Result<Params, WeightsError> {
    match (graph.nodes[index].op, norm) {
        (Op::Conv(conv), Some(_)) => {
            let (weight, bias) = fold_bn(graph, checkpoint, index, norm)?;
            Ok(Params::Conv(match ConvWeights::new(weight, bias, &conv, backend) {
                ConvWeights::Packed(filters) => ConvWeights::Packed(filters.for_reuse()),
                #[cfg(feature = "gpu")]
                other => other,
            }))
        }
        (Op::Linear, _) => {
            let device: &Device = &backend.device();
            let (weight, bias) = (values(graph, checkpoint, index, "weight")?, values(graph, checkpoint, index, "bias")?);
            let classes = bias.len();
            let features = weight.len() / classes.max(1);
            #[cfg(feature = "gpu")]
            if let Backend::Gpu(gpu) = backend
                && gpu.is_tiled()
                && let Some(tiled) = Tiled::pack(&weight, &bias, &linear(features, classes), gpu)
            {
                return Ok(Params::Conv(ConvWeights::Tiled(Box::new(tiled))));
            }
            let weight = Tensor::<2>::from_data(TensorData::new(weight, [classes, features]), device);
            let bias = Tensor::from_data(TensorData::new(bias, [1, classes]), device);
            Ok(Params::Linear(Box::new((weight.transpose(), bias))))
        }
        _ => Ok(Params::None),
    }
}

/// Weights and bias of a convolution, with the batch normalisation after it folded in if there is one.
pub fn fold_bn(
    graph: &Graph,
    checkpoint: &Checkpoint,
    conv: usize,
    norm: Option<usize>,
) -> Result<(Vec<f32>, Vec<f32>), WeightsError> {
    let mut weight = values(graph, checkpoint, conv, "weight")?;
    let Some(norm) = norm else {
        return Ok((weight, vec![0.0; graph.nodes[conv].shape.channels]));
    };
    let scale = norm_scale(graph, checkpoint, norm)?;
    let bias = norm_shift(graph, checkpoint, norm, &scale)?;
    let taps = weight.len() / scale.len().max(1);
    for (filter, &scale) in weight.chunks_mut(taps.max(1)).zip(&scale) {
        filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
    }
    Ok((weight, bias))
}

/// The scale of a batch normalisation per channel: `weight / sqrt(running_var + eps)`.
pub fn norm_scale(graph: &Graph, checkpoint: &Checkpoint, norm: usize) -> Result<Vec<f64>, WeightsError> {
    let (gamma, var) = (values(graph, checkpoint, norm, "weight")?, values(graph, checkpoint, norm, "running_var")?);
    Ok(gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt()).collect())
}

/// The shift of a batch normalisation per channel: `bias - running_mean * scale`.
pub fn norm_shift(graph: &Graph, checkpoint: &Checkpoint, norm: usize, scale: &[f64]) -> Result<Vec<f32>, WeightsError> {
    let (beta, mean) = (values(graph, checkpoint, norm, "bias")?, values(graph, checkpoint, norm, "running_mean")?);
    Ok(scale.iter().zip(&beta).zip(&mean).map(|((s, &b), &m)| (f64::from(b) - f64::from(m) * s) as f32).collect())
}

fn values(graph: &Graph, checkpoint: &Checkpoint, index: usize, leaf: &str) -> Result<Vec<f32>, WeightsError> {
    checkpoint.values(&format!("{}.{leaf}", graph.nodes[index].id))
}
