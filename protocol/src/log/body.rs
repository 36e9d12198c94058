//! The body of an entry: its content, kept apart from the header so that it can be sealed, withheld and erased.
//!
//! ```text
//! body    = [segment]                                        one segment for now
//! sealed  = [epoch 16, nonce 24, wrapped_key 48, commitment 32, ciphertext]
//! clear   = [bytes]                                          control kinds only
//! leaf    = BLAKE3 derive-key("habeas 1 segment leaf", index u32 BE ‖ segment)
//! root    = BLAKE3 derive-key("habeas 1 body root", count u32 BE ‖ leaf)
//! ```
//!
//! A segment key is random and never seals two plaintexts. The commitment is checked before opening, so that one
//! ciphertext never opens to two contents. The ciphertext is bound to registry, header and index.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    bytes::{
        codec::{self, DecodeError},
        ids::{BodyRoot, EpochId, RegistryId},
        limits::BODY_BYTES,
        seal::{self, Entropy, NONCE, Secret, TAG},
    },
    log::entry::Header,
};

/// A sealed segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment(EpochId, ByteArray<NONCE>, ByteArray<{ 32 + TAG }>, ByteArray<32>, ByteBuf);

#[derive(Serialize, Deserialize)]
struct Sealed((Segment,));

#[derive(Serialize, Deserialize)]
struct Clear(((ByteBuf,),));

/// Errors of checking a body against its header.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// The length differs from the one in the header.
    #[error("the body has {found} bytes, its header says {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes that the header names.
        expected: u64,
    },
    /// The content differs from the root in the header.
    #[error("the body is not the one its header names")]
    Root,
}

/// A body that matches its header's length and root. Its content may still be malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Checks received bytes against the header they came with.
    ///
    /// # Errors
    /// Length or root differ from the header's.
    pub fn check(header: &Header, bytes: Vec<u8>) -> Result<Self, BodyError> {
        if u64::try_from(bytes.len()) != Ok(header.body_len) {
            return Err(BodyError::Length { found: bytes.len(), expected: header.body_len });
        }
        if root(&bytes) == Some(header.body_root) { Ok(Self(bytes)) } else { Err(BodyError::Root) }
    }

    /// Restores a body from the store; this node checked it before storing it.
    #[must_use]
    pub fn restore(stored: Vec<u8>) -> Self {
        Self(stored)
    }

    /// The bytes of the body on the wire.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the epoch whose key opens this body.
    ///
    /// # Errors
    /// The body is not a sealed one.
    pub fn epoch(&self) -> Result<EpochId, DecodeError> {
        self.segment().map(|segment| segment.0)
    }

    /// Opens a sealed body with its epoch's key and returns the content.
    ///
    /// # Errors
    /// The body is malformed, the key is wrong, or commitment, ciphertext or padding do not match.
    pub fn open(&self, registry: &RegistryId, header: &Header, epoch_key: &Secret) -> Result<Vec<u8>, OpenError> {
        let Segment(_, nonce, wrapped, commitment, ciphertext) = self.segment()?;
        let key = seal::open(epoch_key, &nonce, &*commitment, &*wrapped).ok_or(OpenError::Key)?;
        let key = Secret::copied(&Zeroizing::new(key)).ok_or(OpenError::Key)?;
        if commit(&key, &nonce) != *commitment {
            return Err(OpenError::Commitment);
        }
        let padded = seal::open(&key, &nonce, &aad(registry, header), &ciphertext).ok_or(OpenError::Ciphertext)?;
        seal::unpad(&padded).map(<[u8]>::to_vec).ok_or(OpenError::Padding)
    }

    /// Returns the content of a control body.
    ///
    /// # Errors
    /// The body is not a clear one.
    pub fn clear(&self) -> Result<Vec<u8>, DecodeError> {
        codec::decode::<Clear>("control body", &self.0, BODY_BYTES.0).map(|Clear(((bytes,),))| bytes.into_vec())
    }

    fn segment(&self) -> Result<Segment, DecodeError> {
        codec::decode::<Sealed>("body", &self.0, BODY_BYTES.0).map(|Sealed((segment,))| segment)
    }
}

