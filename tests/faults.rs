//! A failing disk: each call that writes, syncs, opens or renames a file of the folder fails once, or from then on.
//!
//! `faults/shim.c` stands between the node and the C library and fails the k-th call. Nothing may be acknowledged that
//! is not durable, nothing may panic, the person is told by the next answer, and after a restart on a sound disk
//! everything acknowledged is there and the node writes on. A failed sync is never retried: the node acknowledges
//! nothing more.
//!
//! `HABEAS_FAULTS=1` fails every call; without it one call in every so many fails, beginning at a random one.
//! `HABEAS_SEED=N` repeats a run.

use std::{collections::BTreeSet, env, fs, fs::File, os::unix::fs::FileExt, path::Path, process::Command};

use protocol::{
    app::control::{NodeState, Page, Problem, RecordKind, Reply, Request},
    bytes::ids::SectionId,
};
use tests::daemons::{Daemons, Node, PASSPHRASE, eventually, fact, passphrase};

use crate::{NODE, kill::chance};

const EIO: u64 = 5;
const ENOSPC: u64 = 28;
const EROFS: u64 = 30;

/// The shim that makes faults, and the numbers that control it.
struct Faults {
    control: File,
}

impl Faults {
    /// Compiles the shim and puts it before `node`, from the node's next start on.
    fn before(node: &mut Node) -> Self {
        let beside = |ending: &str| node.folder().with_extension(ending);
        let (shim, file) = (beside("so"), beside("control"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/shim.c");
        let compiled = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&shim).arg(source).status();
        assert!(compiled.expect("a C compiler, which RocksDB needs as well").success());
        fs::write(&file, [0; 40]).expect("writable");
        let folder = fs::canonicalize(node.folder()).expect("there");
        node.surround("LD_PRELOAD", &shim);
        node.surround("FAULTS_FOLDER", &folder);
        node.surround("FAULTS_CONTROL", &file);
        Self { control: File::options().read(true).write(true).open(file).expect("just written") }
    }

    fn get(&self, which: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, which * 8).expect("readable");
        u64::from_ne_bytes(bytes)
    }

    fn set(&self, which: u64, value: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), which * 8).expect("writable");
    }

    fn calls(&self) -> u64 {
        self.get(0)
    }

    /// Makes the `nth` call from now fail, and all after it if `for_good`.
    fn fail(&self, nth: u64, errno: u64, for_good: bool) {
        self.set(4, 0);
        self.set(2, errno);
        self.set(3, u64::from(for_good));
        self.set(1, self.calls() + nth);
    }

    /// Mends the disk; returns whether any call had failed.
    fn mend(&self) -> bool {
        self.set(1, 0);
        self.get(4) > 0
    }
}

fn case() -> Request {
    Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] }
}

/// Tries to write; `Err` is the refusal, `None` means that the node ended.
fn write(node: &Node, acknowledged: &mut BTreeSet<SectionId>) -> Option<Result<(), Problem>> {
    match node.door().try_ask(&case()) {
        Ok(Ok(Reply::Saved { record, .. })) => {
            acknowledged.insert(record);
            Some(Ok(()))
        }
        Ok(Ok(other)) => panic!("not saved: {other:?}"),
        Ok(Err(problem)) => Some(Err(problem)),
        Err(_) => None,
    }
}

/// The calls of a write before its answer: a batch and what was acknowledged, each written and synced.
const CALLS: u64 = 4;

/// Waits until the lines of the catalogue are made, so that the next call of the disk is that of a write.
fn at_rest(node: &Node) {
    drop(node.list(RecordKind::Case));
}

fn holds_all(node: &Node, acknowledged: &BTreeSet<SectionId>, when: &str) {
    let there: BTreeSet<_> = node.list(RecordKind::Case).iter().map(|case| case.record).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{when}: acknowledged and lost: {lost:?}");
    // The alarms for lost or damaged files are not raised: a disk that failed is neither.
    assert_eq!(node.alarms(), [], "{when}");
}

