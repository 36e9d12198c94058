//! The rules of Habeas: pure values and state machines.
//!
//! Nothing here has a clock, a random source, a thread, a file or a socket; time and entropy arrive with the inputs, and
//! everything replays from a seed. Data flows one way, and each arrow is a type that the next step demands:
//! received → decoded → verified → accepted → stored → folded → shown.

pub mod armour;
pub mod body;
pub mod charter;
pub mod circle;
pub mod codec;
pub mod control;
pub mod cose;
pub mod entry;
pub mod feed;
pub mod ids;
pub mod limits;
pub mod replica;
pub mod seal;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod staged;
pub mod store;
pub mod sync;
pub mod words;
