//! An entry: the signed unit of replication. Received bytes become [`Signed`] by parsing and [`Verified`] by checking
//! the signature; only [`Verified`] can be accepted, stored or shown.
//!
//! ```text
//! header = [1 (suite), circle 16, feed_key 32, incarnation 8, seq, prev 32, charter 32, kind, body_root 32, body_len]
//! signed = COSE_Sign1, external_aad = "habeas/1/entry" ‖ registry_id
//! id     = BLAKE3 derive-key("habeas 1 entry id", registry_id ‖ header)      the signature is not part of it
//! ```
//!
//! Invariants: the header bytes are kept and verified as received. A suite this version does not know makes an entry
//! *later*, not malformed. A failed signature is a fact about the frame that brought it, never about the id.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytes::{
    codec::{self, DecodeError},
    cose::{self, BadSignature, Domain, SIGNATURE, Signer},
    ids::{BodyRoot, CharterHash, CircleId, EntryId, FeedKey, Incarnation, Prev, RegistryId},
    limits::{BODY_BYTES, HEADER_BYTES},
    seal,
};

/// The suite of this version: Ed25519, BLAKE3, XChaCha20-Poly1305, X-Wing.
pub const SUITE: u64 = 1;

/// The kind of a body. SPEC.md has the table of kinds; an unknown kind is kept and carried, and read by a later
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(pub u64);

impl Kind {
    /// Statements about one section, sealed to the circle's readers.
    pub const ASSERTIONS: Self = Self(0);
    /// A new epoch of the circle: its id and the commitment to its key. Readable by every holder.
    pub const EPOCH: Self = Self(1);
    /// Wraps of an epoch key for reading keys. Readable by every holder.
    pub const WRAP: Self = Self(2);
    /// A named circle's definition and secrets, in a grant to its organisations. Readable by every holder.
    pub const MEMBERSHIP: Self = Self(3);

    /// Whether every holder of the circle may read the body, custodians included.
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::EPOCH | Self::WRAP | Self::MEMBERSHIP)
    }
}

/// The id of a feed: the gapless hash chain of one key, one incarnation, one circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedId {
    /// The circle.
    pub circle: CircleId,
    /// The key that signs the feed.
    pub key: FeedKey,
    /// The incarnation of the key.
    pub run: Incarnation,
}

impl FeedId {
    /// The bytes circle ‖ key ‖ incarnation: 56 bytes, the prefix of the feed's rows.
    #[must_use]
    pub fn bytes(&self) -> [u8; 56] {
        [&self.circle.0[..], &self.key.0, &self.run.0].concat().try_into().expect("16 + 32 + 8 bytes")
    }
}

/// The header of an entry: the fields that its author signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The feed that the entry belongs to.
    pub feed: FeedId,
    /// Sequence number in the feed: from 1, without gaps.
    pub seq: u64,
    /// The previous entry of the feed; for the first one the key's certificate.
    pub prev: Prev,
    /// The charter version that the author acts under.
    pub charter: CharterHash,
    /// The kind of the body.
    pub kind: Kind,
    /// Merkle root over the body's segments.
    pub body_root: BodyRoot,
    /// Length of the body in bytes.
    pub body_len: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, CircleId, FeedKey, Incarnation, u64, Prev, CharterHash, Kind, Option<BodyRoot>, u64);

impl Header {
    /// The canonical bytes that are signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(Some(self.body_root))
    }

    /// The canonical bytes before the body exists (`body_root` = null), which the body's encryption is bound to.
    #[must_use]
    pub fn encode_without_root(&self) -> Vec<u8> {
        self.encode_with(None)
    }

    fn encode_with(&self, root: Option<BodyRoot>) -> Vec<u8> {
        let FeedId { circle, key, run } = self.feed;
        codec::encode(&Wire(SUITE, circle, key, run, self.seq, self.prev, self.charter, self.kind, root, self.body_len))
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "header";
        let Wire(suite, circle, key, run, seq, prev, charter, kind, root, body_len) =
            codec::decode(what, bytes, HEADER_BYTES.0)?;
        let rule = |rule| DecodeError::Rule { what, rule };
        if suite != SUITE {
            return Err(rule("the suite is another one"));
        }
        if seq == 0 || seq == u64::MAX {
            return Err(rule("seq starts at 1 and never reaches the last number"));
        }
        if !(1..=BODY_BYTES.0 as u64).contains(&body_len) {
            return Err(rule("the body's length is zero or beyond the limit"));
        }
        let body_root = root.ok_or_else(|| rule("body_root is null"))?;
        Ok(Self { feed: FeedId { circle, key, run }, seq, prev, charter, kind, body_root, body_len })
    }

    /// The id of the entry with this header in `registry`.
    #[must_use]
    pub fn id(&self, registry: &RegistryId) -> EntryId {
        id_of(registry, &self.encode())
    }
}

fn id_of(registry: &RegistryId, header: &[u8]) -> EntryId {
    EntryId(seal::hash("habeas 1 entry id", &[&registry.0, header]))
}

/// Errors of parsing an entry.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    /// The bytes are not an entry of this or any newer version.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The entry was written by a newer version: kept apart, no strike.
    #[error("written by a newer version (suite {suite})")]
    Later {
        /// The suite that the entry names.
        suite: u8,
    },
}

/// A well-formed entry whose signature nobody has checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    header: Header,
    payload: Vec<u8>,
    signature: [u8; SIGNATURE],
}

