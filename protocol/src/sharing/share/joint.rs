//! The whole of a shared case file, as its own organisation reads it: what it keeps at home, and beside it what others
//! said in the shared part.
//!
//! Own statements are shown once, as they stand at home; those of others keep the references they have in the shared
//! part, so that they can be weighed from here. What only they speak of stands under the names it has there.

use std::collections::BTreeMap;

use super::names::Names;
use super::{leads_out, linked};
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

/// `own` with what organisations other than `us` said in `shared`.
#[must_use]
pub fn joint(own: &View, shared: &View, names: &Names, us: &OrgId) -> View {
    let entities: BTreeMap<EntityId, EntityId> = own.entities.keys().map(|id| (names.entity(id), *id)).collect();
    let home = |id: &EntityId| entities.get(id).copied().unwrap_or(*id);
    let restated = restated(own, shared, names, us, &home);
    let mut joint = own.clone();
    for (entity, field, cell) in shared.cells() {
        let theirs = |claim: &&Claim| claim.org != *us;
        let claims: Vec<Claim> =
            cell.claims.iter().filter(theirs).map(|claim| brought_home(claim, field, &home)).collect();
        let history = cell.history.iter().filter(|former| former.claim.org != *us);
        let history: Vec<Former> = history
            .map(|former| Former { claim: brought_home(&former.claim, field, &home), fate: former.fate.clone() })
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
        let fields = joint.entities.entry(home(entity)).or_default();
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

/// Where our statements in the shared part stand at home.
fn restated(
    own: &View,
    shared: &View,
    names: &Names,
    us: &OrgId,
    home: &impl Fn(&EntityId) -> EntityId,
) -> BTreeMap<Reference, Reference> {
    let mut restated = BTreeMap::new();
    for (entity, field, cell) in shared.cells() {
        for claim in cell.claims.iter().filter(|claim| claim.org == *us) {
            let Some(kept) = own.cell(&home(entity), field) else { continue };
            let told = brought_home(claim, field, home);
            let same = |own: &&Claim| {
                let reporter = own.reported_by.as_ref().map(|name| names.spelled(name));
                own.value == told.value && (own.reported_by == told.reported_by || reporter == told.reported_by)
            };
            restated.extend(kept.claims.iter().find(same).map(|own| (claim.at, own.at)));
        }
    }
    restated
}

/// A claim of the shared part, leading to the entities it means at home.
fn brought_home(claim: &Claim, field: &str, home: &impl Fn(&EntityId) -> EntityId) -> Claim {
    let value = match (linked(&claim.value).filter(|_| !leads_out(field)), &claim.value) {
        (Some(there), Value::Text(_)) => Value::Text(home(&there).to_string()),
        (Some(there), _) => Value::Ref(home(&there)),
        (None, value) => value.clone(),
    };
    Claim { value, sources: claim.sources.iter().map(home).collect(), ..claim.clone() }
}
