//! The sheet of a section for reading: its records as a tree, timeline, conflicts and provenance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::assertion::ClaimedTime;
use super::event::{self, Event};
use super::view::{Cell, Claim, Resolution, Shown, View};
use crate::{
    bytes::ids::{EntityId, OrgId, SectionId},
    record::schema::{Schema, Value},
};

/// A section, laid out for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// The section.
    pub section: SectionId,
    /// The records in the schema's order; child records are placed under their parents.
    pub records: Vec<Record>,
    /// The events, by date.
    pub timeline: Vec<Event>,
    /// Fields with differing claims, whether resolved or not.
    pub conflicts: Vec<Conflict>,
    /// The organisations and sources of the claims.
    pub provenance: Provenance,
}

/// A record: one entity with its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The entity.
    pub entity: EntityId,
    /// The kind of the entity, such as `capture_episode`.
    pub kind: String,
    /// The fields, in the schema's order; unknown ones last.
    pub fields: Vec<(String, Cell)>,
    /// The child records.
    pub children: Vec<Record>,
}

/// A field whose claims differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The entity.
    pub entity: EntityId,
    /// The field.
    pub field: String,
    /// The claims, side by side.
    pub claims: Vec<Claim>,
    /// The current resolutions.
    pub resolutions: Vec<Resolution>,
    /// Whether a resolution is in force.
    pub settled: bool,
}

/// Provenance of a section: its organisations and sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Numbers of claims by organisation.
    pub organisations: BTreeMap<OrgId, Share>,
    /// Numbers of claims by source.
    pub sources: BTreeMap<EntityId, SourceUse>,
    /// Number of claims without a source.
    pub unsourced: u64,
}

/// Counts of one organisation's claims in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Number of its current claims.
    pub claims: u64,
    /// Number of these that it only reports for others.
    pub reported: u64,
    /// The latest time that it claims for one.
    pub latest: ClaimedTime,
}

/// The claims that rest on one source.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct SourceUse {
    /// Number of claims that name the source.
    pub claims: u64,
    /// The grades of the claims, each with the organisation: "B2 by one, D4 by another".
    pub grades: BTreeSet<(OrgId, String)>,
}

/// Shows the number of claims, never the grades.
impl fmt::Debug for SourceUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} claims", self.claims)
    }
}

impl Sheet {
    /// Lays out a view.
    #[must_use]
    pub fn new(view: &View) -> Self {
        Self {
            section: view.section,
            records: records(view),
            timeline: event::timeline(view),
            conflicts: conflicts(view),
            provenance: provenance(view),
        }
    }

    /// All records of a kind, at any depth.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> Vec<&Record> {
        let mut found = Vec::new();
        let mut open: Vec<&Record> = self.records.iter().rev().collect();
        while let Some(record) = open.pop() {
            if record.kind == kind {
                found.push(record);
            }
            open.extend(record.children.iter().rev());
        }
        found
    }
}

impl Record {
    /// The cell of a field, by the part of its name after the dot.
    #[must_use]
    pub fn cell(&self, field: &str) -> Option<&Cell> {
        let is_it = |name: &str| name.split_once('.').is_some_and(|(_, name)| name == field);
        self.fields.iter().find(|(name, _)| is_it(name)).map(|(_, cell)| cell)
    }

    /// The texts that count for one of its fields: see [`Cell::values`].
    #[must_use]
    pub fn texts(&self, field: &str) -> Vec<&str> {
        self.cell(field).map(Cell::values).unwrap_or_default().into_iter().filter_map(Value::as_text).collect()
    }
}

/// Builds the tree of records. A record is placed under the parent it names if that is here and of the kind that the
/// schema requires, so that no cycle is possible; every other record is placed at the top.
fn records(view: &View) -> Vec<Record> {
    let mut by_kind: BTreeMap<(usize, &str, EntityId), Record> = BTreeMap::new();
    let order = |kind: &str| Schema::current().entities().position(|entity| entity.name == kind).unwrap_or(usize::MAX);
    for (entity, field, cell) in view.cells() {
        let kind = field.split_once('.').map_or(field, |(kind, _)| kind);
        let record = by_kind.entry((order(kind), kind, *entity)).or_insert_with(|| Record {
            entity: *entity,
            kind: kind.to_owned(),
            fields: Vec::new(),
            children: Vec::new(),
        });
        record.fields.push((field.to_owned(), cell.clone()));
    }
    let place = |name: &str| Schema::current().fields().position(|field| field.name == name).unwrap_or(usize::MAX);
    let mut top = Vec::new();
    // A parent's kind precedes its children's kinds; in descending order a record thus has all its children when it is
    // placed.
    while let Some((_, mut record)) = by_kind.pop_last() {
        record.fields.sort_by_cached_key(|(name, _)| (place(name), name.clone()));
        record.children.reverse();
        let parent = parent(&record).map(|(kind, parent)| (order(kind), kind, parent));
        match parent.and_then(|key| by_kind.get_mut(&key)) {
            Some(parent) => parent.children.push(record),
            None => top.push(record),
        }
    }
    top.reverse();
    top
}

/// The kind and id of the parent that a record names.
fn parent(record: &Record) -> Option<(&'static str, EntityId)> {
    let kind = Schema::current().entity(&record.kind)?.parent.as_deref()?;
    match record.cell("parent")?.values().into_iter().next()? {
        Value::Ref(parent) => Some((kind, *parent)),
        _ => None,
    }
}

fn conflicts(view: &View) -> Vec<Conflict> {
    let differs = |cell: &Cell| matches!(cell.shown, Shown::Conflict | Shown::Resolved { .. });
    let conflict = |(entity, field, cell): (&EntityId, &str, &Cell)| Conflict {
        entity: *entity,
        field: field.to_owned(),
        claims: cell.claims.clone(),
        resolutions: cell.resolutions.clone(),
        settled: cell.shown != Shown::Conflict,
    };
    let mut conflicts: Vec<_> = view.cells().filter(|(.., cell)| differs(cell)).map(conflict).collect();
    conflicts.sort_by_key(|conflict| conflict.settled);
    conflicts
}

fn provenance(view: &View) -> Provenance {
    let mut provenance = Provenance::default();
    for claim in view.cells().flat_map(|(.., cell)| &cell.claims) {
        let none = Share { claims: 0, reported: 0, latest: ClaimedTime(0) };
        let share = provenance.organisations.entry(claim.org).or_insert(none);
        share.claims += 1;
        share.reported += u64::from(claim.reported_by.is_some());
        share.latest = share.latest.max(claim.claimed_time);
        provenance.unsourced += u64::from(claim.sources.is_empty());
        for source in claim.sources.iter().collect::<BTreeSet<_>>() {
            let source = provenance.sources.entry(*source).or_default();
            source.claims += 1;
            source.grades.extend(claim.grade.iter().map(|grade| (claim.org, grade.clone())));
        }
    }
    provenance
}
