//! The way out: everything readable, whole, in a folder that needs nothing of ours; and nothing where it may not be read.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use node::archive::Archive;
use protocol::{
    control::{Problem, RecordKind, Reply, Request},
    schema::Language,
};
use tests::daemons::{Daemons, Node};

use crate::NODE;

fn place(node: &Node, name: &str) -> PathBuf {
    node.folder().with_extension(name)
}

fn archive(to: &Path) -> Request {
    Request::Archive { to: to.to_str().expect("UTF-8").to_owned(), language: Language::En }
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
