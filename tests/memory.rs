//! The memory of a locked node: it contains no key to, and no text of, what people read here.
//!
//! The fault: after `lock` the reader key was in memory 53 times, since each move of it had left a copy, and so were
//! 243 petnames and, after an import of 10,000 case files, 9,746 family names: freed memory was not overwritten.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, time::SystemTime};

use node::{store::Rocks, vault::Vault};
use protocol::{
    app::control::{Guest, Known, Page, Question, Readers, RecordKind, Reply, Request, Scope, codes},
    bytes::{
        codec,
        seal::{Entropy, Secret, hash},
    },
    record::schema::Language,
    replication::sync,
    store::{Class, Row, Store, Table},
};
use serde_json::Value;
use sha2::{Digest as _, Sha512};
use tests::{
    daemons::{Daemons, Node, PASSPHRASE, ROOT_PASSPHRASE, fact, passphrase, sample},
    memory::{Found, Needle, scan},
};

use crate::{NODE, READABLE};

/// The number of imported case files.
const CASES: usize = 400;
/// The number of petnames given, one after another.
const PETNAMES: usize = 20;

/// The beginnings of invented texts that nothing else contains; the eight digits that follow distinguish them.
const TEXTS: [(&str, &str); 6] = [
    ("family names", "Qvxfamilyname"),
    ("labels", "QVXLABELNAME"),
    ("units", "Qvxunitofthe"),
    ("petnames", "Qvxpetnameof"),
    ("notes", "Qvxnoteonhim"),
    ("public words", "Qvxwordsofthe"),
];

fn word(beginning: &str, number: usize) -> String {
    format!("{beginning}{:08}", number * 7919 % 100_000_000)
}

fn beginning(class: &str) -> &'static str {
    TEXTS.iter().find(|(known, _)| *known == class).expect("a class of texts").1
}

/// An import of many case files: the sample, over and over, with other names in it.
fn many() -> String {
    let mut file: Value = serde_json::from_str(&sample()).expect("the sample is JSON");
    let sample = file["cases"].as_array().expect("a list of cases").clone();
    let case = |number: usize| {
        let mut case = sample[number % sample.len()].clone();
        case["case_id"] = word(beginning("labels"), number).into();
        case["person"]["local_name"] = word(beginning("family names"), number).into();
        case["service"]["unit_local"] = word(beginning("units"), number).into();
        case
    };
    file["cases"] = (0..CASES).map(case).collect();
    file.to_string()
}

/// The keys that open what people read: by name, with what is derived from each. Also the name of one that opens only
/// what is replicated, and stays.
fn keys(folder: &Path) -> (Vec<Needle>, String) {
    let opened = Vault::open(folder, &passphrase(PASSPHRASE), SystemTime::now());
    let (_, keys) = opened.expect("the right passphrase");
    let store = Rocks::open(&folder.join("store"), &keys, Entropy::new([1; 32])).expect("nobody has it open");
    let reader = keys.reader.as_ref().expect("a reader's slot");
    let mut needles = vec![
        Needle::of("passphrase", PASSPHRASE.as_bytes()),
        Needle::of("root passphrase", ROOT_PASSPHRASE.as_bytes()),
        Needle::of("reader key", reader.expose()),
    ];
    for table in Table::ALL.iter().filter(|table| table.class() == Class::Reader) {
        for purpose in ["habeas 1 store row names", "habeas 1 store nonces", "habeas 1 store values"] {
            let key = hash(purpose, &[reader.expose(), table.label().as_bytes()]);
            needles.push(Needle::of(format!("{purpose}, {}", table.label()), &key));
        }
    }
    let row = store.get(&Row::new(Table::Key, "device", 0)).expect("a sound store").expect("a device has keys");
    let secrets: BTreeMap<String, Secret> = codec::decode("keys", &row, 1024).expect("keys by their names");
    assert!(secrets.keys().eq(["author", "ballot", "desk", "reading", "receipt"]), "five keys");
    for (name, secret) in &secrets {
        needles.push(Needle::of(format!("{name} key"), secret.expose()));
        // The expanded seed (RFC 8032) signs as well as the seed does.
        let expanded = Sha512::digest(secret.expose());
        needles.push(Needle::of(format!("{name} key, expanded"), &expanded[1..31]));
        needles.push(Needle::of(format!("{name} key, prefix"), &expanded[32..]));
    }
    for (circle, epochs) in sync::epochs(&store).expect("a sound store") {
        for sync_epoch in epochs {
            needles.push(Needle::of(format!("epoch key of {circle:?}"), sync_epoch.1.expose()));
        }
    }
    let table = Table::Header;
    let stays = format!("habeas 1 store values, {}", table.label());
    let key = hash("habeas 1 store values", &[keys.carrier.expose(), table.label().as_bytes()]);
    needles.push(Needle::of(stays.clone(), &key));
    (needles, stays)
}

