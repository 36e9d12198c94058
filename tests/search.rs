//! A search: an image of a locked node in the hands of a person who has all the documents, all the source, and the keys
//! of one of the members.
//!
//! The list of findings is the one that README.md publishes under *What a search would find*. A change by which the
//! disk reveals more has to be described there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use node::store::canary::{files, rows};
use protocol::{
    app::control::{RecordKind, Request},
    bytes::seal::Entropy,
    membership::circle::Circle,
    store::Table,
};
use tests::{
    daemons::{Daemons, PASSPHRASE, eventually, fact, passphrase},
    evil::Member,
};

use crate::NODE;

/// The published findings: what the documented formats reveal without a key, and the words of README.md for it.
const PUBLISHED: [(Finding, &str); 6] = [
    (Finding::Habeas, "that this is a folder of Habeas"),
    (Finding::Size, "how large it is"),
    (Finding::Changed, "when it was last changed"),
    (Finding::Backup, "when it was last saved to a backup"),
    (Finding::Attempts, "how often and when a passphrase was last tried"),
    (Finding::Rows, "how many rows each of its tables has, how long they are, and which of them go together"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Habeas,
    Size,
    Changed,
    Backup,
    Attempts,
    Rows,
}

/// Searches every file of an image by its documented format; panics at a file that no document describes.
fn search(image: &Path) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    for path in files(image).expect("readable") {
        let name = path.strip_prefix(image).expect("below the image").to_str().expect("UTF-8").to_owned();
        let bytes = fs::read(&path).expect("readable");
        let metadata = path.metadata().expect("there");
        if metadata.len() > 0 {
            found.insert(Finding::Size);
        }
        if metadata.modified().is_ok() {
            found.insert(Finding::Changed);
        }
        match name.as_str() {
            "vault" | "vault.copy" | "root" => {
                assert!(bytes.starts_with(b"habeas") && is_noise(&bytes[32..]), "{name}");
                found.insert(Finding::Habeas);
            }
            "vault.attempts" | "backup.attempts" | "root.attempts" => {
                assert!(bytes.len() <= 16, "{name}");
                found.insert(Finding::Attempts);
            }
            "last-backup" => {
                assert!(bytes.len() <= 20, "{name}");
                found.insert(Finding::Backup);
            }
            "store/format" => {
                assert!(bytes.len() < 200, "{name}");
                found.insert(Finding::Habeas);
            }
            "store/lock" | "lock" | "vault.lock" | "store/identity" => assert!(bytes.len() < 32, "{name}"),
            // The file has two sealed marks, each on a page of its own.
            "store.acknowledged" => assert!(bytes.len() <= 8192, "{name}"),
            name if name.starts_with("store/rows/") => {}
            name => panic!("no document tells of {name}, {} bytes", bytes.len()),
        }
    }
    let rows = rows(&image.join("store")).expect("a store of RocksDB");
    let mut tables = BTreeMap::<u8, BTreeSet<Vec<u8>>>::new();
    for (key, value) in &rows {
        match &key[..] {
            [0xff, 0 | 1] => assert_eq!(value.len(), 32, "a check of a key"),
            [0xff, 2] => assert!(value.len() >= 40, "a sealed mark"),
            key => {
                assert!(key.len() == 25 && usize::from(key[0]) < Table::ALL.len(), "{key:?}");
                assert!(value.len() >= 40, "a nonce and a seal");
                tables.entry(key[0]).or_default().insert(key[1..17].to_vec());
            }
        }
    }
    let sealed: Vec<u8> = rows.iter().flat_map(|(_, value)| value.clone()).collect();
    assert!(is_noise(&sealed), "a value is not sealed");
    if tables.values().any(|groups| groups.len() > 1) {
        found.insert(Finding::Rows);
    }
    found
}

/// Whether bytes look like noise: each value is as frequent as any other, within a quarter of the mean.
fn is_noise(bytes: &[u8]) -> bool {
    if bytes.len() < 8192 {
        let longest = bytes.chunk_by(|a, b| a == b).map(<[u8]>::len).max().unwrap_or(0);
        let text = bytes.split(|byte| !byte.is_ascii_graphic() && *byte != b' ').map(<[u8]>::len).max();
        // The costs of slots begin with zeros; no run of letters is as long as a name.
        return longest < 16 && text.unwrap_or(0) < 24;
    }
    let mut counts = [0_usize; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let even = bytes.len() / 256;
    counts.iter().all(|count| count.abs_diff(even) * 4 < even.max(400))
}

/// The forms of some bytes that a search would look for.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    vec![bytes.to_vec(), data_encoding::HEXLOWER.encode(bytes).into_bytes(), data_encoding::BASE64.encode(bytes).into()]
}

