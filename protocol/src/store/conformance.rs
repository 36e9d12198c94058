//! Conformance suite of stores: the requirements as functions over a bench that makes stores.
//!
//! [`store_conformance!`](crate::store_conformance) turns each of them into one `#[test]`, so that a store of another
//! crate runs the same suite as the store in memory, and a requirement added here is tested for all.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::{Batch, Row, Store, Table};

/// A bench that makes the stores under test.
pub trait Bench {
    /// The type of store under test.
    type Store: Store;

    /// Makes an empty store.
    fn fresh(&mut self) -> Self::Store;

    /// Closes `store` and opens the same data again.
    fn reopen(&mut self, store: Self::Store) -> Self::Store;
}

/// Generates one `#[test]` per requirement, each on the bench that the expression makes.
#[macro_export]
macro_rules! store_conformance {
    ($bench:expr) => {
        $crate::store_conformance!($bench;
            a_row_comes_back_as_it_was_put
            values_may_be_empty_and_a_mebibyte
            of_two_changes_of_one_row_the_later_counts
            deleting_a_missing_row_changes_nothing
            an_empty_batch_changes_nothing
            a_scan_ascends_from_its_bound
            a_scan_ends_when_the_visitor_has_enough
            prefixes_of_prefixes_are_separate
            tables_are_separate
            a_table_scan_visits_each_row_once
            reopening_keeps_everything
            random_changes_agree_with_a_map
        );
    };
    ($bench:expr; $($promise:ident)*) => {
        $(#[test] fn $promise() { $crate::store::conformance::$promise(&mut $bench) })*
    };
}

/// Numbers for which byte order and number order differ if the encoding is wrong.
const NUMBERS: [u64; 10] = [0, 1, 127, 128, 255, 256, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX];

/// A value is read back exactly; a row never put, or put under another number or prefix, does not exist.
pub fn a_row_comes_back_as_it_was_put<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let row = Row::new(Table::Header, [7; 56], u64::MAX);
    assert_eq!(value(&store, &row), None);
    put(&mut store, &row, b"header");
    assert_eq!(value(&store, &row).as_deref(), Some(&b"header"[..]));
    assert_eq!(value(&store, &Row::new(Table::Header, [7; 56], u64::MAX - 1)), None);
    assert_eq!(value(&store, &Row::new(Table::Header, [7; 55], u64::MAX)), None);
    delete(&mut store, &row);
    assert_eq!(value(&store, &row), None);
}

/// Values of the shortest and longest length in use; the empty prefix is a prefix.
pub fn values_may_be_empty_and_a_mebibyte<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let (none, much) = (Row::new(Table::Meta, [], 0), Row::new(Table::Body, [1; 32], 0));
    let long: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    put(&mut store, &none, b"");
    put(&mut store, &much, &long);
    assert_eq!(value(&store, &none), Some(Vec::new()));
    assert_eq!(value(&store, &much), Some(long));
}

/// A batch applies its changes in sequence.
pub fn of_two_changes_of_one_row_the_later_counts<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let (kept, gone) = (Row::new(Table::Place, [1], 0), Row::new(Table::Place, [2], 0));
    let mut batch = Batch::default();
    batch.put(gone.clone(), b"first".to_vec());
    batch.delete(gone.clone());
    batch.put(kept.clone(), b"first".to_vec());
    batch.delete(kept.clone());
    batch.put(kept.clone(), b"second".to_vec());
    store.commit(&batch).expect("a sound store commits");
    assert_eq!(value(&store, &gone), None);
    assert_eq!(value(&store, &kept).as_deref(), Some(&b"second"[..]));
    put(&mut store, &kept, b"third");
    assert_eq!(value(&store, &kept).as_deref(), Some(&b"third"[..]));
}

/// Deleting is idempotent.
pub fn deleting_a_missing_row_changes_nothing<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let row = Row::new(Table::Wanted, [3; 32], 0);
    delete(&mut store, &row);
    delete(&mut store, &row);
    assert_eq!(value(&store, &row), None);
}

