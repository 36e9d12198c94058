//! A staged store: reads see changes that are not yet written, and the changes leave as one batch.

use std::collections::BTreeMap;

use crate::store::{Batch, Row, Store, StoreError};

/// A view of a store with uncommitted changes on top.
pub struct Staged<'a, S> {
    store: &'a S,
    changes: BTreeMap<Row, Option<Vec<u8>>>,
}

impl<'a, S: Store> Staged<'a, S> {
    /// Starts without changes.
    pub fn new(store: &'a S) -> Self {
        Self { store, changes: BTreeMap::new() }
    }

    /// Starts with the changes of `pending`, as if they were committed; they leave with the changes made here.
    pub fn over(store: &'a S, pending: Batch) -> Self {
        Self { store, changes: pending.0.into_iter().collect() }
    }

    /// The underlying store, for scans of rows that this step does not change.
    pub fn store(&self) -> &'a S {
        self.store
    }

    /// Returns the value of a row, changes included.
    ///
    /// # Errors
    /// Those of the underlying store.
    pub fn get(&self, row: &Row) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.get(row) {
            Some(change) => Ok(change.clone()),
            None => self.store.get(row),
        }
    }

    /// Stages a new value of a row.
    pub fn put(&mut self, row: Row, value: Vec<u8>) {
        self.changes.insert(row, Some(value));
    }

    /// Stages the removal of a row.
    pub fn delete(&mut self, row: Row) {
        self.changes.insert(row, None);
    }

    /// Stages that a row is not there: a new value of a row that the store does not have leaves no change at all.
    ///
    /// # Errors
    /// Those of the underlying store.
    pub fn unstage(&mut self, row: Row) -> Result<(), StoreError> {
        if matches!(self.changes.get(&row), Some(Some(_))) && self.store.get(&row)?.is_none() {
            self.changes.remove(&row);
        } else {
            self.delete(row);
        }
        Ok(())
    }

    /// Returns the changes as one batch.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Memory, Table};

    #[test]
    fn a_row_that_comes_and_goes_in_one_step_leaves_no_change_unless_the_store_has_it() {
        let (new, old) = (Row::new(Table::Unread, "new", 0), Row::new(Table::Unread, "old", 0));
        let mut store = Memory::default();
        let mut batch = Batch::default();
        batch.put(old.clone(), vec![1]);
        store.commit(&batch).expect("memory");
        let mut staged = Staged::new(&store);
        for row in [&new, &old] {
            staged.put(row.clone(), vec![2]);
            staged.unstage(row.clone()).expect("memory");
            assert_eq!(staged.get(row).expect("memory"), None);
        }
        assert_eq!(staged.into_batch(), Batch(vec![(old, None)]));
    }
}
