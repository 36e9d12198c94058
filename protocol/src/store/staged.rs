//! A store with changes that are not yet written: reads see them, and they leave as one batch.

use std::collections::BTreeMap;

use crate::store::{Batch, Row, Store, StoreError};

/// Reads through, writes aside.
pub struct Staged<'a, S> {
    store: &'a S,
    changes: BTreeMap<Row, Option<Vec<u8>>>,
}

impl<'a, S: Store> Staged<'a, S> {
    /// Nothing changed yet.
    pub fn new(store: &'a S) -> Self {
        Self { store, changes: BTreeMap::new() }
    }

    /// As if `pending` were written already; it leaves with the changes made here.
    pub fn over(store: &'a S, pending: Batch) -> Self {
        Self { store, changes: pending.0.into_iter().collect() }
    }

    /// The store below, for scans of what this step does not change.
    pub fn store(&self) -> &'a S {
        self.store
    }

    /// The value of a row, changes included.
    pub fn get(&self, row: &Row) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(row) {
            Some(change) => Ok(change.clone()),
            None => self.store.get(row),
        }
    }

    /// Sets a row.
    pub fn put(&mut self, row: Row, value: Vec<u8>) {
        self.changes.insert(row, Some(value));
    }

    /// Removes a row.
    pub fn delete(&mut self, row: Row) {
        self.changes.insert(row, None);
    }

    /// The changes as one batch.
    pub fn into_batch(self) -> Batch {
        let mut batch = Batch::default();
        for (row, value) in self.changes {
            match value {
                Some(value) => batch.put(row, value),
                None => batch.delete(row),
            }
        }
        batch
    }
}
