//! How much does an entry cost beyond its signature? Against Ed25519 alone, on one thread.

use std::hint::black_box;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use protocol::{
    cose::{self, Domain},
    entry::{self, Signed},
    ids::RegistryId,
    seal::{Entropy, Secret},
    store::Memory,
    sync::frame,
};
use tests::bench::{
    federation::{Federation, frames},
    figures::{Figures, Sample, timed},
    peers,
};

const ENTRIES: usize = 2_000;
const RUNS: usize = 9;

/// An envelope taken apart for Ed25519 alone.
struct Bare {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

fn main() {
    let mut federation = Federation::new(2);
    let mut seat = federation.seat(0, Memory::default());
    let arrivals = federation.write(&mut seat, ENTRIES);
    let envelopes: Vec<_> = arrivals.iter().map(|arrival| arrival.entry.envelope()).collect();
    let bare: Vec<_> = envelopes.iter().map(|envelope| Bare::of(&federation.registry, envelope)).collect();
    let frames = frames(&arrivals);
    let secret = Entropy::new([7; 32]).secret();
    let (signer, key) = (cose::Signer::new(&secret), signing_key(&secret));
    let headers: Vec<_> = arrivals.iter().map(|arrival| arrival.entry.header().clone()).collect();
    let headers: Vec<_> = headers
        .into_iter()
        .map(|mut header| {
            header.feed.key.0 = signer.public();
            header
        })
        .collect();

    let (mut strict, mut verify, mut receive, mut raw_sign, mut sign, mut batch) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        strict.push(each(&bare, |bare| bare.key.verify_strict(&bare.message, &bare.signature).expect("ours")));
        verify.push(each(&envelopes, |envelope| {
            Signed::parse(envelope).expect("ours").verify(&federation.registry).expect("ours")
        }));
        let (_, took) = timed(|| {
            for frame in &frames {
                black_box(frame::receive(&federation.registry, frame).expect("ours"));
            }
        });
        receive.push(took * 1e6 / ENTRIES as f64);
        raw_sign.push(each(&bare, |bare| key.sign(&bare.message)));
        sign.push(each(&headers, |header| entry::sign(&federation.registry, &signer, header.clone())));
        batch.extend(peers::batch());
    }
    let [strict, verify, receive, raw_sign, sign] =
        [strict, verify, receive, raw_sign, sign].map(|runs| runs.into_iter().collect::<Sample>());

    let mut figures = Figures::of("signatures");
    figures.plain("Ed25519 verify_strict alone", &strict, "µs");
    figures.ratio("an entry parsed and verified", &verify.ratio(&strict), "verify_strict", None);
    figures.ratio(
        "a frame of entries with bodies read and verified, each entry",
        &receive.ratio(&strict),
        "verify_strict",
        None,
    );
    figures.plain("Ed25519 sign alone", &raw_sign, "µs");
    figures.ratio("an entry signed", &sign.ratio(&raw_sign), "sign", None);
    if !batch.is_empty() {
        let batch: Sample = batch.into_iter().collect();
        figures.ratio("Ed25519 verify_batch(256), each signature", &batch.ratio(&strict), "verify_strict", None);
    }
    figures.show();
}

/// Microseconds for each item, all of them once.
fn each<I, T>(items: &[I], action: impl Fn(&I) -> T) -> f64 {
    let (_, took) = timed(|| {
        for item in items {
            black_box(action(item));
        }
    });
    took * 1e6 / items.len() as f64
}

fn signing_key(secret: &Secret) -> SigningKey {
    SigningKey::from_bytes(secret.expose())
}

impl Bare {
    fn of(registry: &RegistryId, envelope: &[u8]) -> Self {
        let (payload, signature) = cose::unenvelope("entry", envelope).expect("ours");
        let key = Signed::parse(envelope).expect("ours").claimed().feed.key.0;
        // RFC 9052 §4.4, for an aad and a payload below 256 bytes.
        let aad = Domain::Entry.aad(&registry.0);
        let string = |bytes: &[u8]| [&[0x58, u8::try_from(bytes.len()).expect("short")], bytes].concat();
        let message = [&b"\x84\x6aSignature1\x43\xa1\x01\x27"[..], &string(&aad), &string(payload)].concat();
        let key = VerifyingKey::from_bytes(&key).expect("a sound key");
        Self { key, message, signature: Signature::from_bytes(signature) }
    }
}
