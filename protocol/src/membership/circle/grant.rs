//! A grant: secrets of circles, sealed so that only some devices can open them, and nobody else can tell which.
//!
//! ```text
//! grant   = [[slot 1172 …], nonce 24, ciphertext]      a multiple of 8 slots, sorted
//! slot    = hint 4 ‖ wrap 1168
//! wrap    = HPKE to a device's reading key of the key of the ciphertext, info "habeas 1 grant", aad = registry id
//! hint    = BLAKE3 keyed(pair, wrap)[..4]
//! pair    = BLAKE3 derive-key("habeas 1 reading pair", X25519 between the reading keys of author's and reader's device)
//! content = [[circle, secret 32, [[epoch 16, key 32] …]] …], padded; the ciphertext's aad = registry id
//! ```
//!
//! Grants are part of registry files (what a device needs to start) and of entries (a named circle is created; an epoch
//! begins).
//!
//! Slots are filled up with wraps to throw-away keys, made by the same steps as a real wrap: only a reader learns for
//! which devices a grant is, or how many. A reader finds its slot by the hint before it decapsulates anything; without
//! either of the two keys a hint looks random. A registry file names no author's device: its hints are random, and a
//! reader tries every wrap.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{Circle, Epoch};
use crate::bytes::{
    codec::{self, DecodeError},
    ids::RegistryId,
    limits::{BODY_BYTES, DEVICES, ORGANISATIONS, SLOTS_TRIED},
    seal::{self, Entropy, NONCE, Reader, ReadingKey, ReadingSecret, Secret, WRAP},
};

/// The secrets of one circle for its readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The circle.
    pub circle: Circle,
    /// The secret that keys the tags which peers compare; it never changes.
    pub secret: Secret,
    /// The granted epochs: all of the commons, and those that a named circle has.
    pub epochs: Vec<Epoch>,
}

#[derive(Serialize, Deserialize)]
struct OpeningWire(ByteBuf, Secret, Vec<Epoch>);

#[derive(Serialize, Deserialize)]
struct Wire(Vec<ByteArray<SLOT>>, ByteArray<NONCE>, ByteBuf);

const INFO: &[u8] = b"habeas 1 grant";
const GROUP: usize = 8;
const HINT: usize = 4;
/// Length of a slot in bytes: a hint and a wrap.
pub const SLOT: usize = HINT + WRAP;

impl Opening {
    /// Generates a fresh secret and a first epoch for a circle.
    #[must_use]
    pub fn fresh(circle: Circle, entropy: &mut Entropy) -> Self {
        Self { circle, secret: entropy.secret(), epochs: vec![Epoch::fresh(entropy)] }
    }

    /// The canonical bytes; secret.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.wire())
    }

    /// Decodes the bytes of [`Self::encode`].
    ///
    /// # Errors
    /// The bytes are malformed.
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

/// Seals `openings` for `readers`, in an entry of the device whose reading key is `author`. A reader with an unsound
/// key gets no slot; the other readers are not affected.
#[must_use]
pub fn seal(
    registry: &RegistryId,
    openings: &[Opening],
    readers: &[&ReadingKey],
    author: &Reader,
    entropy: &mut Entropy,
) -> Vec<u8> {
    seal_bytes(registry, &encode(openings), readers, Some(author), entropy)
}

/// Opens a grant with a device's reading key: `None` if it was not made for that key. `author` is the reading key of
/// the device that wrote the entry.
///
/// # Errors
/// The grant or its content is malformed.
pub fn open(
    registry: &RegistryId,
    grant: &[u8],
    reader: &Reader,
    author: &ReadingKey,
) -> Result<Option<Vec<Opening>>, DecodeError> {
    open_bytes(registry, grant, reader, Some(author))?.map(|content| decode(&content)).transpose()
}

/// Encodes the content of a grant.
pub(crate) fn encode(openings: &[Opening]) -> Vec<u8> {
    codec::encode(&openings.iter().map(Opening::wire).collect::<Vec<_>>())
}

/// Decodes the content of a grant.
pub(crate) fn decode(content: &[u8]) -> Result<Vec<Opening>, DecodeError> {
    let openings: Vec<OpeningWire> = codec::decode("openings", content, BODY_BYTES.0)?;
    openings.into_iter().map(Opening::from_wire).collect()
}

/// Seals any content for readers, in the form of a grant; without an author's device, the hints are random.
pub(crate) fn seal_bytes(
    registry: &RegistryId,
    content: &[u8],
    readers: &[&ReadingKey],
    author: Option<&Reader>,
    entropy: &mut Entropy,
) -> Vec<u8> {
    let (key, nonce) = (entropy.secret(), entropy.bytes::<NONCE>());
    let mut slots: Vec<ByteArray<SLOT>> =
        readers.iter().filter_map(|reader| slot(registry, &key, reader, author, entropy)).collect();
    while slots.is_empty() || !slots.len().is_multiple_of(GROUP) {
        let nobody = ReadingSecret(entropy.secret()).public();
        slots.extend(slot(registry, &key, &nobody, author, entropy));
    }
    // Sorting hides which reader a slot is for.
    slots.sort_unstable();
    let ciphertext = seal::seal(&key, &nonce, &registry.0, &seal::pad(content));
    codec::encode(&Wire(slots, nonce.into(), ByteBuf::from(ciphertext)))
}

/// Makes one reader's slot; `None` if its key is not sound.
fn slot(
    registry: &RegistryId,
    key: &Secret,
    reader: &ReadingKey,
    author: Option<&Reader>,
    entropy: &mut Entropy,
) -> Option<ByteArray<SLOT>> {
    let wrap = reader.wrap(INFO, &registry.0, key, entropy)?;
    let pair = author.map_or_else(|| entropy.secret(), |author| author.pair(reader));
    let slot = [&hint(&pair, &wrap)[..], &wrap].concat();
    Some(ByteArray::new(slot.try_into().expect("a hint and a wrap")))
}

fn hint(pair: &Secret, wrap: &[u8; WRAP]) -> [u8; HINT] {
    *seal::keyed(pair, &[wrap]).first_chunk().expect("a hash has 32 bytes")
}

/// Opens a ciphertext of [`seal_bytes`].
pub(crate) fn open_bytes(
    registry: &RegistryId,
    grant: &[u8],
    reader: &Reader,
    author: Option<&ReadingKey>,
) -> Result<Option<Vec<u8>>, DecodeError> {
    let limit = ORGANISATIONS.0 * DEVICES.0 * (SLOT + 3) + BODY_BYTES.0;
    let Wire(slots, nonce, ciphertext) = codec::decode("grant", grant, limit)?;
    let slots = slots.iter().map(|slot| slot.split_first_chunk::<HINT>().expect("a slot begins with a hint"));
    let wraps = slots.map(|(hint, wrap)| (hint, wrap.first_chunk::<WRAP>().expect("a slot ends in a wrap")));
    let unwrap = |wrap| reader.unwrap(INFO, &registry.0, wrap);
    let key = match author.map(|author| reader.pair(author)) {
        None => wraps.map(|(_, wrap)| wrap).find_map(unwrap),
        Some(pair) => {
            let hinted = wraps.filter(|(found, wrap)| hint(&pair, wrap) == **found);
            hinted.map(|(_, wrap)| wrap).take(SLOTS_TRIED.0).find_map(unwrap)
        }
    };
    let padded = key.and_then(|key| seal::open(&key, &nonce, &registry.0, &ciphertext));
    Ok(padded.and_then(|padded| seal::unpad(&padded).map(<[u8]>::to_vec)))
}

#[cfg(test)]
mod tests;
