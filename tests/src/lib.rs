//! The world the tests live in: registries made from a seed, and what was written in them.

pub mod bench;
pub mod written;
