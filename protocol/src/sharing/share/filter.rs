//! The filter: checks every value of a case file, then completes the result with parents and references.
//!
//! Values come first: an entity goes if any of its values goes, references apart. Then its parents are added, so that
//! it has its place; then the references between entities that go.

use std::collections::{BTreeMap, BTreeSet};

use super::caps::Caps;
use super::{
    Audience, Goes, HeldBack, Origin, Reason, Reporter, What, is_link, is_own_only, is_parent, kind_of, linked,
    refers_to_docket, restate,
};
use crate::{
    bytes::ids::EntityId,
    record::{
        schema::{LevelError, Place, Schema, Value},
        section::{
            assertion::is_grade,
            root::root_of,
            view::{Cell, Claim, View},
        },
    },
    sharing::consent::values,
};

/// The result of the filter so far.
#[derive(Default)]
pub(super) struct Filtered {
    pub(super) goes: Vec<Goes>,
    pub(super) held_back: BTreeSet<HeldBack>,
    /// Entities that will exist in the shared section.
    included: BTreeSet<EntityId>,
    /// Entities that will not, whatever refers to them.
    excluded: BTreeSet<EntityId>,
}

/// Filters the values that may go to `audience`, of a case file that consent allows to share with it.
pub(super) fn filter(view: &View, audience: &Audience) -> Filtered {
    let filter = Filter { view, audience, caps: Caps::of(view, Some(audience)) };
    let mut filtered = filter.values();
    filter.add_parents(&mut filtered);
    filter.links(&mut filtered);
    for goes in &mut filtered.goes {
        goes.sources.retain(|source| filtered.included.contains(source));
    }
    filtered
}

impl Filtered {
    /// Drops values of single-valued fields on which devices of one organisation differ without a resolution; they go
    /// once resolved.
    pub(super) fn drop_unresolved(&mut self, view: &View) {
        let mut values: BTreeMap<(EntityId, String, Option<Reporter>), BTreeSet<Value>> = BTreeMap::new();
        for goes in self.goes.iter().filter(|goes| restate::is_register(&goes.field)) {
            values.entry(register(goes)).or_default().insert(goes.value.clone());
        }
        values.retain(|_, values| values.len() > 1);
        let chosen = |goes: &Goes| {
            let cell = view.cell(&goes.entity, &goes.field);
            cell.and_then(Cell::value).is_some_and(|value| *value == goes.value)
        };
        let resolved: BTreeSet<_> = self.goes.iter().filter(|goes| chosen(goes)).map(register).collect();
        self.goes.retain(|goes| !values.contains_key(&register(goes)) || chosen(goes));
        for (entity, field, _) in values.into_keys().filter(|key| !resolved.contains(key)) {
            self.held_back.insert(HeldBack { what: What::Field(entity, field), reason: Reason::Unresolved });
        }
    }
}

fn register(goes: &Goes) -> (EntityId, String, Option<Reporter>) {
    (goes.entity, goes.field.clone(), goes.reported_by.clone())
}

/// The context of filtering one case file.
struct Filter<'a> {
    view: &'a View,
    audience: &'a Audience,
    caps: Caps,
}

