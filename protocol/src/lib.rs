//! The rules of Habeas: pure values and state machines.
//!
//! Nothing here has a clock, a random source, a thread, a file or a socket; time and entropy arrive with the inputs, and
//! everything replays from a seed. Data flows one way, and each arrow is a type that the next step demands:
//! received → decoded → verified → accepted → stored → folded → shown.

// Bytes: names, limits, one form for each value, the primitives.
pub mod codec;
pub mod cose;
pub mod ids;
pub mod limits;
pub mod seal;
pub mod words;

// What is signed: entries and their bodies, and the files people hand to each other.
pub mod address;
pub mod armour;
pub mod body;
pub mod entry;

// Who, and who reads.
pub mod charter;
pub mod circle;

// What counts, and how peers come to agree on it.
pub mod feed;
pub mod replica;
pub mod staged;
pub mod store;
pub mod sync;

// What the record says.
pub mod citation;
pub mod date;
pub mod import;
pub mod schema;
pub mod section;

// What people see, and ask for.
pub mod case;
pub mod consent;
pub mod control;
pub mod desk;
pub mod docket;
pub mod library;
pub mod names;
pub mod question;
pub mod share;
pub mod stage;

#[cfg(any(test, feature = "sim"))]
pub mod sim;
