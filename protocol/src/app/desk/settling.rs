//! Conflicts: shown side by side, resolved by a person, opened again by any claim that was not weighed; and
//! retractions.

use std::collections::BTreeSet;

use super::{claim, value_problem};
use crate::{
    app::{
        control::{At, By, Conflict, Past, Problem, Resolution, Retraction, codes},
        names::AddressBook,
    },
    bytes::ids::{EntityId, OrgId},
    record::{
        schema::{Policy, Schema, ValueError},
        section::{
            assertion::{ClaimedTime, Reference, Statement},
            sheet::{self, Sheet},
            view::{self, Cell, Fate, Shown, View},
        },
    },
};

/// The vocabulary of reasons for resolutions.
pub const RESOLUTION_REASON: &str = "resolution_reason";
/// The vocabulary of reasons for retractions.
pub const RECALL_REASON: &str = "recall_reason";

/// The claims that somebody weighed, and the decision between them.
#[derive(Clone, Debug)]
pub struct Weighed<'a> {
    /// The entity.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: &'a str,
    /// The chosen claim, one of `seen`; `None` if the author chose none of them.
    pub chosen: Option<At>,
    /// The claims that were weighed.
    pub seen: &'a [At],
    /// A code of [`RESOLUTION_REASON`].
    pub reason: &'a str,
}

/// The conflicts of a view, open ones first.
#[must_use]
pub fn conflicts(view: &View, names: &AddressBook) -> Vec<Conflict> {
    let conflict = |found: sheet::Conflict| {
        let cell = view.cell(&found.entity, &found.field).expect("the conflict was found in it");
        let chosen = match &cell.shown {
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            _ => None,
        };
        Conflict {
            entity: found.entity,
            field: found.field,
            settled: found.settled,
            claims: found.claims.iter().map(|said| claim(said, chosen == Some(&said.value), names)).collect(),
            resolutions: found.resolutions.iter().map(|said| resolution(said, cell, names)).collect(),
        }
    };
    Sheet::new(view).conflicts.into_iter().map(conflict).collect()
}

/// Every claim ever made, with its status, newest first by claimed time.
#[must_use]
pub fn history(view: &View, names: &AddressBook) -> Vec<Past> {
    let mut past = Vec::new();
    for (entity, field, cell) in view.cells() {
        let chosen = match &cell.shown {
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            Shown::Strictest { value, .. } => Some(value),
            _ => None,
        };
        let said = |said: &view::Claim, fate: &str, retractions: Vec<Retraction>| Past {
            entity: *entity,
            field: field.to_owned(),
            claim: claim(said, fate == STANDS && chosen == Some(&said.value), names),
            fate: fate.to_owned(),
            retractions,
        };
        past.extend(cell.claims.iter().map(|claim| said(claim, STANDS, vec![])));
        past.extend(cell.history.iter().map(|former| match &former.fate {
            Fate::Superseded => said(&former.claim, "superseded", vec![]),
            Fate::Retracted(times) => said(&former.claim, "retracted", times.iter().map(retraction).collect()),
        }));
    }
    // Within one claimed time, a live claim comes before the ones it replaced.
    let newest = |past: &Past| (past.claim.at, past.fate == STANDS, past.claim.entry, past.claim.index);
    past.sort_by_key(|past| std::cmp::Reverse(newest(past)));
    past
}

/// Makes the statement that resolves a conflict between exactly the claims in `seen`.
///
/// # Errors
/// An unknown field, a field without a dispute, no live claim in `seen`, a place in `seen` that is no claim of the
/// field, a chosen claim that is not in `seen` or not live, or a reason that is not a code.
pub fn resolve(view: &View, weighed: &Weighed<'_>) -> Result<Statement, Problem> {
    let Weighed { entity, field, chosen, seen, reason } = weighed;
    let Some(known) = Schema::current().field(field) else {
        let nearest = Schema::current().nearest_field(field).map(str::to_owned);
        return Err(value_problem(&ValueError::UnknownField { field: (*field).to_owned(), nearest }));
    };
    let calm = || {
        let message = format!("{} of this record is not disputed", known.name);
        Problem::new(codes::NOT_DISPUTED, message).saying("field").with("field", &known.name)
    };
    let cell = view.cell(entity, field).ok_or_else(calm)?;
    if !matches!(known.policy, Policy::Mvr | Policy::Imm) || cell.claims.is_empty() {
        return Err(calm());
    }
    let changed = |what: &str| Problem::new(codes::CHANGED, format!("{}: {what}", known.name));
    let seen: BTreeSet<Reference> = seen.iter().copied().map(Reference::from).collect();
    let chosen = chosen.map(Reference::from);
    if !seen.iter().any(|at| cell.claims.iter().any(|claim| claim.at == *at)) || !seen.is_subset(&ever_said(cell)) {
        return Err(changed("none of what was weighed stands"));
    }
    if chosen.is_some_and(|chosen| !seen.contains(&chosen) || !cell.claims.iter().any(|claim| claim.at == chosen)) {
        return Err(changed("what was chosen no longer stands"));
    }
    // Claims that are all equal leave nothing to resolve. If a claim differs that the author did not weigh, there is a
    // conflict.
    let values: BTreeSet<_> = cell.claims.iter().map(|claim| &claim.value).collect();
    if values.len() == 1 {
        return Err(calm());
    }
    let reason = code_of(RESOLUTION_REASON, reason)?;
    let (entity, field) = (*entity, known.name.clone());
    Ok(Statement::Resolve { entity, field, chosen, seen: seen.into_iter().collect(), reason })
}

