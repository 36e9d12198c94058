//! Restating: the shared section is made to say what may go, and no more, in statements of its own.
//!
//! What goes is said anew by the desk, under names of its own ([`Names`]). One act is the difference between what stands
//! in the shared section as the organisation's word and what may stand there now. Nothing is remembered for it: any
//! device of the organisation, a restored one too, finds the same difference.
//! * what no longer stands at home, or may no longer go, is retracted;
//! * what is new goes if a person has seen it in a preview and lets it go, or if its field of its entity was told before.
//!   So a correction travels in the same act, and a new field waits for its own preview;
//! * a case that may not go at all is hidden by one statement, and stays hidden until a person shares it again; so is a
//!   part that another one took the place of.
//!
//! An act is at most one entry. Write it and ask again until nothing is left to say: what is said of earlier statements
//! (a resolution) can only follow them, and an act cut short goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use super::permission::{computed, computed_id, permission};
use super::{Goes, Origin, Preview, Reason, Settled, What, is_code};
use crate::{
    bytes::{
        codec,
        ids::{EntityId, OrgId},
        limits,
    },
    record::{
        schema::{Policy, Schema, Value},
        section::{
            assertion::{Assertion, Reference, Statement},
            root::root_of,
            view::{Claim, View},
        },
    },
};

/// Bytes of statements in one act: the rest of a body is for deps, the frame and padding.
const ACT_BYTES: usize = limits::BODY_BYTES.0 / 2;
/// Reason code of every retraction in a shared section: why is nobody's business outside.
const WITHDRAWN: &str = "withdrawn";
/// Reason code of a resolution whose own is not a code.
const RESOLVED: &str = "resolved";

/// Fields of entities, by own ids: what a person has seen in a preview and lets go.
pub type Seen = BTreeSet<(EntityId, String)>;

/// Some bytes of an assertion: equal for what says the same.
type Said = Vec<u8>;

/// What a register holds one value of, from one organisation.
type Key = (EntityId, String, Option<String>);

/// The statements that bring the shared section closer to `preview`; empty if there is nothing to say.
///
/// `shared` is the section as it reads now, `us` the organisation that shares.
#[must_use]
pub fn restate(names: &Names, preview: &Preview, shared: &View, us: &OrgId, seen: &Seen) -> Vec<Statement> {
    let told = Told::of(shared, us);
    // What is hidden stays so until a person shares it again: to undo a withdrawal is to share.
    if seen.is_empty() && (told.says(&closed(names)) || told.says(&hidden(names))) {
        return vec![];
    }
    let due: Vec<Assertion> = match preview.case_held_back().map(Reason::hides).max() {
        // Nothing is shared by itself; and of what was never shared nobody is told that it was withdrawn.
        _ if told.standing.is_empty() && seen.is_empty() => return vec![],
        None => due(names, preview, &told, seen),
        // Only the consent that was has run out: nothing new goes, nothing is taken back.
        Some(false) => return vec![],
        Some(true) if told.standing.is_empty() => return vec![],
        Some(true) => return hide(names, &told),
    };
    let mut act = Act::default();
    let said = told.lacks(due, &mut act, &frozen(names, preview));
    for assertion in said {
        if !act.say(Statement::Assert(assertion)) {
            break;
        }
    }
    if act.statements.is_empty() {
        settle(names, preview, shared, us, &told, &mut act);
    }
    act.statements
}

/// The statement that closes a shared section whose case is now shared with another circle; none if it is closed or was
/// never told of. Sharing with this circle again opens it.
#[must_use]
pub fn close(names: &Names, shared: &View, us: &OrgId) -> Vec<Statement> {
    let told = Told::of(shared, us);
    let closed = closed(names);
    if told.standing.is_empty() || told.says(&closed) { vec![] } else { vec![Statement::Assert(closed)] }
}

/// The statements that bring a section closer to saying exactly `due` as the word of `us`; empty if it does.
#[must_use]
pub fn converge(due: Vec<Assertion>, section: &View, us: &OrgId) -> Vec<Statement> {
    let mut act = Act::default();
    let new = Told::of(section, us).lacks(due, &mut act, &BTreeSet::new());
    let _full = new.into_iter().all(|assertion| act.say(Statement::Assert(assertion)));
    act.statements
}

fn closed(names: &Names) -> Assertion {
    names.assertion(&computed(
        computed_id(&root_of(&names.own()), "tombstone"),
        "tombstone.withdrawn",
        Value::Bool(true),
    ))
}