/// Errors of opening a body. Each is caused by the author (or by a wrong key), never by the peer that carried the body,
/// since the root covers every byte.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OpenError {
    /// The bytes are not a sealed body.
    #[error(transparent)]
    Shape(#[from] DecodeError),
    /// The epoch key does not open the segment key.
    #[error("the epoch key does not open the segment key")]
    Key,
    /// The segment key is not the one committed to.
    #[error("the segment key is not the one committed to")]
    Commitment,
    /// The ciphertext does not open under its key and header.
    #[error("the ciphertext does not open")]
    Ciphertext,
    /// The padding is not canonical.
    #[error("the padding is not canonical")]
    Padding,
}

/// Seals `plain` under an epoch's key and completes `header`, whose `body_root` and `body_len` are overwritten.
#[must_use]
pub fn seal_for(
    registry: &RegistryId,
    header: Header,
    epoch: EpochId,
    epoch_key: &Secret,
    plain: &[u8],
    entropy: &mut Entropy,
) -> (Header, Body) {
    let (key, nonce) = (entropy.secret(), entropy.bytes::<NONCE>());
    let commitment = commit(&key, &nonce);
    let wrapped = seal::seal(epoch_key, &nonce, &commitment, key.expose());
    let wrapped: [u8; 32 + TAG] = wrapped.try_into().expect("a 32-byte key and its tag");
    let segment = |ciphertext| {
        let (nonce, wrapped, commitment) = (ByteArray::new(nonce), ByteArray::new(wrapped), ByteArray::new(commitment));
        codec::encode(&Sealed((Segment(epoch, nonce, wrapped, commitment, ByteBuf::from(ciphertext)),)))
    };
    // The ciphertext is bound to the body's length, which is therefore computed first.
    let length = segment(vec![0; seal::padded_len(plain.len()) + TAG]).len();
    let header = Header { body_len: length.try_into().expect("a body fits 64 bits"), ..header };
    let bytes = segment(seal::seal(&key, &nonce, &aad(registry, &header), &seal::pad(plain)));
    (Header { body_root: root(&bytes).expect(ONE), ..header }, Body(bytes))
}

/// Puts a control content into a clear body and completes `header`, whose `body_root` and `body_len` are overwritten.
#[must_use]
pub fn clear_for(header: Header, content: &[u8]) -> (Header, Body) {
    let bytes = codec::encode(&Clear(((ByteBuf::from(content),),)));
    let body_len = bytes.len().try_into().expect("a body fits 64 bits");
    (Header { body_root: root(&bytes).expect(ONE), body_len, ..header }, Body(bytes))
}

fn commit(key: &Secret, nonce: &[u8; NONCE]) -> [u8; 32] {
    seal::hash("habeas 1 segment commitment", &[key.expose(), nonce])
}

fn aad(registry: &RegistryId, header: &Header) -> Vec<u8> {
    [b"habeas/1/body", &registry.0[..], &header.encode_without_root(), &0_u32.to_be_bytes()].concat()
}

/// Merkle root of a body; `None` if the body is not an array of one. Every byte is covered, the first one here and the
/// rest by the leaf: otherwise a peer could alter a body that still matches its header.
fn root(body: &[u8]) -> Option<BodyRoot> {
    let segment = body.strip_prefix(&[0x81])?;
    let leaf = seal::hash("habeas 1 segment leaf", &[&0_u32.to_be_bytes(), segment]);
    Some(BodyRoot(seal::hash("habeas 1 body root", &[&1_u32.to_be_bytes(), &leaf])))
}

