//! The section as an Automerge document: which statements still stand.
//!
//! One flat map. A key says what a statement may supersede, its value is the statement's reference, and the set of
//! values a key holds (Automerge's conflict set) is the set of statements that stand there. Content stays in the
//! entries; of Automerge nothing else is read: no winner, operation id, heads or saved bytes, and no byte written by a
//! peer reaches its decoder. Each entry is one change on a document that holds exactly the entry's causal past:
//! * on the whole document when that is the past;
//! * else on its author's *branch*, kept from the author's entry before and brought up to the past; branches are merged
//!   into the whole when it is next needed. Taking over changes costs a walk through the document, however few they are:
//!   so they are taken over together, and each by each branch at most once.
//!
//! As long as nobody has written beside anybody, the section is one *line*, and on a line a statement stands exactly if
//! none after it has its key: a map says that without a document. The first entry beside another makes the document,
//! from all that stands on the line, in its order.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ChangeHash, ROOT, ReadDoc, ScalarValue, Value};

use super::Chain;
use super::assertion::Reference;
use crate::bytes::{
    ids::{EntityId, EntryId, OrgId, SectionId},
    limits::Resource,
};

/// Branches kept per section. One more author at the same time costs time (a branch built anew), never correctness.
const BRANCHES: Resource = Resource(32);

/// What a statement may supersede: earlier statements under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// One value per organisation, and per organisation reported on: an importer who passes on what two others say
    /// must not silently replace one with the other.
    Own { entity: EntityId, field: &'a str, org: OrgId, reported_by: Option<&'a str> },
    /// A value beside all others.
    Beside { entity: EntityId, field: &'a str },
    /// The resolution of a conflict, whoever made it.
    Resolution { entity: EntityId, field: &'a str },
}

/// The document, and what it was made from.
pub(super) struct Document {
    section: SectionId,
    /// What there is instead of a document, while there is one line.
    line: Option<Line>,
    whole: Automerge,
    /// Chains whose branches hold changes that `whole` does not.
    unmerged: BTreeSet<Chain>,
    /// Entries that are in no other's past.
    tips: BTreeSet<EntryId>,
    applied: BTreeMap<EntryId, Applied>,
    branches: BTreeMap<Chain, Branch>,
    /// Branches begun so far: a measure for tests.
    forks: usize,
}

/// Entries of which each knows all before it.
#[derive(Default)]
struct Line {
    standing: BTreeMap<String, Reference>,
    /// What each entry put, in their order.
    entries: Vec<(EntryId, Vec<(String, Reference)>)>,
}

struct Applied {
    chain: Chain,
    parents: Vec<EntryId>,
    /// None while it stands on the line.
    change: Option<ChangeHash>,
    /// Place in the order of application, which is an order of causality.
    place: usize,
}

/// A document that holds exactly the past of its author's last entry on it, and that entry.
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
            line: Some(Line::default()),
            whole: Automerge::new(),
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
    /// applied; `statements` are its keyed statements in their order.
    pub(super) fn apply(
        &mut self,
        entry: EntryId,
        chain: Chain,
        parents: Vec<EntryId>,
        statements: &[(Key<'_>, Reference)],
    ) {
        let puts: Vec<_> = statements.iter().map(|(key, reference)| (key.text(reference), *reference)).collect();
        let place = self.applied.len();
        // A tip in someone's past is a parent; so the past is the whole exactly if all tips are parents.
        let knows_all = self.tips.len() <= parents.len() && self.tips.iter().all(|tip| parents.contains(tip));
        if !knows_all {
            self.leave_the_line();
        }
        let change = if let Some(line) = &mut self.line {
            line.standing.extend(puts.iter().cloned());
            line.entries.push((entry, puts));
            None
        } else if knows_all {
            self.merge();
            Some(commit(&mut self.whole, actor(self.section, chain), &puts))
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

    /// All statements that stand.
    pub(super) fn standing(&mut self) -> BTreeSet<Reference> {
        if let Some(line) = &self.line {
            return line.standing.values().copied().collect();
        }
        self.merge();
        let all = |key| self.whole.get_all(ROOT, key).expect("the root is a map");
        self.whole.keys(ROOT).flat_map(all).map(|(value, _)| reference(&value)).collect()
    }

    /// Somebody wrote beside somebody: from here on there is a document.
    fn leave_the_line(&mut self) {
        for (entry, puts) in self.line.take().into_iter().flat_map(|line| line.entries) {
            let applied = self.applied.get_mut(&entry).expect("what stands on the line was applied");
            applied.change = Some(commit(&mut self.whole, actor(self.section, applied.chain), &puts));
        }
    }

    /// The branch of `chain`, holding exactly the past that `parents` close.
    fn branch(&mut self, chain: Chain, parents: &[EntryId]) -> Branch {
        if !self.branches.contains_key(&chain) {
            self.forks += 1;
            self.make_room();
        }
        let mut branch = self.branches.remove(&chain).unwrap_or_default();
        // What a branch holds is closed, and part of its author's past; the walk stops there.
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
            branch.document.apply_changes(changes).expect(OURS);
        }
        branch
    }

    /// A change, from the whole or from the branch that made it since.
    fn change(&self, applied: &Applied) -> Change {
        let branch = self.branches.get(&applied.chain).map(|branch| &branch.document);
        let documents = std::iter::once(&self.whole).chain(branch);
        let hash = applied.change.as_ref().expect("there is no branch on a line");
        documents.filter_map(|document| document.get_change_by_hash(hash)).next().expect(OURS)
    }

    fn make_room(&mut self) {
        if self.branches.len() >= BRANCHES.0 {
            self.merge();
            let idle = self.branches.iter().min_by_key(|(_, branch)| branch.used).map(|(chain, _)| *chain);
            self.branches.remove(&idle.expect("the limit is above zero"));
        }
    }

    /// Takes over into the whole what the branches made since.
    fn merge(&mut self) {
        for chain in std::mem::take(&mut self.unmerged) {
            let branch = self.branches.get_mut(&chain).expect("branches are merged before they are dropped");
            self.whole.merge(&mut branch.document).expect(OURS);
        }
    }
}

const OURS: &str = "changes are made here, each after its past, and are in the whole or in the branch that made them";

/// One change per entry, also for an entry that puts nothing: causality runs through it.
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

/// Per feed, run and section, so that sequence numbers have no gap. All 32 bytes: nobody can make two feeds collide.
fn actor(section: SectionId, (feed, run): Chain) -> ActorId {
    let mut hash = blake3::Hasher::new_derive_key("habeas 1 document actor");
    hash.update(feed.bytes()).update(run.bytes()).update(section.bytes());
    ActorId::from(hash.finalize().as_bytes())
}

impl Key<'_> {
    /// Injective: ids have fixed lengths, a field's name has no slash (`assertion.rs` sees to that), and what is free
    /// text comes last.
    fn text(&self, Reference(entry, index): &Reference) -> String {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        match self {
            Self::Own { entity, field, org, reported_by } => {
                let reported_by = reported_by.map(|name| format!("/{name}")).unwrap_or_default();
                format!("{}/{field}/org/{}{reported_by}", hex(entity.bytes()), hex(org.bytes()))
            }
            Self::Beside { entity, field } => {
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