fn texts() -> Vec<Needle> {
    let spellings = |(class, beginning): &(&str, &str)| {
        let beginning = beginning.to_owned();
        let mut spellings = vec![beginning.to_owned(), beginning.to_lowercase(), beginning.to_uppercase()];
        spellings.sort();
        spellings.dedup();
        spellings.into_iter().map(|spelling| Needle::beginning(*class, spelling.as_bytes(), 8)).collect::<Vec<_>>()
    };
    TEXTS.iter().flat_map(spellings).collect()
}

/// Uses the node as people do in a day.
fn use_it(node: &Node, other: &str) {
    match node.done(Request::Import { file: many(), dry_run: false, known: Known::Refuse }) {
        Reply::Imported { records, .. } => assert_eq!(records.len(), CASES + 2),
        reply => panic!("not imported: {reply:?}"),
    }
    for number in 0..PETNAMES {
        let petname = word(beginning("petnames"), number);
        node.done(Request::Name { organisation: other.to_owned(), petname });
    }
    let note = fact("contact.note", &word(beginning("notes"), 1));
    let record = node.save(Request::CaseNew { facts: vec![note] });
    let quote = word(beginning("public words"), 1);
    let quote = vec![fact("docket_source.type", "court_card"), fact("docket_argument.court_wording", &quote)];
    node.save(Request::DocketNew { facts: quote });
    read_it(node, other);
    let more = vec![fact("contact.note", &word(beginning("notes"), 2))];
    node.save(Request::Set { record: record.to_string(), facts: more });
    node.done(Request::History { record: record.to_string() });
    let wrong = format!("{{\"cases\": [{{\"{}\": ", word(beginning("notes"), 3));
    let _named = node.refused(&Request::Import { file: wrong, dry_run: false, known: Known::Refuse });
    let mistyped = vec![fact("service_record.category", &word(beginning("notes"), 4))];
    let _named = node.refused(&Request::Set { record: record.to_string(), facts: mistyped });
}

/// Reads what people look at.
fn read_it(node: &Node, other: &str) {
    let cases = node.list(RecordKind::Case);
    let dockets = node.list(RecordKind::Docket);
    for record in cases.iter().take(40).chain(&dockets) {
        let record = record.record.to_string();
        node.done(Request::Show { record: record.clone() });
        node.done(Request::Conflicts { record });
    }
    let with = Readers::Organisations(vec![Guest { organisation: other.to_owned(), country: None }]);
    let preview = node.done(Request::SharePreview { records: vec![], with: with.clone() });
    let Reply::SharePreview(preview) = preview else { panic!("no preview: {preview:?}") };
    node.done(Request::Share { records: vec![], with, seen: preview.seen, hold_s: 3600 });
    node.done(Request::Ask { question: Question::default(), page: Page::default() });
    node.done(Request::Digest { circle: Scope::Own });
    node.done(Request::Names);
    let _shown = (node.status(), node.metrics());
    let to = node.folder().with_extension("archive");
    let _there_is_none = fs::remove_dir_all(&to);
    let to = to.to_str().expect("UTF-8").to_owned();
    node.done(Request::Archive { to, language: Language::Ru, zone: None });
}

/// The texts and keys in the list of processes: what every user of the computer may ask the system about a process, its
/// command, environment and threads.
fn in_the_list_of_processes(node: &Node, keys: &[Needle], texts: &[Needle]) {
    let process = Path::new("/proc").join(node.process().to_string());
    let command = fs::read(process.join("cmdline")).expect("it runs");
    let words: Vec<_> = command.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
    let folder = node.folder().to_str().expect("UTF-8").as_bytes();
    let [program, b"--data", data, b"--listen", listen] = words[..] else { panic!("{:?}", command.escape_ascii()) };
    assert!(program == READABLE.as_bytes() && data == folder, "{}", command.escape_ascii());
    assert!(listen.starts_with(b"127."), "{}", listen.escape_ascii());
    let mut told = vec![command.clone(), fs::read(process.join("environ")).expect("it is ours")];
    for thread in fs::read_dir(process.join("task")).expect("it runs") {
        let name = fs::read(thread.expect("a thread").path().join("comm"));
        told.push(name.unwrap_or_default());
    }
    for needle in keys.iter().chain(texts) {
        assert!(!told.iter().any(|told| needle.is_in(told)), "{needle:?} is in the list of processes");
    }
    let threads: Vec<_> = told[2..].iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let is_neutral = |name: &String| {
        ["tests-readable", "tokio-rt", "runtime", "rocksdb"].iter().any(|known| name.starts_with(known))
    };
    assert!(threads.iter().all(is_neutral), "{threads:?}");
}

