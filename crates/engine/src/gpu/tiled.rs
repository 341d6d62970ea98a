//! The packed weights of a convolution on a GPU, and its launch.

use super::Gpu;
use super::kernel::{DEPTH, EpilogueArgsLaunch, QUAD, SizesLaunch, convolve_tile, reduce_split_k};
use super::tiling::{LARGE, Tile, Tiling, steps};
use crate::EngineError;
use crate::params::window;
use burn::backend::Wgpu;
use burn::backend::wgpu::CubeTensor;
use burn::cubecl::prelude::{CubeCount, CubeDim, Scalar};
use burn::cubecl::std::tensor::into_contiguous;
use burn::tensor::{DType, Shape, Tensor, TensorData};
use stridescope_arch::Conv;

/// Invocations of a workgroup that adds the parts of a sum.
const ADDERS: usize = 64;

/// A convolution without groups, with its weights on a GPU in the layout of the tiled kernel.
pub struct Tiled {
    conv: Conv,
    /// `[steps · DEPTH, columns]`, row-major: see [`convolve_tile`].
    weights: Tensor<1>,
    /// `[columns]`.
    bias: Tensor<1>,
    /// Output channels, padded to whole tiles of any width.
    columns: usize,
    /// Steps of [`DEPTH`] along `K`.
    steps: usize,
    /// Whether inputs are loaded in quads of channels.
    by_quads: bool,
    /// See [`Gpu`].
    is_software: bool,
}

