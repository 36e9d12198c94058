//! Bad input gets a clear error with a code and a next step; nothing is lost or left half done.
//!
//! The tests follow the list of inputs, in its order: files, fields, passphrases, folders, the disk; then (`peers`) the
//! messages of a member that breaks the rules.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant, SystemTime},
};

use node::vault::{RootKey, Vault, VaultError};
use protocol::{
    app::control::{Known, NodeState, Problem, RecordKind, Reply, Request, Scope},
    record::schema::Language,
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tests::daemons::{Daemons, Node, PASSPHRASE, ROOT_PASSPHRASE, eventually, fact, passphrase, sample};

use crate::NODE;

mod peers;

const OTHER_KIND: (&str, &str) = ("HB2001", "give the file that the command names");
const DAMAGED: (&str, &str) = ("HB2002", "ask for the file again");
const FORGED: (&str, &str) = ("HB2003", "do not use it; ask its sender by voice");
const IMPORT: (&str, &str) = ("HB3008", "mend the places listed and import again");
const KNOWN_LABELS: (&str, &str) =
    ("HB3013", "bring in the others with --new, or all of them as new records with --again");
const UNKNOWN_CODE: (&str, &str) = ("HB3004", "run `habeas help fields FIELD`: it lists the codes");
const LEVEL: (&str, &str) = ("HB3005", "leave it in the case file; a docket holds public facts only");
const WRONG_PASSPHRASE: (&str, &str) = ("HB1007", "type it again; after several failures the wait grows");
const WAIT: (&str, &str) = ("HB1008", "wait as long as it says, then try again");
const VAULT: (&str, &str) = ("HB1010", "restore the folder from a backup; do not delete anything in it");
const OTHER_FOLDER: (&str, &str) = ("HB1011", "choose the right folder with --data");
const DISK_FULL: (&str, &str) =
    ("HB5001", "free space: the node goes on by itself; nothing that was confirmed is lost");

/// Sends a request that the node must refuse with this code and next step, without a change of what it shows.
fn refuses(node: &Node, request: &Request, expected: (&str, &str)) -> Problem {
    let before = shown(node);
    let problem = node.refused(request);
    assert_eq!((problem.code.as_str(), problem.next.as_str()), expected, "{problem:?}");
    assert_eq!(shown(node), before, "{request:?} was refused and did something");
    problem
}

/// The state that a node shows, without the time and the connections of its peers.
fn shown(node: &Node) -> impl PartialEq + std::fmt::Debug + use<> {
    let status = node.status();
    let digests = (status.state == NodeState::Open).then(|| node.digests());
    (status.state, status.registry, status.organisation, status.circles, status.cases, status.dockets, digests)
}

#[test]
fn a_truncated_or_edited_card_draft_signature_or_registry_file_is_refused_whole() {
    let nodes = Daemons::start(NODE, 2);
    nodes.iter().for_each(|node| drop(node.init()));
    let cards: Vec<_> = nodes.iter().map(Node::card).collect();
    let root_passphrase = || passphrase(ROOT_PASSPHRASE);

    let found = |card: String| Request::Found { cards: vec![cards[0].clone(), card] };
    damaged_or_forged(&nodes[0], &cards[1], found);
    let draft = nodes[0].file(found(cards[1].clone()));

    damaged_or_forged(&nodes[1], &draft, |draft| Request::Sign { draft, root_passphrase: root_passphrase() });
    let signatures: Vec<_> = nodes.iter().map(|node| node.sign(&draft)).collect();

    let complete = |signature: String| Request::Complete {
        draft: draft.clone(),
        signatures: vec![signatures[0].clone(), signature],
        root_passphrase: root_passphrase(),
    };
    damaged_or_forged(&nodes[0], &signatures[1], complete);
    let registry = nodes[0].file(complete(signatures[1].clone()));

    damaged_or_forged(&nodes[1], &registry, |registry| Request::Join { registry });
    for other in [&cards[0], &draft, &signatures[0]] {
        let problem = refuses(&nodes[1], &Request::Join { registry: other.clone() }, OTHER_KIND);
        assert!(problem.message.contains("a registry file is needed"), "{problem:?}");
    }
    // The refused files left nothing half done: the sound file is accepted as if the others had never come.
    for node in nodes.iter() {
        node.done(Request::Join { registry: registry.clone() });
    }
    nodes.settle();
}

/// Sends a damaged file, cut off or edited, and a forged one, edited and with a checksum that fits.
fn damaged_or_forged(node: &Node, sound: &str, request: impl Fn(String) -> Request) {
    let half = &sound[..sound.len() / 2];
    let end = sound.trim_end().rfind('\n').expect("a last line");
    let middle = sound[..end].rfind('\n').expect("a line before it") + 1;
    let edited = |with: &str| format!("{}{with}{}", &sound[..middle], &sound[middle + 1..]);
    let edited = if sound[middle..].starts_with('A') { edited("B") } else { edited("A") };
    for (file, words) in [(half, "cut off"), (&sound[..end], "cut off"), (&edited, "changed on its way")] {
        let problem = refuses(node, &request(file.to_owned()), DAMAGED);
        assert!(problem.message.contains(words), "{problem:?}");
    }
    let kind = sound.split(' ').nth(1).expect("the first line names the kind");
    let forged = forged(kind, sound);
    refuses(node, &request(forged), FORGED);
}

/// A forged file: one bit of a signature is flipped, and the checksum fits.
fn forged(kind: &str, sound: &str) -> String {
    use protocol::bytes::armour::{Kind, unwrap, wrap};
    let kinds = [Kind::Card, Kind::Draft, Kind::Signature, Kind::Registry];
    let kind = kinds.into_iter().find(|known| known.label() == kind).expect("a kind of file");
    let mut bytes = unwrap(kind, sound).expect("a sound file");
    // The last bytes of each of these files are a signature.
    *bytes.last_mut().expect("not empty") ^= 1;
    wrap(kind, &bytes)
}

#[test]
fn an_import_file_with_errors_names_line_and_field_and_brings_nothing_in() {
    let nodes = Daemons::found(NODE, 1);
    let sound = sample();
    let check = |from: &str, to: &str, words: &str| {
        assert!(sound.contains(from), "{from}");
        let file = sound.replacen(from, to, 1);
        let line = file.lines().zip(sound.lines()).position(|(a, b)| a != b).expect("one line differs") + 1;
        let problem = refuses(&nodes[0], &Request::Import { file, dry_run: false, known: Known::Refuse }, IMPORT);
        let named = |detail: &&String| detail.starts_with(&format!("line {line}: $")) && detail.contains(words);
        assert!(problem.details.len() == 1 && problem.details.iter().any(|detail| named(&detail)), "{problem:?}");
    };
    check("\"2023-06-10~\"", "\"2023-06-40\"", "capture_episode.date");
    check("\"mobilised\"", "\"mobilized\"", "did you mean mobilised?");
    check("\"enlisted\"", "\"enlistd\"", "did you mean enlisted?");
    check("\"minor_children\": 2", "\"minor_children\": \"two\"", "minor_children");
    // One file with several errors, which are reported together, and one that is no JSON at all.
    let file = sound.replacen("\"mobilised\"", "\"mobilized\"", 1).replacen("\"enlisted\"", "\"enlistd\"", 1);
    let problem = refuses(&nodes[0], &Request::Import { file, dry_run: false, known: Known::Refuse }, IMPORT);
    assert_eq!(problem.details.len(), 2, "{problem:?}");
    let file = sound[..sound.len() / 2].to_owned();
    let problem = refuses(&nodes[0], &Request::Import { file, dry_run: false, known: Known::Refuse }, IMPORT);
    assert!(problem.details[0].contains("ends too early"), "{problem:?}");
    // The sound file still comes in whole.
    nodes[0].import_sample();
    assert_eq!(nodes[0].list(RecordKind::Case).len(), 12);
}

/// A repeated import doubles nothing unless a person says so. A caseworker imported the same file twice, and had every
/// case twice.
#[test]
fn a_file_that_is_brought_in_once_more_doubles_nothing_unless_a_person_says_so() {
    let nodes = Daemons::found(NODE, 1);
    let import = |known| Request::Import { file: sample(), dry_run: false, known };
    let cases = || nodes[0].list(RecordKind::Case).len();
    nodes[0].import_sample();
    let problem = refuses(&nodes[0], &import(Known::Refuse), KNOWN_LABELS);
    assert_eq!(problem.details.len(), 14, "{problem:?}");
    let made = |reply| match reply {
        Reply::Imported { records, .. } => records.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(made(nodes[0].done(import(Known::Skip))), 0);
    assert_eq!(cases(), 12);
    // A file with one more case imports only that one.
    let file = sample().replacen("\"SYN-07\"", "\"SYN-07b\"", 1);
    assert_eq!(made(nodes[0].done(Request::Import { file, dry_run: false, known: Known::Skip })), 1);
    assert_eq!(cases(), 13);
    assert_eq!(made(nodes[0].done(import(Known::Again))), 14);
    assert_eq!(cases(), 25);
}

#[test]
fn an_unknown_code_is_refused_with_the_nearest_one_and_an_unknown_field_with_the_nearest_name() {
    let nodes = Daemons::found(NODE, 1);
    let record = nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
    let set = |field: &str, value: &str| Request::Set { record: record.to_string(), facts: vec![fact(field, value)] };
    let problem = refuses(&nodes[0], &set("service_record.category", "mobilized"), UNKNOWN_CODE);
    assert!(problem.message.contains("did you mean mobilised?"), "{problem:?}");
    let problem = refuses(
        &nodes[0],
        &set("service_record.categry", "mobilised"),
        ("HB3002", "run `habeas help fields`: it lists every field"),
    );
    assert!(problem.message.contains("did you mean service_record.category?"), "{problem:?}");
    // One bad fact among good ones: none of them is written.
    let facts = vec![fact("service_record.category", "contract"), fact("service_record.category", "mobilized")];
    refuses(&nodes[0], &Request::CaseNew { facts }, UNKNOWN_CODE);
}

#[test]
fn a_field_is_never_written_below_its_level() {
    let nodes = Daemons::found(NODE, 1);
    let docket = nodes[0].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
    let check = |field: &str, value: &str| {
        let facts = || vec![fact(field, value)];
        refuses(&nodes[0], &Request::Set { record: docket.to_string(), facts: facts() }, LEVEL);
        refuses(&nodes[0], &Request::DocketNew { facts: facts() }, LEVEL);
    };
    check("person_name.full_name", "СИН Берёзкин Тест Примерович");
    check("capture_episode.date", "2023-06-10");
    check("docket_source.type", "family_interview"); // a source that is not public
    check("docket_source.url", "https://example.org/name-of-a-man");
    // Facts that a docket may not hold are accepted in a case file.
    nodes[0].save(Request::CaseNew { facts: vec![fact("capture_episode.date", "2023-06-10")] });
}

#[test]
fn wrong_passphrases_are_slowed_down_whoever_asks_and_across_restarts() {
    let mut nodes = Daemons::start(NODE, 1);
    nodes[0].init();
    nodes[0].stop();
    // There are enough failures for a wait that even a slow machine notices; by the test's own clock they take no time.
    let wrong = passphrase("not the passphrase at all");
    let begin = SystemTime::now() - Duration::from_secs(3600);
    for nth in 0..7 {
        let tried = Vault::open(nodes[0].folder(), &wrong, begin + Duration::from_secs(nth * 300));
        assert!(matches!(tried, Err(VaultError::WrongPassphrase)), "{tried:?}");
    }
    nodes[0].start();
    let unlock = |text: &str| Request::Unlock { passphrase: passphrase(text) };
    refuses(&nodes[0], &unlock("not the passphrase at all"), WRONG_PASSPHRASE);
    // Seven failures and this one make a wait of eight seconds, for the right passphrase too; a restart does not
    // shorten it.
    refuses(&nodes[0], &unlock(PASSPHRASE), WAIT);
    nodes[0].kill();
    nodes[0].start();
    let problem = refuses(&nodes[0], &unlock(PASSPHRASE), WAIT);
    assert!(problem.message.contains("wait"), "{problem:?}");
}

#[test]
fn the_root_passphrase_has_a_wait_of_its_own_and_across_restarts() {
    let mut nodes = Daemons::start(NODE, 1);
    nodes[0].init();
    nodes[0].stop();
    let begin = SystemTime::now() - Duration::from_secs(3600);
    for nth in 0..7 {
        let wrong = passphrase("not the passphrase at all");
        let tried = RootKey::open(&nodes[0].folder().join("root"), &wrong, begin + Duration::from_secs(nth * 300));
        assert!(matches!(tried, Err(VaultError::WrongPassphrase)), "{tried:?}");
    }
    // The device's own passphrase is not delayed by these failures.
    nodes[0].resume();
    let card = |text: &str| Request::Card { addresses: vec![], root_passphrase: passphrase(text) };
    refuses(&nodes[0], &card("not the passphrase at all"), WRONG_PASSPHRASE);
    refuses(&nodes[0], &card(ROOT_PASSPHRASE), WAIT);
    nodes[0].kill();
    nodes[0].resume();
    refuses(&nodes[0], &card(ROOT_PASSPHRASE), WAIT);
}

#[test]
fn wrong_passphrases_tried_at_the_same_time_count_as_one_after_the_other() {
    let mut nodes = Daemons::start(NODE, 1);
    nodes[0].init();
    nodes[0].stop();
    nodes[0].start();
    let node = &nodes[0];
    let try_all = |request: &(dyn Fn() -> Request + Sync)| -> Vec<String> {
        thread::scope(|scope| {
            let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| node.refused(&request()).code)).collect();
            asked.into_iter().map(|asked| asked.join().expect("the node answers")).collect()
        })
    };
    let wrong = || passphrase("not the passphrase at all");
    let began = Instant::now();
    let codes = try_all(&|| Request::Unlock { passphrase: wrong() });
    let tried = codes.iter().filter(|code| *code == "HB1007").count();
    // At most one attempt a second is made; the first one at once.
    assert!(tried >= 1 && tried as u64 <= 1 + began.elapsed().as_secs(), "{codes:?}");
    assert!(codes.iter().all(|code| ["HB1007", "HB1008"].contains(&code.as_str())), "{codes:?}");
    eventually("the wait is over", || node.ask(&Request::Unlock { passphrase: passphrase(PASSPHRASE) }).ok());

    // The root key has its own passphrase, and its own count of failures.
    let began = Instant::now();
    let codes = try_all(&|| Request::Card { addresses: vec![], root_passphrase: wrong() });
    let tried = codes.iter().filter(|code| *code == "HB1007").count();
    assert!(tried >= 1 && tried as u64 <= 1 + began.elapsed().as_secs(), "{codes:?}");
    let card = || Request::Card { addresses: vec![], root_passphrase: passphrase(ROOT_PASSPHRASE) };
    eventually("the wait is over", || node.ask(&card()).ok());
}

