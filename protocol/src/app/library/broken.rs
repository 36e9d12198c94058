//! Sections that this version cannot fold from their entries: set aside, so that one of them stops nothing else.
//!
//! A panic while a section is folded is a fault of this program, and the entries that cause it are still there after a
//! restart. So the panic is caught, the section is set aside with a row that names the version, and only that section
//! is missing. Another version tries to fold it again.

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

/// Version of the program that could not fold a section.
const BY: &str = env!("CARGO_PKG_VERSION");

/// The reason why a section is not shown.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Folding failed, now or earlier.
    #[error("section {section:?} cannot be made from its entries by this version")]
    Broken {
        /// Circle of the section.
        circle: CircleId,
        /// Id of the section.
        section: SectionId,
    },
}

#[derive(Serialize, Deserialize)]
struct BrokenRow(CircleId, SectionId, String);

/// The sections that were set aside.
#[derive(Debug, Default)]
pub(super) struct Broken {
    known: BTreeSet<At>,
    /// Sections that are not in the store yet.
    fresh: BTreeSet<At>,
}

impl Broken {
    /// Loads the sections that this version could not fold.
    pub(super) fn load(store: &impl Store) -> Result<Self, StoreError> {
        let mut broken = Self::default();
        store.scan(Table::Section, PREFIX, 0, &mut |_, value| {
            // A row of another form was written by another version, for which alone it holds.
            if let Ok(BrokenRow(circle, section, by)) = codec::decode("broken section", &value, 256)
                && by == BY
            {
                broken.known.insert((circle, section));
            }
            true
        })?;
        Ok(broken)
    }

    /// Runs `work` for a section and catches its panic; refused if the section failed before.
    pub(super) fn guard<T>(&mut self, at: At, work: impl FnOnce() -> Result<T, FoldError>) -> Result<T, FoldError> {
        let broken = FoldError::Broken { circle: at.0, section: at.1 };
        if self.known.contains(&at) {
            return Err(broken);
        }
        // The caller drops the data that the work used, so nothing half-made is used again.
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            self.known.insert(at);
            self.fresh.insert(at);
            Err(broken)
        })
    }

    /// Rows of the sections that were set aside since the last call.
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

/// The row number of a section. Two sections may share a number: then one of them is tried once more after a start.
fn number(circle: &CircleId, section: &SectionId) -> u64 {
    let half = |id: &[u8; 16]| u64::from_be_bytes(*id.first_chunk().expect("an id has 16 bytes"));
    half(&circle.0) ^ half(&section.0)
}
