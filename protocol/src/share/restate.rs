//! Restating: the shared section is made to say what may go, and no more, in statements of its own.
//!
//! What goes is said anew by the desk, under fresh entity ids; the map from own to shared stays at home. One act is the
//! difference between what has been told and what may be told now:
//! * what no longer stands at home, or may no longer go, is retracted;
//! * what is new goes if the act is a *share*, or if its field of its entity is covered: it went before. So a correction
//!   travels in the same act, and a new field waits for its own preview;
//! * a case that may not go at all is hidden by one statement.
//!
//! An act is at most one entry. Write it, tell the map ([`Map::written`]), and ask again until nothing is left to say:
//! what is said of earlier statements (a resolution) can only follow them, and an act cut short goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::permission::{computed, permission};
use super::{Goes, Origin, Preview, Reason, Reporter, Settled, is_code, leads_out, linked};
use crate::codec::{self, DecodeError};
use crate::desk;
use crate::ids::{EntityId, EntryId, SectionId};
use crate::limits;
use crate::schema::{Policy, Schema, Value};
use crate::section::assertion::{Assertion, ClaimedTime, Plain, Reference, Statement};

/// Bytes of statements in one act: the rest of a body is for deps, the frame and padding.
const ACT_BYTES: usize = limits::BODY_BYTES.0 / 2;
/// Seconds of a day.
const DAY: u64 = 86_400;
/// Reason code of every retraction in a shared section: why is nobody's business outside.
const WITHDRAWN: &str = "withdrawn";
/// Reason code of a resolution whose own is not a code.
const RESOLVED: &str = "resolved";

/// How far an act goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Someone has seen the preview and shares: all of it goes, and is covered from now on.
    Share,
    /// The record at home has changed: only what is covered follows.
    Follow,
}

/// What has been told in one shared section. Stays at home.
#[derive(Clone, PartialEq, Eq)]
pub struct Map {
    own: SectionId,
    shared: SectionId,
    entities: BTreeMap<EntityId, EntityId>,
    told: BTreeMap<Origin, Told>,
    reporters: BTreeMap<String, u64>,
    covered: BTreeSet<(EntityId, String)>,
}

/// A statement that stands in the shared section.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    at: Reference,
    /// By its own id.
    entity: EntityId,
    field: String,
    reported_by: Option<String>,
}

/// One act: statements for one entry of the shared section, and what the map is to remember of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Restatement {
    statements: Vec<Statement>,
    /// By the place of the statement.
    told: BTreeMap<u64, (Origin, EntityId, String, Option<String>)>,
    taken_back: Vec<Origin>,
    covered: BTreeSet<(EntityId, String)>,
    bytes: usize,
}

impl Map {
    /// Nothing told yet of the case file in section `own`; the shared part will be section `shared`.
    #[must_use]
    pub fn new(own: SectionId, shared: SectionId) -> Self {
        let entities = BTreeMap::from([(desk::root(&own), desk::root(&shared))]);
        let (told, reporters, covered) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { own, shared, entities, told, reporters, covered }
    }

    /// The shared section.
    #[must_use]
    pub fn shared(&self) -> SectionId {
        self.shared
    }

    /// The own entity that a shared one stands for.
    #[must_use]
    pub fn own_entity(&self, shared: &EntityId) -> Option<EntityId> {
        self.entities.iter().find(|(_, other)| *other == shared).map(|(own, _)| *own)
    }

    /// Where the own statement `at` is restated.
    #[must_use]
    pub fn restated(&self, at: &Reference) -> Option<Reference> {
        self.told.get(&Origin::Said(*at)).map(|told| told.at)
    }

    /// The statements that bring the shared section up to `preview`; empty if there is nothing to say.
    ///
    /// `new_id` gives a fresh random id at each call. Entities that are new get theirs at once; a map whose act is not
    /// written keeps them, and nobody has seen them.
    #[must_use]
    pub fn restate(&mut self, preview: &Preview, act: Act, new_id: &mut dyn FnMut() -> EntityId) -> Restatement {
        let mut goes: Vec<Goes> = preview.goes.clone();
        match preview.case_held_back().map(Reason::hides).max() {
            None if act == Act::Follow && self.told.is_empty() => return Restatement::default(),
            None => goes.push(self.case_id()),
            // Only the consent that was has run out: nothing new goes, nothing is taken back.
            Some(false) => return Restatement::default(),
            Some(true) if self.told.is_empty() => return Restatement::default(),
            Some(true) => return self.hide(new_id),
        }
        if act == Act::Follow {
            goes.retain(|goes| self.told.contains_key(&goes.origin) || self.covers(goes));
            self.drop_strangers(&mut goes);
        }
        let mut restatement = Restatement::default();
        let due: BTreeMap<&Origin, &Goes> = goes.iter().map(|goes| (&goes.origin, goes)).collect();
        self.take_back(&due, &preview.settled, &mut restatement);
        let new: Vec<&Goes> = due.into_values().filter(|goes| !self.told.contains_key(&goes.origin)).collect();
        for goes in new {
            let assertion = self.assertion(goes, new_id);
            let reported_by = assertion.reported_by.clone();
            let remembered = (goes.origin.clone(), goes.entity, goes.field.clone(), reported_by);
            if !restatement.say(Statement::Assert(assertion), Some(remembered)) {
                return restatement;
            }
            restatement.covered.insert((goes.entity, goes.field.clone()));
        }
        if restatement.is_empty() {
            self.settle(&preview.settled, &mut restatement);
        }
        restatement
    }

