//! A slot of the vault: one secret sealed under one passphrase. The layout is in [`vault`](crate::vault).

use protocol::{
    app::control::Passphrase,
    bytes::seal::{self, Entropy, NONCE, Secret, TAG},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Cost, VaultError};

/// Bytes of a slot.
pub(super) const SLOT: usize = 16 + 12 + WRAPPED + 32;
/// Bytes of the wrapped secret: kind, secret, tag.
const WRAPPED: usize = 1 + 32 + TAG;
/// Nonce of the wrapped secret: zero, since a fresh salt makes the wrapping key seal one secret only.
const NO_NONCE: [u8; NONCE] = [0; NONCE];

/// A slot, taken or free; the two look alike without the passphrase or the carrier key.
#[derive(Clone)]
pub(super) struct Slot {
    salt: [u8; 16],
    pub(super) cost: Cost,
    wrapped: [u8; WRAPPED],
    commitment: [u8; 32],
}

impl Slot {
    /// Creates a free slot of random bytes.
    pub(super) fn dummy(cost: Cost, entropy: &mut Entropy) -> Self {
        Self { salt: entropy.bytes(), cost, wrapped: entropy.bytes(), commitment: entropy.bytes() }
    }

    /// Seals `secret`, of the given kind, into a slot with a fresh salt under a stretched passphrase, bound to `aad`.
    pub(super) fn fill(mut self, stretched: &Secret, kind: u8, secret: &Secret, aad: &[u8]) -> Self {
        let key = self.key(stretched);
        let plain = Zeroizing::new([&[kind], &secret.expose()[..]].concat());
        self.wrapped.copy_from_slice(&seal::seal(&wrapping(&key), &NO_NONCE, aad, &plain));
        self.commitment = commitment(&key);
        self
    }

    /// Stretches a passphrase with this slot's own salt, for a slot outside a vault.
    pub(super) fn stretch(&self, passphrase: &Passphrase) -> Result<Secret, VaultError> {
        self.cost.derive(passphrase, &self.salt)
    }

    /// Opens the slot with a stretched passphrase: its kind and secret, or `None`. The cipher does not commit to its
    /// key; the commitment does.
    pub(super) fn open(&self, stretched: &Secret, aad: &[u8]) -> Result<Option<(u8, Secret)>, VaultError> {
        let key = self.key(stretched);
        if !bool::from(commitment(&key).ct_eq(&self.commitment)) {
            return Ok(None);
        }
        let plain = seal::open(&wrapping(&key), &NO_NONCE, aad, &self.wrapped).ok_or(VaultError::Damaged)?;
        let plain = Zeroizing::new(plain);
        Ok(Some((plain[0], Secret::copied(&plain[1..]).expect("a wrapped secret has 33 bytes"))))
    }

    /// Derives the key of this slot alone from a stretched passphrase.
    fn key(&self, stretched: &Secret) -> Secret {
        Secret::new(seal::keyed(&stretched.derive("habeas 2 vault slot"), &[&self.salt]))
    }

    /// Encodes the slot as its bytes in the header.
    pub(super) fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..16].copy_from_slice(&self.salt);
        bytes[16..28].copy_from_slice(&self.cost.encode());
        bytes[28..28 + WRAPPED].copy_from_slice(&self.wrapped);
        bytes[28 + WRAPPED..].copy_from_slice(&self.commitment);
        bytes
    }

    /// Decodes a slot; `AbsurdParameters` for a cost out of bounds.
    pub(super) fn decode(bytes: &[u8; SLOT]) -> Result<Self, VaultError> {
        let cost = Cost::decode(bytes[16..28].try_into().expect("twelve bytes of cost"))?;
        Ok(Self {
            salt: bytes[..16].try_into().expect("sixteen bytes of salt"),
            cost,
            wrapped: bytes[28..28 + WRAPPED].try_into().expect("the wrapped secret"),
            commitment: bytes[28 + WRAPPED..].try_into().expect("32 bytes of commitment"),
        })
    }
}

fn wrapping(key: &Secret) -> Secret {
    key.derive("habeas 1 vault slot wrap")
}

fn commitment(key: &Secret) -> [u8; 32] {
    *key.derive("habeas 1 vault slot commitment").expose()
}
