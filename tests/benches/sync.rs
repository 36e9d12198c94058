//! Benchmark of sync: the cost of finding out what is missing, in bytes and messages counted at the core, against
//! negentropy.

use std::{fs, path::Path};

use protocol::{
    replication::{replica::Held, sync::frame::Arrival},
    store::Memory,
};
use tests::bench::{
    federation::{Federation, Seat, Traffic, compare, connect, size},
    figures::{Bar, Figures, Sample, timed},
    peers,
};

const FEEDS: usize = 20;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const MISSING: usize = 1_000;
const RUNS: usize = 9;

fn main() {
    let mut federation = Federation::new(FEEDS + 2);
    let mut writers: Vec<_> = (0..FEEDS).map(|number| federation.seat(number, Memory::default())).collect();
    let mut a = federation.seat(FEEDS, Memory::default());
    let mut b = federation.seat(FEEDS + 1, Memory::default());
    let mut figures = Figures::of("sync");
    let registry = federation.registry;
    connect(&registry, &mut a, &mut b);

    let mut written: Vec<Arrival> = Vec::new();
    let mut first_time: Option<Sample> = None;
    for entries in SIZES {
        let more = grow(&mut federation, &mut writers, entries - written.len());
        a.take(b.node, &more);
        b.take(a.node, &more);
        written.extend(more);
        // The first comparison exchanges the frontiers; the following ones find nothing new.
        compare(&registry, &mut a, &mut b);
        let (mut times, mut traffic) = (Vec::new(), Traffic::default());
        for _ in 0..RUNS {
            let (seen, took) = timed(|| compare(&registry, &mut a, &mut b));
            assert_eq!(seen.parcels, 0, "nothing is missing");
            times.push(took * 1e6);
            traffic = seen;
        }
        let times: Sample = times.into_iter().collect();
        figures.barred(format!("no change at {entries}: messages"), &count(traffic.frames), "", Bar::Most(2.0));
        figures.barred(format!("no change at {entries}: bytes"), &count(traffic.bytes), "B", Bar::Most(640.0));
        figures.plain(format!("no change at {entries}: both cores, time"), &times, "µs");
        let first = first_time.get_or_insert_with(|| times.clone());
        if entries != SIZES[0] {
            let ratio = times.ratio(first);
            figures.ratio(format!("no change at {entries}: time"), &ratio, "time at 1000", None);
        }
    }

    let more = grow(&mut federation, &mut writers, MISSING);
    let known = reconcile(&federation, &mut a, &mut b, &more, &mut figures);
    against_negentropy(&written, &more, known, &mut figures);
    figures.show();
}

/// Grows the federation by `count` entries, spread over all feeds.
fn grow(federation: &mut Federation, writers: &mut [Seat<Memory>], count: usize) -> Vec<Arrival> {
    let each = count / writers.len();
    writers.iter_mut().flat_map(|writer| federation.write(writer, each)).collect()
}

fn count(number: u64) -> Sample {
    Sample::from(number as f64)
}

/// Reconciles two nodes of which one has entries that the other lacks; they had agreed on everything before.
fn reconcile(
    federation: &Federation,
    a: &mut Seat<Memory>,
    b: &mut Seat<Memory>,
    more: &[Arrival],
    figures: &mut Figures,
) -> Traffic {
    a.take(b.node, more);
    let traffic = compare(&federation.registry, a, b);
    let root = |seat: &Seat<Memory>| seat.state.replica().circle(&federation.commons()).map(Held::root);
    assert_eq!(root(a), root(b), "everything was exchanged");
    let what = format!("{MISSING} missing of {}, {FEEDS} feeds", SIZES[2]);
    let budget = 700 + 64 * FEEDS as u64;
    figures.barred(format!("{what}: bytes to reconcile"), &count(traffic.bytes), "B", Bar::Most(budget as f64));
    figures.plain(format!("{what}: messages to reconcile"), &count(traffic.frames), "");
    let trips = Sample::from(f64::from(traffic.hops) / 2.0);
    figures.barred(format!("{what}: round trips until all is known"), &trips, "", Bar::Most(1.5));
    let alone: usize = more.iter().map(size).sum();
    let overhead = Sample::from((traffic.bytes + traffic.parcel_bytes) as f64 / alone as f64);
    figures.ratio(format!("{what}: all bytes"), &overhead, "bytes of the entries", None);
    traffic
}

/// Measures negentropy on the same ids, with the missing ones as the newest, which is negentropy's best case, and with
/// times that say nothing.
fn against_negentropy(written: &[Arrival], more: &[Arrival], ours: Traffic, figures: &mut Figures) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (all, some) = (folder.join("ids-all"), folder.join("ids-some"));
    type Case = (&'static str, fn(u64) -> u64, f64);
    let cases: [Case; 2] = [("newest ids", |number| number, 0.02), ("ids without times", |_| 0, 0.02)];
    for (which, time, most) in cases {
        let row =
            |(number, arrival): (u64, &Arrival)| [&time(number).to_be_bytes()[..], &arrival.entry.id().0].concat();
        let rows: Vec<_> = (0..).zip(written.iter().chain(more)).map(row).collect();
        fs::write(&all, rows.concat()).expect("a folder for temporary files");
        fs::write(&some, rows[..written.len()].concat()).expect("a folder for temporary files");
        let Some([messages, bytes]) = peers::negentropy(&all, &some) else { return };
        figures.plain(format!("negentropy 0.5.3, {which}: messages"), &Sample::from(messages), "");
        figures.plain(format!("negentropy 0.5.3, {which}: bytes"), &Sample::from(bytes), "B");
        let ratio = Sample::from(ours.bytes as f64 / bytes);
        figures.ratio("our bytes to reconcile", &ratio, &format!("negentropy, {which}"), Some(Bar::Most(most)));
    }
}
