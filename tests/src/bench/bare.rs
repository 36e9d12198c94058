//! Ed25519 alone: what an entry's signature costs when the key is decoded and the message lies ready.

use std::hint::black_box;

use ed25519_dalek::{Signature, VerifyingKey};
use protocol::{
    bytes::{
        cose::{self, Domain},
        ids::RegistryId,
    },
    log::entry::Signed,
    replication::sync::frame::Arrival,
};

use super::figures::timed;

/// An entry's envelope taken apart.
pub struct Bare {
    key: VerifyingKey,
    /// The bytes that are signed.
    pub message: Vec<u8>,
    signature: Signature,
}

impl Bare {
    /// The parts of an entry of `registry`.
    pub fn of(registry: &RegistryId, arrival: &Arrival) -> Self {
        let envelope = arrival.entry.envelope();
        let (payload, signature) = cose::unenvelope("entry", &envelope).expect("ours");
        let key = Signed::parse(&envelope).expect("ours").claimed().feed.key.0;
        // RFC 9052 §4.4, for an aad and a payload below 256 bytes.
        let string = |bytes: &[u8]| [&[0x58, u8::try_from(bytes.len()).expect("short")], bytes].concat();
        let aad = string(&Domain::Entry.aad(&registry.0));
        let message = [&b"\x84\x6aSignature1\x43\xa1\x01\x27"[..], &aad, &string(payload)].concat();
        let key = VerifyingKey::from_bytes(&key).expect("a sound key");
        Self { key, message, signature: Signature::from_bytes(signature) }
    }

    fn check(&self) {
        self.key.verify_strict(&self.message, &self.signature).expect("ours");
    }
}

/// Seconds that each of these signatures takes, checked strictly. What ran before has left the caches to itself, so a
/// first pass is not counted: else every ratio against this would flatter us.
pub fn strict(bare: &[Bare]) -> f64 {
    bare.iter().for_each(Bare::check);
    let (_, took) = timed(|| bare.iter().for_each(|bare| black_box(bare).check()));
    took / bare.len() as f64
}
