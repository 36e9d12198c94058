//! Bytes: ids, limits, the canonical encoding and the cryptographic primitives. This layer uses no other.

pub mod address;
pub mod armour;
pub mod codec;
pub mod cose;
pub mod ids;
pub mod limits;
pub mod seal;
pub mod words;
