//! Tests of a power cut: what was synced stays, and each later sector may be old, new, zeros or missing.
//!
//! The model works on copies of the folder, since no file system that loses its cache is at hand: the files are read
//! after one synced step and after the next, and the difference is mixed by sectors. `HABEAS_SEED=N` repeats a run.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use protocol::bytes::seal::Entropy;

use super::{
    canary::files,
    damage::{restore, settle, snapshot},
    tests::{OnDisk, fill, kept},
    *,
};

/// Bytes that a disk writes at once.
const SECTOR: usize = 512;
const CUTS: usize = 150;

struct Chance(Entropy);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let given = env::var("HABEAS_SEED").ok().map(|text| text.parse().expect("a number"));
        let seed = given.unwrap_or(u64::from(now.subsec_nanos()));
        println!("HABEAS_SEED={seed}");
        let mut wide = [0; 32];
        wide[..8].copy_from_slice(&seed.to_be_bytes());
        Self(Entropy::new(wide))
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(u64::from_be_bytes(self.0.bytes()) % bound as u64).expect("below a usize")
    }

    /// Mixes what a power cut may leave of `new` over the synced `old`.
    fn torn(&mut self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let mut found = new.to_vec();
        if new.len() > old.len() {
            found.truncate(old.len() + self.below(new.len() - old.len() + 1));
        }
        for start in (0..found.len()).step_by(SECTOR) {
            let end = found.len().min(start + SECTOR);
            let is_new = |at: &usize| old.get(*at) != Some(&new[*at]);
            let Some(at) = (start..end).find(is_new) else { continue };
            let known = old.len().clamp(at, end);
            match self.below(3) {
                0 => {}
                1 => found[at..end].fill(0),
                _ => {
                    found[known..end].fill(0);
                    if known > at {
                        found[at..known].copy_from_slice(&old[at..known]);
                    }
                }
            }
        }
        found
    }
}

#[test]
fn whatever_a_power_cut_leaves_of_the_write_under_way_nothing_acknowledged_is_lost_or_doubted() {
    let (disk, mut chance) = (OnDisk::new(), Chance::new());
    let mut store = disk.open();
    settle(&disk, &mut store);
    fill(&mut store, 0..5);
    let (log, noted) = (disk.log(), disk.noted());
    let [log_old, noted_old] = [&log, &noted].map(|path| fs::read(path).expect("readable"));
    // A write of several sectors.
    fill(&mut store, 5..6);
    let [log_new, noted_new] = [&log, &noted].map(|path| fs::read(path).expect("readable"));
    let rows = snapshot(&disk.rows());
    drop(store);
    for cut in 0..CUTS {
        restore(&disk.rows(), &rows);
        // The file is written after the log was synced.
        let (log_found, noted_found) = match chance.below(2) {
            0 => (chance.torn(&log_old, &log_new), noted_old.clone()),
            _ => (log_new.clone(), chance.torn(&noted_old, &noted_new)),
        };
        let whole = log_found == log_new;
        fs::write(&log, log_found).expect("writable");
        fs::write(&noted, noted_found).expect("writable");
        fs::write(disk.folder().join("format"), "habeas store 1 whole\n").expect("writable");
        let store = disk.open();
        let there = kept(&store);
        assert!(if whole { there == 6 } else { (5..=6).contains(&there) }, "cut {cut}: {there} rows");
        assert_eq!(doubt(&store).expect("readable"), None, "cut {cut}");
    }
}

/// A flush writes a table, names it in the manifest and removes the log, each synced before the next begins. The end of
/// the manifest is truncated here and never mixed: RocksDB refuses one whose last record is half zeros.
#[test]
fn whatever_a_power_cut_leaves_of_a_flush_nothing_acknowledged_is_lost_or_doubted() {
    let (disk, mut chance) = (OnDisk::new(), Chance::new());
    let mut store = disk.open();
    settle(&disk, &mut store);
    fill(&mut store, 0..60);
    let read = |folder: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let all = files(folder).expect("readable").into_iter();
        all.map(|path| (path.clone(), fs::read(&path).expect("readable"))).collect()
    };
    let old = read(&disk.rows());
    // A copy begins with a flush, and compacts nothing.
    store.copy_to(&disk.root.path().join("copy")).expect("a new folder");
    let new = read(&disk.rows());
    assert!(new.keys().any(|path| path.extension().is_some_and(|ending| ending == "sst")), "nothing was flushed");
    drop(store);
    let noted = fs::read(disk.noted()).expect("readable");
    for cut in 0..CUTS {
        // Nothing old is removed before the manifest is synced; the name of a new file may be missing.
        let mut found = old.clone();
        for (path, bytes) in &new {
            let is_manifest = path.to_string_lossy().contains("MANIFEST");
            match old.get(path) {
                Some(before) if is_manifest => {
                    let end = before.len() + chance.below(bytes.len() - before.len() + 1);
                    found.insert(path.clone(), bytes[..end].to_vec());
                }
                Some(_) => {}
                None if chance.below(4) == 0 => {}
                None => drop(found.insert(path.clone(), chance.torn(&[], bytes))),
            }
        }
        // A manifest that names a table is written after the table was synced.
        let manifests: Vec<_> =
            found.keys().filter(|path| path.to_string_lossy().contains("MANIFEST")).cloned().collect();
        if manifests.iter().any(|path| found[path] != *old.get(path).unwrap_or(&vec![])) {
            let tables = new.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "sst"));
            found.extend(tables.map(|(path, bytes)| (path.clone(), bytes.clone())));
        }
        restore(&disk.rows(), &found.into_iter().collect::<Vec<_>>());
        fs::write(disk.noted(), &noted).expect("writable");
        fs::write(disk.folder().join("format"), "habeas store 1 whole\n").expect("writable");
        let store = disk.open();
        assert_eq!((kept(&store), doubt(&store).expect("readable")), (60, None), "cut {cut}");
    }
}