/// A figure of `/proc/PID/status` (proc(5)), in KiB.
fn kib(node: &Node, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process())).expect("it runs");
    let figure =
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':')?.trim().strip_suffix(" kB"));
    figure.and_then(|figure| figure.trim().parse().ok()).expect("a figure of that name")
}

#[test]
fn the_keys_of_a_running_node_are_on_locked_pages_and_a_crash_writes_no_core() {
    let node = &Daemons::start(NODE, 1)[0];
    node.init();
    let Reply::Examined(examined) = node.done(Request::Examine) else { panic!("not examined") };
    assert_eq!(examined.unprotected, Vec::<String>::new());
    // One page holds the first 128 keys; where the system allows it, all memory is kept out of swap.
    let least = if examined.kept_in_memory { kib(node, "VmRSS") / 2 } else { 4 };
    assert!(kib(node, "VmLck") >= least, "{} KiB are locked", kib(node, "VmLck"));
    assert_eq!(kib(node, "VmSwap"), 0);
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.process())).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit of that name");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

fn told<'a>(found: impl IntoIterator<Item = (&'a String, &'a Found)>) -> String {
    found.into_iter().fold(String::new(), |mut told, (what, found)| {
        let _to_a_string = writeln!(told, "  {what}: {found:?}");
        told
    })
}

#[test]
fn after_a_lock_no_key_and_no_text_is_left_in_memory() {
    let mut nodes = Daemons::found(READABLE, 2);
    let other = nodes[1].status().call_sign.expect("a member has a call-sign");
    nodes[0].stop();
    let (keys, stays) = keys(nodes[0].folder());
    nodes[0].resume();
    use_it(&nodes[0], &other);
    let texts = texts();
    let look = || {
        let all = keys.iter().chain(&texts);
        scan(nodes[0].process(), &all.collect::<Vec<_>>()).expect("it lets itself be read")
    };

    // The scan finds what is there; otherwise the assertions below would prove nothing.
    let open = look();
    let values = format!("habeas 1 store values, {}", Table::Desk.label());
    for what in [&values, "author key", "reading key", "family names", "petnames"] {
        assert!(open.contains_key(what), "{what} is not found in an open node");
    }
    in_the_list_of_processes(&nodes[0], &keys, &texts);
    nodes[0].done(Request::Lock);
    let locked = look();
    assert!(locked.contains_key(&stays), "it goes on replicating");
    let left = locked.iter().filter(|(what, _)| **what != stays);
    assert_eq!(told(left), "", "left after a lock (open: {} kinds)", open.len());

    // The node is opened, read and locked once more.
    assert_eq!(
        nodes[0].refused(&Request::List { kind: RecordKind::Case, stage: None, page: Page::default() }).code,
        codes::LOCKED
    );
    nodes[0].unlock();
    read_it(&nodes[0], &other);
    nodes[0].done(Request::Lock);
    let locked = look();
    let left = locked.iter().filter(|(what, _)| **what != stays);
    assert_eq!(told(left), "", "left after a second lock");
}

/// An archive under way ends with the lock and leaves nothing. An archive that was being written went on after the
/// lock, to its end, with every name in memory and on the disk.
#[test]
fn an_archive_under_way_ends_with_the_lock_and_nothing_of_it_is_left() {
    let nodes = Daemons::found(READABLE, 1);
    let node = &nodes[0];
    node.done(Request::Import { file: many(), dry_run: false, known: Known::Refuse });
    let texts = texts();
    for percent in [0, 50] {
        let to = node.folder().with_extension("archive");
        let path = to.to_str().expect("UTF-8").to_owned();
        let archive = Request::Archive { to: path, language: Language::Uk, zone: None };
        let mut long = node.door().begin(&archive).expect("it tells how far it is");
        assert!(long.reaches(percent).expect("it answers"), "it was over at once");
        node.done(Request::Lock);
        let found = scan(node.process(), &texts.iter().collect::<Vec<_>>()).expect("it lets itself be read");
        assert_eq!(told(&found), "", "left after {percent} %");
        let (answer, _) = long.ended().expect("it ends");
        assert_eq!(answer.expect_err("it was ended").code, codes::LOCKED, "{percent} %");
        let beside = fs::read_dir(to.parent().expect("a folder")).expect("ours");
        let names = beside.map(|entry| entry.expect("ours").file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("archive")).collect();
        assert!(left.is_empty(), "{left:?}");
        node.unlock();
    }
}

/// Every program overwrites what it frees. The scans above read a program of the tests; the programs that people start
/// must have the same allocator.
#[test]
fn every_program_overwrites_what_it_frees() {
    for program in ["node/src/main.rs", "cli/src/main.rs", "tests/src/bin/tests-node.rs"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(program));
        let text = text.expect("the sources are here");
        let allocator = "#[global_allocator]\nstatic ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);\n";
        assert!(text.contains(allocator), "{program}");
    }
}
