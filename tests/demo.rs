//! `habeas demo` reports what real processes show, and detects it when one of them shows something else.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use protocol::app::control::{Fact, Page, Peer, RecordKind, Reply, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::daemons::Door;

const HABEAS: &str = env!("CARGO_BIN_EXE_tests-habeas");

/// Starts the demonstration, in JSON, with the sample cases.
fn start(args: &[&str]) -> Child {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sample/cases.json");
    Command::new(HABEAS)
        .args(["demo", "--json", "--node-program", super::NODE, "--cases"])
        .arg(sample)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program built with the tests starts")
}

/// Waits until the demonstration has finished: exit status, events, and the message of a failure.
fn finish(mut child: Child) -> (i32, Vec<Value>, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("UTF-8");
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
    let events = out.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    (child.wait().expect("ours").code().expect("it exits by itself"), events, err)
}

fn check(args: &[&str], nodes: u64, arrived: u64, held_back: u64) {
    let (status, events, err) = finish(start(args));
    assert_eq!(status, 0, "{err}");
    let done = events.last().expect("a last event");
    let number = |key: &str| done[key].as_u64().unwrap_or_else(|| panic!("{key} in {done}"));
    assert_eq!((done["event"].as_str(), number("nodes")), (Some("done"), nodes), "{done}");
    assert_eq!((number("cases"), number("arrived"), number("held_back")), (14, arrived, held_back), "{done}");
    assert!(number("conflicts_shown") >= 1 && number("entries") > 0, "{done}");
    let digests = done["digests"].as_array().expect("a list");
    assert_eq!(digests.len() as u64, nodes);
    assert!(digests.iter().all(|digest| digest == &digests[0] && digest.as_str().is_some_and(|hex| hex.len() >= 64)));
    assert_eq!(done["converged"].as_bool(), Some(true));
    let told: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let asked = events.iter().find(|event| event["event"] == "asked").expect("a lawyer asked");
    assert_eq!((asked["found"].as_u64(), asked["dockets"].as_u64()), (Some(1), Some(2)), "{asked}");
    assert!(["cut", "corrected", "healed"].iter().all(|event| told.contains(event)), "{told:?}");
    if nodes > 2 {
        let stays = events.iter().filter(|event| event["event"] == "held_back");
        let stays: Vec<_> = stays.map(|event| (event["case"].as_str().unwrap_or_default(), &event["reason"])).collect();
        assert_eq!(stays.iter().map(|(case, _)| *case).collect::<Vec<_>>(), ["SYN-03", "SYN-05", "SYN-07", "SYN-11"]);
        assert!(stays.iter().all(|(_, reason)| reason.as_str().is_some_and(|reason| !reason.is_empty())), "{stays:?}");
    }
}

#[test]
fn whoever_ends_it_finds_the_status_of_a_signal_and_nothing_left_behind() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let never = temporary.path().join("never");
    let mut child = Command::new(HABEAS)
        .args(["demo", "--json", "--orgs", "1", "--node-program", super::NODE, "--pause-before-end"])
        .arg(&never)
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program built with the tests starts");
    let mut told = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(told.any(|line| line.is_ok_and(|line| line.contains("\"pausing\""))), "it runs until it waits");
    kill_process(Pid::from_child(&child), Signal::INT).expect("a child of ours");
    let _rest = told.count();
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("UTF-8");
    assert_eq!(child.wait().expect("ours").code(), Some(130), "{err}");
    assert!(err.contains("HB6010"), "{err}");
    assert_eq!(fs::read_dir(temporary.path()).expect("it is there").count(), 0);
}

#[test]
fn three_organisations_hold_the_same_record_and_what_is_held_back_stays_at_home() {
    check(&["--orgs", "3"], 3, 10, 4);
}

#[test]
fn one_organisation_corrects_its_own_record_on_two_devices() {
    check(&["--orgs", "1"], 2, 0, 12);
}

#[test]
fn five_organisations_do_as_three() {
    check(&["--orgs", "5"], 5, 10, 4);
}

/// The demonstration leaves nothing readable in its folders: no names, labels, units or notes of the invented case
/// files.
#[test]
fn the_demonstration_leaves_nothing_readable_in_its_folders() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let go_on = scratch.path().join("go-on");
    let mut child = start(&["--orgs", "3", "--pause-before-end", go_on.to_str().expect("UTF-8")]);
    let folders = paused(&mut BufReader::new(child.stdout.as_mut().expect("piped")));
    let sample = tests::daemons::sample();
    let words = ["СИН Берёзкин Тест Примерович", "SYN-01", "в/ч 00001", "medical_epicrisis"].map(str::to_owned);
    assert!(words.iter().all(|word| sample.contains(word)), "the sample does not say what is searched for");
    for folder in &folders {
        super::disk::nowhere(folder, &words, "after the demonstration");
    }
    fs::write(&go_on, "").expect("writable");
    let (status, _, err) = finish(child);
    assert_eq!(status, 0, "{err}");
}

/// The folders of the nodes, once the demonstration has paused before its end.
fn paused(out: &mut impl BufRead) -> Vec<PathBuf> {
    loop {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).expect("UTF-8"), 0, "it ended before it paused");
        let event: Value = serde_json::from_str(&line).expect("JSON lines");
        if event["event"] == "pausing" {
            let folders = event["folders"].as_array().expect("a list");
            return folders.iter().map(|folder| folder.as_str().expect("a path").into()).collect();
        }
    }
}

#[test]
fn a_node_whose_store_was_altered_before_the_end_makes_it_fail() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let go_on = scratch.path().join("go-on");
    let path = go_on.to_str().expect("a temporary name is UTF-8");
    let mut child = start(&["--orgs", "3", "--pause-before-end", path]);
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let folders = paused(&mut out);
    let third = Door::of(&folders[2]);
    let ask = |request: &Request| third.try_ask(request).expect("it answers").expect("it does it");
    let Reply::Peers { peers } = ask(&Request::Peers) else { panic!("peers") };
    for Peer { call_sign, .. } in peers {
        ask(&Request::Hold { organisation: call_sign });
    }
    let Reply::Records { records, .. } =
        ask(&Request::List { kind: RecordKind::Docket, stage: None, page: Page::default() })
    else {
        panic!("dockets")
    };
    let fact = |field: &str, value: &str| Fact {
        field: field.to_owned(),
        value: value.to_owned(),
        entity: None,
        source: None,
        grade: None,
    };
    // A further source needs no source itself; the other nodes do not get the entry.
    let facts = vec![fact("docket_source.language", "uk"), fact("docket_source.type", "media_ind")];
    let record = records[1].record.to_string();
    let answer = third.try_ask(&Request::Set { record: record.clone(), facts: facts.clone() }).expect("it answers");
    if answer.is_err() {
        // The docket has several sources, so the facts have to name a new one.
        let named =
            facts.into_iter().map(|fact| Fact { entity: Some(protocol::bytes::ids::EntityId([7; 16])), ..fact });
        ask(&Request::Set { record, facts: named.collect() });
    }
    fs::write(&go_on, "").expect("writable");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("UTF-8");
    let status = child.wait().expect("ours").code();
    assert_eq!(status, Some(1), "{rest}");
    assert!(!rest.contains("\"converged\":true"), "{rest}");
}
