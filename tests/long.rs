//! Long work reports its progress, and no other request waits for it.

use protocol::app::control::{
    Guest, Known, Problem, Progress, Readers, RecordKind, Reply, Request, SharePreview, Unit,
};
use tests::daemons::{Daemons, eventually, fact};

use crate::NODE;

/// The number of case files: enough that reading all of them takes a while on any machine.
const MANY: usize = 240;

/// Sends a long request that is interrupted by another one, for the peers; returns the answer and the progress reports.
fn interrupted(nodes: &Daemons, request: &Request) -> (Result<Reply, Problem>, Vec<Progress>) {
    let long = nodes[0].door().begin(request).expect("it tells how far it is");
    let first = long.told[0];
    assert!(first.unit == Unit::Records && first.done < first.all, "{first:?}");
    nodes[0].done(Request::Peers);
    let (reply, told) = long.ended().expect("it ends");
    assert!(told.len() > 1 && told.iter().map(|told| told.done).is_sorted(), "it was over at once: {told:?}");
    (reply, told)
}

#[test]
fn lists_and_figures_are_answered_from_the_catalogue_and_a_preview_goes_on_between_other_requests() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_many(MANY);
    let text = nodes[0].metrics();
    assert!(text.contains("habeas_conflicts "), "{text}");
    let labels: Vec<_> = nodes[0].list(RecordKind::Case).into_iter().filter_map(|record| record.label).collect();
    let in_order: Vec<_> = (0..MANY).map(|number| format!("MANY-{number}")).collect();
    assert_eq!(labels, in_order, "the list is in order of arrival, read page by page");
    let (reply, _) = interrupted(&nodes, &Request::SharePreview { records: vec![], with: Readers::Everyone });
    assert!(matches!(&reply, Ok(Reply::SharePreview(preview)) if preview.cases.len() == MANY), "{reply:?}");
}

#[test]
fn an_import_says_how_many_records_of_its_file_are_read_and_written() {
    let nodes = Daemons::found(NODE, 1);
    let request = Request::Import { file: tests::daemons::many(MANY), dry_run: true, known: Known::Refuse };
    let long = nodes[0].door().begin(&request).expect("it tells how far it is");
    let (reply, told) = long.ended().expect("it ends");
    assert!(matches!(&reply, Ok(Reply::Imported { records, entries: 0 }) if records.len() == MANY + 2), "{reply:?}");
    assert!(told.iter().all(|told| told.all == MANY as u64 + 2), "{told:?}");
    let read: Vec<_> = told.iter().take_while(|told| told.unit == Unit::Records).collect();
    let written = &told[read.len()..];
    assert!(!read.is_empty() && read.iter().map(|told| told.done).is_sorted(), "{told:?}");
    assert!(written.iter().all(|told| told.unit == Unit::Written), "{told:?}");
    assert!(written.iter().map(|told| told.done).is_sorted(), "{told:?}");
}

#[test]
fn a_share_of_many_case_files_goes_a_few_at_a_time_and_everything_arrives_once() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_many(MANY);
    let organisation = nodes[1].status().call_sign.expect("it has one");
    let with = Readers::Organisations(vec![Guest { organisation, country: Some("GE".into()) }]);
    let preview = Request::SharePreview { records: vec![], with: with.clone() };
    let Reply::SharePreview(SharePreview { seen, cases, .. }) = nodes[0].done(preview) else { panic!("no preview") };
    let going = cases.iter().filter(|case| !case.goes.is_empty()).count();
    assert!(going > MANY / 2, "{going} go");
    let waiting = || match nodes[0].done(Request::Shares) {
        Reply::Shares { shares } => shares.len(),
        other => panic!("no shares: {other:?}"),
    };
    nodes[0].done(Request::Share { records: vec![], with, seen, hold_s: 0 });
    assert_eq!(waiting(), 1, "all of it went before anybody else was answered");
    let own = nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
    eventually("all of it has gone", || (waiting() == 0).then_some(()));
    nodes.settle();
    let there = nodes[1].list(RecordKind::Case);
    assert_eq!(there.len(), going);
    assert!(nodes[0].list(RecordKind::Case).iter().any(|case| case.record == own && case.parts.is_empty()));
}
