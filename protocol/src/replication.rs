//! Replication: which entries count, and how two replicas come to agree on them.

#[cfg(any(test, feature = "sim"))]
pub mod planted;
pub mod replica;
pub mod sync;