#[test]
fn a_vault_header_edited_to_absurd_costs_is_refused_before_anything_is_spent() {
    // The header is drawn in node::vault: 48 bytes, then slots that begin with a salt(16) and memory(4) ‖ passes(4) ‖
    // lanes(4), and at its end BLAKE3 of everything before.
    const COST_AT: usize = 48 + 16;
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].save(Request::CaseNew { facts: vec![] });
    let before = shown(&nodes[0]);
    nodes[0].stop();
    let copies = ["vault", "vault.copy"].map(|name| nodes[0].folder().join(name));
    let sound = fs::read(&copies[0]).expect("there");
    for cost in [[u32::MAX, 3, 4], [4 * 1024 * 1024, 3, 4], [256 * 1024, u32::MAX, 4], [8, 1, 1]] {
        let mut edited = sound.clone();
        edited[COST_AT..COST_AT + 12].copy_from_slice(&cost.map(u32::to_be_bytes).concat());
        let sum = edited.len() - 32;
        let fits = blake3::hash(&edited[..sum]);
        edited[sum..].copy_from_slice(fits.as_bytes());
        copies.iter().for_each(|copy| fs::write(copy, &edited).expect("writable"));
        nodes[0].start();
        let problem = refuses(&nodes[0], &Request::Unlock { passphrase: passphrase(PASSPHRASE) }, VAULT);
        assert!(problem.message.contains(&format!("{} KiB, {} passes", cost[0], cost[1])), "{problem:?}");
        assert!(peak_kib(&nodes[0]) < 64 * 1024, "{} KiB were in memory", peak_kib(&nodes[0]));
        nodes[0].stop();
    }
    // The sound copy stands for the backup that the next step asks for.
    copies.iter().for_each(|copy| fs::write(copy, &sound).expect("writable"));
    nodes[0].resume();
    assert_eq!(shown(&nodes[0]), before);
}

