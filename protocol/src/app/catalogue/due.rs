//! Due sections: those into which entries were read since their lines were made, and circles whose lines are made again
//! because entries stopped counting or the program changed.
//!
//! A due section is a row that is written with the entries and deleted with the new line, so that no crash and no lock
//! loses one. The sections of the own circle come first, then all others in order of arrival.

use std::collections::BTreeMap;

use crate::{
    bytes::{codec, ids::CircleId},
    store::{Batch, Row, Store, StoreError, Table},
};

use super::{FORM, SectionKey, altered};

/// Version of the program and of the rows: lines of another version are made again.
const BY: &str = concat!(env!("CARGO_PKG_VERSION"), " 1");
/// The first place of a circle's sections, where making its lines again begins.
const START: u64 = 0;

/// The due sections of an unlocked node, as in its rows.
#[derive(Debug, Default)]
pub struct Due {
    sections: BTreeMap<(bool, u64), SectionKey>,
    /// Circles whose lines are made again, each with the place of the next section.
    circles: BTreeMap<CircleId, u64>,
}

impl Due {
    /// Loads the due sections. `own`: the own circle. `circles`: all circles, which are due if another version of the
    /// program made the lines.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn load(store: &mut impl Store, own: &CircleId, circles: &[CircleId]) -> Result<Self, StoreError> {
        let mut due = Self::default();
        if store.get(&version_row())?.as_deref() != Some(BY.as_bytes()) {
            let mut batch = Batch::default();
            for circle in circles {
                again(circle, &mut batch);
            }
            batch.put(version_row(), BY.as_bytes().to_vec());
            store.commit(&batch)?;
        }
        let mut sound = true;
        store.scan(Table::Catalogue, &sections_prefix(), 0, &mut |number, value| {
            match codec::decode::<SectionKey>("due section", &value, 64) {
                Ok(at) => due.insert(own, number, at),
                Err(_) => sound = false,
            }
            sound
        })?;
        if !sound {
            return Err(altered());
        }
        for circle in circles {
            if let Some(next) = store.get(&again_row(circle))? {
                let next = next.try_into().map_err(|_| StoreError::Altered { table: Table::Meta.label() })?;
                due.circles.insert(*circle, u64::from_be_bytes(next));
            }
        }
        Ok(due)
    }

    /// Adds a section; its row is that of [`mark`].
    pub fn insert(&mut self, own: &CircleId, arrival: u64, at: SectionKey) {
        self.sections.insert((at.0 != *own, arrival), at);
    }

    /// Adds a circle whose lines are made again; its row is that of [`again`].
    pub fn insert_circle(&mut self, circle: CircleId) {
        self.circles.insert(circle, START);
    }

    /// Number of due sections, without those of circles whose lines are made again.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.sections.len() as u64
    }

    /// Whether every line is as new as its section.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty() && self.circles.is_empty()
    }

    /// Takes the next sections, at most `most`, with the numbers of their arrival.
    pub fn take(&mut self, most: usize) -> Vec<(u64, SectionKey)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(((_, arrival), at)) = self.sections.pop_first()
        {
            taken.push((arrival, at));
        }
        taken
    }

    /// Gives back sections that were taken, since their lines could not be written.
    pub fn give_back(&mut self, own: &CircleId, taken: &[(u64, SectionKey)]) {
        for (arrival, at) in taken {
            self.insert(own, *arrival, *at);
        }
    }

    /// The next circle whose lines are made again, and the place of its next section.
    #[must_use]
    pub fn circle(&self) -> Option<(CircleId, u64)> {
        self.circles.first_key_value().map(|(circle, from)| (*circle, *from))
    }

    /// The circles whose lines are made again.
    pub fn circles(&self) -> impl Iterator<Item = &CircleId> {
        self.circles.keys()
    }

    /// Notes how far the lines of a circle were made again; `None`: to the end.
    pub fn reached(&mut self, circle: &CircleId, next: Option<u64>, batch: &mut Batch) {
        match next {
            Some(next) => {
                self.circles.insert(*circle, next);
                batch.put(again_row(circle), next.to_be_bytes().to_vec());
            }
            None => {
                self.circles.remove(circle);
                batch.delete(again_row(circle));
            }
        }
    }
}

/// Marks a section as due, in the batch that changes it. `arrival`: the section's number in the order of arrival.
pub fn mark(arrival: u64, at: &SectionKey, batch: &mut Batch) {
    batch.put(due_row(arrival), codec::encode(at));
}

/// Removes the mark of a section, in the batch with its line.
pub fn unmark(arrival: u64, batch: &mut Batch) {
    batch.delete(due_row(arrival));
}

/// Marks a circle, in the batch after which some of its entries no longer count. The row can be written while the
/// reading keys are locked away.
pub fn again(circle: &CircleId, batch: &mut Batch) {
    batch.put(again_row(circle), START.to_be_bytes().to_vec());
}

fn again_row(circle: &CircleId) -> Row {
    Row::new(Table::Meta, [b"catalogue", &circle.0[..]].concat(), 0)
}

fn version_row() -> Row {
    Row::new(Table::Catalogue, "version", 0)
}

fn sections_prefix() -> Vec<u8> {
    [&[FORM], &b"due"[..]].concat()
}

fn due_row(arrival: u64) -> Row {
    Row::new(Table::Catalogue, sections_prefix(), arrival)
}
