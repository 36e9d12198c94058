//! The share queue: shares that wait for the end of their hold or are going, and case files whose shared copies are to
//! follow a change. Rows of the store until they are done; in memory only while the folder is unlocked.

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
/// Bytes of a share's row.
const SHARE_BYTES: usize = 1 << 26;
/// Writes after which a share that has not come to an end never will: everybody's disk would fill.
const WRITES_MAX: u64 = 10_000;

/// The queue as the store has it, and how far its work is.
#[derive(Default)]
pub struct ShareQueue {
    /// Case files that changed here since their shared copies were last brought up to them.
    pub(super) changed: BTreeSet<SectionId>,
    pub(super) shares: BTreeMap<u64, QueuedShare>,
    /// Token of the write that is not durable yet.
    writing: Option<u64>,
    /// How many case files of a share need nothing more, from the first on.
    pub(super) reached: BTreeMap<u64, usize>,
    /// Writes since something last left the queue.
    writes: u64,
}

/// A share that waits or is going.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueuedShare {
    /// The incarnation of this device that queued it.
    pub(super) by: Incarnation,
    /// Who would read; nobody: the commons.
    pub(super) readers: Vec<OrgId>,
    /// When it goes: UTC, seconds.
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
    /// Nothing is due.
    Idle,
    /// Something left the queue, or a slice of a share needed nothing; the next step may be due.
    Done,
    /// Entries to write; the next step is due when they are durable.
    Write(Vec<(CircleId, Content)>),
}

impl ShareQueue {
    /// The queue in a store. A share that another incarnation of this device queued is taken out: the folder was restored
    /// or copied since, and what a person cancelled meanwhile must not come back.
    ///
    /// # Errors
    /// [`codes::ALTERED`] if a row does not decode, or what the store says.
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

    /// When the next step is due: UTC, seconds.
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
    /// [`codes::INTERNAL`] if the queue does not come to rest.
    pub fn began(&mut self, token: u64) -> Result<(), Problem> {
        self.writes += 1;
        if self.writes > WRITES_MAX {
            return Err(Problem::new(codes::INTERNAL, "what is shared does not come to rest; nothing more is written"));
        }
        self.writing = Some(token);
        Ok(())
    }

    /// Whether the write with this token was the queue's own; it is over, durable or refused.
    pub fn ended(&mut self, token: u64) -> bool {
        let ours = self.writing == Some(token);
        if ours {
            self.writing = None;
        }
        ours
    }

    /// Something left the queue.
    pub(super) fn came_to_rest(&mut self) {
        self.writes = 0;
    }

    /// The shares for the same readers that contain no other case files than this one.
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

/// The row that says that a case file changed. `number`: [`Workspace::row_number`](super::Workspace::row_number) of it.
pub(super) fn changed_row(number: u64) -> Row {
    Row::new(Table::Desk, CHANGED, number)
}
