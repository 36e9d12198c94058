//! `kill -9` at random during writes, imports and backups: no acknowledged write is lost, none is half done, no honest
//! node forks.
//!
//! The killer keeps the ledger: what each node has acknowledged, and what was asked of it and not answered when it
//! died. The work of a node between kills is a [`Deed`]; a new kind of work is a new deed.
//!
//! `HABEAS_KILLS=100` kills more often, `HABEAS_SEED=N` repeats a run as far as processes can be repeated.

use std::{
    collections::BTreeSet,
    env, fs, io,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use protocol::{
    app::control::{Known, RecordKind, Reply, Request},
    bytes::{ids::SectionId, seal::Entropy},
};
use tests::daemons::{Daemons, Door, Node, PASSPHRASE, eventually, fact, passphrase, sample};

use crate::NODE;

const NODES: usize = 3;
/// The longest life of a node, from its first answer after a start to the kill, in milliseconds.
pub(crate) const LIFE_MS: u64 = 120;

/// The ledger of the records that one node is known to have written.
#[derive(Default)]
struct Ledger {
    cases: BTreeSet<SectionId>,
    dockets: BTreeSet<SectionId>,
    /// The unanswered request: what was asked of the node and not answered when it died.
    unanswered: Option<Asked>,
}

/// The records asked for: the numbers of case files and of dockets that a request makes if it is carried out.
type Asked = (usize, usize);

#[test]
fn nodes_killed_during_writes_lose_nothing_acknowledged_and_never_fork() {
    let (kills, mut draw) = chance();
    let mut nodes = Daemons::found(NODE, NODES);
    let mut ledgers: [Ledger; NODES] = Default::default();
    let mut in_flight = 0;
    for number in 1..=kills {
        let victim = usize::try_from(draw(NODES as u64)).expect("below three");
        let life = Duration::from_millis(draw(LIFE_MS));
        let deeds = ledgers.iter_mut().enumerate().map(|(at, ledger)| writing(ledger, at == victim));
        kill_during(&mut nodes, victim, life, deeds.collect());
        in_flight += u64::from(ledgers[victim].unanswered.is_some());
        nodes[victim].resume();
        check(&nodes[victim], &mut ledgers[victim]);
        println!("kill {number}: node {victim} after {life:?}, {in_flight} batches in flight so far");
    }
    assert!(in_flight * 10 >= kills * 3, "only {in_flight} of {kills} kills hit a batch in flight");
    settled(&nodes, &mut ledgers);
}

#[test]
fn nodes_killed_during_imports_bring_a_file_in_whole_or_not_at_all() {
    let (kills, mut draw) = chance();
    let mut nodes = Daemons::found(NODE, 2);
    let mut ledgers: [Ledger; 2] = Default::default();
    for _ in 0..kills.div_ceil(2) {
        let victim = usize::try_from(draw(2)).expect("below two");
        let life = Duration::from_millis(draw(LIFE_MS));
        kill_during(&mut nodes, victim, life, ledgers.iter_mut().map(importing).collect());
        nodes[victim].resume();
        check(&nodes[victim], &mut ledgers[victim]);
    }
    settled(&nodes, &mut ledgers);
}

/// Nodes killed during backups leave whole ones or none under the name. Backups run beside writes: every acknowledged
/// backup is whole, every file with the name of a backup is whole, and an acknowledged one holds everything that had
/// been acknowledged before it.
#[test]
fn nodes_killed_during_backups_leave_whole_ones_or_none_under_the_name() {
    let (kills, mut draw) = chance();
    let mut nodes = Daemons::found(NODE, 2);
    let mut ledgers: [Ledger; 2] = Default::default();
    let place = nodes[0].folder().with_extension("backups");
    fs::create_dir(&place).expect("writable");
    let (mut made, mut in_flight) = (BTreeSet::new(), 0);
    for kill in 0..kills.div_ceil(2) {
        let (mut asked, life) = (None, Duration::from_millis(draw(LIFE_MS)));
        let (victims, others) = ledgers.split_at_mut(1);
        let (made_now, asked_now) = (&mut made, &mut asked);
        let (ours, place_now) = (&mut victims[0], &place);
        let backing_up: Deed<'_> = Box::new(move |door, time| {
            ours.ask(door, &Request::CaseNew { facts: vec![] }, (1, 0))?;
            let to = place_now.join(format!("{kill}-{time}"));
            *asked_now = Some(to.clone());
            match door.try_ask(&Request::BackupCreate { to: to.to_str().expect("UTF-8").to_owned() })? {
                Ok(Reply::Backup { .. }) => drop(made_now.insert(to)),
                other => panic!("{other:?}"),
            }
            *asked_now = None;
            Ok(())
        });
        kill_during(&mut nodes, 0, life, vec![backing_up, writing(&mut others[0], false)]);
        in_flight += u64::from(asked.is_some());
        nodes[0].resume();
        check(&nodes[0], &mut ledgers[0]);
    }
    assert!(in_flight > 0, "no kill hit a backup");
    let named = fs::read_dir(&place).expect("there").map(|entry| entry.expect("readable").path());
    let (unfinished, named): (Vec<_>, Vec<_>) = named.partition(|path| path.extension().is_some());
    assert!(unfinished.len() as u64 <= in_flight, "{unfinished:?}");
    assert!(made.iter().all(|backup| named.contains(backup)), "an acknowledged backup is gone");
    let scratch = place.with_extension("scratch");
    for backup in &named {
        node::backup::unpack(backup, &scratch, &mut |_, _| {})
            .unwrap_or_else(|error| panic!("{}: {error}", backup.display()));
        fs::remove_dir_all(&scratch).expect("writable");
    }
    // The last backup restores every case file that was acknowledged before it was begun.
    let last = place.join("last");
    let to = last.to_str().expect("UTF-8").to_owned();
    nodes[0].done(Request::BackupCreate { to: to.clone() });
    assert_eq!(
        fs::read_dir(nodes[0].folder().join("checkpoint")).map_or(0, Iterator::count),
        0,
        "a copy was left behind"
    );
    let entries = match nodes[0].done(Request::BackupVerify { from: to, passphrase: passphrase(PASSPHRASE) }) {
        Reply::Backup { entries, .. } => entries.expect("it was opened"),
        other => panic!("{other:?}"),
    };
    assert!(entries >= ledgers[0].cases.len() as u64, "{entries}");
    settled(&nodes, &mut ledgers);
}

