//! Seals of the rows of a table: hidden row keys, and values that open only in their own place.
//!
//! A nonce is a keyed hash of fresh random bytes, the row key and the value. The random bytes alone would suffice, but
//! a machine image that is resumed twice repeats its random source; then equal nonces only occur with equal values.

use std::collections::BTreeMap;

use protocol::{
    bytes::seal::{self, Entropy, NONCE, Secret, keyed},
    store::{Class, StoreError, Table},
};

use super::keys::{RowKey, row_key};
use crate::vault::DatabaseId;

/// Keys of all open tables.
pub(super) struct Seals {
    database: DatabaseId,
    open: BTreeMap<Table, TableSeal>,
}

impl Seals {
    /// Opens the carrier tables; the reader tables stay locked.
    pub(super) fn new(database: DatabaseId, carrier: &Secret) -> Self {
        let mut seals = Self { database, open: BTreeMap::new() };
        seals.unlock(Class::Carrier, carrier);
        seals
    }

    /// Opens the tables of `class`.
    pub(super) fn unlock(&mut self, class: Class, key: &Secret) {
        let tables = Table::ALL.iter().filter(|table| table.class() == class);
        self.open.extend(tables.map(|table| (*table, TableSeal::new(*table, self.database, key))));
    }

    /// Forgets the keys of the reader tables.
    pub(super) fn lock(&mut self) {
        self.open.retain(|table, _| table.class() == Class::Carrier);
    }

    /// Returns the keys of `table`, or `Locked`.
    pub(super) fn of(&self, table: Table) -> Result<&TableSeal, StoreError> {
        self.open.get(&table).ok_or(StoreError::Locked { table: table.label() })
    }
}

/// Keys of one table.
pub(super) struct TableSeal {
    table: Table,
    database: DatabaseId,
    hiding: Secret,
    nonces: Secret,
    values: Secret,
}

impl TableSeal {
    pub(super) fn new(table: Table, database: DatabaseId, class: &Secret) -> Self {
        let of_table = |purpose| Secret::hashed(purpose, &[class.expose(), table.label().as_bytes()]);
        Self {
            table,
            database,
            hiding: of_table("habeas 1 store row names"),
            nonces: of_table("habeas 1 store nonces"),
            values: of_table("habeas 1 store values"),
        }
    }

    /// Builds the key of a row on the disk.
    pub(super) fn row(&self, prefix: &[u8], number: u64) -> RowKey {
        row_key(self.table, &self.hiding, prefix, number)
    }

    /// Seals `value` for the row `key`.
    pub(super) fn seal(&self, key: &[u8], value: &[u8], entropy: &mut Entropy) -> Vec<u8> {
        let fresh: [u8; 32] = entropy.bytes();
        let hedged = keyed(&self.nonces, &[&fresh, key, value]);
        let nonce = hedged.first_chunk::<NONCE>().expect("a hash is longer than a nonce");
        [nonce, &seal::seal(&self.values, nonce, &bound(self.database, key), value)[..]].concat()
    }

    /// Opens a value that was sealed for the row `key`; `Altered` for any other bytes or place.
    pub(super) fn open(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let opened = sealed
            .split_first_chunk()
            .and_then(|(nonce, sealed)| seal::open(&self.values, nonce, &bound(self.database, key), sealed));
        opened.ok_or(StoreError::Altered { table: self.table.label() })
    }
}

/// Associated data of a value: database and row key.
fn bound(database: DatabaseId, key: &[u8]) -> Vec<u8> {
    [&database.0, key].concat()
}

#[cfg(test)]
mod tests {

    use super::*;

    fn seal_of(class: u8, database: u8, table: Table) -> TableSeal {
        TableSeal::new(table, DatabaseId([database; 16]), &Secret::new([class; 32]))
    }

    fn check(place: &TableSeal, key: &RowKey, sealed: &[u8], expected: Option<&[u8]>) {
        assert_eq!(place.open(key, sealed).ok().as_deref(), expected);
    }

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let (home, mut entropy) = (seal_of(1, 1, Table::Place), Entropy::new([1; 32]));
        let key = home.row(b"entry", 5);
        let sealed = home.seal(&key, b"value", &mut entropy);
        assert_eq!(sealed.len(), NONCE + b"value".len() + seal::TAG);
        check(&home, &key, &sealed, Some(b"value"));
        check(&home, &home.row(b"entry", 6), &sealed, None);
        check(&home, &home.row(b"other", 5), &sealed, None);
        check(&seal_of(2, 1, Table::Place), &key, &sealed, None);
        check(&seal_of(1, 2, Table::Place), &key, &sealed, None);
        check(&seal_of(1, 1, Table::Body), &key, &sealed, None);
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 0x10;
            check(&home, &key, &flipped, None);
            check(&home, &key, &sealed[..at], None);
        }
    }

    #[test]
    fn the_same_prefix_has_another_name_in_each_table_and_database_key() {
        let names = [(1, Table::Place), (1, Table::Body), (2, Table::Place)]
            .map(|(class, table)| seal_of(class, 1, table).row(b"entry", 0)[1..17].to_vec());
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
    }

    /// A virtual machine that is restored twice from one snapshot draws the same random bytes twice.
    #[test]
    fn a_repeated_random_source_never_repeats_a_nonce_for_another_value() {
        let home = seal_of(1, 1, Table::Place);
        let [one, two] = [home.row(b"entry", 1), home.row(b"entry", 2)];
        let nonce = |key, value: &[u8]| home.seal(key, value, &mut Entropy::new([1; 32]))[..NONCE].to_vec();
        assert_eq!(nonce(&one, b"a"), nonce(&one, b"a"));
        assert_ne!(nonce(&one, b"a"), nonce(&one, b"b"));
        assert_ne!(nonce(&one, b"a"), nonce(&two, b"a"));
        let mut entropy = Entropy::new([1; 32]);
        assert_ne!(home.seal(&one, b"a", &mut entropy), home.seal(&one, b"a", &mut entropy));
    }
}
