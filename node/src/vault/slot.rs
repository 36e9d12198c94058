//! A slot: one secret under one passphrase. Drawn in [`vault`](crate::vault).

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Cost, VaultError};
use crate::secret::{Passphrase, Secret};

/// Bytes of a slot.
pub(super) const SLOT: usize = 16 + 12 + WRAPPED + 32;
/// Bytes of the wrapped secret: kind, secret, tag.
const WRAPPED: usize = 1 + 32 + 16;

/// A slot, taken or free: nothing tells which without the passphrase or the carrier key.
#[derive(Clone)]
pub(super) struct Slot {
    salt: [u8; 16],
    pub(super) cost: Cost,
    wrapped: [u8; WRAPPED],
    commitment: [u8; 32],
}

impl Slot {
    /// Seals `secret`, of the given kind, under `passphrase`, bound to `aad`.
    pub(super) fn seal(
        passphrase: &Passphrase,
        cost: Cost,
        kind: u8,
        secret: &Secret,
        aad: &[u8],
        entropy: &mut impl CryptoRng,
    ) -> Result<Self, VaultError> {
        let mut slot = Self::dummy(cost, entropy);
        let key = cost.derive(passphrase, &slot.salt)?;
        let mut plain = Zeroizing::new([0; 33]);
        plain[0] = kind;
        plain[1..].copy_from_slice(secret.bytes());
        let wrapped = wrapping(&key).encrypt(&XNonce::default(), Payload { msg: &*plain, aad });
        let wrapped = wrapped.expect("33 bytes are within the cipher's limit");
        slot.wrapped.copy_from_slice(&wrapped);
        slot.commitment = commitment(&key);
        Ok(slot)
    }

    /// A free slot.
    pub(super) fn dummy(cost: Cost, entropy: &mut impl CryptoRng) -> Self {
        let mut slot = Self { salt: [0; 16], cost, wrapped: [0; WRAPPED], commitment: [0; 32] };
        entropy.fill_bytes(&mut slot.salt);
        entropy.fill_bytes(&mut slot.wrapped);
        entropy.fill_bytes(&mut slot.commitment);
        slot
    }

    /// Kind and secret, if `passphrase` opens this slot. The cipher alone does not commit to its key, the commitment does.
    pub(super) fn open(&self, passphrase: &Passphrase, aad: &[u8]) -> Result<Option<(u8, Secret)>, VaultError> {
        let key = self.cost.derive(passphrase, &self.salt)?;
        if !bool::from(commitment(&key).ct_eq(&self.commitment)) {
            return Ok(None);
        }
        let plain = wrapping(&key).decrypt(&XNonce::default(), Payload { msg: &self.wrapped, aad });
        let plain = Zeroizing::new(plain.map_err(|_| VaultError::Damaged)?);
        let mut secret: [u8; 32] = plain[1..].try_into().expect("a wrapped secret has 33 bytes");
        Ok(Some((plain[0], Secret::from_bytes(&mut secret))))
    }

    /// The bytes in the header.
    pub(super) fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..16].copy_from_slice(&self.salt);
        bytes[16..28].copy_from_slice(&self.cost.encode());
        bytes[28..28 + WRAPPED].copy_from_slice(&self.wrapped);
        bytes[28 + WRAPPED..].copy_from_slice(&self.commitment);
        bytes
    }

    /// The reverse; `AbsurdParameters` for a cost out of bounds.
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

/// The salt is fresh, so this key seals one thing and the nonce may be zero.
fn wrapping(key: &Secret) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.derive("habeas 1 vault slot wrap").bytes().into())
}

fn commitment(key: &Secret) -> [u8; 32] {
    *key.derive("habeas 1 vault slot commitment").bytes()
}
