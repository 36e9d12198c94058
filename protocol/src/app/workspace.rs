//! The workspace: the requests that an unlocked node answers and writes for its people, over its replica and its store.
//!
//! Every rule on who may read which record is decided here or in a layer below, without clock, disk or network: the
//! node passes in the state, the store, entropy and the time, and carries out the result. The same code runs in the
//! simulator.

mod copies;
mod evaluation;
mod importing;
mod lists;
mod petnames;
mod preview;
mod questions;
mod queue;
mod records;
mod sharing;
mod writing;

use crate::{
    app::{
        catalogue::Due,
        control::{Problem, codes},
        library::{FoldError, Library},
        names::AddressBook,
    },
    bytes::{
        ids::{EntryId, OrgId, RegistryId, SectionId},
        seal::{Entropy, keyed},
        words,
    },
    membership::circle::Circle,
    replication::sync::State,
    store::{Batch, Store, StoreError},
};

pub use self::{
    copies::{MergedRecord, is_hidden},
    evaluation::{AT_ONCE, made_again},
    importing::{ImportRun, ImportStep},
    preview::{ScanPurpose, ShareScan},
    queue::{QueueStep, ShareQueue},
    records::RecordRef,
    writing::{PendingWrite, Prepared},
};

pub use crate::app::catalogue::SectionKey;

/// A planted mistake in sharing, which the simulator must find.
#[cfg(any(test, feature = "sim"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A cancelled share stays on the disk.
    CancelledShareKept,
    /// The mark that a case file changed is not durable with the change.
    ChangeForgotten,
    /// A withdrawal that another organisation recorded does not stop sharing.
    WithdrawalElsewhereIgnored,
    /// A local field is restated together with the others.
    LocalFieldRestated,
    /// Consent of the person is not checked.
    ConsentIgnored,
    /// An entry in a shared copy does not make the line of the own case file due.
    CopyNotDue,
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The cache of the records in memory: derived from the store, and dropped by a lock.
#[derive(Default)]
pub struct Cache {
    /// Folded sections.
    pub library: Library,
    /// Call-signs, and petnames while unlocked.
    pub names: AddressBook,
    /// Shares that wait, and case files whose shared copies are to be updated.
    pub queue: ShareQueue,
    /// Sections whose lines in the catalogue are to be made.
    pub due: Due,
    alarms: Vec<Problem>,
    /// A planted mistake, which the simulator must find.
    #[cfg(any(test, feature = "sim"))]
    pub mistake: Option<Mistake>,
}

impl Cache {
    /// Drops everything that was read with the reading keys. Call-signs are kept: they are public in the registry.
    pub fn lock(&mut self) {
        self.library.forget();
        let names = self.names.without_petnames();
        let library = std::mem::take(&mut self.library);
        *self = Self { names, library, alarms: std::mem::take(&mut self.alarms), ..Self::default() };
    }

    /// Drops everything that rests on entries that stopped counting, or on a store that was loaded again.
    pub fn forget(&mut self) {
        self.library.forget();
    }

    /// Takes the alarms that were found since the last call.
    pub fn take_alarms(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.alarms)
    }
}

/// The workspace of one call: state, store, cache, entropy and time, lent by the node.
pub struct Workspace<'a, S> {
    /// The replica and its keys.
    pub state: &'a State,
    /// Rows of the store.
    pub store: &'a mut S,
    /// Cache of the records.
    pub cache: &'a mut Cache,
    /// Randomness for new ids and keys.
    pub entropy: &'a mut Entropy,
    /// Time: UTC, seconds.
    pub now: u64,
}

impl<S: Store> Workspace<'_, S> {
    /// Id of this organisation.
    #[must_use]
    pub fn us(&self) -> OrgId {
        self.state.organisation()
    }

    /// Id of the registry.
    #[must_use]
    pub fn registry(&self) -> RegistryId {
        self.state.replica().members.registry()
    }

    /// Call-sign of a member; empty for any other organisation.
    #[must_use]
    pub fn call_sign(&self, org: &OrgId) -> String {
        self.state.replica().members.call_sign(org).unwrap_or_default().to_owned()
    }

    /// Circles that this organisation reads together with others.
    #[must_use]
    pub fn shared_circles(&self) -> Vec<Circle> {
        let us = self.us();
        let circles = self.state.replica().circles().map(|(_, held)| &held.circle);
        circles.filter(|circle| !matches!(circle, Circle::Own(_)) && circle.admits(&us)).cloned().collect()
    }

    /// Circles that this organisation reads, the own one first.
    #[must_use]
    pub fn readable_circles(&self) -> Vec<Circle> {
        [vec![Circle::Own(self.us())], self.shared_circles()].concat()
    }

    /// Refuses a request that needs the reading keys while they are locked away.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn readable(&self) -> Result<(), Problem> {
        if self.state.is_unlocked() { Ok(()) } else { Err(locked()) }
    }

    /// Reads entries into their sections, and marks these as due in the catalogue. `pending` is the batch that accepted the entries: it is
    /// returned with the rows of the index, to be committed in one batch.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn read(&mut self, pending: Batch, ids: &[EntryId]) -> Result<crate::app::library::Reading, StoreError> {
        if !self.state.is_unlocked() || ids.is_empty() {
            return Ok(crate::app::library::Reading { batch: pending, ..Default::default() });
        }
        let mut reading = self.cache.library.read(self.state, self.store, pending, ids)?;
        let own = self.state.circle_of(&Circle::Own(self.us()));
        self.cache.mark(&own, &reading.changed, &mut reading.batch);
        Ok(reading)
    }

    /// Converts the error of a section that is not shown into a problem. A section that this version cannot fold is set
    /// aside for good, with an alarm.
    pub fn not_shown(&mut self, error: FoldError) -> Problem {
        let section = match error {
            FoldError::Store(error) => return error.into(),
            FoldError::Broken { section, .. } => section,
        };
        let batch = self.cache.library.set_aside();
        if let Err(error) = self.commit(&batch) {
            self.cache.alarms.push(error);
        }
        let record = words::pseudonym(&section.0);
        let message = format!("«{record}» cannot be shown by this version; everything else goes on");
        let problem = Problem::new(codes::BROKEN, message).saying("record").with("record", record);
        self.cache.alarms.push(problem.clone());
        problem
    }

    /// The number of a row about a section. Numbers of rows are in clear on the disk: the secret of the own circle keys the
    /// hash, so that nobody who knows a section can look for it.
    fn row_number(&self, section: &SectionId) -> u64 {
        let own = self.state.replica().circle(&self.state.circle_of(&Circle::Own(self.us())));
        let id = match own {
            Some(own) => keyed(&own.secret.derive("habeas 1 row number"), &[&section.0]),
            None => [0; 32],
        };
        u64::from_be_bytes(*id.first_chunk().expect("a hash has 32 bytes"))
    }

    /// Commits rows of the workspace.
    fn commit(&mut self, batch: &Batch) -> Result<(), Problem> {
        if !batch.is_empty() {
            self.store.commit(batch)?;
        }
        Ok(())
    }
}

/// Makes the problem for a request while the reading keys are locked away.
#[must_use]
pub fn locked() -> Problem {
    Problem::new(codes::LOCKED, "the reading keys are locked away")
}
