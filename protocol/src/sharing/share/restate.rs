//! Restating: the statements that make the shared section hold what may go, and no more.
//!
//! Values that go are asserted anew with the desk key, under names of their own ([`Names`]). A batch is the difference
//! between the organisation's current statements in the shared section and those that may be there now. No state is
//! kept: any device of the organisation, a restored one too, computes the same difference.
//! * a value that is no longer current in the own section, or may no longer go, is retracted;
//! * a new value goes if a person approved it in a preview, or if its field of its entity was shared before. So a
//!   correction goes in the same batch, and a new field waits for its own preview;
//! * a case that may not go at all is hidden by one statement, and stays hidden until a person shares it again; so is a
//!   shared section that another one replaces.
//!
//! A batch is at most one entry. Write it and compute the next one until it is empty: statements about earlier
//! statements (resolutions) can only follow them, and an interrupted series resumes where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use super::permission::{computed, computed_id, permission};
use super::{Goes, Origin, Preview, Reason, SharedResolution, What, is_code};
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

/// Length limit of the statements in one batch, in bytes: the rest of a body is for deps, the frame and padding.
const BATCH_BYTES: usize = limits::BODY_BYTES.0 / 2;
/// Reason code of every retraction in a shared section: the true reason stays in the own section.
const WITHDRAWN: &str = "withdrawn";
/// Reason code of a resolution whose own reason is not a code.
const RESOLVED: &str = "resolved";

/// Entities and fields, by own ids, that a person approved in a preview.
pub type Seen = BTreeSet<(EntityId, String)>;

/// Canonical bytes of an assertion: equal for equal assertions.
type AssertionBytes = Vec<u8>;

/// Key under which a register holds one value of an organisation.
type Key = (EntityId, String, Option<String>);

/// Computes the statements that bring the shared section closer to `preview`; empty if nothing is missing.
///
/// `shared` is the present view of the section, `us` the organisation that shares.
#[must_use]
pub fn restate(names: &Names, preview: &Preview, shared: &View, us: &OrgId, seen: &Seen) -> Vec<Statement> {
    let shared_claims = SharedClaims::of(shared, us);
    // A hidden section stays hidden until a person shares the case again: that undoes a withdrawal.
    if seen.is_empty() && (shared_claims.has(&closed(names)) || shared_claims.has(&hidden(names))) {
        return vec![];
    }
    let due: Vec<Assertion> = match preview.case_held_back().map(Reason::hides).max() {
        // Nothing is shared automatically, and readers are not told of the withdrawal of a case that was never shared.
        _ if shared_claims.current.is_empty() && seen.is_empty() => return vec![],
        None => due(names, preview, &shared_claims, seen),
        // The consent has merely run out: nothing new goes, nothing is taken back.
        Some(false) => return vec![],
        Some(true) if shared_claims.current.is_empty() => return vec![],
        Some(true) => return hide(names, &shared_claims),
    };
    let mut batch = Batch::default();
    let missing = shared_claims.missing(due, &mut batch, &frozen(names, preview));
    for assertion in missing {
        if !batch.push(Statement::Assert(assertion)) {
            break;
        }
    }
    if batch.statements.is_empty() {
        restate_resolutions(names, preview, shared, us, &shared_claims, &mut batch);
    }
    batch.statements
}

/// Computes the statement that closes a shared section whose case is now shared with another circle; none if it is
/// closed or was never shared. Sharing with this circle again reopens it.
#[must_use]
pub fn close(names: &Names, shared: &View, us: &OrgId) -> Vec<Statement> {
    let shared_claims = SharedClaims::of(shared, us);
    let closed = closed(names);
    if shared_claims.current.is_empty() || shared_claims.has(&closed) {
        vec![]
    } else {
        vec![Statement::Assert(closed)]
    }
}

/// Computes the statements that bring a section closer to exactly `due` as the assertions of `us`; empty if it has
/// them.
#[must_use]
pub fn converge(due: Vec<Assertion>, section: &View, us: &OrgId) -> Vec<Statement> {
    let mut batch = Batch::default();
    let new = SharedClaims::of(section, us).missing(due, &mut batch, &BTreeSet::new());
    let _full = new.into_iter().all(|assertion| batch.push(Statement::Assert(assertion)));
    batch.statements
}