/// Makes the statement that retracts a statement of organisation `own`.
///
/// # Errors
/// No live statement at `at`, a statement of another organisation, or a reason that is not a code.
pub fn retract(view: &View, own: &OrgId, at: At, reason: &str) -> Result<Statement, Problem> {
    let at = Reference::from(at);
    let said = view.cells().find_map(|(_, field, cell)| {
        let claim = cell
            .claims
            .iter()
            .chain(cell.history.iter().filter(|former| former.fate == Fate::Superseded).map(|former| &former.claim));
        let claims = claim.map(|claim| (claim.at, claim.org));
        let resolutions = cell.resolutions.iter().map(|resolution| (resolution.at, resolution.org));
        claims.chain(resolutions).find(|(found, _)| *found == at).map(|(_, org)| (field, org))
    });
    match said {
        None => Err(Problem::new(codes::NOTHING_THERE, "nothing is said there that was not taken back already")),
        Some((field, org)) if org != *own && is_strict(field) => {
            let message = format!("{field}: another organisation said it, and only they can take it back");
            Err(Problem::new(codes::OUTWEIGHED, message).saying("others").with("field", field))
        }
        Some((_, org)) if org != *own => {
            Err(Problem::new(codes::NOT_OWN, "another organisation said it; only they can take it back"))
        }
        Some(_) => Ok(Statement::Retract { at, reason: code_of(RECALL_REASON, reason)? }),
    }
}

/// Whether the strictest value of a field counts, so that an own value cannot replace a stricter one.
fn is_strict(field: &str) -> bool {
    Schema::current().field(field).is_some_and(|field| field.policy == Policy::Strict)
}

const STANDS: &str = "stands";

/// The code of a vocabulary term, given by code or by label. A signed reason is a code, never a note.
fn code_of(vocabulary: &str, text: &str) -> Result<String, Problem> {
    let list = Schema::current().vocabulary(vocabulary).expect("the schema has the vocabularies of reasons");
    list.code_of(text.trim()).map(str::to_owned).ok_or_else(|| {
        let details = list.terms.iter().map(|term| format!("{}: {}", term.code, term.labels.en)).collect();
        let note = "a reason is one of these codes, never a note";
        let problem = match list.near(text).first() {
            None => Problem::new(codes::REASON, note),
            Some(nearest) => {
                let problem = Problem::new(codes::REASON, format!("{note}; did you mean {nearest}?"));
                problem.saying("nearest").with("nearest", nearest.to_string())
            }
        };
        problem.with_details(details)
    })
}

fn ever_said(cell: &Cell) -> BTreeSet<Reference> {
    cell.claims.iter().chain(cell.history.iter().map(|former| &former.claim)).map(|claim| claim.at).collect()
}

fn resolution(said: &view::Resolution, cell: &Cell, names: &AddressBook) -> Resolution {
    let stands = |at: &Reference| cell.claims.iter().any(|claim| claim.at == *at);
    let all_weighed = cell.claims.iter().all(|claim| said.seen.contains(&claim.at));
    Resolution {
        at: said.at.into(),
        by: by(said.org, said.claimed_time, names),
        chosen: said.chosen.map(At::from),
        reason: said.reason.clone(),
        holds: all_weighed && said.chosen.as_ref().is_none_or(stands),
    }
}

fn retraction(said: &view::Retraction) -> Retraction {
    Retraction { at: said.at.into(), when: said.claimed_time.0, reason: said.reason.clone() }
}

fn by(organisation: OrgId, when: ClaimedTime, names: &AddressBook) -> By {
    let (call_sign, petname) = (names.call_sign(&organisation), names.petname(&organisation));
    By { organisation, call_sign, petname, time: when.0 }
}

#[cfg(test)]
mod tests;
