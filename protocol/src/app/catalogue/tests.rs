//! Tests of the catalogue: pages, counts, codes, and due sections that outlive a crash.

use std::collections::BTreeSet;

use super::*;
use crate::{
    app::{
        control::Question,
        question::{Answers, Sought},
    },
    bytes::ids::OrgId,
    record::{
        docket::Docket,
        section::sample::{says, view},
    },
    store::{Batch, Memory},
};

const CIRCLE: CircleId = CircleId([1; 16]);

fn at(number: u64) -> SectionKey {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    (CIRCLE, SectionId(id))
}

fn line_of(number: u64, stage: &str) -> Line {
    Line {
        circle: CIRCLE,
        section: at(number).1,
        origin: Origin::Commons,
        stage: stage.to_owned(),
        conflicts: 1,
        changed: number,
        label: None,
        copies: vec![],
        followed: Followed::default(),
        answers: None,
        is_large: false,
    }
}

fn put(store: &mut Memory, number: u64, line: Option<&Line>) {
    let mut staged = Staged::new(store);
    replace(&mut staged, RecordKind::Docket, &at(number), line).expect("memory");
    let batch = staged.into_batch();
    store.commit(&batch).expect("memory");
    assert_eq!(line_at(store, RecordKind::Docket, &at(number)).expect("memory").as_ref(), line);
}

fn numbers(store: &Memory, after: Option<u64>, limit: usize) -> Vec<u64> {
    let page = page(store, RecordKind::Docket, after, limit).expect("memory");
    page.into_iter().map(|(number, _)| number).collect()
}

fn found(store: &Memory, code: &str) -> Vec<u64> {
    let filter = Filter { codes: vec![code.to_owned()], instead: None };
    let mut found = Vec::new();
    filter
        .visit::<StoreError>(store, RecordKind::Docket, None, |number| {
            found.push(number);
            Ok(true)
        })
        .expect("memory");
    assert_eq!(filter.count(store, RecordKind::Docket).expect("memory"), found.len() as u64);
    found
}

#[test]
fn pages_begin_with_the_newest_and_have_no_line_twice_when_others_come_or_go() {
    let mut store = Memory::default();
    for number in 0..10 {
        put(&mut store, number, Some(&line_of(number, "60-trial")));
    }
    assert_eq!(numbers(&store, None, 4), [9, 8, 7, 6]);
    // One more arrives, and the line at which the page ended goes.
    put(&mut store, 10, Some(&line_of(10, "60-trial")));
    put(&mut store, 6, None);
    assert_eq!(numbers(&store, Some(6), 4), [5, 4, 3, 2]);
    assert_eq!(numbers(&store, Some(2), 4), [1, 0]);
    assert!(numbers(&store, Some(0), 4).is_empty());
    // A record that is shown again has its number again.
    put(&mut store, 6, Some(&line_of(6, "60-trial")));
    assert_eq!(numbers(&store, None, 20), (0..=10).rev().collect::<Vec<_>>());
    let other = page(&store, RecordKind::Case, None, 4).expect("memory");
    assert!(other.is_empty(), "case files and dockets are apart");
}

#[test]
fn counts_and_codes_are_those_of_the_lines_whatever_was_replaced() {
    let mut store = Memory::default();
    // More lines than one row of codes holds.
    for number in 0..1030 {
        put(&mut store, number, Some(&line_of(number, if number % 2 == 0 { "60-trial" } else { "65-verdict" })));
    }
    let of = |stage: &str| stage_code(stage);
    assert_eq!(found(&store, &of("60-trial")).len(), 515);
    assert_eq!(found(&store, &of("65-verdict"))[..2], [1029, 1027]);
    put(&mut store, 1025, Some(&Line { conflicts: 5, ..line_of(1025, "60-trial") }));
    put(&mut store, 0, None);
    assert_eq!(found(&store, &of("60-trial")).len(), 515);
    assert_eq!(found(&store, &of("60-trial"))[..2], [1028, 1026]);
    assert!(!found(&store, &of("65-verdict")).contains(&1025) && !found(&store, &of("60-trial")).contains(&0));
    let counted = counts(&store, RecordKind::Docket).expect("memory");
    assert_eq!((counted.lines, counted.conflicts), (1029, 1029 + 4));
    // Of two codes, only lines with both; and the one that stands for them.
    let both = Filter { codes: vec![of("60-trial"), of("65-verdict")], instead: Some(of("65-verdict")) };
    assert_eq!(both.count(&store, RecordKind::Docket).expect("memory"), 514);
    put(&mut store, 3, Some(&line_of(3, "65-verdict")));
    assert_eq!(counts(&store, RecordKind::Docket).expect("memory").lines, 1029, "replaced by itself");
}