/// The peak memory of a node since its start, in KiB.
fn peak_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process())).expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn of_processes_on_one_folder_one_serves_and_the_others_say_so_and_end() {
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].save(Request::CaseNew { facts: vec![] });
    let before = shown(&nodes[0]);
    let refusals = |node: &Node| node.log().matches("HB1009").count();
    let second = nodes[0].command().status().expect("the program is built with the tests");
    assert!(!second.success(), "{second}");
    assert_eq!(refusals(&nodes[0]), 1, "{}", nodes[0].log());
    assert_eq!(shown(&nodes[0]), before);

    // Several processes start at once, on a folder whose last node was killed and left its socket behind.
    nodes[0].kill();
    let racing = |_| nodes[0].command().stdin(Stdio::null()).spawn().expect("the program is built with the tests");
    let mut racers: Vec<_> = (0..6).map(racing).collect();
    let ended = eventually("all but one have ended", || {
        let ended = racers.iter_mut().filter_map(|racer| racer.try_wait().expect("a child of ours"));
        let ended: Vec<_> = ended.collect();
        (ended.len() == racers.len() - 1).then_some(ended)
    });
    assert!(ended.iter().all(|status| !status.success()), "{ended:?}");
    assert_eq!(refusals(&nodes[0]), 6, "{}", nodes[0].log());
    nodes[0].unlock();
    assert_eq!(shown(&nodes[0]), before);
    racers.iter_mut().for_each(|racer| drop(racer.kill().and_then(|()| racer.wait())));
}

