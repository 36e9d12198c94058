//! The world the tests live in: registries made from a seed, real nodes as processes, and a member that keeps to no rule.

pub mod bench;
pub mod daemons;
pub mod evil;
pub mod memory;
pub mod tap;
pub mod written;
