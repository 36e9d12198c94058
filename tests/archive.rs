//! The archive: everything readable is written, whole, to a folder that needs no program of ours; without the keys
//! nothing.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use node::archive::{Archive, Archived};
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

/// Reads an archive as a program does that knows JSON and nothing of Habeas: `archive.json`, then the lines of its files.
fn read(at: &Path) -> (Archive, Vec<Archived>) {
    let text = |name: &str| fs::read_to_string(at.join(name)).expect("written");
    let archive: Archive = serde_json::from_str(&text("archive.json")).expect("our own form");
    let files: Vec<_> = archive.files.iter().map(|part| text(&part.file)).collect();
    let lines = files.iter().flat_map(|file| file.lines());
    let records = lines.map(|line| serde_json::from_str(line).expect("our own form")).collect();
    (archive, records)
}

/// The size of all files in a folder and its folders.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("there").map(|entry| entry.expect("readable").path());
    entries.map(|path| if path.is_dir() { size(&path) } else { fs::metadata(&path).expect("there").len() }).sum()
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
        assert_eq!(bytes, size(&to));
        let (written, read) = read(&to);
        assert_eq!((written.schema, Some(written.head.registry)), (2, node.status().registry));
        assert_eq!((written.case_files, written.dockets), (cases, 2));
        let listed = [node.list(RecordKind::Case), node.list(RecordKind::Docket)].concat();
        assert_eq!(read.len(), listed.len());
        let first = fs::read_to_string(to.join("archive.html")).expect("written");
        for (number, (record, listed)) in (1..).zip(read.iter().zip(listed)) {
            let page = format!("records/0001/{number:06}.html");
            let html = fs::read_to_string(to.join(&page)).expect("written");
            assert!(first.contains(&format!("href=\"{page}\"")), "{page} is not in the list");
            let shown = node.show(&record.record);
            assert_eq!((&record.digest, record.kind, &record.stage), (&shown.digest, shown.kind, &shown.stage));
            assert_eq!(data_encoding::HEXLOWER.encode(&record.view.digest()), shown.digest, "the JSON is not the view");
            assert_eq!((record.record, &record.label), (listed.record, &listed.label));
            assert!(html.contains(&record.record.to_string()), "another's page");
            for cell in shown.entities.iter().flat_map(|entity| &entity.cells).flat_map(|cell| &cell.claims) {
                if let Some(text) = cell.value.as_str().filter(|text| text.contains("СИН")) {
                    assert!(html.contains(text), "{text}");
                }
            }
        }
    }
}

#[test]
fn what_is_asked_while_an_archive_is_written_is_answered_first_and_what_comes_later_is_not_in_it() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(240);
    let to = place(&nodes[0], "archive");
    let long = nodes[0].door().begin(&archive(&to)).expect("it tells how far it is");
    let told = long.told[0];
    assert!((told.unit, told.all) == (Unit::Written, 242) && told.done < 242, "{told:?}");
    // Meanwhile a question is answered and a case file is written.
    assert_eq!(nodes[0].status().cases, 240);
    let first = nodes[0].list(RecordKind::Docket)[0].record;
    let record = nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
    assert!(!to.exists(), "the archive was written before anything else was answered");
    let (reply, told) = long.ended().expect("it ends");
    assert!(matches!(reply, Ok(Reply::Archived { records: 242, .. })), "{reply:?}");
    let share: Vec<_> = told.iter().map(|told| (told.unit, told.done)).collect();
    assert!(told.len() > 3 && told.iter().all(|told| told.unit == Unit::Written), "{share:?}");
    let (_, read) = read(&to);
    let listed = [nodes[0].list(RecordKind::Case), nodes[0].list(RecordKind::Docket)].concat();
    let in_order: Vec<_> = read.iter().map(|record| record.record).collect();
    let before = listed.iter().map(|listed| listed.record).filter(|listed| *listed != record);
    assert_eq!(in_order, before.collect::<Vec<_>>());
    assert!(in_order.contains(&first));
}

#[test]
fn what_changes_while_an_archive_is_written_stands_in_it_as_it_was_when_it_was_read() {
    let nodes = Daemons::found(NODE, 1);
    nodes[0].import_many(240);
    let listed = nodes[0].list(RecordKind::Case);
    let before: Vec<_> = listed.iter().map(|listed| nodes[0].show(&listed.record).digest).collect();
    let to = place(&nodes[0], "archive");
    let long = nodes[0].door().begin(&archive(&to)).expect("it tells how far it is");
    // Some of these case files have been read by now and some have not.
    for number in [0, 60, 120, 180, 239] {
        let facts = vec![fact("person.phone", "+0 000 invented")];
        nodes[0].save(Request::Set { record: listed[number].record.to_string(), facts });
    }
    assert!(!to.exists(), "the archive was written before it could change");
    long.ended().expect("it ends").0.expect("an archive");
    let (written, read) = read(&to);
    assert_eq!(read.len(), 242);
    for ((record, listed), before) in read.iter().zip(&listed).zip(before) {
        let now = nodes[0].show(&listed.record).digest;
        assert!(record.record == listed.record && [before, now].contains(&record.digest), "neither before nor after");
        assert!(record.as_of >= written.head.as_of, "read before the archive was begun");
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
