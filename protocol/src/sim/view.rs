//! The view over the simulator's own small bodies: notes in a causal order, independent of claimed time.
//!
//! ```text
//! note = [[entry id 32 …] (deps), claimed time, payload]
//! ```
//!
//! It is updated as entries arrive, as the layers above the core do; [`super::invariants`] orders the same notes a
//! second time, naively, from the disk.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    bytes::{
        codec,
        ids::{CircleId, EntryId},
        limits::BODY_BYTES,
        seal,
    },
    log::entry::{FeedId, Kind},
    replication::sync::State,
    store::{Memory, StoreError, staged::Staged},
};

/// The content of a body: deps, claimed time, payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plain(pub(super) Vec<EntryId>, pub(super) u64, pub(super) u64);

/// A note: the content of a readable entry, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) feed: FeedId,
    pub(super) seq: u64,
    pub(super) plain: Plain,
}

/// The view of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View(BTreeMap<CircleId, BTreeMap<EntryId, Note>>);

impl View {
    /// Builds the view of all counted entries.
    pub(super) fn rebuild(state: &State, disk: &Memory) -> Result<Self, StoreError> {
        let mut view = Self::default();
        let staged = Staged::new(disk);
        for (circle, held) in state.replica().circles() {
            for ((key, run), line) in held.lines() {
                let feed = FeedId { circle: *circle, key: *key, run: *run };
                for seq in 1..=line.counted() {
                    let entry = state.replica().entry(&staged, &feed, seq)?;
                    view.arrived(state, disk, &entry.iter().map(crate::log::entry::Verified::id).collect::<Vec<_>>())?;
                }
            }
        }
        Ok(view)
    }

    /// Adds entries that became readable.
    pub(super) fn arrived(&mut self, state: &State, disk: &Memory, ids: &[EntryId]) -> Result<(), StoreError> {
        for id in ids {
            if let Some(note) = note(state, disk, id)? {
                self.0.entry(note.feed.circle).or_default().insert(*id, note);
            }
        }
        Ok(())
    }

    /// Removes entries that no longer count.
    pub(super) fn prune(&mut self, state: &State) {
        for notes in self.0.values_mut() {
            notes.retain(|_, note| state.replica().head(&note.feed).is_some_and(|line| note.seq <= line.counted()));
        }
    }

    /// An entry that differs between two views, or is in one only.
    pub(super) fn differs(&self, other: &Self) -> Option<EntryId> {
        let notes =
            |view: &Self| view.0.values().flatten().map(|(id, note)| (*id, note.clone())).collect::<BTreeMap<_, _>>();
        let (ours, theirs) = (notes(self), notes(other));
        ours.keys().chain(theirs.keys()).find(|id| ours.get(id) != theirs.get(id)).copied()
    }

    /// The notes of a circle.
    pub(super) fn notes(&self, circle: &CircleId) -> impl Iterator<Item = (&EntryId, &Note)> {
        self.0.get(circle).into_iter().flatten()
    }

    /// The notes of a circle, each after everything in its past, otherwise by id. `by_time` is the planted fault.
    pub(super) fn order(&self, circle: &CircleId, by_time: bool) -> Vec<EntryId> {
        let empty = BTreeMap::new();
        let notes = self.0.get(circle).unwrap_or(&empty);
        if by_time {
            let mut order: Vec<_> = notes.iter().map(|(id, note)| (note.plain.1, *id)).collect();
            order.sort_unstable();
            return order.into_iter().map(|(_, id)| id).collect();
        }
        let placed: BTreeMap<_, _> = notes.iter().map(|(id, note)| ((note.feed, note.seq), *id)).collect();
        let (mut waits, mut follows) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for (id, note) in notes {
            let before = placed.range((note.feed, 0)..(note.feed, note.seq)).next_back().map(|(_, id)| *id);
            let deps = note.plain.0.iter().copied().filter(|dep| notes.contains_key(dep));
            let past: BTreeSet<_> = deps.chain(before).collect();
            past.iter().for_each(|earlier| follows.entry(*earlier).or_default().push(*id));
            waits.insert(*id, past.len());
        }
        let mut ready: BTreeSet<_> = waits.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
        let mut order = Vec::new();
        while let Some(id) = ready.pop_first() {
            order.push(id);
            for later in follows.remove(&id).unwrap_or_default() {
                let count = waits.get_mut(&later).expect("every note waits");
                *count -= 1;
                if *count == 0 {
                    ready.insert(later);
                }
            }
        }
        order
    }
}

/// The note of a counted, readable entry; `None` for other kinds.
pub(super) fn note(state: &State, disk: &Memory, id: &EntryId) -> Result<Option<Note>, StoreError> {
    let (replica, staged) = (state.replica(), Staged::new(disk));
    let Some((feed, seq)) = replica.place(&staged, id)? else { return Ok(None) };
    let counts = replica.head(&feed).is_some_and(|line| seq <= line.counted());
    let (Some(entry), Some(body)) = (replica.entry(&staged, &feed, seq)?, replica.body(&staged, id)?) else {
        return Ok(None);
    };
    if !counts || entry.id() != *id || entry.header().kind != Kind::ASSERTIONS {
        return Ok(None);
    }
    let registry = replica.members.registry();
    let mut keys = state.epochs(&feed.circle).iter();
    let plain = keys.find_map(|epoch| body.open(&registry, entry.header(), &epoch.1).ok());
    let plain = plain.and_then(|bytes| codec::decode("note", &bytes, BODY_BYTES.0).ok());
    Ok(plain.map(|plain| Note { feed, seq, plain }))
}

/// A digest of an order.
pub(super) fn digest(order: &[EntryId]) -> [u8; 32] {
    seal::hash("habeas 1 simulated view", &[&codec::encode(&order)])
}
