//! One network type for the whole family, built from the graph and a checkpoint.

use super::pass::{Edit, Pass, indices};
use super::plan::{FusedConv, Step, norms, plan};
use super::topk::top_k;
use super::{Backend, EngineError};
use crate::arch::{Conv, Graph, Op};
use crate::weights::{Checkpoint, WeightsError, check};
use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;
use stridescope_kernels::{Epilogue, Filters, Window, convolve};

/// PyTorch's default for BatchNorm2d.
const BN_EPS: f64 = 1e-5;

/// What a layer keeps on the device.
enum Params {
    /// Nothing to keep.
    None,
    /// A convolution, with the normalisation after it folded in.
    Conv(ConvWeights),
    /// `[features, classes]` and `[1, classes]`.
    Linear(Box<(Tensor<2>, Tensor<2>)>),
}

/// A convolution's weights, as the device likes them.
enum ConvWeights {
    /// For burn's own convolution: `[C_out, C_in / groups, k, k]` and `[C_out]`.
    Tensors(Box<(Tensor<4>, Tensor<1>)>),
    /// For the CPU's.
    Packed(Filters),
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
    /// The means over channels, `[N, 1, H, W]`, likewise.
    pub means: Vec<Tap>,
    /// The class activation maps, `[N, 1, H, W]`, named by the class's index, likewise.
    pub cams: Vec<Tap>,
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
        let norms = norms(&graph);
        let params = (0..graph.nodes.len()).map(|index| params(&graph, &checkpoint, (index, norms[index]), &backend));
        let params = params.collect::<Result<_, _>>()?;
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
    /// `pass` says what else is wanted, and what is changed on the way.
    ///
    /// # Errors
    /// When the input has the wrong number of values, a layer or class does not exist, or the device fails.
    pub async fn forward(
        &self,
        input: &[f32],
        batch: usize,
        size: (usize, usize),
        pass: &Pass<'_>,
    ) -> Result<Output, EngineError> {
        let shape = [batch, self.graph.spec.channels, size.0, size.1];
        let wanted = shape.iter().product();
        if input.len() != wanted || wanted == 0 {
            return Err(EngineError::Input { wanted, found: input.len() });
        }
        let tapped = indices(&self.graph, pass.taps.iter().copied())?;
        let averaged = indices(&self.graph, pass.means.iter().copied())?;
        let edited = indices(&self.graph, pass.edits.iter().map(|edit| edit.node.as_str()))?;
        let last_map = self.graph.blocks.last().map_or(0, |block| block.output);
        let mut kept = [&tapped[..], &averaged, &edited].concat();
        if pass.cams > 0 {
            kept.push(last_map);
        }

        let input = Tensor::<4>::from_data(TensorData::new(input.to_vec(), shape), &self.backend.device());
        let edits: Vec<(usize, &Edit)> = edited.into_iter().zip(pass.edits).collect();
        let (logits, outputs) = self.run(input, &kept, &edits).await?;
        let kept =
            |index: usize| outputs[index].clone().ok_or_else(|| EngineError::NoSuchNode(self.graph.nodes[index].id.clone()));
        let mut out = Output { logits: self.read(logits).await?, taps: Vec::new(), means: Vec::new(), cams: Vec::new() };
        for (&id, &index) in pass.taps.iter().zip(&tapped) {
            let tensor = kept(index)?;
            out.taps.push(Tap { id: id.into(), shape: tensor.dims(), values: self.read(tensor).await? });
        }
        for (&id, &index) in pass.means.iter().zip(&averaged) {
            let tensor = kept(index)?.mean_dim(1);
            out.means.push(Tap { id: id.into(), shape: tensor.dims(), values: self.read(tensor).await? });
        }
        for (class, _) in top_k(&out.logits, pass.cams) {
            let tensor = self.class_activation(kept(last_map)?, class)?;
            out.cams.push(Tap { id: class.to_string(), shape: tensor.dims(), values: self.read(tensor).await? });
        }
        Ok(out)
    }

    /// The last feature map weighted by one class's weights of the classifier: `[N, 1, H, W]`.
    fn class_activation(&self, map: Tensor<4>, class: usize) -> Result<Tensor<4>, EngineError> {
        let Some(Params::Linear(tensors)) = self.params.last() else { return Err(EngineError::NoSuchNode("fc".into())) };
        let features = tensors.0.dims()[0];
        let weights = tensors.0.clone().slice([0..features, class..class + 1]).reshape([1, features, 1, 1]);
        Ok((map * weights).sum_dim(1))
    }

