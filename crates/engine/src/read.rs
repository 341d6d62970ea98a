//! Reads values back from a device.

use super::EngineError;
use burn::tensor::{Tensor, Transaction};

/// Reads the values of tensors on one device, row-major, all at once: one wait for the GPU. `device` names it in errors.
pub async fn read(tensors: Vec<Tensor<4>>, device: &'static str) -> Result<Vec<Vec<f32>>, EngineError> {
    let failed = |cause: String| EngineError::Device { device, cause };
    let mut transaction = Transaction::default();
    for tensor in tensors {
        transaction = transaction.register(tensor);
    }
    let mut values = Vec::new();
    for data in transaction.execute_async().await.map_err(|error| failed(format!("{error:?}")))? {
        values.push(data.try_into_vec().map_err(|_| failed("its numbers are not 32 bits wide".into()))?);
    }
    Ok(values)
}