    /// Remembers that `restatement` stands in the shared section as entry `entry`. To be made durable together with it.
    pub fn written(&mut self, restatement: Restatement, entry: EntryId) {
        for origin in &restatement.taken_back {
            self.told.remove(origin);
        }
        for (index, (origin, entity, field, reported_by)) in restatement.told {
            self.told.insert(origin, Told { at: Reference(entry, index), entity, field, reported_by });
        }
        self.covered.extend(restatement.covered);
    }

    /// The bytes to keep at home.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads them back; `limit` is the most bytes the store gives.
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Self, DecodeError> {
        codec::decode("map of a shared section", bytes, limit)
    }

    fn covers(&self, goes: &Goes) -> bool {
        let computed = matches!(goes.origin, Origin::Computed(..));
        computed || self.covered.contains(&(goes.entity, goes.field.clone()))
    }

    /// What follows by itself leads to nothing that readers have not been told of.
    fn drop_strangers(&self, goes: &mut Vec<Goes>) {
        let mut known: BTreeSet<EntityId> = goes.iter().map(|goes| goes.entity).collect();
        known.extend(self.told.values().map(|told| told.entity));
        goes.retain_mut(|goes| {
            goes.sources.retain(|source| known.contains(source));
            let leads = linked(&goes.value).filter(|_| !leads_out(&goes.field));
            matches!(goes.origin, Origin::Computed(..)) || leads.is_none_or(|target| known.contains(&target))
        });
    }

    /// The shared section has an id of its own, and the case in it goes by that.
    fn case_id(&self) -> Goes {
        let id = data_encoding::HEXLOWER.encode(&self.shared.0);
        computed(desk::root(&self.own), "case_file.case_id", Value::Text(id))
    }

    fn hide(&mut self, new_id: &mut dyn FnMut() -> EntityId) -> Restatement {
        let mut restatement = Restatement::default();
        let hidden = computed(permission(&desk::root(&self.own)), "consent_record.withdrawn", Value::Bool(true));
        if !self.told.contains_key(&hidden.origin) {
            let assertion = self.assertion(&hidden, new_id);
            let remembered = (hidden.origin, hidden.entity, hidden.field, None);
            let _fits = restatement.say(Statement::Assert(assertion), Some(remembered));
        }
        restatement
    }

    /// Retracts what is told and no longer due; a register's old value is superseded by the new one in the same entry.
    fn take_back(&self, due: &BTreeMap<&Origin, &Goes>, settled: &[Settled], restatement: &mut Restatement) {
        let new: Vec<&&Goes> = due.values().filter(|goes| !self.told.contains_key(&goes.origin)).collect();
        let settled: BTreeSet<Origin> = settled.iter().map(|settled| Origin::Said(settled.at)).collect();
        for (origin, told) in &self.told {
            if due.contains_key(origin) || settled.contains(origin) {
                continue;
            }
            let register = Schema::current().field(&told.field).map(|field| field.policy);
            let superseded = matches!(register, Some(Policy::Mvr | Policy::Org))
                && new.iter().any(|goes| {
                    (goes.entity, &goes.field, self.spelled(goes))
                        == (told.entity, &told.field, told.reported_by.clone())
                });
            if !superseded {
                let retraction = Statement::Retract { at: told.at, reason: WITHDRAWN.to_owned() };
                if !restatement.say(retraction, None) {
                    return;
                }
            }
            restatement.taken_back.push(origin.clone());
        }
    }

