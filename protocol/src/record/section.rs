//! A section: the part of a case file, or a docket, that lives in one circle, folded from the entries that count.
//!
//! The view depends only on the set of entries: not on their order or repetition, nor on entries that were there in
//! between. The causal past of an entry is the closure over its deps and the nearest earlier entry of its chain, as far
//! as they count here; entries that do not count have no effect.

pub mod assertion;
mod document;
pub mod event;
pub(crate) mod fold;
#[cfg(any(test, feature = "sim"))]
pub mod model;
pub mod root;
#[cfg(test)]
pub(crate) mod sample;
pub mod sheet;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use self::assertion::{Plain, Reference};
use self::document::Document;
use self::view::View;
use crate::bytes::ids::{EntryId, FeedKey, Incarnation, OrgId, SectionId};

/// The name of a chain: one key's entries in one incarnation, ordered by sequence number.
pub type Chain = (FeedKey, Incarnation);

/// A counted entry, with the facts about its author from header and rosters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The id of the entry.
    pub id: EntryId,
    /// The key that signed it.
    pub feed: FeedKey,
    /// The incarnation of that key.
    pub run: Incarnation,
    /// The entry's number in the feed, from 1. Other entries of the feed may belong to other sections.
    pub seq: u64,
    /// The organisation the key belongs to.
    pub org: OrgId,
    /// The decoded content of the entry.
    pub plain: Plain,
}

impl Contribution {
    /// The chain that the entry belongs to.
    #[must_use]
    pub fn chain(&self) -> Chain {
        (self.feed, self.run)
    }
}

/// Errors of inserting an entry. Both are mistakes of the caller.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InsertError {
    /// The entry names another section.
    #[error("entry {entry:?} belongs to {found:?}, not to {section:?}")]
    OtherSection {
        /// The entry.
        entry: EntryId,
        /// The section that the entry names.
        found: SectionId,
        /// The section it was inserted into.
        section: SectionId,
    },
    /// The chain already has another entry with this number. Of a forked feed at most one counts.
    #[error("entry {entry:?} has number {seq} of its feed, and so has {held:?}")]
    Forked {
        /// The entry.
        entry: EntryId,
        /// The number of the entry.
        seq: u64,
        /// The entry that is here.
        held: EntryId,
    },
}

/// A section: its counted entries, and the document built from them.
///
/// Inserting and removing entries is cheap; [`Section::view`] does the work for all changes since the last call.
pub struct Section {
    id: SectionId,
    entries: BTreeMap<EntryId, Contribution>,
    chains: BTreeMap<Chain, BTreeMap<u64, EntryId>>,
    document: Document,
}

impl Section {
    /// Makes an empty section.
    #[must_use]
    pub fn new(id: SectionId) -> Self {
        Self { id, entries: BTreeMap::new(), chains: BTreeMap::new(), document: Document::new(id) }
    }

    /// The id of the section.
    #[must_use]
    pub fn id(&self) -> SectionId {
        self.id
    }