/// What is fused with a convolution.
#[derive(Default)]
pub struct GpuEpilogue {
    /// `[N, C_out, H_out, W_out]`, added to the output.
    pub add: Option<Tensor<4>>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

impl Tiled {
    /// Packs `[C_out, C_in, k, k]` weights, row-major, with one bias per filter. `None` for grouped convolutions.
    pub fn pack(weight: &[f32], bias: &[f32], conv: &Conv, gpu: &Gpu) -> Option<Self> {
        let (channels, taps) = (conv.in_channels, conv.kernel * conv.kernel);
        if conv.groups != 1 || weight.len() != conv.out_channels * channels * taps || bias.len() != conv.out_channels {
            return None;
        }
        let by_quads = channels.is_multiple_of(QUAD);
        let steps = steps(channels, taps, by_quads);
        let columns = conv.out_channels.next_multiple_of(LARGE.width());
        let rows_of_a_tap = if by_quads { channels.next_multiple_of(DEPTH) } else { channels };
        let mut packed = vec![0.0; steps * DEPTH * columns];
        for (column, filter) in weight.chunks_exact((channels * taps).max(1)).enumerate() {
            for (channel, values) in filter.chunks_exact(taps.max(1)).enumerate() {
                let rows = (channel..).step_by(rows_of_a_tap.max(1));
                rows.zip(values).for_each(|(row, value)| packed[row * columns + column] = *value);
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(columns, 0.0);
        let vector = |values: Vec<f32>| {
            let shape = [values.len()];
            Tensor::from_data(TensorData::new(values, shape), &gpu.device)
        };
        Some(Self {
            conv: *conv,
            weights: vector(packed),
            bias: vector(bias),
            columns,
            steps,
            by_quads,
            is_software: gpu.is_software,
        })
    }

    /// Convolves `[N, C_in, H, W]`. The output is `[N, C_out, H_out, W_out]`, stored as `[N, H_out, W_out, C_out]`.
    ///
    /// # Errors
    /// If a tensor is on another device, or the map is too large for one launch.
    pub fn convolve(&self, x: Tensor<4>, epilogue: GpuEpilogue) -> Result<Tensor<4>, EngineError> {
        let (positions, _) = self.output(x.dims());
        let tiling = Tiling::choose(positions, self.conv.out_channels, (self.steps, self.by_quads), self.is_software);
        self.convolve_as(x, epilogue, tiling)
    }

    /// The weights of one filter of a 1 x 1 convolution, `[C_in, 1]`.
    pub fn filter(&self, index: usize) -> Tensor<2> {
        let rows = self.weights.clone().reshape([-1, self.columns as i64]);
        rows.slice([0..self.conv.in_channels, index..index + 1])
    }

    /// Steps along `K`, which a [`Tiling`] divides.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Rows of the product, and the output shape in memory.
    fn output(&self, [n, _, height, width]: [usize; 4]) -> (usize, [usize; 4]) {
        let window = window(&self.conv);
        let (height, width) = (window.out(height), window.out(width));
        (n * height * width, [n, height, width, self.conv.out_channels])
    }

    /// The same with a given tiling.
    pub fn convolve_as(&self, x: Tensor<4>, epilogue: GpuEpilogue, tiling: Tiling) -> Result<Tensor<4>, EngineError> {
        let (positions, shape) = self.output(x.dims());
        let channels = self.conv.out_channels;
        let failed = |cause: &str| EngineError::Device { device: "GPU", cause: cause.into() };
        let workgroups = tiling.workgroups(positions, channels).ok_or_else(|| failed("the map is too large"))?;
        let out_vector = if channels.is_multiple_of(QUAD) { QUAD } else { 1 };

        let input = if self.by_quads { channels_last(x)? } else { primitive(x.permute([0, 2, 3, 1]))? };
        let (weights, bias) = (primitive(self.weights.clone())?, primitive(self.bias.clone())?);
        let (adds, add) = match epilogue.add {
            Some(add) if add.dims() == [shape[0], channels, shape[1], shape[2]] => (1, channels_last(add)?),
            Some(_) => return Err(failed("what is added to a convolution has another shape")),
            // Never read, but the kernel needs a buffer for it.
            None => (0, bias.clone()),
        };
        let client = input.client.clone();
        let empty = |vectors: usize| client.empty(vectors * size_of::<f32>());
        let out = CubeTensor::new_contiguous(
            client.clone(),
            input.device.clone(),
            Shape::new(shape),
            empty(positions * channels),
            DType::F32,
        );
        let epilogue = |is_part| EpilogueArgsLaunch::new(u32::from(is_part), adds, u32::from(epilogue.relu));
        let is_split = tiling.split_k > 1;
        let target = if is_split {
            let parts = empty(tiling.split_k * positions * channels);
            let shape = Shape::new([tiling.split_k, positions, channels]);
            CubeTensor::new_contiguous(client.clone(), input.device.clone(), shape, parts, DType::F32)
        } else {
            out.clone()
        };
        let Tile { threads_x, threads_y, rows } = tiling.tile;
        let [x, y, z] = workgroups;
        convolve_tile::launch(
            &client,
            CubeCount::Static(x, y, z),
            CubeDim::new_2d(threads_x as u32, threads_y as u32),
            if self.by_quads { QUAD } else { 1 },
            out_vector,
            input.clone().into_buffer_arg(),
            weights.into_buffer_arg(),
            bias.clone().into_buffer_arg(),
            add.clone().into_buffer_arg(),
            target.clone().into_buffer_arg(),
            self.sizes(&input, shape, tiling),
            epilogue(is_split),
            threads_x,
            threads_y,
            rows,
        );
        if is_split {
            let vectors = positions * channels / out_vector;
            reduce_split_k::launch(
                &client,
                CubeCount::Static(vectors.div_ceil(ADDERS) as u32, 1, 1),
                CubeDim::new_1d(ADDERS as u32),
                out_vector,
                target.into_buffer_arg(),
                bias.into_buffer_arg(),
                add.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tiling.split_k as u32,
                vectors as u32,
                (channels / out_vector) as u32,
                epilogue(false),
            );
        }
        Ok(Tensor::<4>::from_primitive::<Wgpu>(out).permute([0, 3, 1, 2]))
    }

    /// Sizes for an input `[N, H, W, C]`. Every size of a network that fits a device fits 32 bits.
    fn sizes(&self, input: &CubeTensor, [n, out_height, out_width, out_channels]: [usize; 4], tiling: Tiling) -> SizesLaunch {
        let (shape, strides) = (input.meta.shape(), input.meta.strides());
        let int = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let of = |values: &[usize], axis: usize| int(values.get(axis).copied().unwrap_or(0));
        SizesLaunch::new(
            of(shape, 1),
            of(shape, 2),
            of(shape, 3),
            of(strides, 0),
            of(strides, 1),
            of(strides, 2),
            of(strides, 3),
            int(out_height),
            int(out_width),
            int(out_channels),
            int(n * out_height * out_width),
            int(self.conv.kernel),
            int(self.conv.stride),
            int(self.conv.padding),
            int(self.conv.dilation),
            int(self.columns / QUAD),
            int(self.steps),
            int(tiling.k_per_split),
        )
    }
}

pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> Result<CubeTensor, EngineError> {
    let elsewhere = || EngineError::Device { device: "GPU", cause: "a tensor lies elsewhere".into() };
    tensor.try_into_primitive::<Wgpu>().map_err(|_| elsewhere())
}

/// `[N, C, H, W]` as `[N, H, W, C]`, with contiguous channels; copied if necessary.
fn channels_last(tensor: Tensor<4>) -> Result<CubeTensor, EngineError> {
    let tensor = primitive(tensor.permute([0, 2, 3, 1]))?;
    if tensor.is_contiguous() {
        return Ok(tensor);
    }
    let (client, device, dtype) = (tensor.client.clone(), tensor.device.clone(), tensor.dtype);
    let copy = into_contiguous(&client, tensor.binding(), f32::elem_type_native());
    Ok(CubeTensor::new(client, copy.handle, *copy.metadata, device, dtype))
}
