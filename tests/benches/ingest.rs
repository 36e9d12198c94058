//! Benchmark of ingest: 100,000 entries through reading, rules and store on one thread, against `verify_strict` alone
//! on one thread.

use std::{fs, path::Path};

use node::{
    store::Rocks,
    vault::{DatabaseId, Keys},
};
use protocol::{
    app::library::Library,
    bytes::{
        ids::NodeKey,
        seal::{Entropy, Secret},
    },
    replication::sync::{Effect, Input, Notice, frame},
    store::{Batch, Memory, Store},
};
use tests::bench::{
    bare::{Bare, strict},
    federation::{Federation, Seat, frames, size},
    figures::{Bar, Figures, Sample, timed},
    peers,
};

const ENTRIES: usize = 100_000;
const RUNS: usize = 3;
/// The number of signatures that are checked alone, as a measure before and after each run.
const MEASURE: usize = 5_000;

/// The seconds that each stage of one run took.
#[derive(Default)]
struct Run {
    read: f64,
    rules: f64,
    shelved: f64,
    /// The bytes on the disk after the run.
    bytes: u64,
}

fn main() {
    let mut federation = Federation::new(2);
    let mut writer = federation.seat(0, Memory::default());
    let arrivals = federation.write(&mut writer, ENTRIES);
    let frames = frames(&arrivals);
    let entry_bytes: usize = arrivals.iter().map(size).sum();

    let bare: Vec<_> = arrivals[..MEASURE].iter().map(|arrival| Bare::of(&federation.registry, arrival)).collect();
    let (mut alone, mut memory, mut disk, mut batch) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let mut seat = federation.seat(1, Memory::default());
        memory.push(ingest(&federation, &mut writer, &mut seat, &frames));
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for temporary files");
        let store = Rocks::open(folder.path(), &keys(), Entropy::new([1; 32])).expect("a new store");
        let mut seat = federation.seat(1, store);
        let before = strict(&bare);
        let mut run = ingest(&federation, &mut writer, &mut seat, &frames);
        alone.push((before + strict(&bare)) * ENTRIES as f64 / 2.0);
        batch.extend(peers::batch());
        drop(seat);
        run.bytes = bytes_of(folder.path());
        disk.push(run);
    }
    let strict: Sample = alone.into_iter().collect();
    let of = |runs: &[Run], stage: fn(&Run) -> f64| runs.iter().map(stage).collect::<Sample>();
    let all = |run: &Run| run.read + run.rules + run.shelved;

    let mut figures = Figures::of("ingest");
    let alone = "verify_strict alone";
    figures.plain("verify_strict alone on one thread", &strict.map(|seconds| ENTRIES as f64 / seconds), "/s");
    figures.plain(
        "100000 entries to the disk and shelves, one thread",
        &of(&disk, all).map(|s| ENTRIES as f64 / s),
        "/s",
    );
    let speed = strict.ratio(&of(&disk, all));
    figures.ratio("speed of all of it on one thread", &speed, "speed of verify_strict alone", None);
    if !batch.is_empty() {
        let batch: Sample = batch.into_iter().map(|micros| micros * ENTRIES as f64 / 1e6).collect();
        let speed = batch.ratio(&of(&disk, all));
        figures.ratio("speed of all of it on one thread", &speed, "speed of verify_batch(256) alone", None);
    }
    figures.ratio("time to read and verify frames", &of(&disk, |run| run.read).ratio(&strict), alone, None);
    figures.ratio("time for rules, disk and sync", &of(&disk, |run| run.rules).ratio(&strict), alone, None);
    figures.ratio("time to read bodies into sections", &of(&disk, |run| run.shelved).ratio(&strict), alone, None);
    figures.ratio("all of it on the disk", &of(&disk, all).ratio(&of(&memory, all)), "all of it in memory", None);
    let bytes = Sample::from(disk.iter().map(|run| run.bytes).max().unwrap_or(0) as f64 / entry_bytes as f64);
    figures.ratio("bytes on the disk", &bytes, "bytes of the entries", Some(Bar::Most(1.6)));
    figures.show();
}

/// Ingests all frames, one after the other, as a node does: read, decide, make durable, fold into sections.
fn ingest<S: Store>(federation: &Federation, writer: &mut Seat<Memory>, seat: &mut Seat<S>, frames: &[Vec<u8>]) -> Run {
    greet(federation, writer, seat);
    let (mut run, mut library, peer) = (Run::default(), Library::default(), writer.node);
    for bytes in frames {
        let (received, read) = timed(|| frame::receive(&federation.registry, bytes).expect("ours"));
        let (effects, rules) = timed(|| seat.handle(Input::Received(peer, received)));
        let ids = effects.into_iter().find_map(|effect| match effect {
            Effect::Notice(Notice::Arrived(ids)) => Some(ids),
            _ => None,
        });
        let ids = ids.expect("new entries");
        let (_, shelved) = timed(|| {
            let reading = library.read(&seat.state, &seat.store, Batch::default(), &ids).expect("the store answers");
            seat.store.commit(&reading.batch).expect("the store writes");
        });
        run.read += read;
        run.rules += rules;
        run.shelved += shelved;
    }
    let replica = seat.state.replica();
    let held = replica.circle(&federation.commons()).expect("all members hold it");
    let counted: u64 = held.lines().map(|(_, line)| line.counted()).sum();
    assert_eq!(counted, ENTRIES as u64, "all of it counts");
    run
}

/// Greets the writer: opens a session with it before anything is sent.
fn greet<S: Store>(federation: &Federation, writer: &mut Seat<Memory>, seat: &mut Seat<S>) {
    let peer: NodeKey = writer.node;
    let opened = writer.handle(Input::Up(seat.node));
    seat.handle(Input::Up(peer));
    for effect in opened {
        if let Effect::Send { frame, .. } = effect {
            let received = frame::receive(&federation.registry, &frame).expect("ours");
            seat.handle(Input::Received(peer, received));
        }
    }
    writer.handle(Input::Down(seat.node));
}

fn keys() -> Keys {
    Keys { database: DatabaseId([1; 16]), carrier: Secret::new([2; 32]), reader: Some(Secret::new([3; 32])) }
}

fn bytes_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder of ours").map(|entry| entry.expect("a folder of ours"));
    entries
        .map(|entry| match entry.path().is_dir() {
            true => bytes_of(&entry.path()),
            false => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
