//! Tests of the checks: facts with one fault at a time, each of which one check finds and repairs; and real folders.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _};

use protocol::{
    app::control::{Alarm, Answer, NodeState, Peer, Problem, codes as node_codes},
    bytes::ids::{NodeKey, OrgId},
};
use serde_json::Value;

use super::*;
use crate::fake::{self, ok, says};

const NOW: u64 = 1_795_515_600;
const DAY: u64 = 24 * 60 * 60;

fn examined() -> Examination {
    Examination {
        version: "1.0".into(),
        unread: Some(0),
        latest_claim: Some(NOW),
        clock: NOW,
        unprotected: vec![],
        kept_in_memory: false,
    }
}

fn peer(call_sign: &str) -> Peer {
    Peer {
        node: NodeKey([1; 32]),
        organisation: OrgId([1; 32]),
        call_sign: call_sign.into(),
        petname: Some("Legal aid".into()),
        connected: true,
        up_to_date: true,
        held: false,
        equal_at: None,
        device: "olive".into(),
        own: false,
        by_name: false,
    }
}

fn open() -> Status {
    Status { peers: vec![peer("abandon-zoo")], ..fake::status(NodeState::Open) }
}

fn well() -> Facts {
    Facts {
        folder: PathBuf::from("/srv/habeas"),
        access: Some(Access { mode: 0o700, is_ours: true, open_files: vec![] }),
        vault: [KeyFile::Readable; 2],
        store: true,
        wiped: false,
        node: Node::Runs(Box::new((open(), examined()))),
        space: Some(Space { free: 50 << 30, all: 100 << 30 }),
        backup: Some(NOW - DAY),
        swap: vec![],
        now: NOW,
        version: "1.0",
    }
}

fn looked_at(facts: &Facts) -> Vec<Check> {
    checks::all(facts, &|rest| format!("habeas {rest}"))
}

#[test]
fn where_nothing_is_wrong_every_check_says_so() {
    let checks = looked_at(&well());
    assert!(checks.iter().all(|check| check.state == State::Ok && check.command.is_none()), "{checks:?}");
    let names: Vec<_> = checks.iter().map(|check| check.check).collect();
    let expected =
        ["folder", "vault", "node", "disk", "backup", "clock", "peers", "unread", "alarms", "memory", "swap"];
    assert_eq!(names, expected);
}

/// `doctor` on a locked node says that it cannot see all alarms. It reported that nothing needed attention, while a
/// withdrawal that a locked node cannot see did.
#[test]
fn a_locked_node_says_that_it_cannot_see_all_alarms() {
    let mut facts = well();
    told(&mut facts).0.state = NodeState::Locked;
    let checks = looked_at(&facts);
    let alarms = checks.iter().find(|check| check.check == "alarms").expect("it is looked at");
    assert!(alarms.cause.contains("while it is locked"), "{alarms:?}");
}

/// Checks that with one fault exactly one check finds it, with this cause and this command to repair it.
fn check(spoil: impl Fn(&mut Facts), name: &str, state: State, cause: &str, command: &str) {
    let mut facts = well();
    spoil(&mut facts);
    let checks = looked_at(&facts);
    let found: Vec<_> = checks.iter().filter(|check| check.state != State::Ok).collect();
    let [found] = found.as_slice() else { panic!("{name}: {found:?}") };
    assert_eq!((found.check, found.state), (name, state));
    assert!(found.cause.contains(cause), "{name}: {}", found.cause);
    assert_eq!(found.command.as_deref(), Some(command), "{name}");
}

fn told(facts: &mut Facts) -> &mut (Status, Examination) {
    match &mut facts.node {
        Node::Runs(told) => told,
        _ => panic!("it runs"),
    }
}

