//! Wanted bodies by feed and number, so that a fork or a displacement finds its own without visiting the others.

use std::collections::BTreeMap;

use crate::{bytes::ids::EntryId, log::entry::FeedId};

/// Counted entries whose bodies are missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(BTreeMap<FeedId, BTreeMap<u64, EntryId>>);

impl Wanted {
    pub(super) fn insert(&mut self, feed: FeedId, seq: u64, id: EntryId) {
        self.0.entry(feed).or_default().insert(seq, id);
    }

    /// Removes an entry whose body arrived; returns whether it was missing.
    pub(super) fn remove(&mut self, feed: &FeedId, seq: u64) -> bool {
        let Some(missing) = self.0.get_mut(feed) else { return false };
        let was_missing = missing.remove(&seq).is_some();
        if missing.is_empty() {
            self.0.remove(feed);
        }
        was_missing
    }

    /// Removes the entries of a feed from a number on, which no longer count, and returns them.
    pub(super) fn cut(&mut self, feed: &FeedId, from: u64) -> Vec<EntryId> {
        let Some(missing) = self.0.get_mut(feed) else { return vec![] };
        let cut = missing.split_off(&from).into_values().collect();
        if missing.is_empty() {
            self.0.remove(feed);
        }
        cut
    }

    pub(super) fn lacks(&self, feed: &FeedId, seq: u64) -> bool {
        self.0.get(feed).is_some_and(|missing| missing.contains_key(&seq))
    }

    /// Number of missing bodies of a feed.
    pub(super) fn of(&self, feed: &FeedId) -> usize {
        self.0.get(feed).map_or(0, BTreeMap::len)
    }

    pub(super) fn feeds(&self) -> impl Iterator<Item = (&FeedId, &BTreeMap<u64, EntryId>)> {
        self.0.iter()
    }
}
