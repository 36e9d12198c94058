//! The section as an Automerge document, which determines the statements that are not superseded.
//!
//! The document is one flat map. A key names what a statement may supersede, its value is the statement's reference,
//! and the set of values under a key (Automerge's conflict set) is the set of its current statements. Content stays in
//! the entries. Nothing else of Automerge is read: no winner, operation id, heads or saved bytes, and no byte written
//! by a peer reaches its decoder. Each entry is one change on a document that holds exactly the entry's causal past:
//! * on the merged document when that is the past;
//! * else on its author's *branch*, kept from the author's entry before and brought up to the past; branches are merged
//!   when the merged document is next needed. Merging changes costs a walk through the document, however few they are:
//!   so they are merged together, and each by each branch at most once.
//!
//! While no two entries are concurrent, the history is *linear*, and a statement is current exactly if no later one has
//! its key: a map suffices without a document. The first concurrent entry builds the document from the linear history,
//! in its order.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ChangeHash, ROOT, ReadDoc, ScalarValue, Value};

use super::Chain;
use super::assertion::Reference;
use crate::bytes::{
    ids::{EntityId, EntryId, OrgId, SectionId},
    limits::Resource,
};

/// Number of branches kept per section. With more concurrent authors a branch is rebuilt, which costs time and never
/// correctness.
const BRANCHES: Resource = Resource(32);

