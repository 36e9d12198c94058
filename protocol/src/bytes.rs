//! Bytes: names, limits, the one form of each value, the cryptographic primitives. Uses no other layer.

pub mod address;
pub mod armour;
pub mod codec;
pub mod cose;
pub mod ids;
pub mod limits;
pub mod seal;
pub mod words;