fn no_panic(node: &Node, when: &str) {
    let log = node.log();
    assert!(!log.contains("panicked"), "{when}: {log}");
}

/// The chosen calls to fail: all of them, or one in every so many, from a random one on.
fn chosen(count: u64, about: u64) -> impl Iterator<Item = u64> {
    let (_, mut draw) = chance();
    let step = if env::var_os("HABEAS_FAULTS").is_some() { 1 } else { count.div_ceil(about).max(1) };
    (1 + draw(step)..=count).step_by(usize::try_from(step).expect("small"))
}

#[test]
fn each_call_of_a_write_fails_once_and_nothing_unsaved_is_acknowledged() {
    let mut nodes = Daemons::found(NODE, 1);
    let node = &mut nodes[0];
    node.stop();
    let faults = Faults::before(node);
    node.resume();
    let mut acknowledged = BTreeSet::new();
    drop(write(node, &mut acknowledged));
    at_rest(node);
    let before = faults.calls();
    drop(write(node, &mut acknowledged));
    let calls = faults.calls() - before;
    assert!(calls >= CALLS, "a write makes {calls} calls: a batch and what was acknowledged, each written and synced");
    for nth in 1..=CALLS {
        for errno in [EIO, ENOSPC] {
            let when = format!("call {nth} of a write, errno {errno}");
            at_rest(node);
            faults.fail(nth, errno, false);
            let answer = write(node, &mut acknowledged);
            assert!(faults.mend(), "{when}: nothing failed");
            match answer {
                Some(Ok(())) => panic!("{when}: acknowledged"),
                Some(Err(problem)) => {
                    assert!(["HB5001", "HB5002"].contains(&problem.code.as_str()), "{when}: {problem:?}");
                    acknowledged.iter().for_each(|record| assert_eq!(node.show(record).record, *record, "{when}"));
                    // The failure is reported by the next answer, and a failed sync is not tried again. A disk that was
                    // full resumes by itself.
                    if errno == EIO {
                        assert!(node.alarms().iter().any(|alarm| alarm.code == problem.code), "{when}");
                        assert!(matches!(write(node, &mut acknowledged), Some(Err(_))), "{when}: written after it");
                    }
                    node.kill();
                }
                None => node.kill(),
            }
            no_panic(node, &when);
            node.resume();
            holds_all(node, &acknowledged, &when);
            assert_eq!(write(node, &mut acknowledged), Some(Ok(())), "{when}: it does not go on");
        }
    }
    // The line of the catalogue is made after the answer: what was acknowledged stays so, and is listed after a restart.
    at_rest(node);
    faults.fail(CALLS + 1, EIO, false);
    assert_eq!(write(node, &mut acknowledged), Some(Ok(())));
    eventually("the failure is shown", || node.alarms().iter().any(|alarm| alarm.code == "HB5002").then_some(()));
    assert!(faults.mend());
    node.kill();
    no_panic(node, "a line of the catalogue");
    node.resume();
    holds_all(node, &acknowledged, "a line of the catalogue");
}

#[test]
fn each_call_of_an_opening_fails_once_and_the_next_opening_finds_everything() {
    let mut nodes = Daemons::found(NODE, 1);
    let node = &mut nodes[0];
    node.stop();
    let faults = Faults::before(node);
    node.resume();
    let mut acknowledged = BTreeSet::new();
    for _ in 0..3 {
        assert_eq!(write(node, &mut acknowledged), Some(Ok(())));
    }
    node.kill();
    node.start();
    let before = faults.calls();
    node.unlock();
    let calls = faults.calls() - before;
    for nth in chosen(calls, 16) {
        let when = format!("call {nth} of an opening");
        assert_eq!(write(node, &mut acknowledged), Some(Ok(())), "{when}");
        node.kill();
        node.start();
        faults.fail(nth, if nth % 2 == 0 { EIO } else { ENOSPC }, false);
        let opened = node.ask(&Request::Unlock { passphrase: passphrase(PASSPHRASE) });
        faults.mend();
        if let Err(problem) = &opened {
            assert!(!problem.next.is_empty(), "{when}: {problem:?}");
            assert_ne!(problem.code, "HB1007", "{when}: the passphrase was right");
            assert_eq!(node.status().state, NodeState::Sealed, "{when}");
        }
        node.kill();
        no_panic(node, &when);
        node.start();
        // An attempt whose end could not be written down counts as a failure until the next one: the wait is at most a
        // second.
        eventually(&when, || node.ask(&Request::Unlock { passphrase: passphrase(PASSPHRASE) }).ok());
        holds_all(node, &acknowledged, &when);
    }
}

