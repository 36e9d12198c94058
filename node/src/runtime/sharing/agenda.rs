//! What is to be shared, and when: rows in the store until it is done, in memory only while the folder is unlocked.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::control::{Problem, Share, codes},
    bytes::{
        codec,
        ids::{EntityId, OrgId, SectionId},
    },
    store::{Row, Store, Table},
};
use serde::{Deserialize, Serialize};

use crate::runtime::folder::store_problem;

/// Prefix of the rows of shares.
const SHARE: &[u8] = b"share";
/// Prefix of the rows of case files that changed.
const CHANGED: &[u8] = b"changed";
/// Bytes of a share's row.
const SHARE_BYTES: usize = 1 << 26;

/// What is to be done, as the store has it. In memory only while the folder is unlocked.
#[derive(Default)]
pub(in crate::runtime) struct Agenda {
    /// Case files that changed here since their shared parts were last brought up to them.
    pub(super) changed: BTreeSet<SectionId>,
    pub(super) shares: BTreeMap<u64, Errand>,
    /// The write that is on its way.
    pub(super) writing: Option<u64>,
    /// How far each share is gone through; the case files before it had nothing left to be written.
    pub(super) reached: BTreeMap<u64, usize>,
    /// Acts since something was last done with.
    pub(super) acts: u64,
}

/// A share that waits, or is going: who would read (nobody named: everyone), when it goes (UTC, seconds), and what a
/// person has seen of each case file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Errand(pub(super) Vec<OrgId>, pub(super) u64, pub(super) Vec<(SectionId, Vec<(EntityId, String)>)>);

impl Agenda {
    /// Reads what the store holds.
    pub(in crate::runtime) fn load(store: &impl Store) -> Result<Self, Problem> {
        let mut agenda = Self::default();
        let (mut shares, mut sound) = (Vec::new(), true);
        let scanned = store.scan(Table::Desk, CHANGED, 0, &mut |_, value| {
            agenda.changed.extend(value.try_into().map(SectionId));
            true
        });
        let scanned = scanned.and_then(|()| {
            store.scan(Table::Desk, SHARE, 0, &mut |number, value| {
                match codec::decode::<Errand>("share", &value, SHARE_BYTES) {
                    Ok(errand) => shares.push((number, errand)),
                    Err(_) => sound = false,
                }
                sound
            })
        });
        scanned.map_err(|error| store_problem(&error))?;
        if !sound {
            return Err(Problem::new(codes::ALTERED, "what waits to be shared cannot be read"));
        }
        agenda.shares.extend(shares);
        Ok(agenda)
    }

    /// When the next thing is to be done: UTC, seconds.
    pub(in crate::runtime) fn due_at(&self) -> Option<u64> {
        match (&self.writing, self.changed.is_empty()) {
            (Some(_), _) => None,
            (None, false) => Some(0),
            (None, true) => self.shares.values().map(|Errand(_, due_at, _)| *due_at).min(),
        }
    }

    /// Whether this write was one of ours; it has ended.
    pub(in crate::runtime) fn ended(&mut self, token: u64) -> bool {
        let ours = self.writing == Some(token);
        if ours {
            self.writing = None;
        }
        ours
    }

    /// What waits for the same readers and is about nothing else than this.
    pub(super) fn replaced_by(&self, Errand(readers, _, cases): &Errand) -> BTreeSet<u64> {
        let within = |waiting: &Errand| {
            waiting.0 == *readers && waiting.2.iter().all(|(section, _)| cases.iter().any(|(case, _)| case == section))
        };
        self.shares.iter().filter(|(_, waiting)| within(waiting)).map(|(number, _)| *number).collect()
    }

    pub(super) fn waiting(&self, name: impl Fn(&OrgId) -> String) -> Vec<Share> {
        let mut shares: Vec<Share> = self
            .shares
            .iter()
            .map(|(number, Errand(readers, due_at, cases))| Share {
                share: format!("{number:016x}"),
                readers: readers.iter().map(&name).collect(),
                records: cases.iter().map(|(section, _)| *section).collect(),
                due_at: *due_at,
            })
            .collect();
        shares.sort_by_key(|share| share.due_at);
        shares
    }
}

/// The row of a share.
pub(super) fn share_row(number: u64) -> Row {
    Row::new(Table::Desk, SHARE, number)
}

/// The row that says that a case file changed.
pub(super) fn changed_row(section: &SectionId) -> Row {
    Row::new(Table::Desk, CHANGED, u64::from_be_bytes(*section.0.first_chunk().expect("an id has 16 bytes")))
}
