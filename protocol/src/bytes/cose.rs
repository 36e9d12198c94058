//! Signatures: COSE_Sign1 (RFC 9052) over canonical bytes, Ed25519, one domain per kind of statement.
//!
//! protected = {1: -8} (EdDSA), unprotected = {}, external_aad = domain ‖ context. The envelope is the untagged array
//! `[protected, {}, payload, signature]`; tag 18 is added on export only.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::bytes::{codec::DecodeError, seal::Secret};

/// Length of a signature in bytes.
pub const SIGNATURE: usize = 64;

/// The domain of a signature, which separates kinds of signed statements: a signature valid in one is valid in no
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// An entry of a feed; context: registry id.
    Entry,
    /// A link of a roster; no context, since a roster exists before any registry.
    Link,
    /// A device key's proof of possession: it names the organisation it serves; context: organisation.
    Possession,
    /// A card; no context.
    Card,
    /// A founder's consent to a genesis; context: registry id.
    Genesis,
    /// The sealed annex of a registry file; context: registry id.
    Annex,
}

impl Domain {
    const fn label(self) -> &'static str {
        match self {
            Self::Entry => "habeas/1/entry",
            Self::Link => "habeas/1/link",
            Self::Possession => "habeas/1/possession",
            Self::Card => "habeas/1/card",
            Self::Genesis => "habeas/1/genesis",
            Self::Annex => "habeas/1/annex",
        }
    }

    /// Returns the external aad of a signature: domain ‖ context.
    #[must_use]
    pub fn aad(self, context: &[u8]) -> Vec<u8> {
        [self.label().as_bytes(), context].concat()
    }
}

/// A signing key. Each key has one purpose. Only the seed is kept, among the secrets; the expanded key is derived again
/// for each signature and overwritten afterwards.
#[derive(Clone)]
pub struct Signer {
    seed: Secret,
    public: [u8; 32],
}

impl Signer {
    /// Derives the key from a 32-byte seed.
    #[must_use]
    pub fn new(seed: &Secret) -> Self {
        let public = SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes();
        Self { seed: seed.clone(), public }
    }

    /// The public half of the key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Signs `payload` in `domain`.
    #[must_use]
    pub fn sign(&self, domain: Domain, context: &[u8], payload: &[u8]) -> [u8; SIGNATURE] {
        SigningKey::from_bytes(self.seed.expose()).sign(&to_be_signed(&domain.aad(context), payload)).to_bytes()
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// A signature that does not verify under this key, domain and bytes. The failure is a fact about the frame that
/// carried the signature, never about the signed thing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the signature does not fit")]
pub struct BadSignature;

/// Verifies a signature strictly: weak keys and non-canonical encodings are refused alike on every machine.
///
/// # Errors
/// The key is not a sound point, or the signature does not verify.
pub fn check(
    key: &[u8; 32],
    domain: Domain,
    context: &[u8],
    payload: &[u8],
    signature: &[u8; SIGNATURE],
) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| BadSignature)?;
    key.verify_strict(&to_be_signed(&domain.aad(context), payload), &Signature::from_bytes(signature))
        .map_err(|_| BadSignature)
}

/// Builds the envelope of a payload and its signature.
#[must_use]
pub fn envelope(payload: &[u8], signature: &[u8; SIGNATURE]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + SIGNATURE + 16);
    bytes.extend_from_slice(&[0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0]);
    byte_string(&mut bytes, payload);
    bytes.extend_from_slice(&[0x58, 0x40]);
    bytes.extend_from_slice(signature);
    bytes
}

/// Adds COSE's tag 18 to an envelope, as other programs expect it.
#[must_use]
pub fn tagged(envelope: &[u8]) -> Vec<u8> {
    [&[0xd2], envelope].concat()
}

/// Splits an envelope into payload and signature. The form is fixed and nothing may follow it.
///
/// # Errors
/// [`DecodeError::Malformed`] for any other bytes.
pub fn unenvelope<'a>(what: &'static str, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8; SIGNATURE]), DecodeError> {
    let malformed = || DecodeError::Malformed { what, reason: "not a COSE_Sign1 envelope of ours".to_owned() };
    let rest = bytes.strip_prefix(&[0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0]).ok_or_else(malformed)?;
    let (payload, rest) = take_byte_string(rest).ok_or_else(malformed)?;
    let signature = rest.strip_prefix(&[0x58, 0x40]).ok_or_else(malformed)?;
    Ok((payload, signature.try_into().map_err(|_| malformed())?))
}

