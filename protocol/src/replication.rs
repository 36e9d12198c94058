//! Replication: the rules by which entries count, and the protocol by which two replicas reconcile them.

#[cfg(any(test, feature = "sim"))]
pub mod planted;
pub mod replica;
pub mod sync;
