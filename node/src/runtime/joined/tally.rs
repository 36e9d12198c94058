//! Counters that are kept while a node runs, so that metrics are cheap to read.

use std::collections::BTreeMap;

use protocol::{
    app::{
        desk,
        library::{FoldError, Library},
    },
    bytes::ids::{CircleId, SectionId},
    replication::sync::frame::Fault,
    store::StoreError,
};

use super::Joined;
use crate::metrics;

/// Counters since the start, and the conflicts of each section when it was last read.
#[derive(Default)]
pub(super) struct Tally {
    rejected: BTreeMap<&'static str, u64>,
    conflicts: BTreeMap<(CircleId, SectionId), u64>,
}

impl Tally {
    /// Counts a frame of a peer that was refused.
    pub(super) fn struck(&mut self, fault: Fault) {
        *self.rejected.entry(reason(fault)).or_default() += 1;
    }

    /// Drops the counts of changed sections: their conflicts are counted again at the next request.
    pub(super) fn changed<'a>(&mut self, sections: impl IntoIterator<Item = &'a (CircleId, SectionId)>) {
        for section in sections {
            self.conflicts.remove(section);
        }
    }

    /// Drops all counts of conflicts, after fewer entries count or the folder was locked.
    pub(super) fn forget(&mut self) {
        self.conflicts.clear();
    }
}

impl Joined {
    /// Builds the metrics of this node.
    pub(in crate::runtime) fn figures(&mut self) -> metrics::Joined {
        let (replica, peers) = (self.state.replica(), self.peers());
        let mut alarms = BTreeMap::new();
        for alarm in self.alarms.iter().chain(&self.broken) {
            *alarms.entry(alarm.problem.code.clone()).or_default() += 1;
        }
        let figures = metrics::Joined {
            peers: peers.len() as u64,
            connected: peers.iter().filter(|peer| peer.connected).count() as u64,
            equal: peers.iter().filter(|peer| peer.connected && peer.up_to_date).count() as u64,
            entries: replica.circles().flat_map(|(_, held)| held.lines()).map(|(_, line)| line.counted()).sum(),
            wanted: replica.wanted_len() as u64,
            unread: Library::unread(&self.folder.store).map_or(0, |unread| unread.len() as u64),
            forks: replica.circles().flat_map(|(_, held)| held.lines()).filter(|(_, line)| line.is_forked()).count()
                as u64,
            conflicts: None,
            alarms,
            rejected: self.tally.rejected.clone(),
        };
        let conflicts = if self.folder.pens().is_some() { self.disputed().ok() } else { None };
        metrics::Joined { conflicts, ..figures }
    }

    /// Counts the conflicts in all circles. A sweep has read every section before, so only those changed since are
    /// folded.
    fn disputed(&mut self) -> Result<u64, StoreError> {
        let circles: Vec<_> = self.state.replica().circles().map(|(id, _)| *id).collect();
        let mut all = 0;
        for circle in circles {
            for (section, _) in self.cache.library.sections(&self.folder.store, &circle)? {
                self.count_conflicts((circle, section))?;
                all += self.tally.conflicts.get(&(circle, section)).copied().unwrap_or_default();
            }
        }
        Ok(all)
    }

    /// Counts the conflicts of a section; `false` if they are known already.
    pub(in crate::runtime) fn count_conflicts(&mut self, at: (CircleId, SectionId)) -> Result<bool, StoreError> {
        if self.tally.conflicts.contains_key(&at) {
            return Ok(false);
        }
        let conflicts = self.workspace(|work| {
            match work.cache.library.view(work.state, work.store, &at.0, &at.1) {
                Ok(view) => Ok(desk::conflicts(&view)),
                Err(FoldError::Store(error)) => Err(error),
                Err(broken @ FoldError::Broken { .. }) => {
                    // A broken section is set aside, and counts no conflicts.
                    let _alarm = work.not_shown(broken);
                    Ok(0)
                }
            }
        })?;
        self.tally.conflicts.insert(at, conflicts);
        Ok(true)
    }
}

const fn reason(fault: Fault) -> &'static str {
    match fault {
        Fault::Garbage => "garbage",
        Fault::OutOfPlace => "out_of_place",
        Fault::Malformed => "malformed",
        Fault::BadSignature => "bad_signature",
        Fault::SpoiledBody => "spoiled_body",
        Fault::Invalid => "invalid",
        Fault::Repeat => "repeat",
    }
}
