//! Lists between real processes: pages that miss nothing, stages, searches, names by their first words, and a catalogue
//! that outlives a lock, a kill and a wide gap in the numbers.

use std::collections::BTreeSet;

use protocol::{
    app::control::{Page, Question, RecordKind, Reply, Request, Summary, codes},
    bytes::ids::SectionId,
};
use tests::daemons::{Daemons, Node, eventually, fact};

use crate::NODE;

/// More case files than the node puts on one page.
const MANY: usize = 540;

/// One page of a list: its records, where the next begins, and the number of all.
fn page(node: &Node, stage: Option<&str>, page: Page) -> (Vec<Summary>, Option<u64>, u64) {
    match node.done(Request::List { kind: RecordKind::Case, stage: stage.map(str::to_owned), page }) {
        Reply::Records { records, all, next, .. } => (records, next, all),
        other => panic!("no list: {other:?}"),
    }
}

/// All pages of a list.
fn pages(node: &Node, stage: Option<&str>, limit: Option<u64>) -> Vec<Summary> {
    let (mut whole, mut after) = (Vec::new(), None);
    loop {
        let (records, next, all) = page(node, stage, Page { limit, after });
        whole.extend(records);
        after = next;
        if after.is_none() {
            assert_eq!(whole.len() as u64, all, "the number of all is true");
            return whole;
        }
    }
}

fn records(list: &[Summary]) -> BTreeSet<SectionId> {
    list.iter().map(|summary| summary.record).collect()
}

#[test]
fn pages_and_stages_miss_no_case_file_and_show_none_twice() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(MANY);
    let oldest_first = nodes[0].list(RecordKind::Case);
    assert_eq!(oldest_first.len(), MANY);
    let (first, next, all) = page(&nodes[0], None, Page::default());
    assert!(first.len() < MANY && next.is_some() && all == MANY as u64, "a page has a limit of its own");
    assert_eq!(page(&nodes[0], None, Page { limit: Some(u64::MAX), after: None }).0.len(), first.len());
    assert_eq!(page(&nodes[0], None, Page { limit: Some(0), after: None }).0.len(), 1);
    for limit in [None, Some(7), Some(500)] {
        let whole = pages(&nodes[0], None, limit);
        let reversed: Vec<_> = oldest_first.iter().rev().map(|summary| summary.record).collect();
        assert_eq!(whole.iter().map(|summary| summary.record).collect::<Vec<_>>(), reversed, "limit {limit:?}");
    }
    // The stages part the list: each case file is at exactly one.
    let stages: BTreeSet<&str> = oldest_first.iter().map(|summary| summary.stage.as_str()).collect();
    let mut parted = 0;
    for stage in &stages {
        let at_stage = pages(&nodes[0], Some(stage), Some(11));
        assert!(at_stage.iter().all(|summary| summary.stage == *stage));
        parted += records(&at_stage).len();
    }
    assert!(stages.len() > 3 && parted == MANY, "{stages:?}: {parted}");
    assert!(pages(&nodes[0], Some("99-released"), None).iter().all(|summary| summary.stage == "99-released"));
    let unknown = Request::List { kind: RecordKind::Case, stage: Some("60-trail".into()), page: Page::default() };
    let problem = nodes[0].refused(&unknown);
    assert!(problem.code == codes::UNKNOWN_CODE && problem.message.contains("60-trial"), "{problem:?}");
    // No line comes after the oldest, nor before all numbers.
    assert!(page(&nodes[0], None, Page { limit: None, after: Some(0) }).0.is_empty());
    assert_eq!(page(&nodes[0], None, Page { limit: Some(1), after: Some(u64::MAX) }).0, first[..1]);
}