const ONE: &str = "what we encode is an array of one segment";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bytes::ids::{CharterHash, CircleId, EntryId, FeedKey, Incarnation},
        log::entry::{FeedId, Kind},
    };

    const REGISTRY: RegistryId = RegistryId([8; 32]);
    const EPOCH: EpochId = EpochId([9; 16]);

    fn blank() -> Header {
        Header {
            feed: FeedId { circle: CircleId([1; 16]), key: FeedKey([2; 32]), run: Incarnation([3; 8]) },
            seq: 5,
            prev: EntryId([4; 32]),
            charter: CharterHash([5; 32]),
            kind: Kind::ASSERTIONS,
            body_root: BodyRoot([0; 32]),
            body_len: 1,
        }
    }

    #[test]
    fn a_sealed_body_opens_with_its_epoch_and_header_only() {
        let mut entropy = Entropy::new([7; 32]);
        let key = entropy.secret();
        let (header, body) = seal_for(&REGISTRY, blank(), EPOCH, &key, b"what was said", &mut entropy);
        let body = Body::check(&header, body.bytes().to_vec()).expect("fits its header");
        assert_eq!(body.open(&REGISTRY, &header, &key).as_deref(), Ok(&b"what was said"[..]));
        assert_eq!(body.open(&REGISTRY, &header, &entropy.secret()), Err(OpenError::Key));
        let moved = Header { seq: 6, ..header.clone() };
        assert_eq!(body.open(&REGISTRY, &moved, &key), Err(OpenError::Ciphertext));
        assert_eq!(body.open(&RegistryId([1; 32]), &header, &key), Err(OpenError::Ciphertext));
    }

    /// A ciphertext under two keys could have two contents, if the second key could be named in place of the first.
    #[test]
    fn a_body_whose_commitment_is_to_another_key_or_nonce_does_not_open() {
        let mut entropy = Entropy::new([6; 32]);
        let (epoch_key, key, nonce) = (entropy.secret(), entropy.secret(), entropy.bytes::<NONCE>());
        let made = |commitment: [u8; 32]| {
            let wrapped: [u8; 32 + TAG] =
                seal::seal(&epoch_key, &nonce, &commitment, key.expose()).try_into().expect("a key and its tag");
            let segment = |ciphertext| {
                let (nonce, wrapped, commitment) = (nonce.into(), wrapped.into(), commitment.into());
                codec::encode(&Sealed((Segment(EPOCH, nonce, wrapped, commitment, ByteBuf::from(ciphertext)),)))
            };
            let length = segment(vec![0; seal::padded_len(4) + TAG]).len();
            let header = Header { body_len: length as u64, ..blank() };
            let bytes = segment(seal::seal(&key, &nonce, &aad(&REGISTRY, &header), &seal::pad(b"said")));
            let header = Header { body_root: root(&bytes).expect(ONE), ..header };
            Body::check(&header, bytes).expect("fits its header").open(&REGISTRY, &header, &epoch_key)
        };
        assert_eq!(made(commit(&key, &nonce)).as_deref(), Ok(&b"said"[..]));
        let (other, elsewhere) = (entropy.secret(), entropy.bytes::<NONCE>());
        for commitment in [commit(&other, &nonce), commit(&key, &elsewhere), [0; 32]] {
            assert_eq!(made(commitment), Err(OpenError::Commitment));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_body_is_refused() {
        let mut entropy = Entropy::new([7; 32]);
        let key = entropy.secret();
        let (header, body) = seal_for(&REGISTRY, blank(), EPOCH, &key, b"x", &mut entropy);
        for bit in 0..body.bytes().len() * 8 {
            let mut bytes = body.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Body::check(&header, bytes), Err(BodyError::Root), "bit {bit}");
        }
    }

    #[test]
    fn a_control_body_is_readable_by_every_holder() {
        let (header, body) = clear_for(blank(), b"control");
        let body = Body::check(&header, body.bytes().to_vec()).expect("fits its header");
        assert_eq!(body.clear().as_deref(), Ok(&b"control"[..]));
        assert!(matches!(body.epoch(), Err(DecodeError::Malformed { .. })));
    }
}
