//! The embedded node.

pub mod chain;