impl Filter<'_> {
    /// Filters all values that are not references.
    fn values(&self) -> Filtered {
        let mut filtered = Filtered::default();
        filtered.included.insert(root_of(&self.view.section));
        for (entity, fields) in &self.view.entities {
            let stated = || fields.iter().filter(|(_, cell)| !cell.claims.is_empty());
            let kinds: BTreeSet<&str> = stated().map(|(name, _)| kind_of(name)).collect();
            let excluded: BTreeMap<&str, BTreeSet<Reason>> =
                kinds.into_iter().map(|kind| (kind, self.whole_record(entity, kind))).collect();
            for (kind, reasons) in excluded.iter().filter(|(_, reasons)| !reasons.is_empty()) {
                let what = || What::Record(*entity, (*kind).to_owned());
                filtered.excluded.insert(*entity);
                filtered.held_back.extend(reasons.iter().cloned().map(|reason| HeldBack { what: what(), reason }));
            }
            for (name, cell) in stated().filter(|(name, _)| excluded[kind_of(name)].is_empty()) {
                for claim in cell.claims.iter().filter(|claim| !is_link(name, &claim.value)) {
                    self.add(&mut filtered, entity, name, claim);
                }
            }
        }
        filtered
    }

    fn add(&self, filtered: &mut Filtered, entity: &EntityId, name: &str, claim: &Claim) {
        let reasons = self.reasons(entity, name, claim);
        if reasons.is_empty() && !is_own_only(name) {
            filtered.included.insert(*entity);
            filtered.goes.push(self.goes(entity, name, claim));
        }
        let what = || What::Field(*entity, name.to_owned());
        filtered.held_back.extend(reasons.into_iter().map(|reason| HeldBack { what: what(), reason }));
    }

    /// Adds the parents of entities that go, except those that stay as a whole.
    fn add_parents(&self, filtered: &mut Filtered) {
        let mut open: Vec<EntityId> = filtered.included.iter().copied().collect();
        while let Some(entity) = open.pop() {
            let fields = self.view.entities.get(&entity).into_iter().flatten();
            let parents = fields.filter(|(name, _)| is_parent(name)).flat_map(|(_, cell)| cell.values());
            for parent in parents {
                if let Value::Ref(parent) = parent
                    && !filtered.excluded.contains(parent)
                    && filtered.included.insert(*parent)
                {
                    open.push(*parent);
                }
            }
        }
    }

    /// Filters references between entities that go. A reference to a docket goes: the docket is public, the link is
    /// not.
    fn links(&self, filtered: &mut Filtered) {
        for (entity, name, cell) in self.view.cells() {
            if !filtered.included.contains(entity) || filtered.excluded.contains(entity) {
                continue;
            }
            for claim in cell.claims.iter().filter(|claim| is_link(name, &claim.value)) {
                let arrives = refers_to_docket(name)
                    || linked(&claim.value).is_some_and(|target| filtered.included.contains(&target));
                if !arrives && (is_parent(name) || self.reasons(entity, name, claim).is_empty()) {
                    let what = What::Field(*entity, name.to_owned());
                    filtered.held_back.insert(HeldBack { what, reason: Reason::StaysBehind });
                } else if is_parent(name) {
                    // A parent reference is no statement of its own: it goes exactly with the entity.
                    filtered.goes.push(self.goes(entity, name, claim));
                } else {
                    self.add(filtered, entity, name, claim);
                }
            }
        }
    }

    /// The reasons why a record stays in the own circle as a whole.
    fn whole_record(&self, entity: &EntityId, kind: &str) -> BTreeSet<Reason> {
        let mut reasons: BTreeSet<Reason> =
            self.caps.on_record(entity, kind).map(|cap| Reason::Cap(cap.into())).collect();
        let rules = Schema::current().rules();
        let local_code =
            |name: &str, value: &Value| rules.term_local(name, value).is_some_and(|rule| rule.twin.is_none());
        let cells = self.view.entities.get(entity).into_iter().flatten();
        let mut cells = cells.filter(|(name, _)| kind_of(name) == kind);
        if cells.any(|(name, cell)| cell.claims.iter().any(|claim| local_code(name, &claim.value))) {
            reasons.insert(Reason::LocalRecord);
        }
        let summary = Value::from("summary");
        if kind == "paragraph" && values(self.view, entity, "paragraph.kind") != BTreeSet::from([&summary]) {
            reasons.insert(Reason::Narrative);
        }
        if kind == "health_record" && !self.caps.is_counsel() {
            reasons.insert(Reason::Health);
        }
        reasons
    }

    /// The reasons why a value does not go.
    fn reasons(&self, entity: &EntityId, name: &str, claim: &Claim) -> BTreeSet<Reason> {
        let schema = Schema::current();
        let Some(field) = schema.field(name) else { return BTreeSet::from([Reason::UnknownField]) };
        let mut reasons = BTreeSet::new();
        reasons.extend(schema.may_go(field, &claim.value, Place::Named).err().map(|error| match error {
            LevelError::LocalTerm { twin: Some(twin), .. } => Reason::LocalTerm { twin },
            LevelError::LocalTerm { twin: None, .. } => Reason::LocalRecord,
            LevelError::NameOfOrganisation { .. } => Reason::NameOfOrganisation,
            LevelError::Local { .. } | LevelError::NotForCommons { .. } | LevelError::TooFine { .. } => Reason::Local,
        }));
        // A local value needs no further reason.
        if reasons.is_empty() {
            let value = &claim.value;
            reasons.extend(schema.check(name, value).is_err().then_some(Reason::NotCanonical));
            reasons.extend(
                matches!(value, Value::Org(org) if !self.audience.reads(org)).then_some(Reason::OrganisationOutside),
            );
            let capped = self.caps.on_value(self.view, entity, &field.entity, name, &claim.sources);
            reasons.extend(capped.map(|cap| Reason::Cap(cap.into())));
        }
        reasons
    }

    fn goes(&self, entity: &EntityId, name: &str, claim: &Claim) -> Goes {
        let is_basis = |basis: &String| {
            Schema::current().vocabulary("legal_basis").is_some_and(|codes| codes.term(basis).is_some())
        };
        let reporter = |name: &String| match name.parse() {
            Ok(org) if self.audience.reads(&org) => Reporter::Reads(org),
            _ => Reporter::Unnamed(name.clone()),
        };
        Goes {
            origin: Origin::Claim(claim.at),
            entity: *entity,
            field: name.to_owned(),
            value: claim.value.clone(),
            sources: claim.sources.clone(),
            // A typed note in place of a code must not go: only codes do.
            grade: claim.grade.clone().filter(|grade| is_grade(grade)),
            basis: claim.basis.clone().filter(is_basis),
            reported_by: claim.reported_by.as_ref().map(reporter),
        }
    }
}
