//! The archive: everything readable is written, whole, to a folder that needs no program of ours; without the keys
//! nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use node::archive::Archive;
use protocol::{
    app::control::{Problem, RecordKind, Reply, Request, Unit},
    record::schema::Language,
};
use tests::daemons::{Daemons, Node, fact};

use crate::NODE;

fn place(node: &Node, name: &str) -> PathBuf {
    node.folder().with_extension(name)
}

fn archive(to: &Path) -> Request {
    Request::Archive { to: to.to_str().expect("UTF-8").to_owned(), language: Language::En, zone: Some("UTC".into()) }
}

fn refuses(node: &Node, to: &Path, code: &str) {
    let Problem { code: found, next, .. } = node.refused(&archive(to));
    assert!(found == code && !next.is_empty(), "{found}: {next}");
}

#[test]
fn an_archive_holds_every_record_that_the_node_shows_with_its_digest() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    nodes.settle();
    nodes.agree();
    for (node, cases) in [(&nodes[0], 12), (&nodes[1], 0)] {
        let to = place(node, "archive");
        let Reply::Archived { records, bytes, unread } = node.done(archive(&to)) else { panic!("no archive") };
        assert_eq!((records, unread), (cases + 2, 0));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!([mode(&to), mode(&to.join("archive.json")), mode(&to.join("archive.html"))], [0o700, 0o600, 0o600]);
        let json = fs::read(to.join("archive.json")).expect("written");
        let html = fs::read_to_string(to.join("archive.html")).expect("written");
        assert_eq!(bytes, (json.len() + html.len()) as u64);
        let written: Archive = serde_json::from_slice(&json).expect("our own form");
        assert_eq!((written.schema, Some(written.registry)), (1, node.status().registry));
        let listed = [node.list(RecordKind::Case), node.list(RecordKind::Docket)].concat();
        assert_eq!(written.records.len(), listed.len());
        for (record, listed) in written.records.iter().zip(listed) {
            let shown = node.show(&record.record);
            assert_eq!((&record.digest, record.kind, &record.stage), (&shown.digest, shown.kind, &shown.stage));
            assert_eq!(data_encoding::HEXLOWER.encode(&record.view.digest()), shown.digest, "the JSON is not the view");
            assert_eq!((record.record, &record.label), (listed.record, &listed.label));
            assert!(html.contains(&format!("<article id=\"{}\">", record.record)), "not on the page");
            for cell in shown.entities.iter().flat_map(|entity| &entity.cells).flat_map(|cell| &cell.claims) {
                if let Some(text) = cell.value.as_str().filter(|text| text.contains("СИН")) {
                    assert!(html.contains(text), "{text}");
                }
            }
        }
    }
}

#[test]
fn what_is_asked_while_an_archive_is_gathered_is_answered_first_and_stands_in_it() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(240);
    let to = place(&nodes[0], "archive");
    let long = nodes[0].door().begin(&archive(&to)).expect("it tells how far it is");
    let told = long.told[0];
    assert!((told.unit, told.all) == (Unit::Records, 242) && told.done < 242, "{told:?}");
    // Meanwhile a question is answered and a case file is written; the case files read before that are read again.
    assert_eq!(nodes[0].status().cases, 240);
    let first = nodes[0].list(RecordKind::Docket)[0].record;
    let record = nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
    assert!(!to.exists(), "the archive was written before anything else was answered");
    let (reply, told) = long.ended().expect("it ends");
    assert!(matches!(reply, Ok(Reply::Archived { records: 243, .. })), "{reply:?}");
    let share: Vec<_> = told.iter().map(|told| (told.unit, told.done)).collect();
    assert!(told.len() > 3 && told.iter().any(|told| told.unit == Unit::Written), "{share:?}");
    let written: Archive = serde_json::from_slice(&fs::read(to.join("archive.json")).expect("there")).expect("JSON");
    let listed = [nodes[0].list(RecordKind::Case), nodes[0].list(RecordKind::Docket)].concat();
    let in_order: Vec<_> = written.records.iter().map(|record| record.record).collect();
    assert_eq!(in_order, listed.iter().map(|listed| listed.record).collect::<Vec<_>>());
    assert!(in_order.contains(&record) && in_order.contains(&first));
}

#[test]
fn what_changes_while_records_are_gone_through_is_looked_at_again() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(240);
    let listed = nodes[0].list(RecordKind::Case);
    let to = place(&nodes[0], "archive");
    let long = nodes[0].door().begin(&archive(&to)).expect("it tells how far it is");
    // Some of these case files have been read by now and some have not.
    for number in [0, 60, 120, 180, 239] {
        let facts = vec![fact("person.phone", "+0 000 invented")];
        nodes[0].save(Request::Set { record: listed[number].record.to_string(), facts });
    }
    assert!(!to.exists(), "the archive was written before it could change");
    long.ended().expect("it ends").0.expect("an archive");
    let written: Archive = serde_json::from_slice(&fs::read(to.join("archive.json")).expect("there")).expect("JSON");
    for (record, listed) in written.records.iter().zip(&listed) {
        assert_eq!((record.record, &record.digest), (listed.record, &nodes[0].show(&listed.record).digest));
    }
}

#[test]
fn an_archive_that_is_locked_away_in_the_middle_is_refused_and_nobody_else_waits() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(240);
    let to = place(&nodes[0], "archive");
    let long = nodes[0].door().begin(&archive(&to)).expect("it tells how far it is");
    nodes[0].done(Request::Lock);
    let (reply, _) = long.ended().expect("it ends");
    assert!(matches!(&reply, Err(problem) if problem.code == "HB1004"), "{reply:?}");
    assert!(!to.exists());
    // The client of this archive has gone: the archive ends, and the next one is made.
    nodes[0].unlock();
    drop(nodes[0].door().begin(&archive(&to)).expect("it tells how far it is"));
    nodes[0].done(archive(&place(&nodes[0], "next")));
    assert!(!to.exists(), "nobody waited for it");
}

#[test]
fn an_archive_is_refused_while_locked_or_closed_and_never_written_over_anything() {
    let mut nodes = Daemons::found(NODE, 1);
    nodes[0].import_sample();
    let to = place(&nodes[0], "archive");
    nodes[0].done(Request::Lock);
    refuses(&nodes[0], &to, "HB1004");
    nodes[0].stop();
    nodes[0].start();
    refuses(&nodes[0], &to, "HB1003");
    nodes[0].unlock();
    fs::create_dir(&to).and_then(|()| fs::write(to.join("letter"), "x")).expect("writable");
    refuses(&nodes[0], &to, "HB2009");
    assert_eq!(fs::read_dir(&to).expect("there").count(), 1);
    refuses(&nodes[0], &to.join("no/such"), "HB2010");
    let beside = fs::read_dir(to.parent().expect("a folder")).expect("there");
    let names: Vec<_> = beside.map(|entry| entry.expect("readable").file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{names:?}");
    nodes[0].done(archive(&place(&nodes[0], "new")));
}