    /// Resolutions of claims that are told; claims that are not told were never weighed here.
    fn settle(&self, settled: &[Settled], restatement: &mut Restatement) {
        for settled in settled {
            let origin = Origin::Said(settled.at);
            let mut seen: Vec<Reference> = settled.seen.iter().filter_map(|at| self.restated(at)).collect();
            seen.sort_unstable();
            let chosen = settled.chosen.map(|at| self.restated(&at));
            let Some(entity) = self.entities.get(&settled.entity) else { continue };
            if seen.is_empty() || chosen == Some(None) || self.told.contains_key(&origin) {
                continue;
            }
            let resolution = Statement::Resolve {
                entity: *entity,
                field: settled.field.clone(),
                chosen: chosen.flatten(),
                seen,
                reason: if is_code(&settled.reason) { settled.reason.clone() } else { RESOLVED.to_owned() },
            };
            let remembered = (origin, settled.entity, settled.field.clone(), None);
            if !restatement.say(resolution, Some(remembered)) {
                return;
            }
        }
    }

    fn assertion(&mut self, goes: &Goes, new_id: &mut dyn FnMut() -> EntityId) -> Assertion {
        if let Some(Reporter::Unnamed(name)) = &goes.reported_by {
            let next = self.reporters.len() as u64 + 1;
            self.reporters.entry(name.clone()).or_insert(next);
        }
        let mut shared = |own: &EntityId| *self.entities.entry(*own).or_insert_with(&mut *new_id);
        let entity = shared(&goes.entity);
        let sources = goes.sources.iter().map(&mut shared).collect();
        let value = match (linked(&goes.value).filter(|_| !leads_out(&goes.field)), &goes.value) {
            (Some(own), Value::Text(_)) => Value::Text(shared(&own).to_string()),
            (Some(own), _) => Value::Ref(shared(&own)),
            (None, value) => value.clone(),
        };
        Assertion {
            entity,
            field: goes.field.clone(),
            value,
            sources,
            grade: goes.grade.clone(),
            basis: goes.basis.clone(),
            reported_by: self.spelled(goes),
        }
    }

    /// The reporter as readers see him: the id of one of them, or a number that means nothing elsewhere.
    fn spelled(&self, goes: &Goes) -> Option<String> {
        match goes.reported_by.as_ref()? {
            Reporter::Reads(org) => Some(org.to_string()),
            Reporter::Unnamed(name) => {
                let number = self.reporters.get(name).copied().unwrap_or(self.reporters.len() as u64 + 1);
                Some(format!("reporter-{number}"))
            }
        }
    }
}

impl Restatement {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.taken_back.is_empty()
    }

    /// The statements, in order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The plaintext of the entry that says it: of the day, not the minute, and of no import.
    #[must_use]
    pub fn plain(&self, shared: SectionId, now: ClaimedTime, deps: Vec<EntryId>) -> Plain {
        Plain {
            schema: Schema::VERSION,
            section: shared,
            claimed_time: ClaimedTime(now.0 - now.0 % DAY),
            deps,
            batch: None,
            statements: self.statements.clone(),
        }
    }

    /// Adds a statement, unless the entry is full.
    fn say(&mut self, statement: Statement, told: Option<(Origin, EntityId, String, Option<String>)>) -> bool {
        let bytes = self.bytes + codec::encode(&statement).len();
        if self.statements.len() >= limits::ASSERTIONS.0 || (bytes > ACT_BYTES && !self.statements.is_empty()) {
            return false;
        }
        self.bytes = bytes;
        if let Some(told) = told {
            self.told.insert(self.statements.len() as u64, told);
        }
        self.statements.push(statement);
        true
    }
}

/// The map as a list of lists: DAG-CBOR knows only text keys.
#[derive(Serialize, Deserialize)]
struct Stored(
    SectionId,
    SectionId,
    Vec<(EntityId, EntityId)>,
    Vec<(Origin, Told)>,
    Vec<(String, u64)>,
    Vec<(EntityId, String)>,
);

impl Serialize for Map {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { own, shared, entities, told, reporters, covered } = self.clone();
        let entities = entities.into_iter().collect();
        let (told, reporters) = (told.into_iter().collect(), reporters.into_iter().collect());
        Stored(own, shared, entities, told, reporters, covered.into_iter().collect()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored(own, shared, entities, told, reporters, covered) = Stored::deserialize(deserializer)?;
        let entities = entities.into_iter().collect();
        let (told, reporters) = (told.into_iter().collect(), reporters.into_iter().collect());
        Ok(Self { own, shared, entities, told, reporters, covered: covered.into_iter().collect() })
    }
}

/// How much, never what.
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({:?}, {} told)", self.shared, self.told.len())
    }
}

/// How much, never what.
impl fmt::Debug for Restatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restatement({} statements)", self.statements.len())
    }
}
