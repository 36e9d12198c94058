//! The rules of Habeas: pure values and state machines.
//!
//! Nothing here has a clock, a random source, a thread, a file or a socket; time and entropy arrive with the inputs, and
//! everything replays from a seed. The folders are layers: each uses only those before it in this list, and a test holds
//! them to it. Data flows one way, and each arrow is a type that the next step demands:
//! received → decoded → verified → accepted → stored → folded → shown.

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
