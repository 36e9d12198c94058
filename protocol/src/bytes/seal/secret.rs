//! Secrets of 32 bytes. Each stays at one address from creation to drop, moves as a pointer, and is overwritten in
//! slot.
//!
//! The slots lie on pages that hold nothing else, are reused, and are never returned to the allocator. So each page
//! needs to be locked in memory (kept out of swap) once for the life of the process ([`keep_in_memory`]). The number of
//! pages follows the largest number of secrets at one time, 128 on each.

use std::{
    fmt, ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{
    Deserialize, Serialize,
    de::{self, Visitor},
};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of a secret in bytes.
const BYTES: usize = 32;
/// Slots for secrets on a page of 4 KiB.
const SLOTS: usize = 4096 / BYTES;

/// Thirty-two secret bytes, overwritten when dropped and never printed.
///
/// Comparison for equality takes constant time.
pub struct Secret(Option<&'static mut [u8; BYTES]>);

impl Secret {
    /// Moves `bytes` into a secret and overwrites the argument. Where the bytes are generated, [`Self::filled`] leaves
    /// no copy.
    #[must_use]
    pub fn new(mut bytes: [u8; BYTES]) -> Self {
        let secret = Self::filled(|slot| *slot = bytes);
        bytes.zeroize();
        secret
    }

    /// Creates a secret that `fill` writes into its slot, which holds zeros before.
    #[must_use]
    pub fn filled(fill: impl FnOnce(&mut [u8; BYTES])) -> Self {
        let slot = pool().take();
        fill(slot);
        Self(Some(slot))
    }

    /// Copies 32 bytes into a secret; `None` for any other number of them.
    #[must_use]
    pub fn copied(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        Some(Self::filled(|slot| slot.copy_from_slice(bytes)))
    }

    /// Hashes other secrets into one (BLAKE3 derive-key): see [`hash`](super::hash).
    #[must_use]
    pub fn hashed(context: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = super::hasher(context, parts);
        let mut output = hasher.finalize_xof();
        let secret = Self::filled(|slot| output.fill(slot));
        // Both states hold a short input in full.
        hasher.zeroize();
        output.zeroize();
        secret
    }

    /// The bytes of the secret, for a primitive that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8; BYTES] {
        self.0.as_deref().expect(HAS_SLOT)
    }

    /// Derives a secret for one purpose (BLAKE3 derive-key).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self::hashed(purpose, &[self.expose()])
    }
}

const HAS_SLOT: &str = "a secret has its slot until it is dropped";

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::filled(|slot| slot.copy_from_slice(self.expose()))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.zeroize();
            pool().free.push(slot);
        }
    }
}

impl ZeroizeOnDrop for Secret {}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Visitor that copies the bytes directly from the input, without an intermediate array.
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Secret, E> {
                Secret::copied(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// A page of slots, aligned to the page size, so that it shares no page with other data.
#[repr(align(4096))]
struct Page([[u8; BYTES]; SLOTS]);

/// Function that locks a number of bytes from an address on in memory; returns whether it could.
pub type Keeper = fn(*const u8, usize) -> bool;

/// The pool of all slots.
struct Pool {
    free: Vec<&'static mut [u8; BYTES]>,
    /// Addresses of the pages.
    pages: Vec<usize>,
    keeper: Option<Keeper>,
    kept: Kept,
}

/// Numbers of pages that hold secrets, and of those that may be written to swap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Pages that hold secrets, or did.
    pub pages: usize,
    /// Pages that the system refused to lock in memory, or was not asked to.
    pub swappable: usize,
}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: Vec::new(), pages: Vec::new(), keeper: None, kept: Kept { pages: 0, swappable: 0 } });

/// Locks all pages of secrets in memory, present and future ones; `keeper` is the system's way to do so. Returns the
/// page numbers after locking the present ones.
pub fn keep_in_memory(keeper: Keeper) -> Kept {
    let mut pool = pool();
    pool.keeper = Some(keeper);
    let refused = pool.pages.iter().filter(|page| !keep(keeper, **page)).count();
    pool.kept.swappable = refused;
    pool.kept
}

/// Returns the present number of pages, and of those that may be written to swap.
#[must_use]
pub fn kept() -> Kept {
    pool().kept
}

