//! Nothing that was stored can be read in the folder: canaries go in, every file is searched, none may be found.
//!
//! A search that finds nothing proves nothing, so the searcher first shows that it finds each canary in each coding when
//! the same rows go to RocksDB unsealed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use protocol::{
    control::Passphrase,
    seal::Entropy,
    store::{Batch, Row, Store, Table},
};
use rocksdb::{DB, DBRecoveryMode, WriteBatch};

use super::{Rocks, rocks::options};
use crate::vault::{Cost, Vault};

/// Twenty invented strings, in three scripts.
fn canaries() -> Vec<String> {
    ["canary yellow finch", "канарейка жёлтая", "канарка жовта співоча", "KANARIE-2034-0017"]
        .iter()
        .flat_map(|word| (0..5).map(move |number| format!("{word} {number}")))
        .collect()
}

/// The forms a string may hide in.
fn codings(canary: &str) -> Vec<Vec<u8>> {
    let bytes = canary.as_bytes();
    let utf16 = |order: fn(u16) -> [u8; 2]| canary.encode_utf16().flat_map(order).collect();
    let mut forms = vec![
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        HEXUPPER.encode(bytes).into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ];
    // Base64 of a longer text shows the string at one of three offsets, but for the characters it shares with neighbours.
    forms.extend((0..3).map(|offset| {
        let text = BASE64.encode(&[&vec![0; offset], bytes].concat());
        text.as_bytes()[if offset == 0 { 0 } else { 4 }..text.len() - 4].to_vec()
    }));
    forms
}

/// How often each canary is found in the files under `folder`, by coding.
fn search(folder: &Path) -> Vec<Vec<usize>> {
    let files: Vec<Vec<u8>> = files(folder).iter().map(|file| fs::read(file).expect("a readable file")).collect();
    let count = |form: &[u8]| {
        files.iter().map(|file| file.windows(form.len()).filter(|window| *window == form).count()).sum::<usize>()
    };
    canaries().iter().map(|canary| codings(canary).iter().map(|form| count(form)).collect()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Each canary as prefix and as value, in a carrier and in a reader table.
fn rows() -> Vec<(Row, Vec<u8>)> {
    let place = |table| move |canary: &String| (Row::new(table, canary, 1), canary.clone().into_bytes());
    [Table::Control, Table::Desk]
        .into_iter()
        .flat_map(|table| canaries().iter().map(place(table)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn the_search_finds_every_canary_in_every_coding_where_nothing_is_sealed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let db = DB::open(&options(DBRecoveryMode::AbsoluteConsistency, true), folder.path()).expect("a new database");
    let mut batch = WriteBatch::default();
    for (number, canary) in canaries().iter().enumerate() {
        for (coding, form) in codings(canary).into_iter().enumerate() {
            // Numbered, since a table shortens a key against its neighbour.
            let place = [number as u8, coding as u8];
            batch.put([&place[..], &form, b" as a prefix"].concat(), [b"the value ", &form[..], b" of it"].concat());
            batch.put(place, form);
        }
    }
    db.write(batch).expect("a writable folder");
    // In the log first, then in a table.
    for place in ["log", "table"] {
        for (canary, found) in canaries().iter().zip(search(folder.path())) {
            assert!(found.iter().all(|times| *times >= 3), "{place}: {canary} found {found:?} times");
        }
        db.flush().expect("a writable folder");
    }
}

#[test]
fn no_canary_is_in_any_file_of_the_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut entropy = Entropy::new([5; 32]);
    let passphrase = Passphrase::new(canaries()[0].clone());
    let (_, keys) = Vault::create(&folder.path().join("vault"), &passphrase, Cost::FLOOR, &mut entropy).expect("new");
    let open = |seed| Rocks::open(&folder.path().join("store"), &keys, Entropy::new([seed; 32])).expect("ours");
    let nowhere = |when: &str| {
        assert!(files(folder.path()).len() > 5, "{when}: hardly a file was searched");
        for (canary, found) in canaries().iter().zip(search(folder.path())) {
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
