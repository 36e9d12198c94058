//! Secrets of 32 bytes: each lies in one place from its making to its end, moves as a pointer, and is overwritten there.
//!
//! The places lie on pages that hold nothing else, are used again, and are never given back to the allocator. So each page
//! needs to be kept out of swap areas once ([`keep_in_memory`]) for the life of the process. There are as many pages as the
//! largest number of secrets at one time needs, 128 on each.

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

/// Bytes of a secret.
const BYTES: usize = 32;
/// Secrets on a page of 4 KiB.
const PLACES: usize = 4096 / BYTES;

/// Thirty-two secret bytes: overwritten when dropped, never shown.
///
/// Equality takes the same time wherever two differ.
pub struct Secret(Option<&'static mut [u8; BYTES]>);

impl Secret {
    /// Takes the bytes over: the argument is overwritten. Where the bytes are made, [`Self::filled`] leaves no copy.
    #[must_use]
    pub fn new(mut bytes: [u8; BYTES]) -> Self {
        let secret = Self::filled(|place| *place = bytes);
        bytes.zeroize();
        secret
    }

    /// A secret that `fill` writes into its place, which holds zeros before.
    #[must_use]
    pub fn filled(fill: impl FnOnce(&mut [u8; BYTES])) -> Self {
        let place = pool().take();
        fill(place);
        Self(Some(place))
    }

    /// A copy of 32 bytes that lie elsewhere; `None` for any other number of them.
    #[must_use]
    pub fn copied(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        Some(Self::filled(|place| place.copy_from_slice(bytes)))
    }

    /// A secret that is a hash of others (BLAKE3 derive-key): see [`hash`](super::hash).
    #[must_use]
    pub fn hashed(context: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = super::hasher(context, parts);
        let mut output = hasher.finalize_xof();
        let secret = Self::filled(|place| output.fill(place));
        // A short input stands whole in both.
        hasher.zeroize();
        output.zeroize();
        secret
    }

    /// The bytes, for a primitive that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8; BYTES] {
        self.0.as_deref().expect(PLACED)
    }

    /// A secret for one purpose, from this one (BLAKE3 derive-key).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self::hashed(purpose, &[self.expose()])
    }
}

const PLACED: &str = "a secret has its place until it is dropped";

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::filled(|place| place.copy_from_slice(self.expose()))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(place) = self.0.take() {
            place.zeroize();
            pool().free.push(place);
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
        /// Copies from where the bytes lie, with no array on the way.
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

/// A page of places. Aligned as pages are, so that it shares none with anything else.
#[repr(align(4096))]
struct Page([[u8; BYTES]; PLACES]);

/// Keeps so many bytes from an address on in memory; whether it could.
pub type Keeper = fn(*const u8, usize) -> bool;

/// All places.
struct Pool {
    free: Vec<&'static mut [u8; BYTES]>,
    /// Addresses of the pages.
    pages: Vec<usize>,
    keeper: Option<Keeper>,
    kept: Kept,
}

/// How many pages of secrets there are, and how many of them may be written to a swap area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Pages that hold secrets, or did.
    pub pages: usize,
    /// Pages that the system refused to keep in memory, or was not asked to.
    pub swappable: usize,
}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { free: Vec::new(), pages: Vec::new(), keeper: None, kept: Kept { pages: 0, swappable: 0 } });

/// Keeps the pages of all secrets in memory, those there are and those to come: `keeper` knows how the system does that.
/// Answers what was done now.
pub fn keep_in_memory(keeper: Keeper) -> Kept {
    let mut pool = pool();
    pool.keeper = Some(keeper);
    let refused = pool.pages.iter().filter(|page| !keep(keeper, **page)).count();
    pool.kept.swappable = refused;
    pool.kept
}

/// How many pages there are now, and how many may be written to a swap area.
#[must_use]
pub fn kept() -> Kept {
    pool().kept
}

fn pool() -> MutexGuard<'static, Pool> {
    // Nothing under this lock can panic half-way.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(keeper: Keeper, page: usize) -> bool {
    keeper(ptr::without_provenance(page), size_of::<Page>())
}

impl Pool {
    /// A place with zeros in it.
    fn take(&mut self) -> &'static mut [u8; BYTES] {
        if self.free.is_empty() {
            let page = Box::leak(Box::new(Page([[0; BYTES]; PLACES])));
            let address = ptr::from_mut(page).addr();
            let is_kept = self.keeper.is_some_and(|keeper| keep(keeper, address));
            self.kept.pages += 1;
            self.kept.swappable += usize::from(!is_kept);
            self.pages.push(address);
            // Room for all there are: giving a place back never allocates.
            self.free.reserve(self.pages.len() * PLACES);
            self.free.extend(page.0.iter_mut());
        }
        self.free.pop().expect("there is a fresh page, if nothing else")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader key stood in memory 53 times: each move of an `Option<Secret>` had left the bytes where it was before.
    #[test]
    fn a_secret_moves_as_a_pointer_and_its_bytes_stay_where_they_are() {
        let secret = Secret::filled(|place| *place = [0x5e; 32]);
        let address = secret.expose().as_ptr();
        let moved = Box::new((1, secret));
        assert_eq!(moved.1.expose().as_ptr(), address);
        assert_eq!(size_of::<Secret>(), size_of::<usize>());
        let copy = moved.1.clone();
        assert_ne!(copy.expose().as_ptr(), address);
        assert_eq!(copy.expose(), &[0x5e; 32]);
    }

    #[test]
    fn a_place_is_overwritten_before_it_is_used_again() {
        // Other tests take and give places at the same time: these hold on to all that are free now.
        let mut held: Vec<_> = (0..PLACES * 3).map(|_| Secret::filled(|place| assert_eq!(*place, [0; 32]))).collect();
        held.iter_mut().for_each(|secret| *secret.0.as_deref_mut().expect(PLACED) = [0x77; 32]);
        drop(held);
        let again: Vec<_> = (0..PLACES * 3).map(|_| Secret::filled(|place| assert_eq!(*place, [0; 32]))).collect();
        assert!(again.iter().all(|secret| secret.expose() == &[0; 32]));
    }

    #[test]
    fn pages_there_are_and_pages_to_come_are_kept_in_memory() {
        let early = Secret::new([1; 32]);
        // A keeper that refuses pages with an odd number: what is refused is counted, and nothing fails for it.
        let kept = keep_in_memory(|page, bytes| {
            assert_eq!((page.addr() % 4096, bytes), (0, 4096));
            !(page.addr() / 4096).is_multiple_of(2)
        });
        assert!(kept.pages >= 1 && kept.swappable <= kept.pages, "{kept:?}");
        let more: Vec<_> = (0..kept.pages * PLACES + 1).map(|_| early.clone()).collect();
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
