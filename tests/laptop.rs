//! A lost laptop: the backup restores everything, the organisation goes on, and the old folder forks no feed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::app::control::{NodeState, Problem, RecordKind, Reply, Request, Scope, Summary};
use tests::daemons::{Daemons, Node, PASSPHRASE, eventually, fact, passphrase, sample};

use crate::NODE;

const NOT_EMPTY: (&str, &str) = ("HB1002", "choose another folder with --data, or use the one that is there");
const WRONG_PASSPHRASE: (&str, &str) = ("HB1007", "type it again; after several failures the wait grows");
const DAMAGED: (&str, &str) = ("HB2007", "use another backup; nothing was restored");
const NO_BACKUP: (&str, &str) = ("HB2008", "give a file that `habeas backup create` wrote");
const PLACE: (&str, &str) = ("HB2010", "name a place that is there, and that the node's user may read and write");
const THERE: (&str, &str) = ("HB2009", "choose another name; nothing is ever written over what is there");

/// The place of a backup of this node.
fn place(node: &Node, name: &str) -> PathBuf {
    node.folder().with_extension(name)
}

fn create(node: &Node, to: &Path) {
    let Reply::Backup { bytes, .. } = node.done(Request::BackupCreate { to: text(to) }) else { panic!("no backup") };
    assert!(bytes > 0 && to.exists());
}

fn restore(from: &Path) -> Request {
    Request::BackupRestore { from: text(from) }
}

fn text(path: &Path) -> String {
    path.to_str().expect("temporary names are UTF-8").to_owned()
}

fn docket() -> Request {
    Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] }
}

fn case() -> Request {
    Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] }
}

/// Everything that identifies a node and its content, except the time.
fn everything(node: &Node) -> impl PartialEq + std::fmt::Debug + use<> {
    let status = node.status();
    let records = |kind| -> Vec<Summary> { node.list(kind) };
    let named: Vec<_> = status.peers.into_iter().map(|peer| (peer.node, peer.petname)).collect();
    let who = (status.state, status.registry, status.organisation, status.call_sign, status.node, named);
    (who, node.digests(), records(RecordKind::Case), records(RecordKind::Docket), status.circles)
}

fn forks(nodes: &Daemons) -> u64 {
    nodes.iter().flat_map(|node| node.status().circles).map(|circle| circle.forked).sum()
}

fn refuses(node: &Node, request: &Request, expected: (&str, &str)) -> Problem {
    let problem = node.refused(request);
    assert_eq!((problem.code.as_str(), problem.next.as_str()), expected, "{problem:?}");
    problem
}

