//! Cryptographic primitives: secrets, hashing, sealing, wrapping to a reader, padding.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), BLAKE3 derive-key and keyed modes, HPKE base mode (RFC 9180) with
//! the X-Wing hybrid KEM (X25519 + ML-KEM-768), hedged randomness (RFC 8937), Padmé padding (PURBs, PoPETs 2019).

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use curve25519_dalek::MontgomeryPoint;
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::XWing,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};
use zeroize::Zeroizing;

use crate::bytes::limits::PADDING_FLOOR;

mod secret;

pub use secret::{Keeper, Kept, Secret, keep_in_memory, kept};

/// Length of an AEAD nonce in bytes. Nonces are random, never counted, since a restored snapshot repeats counters.
pub const NONCE: usize = 24;
/// Length of an AEAD tag in bytes.
pub const TAG: usize = 16;
/// Length of an X-Wing public key in bytes.
pub const READING_KEY: usize = 1216;
/// Length of a 32-byte key wrapped to one reader, in bytes: X-Wing encapsulation 1,120, key 32, tag 16.
pub const WRAP: usize = 1168;

/// A stream of random bytes that the caller provides: this crate has no random source, so that every run replays from a
/// seed.
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// Starts a stream from 32 fresh random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Returns the next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns a fresh secret.
    pub fn secret(&mut self) -> Secret {
        Secret::filled(|place| self.0.fill_bytes(place))
    }

    /// Mixes fresh bytes of the system's random source into the stream. The output is unpredictable if either input is,
    /// and two copies of one machine image diverge here.
    pub fn stir(&mut self, fresh: &[u8; 32]) {
        *self = Self::new(hash("habeas 1 stirred entropy", &[&self.bytes::<32>(), fresh]));
    }

    /// Derives the randomness of one message, hedged as in RFC 8937: from this stream, a long-term `secret`, `fresh`
    /// bytes of the system's random source, and the `message`, whose parts are delimited by their lengths.
    ///
    /// Any one of the first three keeps it unpredictable. If all three repeat (a machine image resumed twice on a
    /// machine with a broken random source), two different messages still get different keys and nonces.
    pub fn hedged(&mut self, secret: &Secret, fresh: &[u8; 32], message: &[&[u8]]) -> Self {
        let key = Secret::new(keyed(secret, &[b"hedge", &self.bytes::<32>(), fresh]));
        let lengths: Vec<u8> = message.iter().flat_map(|part| (part.len() as u64).to_be_bytes()).collect();
        let parts = [&[&key.expose()[..], &lengths], message].concat();
        Self::new(hash("habeas 1 hedged entropy", &parts))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(…)")
    }
}

/// Hashes the concatenated parts with BLAKE3 in derive-key mode. All parts but the last have fixed lengths.
#[must_use]
pub fn hash(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    *hasher(context, parts).finalize().as_bytes()
}

fn hasher(context: &str, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher
}

/// Hashes the concatenated parts with BLAKE3 in keyed mode.
#[must_use]
pub fn keyed(key: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    *hasher.finalize().as_bytes()
}

/// Seals `plain` under `key` and binds it to `aad`.
#[must_use]
pub fn seal(key: &Secret, nonce: &[u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(key.expose().into())
        .encrypt(&(*nonce).into(), Payload { msg: plain, aad })
        .expect("a plaintext within our limits is within the cipher's")
}

/// Opens a ciphertext of [`seal`]; `None` if key, nonce, aad or ciphertext differ by one bit.
#[must_use]
pub fn open(key: &Secret, nonce: &[u8; NONCE], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    XChaCha20Poly1305::new(key.expose().into()).decrypt(&(*nonce).into(), Payload { msg: sealed, aad }).ok()
}

/// The public half of a device's reading key.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadingKey(Box<[u8; READING_KEY]>);

impl ReadingKey {
    /// The 1,216 bytes of the key.
    #[must_use]
    pub fn bytes(&self) -> &[u8; READING_KEY] {
        &self.0
    }

    /// Wraps 32 secret bytes so that only the holder of this key opens them; `info` and `aad` are bound.
    ///
    /// `None` if the key is not a sound X-Wing key: its owner published an invalid one, and no other reader is
    /// affected.
    #[must_use]
    pub fn wrap(&self, info: &[u8], aad: &[u8], secret: &Secret, entropy: &mut Entropy) -> Option<[u8; WRAP]> {
        let key = <XWing as hpke::Kem>::PublicKey::from_bytes(&self.0[..]).ok()?;
        let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &key,
            info,
            secret.expose(),
            aad,
            &mut entropy.0,
        )
        .ok()?;
        [&encapsulated.to_bytes()[..], &sealed].concat().try_into().ok()
    }
}