#[test]
fn a_search_of_a_locked_node_finds_what_the_readme_says_and_nothing_else() {
    let mut entropy = Entropy::new([0x9c; 32]);
    let member = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(NODE, 2, &[&member]);
    for number in 0..40 {
        let facts =
            vec![fact("person_name.family_name", &format!("Invented {number}")), fact("person.ethnicity", "43")];
        nodes[0].save(Request::CaseNew { facts });
        nodes[0].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
    }
    let petname = "an invented petname";
    let other = nodes[1].status().call_sign.expect("it has one");
    nodes[0].done(Request::Name { organisation: other, petname: petname.into() });
    nodes.settle();
    drop(nodes[0].refused(&Request::Unlock { passphrase: passphrase("not this one") }));
    eventually("the wait after a wrong passphrase is over", || {
        nodes[0].ask(&Request::Unlock { passphrase: passphrase(PASSPHRASE) }).ok()
    });
    let folder = nodes[0].folder();
    let to = folder.with_extension("backup").to_str().expect("UTF-8").to_owned();
    nodes[0].done(Request::BackupCreate { to });

    // These are all the names of persons and things that a member or a document knows.
    let status = nodes[0].status();
    let members = &registry.founding.members;
    let mut names: Vec<(String, Vec<u8>)> = vec![
        ("the registry".into(), members.registry().0.to_vec()),
        ("the charter".into(), registry.founding.genesis.bytes()[..64].to_vec()),
        ("a petname".into(), petname.into()),
        ("the commons".into(), Circle::Commons.id(&members.registry()).0.to_vec()),
        ("a text".into(), b"Invented 7".to_vec()),
        ("an address".into(), nodes[1].listen().as_bytes().to_vec()),
    ];
    for (org, call_sign) in members.organisations() {
        names.push((format!("call-sign {call_sign}"), call_sign.into()));
        names.push((format!("organisation {call_sign}"), org.0.to_vec()));
        names.push((format!("root of {call_sign}"), members.roster(org).expect("a member").root_key().to_vec()));
        for device in members.devices(org) {
            names.push((format!("author of {call_sign}"), device.author.0.to_vec()));
            names.push((format!("desk of {call_sign}"), device.desk.0.to_vec()));
            names.push((format!("node of {call_sign}"), device.node.0.to_vec()));
            names.push((format!("reading key of {call_sign}"), device.reading.bytes()[..32].to_vec()));
        }
    }
    names.extend(status.circles.iter().map(|held| ("a circle".into(), held.circle.0.to_vec())));
    for kind in [RecordKind::Case, RecordKind::Docket] {
        for record in nodes[0].list(kind) {
            names.push(("a record".into(), record.record.0.to_vec()));
            names.push(("the words of a record".into(), record.pseudonym.into_bytes()));
        }
    }
    nodes[0].done(Request::Lock);

    // The image is what a copy of the disk holds while the node runs.
    let image = tempfile::tempdir().expect("a temporary folder");
    for file in files(folder).expect("readable") {
        let at = image.path().join(file.strip_prefix(folder).expect("below"));
        fs::create_dir_all(at.parent().expect("below")).expect("writable");
        fs::copy(&file, &at).expect("copied");
    }
    let texts: Vec<_> =
        files(image.path()).expect("readable").into_iter().map(|file| fs::read(file).expect("it")).collect();
    for (what, bytes) in &names {
        for form in forms(bytes) {
            let is_there = texts.iter().any(|text| text.windows(form.len()).any(|window| window == form));
            assert!(!is_there, "{what} is on the disk");
        }
    }
    let published: BTreeSet<_> = PUBLISHED.iter().map(|(finding, _)| *finding).collect();
    assert_eq!(search(image.path()), published);

    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("README.md");
    let section = readme.split("## What a search would find").nth(1).expect("the section").split("\n## ").next();
    let told = section.expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
    for (finding, words) in PUBLISHED {
        assert!(told.contains(words), "README.md does not say {words:?} ({finding:?})");
    }
}