impl Signed {
    /// Parses an envelope strictly.
    ///
    /// # Errors
    /// The bytes are malformed, or a newer version wrote them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (payload, signature) = cose::unenvelope("entry", bytes)?;
        match codec::version_of(payload) {
            Some(suite) if u64::from(suite) > SUITE => Err(ParseError::Later { suite }),
            _ => Ok(Self { header: Header::decode(payload)?, payload: payload.to_vec(), signature: *signature }),
        }
    }

    /// The header, unverified: for routing and duplicate checks only.
    #[must_use]
    pub fn claimed(&self) -> &Header {
        &self.header
    }

    /// The id that the entry has if its signature is good.
    #[must_use]
    pub fn claimed_id(&self, registry: &RegistryId) -> EntryId {
        id_of(registry, &self.payload)
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`BadSignature`] if the signature is not the feed key's in this registry.
    pub fn verify(self, registry: &RegistryId) -> Result<Verified, BadSignature> {
        cose::check(&self.header.feed.key.0, Domain::Entry, &registry.0, &self.payload, &self.signature)?;
        Ok(Verified { id: self.claimed_id(registry), signed: self })
    }
}

/// An entry with a checked signature. Made by [`Signed::verify`], by [`sign`], and by [`Verified::restore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    id: EntryId,
    signed: Signed,
}

impl Verified {
    /// The id of the entry.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The header of the entry.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.signed.header
    }

    /// The envelope of the entry on the wire.
    #[must_use]
    pub fn envelope(&self) -> Vec<u8> {
        cose::envelope(&self.signed.payload, &self.signed.signature)
    }

    /// Restores an entry from the store. This node verified it before storing it, and the store's seal protects the
    /// bytes.
    ///
    /// # Errors
    /// The stored bytes are not an entry.
    pub fn restore(registry: &RegistryId, stored: &[u8]) -> Result<Self, ParseError> {
        let signed = Signed::parse(stored)?;
        Ok(Self { id: signed.claimed_id(registry), signed })
    }
}

/// Signs a header. `signer` must hold the feed's key.
#[must_use]
pub fn sign(registry: &RegistryId, signer: &Signer, header: Header) -> Verified {
    debug_assert_eq!(signer.public(), header.feed.key.0, "an entry is signed by its feed's key");
    let payload = header.encode();
    let signature = signer.sign(Domain::Entry, &registry.0, &payload);
    Verified { id: id_of(registry, &payload), signed: Signed { header, payload, signature } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::seal::Secret;

    const REGISTRY: RegistryId = RegistryId([8; 32]);

    fn example() -> (Signer, Header) {
        let signer = Signer::new(&Secret::new([3; 32]));
        let feed = FeedId { circle: CircleId([1; 16]), key: FeedKey(signer.public()), run: Incarnation([2; 8]) };
        let header = Header {
            feed,
            seq: 1,
            prev: EntryId([4; 32]),
            charter: CharterHash([5; 32]),
            kind: Kind::ASSERTIONS,
            body_root: BodyRoot([6; 32]),
            body_len: 700,
        };
        (signer, header)
    }

    #[test]
    fn what_we_sign_we_accept_and_the_bytes_are_kept() {
        let (signer, header) = example();
        let entry = sign(&REGISTRY, &signer, header.clone());
        let bytes = entry.envelope();
        let read = Signed::parse(&bytes).expect("ours").verify(&REGISTRY).expect("ours");
        assert_eq!((read.header(), read.id(), read.envelope()), (&header, header.id(&REGISTRY), bytes));
    }

    #[test]
    fn an_entry_of_another_registry_does_not_verify() {
        let (signer, header) = example();
        let bytes = sign(&REGISTRY, &signer, header).envelope();
        let signed = Signed::parse(&bytes).expect("well formed");
        assert_eq!(signed.verify(&RegistryId([9; 32])), Err(BadSignature));
    }

    #[test]
    fn a_suite_of_tomorrow_is_later_and_rubbish_is_malformed() {
        let (signer, header) = example();
        let mut payload = header.encode();
        payload[1] = 2;
        let later = cose::envelope(&payload, &signer.sign(Domain::Entry, &REGISTRY.0, &payload));
        assert_eq!(Signed::parse(&later), Err(ParseError::Later { suite: 2 }));
        payload[1] = 0;
        assert!(matches!(Signed::parse(&cose::envelope(&payload, &[0; 64])), Err(ParseError::Malformed(_))));
        assert!(matches!(Signed::parse(b"rubbish"), Err(ParseError::Malformed(_))));
        assert!(matches!(Signed::parse(&cose::envelope(b"rubbish", &[0; 64])), Err(ParseError::Malformed(_))));
    }

    #[test]
    fn a_kind_of_tomorrow_is_an_entry_like_any_other() {
        let (signer, header) = example();
        let entry = sign(&REGISTRY, &signer, Header { kind: Kind(77), ..header });
        assert!(Signed::parse(&entry.envelope()).expect("well formed").verify(&REGISTRY).is_ok());
    }

    #[test]
    fn headers_that_break_a_rule_are_refused() {
        let (_, header) = example();
        let refused = |header: Header| {
            let bytes = cose::envelope(&header.encode(), &[0; 64]);
            assert!(matches!(Signed::parse(&bytes), Err(ParseError::Malformed(DecodeError::Rule { .. }))));
        };
        refused(Header { seq: 0, ..header.clone() });
        refused(Header { seq: u64::MAX, ..header.clone() });
        refused(Header { body_len: 0, ..header.clone() });
        refused(Header { body_len: 1 << 40, ..header });
    }
}