impl fmt::Debug for ReadingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading:{:02x}{:02x}{:02x}{:02x}", self.0[0], self.0[1], self.0[2], self.0[3])
    }
}

impl Serialize for ReadingKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0[..])
    }
}

impl<'de> Deserialize<'de> for ReadingKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::ByteArray::<READING_KEY>::deserialize(deserializer).map(|bytes| Self(Box::new(bytes.into_array())))
    }
}

/// The private half of a device's reading key, as the 32-byte seed it is derived from.
#[derive(Clone, Debug)]
pub struct ReadingSecret(pub Secret);

impl ReadingSecret {
    /// The public half of the key.
    #[must_use]
    pub fn public(&self) -> ReadingKey {
        let (_, public) = XWing::derive_keypair(self.0.expose());
        ReadingKey(Box::new(public.to_bytes().as_slice().try_into().expect("X-Wing public keys have 1,216 bytes")))
    }

    /// Expands the seed into the private key, once for any number of wraps to try.
    #[must_use]
    pub fn expand(&self) -> Reader {
        let (private, _) = XWing::derive_keypair(self.0.expose());
        // The X25519 half of an X-Wing key: draft-connolly-cfrg-xwing-kem §5.2, bytes 64 to 96 of SHAKE-256 of the
        // seed.
        let (mut seed, mut expanded) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 96]));
        private.write_exact(&mut *seed);
        let mut shake = Shake256::default();
        shake.update(&*seed);
        shake.finalize_xof().read(&mut *expanded);
        let exchange = Secret::new(*expanded.last_chunk().expect("96 bytes end in 32"));
        Reader { private: Box::new(private), exchange }
    }
}

/// A device's reading key, ready to open wraps.
pub struct Reader {
    private: Box<<XWing as hpke::Kem>::PrivateKey>,
    /// The X25519 half of the private key.
    exchange: Secret,
}

impl Reader {
    /// Opens a wrap made for this key; `None` if it was made for another.
    #[must_use]
    pub fn unwrap(&self, info: &[u8], aad: &[u8], wrap: &[u8; WRAP]) -> Option<Secret> {
        #[cfg(test)]
        DECAPSULATIONS.with(|count| count.set(count.get() + 1));
        let (encapsulated, sealed) = wrap.split_at(WRAP - 32 - TAG);
        let encapsulated = <XWing as hpke::Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            info,
            sealed,
            aad,
        );
        Secret::copied(&Zeroizing::new(opened.ok()?))
    }

    /// Derives the secret that only the holder of this key and the holder of `other` can compute: X25519 between the
    /// two.
    #[must_use]
    pub fn pair(&self, other: &ReadingKey) -> Secret {
        let point = MontgomeryPoint(*other.0.last_chunk().expect("an X-Wing key ends in its X25519 half"));
        Secret::new(hash("habeas 1 reading pair", &[&point.mul_clamped(*self.exchange.expose()).0]))
    }
}

#[cfg(test)]
thread_local! {
    static DECAPSULATIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts the wraps that this thread tried to open so far: the costly part of reading grants.
#[cfg(test)]
pub(crate) fn decapsulations() -> usize {
    DECAPSULATIONS.with(std::cell::Cell::get)
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader(…)")
    }
}

/// Returns the length after padding: Padmé over length prefix and content, at least [`PADDING_FLOOR`]. Leaks O(log log
/// n) bits.
#[must_use]
pub fn padded_len(content: usize) -> usize {
    let length = (content + PREFIX).max(PADDING_FLOOR.0);
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1_usize << (exponent - kept)) - 1;
    (length + mask) & !mask
}

/// Pads `content`: its length before it, zeros after it.
#[must_use]
pub fn pad(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a body is far below 4 GiB");
    let mut padded = Vec::with_capacity(padded_len(content.len()));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(padded_len(content.len()), 0);
    padded
}

/// Returns the content of a padded plaintext; `None` if the padding is not exactly what [`pad`] writes.
#[must_use]
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<PREFIX>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, zeros) = rest.split_at_checked(length)?;
    (padded.len() == padded_len(length) && zeros.iter().all(|byte| *byte == 0)).then_some(content)
}

