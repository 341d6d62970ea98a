//! File formats of checkpoints. Each returns the tensors of a file under the names in that file.

pub mod pytorch;
pub mod safetensors;
pub mod tfjs;