#[test]
fn each_thing_that_can_be_wrong_is_found_with_its_cause_and_what_mends_it() {
    use State::{Fail, Warn};
    let access = |mode, is_ours, open: &[&str]| {
        Some(Access { mode, is_ours, open_files: open.iter().map(PathBuf::from).collect() })
    };
    check(|facts| facts.access = None, "folder", Fail, "no folder", "habeas init");
    check(|facts| facts.access = access(0o755, true, &[]), "folder", Fail, "755", "chmod 700 /srv/habeas");
    check(
        |facts| facts.access = access(0o700, false, &[]),
        "folder",
        Fail,
        "another user",
        "chown -R \"$USER\" /srv/habeas",
    );
    let open_file = |facts: &mut Facts| facts.access = access(0o700, true, &["/srv/habeas/vault"]);
    check(open_file, "folder", Fail, "vault", "chmod go-rwx /srv/habeas/vault");

    use KeyFile::{Missing, Readable, Unreadable};
    let empty = |facts: &mut Facts| (facts.vault, facts.store) = ([Missing, Missing], false);
    check(empty, "vault", Fail, "no keys", "habeas init");
    let wiped = |facts: &mut Facts| facts.wiped = true;
    check(wiped, "vault", Fail, "destroyed", "habeas --data NEW backup restore FILE");
    let lost = |facts: &mut Facts| facts.vault = [Missing, Missing];
    check(lost, "vault", Fail, "missing", "habeas --data NEW backup restore FILE");
    check(|facts| facts.vault = [Unreadable, Missing], "vault", Fail, "cannot be read", "habeas backup restore FILE");
    check(|facts| facts.vault = [Readable, Unreadable], "vault", Warn, "one of the two", "habeas backup create FILE");

    check(|facts| facts.version = "2.0", "node", Warn, "1.0", "habeas stop && habeas serve");
    check(|facts| told(facts).0.state = NodeState::Locked, "node", Warn, "locked", "habeas unlock");
    check(|facts| told(facts).0.state = NodeState::Sealed, "node", Warn, "closed", "habeas unlock");

    let space = |free| Some(Space { free, all: 100 << 30 });
    check(|facts| facts.space = space(1 << 20), "disk", Fail, "1 MiB", "df -h /srv/habeas");
    check(|facts| facts.space = space(2 << 30), "disk", Warn, "2 GiB", "df -h /srv/habeas");
    check(|facts| facts.space = None, "disk", Warn, "not known", "df -h /srv/habeas");

    check(|facts| facts.backup = None, "backup", Warn, "no backup", "habeas backup create FILE");
    check(|facts| facts.backup = Some(NOW - 8 * DAY), "backup", Warn, "2026-11-16", "habeas backup create FILE");

    check(|facts| told(facts).1.latest_claim = Some(NOW + DAY), "clock", Fail, "2026-11-25", "timedatectl");
    check(|facts| told(facts).1.clock = NOW - 200, "clock", Fail, "differ", "timedatectl");

    let away = |facts: &mut Facts| told(facts).0.peers[0].connected = false;
    check(away, "peers", Warn, "abandon-zoo «Legal aid»", "habeas peers");
    check(|facts| told(facts).1.unread = Some(3), "unread", Warn, "3 pieces", "habeas status --verbose");
    check(|facts| told(facts).0.wanted = 1, "unread", Warn, "1 piece", "habeas peers");

    let problem = Problem::new(node_codes::FORK, "a key of abandon-zoo wrote two different entries");
    let alarm = Alarm { problem, since: Some(NOW) };
    check(
        |facts| told(facts).0.alarms.push(alarm.clone()),
        "alarms",
        Fail,
        "since 2026-11-24 10:20 UTC: a key of abandon-zoo «Legal aid» wrote two",
        "habeas help HB4003 ; habeas doctor --settled HB4003",
    );
    let gap = |gap: &'static str| move |facts: &mut Facts| told(facts).1.unprotected.push(gap.into());
    check(gap("core_dump"), "memory", Fail, "crash", "habeas stop && habeas serve");
    check(gap("traceable"), "memory", Fail, "other programs", "habeas stop && habeas serve");
    check(gap("swappable_keys"), "memory", Fail, "keys", "habeas stop && habeas serve");
    check(|facts| facts.swap.push("/dev/sda2".into()), "swap", Warn, "/dev/sda2", "swapoff -a");
    let mut kept = well();
    kept.swap.push("/dev/sda2".into());
    told(&mut kept).1.kept_in_memory = true;
    assert!(looked_at(&kept).iter().all(|check| check.state == State::Ok), "the node's memory is not swapped out");
}

#[test]
fn while_no_node_runs_the_rest_is_looked_at_and_what_was_not_is_said() {
    let mut facts = well();
    facts.node = Node::Stopped;
    let checks = looked_at(&facts);
    assert_eq!(checks.len(), looked_at(&well()).len());
    let failed: Vec<_> = checks.iter().filter(|check| check.state == State::Fail).map(|check| check.check).collect();
    assert_eq!(failed, ["node"]);
    let unknown = checks.iter().filter(|check| check.state == State::Warn);
    assert!(
        unknown.clone().count() == 5 && unknown.clone().all(|check| check.command.as_deref() == Some("habeas serve"))
    );
}

