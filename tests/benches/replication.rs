//! Benchmark of replication: the time until two processes agree, and the wait of a person. 100,000 entries over
//! loopback.

#![expect(clippy::disallowed_methods, reason = "what is measured must not be disturbed by a look at every instant")]

use std::{
    process, thread,
    time::{Duration, Instant},
};

use protocol::{
    app::control::{Known, Reply, Request},
    bytes::ids::SectionId,
    store::Memory,
};
use serde_json::json;
use tests::{
    bench::{
        bare::{Bare, strict},
        federation::Federation,
        figures::{Bar, Figures, Sample, seconds, timed},
        peers,
        process::{cpu, memory},
    },
    daemons::{Daemons, Node, fact},
};

const ENTRIES: u64 = 100_000;
const PER_IMPORT: u64 = 10_000;
/// The number of receivers: nodes that get everything, one after the other.
const RECEIVERS: usize = 3;
const COMMITS: usize = 200;
const RESTARTS: usize = 5;
const SIGNATURES: usize = 10_000;
/// The pause between two looks at a node that does not show the record yet: a tenth of the best figures, and no load on
/// the node.
const LOOK: Duration = Duration::from_micros(200);
/// The longest wait for anything: a busy machine replicates 100,000 entries in less.
const PATIENCE: Duration = Duration::from_secs(600);

/// Ed25519's strict check alone, in microseconds per signature: elapsed time, and processor time.
#[derive(Clone, Copy)]
struct Alone {
    clock: f64,
    processor: f64,
}

fn main() {
    let program = env!("CARGO_BIN_EXE_tests-node");
    let mut nodes = Daemons::found(program, RECEIVERS + 1);
    let mut figures = Figures::of("replication");
    for (number, node) in nodes.iter().enumerate() {
        nodes.iter().enumerate().filter(|(other, _)| *other != number).for_each(|(_, other)| hold(node, other, true));
    }
    let empty = opened(&mut nodes[1], None);
    write(&nodes[0], &mut figures);
    replicate(&nodes, &mut figures);
    let record = live(&nodes[0], &nodes[1], &mut figures);

    let [resident, _] = memory(nodes[0].process());
    figures.plain("resident after writing 100000 entries", &resident.into(), "MiB");
    let full = opened(&mut nodes[1], Some(record));
    figures.plain("passphrase to first answer after a restart, nothing there", &empty, "s");
    figures.plain("passphrase to first answer after a restart, 100000 entries", &full, "s");
    figures.ratio(
        "passphrase to first answer at 100000 entries",
        &full.ratio(&empty),
        "the same with nothing there",
        None,
    );
    thread::sleep(Duration::from_secs(2));
    let [resident, _] = memory(nodes[1].process());
    let idle = "resident at 100000 after a restart, idle (budget at 1 M: 256 MiB)";
    figures.plain(idle, &resident.into(), "MiB");
    figures.show();
}

/// Writes invented dockets at the first node by importing them.
fn write(node: &Node, figures: &mut Figures) {
    let mut rates = Vec::new();
    for first in (0..ENTRIES).step_by(PER_IMPORT as usize) {
        let docket = |number: u64| {
            json!({
                "label": format!("D{number}"),
                "accused_count": { "v": number % 7 + 1, "src": "s1", "grade": "B2" },
                "sources": [{ "id": "s1", "type": "media_ind", "relation": "third_party", "grade": "B2" }],
            })
        };
        let file = json!({ "dockets": (first..first + PER_IMPORT).map(docket).collect::<Vec<_>>() }).to_string();
        let (reply, took) = timed(|| node.done(Request::Import { file, dry_run: false, known: Known::Refuse }));
        assert!(matches!(reply, Reply::Imported { entries: PER_IMPORT, .. }), "one entry for each docket");
        rates.push(PER_IMPORT as f64 / took);
    }
    let part = |some: &[f64]| some.iter().copied().collect::<Sample>();
    let (first, last) = (part(&rates[..3]).median(), part(&rates[rates.len() - 3..]).median());
    figures.plain("import of 10000 dockets, one entry each", &part(&rates), "/s");
    let slowed = (last / first).into();
    figures.ratio("speed of the last three imports of ten", &slowed, "speed of the first three", None);
}

