//! Benchmark of signatures: the cost of an entry beyond its signature, against Ed25519 alone, on one thread.

use std::hint::black_box;

use ed25519_dalek::{Signer as _, SigningKey};
use protocol::{
    bytes::{
        cose,
        seal::{Entropy, Secret},
    },
    log::entry::{self, Signed},
    replication::sync::frame,
    store::Memory,
};
use tests::bench::{
    bare::{Bare, strict},
    federation::{Federation, frames},
    figures::{Figures, Sample, timed},
    peers,
};

const ENTRIES: usize = 2_000;
const RUNS: usize = 9;

fn main() {
    let mut federation = Federation::new(2);
    let mut seat = federation.seat(0, Memory::default());
    let arrivals = federation.write(&mut seat, ENTRIES);
    let envelopes: Vec<_> = arrivals.iter().map(|arrival| arrival.entry.envelope()).collect();
    let bare: Vec<_> = arrivals.iter().map(|arrival| Bare::of(&federation.registry, arrival)).collect();
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

    let raw_sign = || each(&bare, |bare| key.sign(&bare.message));
    let (mut alone, mut verify, mut receive, mut raw_signs, mut sign, mut batch) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        // Load from other programs falls on both sides: each measurement lies between two of its reference.
        let before = strict(&bare);
        verify.push(each(&envelopes, |envelope| {
            Signed::parse(envelope).expect("ours").verify(&federation.registry).expect("ours")
        }));
        let (_, took) = timed(|| {
            for frame in &frames {
                black_box(frame::receive(&federation.registry, frame).expect("ours"));
            }
        });
        receive.push(took * 1e6 / ENTRIES as f64);
        batch.extend(peers::batch());
        alone.push((before + strict(&bare)) * 1e6 / 2.0);
        let before = raw_sign();
        sign.push(each(&headers, |header| entry::sign(&federation.registry, &signer, header.clone())));
        raw_signs.push((before + raw_sign()) / 2.0);
    }
    let [strict, verify, receive, raw_sign, sign] =
        [alone, verify, receive, raw_signs, sign].map(|runs| runs.into_iter().collect::<Sample>());

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

/// The microseconds for each item, measured over one pass of all items.
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