    /// Computes every layer in order. Returns the logits and, by layer, the outputs that are `kept`.
    async fn run(
        &self,
        input: Tensor<4>,
        kept: &[usize],
        edits: &[(usize, &Edit)],
    ) -> Result<(Tensor<4>, Vec<Option<Tensor<4>>>), EngineError> {
        let count = self.graph.nodes.len();
        let last = count - 1;
        let steps = plan(&self.graph, kept);
        // How many steps have yet to read each output. The last reader gets the tensor itself, so that it can work in place.
        let mut readers = vec![0usize; count];
        for index in steps.iter().flat_map(|step| step.reads(&self.graph)).chain(kept.iter().copied()).chain([last]) {
            readers[index] += 1;
        }
        let mut outputs: Vec<Option<Tensor<4>>> = vec![None; count];
        outputs[0] = Some(self.edited(0, input, edits).await?);
        for step in &steps {
            let mut inputs = step.reads(&self.graph).map(|index| {
                readers[index] -= 1;
                let output = if readers[index] == 0 { outputs[index].take() } else { outputs[index].clone() };
                output.ok_or_else(|| EngineError::NoSuchNode(self.graph.nodes[index].id.clone()))
            });
            let first = inputs.next().unwrap_or_else(|| Err(EngineError::NoSuchNode("input".into())))?;
            let second = inputs.next().transpose()?;
            let output = match step {
                Step::Conv(fused) => self.conv(fused, first, second).await?,
                Step::Layer(index) => self.layer(*index, first, second),
            };
            outputs[step.output()] = Some(self.edited(step.output(), output, edits).await?);
        }
        let logits = outputs[last].clone().ok_or_else(|| EngineError::NoSuchNode("fc".into()))?;
        Ok((logits, outputs))
    }

    /// A layer's output with what is to be changed in it changed.
    async fn edited(&self, index: usize, output: Tensor<4>, edits: &[(usize, &Edit)]) -> Result<Tensor<4>, EngineError> {
        if edits.iter().all(|(at, _)| *at != index) {
            return Ok(output);
        }
        let (dims, device) = (output.dims(), output.device());
        let mut values = self.read(output).await?;
        for (_, edit) in edits.iter().filter(|(at, _)| *at == index) {
            edit.apply(&mut values, dims);
        }
        Ok(Tensor::from_data(TensorData::new(values, dims), &device))
    }

    /// A convolution and the layers that are computed with it.
    async fn conv(&self, fused: &FusedConv, x: Tensor<4>, add: Option<Tensor<4>>) -> Result<Tensor<4>, EngineError> {
        let node = &self.graph.nodes[fused.conv];
        let Op::Conv(conv) = node.op else { return Err(EngineError::NoSuchNode(node.id.clone())) };
        let bare;
        let weights = match &self.params[fused.conv] {
            Params::Conv(weights) if fused.norm => weights,
            _ => {
                let weight = self.checkpoint.values(&format!("{}.weight", node.id))?;
                bare = ConvWeights::new(weight, vec![0.0; conv.out_channels], &conv, &self.backend);
                &bare
            }
        };
        match weights {
            ConvWeights::Tensors(tensors) => {
                let (weight, bias) = &**tensors;
                let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [conv.dilation; 2], conv.groups);
                let y = conv2d(x, weight.clone(), Some(bias.clone()), options);
                let y = if let Some(add) = add { y + add } else { y };
                Ok(if fused.relu { relu(y) } else { y })
            }
            ConvWeights::Packed(filters) => {
                let Conv { kernel, stride, padding, dilation, .. } = conv;
                let window = Window { kernel, stride, padding, dilation };
                let (dims, device) = (x.dims(), x.device());
                let add = if let Some(add) = add { Some(self.read(add).await?) } else { None };
                let epilogue = Epilogue { add: add.as_deref(), relu: fused.relu };
                let y = convolve(&self.read(x).await?, dims, filters, window, epilogue);
                let shape = [dims[0], filters.len(), window.out(dims[2]), window.out(dims[3])];
                Ok(Tensor::from_data(TensorData::new(y, shape), &device))
            }
        }
    }

    /// Any layer but a convolution.
    fn layer(&self, index: usize, x: Tensor<4>, other: Option<Tensor<4>>) -> Tensor<4> {
        match (self.graph.nodes[index].op, &self.params[index]) {
            (_, Params::Linear(tensors)) => {
                let (weight, bias) = &**tensors;
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
            (Op::BlurPool(p), _) => blur(x, p.stride, p.padding),
            (Op::GlobalAvgPool, _) => x.mean_dim(3).mean_dim(2),
            (Op::Add, _) => match other {
                Some(other) => x + other,
                None => x.clone() + x,
            },
            (Op::Input | Op::Conv(_) | Op::BatchNorm | Op::Linear, _) => x,
        }
    }

    async fn read(&self, tensor: Tensor<4>) -> Result<Vec<f32>, EngineError> {
        let failed = |cause: String| EngineError::Device { device: self.backend.noun(), cause };
        let data = tensor.into_data_async().await.map_err(|error| failed(format!("{error:?}")))?;
        data.try_into_vec::<f32>().map_err(|error| failed(format!("{error:?}")))
    }
}

