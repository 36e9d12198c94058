//! The interface of a key-value store, its table layout, and the store in memory.
//!
//! A store is a set of small ordered tables. A row is named by its table, a prefix (opaque bytes) and a number; rows of
//! one prefix are visited in ascending number. A batch becomes durable as a whole or not at all. The disk store seals
//! values and hides prefixes (SPEC §Store); nothing here depends on that. Both stores pass the suite `conformance`.

use std::collections::BTreeMap;

use thiserror::Error;

pub mod staged;

#[cfg(any(test, feature = "sim"))]
pub mod conformance;

/// The class of a table: which keys protect it at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Tables needed to replicate; readable until the node stops.
    Carrier,
    /// Tables needed to read or to sign; unreadable after `lock`.
    Reader,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $number:literal $label:literal $class:ident;)*) => {
        /// The tables of the key layout: number on disk, class, and the meaning of prefix and number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table {
            $($(#[$doc])* $name = $number,)*
        }

        impl Table {
            /// All tables, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The table's name in errors and in SPEC.md.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The class of keys that protect the table.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }
        }
    };
}

tables! {
    /// Facts about the data folder: registry, organisation, device, schema of the layout, incarnations of own keys.
    /// Prefix: a word, or "run" ‖ key; number 0.
    Meta = 0 "meta" Carrier;
    /// Founding, roster links and proofs of roster forks, grants not yet tried. Prefix: a word, or a word ‖
    /// organisation; number: index of the link, or start of the entry's id.
    Control = 1 "control" Carrier;
    /// Circles that this node holds: definition and secret. Prefix: circle; number 0.
    Circle = 2 "circle" Carrier;
    /// Signed headers as received. Prefix: feed (circle ‖ key ‖ incarnation); number: seq.
    Header = 3 "header" Carrier;
    /// Positions of entries: feed and seq. Prefix: entry id; number 0.
    Place = 4 "place" Carrier;
    /// Bodies as received. Prefix: entry id; number 0.
    Body = 5 "body" Carrier;
    /// State of a feed, with the proof if it forked. Prefix: feed; number 0.
    Feed = 6 "feed" Carrier;
    /// Displaced feeds whose rows are being deleted. Prefix: feed; number 0.
    Shed = 7 "shed" Carrier;
    /// Missing bodies of counted entries. Prefix: entry id; number 0.
    Wanted = 8 "wanted" Carrier;
    /// Frontiers that this node and a peer agreed on. Prefix: peer ‖ circle; number 0.
    Anchor = 9 "anchor" Carrier;
    /// Network settings: node key, network key, addresses, holds. Prefix: a word or a peer; number 0.
    Network = 10 "network" Carrier;
    /// Index of sections: entries of a section in order of arrival; a circle's index rows and counters; unreadable
    /// sections. Prefix: circle ‖ section, or a word with or without a circle; number: order.
    Section = 11 "section" Reader;
    /// Keys of epochs. Prefix: circle ‖ epoch; number 0.
    Epoch = 12 "epoch" Reader;
    /// Own signing and reading keys. Prefix: purpose; number 0.
    Key = 13 "key" Reader;
    /// Local data of the organisation's people: case labels, petnames, countries, scheduled shares. Prefix: a word, or
    /// a word with an id; number: order.
    Desk = 14 "desk" Reader;
    /// Entries with a body that are not yet folded into their sections. Prefix: entry id; number 0.
    Unread = 15 "unread" Carrier;
    /// Entries written by a newer version, with the version that could not read them. Prefix: entry id; number 0.
    Later = 16 "later" Carrier;
    /// Alarms that no person has acknowledged yet. Prefix: the problem; number 0.
    Alarm = 17 "alarm" Carrier;
    /// The catalogue: lines of records, counts, which lines have a code, sections that are due. Prefix: a word with a
    /// kind or code, or circle ‖ section; number: order, the newest first.
    Catalogue = 18 "catalogue" Reader;
}

/// The name of a row: table, prefix and number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The table.
    pub table: Table,
    /// The bytes that name the row's subject.
    pub prefix: Vec<u8>,
    /// The position among rows of the same prefix.
    pub number: u64,
}

