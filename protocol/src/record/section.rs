//! A section: the part of a case file, or a docket, that lives in one circle, made from the entries that count.
//!
//! Same entries, same view: in whatever order they came, however often, and whatever came and went in between. The
//! causal past of an entry is its deps and the nearest earlier entry of its chain, as far as they count here, closed;
//! what does not count is as if it had never been written.

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

/// One key's entries in one run: a line, by sequence number.
pub type Chain = (FeedKey, Incarnation);

/// An entry that counts, with what its header and the rosters say of its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The entry.
    pub id: EntryId,
    /// The key that signed it.
    pub feed: FeedKey,
    /// The run of that key.
    pub run: Incarnation,
    /// Its number in the feed, from 1. Others of the feed may belong to other sections.
    pub seq: u64,
    /// The organisation the key belongs to.
    pub org: OrgId,
    /// What it says.
    pub plain: Plain,
}

impl Contribution {
    /// The line it stands in.
    #[must_use]
    pub fn chain(&self) -> Chain {
        (self.feed, self.run)
    }
}

/// Why an entry was not taken in. Both are mistakes of the caller.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InsertError {
    /// It says it belongs elsewhere.
    #[error("entry {entry:?} belongs to {found:?}, not to {section:?}")]
    OtherSection {
        /// The entry.
        entry: EntryId,
        /// The section it names.
        found: SectionId,
        /// This section.
        section: SectionId,
    },
    /// Another entry with this place in the same chain is here. Of a forked feed at most one counts.
    #[error("entry {entry:?} has number {seq} of its feed, and so has {held:?}")]
    Forked {
        /// The entry.
        entry: EntryId,
        /// Its number.
        seq: u64,
        /// The entry here.
        held: EntryId,
    },
}

/// The entries of a section that count, and the document made from them.
///
/// Taking entries in and out is cheap; [`Section::view`] does the work, for as many as came since.
pub struct Section {
    id: SectionId,
    entries: BTreeMap<EntryId, Contribution>,
    chains: BTreeMap<Chain, BTreeMap<u64, EntryId>>,
    document: Document,
}

impl Section {
    /// An empty section.
    #[must_use]
    pub fn new(id: SectionId) -> Self {
        Self { id, entries: BTreeMap::new(), chains: BTreeMap::new(), document: Document::new(id) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SectionId {
        self.id
    }

    /// The entries that count, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Contribution> {
        self.entries.values()
    }

    /// Takes an entry in; `false` if it is here already.
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

    /// Takes out an entry that no longer counts; `false` if it is not here.
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

    /// What people see.
    pub fn view(&mut self) -> View {
        self.materialise();
        fold::fold(self.id, &self.entries, &self.document.standing())
    }

    /// The heads of what is here: the deps of a new entry that has seen all of it, the author's own chain left out.
    /// More than the format allows means: name the first ones, write, and name the rest in the next entry.
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

    /// The nearest part of an entry's past that is here, sorted and unique: its deps, and the entry before it.
    fn parents(&self, contribution: &Contribution) -> Vec<EntryId> {
        let before =
            self.chains.get(&contribution.chain()).and_then(|chain| chain.range(..contribution.seq).next_back());
        let deps = contribution.plain.deps.iter().filter(|dep| self.entries.contains_key(dep));
        let parents: BTreeSet<EntryId> = deps.chain(before.map(|(_, entry)| entry)).copied().collect();
        parents.into_iter().collect()
    }

    /// Brings the document up to the entries. An entry applied under another past than it now has (something of it came
    /// late, or no longer counts) cannot be corrected in place: then all is built anew.
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
                ready.insert(self.turn(entry));
            }
            waiting.insert(*entry, ahead.len());
        }
        while let Some((.., entry)) = ready.pop_first() {
            self.apply(entry, parents.remove(&entry).unwrap_or_default());
            for child in children.remove(&entry).into_iter().flatten() {
                let ahead = waiting.get_mut(&child).expect("every pending entry waits");
                *ahead -= 1;
                if *ahead == 0 {
                    ready.insert(self.turn(&child));
                }
            }
        }
        debug_assert!(parents.is_empty(), "an id is a hash over what it depends on, so causality has no circle");
    }

    /// Chain by chain, so that the document changes branches as seldom as causality allows.
    fn turn(&self, entry: &EntryId) -> (Chain, u64, EntryId) {
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