/// Committing an empty batch succeeds.
pub fn an_empty_batch_changes_nothing<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    store.commit(&Batch::default()).expect("a sound store commits");
    assert!(Table::ALL.iter().all(|table| whole(&store, *table).is_empty()));
}

/// A scan ascends by number and includes its bound, whatever the order of writing.
pub fn a_scan_ascends_from_its_bound<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    for number in NUMBERS.iter().rev() {
        put(&mut store, &Row::new(Table::Section, [9; 16], *number), &number.to_be_bytes());
    }
    for from in NUMBERS.iter().flat_map(|number| [*number, number.saturating_add(1)]) {
        let expected: Vec<u64> = NUMBERS.into_iter().filter(|number| *number >= from).collect();
        let found = scanned(&store, Table::Section, &[9; 16], from);
        assert_eq!(found.iter().map(|(number, _)| *number).collect::<Vec<_>>(), expected, "from {from}");
        assert!(found.iter().all(|(number, value)| *value == number.to_be_bytes()), "from {from}");
    }
}

/// A scan stops when the visitor returns `false`.
pub fn a_scan_ends_when_the_visitor_has_enough<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    for number in 0..5 {
        put(&mut store, &Row::new(Table::Control, b"roster", number), b"link");
    }
    let (mut seen, mut seen_of_all) = (Vec::new(), 0);
    let mut two = |number, _| {
        seen.push(number);
        seen.len() < 2
    };
    store.scan(Table::Control, b"roster", 1, &mut two).expect("a sound store scans");
    assert_eq!(seen, [1, 2]);
    let mut three = |_, _| {
        seen_of_all += 1;
        seen_of_all < 3
    };
    store.scan_table(Table::Control, &mut three).expect("a sound store scans");
    assert_eq!(seen_of_all, 3);
}

/// Rows of prefix `a` are not rows of prefix `ab`, and no number runs into a neighbouring prefix.
pub fn prefixes_of_prefixes_are_separate<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let prefixes: [&[u8]; 6] = [b"", b"a", b"ab", b"a\0", b"a\xff", b"b"];
    for prefix in prefixes {
        for number in [0, 98, u64::MAX] {
            put(&mut store, &Row::new(Table::Desk, prefix, number), prefix);
        }
    }
    for prefix in prefixes {
        let found = scanned(&store, Table::Desk, prefix, 0);
        let expected: Vec<_> = [0, 98, u64::MAX].map(|number| (number, prefix.to_vec())).into();
        assert_eq!(found, expected, "{prefix:?}");
    }
}

/// Rows with the same prefix and number in two tables are two rows.
pub fn tables_are_separate<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    for table in Table::ALL {
        put(&mut store, &Row::new(*table, b"same", 1), table.label().as_bytes());
    }
    delete(&mut store, &Row::new(Table::Feed, b"same", 1));
    for table in Table::ALL {
        let expected = (*table != Table::Feed).then(|| table.label().as_bytes().to_vec());
        assert_eq!(value(&store, &Row::new(*table, b"same", 1)), expected, "{table:?}");
        assert_eq!(scanned(&store, *table, b"same", 0).len(), usize::from(expected.is_some()), "{table:?}");
    }
}

/// A table scan visits every row of the table and none of its neighbours.
pub fn a_table_scan_visits_each_row_once<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    let mut expected = Vec::new();
    let mut batch = Batch::default();
    for prefix in 0..40_u8 {
        for number in NUMBERS {
            let value = [&[prefix], &number.to_be_bytes()[..]].concat();
            expected.push((number, value.clone()));
            batch.put(Row::new(Table::Place, [prefix; 32], number), value);
            batch.put(Row::new(Table::Header, [prefix; 32], number), b"before".to_vec());
            batch.put(Row::new(Table::Body, [prefix; 32], number), b"after".to_vec());
        }
    }
    store.commit(&batch).expect("a sound store commits");
    expected.sort();
    assert_eq!(whole(&store, Table::Place), expected);
}