#[test]
fn a_folder_with_the_store_of_another_registry_is_refused_and_nothing_in_it_is_touched() {
    let (mut ours, mut theirs) = (Daemons::found(NODE, 1), Daemons::found(NODE, 1));
    for nodes in [&mut ours, &mut theirs] {
        nodes[0].save(Request::CaseNew { facts: vec![] });
    }
    let before = [shown(&ours[0]), shown(&theirs[0])];
    let swap = |ours: &mut Daemons, theirs: &mut Daemons| {
        ours[0].stop();
        theirs[0].stop();
        let stores: [PathBuf; 2] = [&ours, &theirs].map(|nodes| nodes[0].folder().join("store"));
        let aside = stores[0].with_file_name("aside");
        rename(&stores[0], &aside);
        rename(&stores[1], &stores[0]);
        rename(&aside, &stores[1]);
        ours[0].start();
        theirs[0].start();
    };
    swap(&mut ours, &mut theirs);
    for nodes in [&ours, &theirs] {
        refuses(&nodes[0], &Request::Unlock { passphrase: passphrase(PASSPHRASE) }, OTHER_FOLDER);
        assert_eq!(nodes[0].status().state, NodeState::Sealed);
    }
    swap(&mut ours, &mut theirs);
    for (nodes, before) in [&ours, &theirs].into_iter().zip(before) {
        nodes[0].unlock();
        assert_eq!(shown(&nodes[0]), before);
    }
}

