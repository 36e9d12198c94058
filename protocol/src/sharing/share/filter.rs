//! The filter: every value of a case file is asked whether it may go, and what is left is made whole.
//!
//! Values first: an entity goes if anything said of it goes, references apart. Then what it belongs to, so that it does
//! not hang in the air; then the references from what goes to what goes.

use std::collections::{BTreeMap, BTreeSet};

use super::caps::Caps;
use super::{
    Audience, Goes, HeldBack, Origin, Reason, Reporter, What, is_link, is_ours_alone, is_parent, kind_of, leads_out,
    linked, restate,
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

/// What the filter has found so far.
#[derive(Default)]
pub(super) struct Sifted {
    pub(super) goes: Vec<Goes>,
    pub(super) held_back: BTreeSet<HeldBack>,
    /// Entities that will exist in the shared section.
    going: BTreeSet<EntityId>,
    /// Entities that will not, whatever refers to them.
    staying: BTreeSet<EntityId>,
}

/// What may go to `audience` of a case file that may be shared with it, consent apart.
pub(super) fn sift(view: &View, audience: &Audience) -> Sifted {
    let filter = Filter { view, audience, caps: Caps::of(view, Some(audience)) };
    let mut sifted = filter.values();
    filter.add_parents(&mut sifted);
    filter.links(&mut sifted);
    for goes in &mut sifted.goes {
        goes.sources.retain(|source| sifted.going.contains(source));
    }
    sifted
}

impl Sifted {
    /// One organisation says one thing of a register. Where its devices say two, and nobody there has settled it, it goes
    /// when they have.
    pub(super) fn drop_unsettled(&mut self, view: &View) {
        let mut values: BTreeMap<(EntityId, String, Option<Reporter>), BTreeSet<Value>> = BTreeMap::new();
        for goes in self.goes.iter().filter(|goes| restate::is_register(&goes.field)) {
            values.entry(register(goes)).or_default().insert(goes.value.clone());
        }
        values.retain(|_, values| values.len() > 1);
        let chosen = |goes: &Goes| {
            let cell = view.cell(&goes.entity, &goes.field);
            cell.and_then(Cell::value).is_some_and(|value| *value == goes.value)
        };
        let settled: BTreeSet<_> = self.goes.iter().filter(|goes| chosen(goes)).map(register).collect();
        self.goes.retain(|goes| !values.contains_key(&register(goes)) || chosen(goes));
        for (entity, field, _) in values.into_keys().filter(|key| !settled.contains(key)) {
            self.held_back.insert(HeldBack { what: What::Field(entity, field), reason: Reason::Unsettled });
        }
    }
}

fn register(goes: &Goes) -> (EntityId, String, Option<Reporter>) {
    (goes.entity, goes.field.clone(), goes.reported_by.clone())
}

/// Where a case file is looked through for what may go.
struct Filter<'a> {
    view: &'a View,
    audience: &'a Audience,
    caps: Caps,
}

impl Filter<'_> {
    /// Everything that is not a reference.
    fn values(&self) -> Sifted {
        let mut sifted = Sifted::default();
        sifted.going.insert(root_of(&self.view.section));
        for (entity, fields) in &self.view.entities {
            let said = || fields.iter().filter(|(_, cell)| !cell.claims.is_empty());
            let kinds: BTreeSet<&str> = said().map(|(name, _)| kind_of(name)).collect();
            let staying: BTreeMap<&str, BTreeSet<Reason>> =
                kinds.into_iter().map(|kind| (kind, self.whole_record(entity, kind))).collect();
            for (kind, reasons) in staying.iter().filter(|(_, reasons)| !reasons.is_empty()) {
                let what = || What::Record(*entity, (*kind).to_owned());
                sifted.staying.insert(*entity);
                sifted.held_back.extend(reasons.iter().cloned().map(|reason| HeldBack { what: what(), reason }));
            }
            for (name, cell) in said().filter(|(name, _)| staying[kind_of(name)].is_empty()) {
                for claim in cell.claims.iter().filter(|claim| !is_link(name, &claim.value)) {
                    self.sift(&mut sifted, entity, name, claim);
                }
            }
        }
        sifted
    }

    fn sift(&self, sifted: &mut Sifted, entity: &EntityId, name: &str, claim: &Claim) {
        let reasons = self.reasons(entity, name, claim);
        if reasons.is_empty() && !is_ours_alone(name) {
            sifted.going.insert(*entity);
            sifted.goes.push(self.goes(entity, name, claim));
        }
        let what = || What::Field(*entity, name.to_owned());
        sifted.held_back.extend(reasons.into_iter().map(|reason| HeldBack { what: what(), reason }));
    }

    /// What an entity that goes belongs to goes with it, unless it stays as a whole.
    fn add_parents(&self, sifted: &mut Sifted) {
        let mut open: Vec<EntityId> = sifted.going.iter().copied().collect();
        while let Some(entity) = open.pop() {
            let fields = self.view.entities.get(&entity).into_iter().flatten();
            let parents = fields.filter(|(name, _)| is_parent(name)).flat_map(|(_, cell)| cell.values());
            for parent in parents {
                if let Value::Ref(parent) = parent
                    && !sifted.staying.contains(parent)
                    && sifted.going.insert(*parent)
                {
                    open.push(*parent);
                }
            }
        }
    }

    /// References from what goes to what goes. A reference to a docket stands: the docket is public, the link is not.
    fn links(&self, sifted: &mut Sifted) {
        for (entity, name, cell) in self.view.cells() {
            if !sifted.going.contains(entity) || sifted.staying.contains(entity) {
                continue;
            }
            for claim in cell.claims.iter().filter(|claim| is_link(name, &claim.value)) {
                let arrives =
                    leads_out(name) || linked(&claim.value).is_some_and(|target| sifted.going.contains(&target));
                if !arrives && (is_parent(name) || self.reasons(entity, name, claim).is_empty()) {
                    let what = What::Field(*entity, name.to_owned());
                    sifted.held_back.insert(HeldBack { what, reason: Reason::StaysBehind });
                } else if is_parent(name) {
                    // Where an entity belongs is no statement of its own: it goes exactly with the entity.
                    sifted.goes.push(self.goes(entity, name, claim));
                } else {
                    self.sift(sifted, entity, name, claim);
                }
            }
        }
    }

    /// Why a record stays at home as a whole.
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

    /// Why a value does not go.
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
        // What is local is not looked at further: one reason is enough for what never was to go.
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
            origin: Origin::Said(claim.at),
            entity: *entity,
            field: name.to_owned(),
            value: claim.value.clone(),
            sources: claim.sources.clone(),
            // Where a code is due a typed note may stand: only codes travel.
            grade: claim.grade.clone().filter(|grade| is_grade(grade)),
            basis: claim.basis.clone().filter(is_basis),
            reported_by: claim.reported_by.as_ref().map(reporter),
        }
    }
}
