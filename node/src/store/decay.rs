//! Tests of random decay: a bit flipped, a page zeroed or an end cut off, anywhere in any file of a store. Acknowledged
//! rows are read as they were, or the store reports that it is damaged, altered or short. No error is silent.
//!
//! `HABEAS_DECAYS=2000` runs more cases, `HABEAS_SEED=N` repeats a run.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use protocol::{bytes::seal::Entropy, store::Table};

use super::{
    canary::files,
    damage::{restore, settle},
    tests::{OnDisk, fill, put, row, value},
    *,
};

/// Number of rows, in tables and in the log.
const ROWS: u64 = 240;

/// Creates a store with two tables and a log.
fn filled() -> OnDisk {
    let disk = OnDisk::new();
    let mut store = disk.open();
    settle(&disk, &mut store);
    fill(&mut store, 0..80);
    store.purge().expect("a sound store purges");
    fill(&mut store, 80..160);
    drop(store);
    let mut store = disk.open();
    fill(&mut store, 160..ROWS - 20);
    drop(store);
    // A log of several blocks, with records that span two of them.
    let mut store = disk.open();
    fill(&mut store, ROWS - 20..ROWS);
    for number in 0..40 {
        put(&mut store, large(number), vec![7; 3000]).expect("a sound store commits");
    }
    disk
}

fn large(number: u64) -> protocol::store::Row {
    protocol::store::Row::new(Table::Body, [1; 32], number)
}

/// Classifies the opening of a decayed store, by name; panics if a row is wrong or missing without a report.
fn outcome(disk: &OnDisk, what: &str) -> &'static str {
    use protocol::store::Store;
    let store = match disk.try_open() {
        Ok(store) => store,
        Err(error @ (OpenError::InUse | OpenError::OtherDatabase | OpenError::Full)) => panic!("{what}: {error}"),
        Err(_) => return "refused",
    };
    let doubt = doubt(&store).ok().flatten();
    let (mut missing, mut refused) = (0, 0);
    let rows = (0..ROWS).map(|number| (row(number), value(number)));
    let rows = rows.chain((0..40).map(|number| (large(number), vec![7; 3000])));
    for (row, value) in rows {
        match store.get(&row) {
            Ok(Some(found)) => assert_eq!(found, value, "{what}: {row:?} is another"),
            Ok(None) => missing += 1,
            Err(_) => refused += 1,
        }
    }
    let mut scanned = 0;
    let scan = store.scan(Table::Header, &[4; 56], 0, &mut |number, found| {
        assert_eq!(found, value(number), "{what}: row {number} is another");
        scanned += 1;
        true
    });
    let scanned = scan.map(|()| scanned);
    assert!(missing == 0 || doubt.is_some() || refused > 0, "{what}: {missing} rows are missing, and nobody is told");
    assert!(scanned.is_err() || scanned.as_ref().ok() == Some(&ROWS) || doubt.is_some(), "{what}: scanned {scanned:?}");
    match (doubt, refused) {
        (_, 1..) => "altered",
        (Some(Doubt::Fewer { .. }), _) => "counted",
        (Some(_), _) => "in doubt",
        (None, _) => "harmless",
    }
}

#[test]
fn a_file_that_decays_anywhere_is_refused_told_or_harmless() {
    let option = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let decays = option("HABEAS_DECAYS").unwrap_or(200);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = option("HABEAS_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    println!("HABEAS_SEED={seed} HABEAS_DECAYS={decays}");
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_be_bytes());
    let mut chance = Entropy::new(wide);
    let mut draw =
        move |below: usize| usize::try_from(u64::from_be_bytes(chance.bytes()) % below as u64).expect("small");

    let disk = filled();
    let everything = |folder: &Path| -> Vec<_> {
        let all = files(folder).expect("readable").into_iter();
        all.map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
    };
    let sound = everything(disk.root.path());
    let decaying: Vec<_> = sound.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    let mut outcomes: BTreeMap<_, u64> = BTreeMap::new();
    for _ in 0..decays {
        let (path, bytes) = decaying[draw(decaying.len())];
        let (mut bytes, at) = (bytes.clone(), draw(bytes.len()));
        let fault = match draw(4) {
            0 | 1 => {
                bytes[at] ^= 1 << draw(8);
                "a bit flipped"
            }
            2 => {
                let page = at / 4096 * 4096;
                let end = bytes.len().min(page + 4096);
                bytes[page..end].fill(0);
                "a page zeroed"
            }
            _ => {
                bytes.truncate(at);
                "cut off"
            }
        };
        reset(&disk, &sound);
        fs::write(path, bytes).expect("writable");
        let name = path.strip_prefix(disk.root.path()).expect("below it").display().to_string();
        let outcome = outcome(&disk, &format!("{name} {fault} at {at}"));
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    reset(&disk, &sound);
    assert_eq!(outcome(&disk, "sound"), "harmless");
}

/// Restores the sound files; of RocksDB's folder all others are removed.
fn reset(disk: &OnDisk, sound: &[(PathBuf, Vec<u8>)]) {
    let is_row = |(path, _): &&(PathBuf, Vec<u8>)| path.starts_with(disk.rows());
    restore(&disk.rows(), &sound.iter().filter(is_row).cloned().collect::<Vec<_>>());
    for (path, bytes) in sound.iter().filter(|file| !is_row(file)) {
        fs::write(path, bytes).expect("writable");
    }
}