/// timm's `BlurPool2d`: `[1, 2, 1]² / 16` on every channel, the map mirrored at its edges.
fn blur(x: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let (channels, device) = (x.dims()[1], x.device());
    let row = [0.25f32, 0.5, 0.25];
    let filter = row.iter().flat_map(|a| row.map(|b| a * b)).collect::<Vec<f32>>().repeat(channels);
    let filter = Tensor::<4>::from_data(TensorData::new(filter, [channels, 1, 3, 3]), &device);
    let x = x.pad([(padding, padding), (padding, padding)], PadMode::Reflect);
    conv2d(x, filter, None, ConvOptions::new([stride; 2], [0; 2], [1; 2], channels))
}

impl ConvWeights {
    fn new(weight: Vec<f32>, bias: Vec<f32>, conv: &Conv, backend: &Backend) -> Self {
        let shape = [conv.out_channels, conv.in_channels / conv.groups, conv.kernel, conv.kernel];
        match backend {
            Backend::Cpu => Self::Packed(Filters::pack(&weight, &bias, conv.groups)),
            Backend::Gpu(device) => Self::Tensors(Box::new((
                Tensor::from_data(TensorData::new(weight, shape), device),
                Tensor::from_data(TensorData::new(bias, [conv.out_channels]), device),
            ))),
        }
    }
}

/// What a layer keeps, uploaded to the device; `norm` is the normalisation that reads it.
fn params(
    graph: &Graph,
    checkpoint: &Checkpoint,
    (index, norm): (usize, Option<usize>),
    backend: &Backend,
) -> Result<Params, WeightsError> {
    let values = |index: usize, leaf: &str| checkpoint.values(&format!("{}.{leaf}", graph.nodes[index].id));
    match (graph.nodes[index].op, norm) {
        (Op::Conv(conv), Some(norm)) => {
            let [gamma, beta, mean, var] =
                [values(norm, "weight")?, values(norm, "bias")?, values(norm, "running_mean")?, values(norm, "running_var")?];
            let scale: Vec<f64> = gamma.iter().zip(&var).map(|(&g, &v)| f64::from(g) / (f64::from(v) + BN_EPS).sqrt()).collect();
            let bias: Vec<f32> =
                scale.iter().zip(&beta).zip(&mean).map(|((s, &b), &m)| (f64::from(b) - f64::from(m) * s) as f32).collect();
            let mut weight = values(index, "weight")?;
            let taps = weight.len() / scale.len().max(1);
            for (filter, &scale) in weight.chunks_mut(taps.max(1)).zip(&scale) {
                filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            }
            Ok(Params::Conv(ConvWeights::new(weight, bias, &conv, backend)))
        }
        (Op::Linear, _) => {
            let device: &Device = &backend.device();
            let (weight, bias) = (values(index, "weight")?, values(index, "bias")?);
            let classes = bias.len();
            let features = weight.len() / classes.max(1);
            let weight = Tensor::<2>::from_data(TensorData::new(weight, [classes, features]), device);
            let bias = Tensor::from_data(TensorData::new(bias, [1, classes]), device);
            Ok(Params::Linear(Box::new((weight.transpose(), bias))))
        }
        _ => Ok(Params::None),
    }
}
