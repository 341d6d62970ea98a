//! One network type for the whole family, built from the graph and a checkpoint.

use super::{Backend, EngineError, im2col};
use crate::arch::{Graph, Node, Op};
use crate::weights::{Checkpoint, WeightsError, check};
use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

/// PyTorch's default for BatchNorm2d.
const BN_EPS: f64 = 1e-5;

/// What a layer keeps on the device.
enum Params {
    /// Nothing to keep, or already folded into another layer.
    None,
    /// A convolution with the normalisation after it folded in; stands at the normalisation.
    FoldedConv { weight: Weight, bias: Option<Tensor<1>>, conv: usize },
    /// `[features, classes]` and `[1, classes]`.
    Linear { weight: Tensor<2>, bias: Tensor<2> },
}

/// A convolution's weights, as the device likes them.
enum Weight {
    /// For burn's own convolution.
    Filters(Tensor<4>),
    /// For [`im2col`]; the bias is in it.
    Matrix(Tensor<2>),
}

/// A network with its weights on a device.
///
/// Normalisations are folded into the convolutions before them. The output of a bare convolution is therefore computed only when
/// it is tapped, from the checkpoint's own weights.
pub struct Network {
    graph: Graph,
    checkpoint: Arc<Checkpoint>,
    params: Vec<Params>,
    backend: Backend,
}

/// What a forward pass puts out.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// `[N, classes]`, row-major.
    pub logits: Vec<f32>,
    /// The tapped layers, in the order in which they were asked for.
    pub taps: Vec<Tap>,
}

/// One layer's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Tap {
    /// The name that was asked for.
    pub id: String,
    /// `[N, C, H, W]`.
    pub shape: [usize; 4],
    /// Row-major.
    pub values: Vec<f32>,
}

impl Network {
    /// Puts a checkpoint's weights on a device, once they have been found to be this network's.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, not finite, or read by no layer.
    pub fn load(graph: Graph, checkpoint: Arc<Checkpoint>, backend: Backend) -> Result<Self, EngineError> {
        check::compare(&checkpoint, &graph).verdict()?;
        let params = graph.nodes.iter().map(|node| params(&graph, &checkpoint, node, &backend)).collect::<Result<_, _>>()?;
        Ok(Self { graph, checkpoint, params, backend })
    }

    /// The network's layers. Their shapes are those of the input size that it was loaded with; [`Network::forward`] takes others too.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Where it computes.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Runs the network on `[N, C, H, W]` input values, with batch size `batch` and the height and width of `size`.
    ///
    /// `taps` names layers, blocks or stages whose output is wanted as well.
    ///
    /// # Errors
    /// When the input has the wrong number of values, a tap does not exist, or the device fails.
    pub async fn forward(&self, input: &[f32], batch: usize, size: (usize, usize), taps: &[&str]) -> Result<Output, EngineError> {
        let shape = [batch, self.graph.input.channels, size.0, size.1];
        let wanted = shape.iter().product();
        if input.len() != wanted || wanted == 0 {
            return Err(EngineError::Input { wanted, found: input.len() });
        }
        let tapped = taps
            .iter()
            .map(|id| self.graph.find(id).ok_or_else(|| EngineError::NoSuchNode((*id).into())))
            .collect::<Result<Vec<_>, _>>()?;

        let input = Tensor::<4>::from_data(TensorData::new(input.to_vec(), shape), &self.backend.device());
        let (logits, outputs) = self.run(input, &tapped).await?;
        let mut out = Output { logits: self.read(logits).await?, taps: Vec::with_capacity(taps.len()) };
        for (&id, index) in taps.iter().zip(tapped) {
            if let Some(tensor) = outputs[index].clone() {
                out.taps.push(Tap { id: id.into(), shape: tensor.dims(), values: self.read(tensor).await? });
            }
        }
        Ok(out)
    }

