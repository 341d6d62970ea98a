//! Containers of checkpoints: what lies in a file, under the names that the file itself uses.

pub mod pytorch;
pub mod safetensors;
pub mod tfjs;
