//! The workspace: what an unlocked node answers and writes for its people, over its replica and its store.
//!
//! Every rule on who may read what is decided here or below, without clock, disk or network: the node lends the state,
//! the store, entropy and the time, and carries out what comes back. The same code runs in the simulator.

mod copies;
mod petnames;
mod preview;
mod questions;
mod queue;
mod received;
mod records;
mod sharing;
mod summaries;
mod writing;

use crate::{
    app::{
        control::{Problem, codes},
        library::{FoldError, Library},
        names::AddressBook,
    },
    bytes::{
        ids::{CircleId, EntryId, OrgId, RegistryId, SectionId},
        seal::{Entropy, keyed},
        words,
    },
    membership::circle::Circle,
    replication::sync::State,
    store::{Batch, Store, StoreError},
};

use self::copies::SharedCopies;
pub use self::{
    copies::{MergedRecord, is_hidden},
    preview::{ScanPurpose, ShareScan},
    queue::{QueueStep, ShareQueue},
    received::Received,
    records::RecordRef,
    summaries::SummaryCache,
    writing::{PendingWrite, Prepared},
};

/// Planted mistakes in sharing, which the simulator must find.
#[cfg(any(test, feature = "sim"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A cancelled share stays on the disk.
    CancelledShareKept,
    /// That a case file changed is not durable with the change.
    ChangeForgotten,
    /// A withdrawal that another organisation recorded stops nothing.
    WithdrawalElsewhereIgnored,
    /// A local field is restated with the others.
    LocalFieldRestated,
    /// The consent of the person is not asked.
    ConsentIgnored,
}

/// A section of a circle.
pub type SectionKey = (CircleId, SectionId);

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What is kept in memory of the records: all of it is derived from the store, and dropped by a lock.
#[derive(Default)]
pub struct Cache {
    /// Folded sections.
    pub library: Library,
    /// Call-signs, and petnames while unlocked.
    pub names: AddressBook,
    /// Shares that wait, and shared copies that are to be brought up to their case file.
    pub queue: ShareQueue,
    /// Case files of others.
    pub received: Received,
    /// Lines of lists.
    pub summaries: SummaryCache,
    copies: SharedCopies,
    alarms: Vec<Problem>,
    /// A planted mistake, which the simulator must find.
    #[cfg(any(test, feature = "sim"))]
    pub mistake: Option<Mistake>,
}

impl Cache {
    /// Drops everything that was read with the reading keys. Call-signs stay: they are public in the registry.
    pub fn lock(&mut self) {
        self.library.forget();
        let names = self.names.without_petnames();
        let library = std::mem::take(&mut self.library);
        *self = Self { names, library, alarms: std::mem::take(&mut self.alarms), ..Self::default() };
    }

    /// Drops what rests on entries that stopped counting, or on a store that was loaded anew.
    pub fn forget(&mut self) {
        self.library.forget();
        self.copies = SharedCopies::default();
        self.summaries = SummaryCache::default();
    }

    /// Takes in that entries were read into these sections. `commons`: the circle of all members, in which nobody hides
    /// what another states.
    pub fn changed<'a>(&mut self, sections: impl IntoIterator<Item = &'a SectionKey> + Clone, commons: &CircleId) {
        self.summaries.changed(sections.clone());
        self.received.changed(sections.into_iter().copied().filter(|(circle, _)| circle != commons));
    }

    /// Hands over what a person should look at and was found since this was last asked.
    pub fn take_alarms(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.alarms)
    }
}

/// One use of the workspace: what the node lends, and the time.
pub struct Workspace<'a, S> {
    /// The replica and its keys.
    pub state: &'a State,
    /// Rows.
    pub store: &'a mut S,
    /// What is remembered.
    pub cache: &'a mut Cache,
    /// Randomness for new ids and keys.
    pub entropy: &'a mut Entropy,
    /// UTC, seconds.
    pub now: u64,
}

impl<S: Store> Workspace<'_, S> {
    /// This organisation.
    #[must_use]
    pub fn us(&self) -> OrgId {
        self.state.organisation()
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> RegistryId {
        self.state.replica().members.registry()
    }

    /// Call-sign of a member; empty for another organisation.
    #[must_use]
    pub fn call_sign(&self, org: &OrgId) -> String {
        self.state.replica().members.call_sign(org).unwrap_or_default().to_owned()
    }

    /// The circles that this organisation reads together with others.
    #[must_use]
    pub fn shared_circles(&self) -> Vec<Circle> {
        let us = self.us();
        let circles = self.state.replica().circles().map(|(_, held)| &held.circle);
        circles.filter(|circle| !matches!(circle, Circle::Own(_)) && circle.admits(&us)).cloned().collect()
    }

    /// The circles that this organisation reads, the own one first.
    #[must_use]
    pub fn readable_circles(&self) -> Vec<Circle> {
        [vec![Circle::Own(self.us())], self.shared_circles()].concat()
    }

    /// Refuses what needs the reading keys while they are locked away.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn readable(&self) -> Result<(), Problem> {
        if self.state.is_unlocked() { Ok(()) } else { Err(locked()) }
    }

    /// Reads entries into their sections and takes in what changed. `pending` is what accepted them: it comes back with
    /// the rows of the index, to be committed in one batch.
    ///
    /// # Errors
    /// What the store says.
    pub fn read(&mut self, pending: Batch, ids: &[EntryId]) -> Result<crate::app::library::Reading, StoreError> {
        if !self.state.is_unlocked() || ids.is_empty() {
            return Ok(crate::app::library::Reading { batch: pending, ..Default::default() });
        }
        let reading = self.cache.library.read(self.state, self.store, pending, ids)?;
        let commons = self.state.circle_of(&Circle::Commons);
        self.cache.changed(&reading.changed, &commons);
        Ok(reading)
    }

    /// The problem of a section that is not shown. One that this version cannot fold is set aside for good, and an alarm
    /// says so.
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
    /// hash, so that who knows a section cannot look for it.
    fn row_number(&self, section: &SectionId) -> u64 {
        let own = self.state.replica().circle(&self.state.circle_of(&Circle::Own(self.us())));
        let id = match own {
            Some(own) => keyed(&own.secret.derive("habeas 1 row number"), &[&section.0]),
            None => [0; 32],
        };
        u64::from_be_bytes(*id.first_chunk().expect("a hash has 32 bytes"))
    }

    /// Commits rows of the workspace itself.
    fn commit(&mut self, batch: &Batch) -> Result<(), Problem> {
        if !batch.is_empty() {
            self.store.commit(batch)?;
        }
        Ok(())
    }
}

/// The refusal while the reading keys are locked away.
#[must_use]
pub fn locked() -> Problem {
    Problem::new(codes::LOCKED, "the reading keys are locked away")
}