/// What is to stand in the shared section.
fn due(names: &Names, preview: &Preview, told: &Told<'_>, seen: &Seen) -> Vec<Assertion> {
    let own_root = root_of(&names.own());
    let id = data_encoding::HEXLOWER.encode(&names.shared().0);
    let case_id = computed(own_root, "case_file.case_id", Value::Text(id));
    let goes = preview.goes.iter().chain([&case_id]).filter(|goes| {
        let told = told.fields.contains(&(names.entity(&goes.entity), &*goes.field));
        is_computed(goes) || told || seen.contains(&(goes.entity, goes.field.clone()))
    });
    let mut due: Vec<(&Goes, Assertion)> = goes.map(|goes| (goes, names.assertion(goes))).collect();
    // What follows by itself leads to nothing that readers have not been told of.
    let known: BTreeSet<EntityId> =
        due.iter().map(|(_, said)| said.entity).chain(told.entities.iter().copied()).collect();
    due.retain_mut(|(goes, said)| {
        said.sources.retain(|source| known.contains(source));
        is_computed(goes) || names.target(goes).is_none_or(|target| known.contains(&target))
    });
    due.into_iter().map(|(_, said)| said).collect()
}

fn is_computed(goes: &Goes) -> bool {
    matches!(goes.origin, Origin::Computed(..))
}

/// Fields about which the organisation itself has not made up its mind: what is told of them stays as it is.
fn frozen(names: &Names, preview: &Preview) -> BTreeSet<(EntityId, String)> {
    let unsettled = preview.held_back.iter().filter(|held| held.reason == Reason::Unsettled);
    unsettled
        .filter_map(|held| match &held.what {
            What::Field(entity, field) => Some((names.entity(entity), field.clone())),
            What::Case | What::Record(..) => None,
        })
        .collect()
}

fn hidden(names: &Names) -> Assertion {
    let line = permission(&root_of(&names.own()));
    names.assertion(&computed(line, "consent_record.withdrawn", Value::Bool(true)))
}

fn hide(names: &Names, told: &Told<'_>) -> Vec<Statement> {
    let hidden = hidden(names);
    if told.says(&hidden) { vec![] } else { vec![Statement::Assert(hidden)] }
}

/// Resolutions of claims that readers know; claims that they do not know were never weighed there.
fn settle(names: &Names, preview: &Preview, shared: &View, us: &OrgId, told: &Told<'_>, act: &mut Act) {
    let known: BTreeSet<Reference> =
        shared.cells().flat_map(|(_, _, cell)| &cell.claims).map(|claim| claim.at).collect();
    let restated: BTreeMap<Reference, Reference> = preview
        .goes
        .iter()
        .filter_map(|goes| match goes.origin {
            Origin::Said(at) => Some((at, told.standing.get(&said(&names.assertion(goes)))?.first()?.at)),
            Origin::Computed(..) => None,
        })
        .collect();
    // What others said in the shared section is weighed under the reference it has there.
    let there = |at: &Reference| restated.get(at).or_else(|| known.get(at)).copied();
    let due: Vec<Statement> = preview.settled.iter().filter_map(|settled| resolution(names, settled, there)).collect();
    let ours = shared.cells().flat_map(|(entity, field, cell)| {
        cell.resolutions.iter().filter(|resolution| resolution.org == *us).map(move |resolution| {
            let statement = Statement::Resolve {
                entity: *entity,
                field: field.to_owned(),
                chosen: resolution.chosen,
                seen: resolution.seen.clone(),
                reason: resolution.reason.clone(),
            };
            (resolution.at, statement)
        })
    });
    let ours: Vec<(Reference, Statement)> = ours.collect();
    let stale = ours.iter().filter(|(_, statement)| !due.contains(statement));
    let taken_back = stale.map(|(at, _)| Statement::Retract { at: *at, reason: WITHDRAWN.to_owned() });
    let new = due.iter().filter(|statement| !ours.iter().any(|(_, stands)| stands == *statement)).cloned();
    let _full = taken_back.chain(new).all(|statement| act.say(statement));
}

fn resolution(names: &Names, settled: &Settled, there: impl Fn(&Reference) -> Option<Reference>) -> Option<Statement> {
    let seen: BTreeSet<Reference> = settled.seen.iter().filter_map(&there).collect();
    let chosen = settled.chosen.as_ref().map(&there);
    if seen.is_empty() || chosen == Some(None) {
        return None;
    }
    Some(Statement::Resolve {
        entity: names.entity(&settled.entity),
        field: settled.field.clone(),
        chosen: chosen.flatten(),
        seen: seen.into_iter().collect(),
        reason: if is_code(&settled.reason) { settled.reason.clone() } else { RESOLVED.to_owned() },
    })
}