    /// The counted entries, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Contribution> {
        self.entries.values()
    }

    /// Inserts an entry; `false` if it is here already.
    ///
    /// # Errors
    /// The entry names another section, or forks its chain.
    pub fn insert(&mut self, contribution: Contribution) -> Result<bool, InsertError> {
        let Contribution { id: entry, seq, .. } = contribution;
        if contribution.plain.section != self.id {
            return Err(InsertError::OtherSection { entry, found: contribution.plain.section, section: self.id });
        }
        let chain = self.chains.entry(contribution.chain()).or_default();
        let held = *chain.entry(seq).or_insert(entry);
        if held != entry {
            return Err(InsertError::Forked { entry, seq, held });
        }
        let is_new = !self.entries.contains_key(&entry);
        self.entries.entry(entry).or_insert(contribution);
        Ok(is_new)
    }

    /// Removes an entry that no longer counts; `false` if it is not here.
    pub fn remove(&mut self, entry: &EntryId) -> bool {
        let Some(contribution) = self.entries.remove(entry) else { return false };
        let chain = contribution.chain();
        if let Some(places) = self.chains.get_mut(&chain) {
            places.remove(&contribution.seq);
            if places.is_empty() {
                self.chains.remove(&chain);
            }
        }
        true
    }

    /// Folds the entries into the view that people see.
    pub fn view(&mut self) -> View {
        self.materialise();
        fold::fold(self.id, &self.entries, &self.document.current())
    }

    /// The heads of the causal graph: the deps of a new entry whose author has read all entries, the author's own chain
    /// left out. If the format's limit is exceeded, name the first heads in one entry and the rest in the next.
    #[must_use]
    pub fn heads(&self, author: Chain) -> Vec<EntryId> {
        let mut heads: BTreeSet<EntryId> = self.entries.keys().copied().collect();
        for contribution in self.entries.values() {
            for parent in self.parents(contribution) {
                heads.remove(&parent);
            }
        }
        heads.into_iter().filter(|head| self.entries.get(head).is_some_and(|entry| entry.chain() != author)).collect()
    }

    /// The direct parents of an entry that are here, sorted and unique: its deps, and the entry before it.
    fn parents(&self, contribution: &Contribution) -> Vec<EntryId> {
        let before =
            self.chains.get(&contribution.chain()).and_then(|chain| chain.range(..contribution.seq).next_back());
        let deps = contribution.plain.deps.iter().filter(|dep| self.entries.contains_key(dep));
        let parents: BTreeSet<EntryId> = deps.chain(before.map(|(_, entry)| entry)).copied().collect();
        parents.into_iter().collect()
    }

    /// Applies new entries to the document. An entry applied under other parents than it now has (some came late, or no
    /// longer count) cannot be corrected in place: the document is then rebuilt.
    fn materialise(&mut self) {
        let mut parents: BTreeMap<EntryId, Vec<EntryId>> =
            self.entries.iter().map(|(id, contribution)| (*id, self.parents(contribution))).collect();
        if self.document.applied().any(|(entry, then)| parents.get(entry).is_none_or(|now| now != then)) {
            self.document = Document::new(self.id);
        }
        parents.retain(|entry, _| !self.document.contains(entry));

        let mut children: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
        let mut waiting: BTreeMap<EntryId, usize> = BTreeMap::new();
        let mut ready = BTreeSet::new();
        for (entry, parents) in &parents {
            let ahead: Vec<_> = parents.iter().filter(|parent| !self.document.contains(parent)).collect();
            for parent in &ahead {
                children.entry(**parent).or_default().push(*entry);
            }
            if ahead.is_empty() {
                ready.insert(self.order_key(entry));
            }
            waiting.insert(*entry, ahead.len());
        }
        while let Some((.., entry)) = ready.pop_first() {
            self.apply(entry, parents.remove(&entry).unwrap_or_default());
            for child in children.remove(&entry).into_iter().flatten() {
                let ahead = waiting.get_mut(&child).expect("every pending entry waits");
                *ahead -= 1;
                if *ahead == 0 {
                    ready.insert(self.order_key(&child));
                }
            }
        }
        debug_assert!(parents.is_empty(), "an id is a hash over what it depends on, so causality has no circle");
    }

    /// Sort key for applying entries chain by chain, so that the document changes branches as seldom as causality
    /// allows.
    fn order_key(&self, entry: &EntryId) -> (Chain, u64, EntryId) {
        let contribution = self.entries.get(entry).expect("pending entries are here");
        (contribution.chain(), contribution.seq, *entry)
    }

    fn apply(&mut self, entry: EntryId, parents: Vec<EntryId>) {
        let contribution = self.entries.get(&entry).expect("pending entries are here");
        let statements: Vec<_> = (0..)
            .zip(&contribution.plain.statements)
            .filter_map(|(index, statement)| Some((fold::key(contribution.org, statement)?, Reference(entry, index))))
            .collect();
        self.document.apply(entry, contribution.chain(), parents, &statements);
    }
}

#[cfg(test)]
mod tests;
