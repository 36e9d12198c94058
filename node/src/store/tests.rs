//! Tests of the disk store: the conformance suite, keys and locks, folders, copies. Damage is in its own file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    bytes::seal::{Entropy, Secret},
    store::{Batch, Row, Store, StoreError, Table, conformance::Bench},
};
use rocksdb::{DB, DBRecoveryMode, IteratorMode};
use tempfile::TempDir;

use super::{rocks::options, *};
use crate::vault::{DatabaseId, Keys};

/// A folder for a store, and the keys for it.
pub(super) struct OnDisk {
    pub(super) root: TempDir,
    keys: Keys,
    made: u8,
}

impl OnDisk {
    pub(super) fn new() -> Self {
        Self::with_key(1)
    }

    /// Creates a folder for a store of another vault.
    pub(super) fn with_key(carrier: u8) -> Self {
        let key = |byte: u8| Secret::new([byte; 32]);
        let keys = Keys { database: DatabaseId([9; 16]), carrier: key(carrier), reader: Some(key(2)) };
        Self { root: tempfile::tempdir().expect("a temporary folder"), keys, made: 0 }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.path().join(format!("store {}", self.made))
    }

    pub(super) fn rows(&self) -> PathBuf {
        self.folder().join("rows")
    }

    pub(super) fn try_open(&self) -> Result<Rocks, OpenError> {
        Rocks::open(&self.folder(), &self.keys, getrandom())
    }

    /// Opens a store elsewhere, with the same keys.
    pub(super) fn open_at(&self, folder: &Path) -> Rocks {
        Rocks::open(folder, &self.keys, getrandom()).expect("a sound store opens")
    }

    pub(super) fn open(&self) -> Rocks {
        self.try_open().expect("a sound store opens")
    }

    /// Error text of an opening that must be refused.
    pub(super) fn refusal(&self) -> String {
        self.try_open().map(|_| ()).expect_err("must be refused").to_string()
    }

    /// Opens RocksDB without the keys of the store.
    pub(super) fn raw(&self) -> DB {
        DB::open(&options(DBRecoveryMode::AbsoluteConsistency, false), self.rows()).expect("a sound database")
    }

    /// Path of the acknowledged file.
    pub(super) fn noted(&self) -> PathBuf {
        crate::durable::beside(&self.folder(), ".acknowledged")
    }

    /// Path of the newest write-ahead log.
    pub(super) fn log(&self) -> PathBuf {
        files_ending(&self.rows(), ".log").pop().expect("an open database has a log")
    }
}

/// Entropy of the system: a repeating source would give two openings one name.
fn getrandom() -> Entropy {
    crate::api::entropy().expect("the system has random bytes")
}

impl Bench for OnDisk {
    type Store = Rocks;

    fn fresh(&mut self) -> Rocks {
        self.made += 1;
        self.open()
    }

    fn reopen(&mut self, store: Rocks) -> Rocks {
        drop(store);
        self.open()
    }
}

protocol::store_conformance!(OnDisk::new());

pub(super) fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

pub(super) fn row(number: u64) -> Row {
    Row::new(Table::Header, [4; 56], number)
}

/// A value that fits no other row.
pub(super) fn value(number: u64) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[number as u8; 400]].concat()
}

/// A value of so many bytes that fits no other write.
pub(super) fn kept_value(write: u64, bytes: usize) -> Vec<u8> {
    write.to_be_bytes().into_iter().cycle().take(bytes).collect()
}

pub(super) fn put(store: &mut Rocks, row: Row, value: Vec<u8>) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(row, value);
    store.commit(&batch)
}

pub(super) fn fill(store: &mut Rocks, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| put(store, row(number), value(number)).expect("a sound store commits"));
}

/// Counts the rows from 0 without a gap; panics on a wrong value.
pub(super) fn kept(store: &Rocks) -> u64 {
    let mut next = 0;
    let mut check = |number, found: Vec<u8>| {
        assert_eq!((number, &found), (next, &value(next)));
        next += 1;
        true
    };
    store.scan(Table::Header, &[4; 56], 0, &mut check).expect("a sound store scans");
    next
}

#[test]
fn reader_tables_are_locked_without_their_key_and_the_others_go_on() {
    let mut disk = OnDisk::new();
    let reader = disk.keys.reader.clone().expect("made with both");
    let mut store = disk.open();
    let secret = Row::new(Table::Key, "author", 0);
    put(&mut store, secret.clone(), b"seed".to_vec()).expect("unlocked");
    store.lock();
    let locked = |answer: Result<(), StoreError>| matches!(answer, Err(StoreError::Locked { table: "key" }));
    let check = |store: &mut Rocks| {
        assert!(locked(store.get(&secret).map(|_| ())));
        assert!(locked(store.scan(Table::Key, b"author", 0, &mut |_, _| true)));
        assert!(locked(store.scan_table(Table::Key, &mut |_, _| true)));
        let mut mixed = Batch::default();
        mixed.put(row(7), value(7));
        mixed.delete(secret.clone());
        assert!(locked(store.commit(&mixed)));
        assert_eq!(store.get(&row(7)).expect("a carrier table"), None, "half a batch was written");
        put(store, row(0), value(0)).expect("a carrier table");
    };
    check(&mut store);
    drop(store);
    disk.keys.reader = None;
    let mut store = disk.open();
    check(&mut store);
    let wrong = store.unlock(&Secret::new([66; 32]));
    assert!(matches!(wrong, Err(OpenError::OtherDatabase)));
    check(&mut store);
    store.unlock(&reader).expect("the right key");
    assert_eq!(store.get(&secret).expect("unlocked"), Some(b"seed".to_vec()));
}

