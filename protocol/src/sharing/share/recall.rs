//! Recall: a case file taken back, who was told, and who has not answered.

use std::collections::BTreeSet;

use crate::{
    bytes::ids::OrgId,
    record::{
        date::Date,
        schema::{Schema, Value},
        section::view::{Claim, View},
    },
    sharing::consent::{is_set, of_kind, texts, values},
};

/// Fields that hide a shared section as a whole.
const HIDES: [&str; 2] = ["consent_record.withdrawn", "tombstone.withdrawn"];

/// A case file taken back. Organisations as the record has them: an id as its text, or the name used at home.
#[derive(Clone, PartialEq, Eq)]
pub struct Recall {
    /// Since when, if that is said; the earliest day claimed.
    pub on: Option<Date>,
    /// Who was told.
    pub told: BTreeSet<String>,
    /// Who has been told and has not answered: a person should ask.
    pub silent: BTreeSet<String>,
}

/// Whether the case file was taken back: any tombstone in it says so, whoever set it.
#[must_use]
pub fn recall(view: &View) -> Option<Recall> {
    let stones = of_kind(view, "tombstone");
    if stones.is_empty() {
        return None;
    }
    let (mut on, mut told, mut answered) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for stone in &stones {
        on.extend(texts(view, stone, "tombstone.recalled_on").iter().filter_map(|text| text.parse::<Date>().ok()));
        told.extend(values(view, stone, "tombstone.notified_org").into_iter().filter_map(|org| match org {
            Value::Org(org) => Some(org.to_string()),
            Value::Text(name) => Some(name.clone()),
            _ => None,
        }));
        let claims = view.cell(stone, "tombstone.acknowledged_on").map(|cell| &*cell.claims).unwrap_or_default();
        answered.extend(claims.iter().map(|claim| claim.reported_by.clone().unwrap_or_else(|| claim.org.to_string())));
    }
    let silent = told.difference(&answered).cloned().collect();
    Some(Recall { on: on.into_iter().min(), told, silent })
}

/// Whether a shared section is hidden as a whole: consent was withdrawn, or the case taken back. One statement does it,
/// in whatever order it arrives, and no other statement undoes it.
#[must_use]
pub fn is_hidden(view: &View) -> bool {
    debug_assert!(HIDES.iter().all(|field| Schema::current().field(field).is_some()), "both are in the schema");
    view.cells().any(|(entity, field, _)| HIDES.contains(&field) && is_set(view, entity, field))
}

/// The organisations that hid a shared section: the one whose case it is, or another that was told first.
#[must_use]
pub fn hidden_by(view: &View) -> BTreeSet<OrgId> {
    hiding(view).map(|claim| claim.org).collect()
}

/// Since when a shared section is hidden, as the first of those who hid it claims: UTC, seconds.
#[must_use]
pub fn hidden_since(view: &View) -> Option<u64> {
    hiding(view).map(|claim| claim.claimed_time.0).min()
}

/// Of a hidden section only what hides it: enough to take that back, and no more.
#[must_use]
pub fn hiding_alone(mut view: View) -> View {
    for fields in view.entities.values_mut() {
        fields.retain(|field, _| HIDES.contains(&field.as_str()));
    }
    view.entities.retain(|_, fields| !fields.is_empty());
    view
}

fn hiding(view: &View) -> impl Iterator<Item = &Claim> {
    let hides = view.cells().filter(|(_, field, _)| HIDES.contains(field)).flat_map(|(_, _, cell)| &cell.claims);
    hides.filter(|claim| claim.value == Value::Bool(true))
}

/// How many, never who.
impl std::fmt::Debug for Recall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recall({} told, {} silent)", self.told.len(), self.silent.len())
    }
}
