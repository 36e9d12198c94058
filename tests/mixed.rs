//! Files of two foundings that were mixed up, and words typed wrong: what does not belong together is refused in plain
//! words, and nothing of it is kept.

use protocol::app::control::{Known, NodeState, Problem, RecordKind, Reply, Request, codes};
use tests::daemons::{Daemons, Node, ROOT_PASSPHRASE, passphrase, sample};

use crate::NODE;

fn complete(draft: &str, signatures: &[&str]) -> Request {
    let signatures = signatures.iter().map(|&text| text.to_owned()).collect();
    Request::Complete { draft: draft.to_owned(), signatures, root_passphrase: passphrase(ROOT_PASSPHRASE) }
}

fn words_of(node: &Node, cards: &[&str]) -> (String, String) {
    let cards = cards.iter().map(|&text| text.to_owned()).collect();
    match node.done(Request::Found { cards }) {
        Reply::File { text, words, .. } => (text, words),
        other => panic!("no draft: {other:?}"),
    }
}

#[test]
fn a_signature_of_another_draft_is_told_by_the_words_of_both() {
    let nodes = Daemons::start(NODE, 2);
    for node in nodes.iter() {
        node.init();
    }
    let cards = [nodes[0].card(), nodes[1].card()];
    let cards: Vec<_> = cards.iter().map(String::as_str).collect();
    // The same founders drafted twice, because their messages crossed.
    let [(first, first_words), (second, second_words)] = [words_of(&nodes[0], &cards), words_of(&nodes[0], &cards)];
    assert_ne!(first_words, second_words);
    let (ours, theirs) = (nodes[0].sign(&first), nodes[1].sign(&second));
    let Problem { code, situation, message, .. } = nodes[0].refused(&complete(&first, &[&ours, &theirs]));
    assert_eq!(code, codes::MIXED, "{message}");
    let params = serde_json::to_value(situation.expect("what it is about").params).expect("texts");
    assert_eq!(params, serde_json::json!({ "ours": first_words, "theirs": second_words }));
    // A draft or a signature in the place of another file is recognised by its kind.
    for request in [complete(&ours, &[&first]), complete(&first, &[&second]), Request::Join { registry: first.clone() }]
    {
        assert_eq!(nodes[0].refused(&request).code, codes::FILE_KIND);
    }
    assert_eq!(nodes[0].status().state, NodeState::Alone, "nothing of it was kept");
    // The files that belong together are still accepted.
    let registry = nodes[0].file(complete(&first, &[&ours, &nodes[1].sign(&first)]));
    nodes[0].done(Request::Join { registry });
    assert_eq!(nodes[0].status().registry_words, Some(first_words));
}

#[test]
fn a_folder_takes_no_file_of_another_registry() {
    let ours = Daemons::found(NODE, 1);
    let (theirs, registry) = Daemons::found_with(NODE, 1, &[]);
    let before = ours[0].status().registry;
    assert_eq!(ours[0].refused(&Request::Join { registry: registry.text.clone() }).code, codes::JOINED);
    let fresh = Daemons::start(NODE, 1);
    fresh[0].init();
    assert_eq!(fresh[0].refused(&Request::Join { registry: registry.text }).code, codes::NOT_FOR_US);
    assert_eq!((ours[0].status().registry, fresh[0].status().state), (before, NodeState::Alone));
    drop(theirs);
}

/// Words of a record that were typed wrong lead to no record. Of six words the last is a check: with one word wrong,
/// two exchanged or one left out, they never name another record.
#[test]
fn words_of_a_record_that_were_typed_wrong_lead_to_no_record() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].done(Request::Import { file: sample(), dry_run: false, known: Known::Refuse });
    let listed = nodes[0].list(RecordKind::Case);
    let right = &listed[0].pseudonym;
    let record = |words: &str| match nodes[0].ask(&Request::Show { record: words.to_owned() }) {
        Ok(Reply::Record(record)) => Ok(record.record),
        Ok(other) => panic!("no record: {other:?}"),
        Err(problem) => Err(problem.code),
    };
    assert_eq!(record(right), Ok(listed[0].record));
    let words: Vec<_> = right.split(' ').collect();
    for at in 0..words.len() {
        let mut wrong = words.clone();
        wrong[at] = if words[at] == "zoo" { "abandon" } else { "zoo" };
        assert_eq!(record(&wrong.join(" ")), Err(codes::NO_RECORD.to_owned()), "{wrong:?}");
        let mut crossed = words.clone();
        crossed.swap(at, (at + 1) % words.len());
        if crossed != words {
            assert_eq!(record(&crossed.join(" ")), Err(codes::NO_RECORD.to_owned()), "{crossed:?}");
        }
    }
}
