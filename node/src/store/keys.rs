//! Keys of rows on the disk.

use std::ops::Range;

use protocol::{
    bytes::seal::{Secret, hash, keyed},
    store::Table,
};

use crate::vault::DatabaseId;

/// Key of a row on the disk: table ‖ hidden prefix ‖ number.
pub(super) type RowKey = [u8; 25];

/// Builds the key of a row: `prefix` is hidden under the table's row key, and the number comes last, so that rows of
/// one prefix sort by number.
pub(super) fn row_key(table: Table, hiding: &Secret, prefix: &[u8], number: u64) -> RowKey {
    let hidden = keyed(hiding, &[prefix]);
    let mut key = [0; 25];
    key[0] = table as u8;
    key[1..17].copy_from_slice(&hidden[..16]);
    key[17..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Parses the number in a row key; `None` if it is not one.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    let key: &RowKey = key.try_into().ok()?;
    Some(u64::from_be_bytes(key[17..].try_into().expect("a row key ends in eight bytes")))
}

/// Range of all rows with the prefix of `first`, from its number on. The end is exclusive: one byte longer than the
/// last.
pub(super) fn rows_from(first: RowKey) -> Range<Vec<u8>> {
    let mut end = first.to_vec();
    end[17..].fill(0xFF);
    end.push(0);
    first.to_vec()..end
}

/// Range of all rows of a table.
pub(super) fn rows_of(table: Table) -> Range<Vec<u8>> {
    vec![table as u8]..vec![table as u8 + 1]
}

/// Check row of the carrier class, outside every table: [`check_value`] of the keys that the database was made with.
/// Wrong keys are detected before anything is read or written.
pub(super) const CARRIER_CHECK: [u8; 2] = [0xFF, 0];
/// Check row of the reader class, written when the reader tables are first unlocked.
pub(super) const READER_CHECK: [u8; 2] = [0xFF, 1];

/// Key of a row that never exists.
pub(super) const NO_ROW: [u8; 2] = [0xFF, 0xFF];

/// Hash of a class key and a database, which identifies the key and reveals nothing about it.
pub(super) fn check_value(class: &Secret, database: DatabaseId) -> [u8; 32] {
    hash("habeas 1 store check", &[class.expose(), &database.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_prefix_sort_by_number_inside_their_range() {
        let hiding = Secret::new([3; 32]);
        let key = |number| row_key(Table::Header, &hiding, b"feed", number);
        let rows = rows_from(key(7));
        for (number, inside) in [(0, false), (6, false), (7, true), (256, true), (u64::MAX, true)] {
            assert_eq!(rows.contains(&key(number).to_vec()), inside, "{number}");
            assert_eq!(number_of(&key(number)), Some(number));
        }
        assert!(!rows.contains(&row_key(Table::Header, &hiding, b"feed2", 9).to_vec()));
    }

    #[test]
    fn every_table_lies_below_the_checks() {
        assert!(Table::ALL.iter().all(|table| rows_of(*table).end < CARRIER_CHECK.to_vec()));
    }
}