#[test]
fn own_case_files_that_others_withdrew_are_listed_until_the_own_circle_answers() {
    let mut store = Memory::default();
    let followed =
        |at_home, others: &[u8]| Followed { at_home, others: others.iter().map(|byte| OrgId([*byte; 32])).collect() };
    let check = |store: &mut Memory, followed: Followed, expected: usize| {
        let line = Line { origin: Origin::Own, followed, ..line_of(1, "60-trial") };
        let mut staged = Staged::new(store);
        replace(&mut staged, RecordKind::Case, &at(1), Some(&line)).expect("memory");
        let batch = staged.into_batch();
        store.commit(&batch).expect("memory");
        assert_eq!(withdrawn(store).expect("memory").len(), expected, "{:?}", line.followed);
    };
    for (state, expected) in [
        (followed(false, &[]), 0),
        (followed(false, &[1]), 1),
        (followed(false, &[1, 2]), 1),
        (followed(true, &[1]), 0),
        (followed(false, &[1]), 1),
        (followed(false, &[]), 0),
    ] {
        check(&mut store, state, expected);
    }
    let news = |before: &Followed, now: &Followed| now.is_news(before);
    assert!(news(&followed(false, &[]), &followed(true, &[])) && news(&followed(false, &[1]), &followed(true, &[1])));
    assert!(news(&followed(false, &[]), &followed(false, &[1])) && news(&followed(true, &[1]), &followed(false, &[1])));
    assert!(news(&followed(false, &[1]), &followed(false, &[1, 2])));
    assert!(!news(&followed(true, &[]), &followed(true, &[1])) && !news(&followed(false, &[1]), &followed(false, &[])));
    assert!(!news(&followed(false, &[1]), &followed(false, &[1])));
}

#[test]
fn due_sections_outlive_a_crash_and_those_of_the_own_circle_come_first() {
    let (own, other) = (CIRCLE, CircleId([2; 16]));
    let mut store = Memory::default();
    Due::load(&mut store, &own, &[own, other]).expect("memory");
    let mut batch = Batch::default();
    for (arrival, circle) in [(5, other), (6, own), (7, other)] {
        mark(arrival, &(circle, at(arrival).1), &mut batch);
    }
    store.commit(&batch).expect("memory");
    let mut due = Due::load(&mut store, &own, &[own, other]).expect("memory");
    // The first load made the lines of every circle due, since no version had made them.
    assert_eq!((due.len(), due.circle()), (3, Some((own, 0))));
    let taken = due.take(2);
    assert_eq!(taken.iter().map(|(arrival, _)| *arrival).collect::<Vec<_>>(), [6, 5]);
    let mut batch = Batch::default();
    taken.iter().for_each(|(arrival, _)| unmark(*arrival, &mut batch));
    due.reached(&own, None, &mut batch);
    due.reached(&other, Some(77), &mut batch);
    store.commit(&batch).expect("memory");
    let mut due = Due::load(&mut store, &own, &[own, other]).expect("memory");
    assert_eq!((due.len(), due.circle()), (1, Some((other, 77))));
    due.reached(&other, None, &mut Batch::default());
    assert!(!due.is_empty());
    assert_eq!(due.take(9).len(), 1);
    assert!(due.is_empty());
    // Entries of a circle stop counting: its lines are made again from the start.
    let mut batch = Batch::default();
    again(&own, &mut batch);
    store.commit(&batch).expect("memory");
    assert_eq!(Due::load(&mut store, &own, &[own, other]).expect("memory").circle(), Some((own, 0)));
}

#[test]
fn a_docket_with_too_much_for_a_line_is_found_by_every_question() {
    let docket = |arguments: u8| {
        let argument = |number: u8| says(number, "docket_argument.code", "ARG-ORDER");
        Answers::of(&Docket::new(&view(&[(10..10 + arguments).map(argument).collect()])))
    };
    let small = Line { answers: Some(docket(3)), ..line_of(1, "60-trial") }.bounded();
    assert!(small.answers.is_some() && !small.is_large && !small.codes().contains(TOO_MANY));
    let many = Answers::many(&docket(3), 1000);
    let large = Line { answers: Some(many), ..line_of(1, "60-trial") }.bounded();
    assert!(large.answers.is_none() && large.is_large);
    assert_eq!(large.codes(), BTreeSet::from([TOO_MANY.to_owned(), stage_code("60-trial")]));
    assert!(codec::encode(&large).len() < ROW_BYTES);
    let (filter, _) = Sought::read(&Question::default()).expect("an empty question").filter();
    assert_eq!(filter.instead.as_deref(), Some(TOO_MANY));
}