/// Replicates everything from the first node to each receiver in turn, with no other node connected.
fn replicate(nodes: &[Node], figures: &mut Figures) {
    let (source, receivers) = (&nodes[0], &nodes[1..]);
    let (mut speeds, mut strict, mut batch, mut sent, mut taken) = (vec![], vec![], vec![], vec![], vec![]);
    let batches = || peers::batch().unwrap_or(f64::NAN);
    let mut peak: f64 = 0.0;
    for receiver in receivers {
        let before = (alone(), batches());
        let used = [cpu(source.process()), cpu(receiver.process())];
        hold(receiver, source, false);
        hold(source, receiver, false);
        let start = Instant::now();
        until("everything is there", || commons(receiver) == ENTRIES);
        let took = seconds(start.elapsed());
        until("both know it", || equal(source, receiver));
        let after = (alone(), batches());
        let processor = (before.0.processor + after.0.processor) / 2.0;
        speeds.push(ENTRIES as f64 / took);
        sent.push((cpu(source.process()) - used[0]) * 1e6 / ENTRIES as f64 / processor);
        taken.push((cpu(receiver.process()) - used[1]) * 1e6 / ENTRIES as f64 / processor);
        strict.push(2e6 / (before.0.clock + after.0.clock));
        batch.push(2e6 / (before.1 + after.1));
        peak = peak.max(memory(receiver.process())[1]);
        hold(receiver, source, true);
        hold(source, receiver, true);
    }
    let [speeds, strict, batch, sent, taken] =
        [speeds, strict, batch, sent, taken].map(|runs| runs.into_iter().collect::<Sample>());
    figures.plain("replication of 100000 entries, durable", &speeds, "/s");
    figures.ratio("replication", &speeds.ratio(&strict), "verify_strict alone on one thread", None);
    if batch.median().is_finite() {
        let against = "verify_batch(256) alone on one thread";
        figures.ratio("replication", &speeds.ratio(&batch), against, Some(Bar::Least(0.3)));
    }
    figures.ratio("processor time of who sends", &sent, "that of verify_strict alone", None);
    figures.ratio("processor time of who receives", &taken, "that of verify_strict alone", None);
    figures.plain("resident at most while receiving 100000", &peak.into(), "MiB");
}

/// Measures the check of signatures.
fn alone() -> Alone {
    let mut federation = Federation::new(1);
    let mut seat = federation.seat(0, Memory::default());
    let entries = federation.write(&mut seat, SIGNATURES);
    let bare: Vec<_> = entries.iter().map(|arrival| Bare::of(&federation.registry, arrival)).collect();
    let before = cpu(process::id());
    let clock = strict(&bare) * 1e6;
    // The check ran in two passes, of which only the second was timed by the clock.
    Alone { clock, processor: (cpu(process::id()) - before) * 1e6 / (2 * SIGNATURES) as f64 }
}

/// Measures live replication: one person writes, until another organisation can read it. Returns the last record.
fn live(source: &Node, receiver: &Node, figures: &mut Figures) -> SectionId {
    hold(receiver, source, false);
    hold(source, receiver, false);
    until("both know of each other", || equal(source, receiver));
    let facts = vec![fact("docket_source.type", "media_ind"), fact("docket.accused_count", "2")];
    let (mut saved, mut visible, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..COMMITS {
        let (record, took) = timed(|| source.save(Request::DocketNew { facts: facts.clone() }));
        let start = Instant::now();
        saved.push(took * 1e3);
        let request = Request::Show { record: record.to_string() };
        while receiver.ask(&request).is_err() {
            thread::sleep(LOOK);
        }
        visible.push(seconds(start.elapsed()) * 1e3);
        last = Some(record);
    }
    let [saved, visible] = [saved, visible].map(|runs| runs.into_iter().collect::<Sample>());
    figures.plain("live, at 100000 entries: asked to saved, p50", &saved.quantile(0.5).into(), "ms");
    figures.plain("live, at 100000 entries: asked to saved, p99", &saved.quantile(0.99).into(), "ms");
    figures.plain("live, at 100000 entries: saved to visible elsewhere, p50", &visible.quantile(0.5).into(), "ms");
    let p99 = visible.quantile(0.99).into();
    figures.barred("live, at 100000 entries: saved to visible elsewhere, p99", &p99, "ms", Bar::Most(20.0));
    last.expect("something was written")
}

/// The seconds after which an opened node gives its first answer about the record, after each of some restarts.
/// Deriving the key from the passphrase is included, with the cheap cost of invented data.
fn opened(node: &mut Node, record: Option<SectionId>) -> Sample {
    let mut restarted = || {
        node.stop();
        node.start();
        let first = || {
            node.unlock();
            match record {
                Some(record) => node.done(Request::Show { record: record.to_string() }),
                None => node.done(Request::Status),
            }
        };
        timed(first).1
    };
    (0..RESTARTS).map(|_| restarted()).collect()
}

/// Waits until a condition holds.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The number of entries that a node counts in the commons.
fn commons(node: &Node) -> u64 {
    node.status().circles.iter().filter(|circle| circle.kind == "commons").map(|circle| circle.entries).sum()
}

/// Whether two nodes that are connected with no other node know that they are equal.
fn equal(one: &Node, other: &Node) -> bool {
    [one, other].iter().all(|node| node.status().peers.iter().any(|peer| peer.up_to_date))
}

/// Holds the exchange with the organisation of another node, or releases it.
fn hold(node: &Node, other: &Node, holds: bool) {
    let organisation = other.status().call_sign.expect("it has joined");
    node.done(match holds {
        true => Request::Hold { organisation },
        false => Request::Release { organisation },
    });
}