    /// Computes every layer in order. Returns the logits and, by layer, the outputs that are tapped.
    async fn run(&self, input: Tensor<4>, tapped: &[usize]) -> Result<(Tensor<4>, Vec<Option<Tensor<4>>>), EngineError> {
        let nodes = &self.graph.nodes;
        // How many layers have yet to read each output. The last reader gets the tensor itself, so that it can work in place.
        let mut readers = vec![0usize; nodes.len()];
        for (node, params) in nodes.iter().zip(&self.params) {
            for input in self.reads(node, params) {
                readers[input] += 1;
            }
        }
        tapped.iter().for_each(|&i| readers[i] += 1);
        let mut outputs: Vec<Option<Tensor<4>>> = vec![None; nodes.len()];
        let last = nodes.len() - 1;
        readers[last] += 1;

        for (index, (node, params)) in nodes.iter().zip(&self.params).enumerate() {
            let is_folded_away = matches!((node.op, params), (Op::Conv(_), Params::None));
            let output = if node.op == Op::Input {
                input.clone()
            } else if is_folded_away {
                if !tapped.contains(&index) {
                    continue;
                }
                self.bare_conv(node, &outputs)?
            } else {
                let mut inputs = self.reads(node, params).map(|i| {
                    readers[i] -= 1;
                    if readers[i] == 0 { outputs[i].take() } else { outputs[i].clone() }
                });
                let missing = || EngineError::NoSuchNode(node.id.clone());
                let first = inputs.next().flatten().ok_or_else(missing)?;
                let second = inputs.next().flatten();
                self.layer(node, params, first, second).await?
            };
            outputs[index] = Some(output);
        }
        let logits = outputs[last].clone().ok_or_else(|| EngineError::NoSuchNode("fc".into()))?;
        Ok((logits, outputs))
    }

    /// The layers that one layer reads; a folded convolution reads what the convolution read.
    fn reads<'a>(&'a self, node: &'a Node, params: &Params) -> impl Iterator<Item = usize> + 'a {
        let inputs: &[usize] = match params {
            Params::FoldedConv { conv, .. } => &self.graph.nodes[*conv].inputs,
            Params::None if matches!(node.op, Op::Conv(_)) => &[],
            _ => &node.inputs,
        };
        inputs.iter().copied()
    }

    async fn layer(
        &self,
        node: &Node,
        params: &Params,
        x: Tensor<4>,
        other: Option<Tensor<4>>,
    ) -> Result<Tensor<4>, EngineError> {
        Ok(match (node.op, params) {
            (_, Params::FoldedConv { weight, bias, conv }) => match (weight, self.graph.nodes[*conv].op) {
                (Weight::Filters(weight), op) => conv2d(x, weight.clone(), bias.clone(), conv_options(&op)),
                (Weight::Matrix(weight), Op::Conv(conv)) => {
                    let (dims, device) = (x.dims(), x.device());
                    im2col::convolve(&self.read(x).await?, dims, weight.clone(), &conv, &device)
                }
                (Weight::Matrix(_), _) => x,
            },
            (_, Params::Linear { weight, bias }) => {
                let [n, features, h, w] = x.dims();
                let y = x.reshape([n, features * h * w]).matmul(weight.clone()) + bias.clone();
                let [n, classes] = y.dims();
                y.reshape([n, classes, 1, 1])
            }
            (Op::Relu, _) => relu(x),
            (Op::MaxPool(p), _) => {
                let options = MaxPoolOptions::new([p.kernel; 2]).with_stride([p.stride; 2]).with_padding([p.padding; 2]);
                max_pool2d(x, options.with_ceil_mode(p.ceil_mode))
            }
            (Op::AvgPool(p), _) => {
                let options = AvgPoolOptions::new([p.kernel; 2]).with_stride([p.stride; 2]).with_padding([p.padding; 2]);
                avg_pool2d(x, options.with_ceil_mode(p.ceil_mode).with_count_include_pad(false))
            }
            (Op::GlobalAvgPool, _) => x.mean_dim(3).mean_dim(2),
            (Op::Add, _) => match other {
                Some(other) => x + other,
                None => x.clone() + x,
            },
            (Op::Input | Op::Conv(_) | Op::BatchNorm | Op::Linear, _) => x,
        })
    }