/// The listing of a folder, by name and length.
fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files: Vec<_> = node::store::canary::files(folder)
        .expect("a readable folder")
        .into_iter()
        .map(|file| (file.clone(), file.metadata().expect("there").len()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_lost_laptop_comes_back_from_its_backup_and_the_old_folder_started_by_mistake_forks_nothing() {
    let mut nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let record = nodes[0].list(RecordKind::Case)[3].record;
    let facts = vec![fact("person.phone", "+0 000 invented")];
    nodes[0].save(Request::Set { record: record.to_string(), facts });
    let organisation = nodes[1].status().call_sign.expect("it has one");
    nodes[0].done(Request::Name { organisation, petname: "Lawyers of an invented coast".into() });
    nodes.settle();
    let before = everything(&nodes[0]);
    assert!(nodes[0].list(RecordKind::Case).iter().all(|case| case.label.is_some()), "labels to lose");
    let backup = place(&nodes[0], "backup");
    create(&nodes[0], &backup);

    // The laptop is lost: its folder is out of reach. There is an empty folder, the backup, the passphrase.
    nodes[0].kill();
    let lost = place(&nodes[0], "lost");
    fs::rename(nodes[0].folder(), &lost).expect("one file system");
    nodes[0].start();
    assert_eq!(nodes[0].status().state, NodeState::Empty);
    nodes[0].done(restore(&backup));
    nodes[0].unlock();
    assert_eq!(everything(&nodes[0]), before);
    // The root key is restored as well: it can sign a card again.
    assert!(nodes[0].folder().join("root").exists());

    // The organisation goes on writing, in both circles.
    let (docket_after, case_after) = (nodes[0].save(docket()), nodes[0].save(case()));
    eventually("the others hear of it", || {
        nodes[1].list(RecordKind::Docket).iter().any(|docket| docket.record == docket_after).then_some(())
    });
    nodes[0].save(Request::Set { record: case_after.to_string(), facts: vec![fact("person.phone", "+0 001")] });
    nodes.settle();
    assert_eq!((nodes.agree().records, nodes[0].alarms()), (3, vec![]));

    // The laptop is found, and somebody starts it: two nodes with one key, both writing while no other node is
    // connected; then the others get the old one's entries first.
    nodes[1].stop();
    let mut old = nodes[0].twin(&lost);
    old.resume();
    let from_old = [old.save(docket()), old.save(docket())];
    nodes[0].save(docket());
    nodes[0].stop();
    nodes[1].resume();
    eventually("what the old folder wrote arrives", || {
        let there: Vec<_> = nodes[1].list(RecordKind::Docket).iter().map(|docket| docket.record).collect();
        from_old.iter().all(|record| there.contains(record)).then_some(())
    });
    old.stop();
    nodes[0].resume();
    nodes.settle();
    assert_eq!(nodes.agree().records, 6);
    assert_eq!((forks(&nodes), nodes[1].alarms()), (0, vec![]), "an honest node seems to have forked");
    // The person is told that another copy of the folder wrote.
    let told = nodes[0].alarms();
    assert!(told.len() == 1 && told[0].code == "HB4005" && told[0].next.contains("old copy"), "{told:?}");
}

#[test]
fn what_is_newer_than_the_backup_comes_back_from_the_others_and_the_person_is_told() {
    let mut nodes = Daemons::found(NODE, 2);
    let in_backup = nodes[0].save(docket());
    let backup = place(&nodes[0], "backup");
    create(&nodes[0], &backup);
    let (newer, at_home) = (nodes[0].save(docket()), nodes[0].save(case()));
    nodes.settle();
    nodes[0].stop();
    fs::rename(nodes[0].folder(), place(&nodes[0], "lost")).expect("one file system");
    nodes[0].start();
    nodes[0].done(restore(&backup));
    nodes[0].unlock();
    nodes.settle();
    let dockets: Vec<_> = nodes[0].list(RecordKind::Docket).iter().map(|docket| docket.record).collect();
    assert_eq!(dockets, [in_backup, newer]);
    // Entries that never left the lost device are lost, and the node does not claim otherwise.
    assert!(nodes[0].list(RecordKind::Case).iter().all(|case| case.record != at_home));
    let told = nodes[0].alarms();
    assert!(told.len() == 1 && told[0].code == "HB4005" && told[0].next.contains("after it"), "{told:?}");

    nodes[0].save(docket());
    nodes.settle();
    assert_eq!((nodes.agree().records, forks(&nodes), nodes[1].alarms()), (3, 0, vec![]));
    // The alarm stays, with its date, until a person has acknowledged it; then it is not raised again.
    let since = nodes[0].status().alarms[0].since;
    for _ in 0..2 {
        nodes[0].stop();
        nodes[0].resume();
        nodes.settle();
        let told = nodes[0].status().alarms;
        assert!(told.len() == 1 && told[0].since == since && told[0].problem.code == "HB4005", "{told:?}");
    }
    nodes[0].done(Request::Settle { code: "HB4005".to_owned() });
    assert_eq!(nodes[0].refused(&Request::Settle { code: "HB4005".to_owned() }).code, "HB4008");
    nodes[0].stop();
    nodes[0].resume();
    nodes.settle();
    assert_eq!(nodes[0].alarms(), []);
}

#[test]
fn a_backup_of_another_registry_is_neither_vouched_for_nor_restored_over_this_one_and_nothing_changes() {
    let [ours, theirs] = [(); 2].map(|()| Daemons::found(NODE, 1));
    ours[0].import_sample();
    let [backup, own] = [place(&theirs[0], "backup"), place(&ours[0], "backup")];
    create(&theirs[0], &backup);
    create(&ours[0], &own);
    let counted = |file: &PathBuf| file.ends_with("backup.attempts");
    let left = |node: &Node| listing(node.folder()).into_iter().filter(|(file, _)| !counted(file)).collect::<Vec<_>>();
    let (shown, before) = (everything(&ours[0]), left(&ours[0]));
    let verify = |file: &Path| Request::BackupVerify { from: text(file), passphrase: passphrase(PASSPHRASE) };
    let problem = ours[0].refused(&verify(&backup));
    let situation = problem.situation.as_ref().expect("it says which registry");
    assert_eq!((problem.code.as_str(), situation.about.as_str()), ("HB2011", "registry"));
    let words = theirs[0].status().registry_words.expect("it has joined");
    assert_eq!(situation.params.get("words"), Some(&words.as_str().into()));
    refuses(&ours[0], &restore(&backup), NOT_EMPTY);
    assert_eq!((everything(&ours[0]), left(&ours[0])), (shown, before), "something is left of it");
    // The backup verifies at a node of its registry, and so does the own one here.
    for (node, file) in [(&theirs[0], &backup), (&ours[0], &own)] {
        assert!(matches!(node.done(verify(file)), Reply::Backup { entries: Some(_), .. }));
    }
}

#[test]
fn a_restored_folder_knows_the_backup_it_came_from() {
    let mut nodes = Daemons::found(NODE, 1);
    let backup = place(&nodes[0], "backup");
    create(&nodes[0], &backup);
    let made = node::backup::last(nodes[0].folder()).expect("it was noted");
    nodes[0].stop();
    fs::rename(nodes[0].folder(), place(&nodes[0], "lost")).expect("one file system");
    nodes[0].start();
    nodes[0].done(restore(&backup));
    nodes[0].unlock();
    assert_eq!(node::backup::last(nodes[0].folder()), Some(made));
    assert!(nodes[0].figure("habeas_backup_age_seconds").is_some());
}

#[test]
fn a_backup_is_restored_whole_into_an_empty_folder_or_not_at_all() {
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].import_sample();
    let backup = place(&nodes[0], "backup");
    create(&nodes[0], &backup);
    let shown = everything(&nodes[0]);
    // A restore over a node that runs, open or locked, and over another backup is refused.
    refuses(&nodes[0], &restore(&backup), NOT_EMPTY);
    nodes[0].done(Request::Lock);
    refuses(&nodes[0], &restore(&backup), NOT_EMPTY);
    nodes[0].unlock();
    refuses(&nodes[0], &Request::BackupCreate { to: text(&backup) }, THERE);
    assert_eq!(everything(&nodes[0]), shown);
    // A restore over a closed folder is refused too.
    nodes[0].stop();
    nodes[0].start();
    refuses(&nodes[0], &restore(&backup), NOT_EMPTY);
    nodes[0].unlock();
    assert_eq!(everything(&nodes[0]), shown);

    nodes.add();
    let fresh = &nodes[1];
    let letter = fresh.folder().join("letter");
    fs::write(&letter, "x").expect("writable");
    refuses(fresh, &restore(&backup), NOT_EMPTY);
    fs::remove_file(letter).expect("writable");

    let empty = listing(fresh.folder());
    let sound = fs::read(&backup).expect("there");
    let [cut, changed, other] = ["cut", "changed", "other"].map(|name| place(fresh, name));
    fs::write(&cut, &sound[..sound.len() / 2]).expect("writable");
    let mut bytes = sound.clone();
    // The changed byte is inside a file's content, not in a header: the archive reads well, but the file differs.
    let at = sound.windows(6).rposition(|window| window == b"habeas").expect("a vault or a format file");
    bytes[at + 16] ^= 1;
    fs::write(&changed, &bytes).expect("writable");
    fs::write(&other, sample()).expect("writable");
    for (file, expected) in [(&cut, DAMAGED), (&changed, DAMAGED), (&other, NO_BACKUP)] {
        refuses(fresh, &restore(file), expected);
        refuses(fresh, &Request::BackupVerify { from: text(file), passphrase: passphrase(PASSPHRASE) }, expected);
        assert_eq!(listing(fresh.folder()), empty, "{} left something", file.display());
    }
    refuses(fresh, &restore(&place(fresh, "missing")), PLACE);
    assert_eq!((listing(fresh.folder()), fresh.status().state), (empty, NodeState::Empty));
    // The sound backup is restored as if the others had never come.
    fresh.done(restore(&backup));
    nodes[0].stop();
    nodes[1].unlock();
    assert_eq!(nodes[1].digest(Scope::Own).records, 12);
}

#[test]
fn a_backup_of_another_registry_does_not_open_with_this_ones_passphrase_and_guessing_has_to_wait() {
    let nodes = Daemons::start(NODE, 2);
    nodes[0].init();
    let theirs = passphrase("the other organisation's words");
    nodes[1].done(Request::Init { passphrase: theirs.clone(), root_passphrase: None, demo: true });
    let backup = place(&nodes[1], "backup");
    create(&nodes[1], &backup);
    let verify = |passphrase| Request::BackupVerify { from: text(&backup), passphrase };
    let counted = |file: &PathBuf| file.ends_with("backup.attempts");
    let left = |node: &Node| listing(node.folder()).into_iter().filter(|(file, _)| !counted(file)).collect::<Vec<_>>();
    let before = left(&nodes[0]);
    refuses(&nodes[0], &verify(passphrase(PASSPHRASE)), WRONG_PASSPHRASE);
    // A backup does not shorten the wait between two attempts at the passphrase.
    assert_eq!(nodes[0].refused(&verify(theirs.clone())).code, "HB1008");
    let verified = eventually("the wait is over", || nodes[0].ask(&verify(theirs.clone())).ok());
    assert!(matches!(verified, Reply::Backup { entries: Some(0), .. }), "{verified:?}");
    assert_eq!(left(&nodes[0]), before, "something is left of it");
}

#[test]
fn each_of_twenty_backups_brings_back_with_the_passphrase_alone_what_was_there_when_it_was_made() {
    let mut nodes = Daemons::found(NODE, 1);
    let mut backups = Vec::new();
    for number in 0..20 {
        let record = nodes[0].save(case());
        match number % 5 {
            0 => drop(nodes[0].save(docket())),
            1 => {
                let facts = vec![fact("person.phone", &format!("+0 {number}"))];
                nodes[0].save(Request::Set { record: record.to_string(), facts });
            }
            2 if number == 12 => nodes[0].import_sample(),
            3 => {
                nodes[0].stop();
                nodes[0].resume();
            }
            _ => {}
        }
        let backup = place(&nodes[0], &format!("backup-{number}"));
        create(&nodes[0], &backup);
        backups.push((backup, everything(&nodes[0])));
    }
    nodes[0].stop();
    for (number, (backup, before)) in backups.into_iter().enumerate() {
        let mut blank = nodes[0].twin(&place(&nodes[0], &format!("blank-{number}")));
        blank.start();
        blank.done(restore(&backup));
        blank.unlock();
        assert_eq!(everything(&blank), before, "backup {number}");
        blank.stop();
    }
}
