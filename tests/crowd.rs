//! Too much at once at the node's own socket: memory stays bounded, whoever is too many is told so, and nobody is held up.

use std::{fs, io::Read as _, os::unix::net::UnixStream, thread};

use protocol::control::{Known, Reply, Request};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tests::daemons::{Daemons, Node, PASSPHRASE, eventually, fact, passphrase};

use crate::NODE;

const BUSY: (&str, &str) = ("HB1017", "try again in a moment");
const NOT_A_FILE: (&str, &str) = ("HB2012", "name a regular file: copy what it is to be read from into one");
/// DESIGN §15: what a node may have in memory, whoever asks it whatever.
const MEMORY_KIB_MAX: u64 = 512 * 1024;

fn peak_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process())).expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn descriptors(node: &Node) -> usize {
    fs::read_dir(format!("/proc/{}/fd", node.process())).expect("Linux tells").count()
}

/// They were all in memory at once, and twice: 764 MiB.
#[test]
fn twelve_requests_of_60_mib_at_once_stay_within_the_memory_a_node_may_have() {
    let nodes = Daemons::found(NODE, 1);
    let file = "x".repeat(60 << 20);
    let import = Request::Import { file, dry_run: false, known: Known::Refuse };
    let codes: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| nodes[0].door().try_ask(&import))).collect();
        // Somebody else is answered meanwhile.
        nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
        asked.into_iter().map(|asked| asked.join().expect("no panic")).collect()
    });
    // Those that were too many may not even have sent all of it.
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

/// They stayed for ever.
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
        // Told so, or dropped; none waits.
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock));
    }
}

/// Each of these held the owner up for ever, and a node told to stop stayed until it was killed.
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

    // In the place of a file of the folder.
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

/// Who asks much of a node that has few descriptors: it goes on, says so, recovers, and nothing that was confirmed is lost.
#[test]
fn a_node_without_descriptors_to_spare_says_so_recovers_and_loses_nothing() {
    let mut nodes = Daemons::found(NODE, 2);
    let case = || Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] };
    let mut confirmed = vec![nodes[0].save(case())];
    limit(&nodes[0], 256);
    // As much as a crowd can take of 256: connections have an end before the store does.
    let crowd: Vec<_> =
        (0..250).map(|_| UnixStream::connect(nodes[0].folder().join("api.sock")).expect("it listens")).collect();
    drop(crowd);
    let save = |node: &Node| match node.ask(&case()) {
        Ok(Reply::Saved { record, .. }) => Some(record),
        Ok(other) => panic!("not saved: {other:?}"),
        Err(problem) => {
            assert_eq!(problem.code, BUSY.0, "{problem:?}");
            None
        }
    };
    confirmed.push(eventually("the crowd is gone", || save(&nodes[0])));

    // None to spare: whoever asks waits.
    limit(&nodes[0], descriptors(&nodes[0]) as u64);
    let door = nodes[0].door();
    let waits = thread::spawn(move || door.try_ask(&Request::Status));
    eventually("it says so", || nodes[0].log().contains("no connection can be accepted now").then_some(()));
    // Few to spare: a backup needs more.
    limit(&nodes[0], descriptors(&nodes[0]) as u64 + 3);
    let status = waits.join().expect("no panic").expect("it is answered now");
    assert!(matches!(status, Ok(Reply::Status(_))), "{status:?}");
    let to = nodes[0].folder().with_extension("backup").to_str().expect("UTF-8").to_owned();
    let starved = nodes[0].refused(&Request::BackupCreate { to: to.clone() });
    assert!(["HB5002", "HB2010"].contains(&starved.code.as_str()), "{starved:?}");
    for _ in 0..5 {
        // Acknowledged or refused, never both.
        confirmed.extend(match nodes[0].ask(&case()) {
            Ok(Reply::Saved { record, .. }) => Some(record),
            _ => None,
        });
    }

    limit(&nodes[0], 256);
    nodes[0].stop();
    nodes[0].resume();
    confirmed.push(nodes[0].save(case()));
    nodes[0].done(Request::BackupCreate { to });
    let there: Vec<_> = nodes[0].list(protocol::control::RecordKind::Case).iter().map(|case| case.record).collect();
    assert_eq!(there, confirmed);
    nodes.settle();
    nodes.agree();
    assert!(nodes.iter().all(|node| node.alarms().is_empty()));
}

fn limit(node: &Node, descriptors: u64) {
    let process = rustix::process::Pid::from_raw(node.process().try_into().expect("a process number"));
    let limit = Rlimit { current: Some(descriptors), maximum: Some(4096) };
    rustix::process::prlimit(process, Resource::Nofile, limit).expect("a process of ours");
}
