//! The shared parts of benchmarks: registries to measure in, peers to measure against, figures to show.

pub mod bare;
pub mod federation;
pub mod figures;
pub mod peers;
pub mod process;
