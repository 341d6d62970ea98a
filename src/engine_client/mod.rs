//! The page's side of the workers.

pub mod client;
pub mod pool;