impl Row {
    /// Names a row of `table` under `prefix` and `number`.
    pub fn new(table: Table, prefix: impl AsRef<[u8]>, number: u64) -> Self {
        Self { table, prefix: prefix.as_ref().to_vec(), number }
    }
}

/// A batch of changes that become durable together, applied in order: of two changes of one row the later counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(pub Vec<(Row, Option<Vec<u8>>)>);

impl Batch {
    /// Whether the batch has no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a row.
    pub fn put(&mut self, row: Row, value: Vec<u8>) {
        self.0.push((row, Some(value)));
    }

    /// Removes a row, if it exists.
    pub fn delete(&mut self, row: Row) {
        self.0.push((row, None));
    }

    /// Appends the changes of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

/// Errors of a store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Reading or writing failed; nothing of the batch may be taken as durable.
    #[error("the store cannot {attempted}: {reason}")]
    Failed {
        /// The operation that was attempted, as a verb.
        attempted: &'static str,
        /// The store's own reason.
        reason: String,
    },
    /// The disk is full: reading still works, nothing more is acknowledged.
    #[error("the disk is full")]
    Full,
    /// A value fails the disk's checksum or does not open under its key: damaged or altered on disk, moved from another
    /// row, or of another database.
    #[error("a row of table {table} was altered outside Habeas")]
    Altered {
        /// Label of the table.
        table: &'static str,
    },
    /// The table's keys are not in memory, since the node is locked.
    #[error("table {table} is locked")]
    Locked {
        /// Label of the table.
        table: &'static str,
    },
}

/// A visitor of rows: called with number and value of each; returns whether to continue. It does not get the prefix: a
/// disk store keeps only a keyed hash of it, so a value repeats what it needs of the prefix.
pub type Visit<'a> = dyn FnMut(u64, Vec<u8>) -> bool + 'a;

/// A store of rows. Reads see every batch committed before them.
pub trait Store {
    /// Returns the value of a row; `None` if it was never put, or was deleted.
    ///
    /// # Errors
    /// The row cannot be read, was altered, or is locked.
    fn get(&self, row: &Row) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits rows of one prefix in ascending number, starting at `from`.
    ///
    /// # Errors
    /// A row cannot be read, was altered, or is locked.
    fn scan(&self, table: Table, prefix: &[u8], from: u64, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Visits every row of a table once, in no particular order.
    ///
    /// # Errors
    /// A row cannot be read, was altered, or is locked.
    fn scan_table(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Makes a batch durable, its changes applied in order: once this returns `Ok`, a power cut does not undo it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::Full`]; nothing more is acknowledged until the store is opened again.
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;
}

/// The store in memory: for the simulator, and as the reference for the disk store.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<Row, Vec<u8>>);

impl Store for Memory {
    fn get(&self, row: &Row) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(row).cloned())
    }

    fn scan(&self, table: Table, prefix: &[u8], from: u64, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        for (row, value) in self.0.range(Row::new(table, prefix, from)..=Row::new(table, prefix, u64::MAX)) {
            if !visit(row.number, value.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn scan_table(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        for (row, value) in self.0.range(Row::new(table, [], 0)..).take_while(|(row, _)| row.table == table) {
            if !visit(row.number, value.clone()) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for (row, value) in &batch.0 {
            match value {
                Some(value) => self.0.insert(row.clone(), value.clone()),
                None => self.0.remove(row),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{conformance::Bench, *};

    struct InMemory;

    impl Bench for InMemory {
        type Store = Memory;

        fn fresh(&mut self) -> Memory {
            Memory::default()
        }

        fn reopen(&mut self, store: Memory) -> Memory {
            store
        }
    }

    crate::store_conformance!(InMemory);

    #[test]
    fn table_numbers_and_labels_are_unique_and_ascend() {
        for (at, pair) in Table::ALL.windows(2).enumerate() {
            assert!(pair[0] as u8 == at as u8 && pair[1] as u8 == at as u8 + 1, "{pair:?}");
            assert!(Table::ALL[at + 1..].iter().all(|later| later.label() != pair[0].label()), "{pair:?}");
        }
    }
}