/// The `Sig_structure` of RFC 9052 §4.4: `["Signature1", protected, external_aad, payload]`.
fn to_be_signed(aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + aad.len() + 32);
    bytes.extend_from_slice(b"\x84\x6aSignature1\x43\xa1\x01\x27");
    byte_string(&mut bytes, aad);
    byte_string(&mut bytes, payload);
    bytes
}

fn byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        short @ 0..=23 => out.push(0x40 | u8::try_from(short).expect("below 24")),
        byte @ 24..=0xff => out.extend_from_slice(&[0x58, u8::try_from(byte).expect("one byte")]),
        word @ 0x100..=0xffff => {
            out.push(0x59);
            out.extend_from_slice(&u16::try_from(word).expect("two bytes").to_be_bytes());
        }
        long => {
            out.push(0x5a);
            out.extend_from_slice(&u32::try_from(long).expect("nothing we sign has 4 GiB").to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

fn take_byte_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first()?;
    let (length, least, rest) = match head {
        0x40..=0x57 => (usize::from(head & 0x1f), 0, rest),
        0x58 => rest.split_first_chunk::<1>().map(|(n, rest)| (usize::from(n[0]), 24, rest))?,
        0x59 => rest.split_first_chunk().map(|(n, rest)| (usize::from(u16::from_be_bytes(*n)), 0x100, rest))?,
        0x5a => {
            let (n, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_be_bytes(*n)).ok()?, 0x1_0000, rest)
        }
        _ => return None,
    };
    (length >= least).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_has_one_form_at_every_length() {
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
            let payload = vec![3; length];
            let bytes = envelope(&payload, &[9; 64]);
            assert_eq!(unenvelope("test", &bytes), Ok((&payload[..], &[9; 64])));
            assert!(unenvelope("test", &[&bytes[..], &[0]].concat()).is_err(), "trailing byte");
            assert!(unenvelope("test", &bytes[..bytes.len() - 1]).is_err(), "one byte short");
        }
        let long_form = [&[0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x58, 0x01, 0x07, 0x58, 0x40][..], &[9; 64]].concat();
        assert!(unenvelope("test", &long_form).is_err(), "a length in more bytes than it needs");
    }

    #[test]
    fn a_signature_counts_in_its_own_domain_and_context_only() {
        let signer = Signer::new(&Secret::new([5; 32]));
        let domains = [Domain::Entry, Domain::Link, Domain::Possession, Domain::Card, Domain::Genesis, Domain::Annex];
        for made in domains {
            let signature = signer.sign(made, b"context", b"payload");
            for asked in domains {
                let verdict = check(&signer.public(), asked, b"context", b"payload", &signature);
                assert_eq!(verdict.is_ok(), made == asked, "{made:?} as {asked:?}");
            }
            assert_eq!(check(&signer.public(), made, b"elsewhere", b"payload", &signature), Err(BadSignature));
        }
    }

    /// A key or point of small order makes one signature verify for many texts. Verification that is not strict accepts
    /// some.
    #[test]
    fn keys_and_points_of_small_order_are_refused_though_the_equation_holds() {
        use ed25519_dalek::Verifier as _;

        let files = [
            include_str!("../../vectors/wire/entry-ed25519-small-r.json"),
            include_str!("../../vectors/wire/entry-ed25519-neutral-key.json"),
            include_str!("../../vectors/wire/entry-ed25519-small-key-1.json"),
            include_str!("../../vectors/wire/entry-ed25519-small-key-2.json"),
            include_str!("../../vectors/wire/entry-ed25519-small-key-3.json"),
        ];
        let mut weakly_accepted = 0;
        for file in files {
            let file: serde_json::Value = serde_json::from_str(file).expect("JSON");
            let input = |name: &str| {
                let hex = file["inputs"][name].as_str().expect("a text");
                data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex")
            };
            let (registry, envelope) = (input("registry"), input("envelope"));
            let (payload, signature) = unenvelope("entry", &envelope).expect("an envelope");
            let key = crate::log::entry::Signed::parse(&envelope).expect("well formed").claimed().feed.key.0;
            assert_eq!(check(&key, Domain::Entry, &registry, payload, signature), Err(BadSignature), "{}", file["why"]);
            let signed = to_be_signed(&Domain::Entry.aad(&registry), payload);
            #[expect(clippy::disallowed_methods, reason = "shows what the strict check refuses beyond the weak one")]
            let weak = VerifyingKey::from_bytes(&key).map(|key| key.verify(&signed, &Signature::from_bytes(signature)));
            weakly_accepted += usize::from(matches!(weak, Ok(Ok(()))));
        }
        assert!(weakly_accepted >= 2, "{weakly_accepted} of these tell strict verification from another");
    }
}
