//! Tests of the disk store after damage: altered rows, decayed files, torn logs, a disk that goes away.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use protocol::store::{Batch, Row, Store, StoreError, Table};
use rocksdb::IteratorMode;

use super::{
    tests::{OnDisk, files_ending, fill, kept, put, row, value},
    *,
};

#[test]
fn a_bit_flipped_beneath_the_checksums_is_altered() {
    let disk = OnDisk::new();
    fill(&mut disk.open(), 0..3);
    // Rows are sorted by number within a prefix: the first on the disk is row 0.
    let first = disk.raw().iterator(IteratorMode::Start).next().expect("three rows");
    let (key, sealed) = first.expect("readable");
    for bit in (0..sealed.len() * 8).step_by(211) {
        let mut flipped = sealed.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        disk.raw().put(&key, flipped).expect("writable");
        let store = disk.open();
        assert!(altered(store.get(&row(0))), "bit {bit}");
        assert!(altered(store.scan(Table::Header, &[4; 56], 0, &mut |_, _| true)), "bit {bit}");
        assert!(altered(store.scan_table(Table::Header, &mut |_, _| true)), "bit {bit}");
        assert_eq!(store.get(&row(1)).expect("untouched"), Some(value(1)), "bit {bit}");
    }
}

#[test]
fn a_value_moved_to_another_row_is_altered() {
    let disk = OnDisk::new();
    fill(&mut disk.open(), 0..2);
    let raw = disk.raw();
    let rows: Vec<_> = raw.iterator(IteratorMode::Start).map(|row| row.expect("readable")).take(2).collect();
    raw.put(&rows[0].0, &rows[1].1).expect("writable");
    raw.put(&rows[1].0, &rows[0].1).expect("writable");
    drop(raw);
    let store = disk.open();
    assert!(altered(store.get(&row(0))) && altered(store.get(&row(1))));
}

#[test]
fn a_byte_flipped_in_a_table_file_never_gives_a_wrong_value() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    fill(&mut store, 0..200);
    store.purge().expect("a sound store purges");
    drop(store);
    let table = files_ending(&disk.rows(), ".sst").pop().expect("a purged store has a table");
    let sound = fs::read(&table).expect("readable");
    let (rows, noted) = (snapshot(&disk.rows()), fs::read(disk.noted()).expect("readable"));
    let mut noticed = 0;
    for at in (0..sound.len()).step_by(sound.len() / 60) {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x40;
        // Each opening writes: compaction of tables would hide the next flip.
        restore(&disk.rows(), &rows);
        fs::write(&table, flipped).expect("writable");
        fs::write(disk.noted(), &noted).expect("writable");
        let Ok(store) = disk.try_open() else {
            noticed += 1;
            continue;
        };
        for number in 0..200 {
            match store.get(&row(number)) {
                Ok(found) => assert_eq!(found, Some(value(number)), "byte {at}"),
                Err(StoreError::Altered { .. } | StoreError::Failed { .. }) => noticed += 1,
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
    }
    assert!(noticed > 50, "noticed {noticed} times");
}

#[test]
fn a_database_whose_files_are_missing_is_damaged() {
    for missing in ["CURRENT", "MANIFEST", ".sst", "rows"] {
        let disk = OnDisk::new();
        let mut store = disk.open();
        fill(&mut store, 0..3);
        store.purge().expect("a sound store purges");
        drop(store);
        if missing == "rows" {
            fs::remove_dir_all(disk.rows()).expect("writable");
        } else {
            let files = files_ending(&disk.rows(), "").into_iter();
            let gone: Vec<_> = files.filter(|path| path.to_string_lossy().contains(missing)).collect();
            assert!(!gone.is_empty(), "{missing}");
            gone.iter().for_each(|path| fs::remove_file(path).expect("writable"));
        }
        assert!(disk.refusal().contains("damaged"), "{missing}: {}", disk.refusal());
    }
}

/// A power cut tears the last write. Nothing acknowledged may be lost, and nothing may need repair.
#[test]
fn a_torn_last_record_costs_only_what_was_not_acknowledged() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    settle(&disk, &mut store);
    fill(&mut store, 0..5);
    let acknowledged = fs::metadata(disk.log()).expect("there").len() as usize;
    let noted = fs::read(disk.noted()).expect("readable");
    fill(&mut store, 5..6);
    let (log, whole) = (disk.log(), fs::read(disk.log()).expect("readable"));
    assert!(whole.len() > acknowledged + 400, "the last record is in this log");
    let before = snapshot(&disk.rows());
    drop(store);
    // Each byte of the record's header, then some of the rest.
    for torn in (acknowledged..acknowledged + 12).chain((acknowledged + 12..whole.len()).step_by(29)) {
        restore(&disk.rows(), &before);
        fs::write(&log, &whole[..torn]).expect("writable");
        fs::write(disk.noted(), &noted).expect("writable");
        let store = disk.open();
        assert_eq!((kept(&store), doubt(&store).expect("readable")), (5, None), "torn at {torn}");
        assert_eq!(whereabouts(&disk.folder(), &store).expect("readable"), Whereabouts::Same, "torn at {torn}");
    }
}