/// What an organisation has said in the shared section.
struct Told<'a> {
    /// What stands, and where.
    standing: BTreeMap<Said, Vec<&'a Claim>>,
    /// Of what: the register key and the claims of it.
    keys: BTreeMap<Said, Key>,
    /// Fields that it ever spoke of.
    fields: BTreeSet<(EntityId, &'a str)>,
    /// Entities of which something stands.
    entities: BTreeSet<EntityId>,
}

impl<'a> Told<'a> {
    fn of(shared: &'a View, us: &OrgId) -> Self {
        let mut told = Self {
            standing: BTreeMap::new(),
            keys: BTreeMap::new(),
            fields: BTreeSet::new(),
            entities: BTreeSet::new(),
        };
        for (entity, field, cell) in shared.cells() {
            let former = cell.history.iter().map(|former| &former.claim);
            if cell.claims.iter().chain(former).any(|claim| claim.org == *us) {
                told.fields.insert((*entity, field));
            }
            for claim in cell.claims.iter().filter(|claim| claim.org == *us) {
                let assertion = asserted(*entity, field, claim);
                let said = said(&assertion);
                told.keys.insert(said.clone(), key(&assertion));
                told.standing.entry(said).or_default().push(claim);
                told.entities.insert(*entity);
            }
        }
        told
    }

    fn says(&self, assertion: &Assertion) -> bool {
        self.standing.contains_key(&said(assertion))
    }

    /// Retracts in `act` what stands and is not due; returns what is due and does not stand. A register's old value is
    /// superseded by the new one in the same entry.
    fn lacks(&self, due: Vec<Assertion>, act: &mut Act, frozen: &BTreeSet<(EntityId, String)>) -> Vec<Assertion> {
        let mut wanted: BTreeMap<Said, Vec<Assertion>> = BTreeMap::new();
        let mut held: BTreeSet<Key> = BTreeSet::new();
        // Of one register key only one value can stand: the one that does, or the first.
        let (standing, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|assertion| self.standing.contains_key(&said(assertion)));
        for assertion in standing.into_iter().chain(others) {
            if !is_register(&assertion.field) || held.insert(key(&assertion)) {
                wanted.entry(said(&assertion)).or_default().push(assertion);
            }
        }
        let mut new = Vec::new();
        for (said, mut assertions) in wanted.clone() {
            let stand = self.standing.get(&said).map_or(0, Vec::len);
            new.extend(assertions.drain(stand.min(assertions.len())..));
        }
        let replaced: BTreeSet<Key> = new.iter().filter(|said| is_register(&said.field)).map(key).collect();
        for (said, claims) in &self.standing {
            let key = &self.keys[said];
            let surplus = claims.len().saturating_sub(wanted.get(said).map_or(0, Vec::len));
            if replaced.contains(key) || frozen.contains(&(key.0, key.1.clone())) {
                continue;
            }
            for claim in claims.iter().rev().take(surplus) {
                if !act.say(Statement::Retract { at: claim.at, reason: WITHDRAWN.to_owned() }) {
                    return vec![];
                }
            }
        }
        new
    }
}

/// One entry in the making.
#[derive(Default)]
struct Act {
    statements: Vec<Statement>,
    bytes: usize,
}

impl Act {
    /// Adds a statement, unless the entry is full.
    fn say(&mut self, statement: Statement) -> bool {
        let bytes = self.bytes + codec::encode(&statement).len();
        if self.statements.len() >= limits::ASSERTIONS.0 || (bytes > ACT_BYTES && !self.statements.is_empty()) {
            return false;
        }
        self.bytes = bytes;
        self.statements.push(statement);
        true
    }
}

fn asserted(entity: EntityId, field: &str, claim: &Claim) -> Assertion {
    Assertion {
        entity,
        field: field.to_owned(),
        value: claim.value.clone(),
        sources: claim.sources.clone(),
        grade: claim.grade.clone(),
        basis: claim.basis.clone(),
        reported_by: claim.reported_by.clone(),
    }
}

fn said(assertion: &Assertion) -> Said {
    codec::encode(&Statement::Assert(assertion.clone()))
}

fn key(assertion: &Assertion) -> Key {
    (assertion.entity, assertion.field.clone(), assertion.reported_by.clone())
}

/// Whether a second value of one organisation takes the place of its first.
pub(super) fn is_register(field: &str) -> bool {
    let policy = Schema::current().field(field).map(|field| field.policy);
    matches!(policy, Some(Policy::Mvr | Policy::Org))
}