/// A store of a newer version is refused, and no byte of it changes. A person starts an old program on a folder that a
/// newer version used.
#[test]
fn a_store_of_a_newer_version_is_refused_and_not_a_byte_of_it_changes() {
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].save(Request::CaseNew { facts: vec![] });
    let before = shown(&nodes[0]);
    nodes[0].stop();
    let format = nodes[0].folder().join("store/format");
    let ours = fs::read(&format).expect("there");
    fs::write(&format, "habeas store 2 of another kind\n").expect("writable");
    let folder = nodes[0].folder().to_owned();
    let bytes = || -> Vec<_> {
        let mut files = node::store::canary::files(&folder.join("store")).expect("readable");
        files.push(folder.join("store.acknowledged"));
        files.sort();
        files.into_iter().map(|path| (fs::read(&path).expect("readable"), path)).collect()
    };
    let newer = bytes();
    let unlock = Request::Unlock { passphrase: passphrase(PASSPHRASE) };
    nodes[0].start();
    for _ in 0..2 {
        assert_eq!(nodes[0].refused(&unlock).code, "HB5009");
    }
    assert_eq!(nodes[0].status().state, NodeState::Sealed);
    nodes[0].stop();
    assert_eq!(bytes(), newer);
    // The version that wrote the store still finds everything in it.
    fs::write(&format, ours).expect("writable");
    nodes[0].resume();
    assert_eq!(shown(&nodes[0]), before);
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).expect("one file system");
}

