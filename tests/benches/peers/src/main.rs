//! Prints the figures of peer implementations as numbers on one line.
//!
//! ```text
//! peers batch                   microseconds per signature of verify_batch, 256 at a time, on one thread
//! peers negentropy ALL SOME     messages and bytes until who holds SOME knows the ids of ALL that it lacks
//! ```
//!
//! ALL and SOME are files of records: time (u64, big endian), id (32 bytes).

use std::{env, error::Error, fs, hint::black_box, time::Instant};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, verify_batch};
use negentropy::{Id, Negentropy, NegentropyStorageBase, NegentropyStorageVector};

/// The number of signatures in a batch.
const BATCH: usize = 256;
const BATCHES: usize = 8;
/// The length in bytes of the message that an entry's signature covers.
const MESSAGE: usize = 285;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["batch"] => println!("{}", batch()?),
        ["negentropy", all, some] => {
            let [messages, bytes] = reconcile(&fs::read(all)?, &fs::read(some)?)?;
            println!("{messages} {bytes}");
        }
        _ => return Err("usage: peers batch | peers negentropy ALL SOME".into()),
    }
    Ok(())
}

fn batch() -> Result<f64, Box<dyn Error>> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let messages: Vec<[u8; MESSAGE]> = (0..BATCH).map(|number| [number as u8; MESSAGE]).collect();
    let messages: Vec<&[u8]> = messages.iter().map(<[u8; MESSAGE]>::as_slice).collect();
    let signatures: Vec<Signature> = messages.iter().map(|message| key.sign(message)).collect();
    let keys: Vec<VerifyingKey> = vec![key.verifying_key(); BATCH];
    verify_batch(&messages, &signatures, &keys)?; // a first pass fills the caches, and is not counted
    let start = Instant::now();
    for _ in 0..BATCHES {
        verify_batch(black_box(&messages), &signatures, &keys)?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / (BATCH * BATCHES) as f64)
}

fn reconcile(all: &[u8], some: &[u8]) -> Result<[usize; 2], Box<dyn Error>> {
    let (all, some) = (storage(all)?, storage(some)?);
    let (mut server, mut client) = (Negentropy::borrowed(&all, 0)?, Negentropy::borrowed(&some, 0)?);
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut question = Some(client.initiate()?);
    let (mut messages, mut bytes) = (0, 0);
    while let Some(asked) = question {
        let answer = server.reconcile(&asked)?;
        messages += 2;
        bytes += asked.len() + answer.len();
        question = client.reconcile_with_ids(&answer, &mut have, &mut need)?;
    }
    let missing = all.size()? - some.size()?;
    if need.len() != missing || !have.is_empty() {
        return Err(format!("negentropy found {} of {missing}", need.len()).into());
    }
    Ok([messages, bytes])
}

fn storage(records: &[u8]) -> Result<NegentropyStorageVector, Box<dyn Error>> {
    let mut storage = NegentropyStorageVector::new();
    for record in records.chunks_exact(40) {
        let (time, id) = record.split_at(8);
        storage.insert(u64::from_be_bytes(time.try_into()?), Id::from_slice(id)?)?;
    }
    storage.seal()?;
    Ok(storage)
}
