//! Tests of the canary search: it finds what is in an unsealed store, and nothing in the sealed one.

use std::time::SystemTime;

use protocol::{
    app::control::Passphrase,
    bytes::seal::Entropy,
    store::{Batch, Row, Store, Table},
};
use rocksdb::{DB, DBRecoveryMode, WriteBatch};

use super::*;
use crate::{
    store::{Rocks, rocks::options},
    vault::{Cost, Vault},
};

/// Rows with each canary as prefix and as value, in a carrier table and a reader table.
fn rows() -> Vec<(Row, Vec<u8>)> {
    let place = |table| move |canary: &String| (Row::new(table, canary, 1), canary.clone().into_bytes());
    [Table::Control, Table::Desk]
        .into_iter()
        .flat_map(|table| canaries().iter().map(place(table)).collect::<Vec<_>>())
        .collect()
}

fn found_in(folder: &Path) -> Vec<(String, Vec<usize>)> {
    let canaries = canaries();
    let found = search(folder, &canaries).expect("a readable folder");
    canaries.into_iter().zip(found).collect()
}

#[test]
fn the_search_finds_every_canary_in_every_coding_where_nothing_is_sealed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let db = DB::open(&options(DBRecoveryMode::AbsoluteConsistency, true), folder.path()).expect("a new database");
    let mut batch = WriteBatch::default();
    for (number, canary) in canaries().iter().enumerate() {
        for (coding, form) in codings(canary).into_iter().enumerate() {
            // Numbered, since a table shortens a key by the prefix it shares with its neighbour.
            let place = [number as u8, coding as u8];
            batch.put([&place[..], &form, b" as a prefix"].concat(), [b"the value ", &form[..], b" of it"].concat());
            batch.put(place, form);
        }
    }
    db.write(batch).expect("a writable folder");
    // First in the log, then in a table.
    for place in ["log", "table"] {
        for (canary, found) in found_in(folder.path()) {
            assert!(found.iter().all(|times| *times >= 3), "{place}: {canary} found {found:?} times");
        }
        db.flush().expect("a writable folder");
    }
}

#[test]
fn the_search_looks_into_every_folder_and_at_every_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let canary = canaries().swap_remove(7);
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).expect("writable");
    fs::write(deep.join(&canary), &canary).expect("writable");
    std::os::unix::net::UnixListener::bind(deep.join("socket")).expect("writable");
    let found = search(folder.path(), &[canary]).expect("readable");
    assert_eq!(found, [[2, 0, 0, 0, 0, 0, 0, 0]]);
}

#[test]
fn no_canary_is_in_any_file_of_the_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut entropy = Entropy::new([5; 32]);
    let passphrase = Passphrase::new(canaries()[0].clone());
    let (_, keys) = Vault::create(&folder.path().join("vault"), &passphrase, Cost::FLOOR, &mut entropy).expect("new");
    let open = |seed| Rocks::open(&folder.path().join("store"), &keys, Entropy::new([seed; 32])).expect("ours");
    let nowhere = |when: &str| {
        assert!(files(folder.path()).expect("readable").len() > 5, "{when}: hardly a file was searched");
        for (canary, found) in found_in(folder.path()) {
            assert!(found.iter().all(|times| *times == 0), "{when}: {canary} found {found:?} times");
        }
    };

    let mut store = open(1);
    let mut batch = Batch::default();
    rows().into_iter().for_each(|(row, value)| batch.put(row, value));
    store.commit(&batch).expect("a sound store commits");
    nowhere("in the log");
    store.purge().expect("a sound store purges");
    nowhere("in a table");
    store.copy_to(&folder.path().join("copy")).expect("a new folder");
    nowhere("in a copy");
    for (row, value) in rows() {
        assert_eq!(store.get(&row).expect("a sound store answers"), Some(value), "what was searched for was there");
    }
    drop(store);
    drop(open(2));
    Vault::open(&folder.path().join("vault"), &passphrase, SystemTime::UNIX_EPOCH).expect("the right passphrase");
    nowhere("after a restart");
}