#[test]
fn a_folder_is_open_once() {
    let disk = OnDisk::new();
    let store = disk.open();
    assert_eq!(disk.refusal(), OpenError::InUse.to_string());
    drop(store);
    let raw = disk.raw();
    assert_eq!(disk.refusal(), OpenError::InUse.to_string());
    drop(raw);
    disk.open();
}

#[test]
fn keys_of_another_vault_open_nothing_and_change_nothing() {
    let disk = OnDisk::new();
    fill(&mut disk.open(), 0..3);
    let other = |keys: Keys| {
        let refused = Rocks::open(&disk.folder(), &keys, Entropy::new([1; 32])).map(|_| ());
        assert!(matches!(refused, Err(OpenError::OtherDatabase)));
    };
    other(Keys { database: DatabaseId([8; 16]), ..disk.keys.clone() });
    other(Keys { carrier: Secret::new([77; 32]), ..disk.keys.clone() });
    other(Keys { reader: Some(Secret::new([77; 32])), ..disk.keys.clone() });
    assert_eq!(kept(&disk.open()), 3);
}

#[test]
fn a_folder_with_something_else_in_it_is_not_touched() {
    let disk = OnDisk::new();
    let check = |file: &str, content: &str, expected: &str| {
        fs::create_dir_all(disk.folder()).expect("writable");
        fs::write(disk.folder().join(file), content).expect("writable");
        assert!(disk.refusal().contains(expected), "{file}: {}", disk.refusal());
        assert_eq!(fs::read_to_string(disk.folder().join(file)).expect("still there"), content);
        assert!(!disk.rows().join("CURRENT").exists(), "{file}: a database was made");
        fs::remove_dir_all(disk.folder()).expect("writable");
    };
    check("letter.odt", "", "not a store");
    check("format", "XFS", "not a store");
    check("format", "habeas store 2 whole\n", "layout 2");
    check("format", "habeas store 1 whole\n", "damaged");
    check("format", "habeas store 1 cut\n", "damaged");
}

#[test]
fn an_interrupted_first_opening_is_finished_by_the_next() {
    let disk = OnDisk::new();
    fs::create_dir_all(disk.folder()).expect("writable");
    fs::write(disk.folder().join("lock"), "").expect("writable");
    fs::write(disk.folder().join("format.new"), "hab").expect("writable");
    disk.open();
    fs::write(disk.folder().join("format"), "habeas store 1 making\n").expect("writable");
    fill(&mut disk.open(), 0..1);
    assert_eq!(kept(&disk.open()), 1);
}

#[test]
fn after_a_purge_no_byte_of_a_deleted_row_is_left() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    put(&mut store, row(0), value(0)).expect("a sound store commits");
    drop(store);
    let (_, sealed) = disk.raw().iterator(IteratorMode::Start).next().expect("one row").expect("readable");
    let needle = &sealed[100..164];
    let places = || {
        let files = files_ending(&disk.rows(), "").into_iter().map(|path| fs::read(path).expect("readable"));
        files.filter(|bytes| bytes.windows(needle.len()).any(|window| window == needle)).count()
    };
    let mut store = disk.open();
    assert!(places() > 0, "the search does not find what is there");
    let mut batch = Batch::default();
    batch.delete(row(0));
    store.commit(&batch).expect("a sound store commits");
    assert!(places() > 0, "the search does not find what is there");
    store.purge().expect("a sound store purges");
    assert_eq!(places(), 0);
}

#[test]
fn a_copy_opens_under_the_same_keys_with_what_was_there_then() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    fill(&mut store, 0..4);
    let to = disk.root.path().join("copy");
    store.copy_to(&to).expect("a new folder");
    fill(&mut store, 4..6);
    let copy = Rocks::open(&to, &disk.keys, Entropy::new([3; 32])).expect("a copy opens");
    assert_eq!((kept(&copy), kept(&store)), (4, 6));
}

/// RocksDB would keep a log of its own that begins with the host name, and write that name into every table as well.
#[test]
fn the_files_do_not_name_the_machine() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    fill(&mut store, 0..1);
    store.purge().expect("a sound store purges");
    let table =
        fs::read(files_ending(&disk.rows(), ".sst").pop().expect("a purged store has a table")).expect("readable");
    let host = b"host.identity"; // a table shortens the name by the prefix it shares with its neighbour
    let at = table.windows(host.len()).position(|window| window == host).expect("every table has this property");
    assert!(table[at + host.len()..].starts_with(b"habeas"));
    assert!(files_ending(&disk.rows(), "LOG").is_empty());
}
