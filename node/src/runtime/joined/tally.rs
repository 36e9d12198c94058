//! Counters that are kept while a node runs, and the metrics made of them.

use std::collections::BTreeMap;

use protocol::{app::library::Library, replication::sync::frame::Fault};

use super::Joined;
use crate::metrics;

/// Counters since the start.
#[derive(Default)]
pub(super) struct Tally {
    rejected: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts a frame of a peer that was refused.
    pub(super) fn struck(&mut self, fault: Fault) {
        *self.rejected.entry(reason(fault)).or_default() += 1;
    }
}

impl Joined {
    /// Builds the metrics of this node.
    pub(in crate::runtime) fn figures(&mut self) -> metrics::Joined {
        let peers = self.peers();
        let mut alarms = BTreeMap::new();
        for alarm in self.alarms.iter().chain(&self.broken) {
            *alarms.entry(alarm.problem.code.clone()).or_default() += 1;
        }
        let is_open = self.folder.pens().is_some();
        let conflicts = if is_open { self.workspace(|work| work.all_conflicts()).ok() } else { None };
        let replica = self.state.replica();
        metrics::Joined {
            peers: peers.len() as u64,
            connected: peers.iter().filter(|peer| peer.connected).count() as u64,
            equal: peers.iter().filter(|peer| peer.connected && peer.up_to_date).count() as u64,
            entries: replica.circles().flat_map(|(_, held)| held.lines()).map(|(_, line)| line.counted()).sum(),
            wanted: replica.wanted_len() as u64,
            unread: Library::unread(&self.folder.store).map_or(0, |unread| unread.len() as u64),
            forks: replica.circles().flat_map(|(_, held)| held.lines()).filter(|(_, line)| line.is_forked()).count()
                as u64,
            conflicts,
            alarms,
            rejected: self.tally.rejected.clone(),
        }
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