fn pool() -> MutexGuard<'static, Pool> {
    // No code under this lock can panic half-way.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(keeper: Keeper, page: usize) -> bool {
    keeper(ptr::without_provenance(page), size_of::<Page>())
}

impl Pool {
    /// Takes a free slot, filled with zeros.
    fn take(&mut self) -> &'static mut [u8; BYTES] {
        if self.free.is_empty() {
            let page = Box::leak(Box::new(Page([[0; BYTES]; SLOTS])));
            let address = ptr::from_mut(page).addr();
            let is_kept = self.keeper.is_some_and(|keeper| keep(keeper, address));
            self.kept.pages += 1;
            self.kept.swappable += usize::from(!is_kept);
            self.pages.push(address);
            // Capacity for all slots: returning one never allocates.
            self.free.reserve(self.pages.len() * SLOTS);
            self.free.extend(page.0.iter_mut());
        }
        self.free.pop().expect("there is a fresh page, if nothing else")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader key was in memory 53 times: each move of an `Option<Secret>` had left the bytes at the old address.
    #[test]
    fn a_secret_moves_as_a_pointer_and_its_bytes_stay_where_they_are() {
        let secret = Secret::filled(|slot| *slot = [0x5e; 32]);
        let address = secret.expose().as_ptr();
        let moved = Box::new((1, secret));
        assert_eq!(moved.1.expose().as_ptr(), address);
        assert_eq!(size_of::<Secret>(), size_of::<usize>());
        let copy = moved.1.clone();
        assert_ne!(copy.expose().as_ptr(), address);
        assert_eq!(copy.expose(), &[0x5e; 32]);
    }

    #[test]
    fn a_slot_is_overwritten_before_it_is_used_again() {
        // Other tests take and return slots at the same time: these hold on to all that are free now.
        let mut held: Vec<_> = (0..SLOTS * 3).map(|_| Secret::filled(|slot| assert_eq!(*slot, [0; 32]))).collect();
        held.iter_mut().for_each(|secret| *secret.0.as_deref_mut().expect(HAS_SLOT) = [0x77; 32]);
        drop(held);
        let again: Vec<_> = (0..SLOTS * 3).map(|_| Secret::filled(|slot| assert_eq!(*slot, [0; 32]))).collect();
        assert!(again.iter().all(|secret| secret.expose() == &[0; 32]));
    }

    #[test]
    fn pages_there_are_and_pages_to_come_are_kept_in_memory() {
        let early = Secret::new([1; 32]);
        // A keeper that refuses pages with an odd number: refusals are counted and cause no failure.
        let kept = keep_in_memory(|page, bytes| {
            assert_eq!((page.addr() % 4096, bytes), (0, 4096));
            !(page.addr() / 4096).is_multiple_of(2)
        });
        assert!(kept.pages >= 1 && kept.swappable <= kept.pages, "{kept:?}");
        let more: Vec<_> = (0..kept.pages * SLOTS + 1).map(|_| early.clone()).collect();
        let later = super::kept();
        assert!(later.pages > kept.pages && later.swappable >= kept.swappable, "{later:?}");
        let kept = keep_in_memory(|_, _| true);
        assert_eq!(kept.swappable, 0);
        assert!(more.iter().all(|secret| *secret == early));
    }

    #[test]
    fn a_secret_is_read_from_32_bytes_and_nothing_else() {
        let secret = Secret::new([9; 32]);
        let bytes = crate::bytes::codec::encode(&secret);
        assert_eq!(bytes[..2], [0x58, 32]);
        assert_eq!(crate::bytes::codec::decode::<Secret>("secret", &bytes, 64), Ok(secret.clone()));
        for wrong in
            [crate::bytes::codec::encode(&[9_u8; 32]), crate::bytes::codec::encode(&serde_bytes::Bytes::new(&[9; 31]))]
        {
            assert!(crate::bytes::codec::decode::<Secret>("secret", &wrong, 64).is_err());
        }
        assert_eq!(Secret::copied(&[9; 32]), Some(secret));
        assert_eq!(Secret::copied(&[9; 33]), None);
    }

    #[test]
    fn a_hashed_secret_is_the_hash() {
        assert_eq!(Secret::hashed("context", &[b"a", b"b"]).expose(), &super::super::hash("context", &[b"ab"]));
    }
}
