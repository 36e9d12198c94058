//! Recall: the retraction of a shared case file, the organisations notified, and those that have not acknowledged.

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

/// A recalled case file. Organisations as recorded: the text of an id, or a name of the own section.
#[derive(Clone, PartialEq, Eq)]
pub struct Recall {
    /// The earliest claimed day of the recall, if any.
    pub on: Option<Date>,
    /// The organisations notified.
    pub notified: BTreeSet<String>,
    /// The organisations notified that have not acknowledged: a person should ask.
    pub unacknowledged: BTreeSet<String>,
}

/// The recall of the case file, if it has any tombstone, whoever set it.
#[must_use]
pub fn recall(view: &View) -> Option<Recall> {
    let tombstones = of_kind(view, "tombstone");
    if tombstones.is_empty() {
        return None;
    }
    let (mut on, mut notified, mut answered) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for tombstone in &tombstones {
        on.extend(texts(view, tombstone, "tombstone.recalled_on").iter().filter_map(|text| text.parse::<Date>().ok()));
        notified.extend(values(view, tombstone, "tombstone.notified_org").into_iter().filter_map(|org| match org {
            Value::Org(org) => Some(org.to_string()),
            Value::Text(name) => Some(name.clone()),
            _ => None,
        }));
        let claims = view.cell(tombstone, "tombstone.acknowledged_on").map(|cell| &*cell.claims).unwrap_or_default();
        answered.extend(claims.iter().map(|claim| claim.reported_by.clone().unwrap_or_else(|| claim.org.to_string())));
    }
    let unacknowledged = notified.difference(&answered).cloned().collect();
    Some(Recall { on: on.into_iter().min(), notified, unacknowledged })
}

/// Whether a shared section is hidden as a whole: consent was withdrawn, or the case recalled. One statement suffices,
/// in whatever order it arrives, and no other statement undoes it.
#[must_use]
pub fn is_hidden(view: &View) -> bool {
    debug_assert!(HIDES.iter().all(|field| Schema::current().field(field).is_some()), "both are in the schema");
    view.cells().any(|(entity, field, _)| HIDES.contains(&field) && is_set(view, entity, field))
}

/// The organisations that hid a shared section: the one that keeps the case, or another that was informed first.
#[must_use]
pub fn hidden_by(view: &View) -> BTreeSet<OrgId> {
    hiding(view).map(|claim| claim.org).collect()
}

/// The time since which a shared section is hidden, as the first of those who hid it claims: UTC, seconds.
#[must_use]
pub fn hidden_since(view: &View) -> Option<u64> {
    hiding(view).map(|claim| claim.claimed_time.0).min()
}

/// Reduces a hidden section to the statements that hide it, which is enough for retracting them.
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

/// Shows numbers, never names.
impl std::fmt::Debug for Recall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recall({} notified, {} unacknowledged)", self.notified.len(), self.unacknowledged.len())
    }
}
