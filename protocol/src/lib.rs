//! The rules of Habeas: pure values and state machines.
//!
//! Nothing here has a clock, a random source, a thread, a file or a socket; time and entropy arrive with the inputs, and
//! everything replays from a seed. Data flows one way, and each arrow is a type that the next step demands:
//! received → decoded → verified → accepted → stored → folded → shown.

pub mod case;
pub mod citation;
pub mod codec;
pub mod date;
pub mod docket;
pub mod ids;
pub mod limits;
pub mod schema;
pub mod section;
pub mod stage;
pub mod store;