/// A disk that fails for good is reported by the next answer, and reads go on: a stick that was pulled out, a broken
/// disk, a file system that went read-only.
#[test]
fn a_disk_that_fails_for_good_shows_by_the_next_answer_and_reads_go_on() {
    for errno in [EIO, EROFS] {
        let mut nodes = Daemons::found(NODE, 1);
        let node = &mut nodes[0];
        node.stop();
        let faults = Faults::before(node);
        node.resume();
        let mut acknowledged = BTreeSet::new();
        for _ in 0..3 {
            assert_eq!(write(node, &mut acknowledged), Some(Ok(())));
        }
        faults.fail(1, errno, true);
        let problem = write(node, &mut acknowledged).expect("it answers").expect_err("nothing is written");
        assert_eq!(problem.code, "HB5002");
        assert!(node.alarms().iter().any(|alarm| alarm.code == "HB5002"));
        acknowledged.iter().for_each(|record| assert_eq!(node.show(record).record, *record));
        // What could not be put into the catalogue is said to be missing in the list.
        let list = node.done(Request::List { kind: RecordKind::Case, stage: None, page: Page::default() });
        let Reply::Records { records, behind, .. } = list else { panic!("no list: {list:?}") };
        assert!(records.len() as u64 + behind >= acknowledged.len() as u64, "{} and {behind}", records.len());
        node.done(Request::Lock);
        assert_eq!(node.status().state, NodeState::Locked);
        let to = node.folder().join("backup").to_str().expect("UTF-8").to_owned();
        drop(node.refused(&Request::BackupCreate { to }));
        node.kill();
        faults.mend();
        no_panic(node, "for good");
        node.resume();
        holds_all(node, &acknowledged, "for good");
        assert_eq!(write(node, &mut acknowledged), Some(Ok(())));
    }
}

/// A node that runs out of memory ends at worst, and loses nothing that was acknowledged.
#[test]
fn a_node_without_memory_ends_at_worst_and_loses_nothing() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let mut nodes = Daemons::found(NODE, 1);
    let node = &mut nodes[0];
    let mut acknowledged = BTreeSet::new();
    for round in 0..3_u64 {
        for _ in 0..3 {
            assert_eq!(write(node, &mut acknowledged), Some(Ok(())));
        }
        let id = Pid::from_raw(node.process().try_into().expect("a process number")).expect("not zero");
        let pages = fs::read_to_string(format!("/proc/{}/statm", node.process())).expect("readable");
        let data: u64 = pages.split(' ').nth(5).and_then(|field| field.parse().ok()).expect("a number of pages");
        let limit = data * 4096 + round * (1 << 20);
        prlimit(Some(id), Resource::Data, Rlimit { current: Some(limit), maximum: None }).expect("a process of ours");
        // The import is larger than the memory: the node may refuse it, or end.
        let file = tests::daemons::many(3000);
        let known = protocol::app::control::Known::Again;
        if let Ok(Ok(Reply::Imported { records, .. })) =
            node.door().try_ask(&Request::Import { file, dry_run: false, known })
        {
            let cases = records.iter().filter(|record| record.kind == RecordKind::Case);
            acknowledged.extend(cases.map(|record| record.record));
        }
        node.kill();
        node.resume();
        holds_all(node, &acknowledged, "without memory");
    }
}
