//! The joint view of a shared case file for its own organisation: its own section, with the statements of others in the
//! shared section.
//!
//! Own statements appear once, as in the own section; those of others keep their references in the shared section, so
//! that they can be part of a resolution. Entities that only others describe keep their ids of the shared section.

use std::collections::BTreeMap;

use super::names::Names;
use super::{linked, refers_to_docket};
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{
        schema::{Schema, Value},
        section::{
            assertion::Reference,
            fold,
            view::{Cell, Claim, Former, Shown, View},
        },
    },
};

/// Merges `own` with the statements of organisations other than `us` in `shared`.
#[must_use]
pub fn joint(own: &View, shared: &View, names: &Names, us: &OrgId) -> View {
    let entities: BTreeMap<EntityId, EntityId> = own.entities.keys().map(|id| (names.entity(id), *id)).collect();
    let own_id = |id: &EntityId| entities.get(id).copied().unwrap_or(*id);
    let restated = restated(own, shared, names, us, &own_id);
    let mut joint = own.clone();
    for (entity, field, cell) in shared.cells() {
        let theirs = |claim: &&Claim| claim.org != *us;
        let claims: Vec<Claim> =
            cell.claims.iter().filter(theirs).map(|claim| with_own_ids(claim, field, &own_id)).collect();
        let history = cell.history.iter().filter(|former| former.claim.org != *us);
        let history: Vec<Former> = history
            .map(|former| Former { claim: with_own_ids(&former.claim, field, &own_id), fate: former.fate.clone() })
            .collect();
        let resolutions = cell.resolutions.iter().filter(|resolution| resolution.org != *us);
        let resolutions: Vec<_> = resolutions
            .map(|resolution| {
                let mut resolution = resolution.clone();
                let at = |at: &Reference| restated.get(at).copied().unwrap_or(*at);
                resolution.chosen = resolution.chosen.as_ref().map(at);
                resolution.seen = resolution.seen.iter().map(at).collect();
                resolution.seen.sort_unstable();
                resolution
            })
            .collect();
        if claims.is_empty() && history.is_empty() && resolutions.is_empty() {
            continue;
        }
        let fields = joint.entities.entry(own_id(entity)).or_default();
        let merged = fields.entry(field.to_owned()).or_insert_with(|| Cell {
            policy: cell.policy,
            claims: vec![],
            shown: Shown::Nothing,
            resolutions: vec![],
            history: vec![],
        });
        merged.claims.extend(claims);
        merged.history.extend(history);
        merged.resolutions.extend(resolutions);
        merged.claims.sort_by_key(|claim| claim.at);
        merged.history.sort_by_key(|former| former.claim.at);
        merged.resolutions.sort_by_key(|resolution| resolution.at);
        merged.shown = fold::shown(merged, Schema::current().field(field));
    }
    joint
}

/// Maps references of own statements in the shared section to those in the own section.
fn restated(
    own: &View,
    shared: &View,
    names: &Names,
    us: &OrgId,
    own_id: &impl Fn(&EntityId) -> EntityId,
) -> BTreeMap<Reference, Reference> {
    let mut restated = BTreeMap::new();
    for (entity, field, cell) in shared.cells() {
        for claim in cell.claims.iter().filter(|claim| claim.org == *us) {
            let Some(kept) = own.cell(&own_id(entity), field) else { continue };
            let translated = with_own_ids(claim, field, own_id);
            let same = |own: &&Claim| {
                let reporter = own.reported_by.as_ref().map(|name| names.pseudonym(name));
                own.value == translated.value
                    && (own.reported_by == translated.reported_by || reporter == translated.reported_by)
            };
            restated.extend(kept.claims.iter().find(same).map(|own| (claim.at, own.at)));
        }
    }
    restated
}

/// Translates the entities of a claim in the shared section to own ids.
fn with_own_ids(claim: &Claim, field: &str, own_id: &impl Fn(&EntityId) -> EntityId) -> Claim {
    let value = match (linked(&claim.value).filter(|_| !refers_to_docket(field)), &claim.value) {
        (Some(there), Value::Text(_)) => Value::Text(own_id(&there).to_string()),
        (Some(there), _) => Value::Ref(own_id(&there)),
        (None, value) => value.clone(),
    };
    Claim { value, sources: claim.sources.iter().map(own_id).collect(), ..claim.clone() }
}