fn closed(names: &Names) -> Assertion {
    names.assertion(&computed(
        computed_id(&root_of(&names.own()), "tombstone"),
        "tombstone.withdrawn",
        Value::Bool(true),
    ))
}

/// The assertions that the shared section should have.
fn due(names: &Names, preview: &Preview, shared_claims: &SharedClaims<'_>, seen: &Seen) -> Vec<Assertion> {
    let own_root = root_of(&names.own());
    let id = data_encoding::HEXLOWER.encode(&names.shared().0);
    let case_id = computed(own_root, "case_file.case_id", Value::Text(id));
    let goes = preview.goes.iter().chain([&case_id]).filter(|goes| {
        let was_shared = shared_claims.fields.contains(&(names.entity(&goes.entity), &*goes.field));
        is_computed(goes) || was_shared || seen.contains(&(goes.entity, goes.field.clone()))
    });
    let mut due: Vec<(&Goes, Assertion)> = goes.map(|goes| (goes, names.assertion(goes))).collect();
    // A value that follows without a preview must not refer to an entity that readers do not know.
    let known: BTreeSet<EntityId> =
        due.iter().map(|(_, assertion)| assertion.entity).chain(shared_claims.entities.iter().copied()).collect();
    due.retain_mut(|(goes, assertion)| {
        assertion.sources.retain(|source| known.contains(source));
        is_computed(goes) || names.target(goes).is_none_or(|target| known.contains(&target))
    });
    due.into_iter().map(|(_, assertion)| assertion).collect()
}

fn is_computed(goes: &Goes) -> bool {
    matches!(goes.origin, Origin::Computed(..))
}

