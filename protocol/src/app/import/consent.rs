//! Statements that follow from consent records: a preset expands to grants, and each record names the one before it.

use std::collections::BTreeSet;

use super::walk::Walk;
use crate::{
    bytes::ids::EntityId,
    record::{
        date::Date,
        schema::{Field, Kind, Schema, Value},
    },
};

impl Walk<'_, '_> {
    /// Expands the preset of a consent record to its grants; a denial subtracts.
    pub(super) fn grant(&mut self, record: EntityId, level: &'static Field) {
        let of = |entity: EntityId, field: &str| {
            let mut drafts = self.section.statements.iter();
            drafts.find(|draft| draft.entity == entity && draft.field == field).map(|draft| draft.value.clone())
        };
        let Some(preset) = of(record, &level.name).and_then(|level| level.as_text().map(str::to_owned)) else { return };
        let grants = self
            .section
            .statements
            .iter()
            .filter(|draft| draft.field == "consent_grant.parent" && draft.value == Value::Ref(record));
        let denied: BTreeSet<_> = grants.filter_map(|grant| of(grant.entity, "consent_grant.purpose")).collect();
        let schema = Schema::current();
        let field = |name: &str| schema.field(name).expect("the schema has grants");
        for purpose in schema.rules().consent_presets.get(&preset).into_iter().flatten() {
            let purpose = Value::from(&**purpose);
            if denied.contains(&purpose) {
                continue;
            }
            let grant = (self.new_id)();
            self.state(grant, field("consent_grant.parent"), Value::Ref(record));
            self.state(grant, field("consent_grant.purpose"), purpose);
            self.state(grant, field("consent_grant.answer"), "granted".into());
            self.state(grant, field("consent_grant.permitted"), Value::Bool(true));
        }
    }

    /// Orders records by their earliest date, the present one last on the same day; each names the one before it.
    pub(super) fn chain(&mut self, present: EntityId, field: &'static Field) {
        let mut records = std::mem::take(&mut self.chained);
        records.push(present);
        let date_of = |record: &EntityId| {
            let dates = self.section.statements.iter().filter(|draft| draft.entity == *record);
            let is_date = |name: &str| Schema::current().field(name).is_some_and(|field| field.kind == Kind::Date);
            let dates = dates.filter(|draft| is_date(&draft.field)).filter_map(|draft| draft.value.as_text());
            let earliest = dates.filter_map(|text| text.parse::<Date>().ok()).min();
            (earliest.is_none(), earliest)
        };
        records.sort_by_cached_key(date_of);
        for pair in records.windows(2) {
            self.state(pair[1], field, Value::Ref(pair[0]));
        }
    }
}
