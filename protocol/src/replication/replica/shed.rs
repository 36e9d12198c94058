//! Shedding: deletes the rows of displaced feeds a few at a time; a crash between two steps does no harm.
//!
//! A displaced feed stops counting at once, since it has no head; shedding only frees the disk. It never counts again,
//! since smaller incarnations stay.

use serde::{Deserialize, Serialize};

use super::{Replica, body_row, decode, place_row, unread_row};
use crate::{
    bytes::{
        codec,
        ids::{CircleId, FeedKey, Incarnation},
        limits::SHED_AT_ONCE,
    },
    log::entry::FeedId,
    store::{Row, Store, StoreError, Table, staged::Staged},
};

/// Row of a displaced feed, with the first of its numbers that may still have rows.
#[derive(Serialize, Deserialize)]
struct ShedRow(CircleId, FeedKey, Incarnation, u64);

impl Replica {
    /// Whether rows of displaced feeds are still to be deleted.
    #[must_use]
    pub fn sheds(&self) -> bool {
        !self.shedding.is_empty()
    }

    /// Deletes a few rows of one displaced feed. Rows of displaced feeds must not be staged in the same step.
    ///
    /// # Errors
    /// The store cannot be read, or a header does not decode.
    pub fn shed<S: Store>(&mut self, staged: &mut Staged<'_, S>) -> Result<(), StoreError> {
        let Some((feed, next)) = self.shedding.first_key_value().map(|(feed, next)| (*feed, *next)) else {
            return Ok(());
        };
        let mut found = Vec::new();
        staged.store().scan(Table::Header, &feed.bytes(), next, &mut |seq, header| {
            found.push((seq, header));
            found.len() < SHED_AT_ONCE.0
        })?;
        for (seq, header) in &found {
            let id = self.restore(header)?.id();
            for row in [place_row(&id), body_row(&id), unread_row(&id), Row::new(Table::Later, id, 0)] {
                staged.delete(row);
            }
            staged.delete(Row::new(Table::Header, feed.bytes(), *seq));
        }
        match found.last() {
            Some((last, _)) if found.len() == SHED_AT_ONCE.0 => self.shed_from(staged, feed, last + 1),
            _ => {
                self.shedding.remove(&feed);
                staged.delete(shed_row(&feed));
            }
        }
        Ok(())
    }

    pub(super) fn shed_from<S: Store>(&mut self, staged: &mut Staged<'_, S>, feed: FeedId, next: u64) {
        staged.put(shed_row(&feed), codec::encode(&ShedRow(feed.circle, feed.key, feed.run, next)));
        self.shedding.insert(feed, next);
    }

    pub(super) fn load_shedding(&mut self, store: &impl Store) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        store.scan_table(Table::Shed, &mut |_, value| {
            rows.push(value);
            true
        })?;
        for row in rows {
            let ShedRow(circle, key, run, next) = decode(Table::Shed, &row)?;
            self.shedding.insert(FeedId { circle, key, run }, next);
        }
        Ok(())
    }
}

fn shed_row(feed: &FeedId) -> Row {
    Row::new(Table::Shed, feed.bytes(), 0)
}
