//! Ed25519 alone: the cost of an entry's signature when the key is decoded and the message is ready.

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

/// A bare signature: an entry's envelope taken apart.
pub struct Bare {
    key: VerifyingKey,
    /// The message, that is, the bytes that are signed.
    pub message: Vec<u8>,
    signature: Signature,
}

impl Bare {
    /// The bare parts of an entry of `registry`.
    pub fn of(registry: &RegistryId, arrival: &Arrival) -> Self {
        let envelope = arrival.entry.envelope();
        let (payload, signature) = cose::unenvelope("entry", &envelope).expect("ours");
        let key = Signed::parse(&envelope).expect("ours").claimed().feed.key.0;
        // The encoding of RFC 9052 §4.4, for an aad and a payload below 256 bytes.
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

/// The seconds that each of these signatures takes, with the strict check. A first pass fills the caches and is not
/// counted: otherwise every ratio against this would be too favourable to us.
pub fn strict(bare: &[Bare]) -> f64 {
    bare.iter().for_each(Bare::check);
    let (_, took) = timed(|| bare.iter().for_each(|bare| black_box(bare).check()));
    took / bare.len() as f64
}
