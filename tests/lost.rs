//! Lost files: files of the store were deleted, cut short, damaged or put back while the node was off. The person is
//! told how much is missing and what to do, no node forks, and everything that others hold is restored.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    app::control::{Problem, RecordKind, Request},
    bytes::ids::SectionId,
};
use tests::daemons::{Daemons, Node, eventually, fact};

use crate::NODE;

const LOST: &str = "HB5007";
const UNCERTAIN: &str = "HB5008";

fn case() -> Request {
    Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] }
}

fn docket() -> Request {
    Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] }
}

fn rows(node: &Node) -> PathBuf {
    node.folder().join("store/rows")
}

fn newest_log(node: &Node) -> PathBuf {
    let files = fs::read_dir(rows(node)).expect("readable").map(|entry| entry.expect("readable").path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "log")).max().expect("a store has a log")
}

fn acknowledged(node: &Node) -> PathBuf {
    node.folder().join("store.acknowledged")
}

fn dockets(node: &Node) -> Vec<SectionId> {
    node.list(RecordKind::Docket).iter().map(|docket| docket.record).collect()
}

fn told(node: &Node, code: &str) -> Option<Problem> {
    node.alarms().into_iter().find(|problem| problem.code == code)
}

/// The story of each loss. 53 case files are confirmed, 13 of them before the newest log began, and two dockets after
/// it, which the other node has. Then the node is killed, `spoil` damages its files, and the node starts again.
fn story(spoil: impl Fn(&Node), code: &str, left: impl Fn(usize) -> bool) {
    let mut nodes = Daemons::found(NODE, 2);
    for _ in 0..13 {
        nodes[0].save(case());
    }
    nodes[0].stop();
    nodes[0].resume();
    for _ in 13..53 {
        nodes[0].save(case());
    }
    let public = [nodes[0].save(docket()), nodes[0].save(docket())];
    nodes.settle();
    nodes[0].kill();
    spoil(&nodes[0]);
    // The entries of the other node are out of reach at first.
    nodes[1].stop();
    nodes[0].resume();
    let cases = nodes[0].list(RecordKind::Case).len();
    assert!(left(cases), "{cases} case files are left");
    let problem = told(&nodes[0], code).unwrap_or_else(|| panic!("nobody was told: {:?}", nodes[0].alarms()));
    assert!(problem.next.contains("what others hold comes back by itself"), "{problem:?}");
    let since = nodes[0].status().alarms[0].since.expect("it has a date");
    // The node writes on before another node can tell it what it wrote before.
    let after = nodes[0].save(docket());
    for _ in 0..2 {
        nodes[0].stop();
        nodes[0].resume();
        assert_eq!(told(&nodes[0], code).as_ref(), Some(&problem));
        assert!(nodes[0].status().alarms.iter().any(|alarm| alarm.since == Some(since)));
    }
    nodes[1].resume();
    nodes.settle();
    eventually("what the other node had is back", || {
        public.iter().chain([&after]).all(|record| dockets(&nodes[0]).contains(record)).then_some(())
    });
    assert_eq!(nodes.agree().records, 3);
    for node in nodes.iter() {
        assert_eq!(node.status().circles.iter().map(|circle| circle.forked).sum::<u64>(), 0, "somebody forked");
    }
    assert_eq!(nodes[1].alarms(), [], "an honest node seems to have forked");
    // The alarm stays until a person has acknowledged it; then it is not raised again.
    nodes[0].done(Request::Settle { code: code.to_owned() });
    nodes[0].stop();
    nodes[0].resume();
    assert_eq!(told(&nodes[0], code), None);
}

/// A deleted newest log is reported and causes no fork. Only 13 of 53 case files were there, nobody was told, and the
/// node went on in its old incarnation: its next entry was a fork.
#[test]
fn with_the_newest_log_deleted_the_loss_is_told_and_nobody_forks() {
    story(|node| fs::remove_file(newest_log(node)).expect("writable"), LOST, |cases| cases == 13);
}

/// A newest log that was cut short is reported and causes no fork. Only 33 of 53 case files were there.
#[test]
fn with_the_newest_log_cut_short_the_loss_is_told_and_nobody_forks() {
    let cut = |node: &Node| {
        let log = fs::read(newest_log(node)).expect("readable");
        fs::write(newest_log(node), &log[..log.len() / 2]).expect("writable");
    };
    story(cut, LOST, |cases| (13..53).contains(&cases));
}

/// A newest log with one flipped bit is reported and causes no fork. Only 21 of 53 case files were there.
#[test]
fn with_one_bit_of_the_newest_log_flipped_the_loss_is_told_and_nobody_forks() {
    let flip = |node: &Node| {
        let mut log = fs::read(newest_log(node)).expect("readable");
        let middle = log.len() / 2;
        log[middle] ^= 1;
        fs::write(newest_log(node), log).expect("writable");
    };
    story(flip, LOST, |cases| (13..53).contains(&cases));
}

#[test]
fn with_the_store_put_back_in_place_the_loss_is_told_and_nobody_forks() {
    let mut nodes = Daemons::found(NODE, 2);
    nodes[0].save(docket());
    nodes.settle();
    nodes[0].stop();
    let yesterday = read(&rows(&nodes[0]));
    nodes[0].resume();
    let lost = [nodes[0].save(docket()), nodes[0].save(docket())];
    nodes.settle();
    nodes[0].stop();
    // The folder and the identity file are the same, but the rows are older.
    fs::remove_dir_all(rows(&nodes[0])).expect("writable");
    fs::create_dir(rows(&nodes[0])).expect("writable");
    yesterday.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("writable"));
    nodes[1].stop();
    nodes[0].resume();
    assert!(told(&nodes[0], LOST).is_some(), "{:?}", nodes[0].alarms());
    nodes[0].save(docket());
    nodes[1].resume();
    nodes.settle();
    assert!(lost.iter().all(|record| dockets(&nodes[0]).contains(record)));
    assert_eq!((nodes.agree().records, nodes[1].alarms()), (4, vec![]));
}

fn read(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    files.map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

#[test]
fn with_the_file_that_remembers_deleted_the_person_is_told_that_nobody_knows() {
    story(|node| fs::remove_file(acknowledged(node)).expect("writable"), UNCERTAIN, |cases| cases == 53);
}