/// The number of kills, and a source of chance.
#[expect(clippy::print_stdout, reason = "whoever looks at a failure needs the seed")]
pub(crate) fn chance() -> (u64, impl FnMut(u64) -> u64) {
    let kills = option("HABEAS_KILLS").unwrap_or(10);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = option("HABEAS_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    println!("HABEAS_SEED={seed} HABEAS_KILLS={kills}");
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_be_bytes());
    let mut chance = Entropy::new(wide);
    (kills, move |below| u64::from_be_bytes(chance.bytes()) % below)
}

/// Asserts that the nodes have settled after the last kill: all agree, every acknowledged record is everywhere it may
/// be, and no node seems to have forked.
fn settled(nodes: &Daemons, ledgers: &mut [Ledger]) {
    nodes.settle();
    nodes.agree();
    for (node, ledger) in nodes.iter().zip(ledgers.iter_mut()) {
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

/// A deed: the request that a node is sent again and again. It is given the node's door and the number of times that it
/// was done before; an error means that the answer did not come.
pub(crate) type Deed<'a> = Box<dyn FnMut(&Door, u64) -> io::Result<()> + Send + 'a>;

/// Runs every node's deed without pause, and kills the victim some time after its first answer.
pub(crate) fn kill_during(nodes: &mut Daemons, victim: usize, life: Duration, deeds: Vec<Deed<'_>>) {
    assert_eq!(deeds.len(), nodes.len());
    let doors: Vec<_> = nodes.iter().map(Node::door).collect();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for (number, (door, mut deed)) in doors.iter().zip(deeds).enumerate() {
            let (stop, answered, is_victim) = (&stop, &answered, number == victim);
            scope.spawn(move || {
                for time in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if deed(door, time).is_err() {
                        assert!(is_victim, "a node that was not killed does not answer");
                        return;
                    }
                    answered.fetch_add(usize::from(is_victim), Ordering::Relaxed);
                }
            });
        }
        eventually("the victim answers", || (answered.load(Ordering::Relaxed) > 0).then_some(()));
        thread::park_timeout(life);
        nodes[victim].kill();
        stop.store(true, Ordering::Relaxed);
    });
}

/// A deed that writes one record after the other, and notes those that are acknowledged.
fn writing(ledger: &mut Ledger, is_victim: bool) -> Deed<'_> {
    let source = || vec![fact("docket_source.type", "court_card")];
    Box::new(move |door, time| {
        let (request, asked) = match time % 6 {
            0 if is_victim => (Request::Import { file: sample(), dry_run: false, known: Known::Again }, (12, 2)),
            1 | 4 => (Request::DocketNew { facts: source() }, (0, 1)),
            _ => (Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] }, (1, 0)),
        };
        ledger.ask(door, &request, asked)
    })
}

/// A deed that imports the sample again and again.
fn importing(ledger: &mut Ledger) -> Deed<'_> {
    Box::new(|door, _| {
        ledger.ask(door, &Request::Import { file: sample(), dry_run: false, known: Known::Again }, (12, 2))
    })
}

impl Ledger {
    /// Asks the node, and notes what is acknowledged, or what was asked.
    fn ask(&mut self, door: &Door, request: &Request, asked: Asked) -> io::Result<()> {
        let answer = door.try_ask(request).inspect_err(|_| self.unanswered = Some(asked))?;
        match answer {
            Ok(Reply::Saved { record, .. }) if asked == (0, 1) => drop(self.dockets.insert(record)),
            Ok(Reply::Saved { record, .. }) => drop(self.cases.insert(record)),
            Ok(Reply::Imported { records, .. }) => {
                for imported in records {
                    match imported.kind {
                        RecordKind::Case => self.cases.insert(imported.record),
                        RecordKind::Docket => self.dockets.insert(imported.record),
                    };
                }
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

/// Checks that every acknowledged record is there, and that a request in flight is there whole or not at all.
fn check(node: &Node, ledger: &mut Ledger) {
    let cases = records(node, RecordKind::Case);
    let lost: Vec<_> = ledger.cases.difference(&cases).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let dockets = records(node, RecordKind::Docket);
    let lost: Vec<_> = ledger.dockets.difference(&dockets).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // The own circle holds the records of this node and no others.
    let unasked = cases.len() - ledger.cases.len();
    let asked = ledger.unanswered.take().map_or(0, |(cases, _)| cases);
    assert!(unasked == 0 || unasked == asked, "{unasked} of {asked} case files in flight are there");
    // These case files were not acknowledged; but now they have been seen, and must stay.
    ledger.cases = cases;
}

fn records(node: &Node, kind: RecordKind) -> BTreeSet<SectionId> {
    node.list(kind).iter().map(|summary| summary.record).collect()
}

fn option(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
