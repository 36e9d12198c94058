//! The rules of Habeas: pure values and state machines.
//!
//! This crate has no clock, no random source, no thread, no file and no socket; time and entropy are inputs, so that
//! every run replays from a seed. The folders are layers: each uses only those before it in this list, which a test
//! checks. Data flows one way, and each step requires the type that the one before it produces: received → decoded →
//! verified → accepted → stored → folded → shown.

pub mod bytes;
pub mod store;

pub mod log;
pub mod membership;
pub mod replication;

pub mod record;
pub mod sharing;

pub mod app;

#[cfg(any(test, feature = "sim"))]
pub mod sim;