#[test]
fn before_there_are_keys_everything_leads_to_them_and_once_they_are_destroyed_to_a_backup() {
    let commands = |store| {
        let none = [KeyFile::Missing; 2];
        let facts = Facts { vault: none, store, backup: None, node: Node::Stopped, ..well() };
        let commands: BTreeSet<_> = looked_at(&facts).into_iter().filter_map(|check| check.command).collect();
        commands.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(commands(false), ["habeas init"]);
    assert_eq!(commands(true), ["habeas --data NEW backup restore FILE"]);
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The state and cause of a check in a report for scripts.
fn state_of<'a>(report: &'a Value, check: &str) -> (&'a str, &'a str) {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("{check} in {report}"));
    (found["state"].as_str().expect("a word"), found["cause"].as_str().expect("a text"))
}

#[test]
fn a_real_folder_that_others_may_open_and_that_no_node_serves_is_found_so() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("the folder is ours");
    set(0o700);
    for name in ["vault", "vault.copy"] {
        let path = folder.path().join(name);
        fs::write(&path, "x").expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    }
    fs::write(folder.path().join(LAST_BACKUP), format!("{}\n", now())).expect("the folder is ours");
    fs::set_permissions(folder.path().join(LAST_BACKUP), fs::Permissions::from_mode(0o600)).expect("the file is ours");
    let data = folder.path().to_str().expect("temporary folders have plain names");
    let look = || fake::run(&["--data", data, "--json", "doctor"]);
    let (exit, out, err) = look();
    let report = json(&out);
    assert_eq!(exit, 3, "the node does not run: {err}");
    assert_eq!((&report["schema"], json(&err)["problem"]["code"].as_str()), (&Value::from(1), Some(codes::UNWELL)));
    for sound in ["folder", "vault", "backup"] {
        assert_eq!(state_of(&report, sound).0, "ok", "{sound}");
    }
    assert_eq!(state_of(&report, "node").0, "fail");
    set(0o750);
    let report = json(&look().1);
    assert!(state_of(&report, "folder").0 == "fail" && state_of(&report, "folder").1.contains("750"));
    set(0o700);
    fs::write(folder.path().join("vault"), "").expect("the folder is ours");
    assert_eq!(state_of(&json(&look().1), "vault").0, "warn", "an empty file opens nothing");
}

#[test]
fn a_running_node_is_asked_and_a_foreign_answer_is_a_finding() {
    let node = fake::node(says(|request| match request {
        Request::Status => ok(Reply::Status(Box::new(open()))),
        Request::Examine => {
            ok(Reply::Examined(Examination { version: env!("CARGO_PKG_VERSION").into(), ..examined() }))
        }
        other => panic!("{other:?}"),
    }));
    let (_, out, _) = node.run(&["doctor", "--json"]);
    assert_eq!(state_of(&json(&out), "node").0, "ok");
    assert_eq!(state_of(&json(&out), "clock").0, "fail", "the fake node has a clock of its own");
    let (exit, out, err) = node.run(&["doctor"]);
    assert!(exit == 3 && out.contains("✓ node") && out.contains("✗ clock") && err.contains("HB6020"), "{out}{err}");

    let odd = fake::node(says(|_| Answer::Problem(Problem::new(node_codes::REQUEST, "not a request of this version"))));
    let (exit, out, _) = odd.run(&["doctor", "--json"]);
    assert_eq!((exit, state_of(&json(&out), "node")), (3, ("fail", "not a request of this version")));
}

#[test]
fn swap_that_is_memory_or_encrypted_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (table, devices) = (folder.path().join("swaps"), folder.path().join("block"));
    let areas = ["/dev/zram0", "/dev/dm-7", "/dev/dm-8", "/swap.img"];
    let rows: String = areas.iter().map(|area| format!("{area}  partition 1 0 -2\n")).collect();
    fs::write(&table, format!("Filename Type Size Used Priority\n{rows}")).expect("the folder is ours");
    for (name, uuid) in [("dm-7", "CRYPT-LUKS2-x"), ("dm-8", "LVM-x")] {
        fs::create_dir_all(devices.join(name).join("dm")).expect("the folder is ours");
        fs::write(devices.join(name).join("dm/uuid"), uuid).expect("the folder is ours");
    }
    assert_eq!(swap(&table, &devices), ["/dev/dm-8", "/swap.img"]);
    assert_eq!(swap(&folder.path().join("none"), &devices), Vec::<String>::new());
}
