//! Checks each kernel against the CPU, before any network runs. This also compiles all kernels in advance.

use super::Gpu;
use super::tiled::{GpuEpilogue, Tiled};
use super::tiling::{LARGE, SMALL, Tile, Tiling};
use crate::read::read;
use crate::{EngineError, relative_l2};
use burn::tensor::{Tensor, TensorData};
use stridescope_arch::Conv;
use stridescope_kernels::{Epilogue, Filters, Window, convolve};
use stridescope_weights::synthetic;

/// Input channels, tile, and parts of the sum: every kernel that a network uses.
const CASES: [(usize, Tile, usize); 4] = [(20, SMALL, 3), (20, SMALL, 1), (20, LARGE, 1), (3, SMALL, 1)];
/// Not a multiple of whole tiles in positions or channels, so that edges are tested too.
const SIZE: [usize; 2] = [19, 13];
const FILTERS: usize = 68;
const DEVICE: &str = "GPU";

/// The largest relative L2 distance between a kernel's output and the CPU's.
///
/// # Errors
/// If the device fails.
pub async fn check_kernels(gpu: &Gpu) -> Result<f64, EngineError> {
    if !gpu.is_tiled() {
        return Ok(0.0);
    }
    let [height, width] = SIZE;
    let window = Window { kernel: 3, stride: 2, padding: 1, dilation: 1 };
    let positions = window.out(height) * window.out(width);
    let add = synthetic::input(FILTERS * positions);
    let bias = synthetic::input(FILTERS);
    let (mut outputs, mut answers) = (Vec::new(), Vec::new());
    for (channels, tile, split_k) in CASES {
        let Window { kernel, stride, padding, dilation } = window;
        let conv = Conv { in_channels: channels, out_channels: FILTERS, kernel, stride, padding, dilation, groups: 1 };
        let x = synthetic::input(channels * height * width);
        let weight: Vec<f32> = synthetic::input(FILTERS * channels * kernel * kernel).into_iter().rev().collect();
        let wanted = convolve(
            &x,
            [1, channels, height, width],
            &Filters::pack(&weight, &bias, 1, window),
            Epilogue { add: Some(&add), relu: true },
        );

        let tensor = |values: Vec<f32>, shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values, shape), &gpu.device);
        let refused = || EngineError::Device { device: DEVICE, cause: "a kernel was refused".into() };
        let tiled = Tiled::pack(&weight, &bias, &conv, gpu).ok_or_else(refused)?;
        let epilogue =
            GpuEpilogue { add: Some(tensor(add.clone(), [1, FILTERS, window.out(height), window.out(width)])), relu: true };
        let tiling = Tiling::split(tile, tiled.steps(), split_k);
        outputs.push(tiled.convolve_as(tensor(x, [1, channels, height, width]), epilogue, tiling)?);
        answers.push(wanted);
    }
    let found = read(outputs, DEVICE).await?;
    Ok(found.iter().zip(&answers).map(|(found, wanted)| relative_l2(found, wanted)).fold(0.0, f64::max))
}