/// Reopening keeps what was committed, and what was deleted stays deleted.
pub fn reopening_keeps_everything<B: Bench>(bench: &mut B) {
    let mut store = bench.fresh();
    for number in 0..50 {
        put(&mut store, &Row::new(Table::Header, [5; 56], number), &[number as u8; 300]);
    }
    delete(&mut store, &Row::new(Table::Header, [5; 56], 20));
    let before = scanned(&store, Table::Header, &[5; 56], 0);
    assert_eq!(before.len(), 49);
    for _ in 0..3 {
        store = bench.reopen(store);
        assert_eq!(scanned(&store, Table::Header, &[5; 56], 0), before);
    }
}

/// Random puts, deletes, batches, scans and reopenings agree with a plain map.
pub fn random_changes_agree_with_a_map<B: Bench>(bench: &mut B) {
    for seed in 0..8 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let mut store = bench.fresh();
        let mut model: BTreeMap<Row, Vec<u8>> = BTreeMap::new();
        for step in 0..120 {
            let mut batch = Batch::default();
            for _ in 0..random.next_u32() % 6 {
                let row = some_row(&mut random);
                if random.next_u32() % 3 == 0 {
                    model.remove(&row);
                    batch.delete(row);
                } else {
                    let mut value = vec![0; random.next_u32() as usize % 700];
                    random.fill_bytes(&mut value);
                    model.insert(row.clone(), value.clone());
                    batch.put(row, value);
                }
            }
            store.commit(&batch).expect("a sound store commits");
            if random.next_u32() % 24 == 0 {
                store = bench.reopen(store);
            }
            let asked = some_row(&mut random);
            assert_eq!(value(&store, &asked), model.get(&asked).cloned(), "seed {seed}, step {step}: {asked:?}");
            let expected: Vec<_> = model
                .iter()
                .filter(|(row, _)| {
                    (row.table, &row.prefix) == (asked.table, &asked.prefix) && row.number >= asked.number
                })
                .map(|(row, value)| (row.number, value.clone()))
                .collect();
            let found = scanned(&store, asked.table, &asked.prefix, asked.number);
            assert_eq!(found, expected, "seed {seed}, step {step}: {asked:?}");
        }
        for table in Table::ALL {
            let mut expected: Vec<_> = model.iter().filter(|(row, _)| row.table == *table).collect::<Vec<_>>();
            expected.sort_by_key(|(row, value)| (row.number, (*value).clone()));
            let expected: Vec<_> = expected.into_iter().map(|(row, value)| (row.number, value.clone())).collect();
            assert_eq!(whole(&store, *table), expected, "seed {seed}: {table:?}");
        }
    }
}

/// A row out of a few hundred, so that changes collide.
fn some_row(random: &mut ChaCha20Rng) -> Row {
    let table = Table::ALL[random.next_u32() as usize % Table::ALL.len()];
    let prefix = vec![b'p'; random.next_u32() as usize % 3];
    Row::new(table, prefix, NUMBERS[random.next_u32() as usize % NUMBERS.len()])
}

fn put(store: &mut impl Store, row: &Row, value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(row.clone(), value.to_vec());
    store.commit(&batch).expect("a sound store commits");
}

fn delete(store: &mut impl Store, row: &Row) {
    let mut batch = Batch::default();
    batch.delete(row.clone());
    store.commit(&batch).expect("a sound store commits");
}

fn value(store: &impl Store, row: &Row) -> Option<Vec<u8>> {
    store.get(row).expect("a sound store answers")
}

fn scanned(store: &impl Store, table: Table, prefix: &[u8], from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut keep = |number, value| {
        rows.push((number, value));
        true
    };
    store.scan(table, prefix, from, &mut keep).expect("a sound store scans");
    rows
}

/// All rows of a table, sorted: a table scan has no order.
fn whole(store: &impl Store, table: Table) -> Vec<(u64, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut keep = |number, value| {
        rows.push((number, value));
        true
    };
    store.scan_table(table, &mut keep).expect("a sound store scans");
    rows.sort();
    rows
}