/// A damaged record before the end of the log takes acknowledged ones with it. The store opens, returns no wrong value,
/// and knows how many batches it lost. It forgets its place, so the node opens new incarnations and its peers send the
/// rest. The flipped bit is one of each byte in turn: in the length of a record it makes a damaged log look like a torn
/// one.
#[test]
fn a_decayed_log_is_cut_and_the_cut_is_known() {
    let disk = OnDisk::new();
    let mut store = disk.open();
    settle(&disk, &mut store);
    let settled = fs::metadata(disk.log()).expect("there").len() as usize;
    fill(&mut store, 0..8);
    let (log, whole) = (disk.log(), fs::read(disk.log()).expect("readable"));
    let (before, noted) = (snapshot(&disk.rows()), fs::read(disk.noted()).expect("readable"));
    drop(store);
    for at in (settled..settled + 10).chain((settled + 10..whole.len()).step_by(113)) {
        restore(&disk.rows(), &before);
        let mut decayed = whole.clone();
        decayed[at] ^= 1 << (at % 8);
        fs::write(&log, decayed).expect("writable");
        fs::write(disk.noted(), &noted).expect("writable");
        let found = disk.open();
        let missing = 8 - kept(&found);
        assert!(missing > 0, "byte {at}");
        assert_eq!(doubt(&found).expect("readable"), Some(Doubt::Fewer { missing }), "byte {at}");
        let place = whereabouts(&disk.folder(), &found).expect("readable");
        assert!(matches!(place, Whereabouts::Moved { .. }), "byte {at}");
        drop(found);
        let mut again = disk.open();
        settle(&disk, &mut again);
    }
}

/// A medium that is pulled out, and a folder that is deleted under the running node.
#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_reopened() {
    let disk = OnDisk::new();
    let away = disk.root.path().join("away");
    let failure = fails_until_mended(
        &disk,
        || fs::rename(disk.rows(), &away).expect("writable"),
        || fs::rename(&away, disk.rows()).expect("writable"),
    );
    assert!(matches!(failure, StoreError::Failed { attempted: "write", .. }), "{failure}");
}

/// /dev/full fails every write as a full disk does; the files that RocksDB will create next are links to it.
#[test]
fn a_full_disk_is_full_and_loses_nothing() {
    let disk = OnDisk::new();
    let next =
        || (1..400).flat_map(|number| ["log", "sst"].map(|ending| disk.rows().join(format!("{number:06}.{ending}"))));
    let failure = fails_until_mended(
        &disk,
        || {
            next().filter(|path| !path.exists()).for_each(|path| symlink("/dev/full", path).expect("writable"));
        },
        || {
            next().filter(|path| path.is_symlink()).for_each(|path| fs::remove_file(path).expect("writable"));
        },
    );
    assert!(matches!(failure, StoreError::Full), "{failure}");
}

/// Writes until the disk fails that `spoil` broke: nothing is acknowledged then, and reads go on. After `mend` and a
/// new opening every acknowledged row is there. Returns the failure.
fn fails_until_mended(disk: &OnDisk, spoil: impl Fn(), mend: impl Fn()) -> StoreError {
    let large = |number| Row::new(Table::Body, [1; 32], number);
    let mut store = disk.open();
    spoil();
    let mut acknowledged = 0;
    let failure = loop {
        match put(&mut store, large(acknowledged), [value(acknowledged), vec![0; 1 << 20]].concat()) {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 500, "the disk does not fail");
    };
    assert!(acknowledged > 0 && store.get(&large(0)).expect("reads go on").is_some());
    mend();
    assert!(put(&mut store, row(0), value(0)).is_err(), "acknowledged after a failure");
    assert!(store.commit(&Batch::default()).is_err() && store.health().is_err());
    store.lock();
    drop(store);

    let mut store = disk.open();
    for number in 0..acknowledged {
        let found = store.get(&large(number)).expect("a sound store answers");
        assert!(found.is_some_and(|found| found.starts_with(&value(number))), "{number} of {acknowledged} is lost");
    }
    put(&mut store, row(0), value(0)).expect("reopened");
    failure
}

fn altered<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Altered { table: "header" }))
}

pub(super) fn settle(disk: &OnDisk, store: &mut Rocks) {
    if let Whereabouts::Moved { remember } = whereabouts(&disk.folder(), store).expect("readable") {
        store.commit(&remember).expect("a sound store commits");
    }
}

/// Reads the files of an open database, as a power cut leaves them.
pub(super) fn snapshot(rows: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_ending(rows, "").into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

pub(super) fn restore(rows: &Path, files: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(rows).expect("writable");
    fs::create_dir(rows).expect("writable");
    files.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("writable"));
}