/// Fields on which the organisation's own devices differ: their shared values stay as they are.
fn frozen(names: &Names, preview: &Preview) -> BTreeSet<(EntityId, String)> {
    let unresolved = preview.held_back.iter().filter(|held| held.reason == Reason::Unresolved);
    unresolved
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

fn hide(names: &Names, shared_claims: &SharedClaims<'_>) -> Vec<Statement> {
    let hidden = hidden(names);
    if shared_claims.has(&hidden) { vec![] } else { vec![Statement::Assert(hidden)] }
}

/// Restates resolutions of claims that readers know; other claims were never part of a dispute there.
fn restate_resolutions(
    names: &Names,
    preview: &Preview,
    shared: &View,
    us: &OrgId,
    shared_claims: &SharedClaims<'_>,
    batch: &mut Batch,
) {
    let known: BTreeSet<Reference> =
        shared.cells().flat_map(|(_, _, cell)| &cell.claims).map(|claim| claim.at).collect();
    let restated: BTreeMap<Reference, Reference> = preview
        .goes
        .iter()
        .filter_map(|goes| match goes.origin {
            Origin::Claim(at) => Some((at, shared_claims.current.get(&bytes_of(&names.assertion(goes)))?.first()?.at)),
            Origin::Computed(..) => None,
        })
        .collect();
    // Claims of others in the shared section keep their references there.
    let shared_reference = |at: &Reference| restated.get(at).or_else(|| known.get(at)).copied();
    let due: Vec<Statement> =
        preview.resolutions.iter().filter_map(|own| resolution(names, own, shared_reference)).collect();
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
    let retracted = stale.map(|(at, _)| Statement::Retract { at: *at, reason: WITHDRAWN.to_owned() });
    let new = due.iter().filter(|statement| !ours.iter().any(|(_, present)| present == *statement)).cloned();
    let _full = retracted.chain(new).all(|statement| batch.push(statement));
}

fn resolution(
    names: &Names,
    own: &SharedResolution,
    shared_reference: impl Fn(&Reference) -> Option<Reference>,
) -> Option<Statement> {
    let seen: BTreeSet<Reference> = own.seen.iter().filter_map(&shared_reference).collect();
    let chosen = own.chosen.as_ref().map(&shared_reference);
    if seen.is_empty() || chosen == Some(None) {
        return None;
    }
    Some(Statement::Resolve {
        entity: names.entity(&own.entity),
        field: own.field.clone(),
        chosen: chosen.flatten(),
        seen: seen.into_iter().collect(),
        reason: if is_code(&own.reason) { own.reason.clone() } else { RESOLVED.to_owned() },
    })
}

/// The claims of one organisation in a shared section.
struct SharedClaims<'a> {
    /// Current claims by assertion.
    current: BTreeMap<AssertionBytes, Vec<&'a Claim>>,
    /// Register keys by assertion.
    keys: BTreeMap<AssertionBytes, Key>,
    /// Fields that the organisation ever stated.
    fields: BTreeSet<(EntityId, &'a str)>,
    /// Entities with a current claim.
    entities: BTreeSet<EntityId>,
}

impl<'a> SharedClaims<'a> {
    fn of(shared: &'a View, us: &OrgId) -> Self {
        let mut shared_claims = Self {
            current: BTreeMap::new(),
            keys: BTreeMap::new(),
            fields: BTreeSet::new(),
            entities: BTreeSet::new(),
        };
        for (entity, field, cell) in shared.cells() {
            let former = cell.history.iter().map(|former| &former.claim);
            if cell.claims.iter().chain(former).any(|claim| claim.org == *us) {
                shared_claims.fields.insert((*entity, field));
            }
            for claim in cell.claims.iter().filter(|claim| claim.org == *us) {
                let assertion = asserted(*entity, field, claim);
                let bytes = bytes_of(&assertion);
                shared_claims.keys.insert(bytes.clone(), key(&assertion));
                shared_claims.current.entry(bytes).or_default().push(claim);
                shared_claims.entities.insert(*entity);
            }
        }
        shared_claims
    }

    fn has(&self, assertion: &Assertion) -> bool {
        self.current.contains_key(&bytes_of(assertion))
    }

    /// Retracts in `batch` the current claims that are not due; returns the due assertions that are missing. A
    /// register's old value is superseded by the new one in the same entry.
    fn missing(&self, due: Vec<Assertion>, batch: &mut Batch, frozen: &BTreeSet<(EntityId, String)>) -> Vec<Assertion> {
        let mut wanted: BTreeMap<AssertionBytes, Vec<Assertion>> = BTreeMap::new();
        let mut held: BTreeSet<Key> = BTreeSet::new();
        // Of one register key only one value can be current: the one that is, or the first.
        let (current, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|assertion| self.current.contains_key(&bytes_of(assertion)));
        for assertion in current.into_iter().chain(others) {
            if !is_register(&assertion.field) || held.insert(key(&assertion)) {
                wanted.entry(bytes_of(&assertion)).or_default().push(assertion);
            }
        }
        let mut new = Vec::new();
        for (bytes, mut assertions) in wanted.clone() {
            let present = self.current.get(&bytes).map_or(0, Vec::len);
            new.extend(assertions.drain(present.min(assertions.len())..));
        }
        let replaced: BTreeSet<Key> = new.iter().filter(|assertion| is_register(&assertion.field)).map(key).collect();
        for (bytes, claims) in &self.current {
            let key = &self.keys[bytes];
            let surplus = claims.len().saturating_sub(wanted.get(bytes).map_or(0, Vec::len));
            if replaced.contains(key) || frozen.contains(&(key.0, key.1.clone())) {
                continue;
            }
            for claim in claims.iter().rev().take(surplus) {
                if !batch.push(Statement::Retract { at: claim.at, reason: WITHDRAWN.to_owned() }) {
                    return vec![];
                }
            }
        }
        new
    }
}

/// A batch of statements for one entry.
#[derive(Default)]
struct Batch {
    statements: Vec<Statement>,
    bytes: usize,
}

impl Batch {
    /// Adds a statement, unless the entry is full.
    fn push(&mut self, statement: Statement) -> bool {
        let bytes = self.bytes + codec::encode(&statement).len();
        if self.statements.len() >= limits::ASSERTIONS.0 || (bytes > BATCH_BYTES && !self.statements.is_empty()) {
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

fn bytes_of(assertion: &Assertion) -> AssertionBytes {
    codec::encode(&Statement::Assert(assertion.clone()))
}

fn key(assertion: &Assertion) -> Key {
    (assertion.entity, assertion.field.clone(), assertion.reported_by.clone())
}

/// Whether a second value of one organisation replaces its first.
pub(super) fn is_register(field: &str) -> bool {
    let policy = Schema::current().field(field).map(|field| field.policy);
    matches!(policy, Some(Policy::Mvr | Policy::Org))
}
