//! A seized disk shows none of twenty canaries, wherever they were typed, in any file, in any form.

use std::path::Path;

use node::store::canary::{canaries, files, search};
use protocol::app::control::{Known, Reply, Request};
use tests::daemons::{Daemons, fact, passphrase, sample};

use crate::NODE;

/// The fields that hold what a person types: names, contacts, notes, accounts.
const FIELDS: [&str; 13] = [
    "person_name.full_name",
    "person_name.family_name",
    "person.phone",
    "person.address",
    "person.birth_place",
    "contact.name",
    "contact.note",
    "contact.code_word",
    "identity_document.kind",
    "captivity_episode.treatment_note",
    "interrogation.content",
    "risk_assessment.threat",
    "service_record.unit",
];

/// Asserts that a canary is nowhere: in no file below `folder`.
pub(crate) fn nowhere(folder: &Path, canaries: &[String], when: &str) {
    assert!(files(folder).expect("readable").len() > 8, "{when}: hardly a file was searched");
    for (canary, found) in canaries.iter().zip(search(folder, canaries).expect("readable")) {
        assert!(found.iter().all(|times| *times == 0), "{when}: {canary} found {found:?} times");
    }
}

#[test]
fn nothing_typed_is_in_any_file_of_any_node_nor_in_its_log_nor_in_a_backup() {
    let words = canaries();
    let [device, root, label, reporter, name, docket, petname] = &words[FIELDS.len()..] else {
        panic!("twenty in all")
    };
    let mut nodes = Daemons::start(NODE, 2);
    let root_passphrase = || passphrase(root);
    for node in nodes.iter() {
        let made =
            Request::Init { passphrase: passphrase(device), root_passphrase: Some(root_passphrase()), demo: true };
        node.done(made);
    }
    let cards = nodes.iter().map(|node| {
        node.file(Request::Card { addresses: vec![node.listen().to_owned()], root_passphrase: root_passphrase() })
    });
    let draft = nodes[0].file(Request::Found { cards: cards.collect() });
    let sign = |node: &tests::daemons::Node| {
        node.file(Request::Sign { draft: draft.clone(), root_passphrase: root_passphrase() })
    };
    let signatures = nodes.iter().map(sign).collect();
    let registry =
        nodes[0].file(Request::Complete { draft: draft.clone(), signatures, root_passphrase: root_passphrase() });
    nodes.iter().for_each(|node| drop(node.done(Request::Join { registry: registry.clone() })));
    nodes.settle();

    let organisation = nodes[1].status().call_sign.expect("it has one");
    nodes[0].done(Request::Name { organisation, petname: petname.clone() });
    // The canaries are typed, imported, corrected, refused, and shown: all that a node does with a text.
    let facts = |words: &[String]| FIELDS.iter().zip(words).map(|(field, word)| fact(field, word)).collect();
    let record = nodes[0].save(Request::CaseNew { facts: facts(&words) });
    let file = sample()
        .replace("\"SYN-01\"", &format!("\"{label}\""))
        .replace("org:alpha", reporter)
        .replace("СИН Берёзкин Тест Примерович", name);
    for word in [label, reporter, name] {
        assert!(file.contains(word.as_str()), "{word}");
    }
    let Reply::Imported { records, .. } = nodes[0].done(Request::Import { file, dry_run: false, known: Known::Refuse })
    else {
        panic!("not imported")
    };
    assert_eq!(records[0].label, *label);
    let quote = vec![fact("docket_source.type", "court_card"), fact("docket_argument.court_wording", docket)];
    let public = nodes[0].save(Request::DocketNew { facts: quote });
    nodes.settle();
    let shown = [nodes[0].show(&record), nodes[0].show(&records[0].record), nodes[1].show(&public)];
    let shown = serde_json::to_string(&(shown, nodes[0].status())).expect("records are JSON");
    for word in words.iter().filter(|word| ![device, root, label].contains(word)) {
        assert!(shown.contains(word.as_str()), "{word} was never stored");
    }
    let mistyped = Request::Set { record: record.to_string(), facts: vec![fact("service_record.category", name)] };
    drop(nodes[0].refused(&mistyped));
    drop(nodes[0].refused(&Request::Import {
        file: format!("{{\"cases\": [{{\"{name}\": "),
        dry_run: false,
        known: Known::Refuse,
    }));
    drop(nodes[1].refused(&Request::Unlock { passphrase: passphrase(&format!("{device} wrong")) }));

    let all = nodes[0].folder().parent().expect("the folder of all of them").to_owned();
    nowhere(&all, &words, "while both run");
    let to = all.join("backup").to_str().expect("UTF-8").to_owned();
    nodes[0].done(Request::BackupCreate { to });
    nowhere(&all, &words, "with a backup");
    nodes[0].done(Request::Lock);
    nowhere(&all, &words, "locked");
    nodes[0].kill();
    nodes[1].stop();
    nowhere(&all, &words, "after a kill and a stop");
    nodes[0].start();
    nodes[0].done(Request::Unlock { passphrase: passphrase(device) });
    nowhere(&all, &words, "after a recovery");
}
