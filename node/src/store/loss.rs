//! Tests of lost batches: logs deleted, truncated or replaced by older ones, and damage to the acknowledged file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    damage::{restore, settle, snapshot},
    tests::{OnDisk, fill, kept},
    *,
};

/// Creates a store that knows its place, with 13 rows that are in tables and 40 in the log.
fn filled() -> (OnDisk, Rocks) {
    let disk = OnDisk::new();
    let mut store = disk.open();
    settle(&disk, &mut store);
    fill(&mut store, 0..13);
    drop(store);
    let mut store = disk.open();
    fill(&mut store, 13..53);
    (disk, store)
}

/// Returns the doubt to report, and whether new incarnations are due.
fn standing(disk: &OnDisk, store: &Rocks) -> (Option<Doubt>, bool) {
    let place = whereabouts(&disk.folder(), store).expect("readable");
    (doubt(store).expect("readable"), place != Whereabouts::Same)
}

fn tell(store: &mut Rocks) {
    use protocol::store::{Batch, Store};
    let mut batch = Batch::default();
    batch.delete(doubt_row());
    store.commit(&batch).expect("a sound store commits");
}

/// Opens what `spoil` left: the doubt is reported until it is acknowledged and never again, and new incarnations are
/// due.
fn check(spoil: impl Fn(&OnDisk), expected: Doubt, left: u64) {
    let (disk, store) = filled();
    drop(store);
    spoil(&disk);
    for _ in 0..3 {
        let store = disk.open();
        assert_eq!((standing(&disk, &store), kept(&store)), ((Some(expected), true), left));
    }
    let mut store = disk.open();
    tell(&mut store);
    settle(&disk, &mut store);
    fill(&mut store, left..left + 3);
    drop(store);
    let store = disk.open();
    assert_eq!((standing(&disk, &store), kept(&store)), ((None, false), left + 3));
}

/// Regression: with the newest log deleted, 13 of 53 acknowledged rows were left, nothing was reported, and the node
/// wrote on in its old incarnations: it would have forked its own feeds.
#[test]
fn a_log_that_was_deleted_is_a_loss_that_is_counted_and_kept_until_it_is_told() {
    check(|disk| fs::remove_file(disk.log()).expect("writable"), Doubt::Fewer { missing: 41 }, 13);
}

/// Regression: a truncated log looked like a torn write, with 33 rows left.
#[test]
fn a_log_that_was_cut_short_is_a_loss() {
    let cut = |disk: &OnDisk| {
        let log = fs::read(disk.log()).expect("readable");
        fs::write(disk.log(), &log[..log.len() / 2]).expect("writable");
    };
    let (disk, store) = filled();
    drop(store);
    cut(&disk);
    let left = kept(&disk.open());
    assert!((14..53).contains(&left), "{left}");
    check(cut, Doubt::Fewer { missing: 53 - left }, left);
}

/// A file system snapshot, an installer or a person replaces today's files by yesterday's.
#[test]
fn rows_put_back_in_place_are_a_loss() {
    let (disk, mut store) = filled();
    let yesterday = snapshot(&disk.rows());
    fill(&mut store, 53..60);
    drop(store);
    restore(&disk.rows(), &yesterday);
    let store = disk.open();
    assert_eq!((standing(&disk, &store), kept(&store)), ((Some(Doubt::Fewer { missing: 7 }), true), 53));
}

#[test]
fn rows_of_a_copy_that_went_on_elsewhere_are_another_history_even_where_they_are_more() {
    let (disk, store) = filled();
    let copy = disk.root.path().join("copy");
    store.copy_to(&copy).expect("a new folder");
    drop(store);
    let mut elsewhere = disk.open_at(&copy);
    fill(&mut elsewhere, 53..60);
    drop(elsewhere);
    restore(&disk.rows(), &moved(&snapshot(&copy.join("rows")), &disk.rows()));
    let store = disk.open();
    assert_eq!((standing(&disk, &store), kept(&store)), ((Some(Doubt::Apart), true), 60));
}

