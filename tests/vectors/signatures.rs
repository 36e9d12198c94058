//! Vectors of signatures at the edges of Ed25519, where implementations differ (Chalkias, Garillot, Nikolaenko: "Taming
//! the many EdDSAs", 2020). Each verdict is fixed: strict, without a cofactor, small orders and long scalars refused.

use curve25519_dalek::{
    constants::EIGHT_TORSION,
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use protocol::bytes::cose::envelope;
use sha2::{Digest, Sha512};

use super::{
    Vector,
    cbor::{array, bytes, text},
    entries::{PROTECTED, REGISTRY, author, fields, inputs, signature},
};

/// The order of the base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];
/// p + 1, little-endian: the neutral element's y in a non-canonical form.
const ONE_AND_P: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xee;
    bytes[31] = 0x7f;
    bytes
};

/// The message that RFC 9052 signs, written a second time.
fn message(key: &[u8; 32]) -> Vec<u8> {
    let aad = [b"habeas/1/entry", &REGISTRY.0[..]].concat();
    array(&[text("Signature1"), bytes(&PROTECTED), bytes(&aad), bytes(&header(key))])
}

fn header(key: &[u8; 32]) -> Vec<u8> {
    array(&fields(key))
}

/// The challenge k = SHA-512(R ‖ A ‖ M) mod L.
fn challenge(r: &[u8; 32], key: &[u8; 32]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message(key)).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

fn scalar(byte: u8) -> Scalar {
    Scalar::from_bytes_mod_order([byte; 32])
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    [*r, *s].concat().try_into().expect("64 bytes")
}

/// The sum a + b, little-endian.
fn sum(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    std::array::from_fn(|at| {
        let total = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = total >> 8;
        total.to_le_bytes()[0]
    })
}

/// A key of mixed order, aB + T with T of order 8, and a signature whose challenge is a multiple of 8 or is not.
fn mixed(multiple: bool) -> ([u8; 32], [u8; 64]) {
    let (secret, torsion) = (scalar(5), EIGHT_TORSION[1]);
    let key = (EdwardsPoint::mul_base(&secret) + torsion).compress().to_bytes();
    let tries = (1..=u8::MAX).map(scalar);
    let signatures = tries.map(|nonce| {
        let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        (challenge(&r, &key), nonce, r)
    });
    let fits = |k: &Scalar| (torsion * k).is_identity() == multiple;
    let (k, nonce, r) = signatures.into_iter().find(|(k, ..)| fits(k)).expect("one in eight");
    (key, joined(&r, &(nonce + k * secret).to_bytes()))
}

pub(super) fn vectors() -> Vec<Vector> {
    let vector = |name: &str, verdict, why, key: &[u8; 32], signature: &[u8; 64]| {
        Vector::new("entry", name, verdict, why, inputs(&envelope(&header(key), signature)))
    };
    let key = author().public();
    let good = signature(&header(&key));
    let (r, s): ([u8; 32], [u8; 32]) = (good[..32].try_into().expect("32"), good[32..].try_into().expect("32"));
    let neutral = EIGHT_TORSION[0].compress().to_bytes();
    let nonce = scalar(7);
    let point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let (multiple, other) = (mixed(true), mixed(false));
    let mut list = vec![
        vector(
            "ed25519-mixed-key",
            "accepted",
            "a key of mixed order; the equation holds without a cofactor",
            &multiple.0,
            &multiple.1,
        ),
        vector(
            "ed25519-cofactor-only",
            "bad signature",
            "the equation holds only if multiplied by 8",
            &other.0,
            &other.1,
        ),
        vector(
            "ed25519-s-plus-l",
            "bad signature",
            "S + L: the same scalar, not below L",
            &key,
            &joined(&r, &sum(&s, &L)),
        ),
        vector("ed25519-s-is-l", "bad signature", "S = L", &key, &joined(&r, &L)),
        vector(
            "ed25519-s-top-bits",
            "bad signature",
            "the three top bits of S are set",
            &key,
            &joined(
                &r,
                &sum(&s, &{
                    let mut top = [0; 32];
                    top[31] = 0xe0;
                    top
                }),
            ),
        ),
        vector("ed25519-zero", "bad signature", "R and S are zero", &key, &[0; 64]),
        vector(
            "ed25519-bit",
            "bad signature",
            "one bit of S is another",
            &key,
            &joined(
                &r,
                &sum(&s, &{
                    let mut one = [0; 32];
                    one[0] = 1;
                    one
                }),
            ),
        ),
    ];
    // The secret scalar of the author's key, derived as in RFC 8032: only with it can R be of small order.
    let secret = {
        let mut low: [u8; 32] = Sha512::digest([3; 32])[..32].try_into().expect("32 bytes");
        (low[0], low[31]) = (low[0] & 248, low[31] & 63 | 64);
        Scalar::from_bytes_mod_order(low)
    };
    let k = challenge(&neutral, &key);
    let small_r = joined(&neutral, &(k * secret).to_bytes());
    list.push(vector(
        "ed25519-small-r",
        "bad signature",
        "R is the neutral element; the equation holds",
        &key,
        &small_r,
    ));
    let k = challenge(&ONE_AND_P, &key);
    let long_r = joined(&ONE_AND_P, &(k * secret).to_bytes());
    list.push(vector(
        "ed25519-long-r",
        "bad signature",
        "R is the neutral element written as y = p + 1",
        &key,
        &long_r,
    ));
    let neutral_signs_all = joined(&point, &nonce.to_bytes());
    list.push(vector(
        "ed25519-neutral-key",
        "bad signature",
        "the neutral element as key: one signature fits everything",
        &neutral,
        &neutral_signs_all,
    ));
    list.push(vector(
        "ed25519-long-key",
        "bad signature",
        "the neutral element as key, written as y = p + 1",
        &ONE_AND_P,
        &neutral_signs_all,
    ));
    let negative_zero = std::array::from_fn(|at| if at == 31 { 0x80 } else { neutral[at] });
    list.push(vector(
        "ed25519-negative-zero",
        "bad signature",
        "the neutral element as key, with x = −0",
        &negative_zero,
        &neutral_signs_all,
    ));
    for (nth, small) in EIGHT_TORSION.iter().enumerate().skip(1) {
        // R = rB − kA for the k that follows: search r until the challenge is a multiple of A's order.
        let key = small.compress().to_bytes();
        let fits = (1..=u8::MAX).map(scalar).find_map(|nonce| {
            let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
            (small * challenge(&r, &key)).is_identity().then(|| joined(&r, &nonce.to_bytes()))
        });
        let signature = fits.expect("one in eight");
        let name = format!("ed25519-small-key-{nth}");
        list.push(vector(&name, "bad signature", "a key of small order; the equation holds", &key, &signature));
    }
    let off = (2..=u8::MAX).map(|first| std::array::from_fn(|at| if at == 0 { first } else { 0 }));
    let off = off.into_iter().find(|y| CompressedEdwardsY(*y).decompress().is_none()).expect("half of all are");
    list.push(vector("ed25519-no-key", "bad signature", "the key is no point of the curve", &off, &good));
    list
}