#[test]
fn a_list_is_true_after_a_change_a_lock_and_a_kill() {
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].import_sample();
    let case = nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
    let before = nodes[0].list(RecordKind::Case);
    let verdict = [("procedural_event.type", "verdict"), ("procedural_event.date", "2026-11-01")];
    let facts = verdict.map(|(field, value)| fact(field, value)).to_vec();
    nodes[0].save(Request::Set { record: case.to_string(), facts });
    // What a person did a moment ago is in the list at once, under its new stage and not under the old one.
    let shown = nodes[0].show(&case);
    let at_stage = |nodes: &Daemons, stage: &str| records(&pages(&nodes[0], Some(stage), None)).contains(&case);
    let old = before.iter().find(|summary| summary.record == case).expect("it is listed").stage.clone();
    assert!(shown.stage != old && at_stage(&nodes, &shown.stage) && !at_stage(&nodes, &old), "{old} {}", shown.stage);
    let list = nodes[0].list(RecordKind::Case);
    assert_eq!(records(&list), records(&before));

    nodes[0].done(Request::Lock);
    let locked = Request::List { kind: RecordKind::Case, stage: None, page: Page::default() };
    assert_eq!(nodes[0].refused(&locked).code, codes::LOCKED);
    nodes[0].unlock();
    assert_eq!(nodes[0].list(RecordKind::Case), list);
    nodes[0].kill();
    nodes[0].start();
    nodes[0].unlock();
    assert_eq!(nodes[0].list(RecordKind::Case), list);
}

#[test]
fn a_search_counts_all_dockets_that_answer_and_shows_them_page_by_page() {
    let nodes = Daemons::found(NODE, 2);
    for number in 0..9 {
        let (article, response) =
            (if number % 3 == 0 { "RU-CC-275" } else { "RU-CC-352.1" }, ["accepted", "ignored"][number % 2]);
        let facts = [
            ("docket_source.type", "court_card"),
            ("docket_charge.code", article),
            ("docket_argument.code", "ARG-ORDER"),
            ("docket_argument.response", response),
        ];
        let graded = |(field, value)| protocol::app::control::Fact { grade: Some("A2".into()), ..fact(field, value) };
        nodes[0].save(Request::DocketNew { facts: facts.map(graded).to_vec() });
    }
    let ask = |question: &Question, page: Page| match nodes[1].done(Request::Ask { question: question.clone(), page }) {
        Reply::Precedents { found, all, next, asked, .. } => (found, all, next, asked),
        other => panic!("no answer: {other:?}"),
    };
    let article = Question { article: Some("352.1".into()), ..Question::default() };
    eventually("all are at the second", || (ask(&article, Page::default()).3 == 9).then_some(()));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (part, all, next, _) = ask(&article, Page { limit: Some(4), after });
        assert!(part.len() <= 4 && all == Some(6), "{all:?}");
        found.extend(part.into_iter().map(|precedent| precedent.summary.record));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (6, 6));
    let number = |question| ask(&question, Page::default()).1;
    let response = |code: &str| Some(code.to_owned());
    assert_eq!(number(Question { response: response("accepted"), ..Question::default() }), Some(5));
    assert_eq!(
        number(Question { response: response("accepted"), argument: Some("ARG-ORDER".into()), ..article }),
        Some(3)
    );
    assert_eq!(number(Question { response: response("rej_formal"), ..Question::default() }), Some(0));
}

#[test]
fn two_words_of_a_name_are_enough_among_many_and_one_is_not() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(MANY);
    let listed = nodes[0].list(RecordKind::Case);
    for summary in listed.iter().step_by(90) {
        let words: Vec<&str> = summary.pseudonym.split(' ').collect();
        let same = listed.iter().filter(|other| other.pseudonym.starts_with(&format!("{} {} ", words[0], words[1])));
        let asked = Request::Show { record: words[..2].join("-") };
        match same.count() {
            1 => match nodes[0].done(asked) {
                Reply::Record(record) => assert_eq!(record.record, summary.record),
                other => panic!("no record: {other:?}"),
            },
            _ => assert_eq!(nodes[0].refused(&asked).code, codes::NO_RECORD),
        }
        assert_eq!(nodes[0].refused(&Request::Show { record: words[0].to_owned() }).code, codes::NO_RECORD);
    }
}
