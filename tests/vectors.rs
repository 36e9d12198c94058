//! The vectors under `protocol/vectors/wire`: bytes that every implementation must accept, and bytes it must refuse.
//!
//! Each file says what is read, from which inputs, with which outcome, and why. This module makes them from fixed
//! seeds; `HABEAS_VECTORS=write` writes them anew after a change of the format, which SPEC.md then has to describe.

use std::{collections::BTreeMap, fs, path::PathBuf};

use protocol::{
    bytes::ids::RegistryId,
    log::{
        body::Body,
        entry::{Signed, Verified},
    },
};
use serde_json::{Value, json};
use tests::written::{Registry, Written};

mod bodies;
pub(crate) mod cbor;
mod documents;
mod entries;
mod judge;
mod signatures;

/// A vector, before it is written to its file.
#[derive(Clone)]
struct Vector {
    what: &'static str,
    name: String,
    verdict: &'static str,
    why: &'static str,
    inputs: Vec<(&'static str, String)>,
}

impl Vector {
    fn new(
        what: &'static str,
        name: &str,
        verdict: &'static str,
        why: &'static str,
        inputs: Vec<(&'static str, String)>,
    ) -> Self {
        Self { what, name: name.to_owned(), verdict, why, inputs }
    }

    fn inputs(&self) -> Value {
        self.inputs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect()
    }

    /// The file of the vector: path below the folder, and content. The verdict is the one written beside the bytes; the
    /// reader only adds what follows from accepted bytes.
    fn file(&self) -> (String, String) {
        let mut expected = judge::judge(self.what, &self.inputs());
        expected["verdict"] = Value::from(self.verdict);
        let file = json!({"what": self.what, "why": self.why, "inputs": self.inputs(), "expected": expected});
        (format!("{}-{}.json", self.what, self.name), format!("{file:#}\n"))
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../protocol/vectors/wire")
}

fn vectors() -> Vec<Vector> {
    [entries::vectors(), signatures::vectors(), bodies::vectors(), documents::vectors()].concat()
}

/// The files that are in the folder.
fn files() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("the folder of vectors is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let name = |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).expect("text"))).collect()
}

#[test]
fn the_files_are_those_made_here() {
    let made: BTreeMap<_, _> = vectors().iter().map(Vector::file).collect();
    assert_eq!(made.len(), vectors().len(), "two vectors have one name");
    if std::env::var("HABEAS_VECTORS").is_ok_and(|value| value == "write") {
        fs::create_dir_all(folder()).expect("writable");
        for stale in files().keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(folder().join(stale)).expect("writable");
        }
        for (name, text) in &made {
            fs::write(folder().join(name), text).expect("writable");
        }
    }
    let found = files();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&made));
    for (name, text) in made {
        assert_eq!(found[&name], text, "{name} differs: the format changed, or the file");
    }
}

#[test]
fn every_vector_gets_the_verdict_its_file_expects() {
    let mut verdicts = BTreeMap::<String, usize>::new();
    for (name, text) in files() {
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let judged = judge::judge(file["what"].as_str().expect("a text"), &file["inputs"]);
        assert_eq!(judged, file["expected"], "{name}: {}", file["why"]);
        *verdicts.entry(judged["verdict"].as_str().expect("a text").to_owned()).or_default() += 1;
    }
    let accepted = verdicts.remove("accepted").unwrap_or_default();
    let later = verdicts.remove("later").unwrap_or_default();
    let refused: usize = verdicts.values().sum();
    assert!(accepted >= 30 && later >= 4 && refused >= 100, "{accepted} accepted, {later} later, {refused} refused");
    for verdict in
        ["malformed", "bad signature", "length", "root", "shape", "key", "commitment", "ciphertext", "padding"]
    {
        assert!(verdicts.contains_key(verdict), "nothing shows {verdict}");
    }
}

/// Flips every bit of `bytes` and counts: (trials, accepted).
fn flips(bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) -> (usize, usize) {
    let mut spoilt = bytes.to_vec();
    let accepted = (0..bytes.len() * 8).filter(|bit| {
        let mask = 1 << (bit % 8);
        spoilt[bit / 8] ^= mask;
        let accepted = accepts(&spoilt);
        spoilt[bit / 8] ^= mask;
        accepted
    });
    let accepted = accepted.count();
    (bytes.len() * 8, accepted)
}

#[test]
fn every_single_flipped_bit_of_200_entries_and_of_their_bodies_is_refused() {
    let Registry { id, entries, .. } = Registry::new([1; 32], 100);
    assert_eq!(entries.len(), 200);
    let bytes: usize = entries.iter().map(|w| w.entry.envelope().len() + w.body.bytes().len()).sum();
    let trials_of = |written: &[Written]| -> usize { written.iter().map(|written| flipped(&id, written)).sum() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let trials: usize = std::thread::scope(|scope| {
        let shares = entries.chunks(entries.len().div_ceil(threads));
        let running: Vec<_> = shares.map(|share| scope.spawn(move || trials_of(share))).collect();
        running.into_iter().map(|share| share.join().expect("no share fails")).sum()
    });
    assert_eq!(trials, 8 * bytes, "every bit was tried");
    assert!(bytes > 200 * 800, "{bytes} bytes");
}

/// Tries every bit of an entry and of its body; returns the number of trials.
fn flipped(registry: &RegistryId, written: &Written) -> usize {
    let (header, envelope) = (written.entry.header(), written.entry.envelope());
    let read = |bytes: &[u8]| -> Option<Verified> { Signed::parse(bytes).ok()?.verify(registry).ok() };
    assert_eq!(read(&envelope).as_ref(), Some(&written.entry), "unspoilt, it is accepted");
    assert!(Body::check(header, written.body.bytes().to_vec()).is_ok(), "unspoilt, it is accepted");
    let entry = flips(&envelope, |bytes| read(bytes).is_some());
    let body = flips(written.body.bytes(), |bytes| Body::check(header, bytes.to_vec()).is_ok());
    assert_eq!((entry.1, body.1), (0, 0), "accepted with a bit flipped: {:?}", written.entry.id());
    entry.0 + body.0
}

#[test]
fn what_was_written_is_signed_sealed_and_of_many_lengths() {
    let Registry { id, entries, .. } = Registry::new([2; 32], 30);
    let mut lengths = std::collections::BTreeSet::new();
    for Written { entry, body, epoch_key } in &entries {
        match epoch_key {
            Some(key) => {
                assert!(body.open(&id, entry.header(), key).is_ok(), "{:?} opens", entry.id());
                assert!(body.open(&id, entry.header(), &key.derive("another")).is_err());
            }
            None => assert!(entry.header().kind.is_control() && body.clear().is_ok()),
        }
        lengths.insert(body.bytes().len());
        assert!(cbor::is_canonical(&entry.header().encode()) && cbor::is_canonical(body.bytes()));
    }
    assert!(lengths.len() > 5, "{lengths:?}");
    assert_eq!(entries.iter().filter(|written| written.epoch_key.is_none()).count(), 2);
}
