//! The test harness: registries made from a seed, real nodes as processes, and a member that breaks the rules.

pub mod bench;
pub mod daemons;
pub mod evil;
pub mod memory;
pub mod tap;
pub mod written;