/// The key of a statement, which names the earlier statements that it may supersede.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A value per organisation, and per organisation reported on: an importer who reports what two others say must not
    /// silently replace one with the other.
    Own { entity: EntityId, field: &'a str, org: OrgId, reported_by: Option<&'a str> },
    /// A value that supersedes no other.
    Separate { entity: EntityId, field: &'a str },
    /// The resolution of a dispute, whoever made it.
    Resolution { entity: EntityId, field: &'a str },
}

/// The document, and the entries applied to it.
pub(super) struct Document {
    section: SectionId,
    /// The linear history, kept instead of a document while no entries are concurrent.
    linear: Option<LinearHistory>,
    merged: Automerge,
    /// Chains whose branches hold changes that `merged` does not.
    unmerged: BTreeSet<Chain>,
    /// Entries that are in no other entry's past.
    tips: BTreeSet<EntryId>,
    applied: BTreeMap<EntryId, Applied>,
    branches: BTreeMap<Chain, Branch>,
    /// Number of branches started so far, for tests.
    forks: usize,
}

/// A linear history: each entry has all earlier ones in its past.
#[derive(Default)]
struct LinearHistory {
    current: BTreeMap<String, Reference>,
    /// The statements that each entry put, in order.
    entries: Vec<(EntryId, Vec<(String, Reference)>)>,
}

struct Applied {
    chain: Chain,
    parents: Vec<EntryId>,
    /// The change of the entry; none while the history is linear.
    change: Option<ChangeHash>,
    /// Position in the order of application, which respects causality.
    place: usize,
}

/// A branch: a document that holds exactly its author's last entry on it and that entry's past.
#[derive(Default)]
struct Branch {
    document: Automerge,
    holds: BTreeSet<EntryId>,
    used: usize,
}

impl Document {
    pub(super) fn new(section: SectionId) -> Self {
        Self {
            section,
            linear: Some(LinearHistory::default()),
            merged: Automerge::new(),
            unmerged: BTreeSet::new(),
            tips: BTreeSet::new(),
            applied: BTreeMap::new(),
            branches: BTreeMap::new(),
            forks: 0,
        }
    }

    /// The entries applied, each with the parents it was applied under.
    pub(super) fn applied(&self) -> impl Iterator<Item = (&EntryId, &[EntryId])> {
        self.applied.iter().map(|(entry, applied)| (entry, applied.parents.as_slice()))
    }

    pub(super) fn contains(&self, entry: &EntryId) -> bool {
        self.applied.contains_key(entry)
    }

    #[cfg(test)]
    pub(super) fn forks(&self) -> usize {
        self.forks
    }

    /// Applies an entry whose `parents` (its deps, and the entry before it in its chain, as far as they count) are all
    /// applied; `statements` are its keyed statements in order.
    pub(super) fn apply(
        &mut self,
        entry: EntryId,
        chain: Chain,
        parents: Vec<EntryId>,
        statements: &[(Key<'_>, Reference)],
    ) {
        let puts: Vec<_> = statements.iter().map(|(key, reference)| (key.text(reference), *reference)).collect();
        let place = self.applied.len();
        // A tip in the entry's past is a parent; so the past is everything exactly if all tips are parents.
        let knows_all = self.tips.len() <= parents.len() && self.tips.iter().all(|tip| parents.contains(tip));
        if !knows_all {
            self.build_document();
        }
        let change = if let Some(linear) = &mut self.linear {
            linear.current.extend(puts.iter().cloned());
            linear.entries.push((entry, puts));
            None
        } else if knows_all {
            self.merge();
            Some(commit(&mut self.merged, actor(self.section, chain), &puts))
        } else {
            let mut branch = self.branch(chain, &parents);
            let change = commit(&mut branch.document, actor(self.section, chain), &puts);
            branch.holds.insert(entry);
            branch.used = place;
            self.unmerged.insert(chain);
            self.branches.insert(chain, branch);
            Some(change)
        };
        for parent in &parents {
            self.tips.remove(parent);
        }
        self.tips.insert(entry);
        self.applied.insert(entry, Applied { chain, parents, change, place });
    }

    /// Returns the statements that are not superseded.
    pub(super) fn current(&mut self) -> BTreeSet<Reference> {
        if let Some(linear) = &self.linear {
            return linear.current.values().copied().collect();
        }
        self.merge();
        let all = |key| self.merged.get_all(ROOT, key).expect("the root is a map");
        self.merged.keys(ROOT).flat_map(all).map(|(value, _)| reference(&value)).collect()
    }

    /// Builds the document from the linear history, when the first concurrent entry arrives.
    fn build_document(&mut self) {
        for (entry, puts) in self.linear.take().into_iter().flat_map(|linear| linear.entries) {
            let applied = self.applied.get_mut(&entry).expect("an entry of the linear history was applied");
            applied.change = Some(commit(&mut self.merged, actor(self.section, applied.chain), &puts));
        }
    }

    /// Returns the branch of `chain`, holding exactly the closure over `parents`.
    fn branch(&mut self, chain: Chain, parents: &[EntryId]) -> Branch {
        if !self.branches.contains_key(&chain) {
            self.forks += 1;
            self.evict_idle_branch();
        }
        let mut branch = self.branches.remove(&chain).unwrap_or_default();
        // The set of entries in a branch is closed under parents, and part of its author's past; the walk stops there.
        let mut missing = BTreeMap::new();
        let mut open = parents.to_vec();
        while let Some(entry) = open.pop() {
            if branch.holds.insert(entry) {
                let applied = self.applied.get(&entry).expect("parents are applied first");
                missing.insert(applied.place, applied);
                open.extend(&applied.parents);
            }
        }
        if !missing.is_empty() {
            let changes: Vec<_> = missing.into_values().map(|applied| self.change(applied)).collect();
            branch.document.apply_changes(changes).expect(CHANGES_KNOWN);
        }
        branch
    }

    /// Finds a change in the merged document or in the branch that made it since.
    fn change(&self, applied: &Applied) -> Change {
        let branch = self.branches.get(&applied.chain).map(|branch| &branch.document);
        let documents = std::iter::once(&self.merged).chain(branch);
        let hash = applied.change.as_ref().expect("there is no branch in a linear history");
        documents.filter_map(|document| document.get_change_by_hash(hash)).next().expect(CHANGES_KNOWN)
    }

    fn evict_idle_branch(&mut self) {
        if self.branches.len() >= BRANCHES.0 {
            self.merge();
            let idle = self.branches.iter().min_by_key(|(_, branch)| branch.used).map(|(chain, _)| *chain);
            self.branches.remove(&idle.expect("the limit is above zero"));
        }
    }

    /// Merges the new changes of branches into the merged document.
    fn merge(&mut self) {
        for chain in std::mem::take(&mut self.unmerged) {
            let branch = self.branches.get_mut(&chain).expect("branches are merged before they are dropped");
            self.merged.merge(&mut branch.document).expect(CHANGES_KNOWN);
        }
    }
}

const CHANGES_KNOWN: &str =
    "changes are made here, each after its past, and are in the merged document or in the branch that made them";

/// Commits one change per entry, also for an entry without statements: causality runs through it.
fn commit(document: &mut Automerge, actor: ActorId, puts: &[(String, Reference)]) -> ChangeHash {
    let at_zero = || CommitOptions::default().with_time(0);
    document.set_actor(actor);
    if puts.is_empty() {
        return document.empty_commit(at_zero());
    }
    let mut transaction = document.transaction();
    for (key, reference) in puts {
        transaction.put(ROOT, key, scalar(reference)).expect("the root is a map");
    }
    transaction.commit_with(at_zero()).0.expect("each reference is put once, so each put changes something")
}

/// The Automerge actor of a feed's incarnation and section, so that sequence numbers have no gap. All 32 bytes of the
/// hash are used: nobody can make two feeds collide.
fn actor(section: SectionId, (feed, run): Chain) -> ActorId {
    let mut hash = blake3::Hasher::new_derive_key("habeas 1 document actor");
    hash.update(feed.bytes()).update(run.bytes()).update(section.bytes());
    ActorId::from(hash.finalize().as_bytes())
}

impl Key<'_> {
    /// The text of the key. It is injective: ids have fixed lengths, a field's name has no slash (checked in
    /// `assertion.rs`), and free text comes last.
    fn text(&self, Reference(entry, index): &Reference) -> String {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        match self {
            Self::Own { entity, field, org, reported_by } => {
                let reported_by = reported_by.map(|name| format!("/{name}")).unwrap_or_default();
                format!("{}/{field}/org/{}{reported_by}", hex(entity.bytes()), hex(org.bytes()))
            }
            Self::Separate { entity, field } => {
                format!("{}/{field}/ref/{}/{index}", hex(entity.bytes()), hex(entry.bytes()))
            }
            Self::Resolution { entity, field } => format!("{}/{field}/resolution", hex(entity.bytes())),
        }
    }
}

fn scalar(Reference(entry, index): &Reference) -> ScalarValue {
    ScalarValue::Bytes([entry.bytes().as_slice(), &index.to_be_bytes()].concat())
}

fn reference(value: &Value<'_>) -> Reference {
    let bytes = value.as_bytes().expect("each value is a reference");
    let (entry, index) = bytes.split_first_chunk().expect("a reference has 40 bytes");
    Reference(EntryId(*entry), u64::from_be_bytes(index.try_into().expect("a reference has 40 bytes")))
}
