//! A grant: the secrets of circles, sealed so that some devices can open them and nobody can tell which.
//!
//! ```text
//! grant   = [[wrap 1168 …], nonce 24, ciphertext]      wraps padded with random ones to a multiple of 8, sorted
//! wrap    = HPKE to a device's reading key of the key of the ciphertext, info "habeas 1 grant", aad = registry id
//! content = [[circle, secret 32, [[epoch 16, key 32] …]] …], padded; the ciphertext's aad = registry id
//! ```
//!
//! It stands in registry files (what a device needs to start) and in entries (a named circle is opened; an epoch begins).

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Circle, Epoch};
use crate::{
    codec::{self, DecodeError},
    ids::RegistryId,
    limits::{BODY_BYTES, DEVICES, ORGANISATIONS},
    seal::{self, Entropy, NONCE, ReadingKey, ReadingSecret, Secret, WRAP},
};

/// What one circle's readers need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The circle.
    pub circle: Circle,
    /// Keys the tags peers compare; fixed for ever.
    pub secret: Secret,
    /// The epochs granted: the commons grants its history, a named circle what it has.
    pub epochs: Vec<Epoch>,
}

#[derive(Serialize, Deserialize)]
struct OpeningWire(ByteBuf, Secret, Vec<Epoch>);

#[derive(Serialize, Deserialize)]
struct Wire(Vec<ByteArray<WRAP>>, ByteArray<NONCE>, ByteBuf);

const INFO: &[u8] = b"habeas 1 grant";
const GROUP: usize = 8;

impl Opening {
    /// A fresh secret and a first epoch for a circle.
    #[must_use]
    pub fn fresh(circle: Circle, entropy: &mut Entropy) -> Self {
        Self { circle, secret: entropy.secret(), epochs: vec![Epoch::fresh(entropy)] }
    }

    /// The canonical bytes; secret.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.wire())
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode("opening", bytes, BODY_BYTES.0).and_then(Self::from_wire)
    }

    fn wire(&self) -> OpeningWire {
        OpeningWire(ByteBuf::from(self.circle.encode()), self.secret.clone(), self.epochs.clone())
    }

    fn from_wire(OpeningWire(circle, secret, epochs): OpeningWire) -> Result<Self, DecodeError> {
        Ok(Self { circle: Circle::decode(&circle)?, secret, epochs })
    }
}

/// Seals `openings` for `readers`. A reader whose key is not sound gets nothing and harms nobody.
#[must_use]
pub fn seal(registry: &RegistryId, openings: &[Opening], readers: &[&ReadingKey], entropy: &mut Entropy) -> Vec<u8> {
    let content = codec::encode(&openings.iter().map(Opening::wire).collect::<Vec<_>>());
    seal_bytes(registry, &content, readers, entropy)
}

/// Opens a grant with a device's reading key: `None` if it was not made for it.
pub fn open(registry: &RegistryId, grant: &[u8], reader: &ReadingSecret) -> Result<Option<Vec<Opening>>, DecodeError> {
    let Some(content) = open_bytes(registry, grant, reader)? else { return Ok(None) };
    let openings: Vec<OpeningWire> = codec::decode("openings", &content, BODY_BYTES.0)?;
    openings.into_iter().map(Opening::from_wire).collect::<Result<_, _>>().map(Some)
}

/// Seals any content for readers, in the form of a grant.
pub(crate) fn seal_bytes(
    registry: &RegistryId,
    content: &[u8],
    readers: &[&ReadingKey],
    entropy: &mut Entropy,
) -> Vec<u8> {
    let (key, nonce) = (entropy.secret(), entropy.bytes::<NONCE>());
    let mut wraps: Vec<ByteArray<WRAP>> =
        readers.iter().filter_map(|reader| reader.wrap(INFO, &registry.0, &key, entropy)).map(Into::into).collect();
    while wraps.is_empty() || !wraps.len().is_multiple_of(GROUP) {
        wraps.push(entropy.bytes::<WRAP>().into());
    }
    // Sorted, so that position does not tell a real wrap from a random one.
    wraps.sort_unstable();
    let ciphertext = seal::seal(&key, &nonce, &registry.0, &seal::pad(content));
    codec::encode(&Wire(wraps, nonce.into(), ByteBuf::from(ciphertext)))
}

/// Opens what [`seal_bytes`] made.
pub(crate) fn open_bytes(
    registry: &RegistryId,
    grant: &[u8],
    reader: &ReadingSecret,
) -> Result<Option<Vec<u8>>, DecodeError> {
    let limit = ORGANISATIONS.0 * DEVICES.0 * (WRAP + 3) + BODY_BYTES.0;
    let Wire(wraps, nonce, ciphertext) = codec::decode("grant", grant, limit)?;
    let key = wraps.iter().find_map(|wrap| reader.unwrap(INFO, &registry.0, wrap));
    let padded = key.and_then(|key| seal::open(&key, &nonce, &registry.0, &ciphertext));
    Ok(padded.and_then(|padded| seal::unpad(&padded).map(<[u8]>::to_vec)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgId;

    const REGISTRY: RegistryId = RegistryId([8; 32]);

    #[test]
    fn a_grant_opens_for_its_readers_and_does_not_tell_who_they_are() {
        let mut entropy = Entropy::new([1; 32]);
        let readers: Vec<_> = (0..3).map(|_| ReadingSecret(entropy.secret())).collect();
        let stranger = ReadingSecret(entropy.secret());
        let (a, b) = (OrgId([1; 32]), OrgId([2; 32]));
        let opening = Opening::fresh(Circle::named(a, &[b], &mut entropy), &mut entropy);
        assert_eq!(Opening::decode(&opening.encode()), Ok(opening.clone()));
        let keys: Vec<_> = readers.iter().map(ReadingSecret::public).collect();
        let grant = seal(&REGISTRY, std::slice::from_ref(&opening), &keys.iter().collect::<Vec<_>>(), &mut entropy);
        for reader in &readers {
            assert_eq!(open(&REGISTRY, &grant, reader), Ok(Some(vec![opening.clone()])));
        }
        assert_eq!(open(&REGISTRY, &grant, &stranger), Ok(None));
        assert_eq!(open(&RegistryId([9; 32]), &grant, &readers[0]), Ok(None));
        let eight: Vec<_> = std::iter::repeat_n(&keys[0], 8).collect();
        assert_eq!(seal(&REGISTRY, &[opening], &eight, &mut entropy).len(), grant.len());
    }

    #[test]
    fn a_circle_is_its_id_and_its_id_is_the_circle() {
        let mut entropy = Entropy::new([2; 32]);
        let (a, b, c) = (OrgId([1; 32]), OrgId([2; 32]), OrgId([3; 32]));
        let named = Circle::named(b, &[a, b], &mut entropy);
        for circle in [Circle::Own(a), named.clone(), Circle::Commons] {
            assert_eq!(Circle::decode(&circle.encode()), Ok(circle));
        }
        assert!(named.admits(&a) && named.admits(&b) && !named.admits(&c));
        assert_ne!(named.id(&REGISTRY), Circle::named(b, &[a, b], &mut entropy).id(&REGISTRY));
        let Circle::Named { steward, salt, .. } = named else { unreachable!() };
        let unsorted = Circle::Named { steward, salt, organisations: vec![b, a] };
        assert!(Circle::decode(&unsorted.encode()).is_err());
        let without_steward = Circle::Named { steward, salt, organisations: vec![a, c] };
        assert!(Circle::decode(&without_steward.encode()).is_err());
    }
}
