//! Too many requests at the node's own socket: memory stays bounded, excess clients are told so, and nobody is held up.

use std::{collections::BTreeSet, fs, io::Read as _, os::unix::net::UnixStream, path::Path, thread};

use protocol::app::control::{Known, NodeState, RecordKind, Reply, Request};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit},
};
use tests::daemons::{Daemons, Node, PASSPHRASE, eventually, fact, passphrase};

use crate::NODE;

const BUSY: (&str, &str) = ("HB1017", "try again in a moment");
const NOT_A_FILE: (&str, &str) = ("HB2012", "name a regular file: copy what it is to be read from into one");
/// The most memory that a node may use, whatever it is asked, in KiB.
const MEMORY_KIB_MAX: u64 = 512 * 1024;

fn peak_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process())).expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn descriptors(node: &Node) -> usize {
    fs::read_dir(format!("/proc/{}/fd", node.process())).expect("Linux tells").count()
}

/// Twelve large requests at once stay within the memory of a node. They were all held in memory at once, each of them
/// twice: 764 MiB.
#[test]
fn twelve_requests_of_60_mib_at_once_stay_within_the_memory_a_node_may_have() {
    let nodes = Daemons::found(NODE, 1);
    let file = "x".repeat(60 << 20);
    let import = Request::Import { file, dry_run: false, known: Known::Refuse };
    let codes: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| nodes[0].door().try_ask(&import))).collect();
        // Another client is answered meanwhile.
        nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
        asked.into_iter().map(|asked| asked.join().expect("no panic")).collect()
    });
    // The requests above the limit may be refused before all of their bytes were sent.
    let refused: Vec<_> = codes.into_iter().flatten().map(|answer| answer.expect_err("no JSON").code).collect();
    assert!(refused.iter().any(|code| code == "HB3008"), "nobody was read: {refused:?}");
    assert!(refused.iter().all(|code| [BUSY.0, "HB3008"].contains(&code.as_str())), "{refused:?}");
    println!(
        "{} KiB at most, {} of 12 read",
        peak_kib(&nodes[0]),
        refused.iter().filter(|code| *code == "HB3008").count()
    );
    assert!(peak_kib(&nodes[0]) < MEMORY_KIB_MAX, "{} KiB", peak_kib(&nodes[0]));
}

/// Idle connections are limited and closed. 1,500 connections that sent nothing stayed open for ever.
#[test]
fn of_1500_connections_that_say_nothing_few_are_kept_and_those_are_sent_away() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("the own soft limit");
    let nodes = Daemons::start(NODE, 1);
    let before = descriptors(&nodes[0]);
    let mut idle: Vec<_> =
        (0..1500).map(|_| UnixStream::connect(nodes[0].folder().join("api.sock")).expect("it listens")).collect();
    assert!(descriptors(&nodes[0]) <= before + 64 + 32 + 8, "{} descriptors", descriptors(&nodes[0]));
    eventually("they are sent away", || (descriptors(&nodes[0]) <= before + 1).then_some(()));
    nodes[0].init();
    for stream in &mut idle {
        stream.set_nonblocking(true).expect("a socket");
        // Each connection was told so, or dropped; none waits.
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock));
    }
}

