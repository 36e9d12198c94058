//! Sections that this version cannot make from their entries: set aside, so that one of them stops nothing else.
//!
//! A panic while a section is made is a mistake of this program, and the entries that cause it come back with each start.
//! So it is caught, the section is set aside with a row that says by which version, and only that section is missing.
//! Another version tries it again.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    bytes::{
        codec,
        ids::{CircleId, SectionId},
    },
    store::{Batch, Row, Store, StoreError, Table},
};

/// A section and its circle.
pub(super) type At = (CircleId, SectionId);

/// Who could not make a section.
const BY: &str = env!("CARGO_PKG_VERSION");

/// Why a section is not shown.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Making it failed, now or before.
    #[error("section {section:?} cannot be made from its entries by this version")]
    Broken {
        /// Its circle.
        circle: CircleId,
        /// The section.
        section: SectionId,
    },
}

#[derive(Serialize, Deserialize)]
struct BrokenRow(CircleId, SectionId, String);

/// What is set aside.
#[derive(Debug, Default)]
pub(super) struct Broken {
    known: BTreeSet<At>,
    /// Not in the store yet.
    fresh: BTreeSet<At>,
}

impl Broken {
    /// What a store says this version could not make.
    pub(super) fn load(store: &impl Store) -> Result<Self, StoreError> {
        let mut broken = Self::default();
        store.scan(Table::Section, PREFIX, 0, &mut |_, value| {
            // A row of another form was written by another version, whose trouble need not be ours.
            if let Ok(BrokenRow(circle, section, by)) = codec::decode("broken section", &value, 256)
                && by == BY
            {
                broken.known.insert((circle, section));
            }
            true
        })?;
        Ok(broken)
    }

    /// Does what may fail with a section, unless it failed before.
    pub(super) fn guard<T>(&mut self, at: At, work: impl FnOnce() -> Result<T, FoldError>) -> Result<T, FoldError> {
        let broken = FoldError::Broken { circle: at.0, section: at.1 };
        if self.known.contains(&at) {
            return Err(broken);
        }
        // What the work had in hand is dropped by whoever called: nothing half made is looked at again.
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            self.known.insert(at);
            self.fresh.insert(at);
            Err(broken)
        })
    }

    /// The rows of what was set aside since this was last asked.
    pub(super) fn rows(&mut self) -> Batch {
        let mut batch = Batch::default();
        for (circle, section) in std::mem::take(&mut self.fresh) {
            let row = BrokenRow(circle, section, BY.to_owned());
            batch.put(Row::new(Table::Section, PREFIX, number(&circle, &section)), codec::encode(&row));
        }
        batch
    }
}

const PREFIX: &[u8] = b"broken";

/// Two sections may share a number: then one of them is tried once more after a start.
fn number(circle: &CircleId, section: &SectionId) -> u64 {
    let half = |id: &[u8; 16]| u64::from_be_bytes(*id.first_chunk().expect("an id has 16 bytes"));
    half(&circle.0) ^ half(&section.0)
}
