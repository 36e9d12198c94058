//! The share queue: shares that wait for the end of their hold or are being written, and case files whose shared copies
//! have to follow a change. The queue is rows of the store until the work is done; it is in memory only while the
//! folder is unlocked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    app::control::{Problem, Share, codes},
    bytes::{
        codec,
        ids::{CircleId, EntityId, Incarnation, OrgId, SectionId},
    },
    membership::circle::Circle,
    replication::sync::{Content, State},
    store::{Batch, Row, Store, Table},
};

/// Prefix of the rows of shares.
const SHARE: &[u8] = b"share";
/// Prefix of the rows of case files that changed.
const CHANGED: &[u8] = b"changed";
/// Largest row of a share, in bytes.
const SHARE_BYTES: usize = 1 << 26;
/// Number of writes without an end after which the queue stops: otherwise the disks of all readers would fill.
const WRITES_MAX: u64 = 10_000;

/// The queue as in the store, with the progress of its work.
#[derive(Default)]
pub struct ShareQueue {
    /// Case files that changed here after their shared copies were last updated.
    pub(super) changed: BTreeSet<SectionId>,
    pub(super) shares: BTreeMap<u64, QueuedShare>,
    /// Token of the write that is not durable yet.
    writing: Option<u64>,
    /// Number of case files at the front of each share that need no more entries.
    pub(super) reached: BTreeMap<u64, usize>,
    /// Number of writes since a share or a change last left the queue.
    writes: u64,
}

/// A share that waits or is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueuedShare {
    /// The incarnation of this device that queued it.
    pub(super) by: Incarnation,
    /// Readers of the share; empty for the commons.
    pub(super) readers: Vec<OrgId>,
    /// Time when the share goes: UTC, seconds.
    pub(super) due_at: u64,
    /// The case files, and the fields of each that a person saw in the preview.
    pub(super) cases: Vec<SharedCase>,
}

/// A case file of a share, and the fields of it that a person saw in the preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedCase {
    pub(super) section: SectionId,
    pub(super) fields: Vec<(EntityId, String)>,
}

/// One step of the queue.
#[derive(Debug)]
pub enum QueueStep {
    /// The queue is idle: no step is due.
    Idle,
    /// A share or a change left the queue, or a slice of a share needed no entries; the next step may be due.
    Done,
    /// Entries to write; the next step is due when they are durable.
    Write(Vec<(CircleId, Content)>),
}

impl ShareQueue {
    /// Loads the queue from a store. A share that another incarnation of this device queued is deleted: the folder was
    /// restored or copied since, and a share that a person cancelled in the meantime must not return.
    ///
    /// # Errors
    /// [`codes::ALTERED`] if a row does not decode, or the error of the store.
    pub fn load(store: &mut impl Store, state: &State) -> Result<Self, Problem> {
        let mut queue = Self::default();
        let (mut shares, mut sound) = (Vec::new(), true);
        store.scan(Table::Desk, CHANGED, 0, &mut |_, value| {
            queue.changed.extend(value.try_into().map(SectionId));
            true
        })?;
        store.scan(Table::Desk, SHARE, 0, &mut |number, value| {
            match codec::decode::<QueuedShare>("share", &value, SHARE_BYTES) {
                Ok(share) => shares.push((number, share)),
                Err(_) => sound = false,
            }
            sound
        })?;
        if !sound {
            return Err(Problem::new(codes::ALTERED, "what waits to be shared cannot be read"));
        }
        let (own, mut stale) = (incarnation(state), Batch::default());
        for (number, share) in shares {
            if share.by == own {
                queue.shares.insert(number, share);
            } else {
                stale.delete(share_row(number));
            }
        }
        if !stale.is_empty() {
            store.commit(&stale)?;
        }
        Ok(queue)
    }

    /// Time when the next step is due: UTC, seconds.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        match (&self.writing, self.changed.is_empty()) {
            (Some(_), _) => None,
            (None, false) => Some(0),
            (None, true) => self.shares.values().map(|share| share.due_at).min(),
        }
    }

    /// Notes that the entries of [`QueueStep::Write`] are being written under this token.
    ///
    /// # Errors
    /// [`codes::INTERNAL`] after too many writes without an end.
    pub fn began(&mut self, token: u64) -> Result<(), Problem> {
        self.writes += 1;
        if self.writes > WRITES_MAX {
            return Err(Problem::new(codes::INTERNAL, "what is shared does not come to rest; nothing more is written"));
        }
        self.writing = Some(token);
        Ok(())
    }

    /// Whether the write with this token was the queue's own. Called when the write has ended, durable or refused.
    pub fn ended(&mut self, token: u64) -> bool {
        let ours = self.writing == Some(token);
        if ours {
            self.writing = None;
        }
        ours
    }

    /// Resets the count of writes, when a share or a change has left the queue.
    pub(super) fn came_to_rest(&mut self) {
        self.writes = 0;
    }

    /// The waiting shares that a new share replaces: those for the same readers, of which it contains all case files.
    pub(super) fn replaced_by(&self, share: &QueuedShare) -> BTreeSet<u64> {
        let contains = |section: &SectionId| share.cases.iter().any(|case| case.section == *section);
        let within = |waiting: &QueuedShare| {
            waiting.readers == share.readers && waiting.cases.iter().all(|case| contains(&case.section))
        };
        self.shares.iter().filter(|(_, waiting)| within(waiting)).map(|(number, _)| *number).collect()
    }

    pub(super) fn listed(&self, name: impl Fn(&OrgId) -> String) -> Vec<Share> {
        let share = |(number, share): (&u64, &QueuedShare)| Share {
            share: format!("{number:016x}"),
            readers: share.readers.iter().map(&name).collect(),
            records: share.cases.iter().map(|case| case.section).collect(),
            due_at: share.due_at,
        };
        let mut shares: Vec<Share> = self.shares.iter().map(share).collect();
        shares.sort_by_key(|share| share.due_at);
        shares
    }
}

/// The incarnation under which this device writes into its own circle; zeros before its first entry and while locked.
pub(super) fn incarnation(state: &State) -> Incarnation {
    state.chain(&Circle::Own(state.organisation())).map_or(Incarnation([0; 8]), |(_, incarnation)| incarnation)
}

/// The row of a share.
pub(super) fn share_row(number: u64) -> Row {
    Row::new(Table::Desk, SHARE, number)
}

/// The row that marks a case file as changed. `number`: the row number of the case file.
pub(super) fn changed_row(number: u64) -> Row {
    Row::new(Table::Desk, CHANGED, number)
}