/// A full disk is reported, loses nothing that was confirmed, and shows nothing that was not. A limit on the size of
/// files stands for the full disk: it needs no rights, and the system refuses the same write.
#[test]
fn a_full_disk_says_so_loses_nothing_confirmed_and_shows_nothing_that_was_not() {
    let mut nodes = Daemons::found(NODE, 2);
    let facts = || vec![fact("docket_source.type", "court_card")];
    let mut confirmed: Vec<_> = (0..5).map(|_| nodes[0].save(Request::DocketNew { facts: facts() })).collect();
    nodes.agree();
    let log = fs::read_dir(nodes[0].folder().join("store/rows")).expect("there").map(|file| file.expect("readable"));
    let is_log = |file: &fs::DirEntry| file.file_name().to_string_lossy().ends_with(".log");
    let written = log.filter(is_log).map(|file| file.metadata().expect("readable").len()).max();
    limit_files(&nodes[0], Some(written.expect("a store has a log") + 20_000));

    let full = loop {
        let before = nodes[0].digests();
        match nodes[0].ask(&Request::DocketNew { facts: facts() }) {
            Ok(Reply::Saved { record, .. }) => confirmed.push(record),
            Ok(other) => panic!("not saved: {other:?}"),
            Err(problem) => {
                assert_eq!(nodes[0].digests(), before, "what could not be written shows");
                break problem;
            }
        }
    };
    assert_eq!((full.code.as_str(), full.next.as_str()), DISK_FULL);
    assert!(confirmed.len() > 5, "the disk was full from the first byte on");
    // The node still answers, and has reported why it writes nothing.
    let listed = |node: &Node| -> Vec<_> { node.list(RecordKind::Docket).iter().map(|docket| docket.record).collect() };
    assert_eq!(listed(&nodes[0]), confirmed);
    assert!(nodes[0].log().contains(DISK_FULL.0), "{}", nodes[0].log());

    // Once there is space again, the node resumes by itself.
    limit_files(&nodes[0], None);
    eventually("it goes on", || nodes[0].alarms().is_empty().then_some(()));
    confirmed.push(nodes[0].save(Request::DocketNew { facts: facts() }));
    nodes[0].stop();
    nodes[0].resume();
    assert_eq!(listed(&nodes[0]), confirmed);
    nodes[0].import_sample();
    nodes.settle();
    assert_eq!(nodes.agree().records, confirmed.len() as u64 + 2);
    for node in nodes.iter() {
        assert_eq!(node.alarms(), [], "an honest node seems to have forked");
        assert_eq!(node.status().circles.iter().map(|circle| circle.forked).sum::<u64>(), 0);
    }
    assert_eq!(nodes[1].digest(Scope::Own).records, 0);
}

/// A full disk refuses a backup and an archive as a whole, and the node continues. A backup is larger than any file of the
/// store, so the limit refuses it and lets the store write; the files of an archive are smaller.
#[test]
fn a_full_disk_refuses_a_backup_and_an_archive_whole_and_the_node_goes_on() {
    let nodes = Daemons::found(NODE, 1);
    let node = &nodes[0];
    let place = |name: &str| node.folder().with_extension(name);
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let backup = |name: &str| Request::BackupCreate { to: text(&place(name)) };
    let archive = |name: &str| Request::Archive { to: text(&place(name)), language: Language::En, zone: None };
    // Each backup closes a file of the store.
    for name in ["first", "second"] {
        drop(node.done(Request::Import { file: sample(), dry_run: false, known: Known::Again }));
        node.done(backup(name));
    }
    node.done(archive("whole"));
    let sizes: Vec<u64> = node::store::canary::files(&node.folder().join("store"))
        .expect("readable")
        .iter()
        .map(|file| file.metadata().expect("readable").len())
        .collect();
    let (largest, all) = (*sizes.iter().max().expect("a store has files"), sizes.iter().sum::<u64>());
    let limit = largest.midpoint(all);
    let json = fs::metadata(place("whole").join("json/0001.jsonl")).expect("there").len();
    assert!(largest + 20_000 < limit && limit < all, "{largest} {limit} {all}");

    limit_files(node, Some(limit));
    let beside = || fs::read_dir(node.folder().parent().expect("a folder")).expect("readable").count();
    let before = beside();
    refuses(node, &backup("third"), DISK_FULL);
    limit_files(node, Some(json / 2));
    refuses(node, &archive("more"), DISK_FULL);
    limit_files(node, Some(limit));
    assert_eq!(beside(), before, "something is left of them");
    let record = node.save(Request::CaseNew { facts: vec![] });
    assert_eq!(node.alarms(), []);

    limit_files(node, None);
    node.done(backup("third"));
    node.done(archive("more"));
    assert_eq!(node.show(&record).record, record);
}

fn limit_files(node: &Node, bytes: Option<u64>) {
    let process = Pid::from_raw(node.process().try_into().expect("a process number")).expect("not zero");
    prlimit(Some(process), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("a process of ours");
}