/// A pipe named as a backup is refused at once. Each of these requests held its client up for ever, and a node that was
/// told to stop ran until it was killed.
#[test]
fn a_pipe_named_as_a_backup_is_refused_at_once_and_holds_nobody_up() {
    let mut nodes = Daemons::start(NODE, 1);
    nodes[0].init();
    nodes[0].stop();
    nodes[0].start();
    let pipe = nodes[0].folder().with_extension("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("writable");
    let from = || pipe.to_str().expect("UTF-8").to_owned();
    let verify = Request::BackupVerify { from: from(), passphrase: passphrase(PASSPHRASE) };
    let problem = nodes[0].refused(&verify);
    assert_eq!((problem.code.as_str(), problem.next.as_str()), NOT_A_FILE);
    nodes[0].unlock();
    assert_eq!(nodes[0].refused(&Request::BackupCreate { to: from() }).code, "HB2009");
    nodes[0].stop();

    // The pipe now takes the place of a file of the folder.
    fs::remove_file(nodes[0].folder().join("vault.copy")).expect("there");
    mknodat(CWD, nodes[0].folder().join("vault.copy"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("writable");
    nodes[0].resume();
    nodes[0].stop();

    nodes.add();
    let problem = nodes[1].refused(&Request::BackupRestore { from: from() });
    assert_eq!((problem.code.as_str(), problem.next.as_str()), NOT_A_FILE);
    nodes[1].init();
    nodes[1].stop();
}

/// A node without spare descriptors goes on, reports it, recovers, and loses nothing that was confirmed, even if a
/// client asks much of it.
#[test]
fn a_node_without_descriptors_to_spare_says_so_recovers_and_loses_nothing() {
    let mut nodes = Daemons::found(NODE, 2);
    let case = || Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] };
    let connect = |node: &Node| UnixStream::connect(node.folder().join("api.sock")).expect("it listens");
    let mut confirmed = BTreeSet::from([nodes[0].save(case())]);
    limit(&nodes[0], 256);
    // The crowd is larger than the number of descriptors: it is sent away before the store is short of them.
    let crowd: Vec<_> = (0..300).map(|_| connect(&nodes[0])).collect();
    assert!(descriptors(&nodes[0]) < 256, "the crowd took them all");
    drop(crowd);
    // A client above the limit is told so, or dropped.
    let saved = eventually("the crowd is gone", || match nodes[0].door().try_ask(&case()) {
        Ok(Ok(Reply::Saved { record, .. })) => Some(record),
        Ok(Ok(other)) => panic!("not saved: {other:?}"),
        Ok(Err(problem)) if problem.code != BUSY.0 => panic!("{problem:?}"),
        _ => None,
    });
    confirmed.insert(saved);

    // With no descriptor to spare, every client waits.
    limit(&nodes[0], spare(&nodes[0], 0));
    let mut waiting = Vec::new();
    eventually("it says so", || {
        // Connections that were closed meanwhile are accepted first.
        waiting.push(connect(&nodes[0]));
        nodes[0].log().contains("no connection can be accepted now").then_some(())
    });
    drop(waiting);
    // With one descriptor to spare, the node accepts a request and can open nothing else.
    limit(&nodes[0], spare(&nodes[0], 1));
    let state = eventually("it answers again", || match nodes[0].door().try_ask(&Request::Status) {
        Ok(Ok(Reply::Status(status))) => Some(status.state),
        _ => None,
    });
    assert_eq!(state, NodeState::Open);
    let to = nodes[0].folder().with_extension("backup").to_str().expect("UTF-8").to_owned();
    for request in [Request::BackupCreate { to: to.clone() }, case(), case()] {
        // The request is done or refused, never half done.
        match nodes[0].door().try_ask(&request) {
            Ok(Ok(Reply::Saved { record, .. })) => drop(confirmed.insert(record)),
            Ok(Ok(Reply::Backup { .. })) => panic!("a backup without a descriptor"),
            Ok(Err(problem)) => assert_ne!(problem.code, "HB5005", "{problem:?}"),
            Ok(Ok(other)) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
    assert!(!Path::new(&to).exists());

    limit(&nodes[0], 256);
    nodes[0].stop();
    nodes[0].resume();
    confirmed.insert(nodes[0].save(case()));
    nodes[0].done(Request::BackupCreate { to });
    let there: BTreeSet<_> = nodes[0].list(RecordKind::Case).iter().map(|case| case.record).collect();
    let lost: Vec<_> = confirmed.difference(&there).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    nodes.settle();
    nodes.agree();
    assert_eq!(nodes[1].alarms(), [], "an honest node seems to have forked");
}

/// The descriptor limit that leaves `count` to spare: numbers are given out from the lowest up (POSIX.1-2017, open()).
fn spare(node: &Node, count: usize) -> u64 {
    let taken: BTreeSet<u64> = fs::read_dir(format!("/proc/{}/fd", node.process()))
        .expect("Linux tells")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().parse().expect("a number"))
        .collect();
    (0..).filter(|number| !taken.contains(number)).nth(count).expect("numbers do not end")
}

fn limit(node: &Node, descriptors: u64) {
    let process = Pid::from_raw(node.process().try_into().expect("a process number"));
    let limit = Rlimit { current: Some(descriptors), maximum: Some(4096) };
    prlimit(process, Resource::Nofile, limit).expect("a process of ours");
}
