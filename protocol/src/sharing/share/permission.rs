//! Permissions: the part of consent that is shared. No record, no giver, no date; only permitted and denied purposes.

use std::collections::BTreeSet;

use jiff::civil;

use super::{Audience, Goes, Origin};
use crate::{
    bytes::{ids::EntityId, seal},
    record::{
        schema::{Schema, Value},
        section::{root::root_of, view::View},
    },
    sharing::consent::{Consent, Refusal},
};

/// Computes the permissions for an audience: a record without particulars, and each purpose that is permitted or
/// denied.
pub(super) fn permissions(view: &View, consent: &Consent, audience: &Audience, as_of: civil::Date) -> Vec<Goes> {
    let root = root_of(&view.section);
    let purposes = Schema::current().vocabulary("consent_purpose").expect("the schema names purposes");
    let mut goes = Vec::new();
    for purpose in &purposes.terms {
        let refused: BTreeSet<_> =
            audience.readers().flat_map(|reader| consent.refusals(&purpose.code, reader, as_of)).collect();
        if refused == BTreeSet::from([Refusal::Absent]) {
            continue;
        }
        let line = computed_id(&root, &purpose.code);
        goes.push(computed(line, "consent_grant.parent", Value::Ref(permission(&root))));
        goes.push(computed(line, "consent_grant.purpose", (&*purpose.code).into()));
        goes.push(computed(line, "consent_grant.permitted", Value::Bool(refused.is_empty())));
    }
    goes
}

/// The parent record of the permissions.
pub(super) fn permission(root: &EntityId) -> EntityId {
    computed_id(root, "consent_record")
}

pub(super) fn computed(entity: EntityId, field: &str, value: Value) -> Goes {
    Goes {
        origin: Origin::Computed(entity, field.to_owned(), value.clone()),
        entity,
        field: field.to_owned(),
        value,
        sources: vec![],
        grade: None,
        basis: None,
        reported_by: None,
    }
}

/// The own id of a computed entity; like all own ids it stays in the own circle.
pub(super) fn computed_id(root: &EntityId, what: &str) -> EntityId {
    let hash = seal::hash("habeas 1 computed entity", &[&root.0, what.as_bytes()]);
    EntityId(*hash.first_chunk().expect("a hash has 32 bytes"))
}