fn moved(files: &[(PathBuf, Vec<u8>)], to: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files.iter().map(|(path, bytes)| (to.join(path.file_name().expect("a file")), bytes.clone())).collect()
}

#[test]
fn losses_that_nobody_was_told_of_add_up() {
    let (disk, store) = filled();
    drop(store);
    fs::remove_file(disk.log()).expect("writable");
    let mut store = disk.open();
    fill(&mut store, 13..15);
    drop(store);
    fs::remove_file(disk.log()).expect("writable");
    // Three batches: the opening and two rows.
    assert_eq!(doubt(&disk.open()).expect("readable"), Some(Doubt::Fewer { missing: 41 + 3 }));
}

#[test]
fn a_file_that_is_gone_damaged_of_another_database_or_put_back_is_a_doubt() {
    check(|disk| fs::remove_file(disk.noted()).expect("writable"), Doubt::Gone, 53);
    check(|disk| fs::write(disk.noted(), "").expect("writable"), Doubt::Unreadable, 53);
    check(|disk| fs::write(disk.noted(), vec![0; 5000]).expect("writable"), Doubt::Unreadable, 53);
    let other = OnDisk::with_key(5);
    drop(other.open());
    let theirs = fs::read(other.noted()).expect("readable");
    check(|disk| fs::write(disk.noted(), &theirs).expect("writable"), Doubt::Unreadable, 53);

    let (disk, mut store) = filled();
    let yesterday = fs::read(disk.noted()).expect("readable");
    fill(&mut store, 53..60);
    drop(store);
    fs::write(disk.noted(), yesterday).expect("writable");
    assert_eq!(standing(&disk, &disk.open()), (Some(Doubt::Apart), true));
}

/// A backup has no acknowledged file, and a copied folder may have one: both open new incarnations because they moved,
/// and have lost nothing.
#[test]
fn a_copy_elsewhere_has_lost_nothing() {
    let (disk, store) = filled();
    let to = disk.root.path().join("copy");
    store.copy_to(&to).expect("a new folder");
    let copy = disk.open_at(&to);
    assert_eq!((doubt(&copy).expect("readable"), kept(&copy)), (None, 53));
    drop(copy);
    assert_eq!(doubt(&disk.open_at(&to)).expect("readable"), None);
}

#[test]
fn a_store_that_is_gone_is_not_begun_anew() {
    let (disk, store) = filled();
    drop(store);
    fs::remove_dir_all(disk.folder()).expect("writable");
    for _ in 0..2 {
        assert!(disk.refusal().contains("batches were acknowledged"), "{}", disk.refusal());
    }
}

/// The batch and the file are two syncs. A crash between them loses nothing, and nothing is reported.
#[test]
fn a_crash_between_the_two_syncs_is_no_loss() {
    let (disk, mut store) = filled();
    let before = fs::read(disk.noted()).expect("readable");
    fill(&mut store, 53..54);
    let rows = snapshot(&disk.rows());
    let after = fs::read(disk.noted()).expect("readable");
    drop(store);
    for torn in (0..=112).chain([4096, 4097, 4136, 4208]) {
        restore(&disk.rows(), &rows);
        let mut file = before.clone();
        file[..torn].copy_from_slice(&after[..torn]);
        fs::write(disk.noted(), file).expect("writable");
        for _ in 0..2 {
            let store = disk.open();
            assert_eq!((standing(&disk, &store), kept(&store)), ((None, false), 54), "torn at {torn}");
        }
    }
}

/// A crash between the two syncs of the first batch of an opening, which records the opening itself.
#[test]
fn a_crash_while_a_store_opens_is_no_loss() {
    let (disk, store) = filled();
    drop(store);
    let before = fs::read(disk.noted()).expect("readable");
    drop(disk.open());
    // The rows of the opening are there; the file is from before.
    fs::write(disk.noted(), &before).expect("writable");
    let store = disk.open();
    assert_eq!((standing(&disk, &store), kept(&store)), ((None, false), 53));
}
