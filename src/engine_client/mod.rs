//! The page's end of the workers in which the networks are computed.

pub mod client;
pub mod pool;
