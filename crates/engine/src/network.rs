//! One network type for the whole family, built from the graph and a checkpoint.

#[cfg(feature = "gpu")]
use super::gpu::{GpuEpilogue, Kind, Replays};
use super::params::{ConvWeights, Params, norm_scale, norm_shift, params};
use super::pass::{Pass, ResolvedPass};
use super::plan::{FusedConv, Step, norms, plan};
use super::read::read;
use super::reverse::{Map, Reverse};
use super::topk::top_k;
use super::{Backend, EngineError};
use burn::tensor::activation::relu;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;
use stridescope_arch::{Graph, Op, Pool};
use stridescope_kernels::{Epilogue, Window, convolve, max_pool};
use stridescope_weights::{Checkpoint, check};

/// A network with its weights on a device.
///
/// Normalisations are folded into the convolutions before them. The output of a bare convolution is therefore computed only when
/// it is tapped, from the checkpoint's own weights.
pub struct Network {
    graph: Graph,
    checkpoint: Arc<Checkpoint>,
    params: Vec<Params>,
    backend: Backend,
    #[cfg(feature = "gpu")]
    replays: Replays<Computed>,
}

/// What a device has computed before anything is read of it.
#[derive(Clone)]
struct Computed {
    /// The logits, then what is wanted of other layers, by name.
    wanted: Vec<(String, Tensor<4>)>,
    /// By layer, the outputs that are kept.
    outputs: Vec<Option<Tensor<4>>>,
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
    /// How much each unit moves with the picture, `[1, C, H, W]`, likewise.
    pub gradients: Vec<Tap>,
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
        Ok(Self {
            graph,
            checkpoint,
            params,
            backend,
            #[cfg(feature = "gpu")]
            replays: Replays::default(),
        })
    }

    /// The network's layers. Their shapes are those of the input size that it was loaded with; [`Network::forward`] takes others too.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether the last pass is recorded, so that another of its kind is not launched kernel by kernel.
    #[cfg(feature = "gpu")]
    pub fn has_recorded(&self) -> bool {
        self.replays.has_recorded()
    }

    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Where it computes.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Runs the network on `[N, C, H, W]` input values, with batch size `batch` and the height and width of `size`.
    ///
    /// `pass` says what else is wanted.
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
        let resolved = ResolvedPass::of(&self.graph, pass)?;
        if resolved.needs_backward() && batch != 1 {
            return Err(EngineError::Input { wanted: wanted / batch, found: input.len() });
        }
        let apart = resolved.apart();
        let steps = plan(&self.graph, &apart, &[]);
        let computed = std::iter::once(0).chain(steps.iter().map(Step::output));
        let kept: Vec<usize> = apart.into_iter().chain(computed.filter(|&index| resolved.on_backward_path(index))).collect();

        let compute = async |input: Tensor<4>| {
            let (logits, outputs) = self.run(input, &steps, &kept, pass.each).await?;
            let mut wanted = vec![(String::new(), logits)];
            for (ids, indices, is_mean) in [(pass.taps, &resolved.taps, false), (pass.means, &resolved.means, true)] {
                for (&id, &index) in ids.iter().zip(indices) {
                    let map = self.kept(&outputs, index)?;
                    wanted.push((id.into(), if is_mean { map.mean_dim(1) } else { map }));
                }
            }
            Ok::<_, EngineError>(Computed { wanted, outputs })
        };
        let Computed { wanted, outputs } = match &self.backend {
            #[cfg(feature = "gpu")]
            Backend::Gpu(gpu) if gpu.is_tiled() && !resolved.needs_backward() && !steps.iter().any(Step::is_bare) => {
                let kind =
                    Kind { shape, wanted: [resolved.taps.clone(), resolved.means.clone(), resolved.cam.into_iter().collect()] };
                self.replays.compute(kind, input, &gpu.device, compute).await?
            }
            backend => compute(Tensor::from_data(TensorData::new(input.to_vec(), shape), &backend.device())).await?,
        };
        let mut read = self.taps(wanted).await?.into_iter();
        let logits = read.next().map(|logits| logits.values).unwrap_or_default();
        let taps = read.by_ref().take(pass.taps.len()).collect();
        let mut out = Output { logits, taps, means: read.collect(), cams: Vec::new(), gradients: Vec::new() };
        if let Some(at) = resolved.cam {
            // Which classes is known only now.
            let mut wanted = Vec::new();
            for (class, _) in top_k(&out.logits, pass.cams) {
                wanted.push((class.to_string(), self.class_activation(self.kept(&outputs, at)?, class)?));
            }
            out.cams = self.taps(wanted).await?;
        }
        if resolved.needs_backward() {
            self.go_back(&mut out, pass, &resolved, (&steps, &outputs)).await?;
        }
        Ok(out)
    }

    /// What a reverse pass is needed for: class activation maps of any layer but the last, and gradients.
    async fn go_back(
        &self,
        out: &mut Output,
        pass: &Pass<'_>,
        resolved: &ResolvedPass,
        (steps, outputs): (&[Step], &[Option<Tensor<4>>]),
    ) -> Result<(), EngineError> {
        let mut maps: Vec<Option<Map>> = vec![None; outputs.len()];
        for index in (0..outputs.len()).filter(|&index| resolved.on_backward_path(index)) {
            if let Some(tensor) = &outputs[index] {
                maps[index] = Some(Map { dims: tensor.dims(), values: self.read(tensor.clone()).await? });
            }
        }
        let reverse = Reverse { graph: &self.graph, checkpoint: &self.checkpoint, steps, outputs: &maps, each: pass.each };
        if let Some(at) = resolved.grad_cam {
            let classes: Vec<usize> = top_k(&out.logits, pass.cams).into_iter().map(|(class, _)| class).collect();
            out.cams = grad_cams(&reverse, &classes, (self.graph.nodes.len() - 1, at))?;
        }
        for (unit, &from) in pass.gradients.iter().zip(&resolved.units) {
            let dims = self.kept(outputs, from)?.dims();
            let seed = unit.seed(dims).ok_or_else(|| EngineError::NoSuchUnit(unit.message()))?;
            let gradient = reverse.gradient((from, seed), 0)?;
            out.gradients.push(Tap { id: unit.node.into(), shape: gradient.dims, values: gradient.values });
        }
        Ok(())
    }

    fn kept(&self, outputs: &[Option<Tensor<4>>], index: usize) -> Result<Tensor<4>, EngineError> {
        outputs[index].clone().ok_or_else(|| EngineError::NoSuchNode(self.graph.nodes[index].id.clone()))
    }

    /// Reads all of them at once.
    async fn taps(&self, wanted: Vec<(String, Tensor<4>)>) -> Result<Vec<Tap>, EngineError> {
        let mut taps = Vec::new();
        let mut tensors = Vec::new();
        for (id, tensor) in wanted {
            taps.push(Tap { id, shape: tensor.dims(), values: Vec::new() });
            tensors.push(tensor);
        }
        let read = read(tensors, self.backend.noun()).await?;
        taps.iter_mut().zip(read).for_each(|(tap, values)| tap.values = values);
        Ok(taps)
    }

    /// The last feature map weighted by one class's weights of the classifier: `[N, 1, H, W]`.
    fn class_activation(&self, map: Tensor<4>, class: usize) -> Result<Tensor<4>, EngineError> {
        let weights = match self.params.last() {
            Some(Params::Linear(tensors)) => tensors.0.clone().slice([0..tensors.0.dims()[0], class..class + 1]),
            #[cfg(feature = "gpu")]
            Some(Params::Conv(ConvWeights::Tiled(tiled))) => tiled.filter(class),
            _ => return Err(EngineError::NoSuchNode("fc".into())),
        };
        let [features, _] = weights.dims();
        Ok((map * weights.reshape([1, features, 1, 1])).sum_dim(1))
    }

    /// Computes every layer in order. Returns the logits and, by layer, the outputs that are `kept`.
    async fn run(
        &self,
        input: Tensor<4>,
        steps: &[Step],
        kept: &[usize],
        each: Option<fn()>,
    ) -> Result<(Tensor<4>, Vec<Option<Tensor<4>>>), EngineError> {
        let count = self.graph.nodes.len();
        let last = count - 1;
        // How many steps have yet to read each output. The last reader gets the tensor itself, so that it can work in place.
        let mut readers = vec![0usize; count];
        for index in steps.iter().flat_map(|step| step.reads(&self.graph)).chain(kept.iter().copied()).chain([last]) {
            readers[index] += 1;
        }
        let mut outputs: Vec<Option<Tensor<4>>> = vec![None; count];
        outputs[0] = Some(input);
        for step in steps {
            each.inspect(|each| each());
            let reads = step.reads(&self.graph).map(|index| {
                readers[index] -= 1;
                let output = if readers[index] == 0 { outputs[index].take() } else { outputs[index].clone() };
                output.ok_or_else(|| EngineError::NoSuchNode(self.graph.nodes[index].id.clone()))
            });
            outputs[step.output()] = Some(self.step(step, reads.collect::<Result<_, _>>()?).await?);
        }
        let logits = outputs[last].clone().ok_or_else(|| EngineError::NoSuchNode("fc".into()))?;
        Ok((logits, outputs))
    }

    /// What a step puts out, of the outputs that it reads.
    pub(super) async fn step(&self, step: &Step, reads: Vec<Tensor<4>>) -> Result<Tensor<4>, EngineError> {
        let mut reads = reads.into_iter();
        let first = reads.next().ok_or_else(|| EngineError::NoSuchNode("input".into()))?;
        match step {
            Step::Conv(fused) => self.conv(fused, first, reads.next()).await,
            Step::Layer(index) => match self.graph.nodes[*index].op {
                #[cfg(feature = "gpu")]
                Op::Linear if let Params::Conv(ConvWeights::Tiled(tiled)) = &self.params[*index] => {
                    let [n, features, height, width] = first.dims();
                    tiled.convolve(first.reshape([n, features * height * width, 1, 1]), GpuEpilogue::default())
                }
                Op::BatchNorm => self.batch_norm(*index, first),
                Op::MaxPool(pool) if matches!(self.backend, Backend::Cpu) && !pool.ceil_mode => self.max_pool(pool, first).await,
                _ => Ok(self.layer(*index, first, reads.next())),
            },
        }
    }

    /// A convolution and the layers that are computed with it.
    async fn conv(&self, fused: &FusedConv, x: Tensor<4>, add: Option<Tensor<4>>) -> Result<Tensor<4>, EngineError> {
        let node = &self.graph.nodes[fused.conv];
        let Op::Conv(conv) = node.op else { return Err(EngineError::NoSuchNode(node.id.clone())) };
        let bare;
        let weights = match &self.params[fused.conv] {
            Params::Conv(weights) if fused.norm.is_some() => weights,
            _ => {
                let weight = self.checkpoint.values(&format!("{}.weight", node.id))?;
                bare = ConvWeights::new(weight, vec![0.0; conv.out_channels], &conv, &self.backend);
                &bare
            }
        };
        match weights {
            #[cfg(feature = "gpu")]
            ConvWeights::Tiled(tiled) => tiled.convolve(x, GpuEpilogue { add, relu: fused.relu }),
            #[cfg(feature = "gpu")]
            ConvWeights::Tensors(tensors) => {
                let (weight, bias) = &**tensors;
                let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [conv.dilation; 2], conv.groups);
                let y = conv2d(x, weight.clone(), Some(bias.clone()), options);
                let y = if let Some(add) = add { y + add } else { y };
                Ok(if fused.relu { relu(y) } else { y })
            }
            ConvWeights::Packed(filters) => {
                let (window, dims, device) = (filters.window(), x.dims(), x.device());
                let add = if let Some(add) = add { Some(self.read(add).await?) } else { None };
                let epilogue = Epilogue { add: add.as_deref(), relu: fused.relu };
                let y = convolve(&self.read(x).await?, dims, filters, epilogue);
                let shape = [dims[0], filters.len(), window.out(dims[2]), window.out(dims[3])];
                Ok(Tensor::from_data(TensorData::new(y, shape), &device))
            }
        }
    }

    /// A normalisation alone, as where the convolution before it was changed.
    fn batch_norm(&self, index: usize, x: Tensor<4>) -> Result<Tensor<4>, EngineError> {
        let scale = norm_scale(&self.graph, &self.checkpoint, index)?;
        let shift = norm_shift(&self.graph, &self.checkpoint, index, &scale)?;
        let (shape, device) = ([1, scale.len(), 1, 1], x.device());
        let each = |values: Vec<f32>| Tensor::<4>::from_data(TensorData::new(values, shape), &device);
        Ok(x * each(scale.into_iter().map(|scale| scale as f32).collect()) + each(shift))
    }

    /// A max pooling on the CPU. burn's keeps the places of the largest values too, and takes more than ten times as long.
    async fn max_pool(&self, pool: Pool, x: Tensor<4>) -> Result<Tensor<4>, EngineError> {
        let window = Window { kernel: pool.kernel, stride: pool.stride, padding: pool.padding, dilation: 1 };
        let (dims, device) = (x.dims(), x.device());
        let y = max_pool(&self.read(x).await?, dims, window);
        let shape = [dims[0], dims[1], window.out(dims[2]), window.out(dims[3])];
        Ok(Tensor::from_data(TensorData::new(y, shape), &device))
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
                // These zeros count in the mean, so that they are values of the map before it is pooled.
                let x = match p.end_padding {
                    0 => x,
                    end => x.pad([(0, end), (0, end)], PadMode::Constant(0.0)),
                };
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

    pub(super) async fn read(&self, tensor: Tensor<4>) -> Result<Vec<f32>, EngineError> {
        Ok(read(vec![tensor], self.backend.noun()).await?.pop().unwrap_or_default())
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

/// Grad-CAM (Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, arXiv 1610.02391,
/// equations 1 and 2): the map of each class, `[1, 1, H, W]`.
fn grad_cams(reverse: &Reverse, classes: &[usize], (logits, at): (usize, usize)) -> Result<Vec<Tap>, EngineError> {
    let Some(Some(map)) = reverse.outputs.get(at) else { return Ok(Vec::new()) };
    let count = reverse.graph.nodes[logits].shape.channels;
    let mut seed = Map::zeros([classes.len(), count, 1, 1]);
    classes.iter().enumerate().for_each(|(row, class)| seed.values[row * count + class] = 1.0);
    let gradient = reverse.gradient((logits, seed), at)?;
    let [_, channels, height, width] = map.dims;
    let positions = height * width;
    let tap = |(class, gradient): (&usize, &[f32])| {
        let mut values = vec![0.0; positions];
        for (gradient, map) in gradient.chunks(positions).zip(map.values.chunks(positions)) {
            let weight = gradient.iter().sum::<f32>() / positions as f32;
            values.iter_mut().zip(map).for_each(|(sum, value)| *sum += weight * value);
        }
        values.iter_mut().for_each(|value| *value = value.max(0.0));
        Tap { id: class.to_string(), shape: [1, 1, height, width], values }
    };
    Ok(classes.iter().zip(gradient.values.chunks(channels * positions)).map(tap).collect())
}
