//! `kill -9` at random during writes: nothing acknowledged is lost, nothing is half there, no honest node forks.
//!
//! The killer keeps the ledger: what each node has acknowledged, and what was asked of it and not answered when it died.
//! `HABEAS_KILLS=100` kills more often, `HABEAS_SEED=N` repeats a run as far as processes can be repeated.

use std::{
    collections::BTreeSet,
    env,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use protocol::{
    control::{RecordKind, Reply, Request},
    ids::SectionId,
    seal::Entropy,
};
use tests::daemons::{Daemons, Door, Node, eventually, fact, sample};

use crate::NODE;

const NODES: usize = 3;
/// The longest time from a node's first word after a start to its end, in milliseconds.
const LIFE_MS: u64 = 120;

/// What one node is known to have written.
#[derive(Default)]
struct Ledger {
    cases: BTreeSet<SectionId>,
    dockets: BTreeSet<SectionId>,
    /// What it was asked and had not answered when it died.
    unanswered: Option<Asked>,
}

/// What a request comes to if it is carried out: so many case files, so many dockets.
type Asked = (usize, usize);

#[test]
fn nodes_killed_during_writes_lose_nothing_acknowledged_and_never_fork() {
    let kills = option("HABEAS_KILLS").unwrap_or(10);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = option("HABEAS_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    println!("HABEAS_SEED={seed} HABEAS_KILLS={kills}");
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_be_bytes());
    let mut chance = Entropy::new(wide);
    let mut draw = |below: u64| u64::from_be_bytes(chance.bytes()) % below;

    let mut nodes = Daemons::found(NODE, NODES);
    let mut ledgers: [Ledger; NODES] = Default::default();
    let mut in_flight = 0;
    for number in 1..=kills {
        let victim = usize::try_from(draw(NODES as u64)).expect("below three");
        let life = Duration::from_millis(draw(LIFE_MS));
        write_until_killed(&mut nodes, victim, life, &mut ledgers);
        in_flight += u64::from(ledgers[victim].unanswered.is_some());
        nodes[victim].resume();
        check(&nodes[victim], &mut ledgers[victim]);
        println!("kill {number}: node {victim} after {life:?}, {} batches in flight so far", in_flight);
    }
    assert!(in_flight * 10 >= kills * 3, "only {in_flight} of {kills} kills hit a batch in flight");

    nodes.settle();
    nodes.agree();
    for (node, ledger) in nodes.iter().zip(&mut ledgers) {
        check(node, ledger);
    }
    let everything: BTreeSet<_> = ledgers.iter().flat_map(|ledger| &ledger.dockets).copied().collect();
    for node in nodes.iter() {
        let dockets = records(node, RecordKind::Docket);
        let lost: Vec<_> = everything.difference(&dockets).collect();
        assert!(lost.is_empty(), "acknowledged by one, gone at another: {lost:?}");
        assert_eq!(node.alarms(), []);
        assert_eq!(node.status().circles.iter().map(|circle| circle.forked).sum::<u64>(), 0);
    }
}

/// All nodes are written to without pause; some time after the victim's first answer it is killed.
fn write_until_killed(nodes: &mut Daemons, victim: usize, life: Duration, ledgers: &mut [Ledger; NODES]) {
    let doors: Vec<_> = nodes.iter().map(Node::door).collect();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for (number, (door, ledger)) in doors.iter().zip(ledgers.iter_mut()).enumerate() {
            let (stop, answered) = (&stop, &answered);
            scope.spawn(move || write(door, ledger, stop, (number == victim).then_some(answered)));
        }
        eventually("the victim answers", || (answered.load(Ordering::Relaxed) > 0).then_some(()));
        thread::park_timeout(life);
        nodes[victim].kill();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Asks a node to write one thing after the other, and keeps what it acknowledges.
fn write(door: &Door, ledger: &mut Ledger, stop: &AtomicBool, victim: Option<&AtomicUsize>) {
    let source = || vec![fact("docket_source.type", "court_card")];
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (request, asked) = match number % 6 {
            0 if victim.is_some() => (Request::Import { file: sample(), dry_run: false }, (12, 2)),
            1 | 4 => (Request::DocketNew { facts: source() }, (0, 1)),
            _ => (Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] }, (1, 0)),
        };
        match door.try_ask(&request) {
            Ok(Ok(Reply::Saved { record, .. })) if asked == (0, 1) => drop(ledger.dockets.insert(record)),
            Ok(Ok(Reply::Saved { record, .. })) => drop(ledger.cases.insert(record)),
            Ok(Ok(Reply::Imported { records, .. })) => {
                for imported in records {
                    match imported.kind {
                        RecordKind::Case => ledger.cases.insert(imported.record),
                        RecordKind::Docket => ledger.dockets.insert(imported.record),
                    };
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                assert!(victim.is_some(), "a node that was not killed does not answer");
                ledger.unanswered = Some(asked);
                return;
            }
        }
        if let Some(answered) = victim {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Everything acknowledged is there; what was in flight is there whole or not at all.
fn check(node: &Node, ledger: &mut Ledger) {
    let cases = records(node, RecordKind::Case);
    let lost: Vec<_> = ledger.cases.difference(&cases).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let dockets = records(node, RecordKind::Docket);
    let lost: Vec<_> = ledger.dockets.difference(&dockets).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // The own circle holds what this node wrote and nothing else.
    let unasked = cases.len() - ledger.cases.len();
    let asked = ledger.unanswered.take().map_or(0, |(cases, _)| cases);
    assert!(unasked == 0 || unasked == asked, "{unasked} of {asked} case files in flight are there");
    // It was not acknowledged; but now it is seen, and must stay.
    ledger.cases = cases;
}

fn records(node: &Node, kind: RecordKind) -> BTreeSet<SectionId> {
    node.list(kind).iter().map(|summary| summary.record).collect()
}

fn option(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