    /// A convolution without the normalisation that is otherwise folded into it.
    fn bare_conv(&self, node: &Node, outputs: &[Option<Tensor<4>>]) -> Result<Tensor<4>, EngineError> {
        let missing = || EngineError::NoSuchNode(node.id.clone());
        let x = node.inputs.first().and_then(|&i| outputs[i].clone()).ok_or_else(missing)?;
        let name = format!("{}.weight", node.id);
        let weight = tensor4(&self.checkpoint, &name, self.checkpoint.values(&name)?, &self.backend.device())?;
        Ok(conv2d(x, weight, None, conv_options(&node.op)))
    }

    async fn read(&self, tensor: Tensor<4>) -> Result<Vec<f32>, EngineError> {
        let failed = |cause: String| EngineError::Device { device: self.backend.noun(), cause };
        let data = tensor.into_data_async().await.map_err(|error| failed(format!("{error:?}")))?;
        data.try_into_vec::<f32>().map_err(|error| failed(format!("{error:?}")))
    }
}

fn conv_options(op: &Op) -> ConvOptions<2> {
    match op {
        Op::Conv(c) => ConvOptions::new([c.stride; 2], [c.padding; 2], [c.dilation; 2], c.groups),
        _ => ConvOptions::new([1; 2], [0; 2], [1; 2], 1),
    }
}

fn tensor4(checkpoint: &Checkpoint, name: &str, values: Vec<f32>, device: &Device) -> Result<Tensor<4>, EngineError> {
    let shape = checkpoint.tensors.get(name).map(|entry| entry.shape.clone()).unwrap_or_default();
    let [o, i, h, w] = shape[..] else { return Err(WeightsError::Missing { name: name.into(), more: 0 }.into()) };
    Ok(Tensor::from_data(TensorData::new(values, [o, i, h, w]), device))
}

/// What a layer keeps, uploaded to the device.
fn params(graph: &Graph, checkpoint: &Checkpoint, node: &Node, backend: &Backend) -> Result<Params, EngineError> {
    let device = &backend.device();
    let values = |leaf: &str| checkpoint.values(&format!("{}.{leaf}", node.id));
    match node.op {
        Op::BatchNorm => {
            let conv = node.inputs.first().copied().unwrap_or_default();
            let name = format!("{}.weight", graph.nodes[conv].id);
            let [gamma, beta, mean, var] = [values("weight")?, values("bias")?, values("running_mean")?, values("running_var")?];
            let scale: Vec<f64> = gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt()).collect();
            let bias: Vec<f32> =
                scale.iter().zip(&beta).zip(&mean).map(|((s, &b), &m)| (f64::from(b) - f64::from(m) * s) as f32).collect();
            let mut weight = checkpoint.values(&name)?;
            let taps = weight.len() / scale.len().max(1);
            for (filter, &scale) in weight.chunks_mut(taps.max(1)).zip(&scale) {
                filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            }
            if let (Backend::Cpu, Op::Conv(c)) = (backend, graph.nodes[conv].op)
                && im2col::suits(&c)
            {
                let weight = Weight::Matrix(im2col::weight_matrix(&weight, &bias, device));
                return Ok(Params::FoldedConv { weight, bias: None, conv });
            }
            let channels = bias.len();
            let bias = Some(Tensor::from_data(TensorData::new(bias, [channels]), device));
            let weight = Weight::Filters(tensor4(checkpoint, &name, weight, device)?);
            Ok(Params::FoldedConv { weight, bias, conv })
        }
        Op::Linear => {
            let (weight, bias) = (values("weight")?, values("bias")?);
            let classes = bias.len();
            let features = weight.len() / classes.max(1);
            let weight = Tensor::<2>::from_data(TensorData::new(weight, [classes, features]), device);
            Ok(Params::Linear {
                weight: weight.transpose(),
                bias: Tensor::from_data(TensorData::new(bias, [1, classes]), device),
            })
        }
        _ => Ok(Params::None),
    }
}