const PREFIX: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_wrap_opens_for_its_reader_and_nobody_else() {
        let mut entropy = Entropy::new([1; 32]);
        let (reader, other) = (ReadingSecret(entropy.secret()), ReadingSecret(entropy.secret()));
        let secret = entropy.secret();
        let wrap = reader.public().wrap(b"info", b"aad", &secret, &mut entropy).expect("a sound key");
        let open = |reader: &ReadingSecret, info, aad| reader.expand().unwrap(info, aad, &wrap);
        assert_eq!(open(&reader, b"info", b"aad"), Some(secret));
        assert_eq!(open(&other, b"info", b"aad"), None);
        assert_eq!(open(&reader, b"info", b"other"), None);
        assert_eq!(open(&reader, b"other", b"aad"), None);
    }

    #[test]
    fn two_reading_keys_have_one_secret_in_common_and_a_third_has_none_of_it() {
        let mut entropy = Entropy::new([2; 32]);
        let [a, b, c] = [(); 3].map(|()| ReadingSecret(entropy.secret()));
        let pair = |one: &ReadingSecret, other: &ReadingSecret| one.expand().pair(&other.public());
        assert_eq!(pair(&a, &b), pair(&b, &a));
        assert_eq!(BTreeSet::from([&a, &b, &c].map(|one| *pair(one, &a).expose())).len(), 3);
        assert_ne!(pair(&a, &b), pair(&c, &b));
    }

    /// A machine image was resumed twice: both copies continued one stream, and sealed different things with one key
    /// and nonce.
    #[test]
    fn copies_of_one_stream_part_by_fresh_bytes_and_by_what_is_written() {
        let secret = Secret::new([1; 32]);
        let [honest, zero] = [[2; 32], [0; 32]];
        let drawn = |secret: &Secret, fresh: &[u8; 32], message: &[&[u8]]| {
            Entropy::new([3; 32]).hedged(secret, fresh, message).bytes::<32>()
        };
        let all = [
            drawn(&secret, &honest, &[b"header", b"text"]),
            drawn(&secret, &zero, &[b"header", b"text"]),
            drawn(&secret, &zero, &[b"header", b"another"]),
            drawn(&secret, &zero, &[b"headert", b"ext"]),
            drawn(&secret, &zero, &[b"header", b"next"]),
            drawn(&Secret::new([4; 32]), &zero, &[b"header", b"text"]),
            Entropy::new([5; 32]).hedged(&secret, &zero, &[b"header", b"text"]).bytes(),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
        let mut stream = Entropy::new([3; 32]);
        let [first, second] = [(); 2].map(|()| stream.hedged(&secret, &zero, &[b"one message"]).bytes::<32>());
        assert_ne!(first, second, "one message twice");
        let stirred_from = |seed, fresh| {
            let mut copy = Entropy::new(seed);
            copy.stir(&fresh);
            copy.bytes::<32>()
        };
        let stirred = |fresh| stirred_from([3; 32], fresh);
        assert_ne!(stirred(honest), stirred(zero));
        assert_ne!(stirred_from([5; 32], zero), stirred(zero), "a broken source takes nothing from the stream");
        assert_ne!(stirred(zero), Entropy::new([3; 32]).bytes());
    }

    #[test]
    fn padding_hides_the_length_and_returns_the_content() {
        for length in [0, 1, 507, 508, 509, 1000, 5000, 65_536, 100_000] {
            let content = vec![7; length];
            let padded = pad(&content);
            assert!(padded.len() >= 512);
            assert!(padded.len() < 530 || padded.len() * 100 <= (length + 4) * 112, "{length} → {}", padded.len());
            assert_eq!(unpad(&padded), Some(&content[..]));
        }
        assert_eq!(padded_len(0), padded_len(500));
    }

    #[test]
    fn padding_that_we_would_not_write_is_refused() {
        let mut padded = pad(b"content");
        *padded.last_mut().expect("not empty") = 1;
        assert_eq!(unpad(&padded), None);
        let mut longer = pad(b"content");
        longer.extend_from_slice(&[0; 64]);
        assert_eq!(unpad(&longer), None);
        assert_eq!(unpad(&[0xff; 600]), None);
        assert_eq!(unpad(&[]), None);
    }

    #[test]
    fn secrets_do_not_show() {
        assert_eq!(format!("{:?}", Secret::new([1; 32])), "Secret(…)");
        assert_eq!(format!("{:?}", ReadingSecret(Secret::new([1; 32]))), "ReadingSecret(Secret(…))");
    }
}
