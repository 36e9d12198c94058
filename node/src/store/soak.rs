//! Soak test: rows written, replaced and deleted, and the store reopened, as in years of use. Disk, files and memory
//! stay in proportion to the rows that are kept.
//!
//! `HABEAS_SOAK=1000000` writes more.

use std::{env, fs};

use protocol::store::{Batch, Row, Store, Table};

use super::{
    canary::files,
    tests::{OnDisk, kept_value},
    *,
};

/// Number of rows kept: their values are well above the maximum size of the logs.
const KEPT: u64 = 60_000;
const VALUE_BYTES: usize = 2000;
/// Number of rows in one batch.
const TOGETHER: u64 = 50;

fn row(number: u64) -> Row {
    Row::new(Table::Body, number.to_be_bytes(), 0)
}

fn bytes_of(folder: &std::path::Path) -> u64 {
    let lengths =
        files(folder).expect("readable").into_iter().map(|path| fs::metadata(path).map_or(0, |about| about.len()));
    lengths.sum()
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux tells").count()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
    resident.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn disk_files_and_memory_stay_in_proportion_to_what_is_kept() {
    let writes = env::var("HABEAS_SOAK").map_or(100_000, |text| text.parse().expect("a number"));
    let disk = OnDisk::new();
    let mut store = disk.open();
    let (mut written, mut after_first) = (0_u64, None);
    let round = writes / 5;
    let mut model = vec![None; usize::try_from(KEPT).expect("small")];
    for number in 1..=5 {
        while written < round * number {
            let mut batch = Batch::default();
            for _ in 0..TOGETHER {
                // A step that is prime to the number of rows visits all of them in turn, then again.
                let at = written.wrapping_mul(7919) % KEPT;
                let place = usize::try_from(at).expect("small");
                if written % 17 == 3 {
                    batch.delete(row(at));
                    model[place] = None;
                } else {
                    batch.put(row(at), kept_value(written, VALUE_BYTES));
                    model[place] = Some(written);
                }
                written += 1;
            }
            store.commit(&batch).expect("a sound store commits");
        }
        drop(store);
        store = disk.open();
        assert_eq!(doubt(&store).expect("readable"), None);
        let figures = (open_files(), resident_kib());
        println!("round {number}: {} bytes, {figures:?} files and KiB", bytes_of(disk.root.path()));
        after_first.get_or_insert(figures);
    }
    for (at, written) in model.iter().enumerate() {
        let found = store.get(&row(at as u64)).expect("a sound store answers");
        assert_eq!(found, written.map(|written| kept_value(written, VALUE_BYTES)), "row {at}");
    }
    let live = model.iter().flatten().count() as u64 * (VALUE_BYTES as u64 + 65);
    let amplification = bytes_of(disk.root.path()) as f64 / live as f64;
    println!("space amplification {amplification:.2} over {live} bytes");
    assert!(amplification < 2.5, "{amplification}");
    let ((files_first, memory_first), (files, memory)) =
        (after_first.expect("five rounds"), (open_files(), resident_kib()));
    assert!(files <= files_first + 130, "{files_first} files became {files}: the store may hold 128 open");
    assert!(memory <= memory_first + memory_first / 20 + (32 << 10), "{memory_first} KiB became {memory}");
}
