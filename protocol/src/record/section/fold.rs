//! The fold from current statements to the view: the policies of the schema, one per field.
//!
//! The fold is a pure function of the counted entries and of the set of statements that are not superseded. The rules:
//! * a retraction is absolute: a statement retracted by its own organisation is not current, whatever either side had
//!   read; statements it had superseded stay superseded. To undo a retraction, the statement is made again;
//! * a resolution holds while every current claim is among those it compared, and the one it chose is still current.
//!   The next resolution of the same field whose author knew it supersedes it, whoever makes it; two concurrent ones
//!   that differ leave the dispute open;
//! * the strictest value is shown with the claims for it. A value this version cannot rank counts as the strictest,
//!   since it must not be taken as mild.

use std::collections::{BTreeMap, BTreeSet};

use super::Contribution;
use super::assertion::{Assertion, Reference, Statement};
use super::document::Key;
use super::view::{Cell, Claim, Fate, Former, Ignored, Resolution, Retraction, Shown, View, Why};
use crate::{
    bytes::ids::{EntityId, EntryId, OrgId, SectionId},
    record::{
        date::Date,
        schema::{Field, Order, Policy, Schema, Value},
    },
};

/// The key of a statement; `None` for a retraction, and for a statement about a computed field.
pub(super) fn key(org: OrgId, statement: &Statement) -> Option<Key<'_>> {
    match statement {
        Statement::Assert(Assertion { entity, field, reported_by, .. }) => match policy(field) {
            Some(Policy::Mvr | Policy::Org) => {
                Some(Key::Own { entity: *entity, field, org, reported_by: reported_by.as_deref() })
            }
            // Set once means that a second value does not replace the first.
            Some(Policy::Imm | Policy::Set | Policy::Log | Policy::Strict) | None => {
                Some(Key::Separate { entity: *entity, field })
            }
            Some(Policy::Drv) => None,
        },
        Statement::Retract { .. } => None,
        Statement::Resolve { entity, field, .. } => Some(Key::Resolution { entity: *entity, field }),
    }
}

/// Folds the statements of `entries`; those in `current` are not superseded.
pub(super) fn fold(
    section: SectionId,
    entries: &BTreeMap<EntryId, Contribution>,
    current: &BTreeSet<Reference>,
) -> View {
    let mut ignored = Vec::new();
    let retracted = retractions(entries, &mut ignored);
    let mut entities: BTreeMap<EntityId, BTreeMap<String, Cell>> = BTreeMap::new();
    for (at, contribution, statement) in statements(entries) {
        let fate = retracted.get(&at).map(|retractions| Fate::Retracted(retractions.clone()));
        match statement {
            Statement::Assert(Assertion { field, .. }) if policy(field) == Some(Policy::Drv) => {
                ignored.push(Ignored { at, why: Why::Derived });
            }
            Statement::Assert(assertion) => {
                let cell = cell(&mut entities, assertion.entity, &assertion.field);
                let claim = claim(at, contribution, assertion);
                match fate {
                    None if current.contains(&at) => cell.claims.push(claim),
                    fate => cell.history.push(Former { claim, fate: fate.unwrap_or(Fate::Superseded) }),
                }
            }
            Statement::Resolve { field, .. } if !matches!(policy(field), Some(Policy::Mvr | Policy::Imm)) => {
                ignored.push(Ignored { at, why: Why::NoConflict });
            }
            Statement::Resolve { entity, field, chosen, seen, reason } => {
                if fate.is_none() && current.contains(&at) {
                    cell(&mut entities, *entity, field).resolutions.push(Resolution {
                        at,
                        org: contribution.org,
                        chosen: *chosen,
                        seen: seen.clone(),
                        reason: reason.clone(),
                        claimed_time: contribution.plain.claimed_time,
                    });
                }
            }
            Statement::Retract { .. } => {}
        }
    }
    for (name, cell) in entities.values_mut().flatten() {
        cell.shown = shown(cell, Schema::current().field(name));
    }
    ignored.sort_unstable();
    View { section, entities, ignored }
}

fn policy(field: &str) -> Option<Policy> {
    Schema::current().field(field).map(|field| field.policy)
}

/// All statements, by reference.
fn statements(
    entries: &BTreeMap<EntryId, Contribution>,
) -> impl Iterator<Item = (Reference, &Contribution, &Statement)> {
    entries.iter().flat_map(|(id, contribution)| {
        let numbered = (0..).zip(&contribution.plain.statements);
        numbered.map(move |(index, statement)| (Reference(*id, index), contribution, statement))
    })
}

/// Statements retracted by their own organisations. A retraction whose target is not here has no effect, and is not
/// reported.
fn retractions(
    entries: &BTreeMap<EntryId, Contribution>,
    ignored: &mut Vec<Ignored>,
) -> BTreeMap<Reference, Vec<Retraction>> {
    let mut retracted: BTreeMap<Reference, Vec<Retraction>> = BTreeMap::new();
    for (at, contribution, statement) in statements(entries) {
        let Statement::Retract { at: target, reason } = statement else { continue };
        let Some(author) = entries.get(&target.0) else { continue };
        let index = usize::try_from(target.1).ok();
        let why = match index.and_then(|index| author.plain.statements.get(index)) {
            None | Some(Statement::Retract { .. }) => Why::NothingThere,
            Some(_) if author.org != contribution.org => Why::NotOwn,
            Some(_) => {
                let claimed_time = contribution.plain.claimed_time;
                retracted.entry(*target).or_default().push(Retraction { at, reason: reason.clone(), claimed_time });
                continue;
            }
        };
        ignored.push(Ignored { at, why });
    }
    retracted
}

fn cell<'a>(
    entities: &'a mut BTreeMap<EntityId, BTreeMap<String, Cell>>,
    entity: EntityId,
    field: &str,
) -> &'a mut Cell {
    let fields = entities.entry(entity).or_default();
    fields.entry(field.to_owned()).or_insert_with(|| Cell {
        policy: policy(field),
        claims: Vec::new(),
        shown: Shown::Nothing,
        resolutions: Vec::new(),
        history: Vec::new(),
    })
}

fn claim(at: Reference, contribution: &Contribution, assertion: &Assertion) -> Claim {
    Claim {
        at,
        org: contribution.org,
        value: assertion.value.clone(),
        sources: assertion.sources.clone(),
        grade: assertion.grade.clone(),
        basis: assertion.basis.clone(),
        reported_by: assertion.reported_by.clone(),
        claimed_time: contribution.plain.claimed_time,
        batch: contribution.plain.batch,
    }
}

/// The shown value of a cell under the policy of its field.
pub(crate) fn shown(cell: &Cell, field: Option<&Field>) -> Shown {
    if cell.claims.is_empty() {
        return Shown::Nothing;
    }
    let Some(field) = field else { return Shown::Union };
    match field.policy {
        Policy::Imm | Policy::Mvr => register(cell),
        Policy::Set => Shown::Union,
        Policy::Log => Shown::Log,
        Policy::Org => Shown::PerOrg,
        Policy::Strict => strictest(cell, &field.order),
        Policy::Drv => Shown::Nothing,
    }
}

/// Shows one value if all agree or the dispute is resolved, otherwise all values.
fn register(cell: &Cell) -> Shown {
    let claimed = |at: Reference| cell.claims.iter().find(|claim| claim.at == at).map(|claim| &claim.value);
    let values: BTreeSet<_> = cell.claims.iter().map(|claim| &claim.value).collect();
    // For each resolution that holds: the value chosen, if any, and the resolution's reference.
    let holding: Vec<(Option<&Value>, Reference)> = cell
        .resolutions
        .iter()
        .filter(|resolution| cell.claims.iter().all(|claim| resolution.seen.binary_search(&claim.at).is_ok()))
        .filter_map(|resolution| match resolution.chosen {
            None => Some((None, resolution.at)),
            Some(chosen) => claimed(chosen).map(|value| (Some(value), resolution.at)),
        })
        .collect();
    let verdicts: BTreeSet<_> = holding.iter().map(|(value, _)| *value).collect();
    let only = |set: &BTreeSet<&Value>| if set.len() == 1 { set.first().copied().cloned() } else { None };
    match (only(&values), verdicts.first(), verdicts.len()) {
        (Some(value), None, _) => Shown::Agreed(value),
        (Some(value), Some(Some(_)), 1) => Shown::Agreed(value),
        (_, Some(chosen), 1) => {
            Shown::Resolved { chosen: chosen.cloned(), by: holding.iter().map(|(_, at)| *at).collect() }
        }
        _ => Shown::Conflict,
    }
}

fn strictest(cell: &Cell, order: &Order) -> Shown {
    if matches!(order, Order::Union | Order::None) {
        return Shown::Union;
    }
    let strictest = cell.claims.iter().map(|claim| &claim.value).max_by_key(|value| strictness(order, value));
    let value = strictest.expect("the cell has claims").clone();
    let why = cell.claims.iter().filter(|claim| claim.value == value).map(|claim| claim.at).collect();
    Shown::Strictest { value, why }
}

/// Whether `current` stays the shown value of a strict field when `value` is asserted too, so that asserting it changes
/// nothing.
pub(crate) fn outweighs(order: &Order, current: &Value, value: &Value) -> bool {
    strictness(order, current) > strictness(order, value)
}

/// Sort key of strictness, total over all values: a value that cannot be ranked (`None` inverted) comes last, as
/// strictest.
fn strictness<'a>(order: &Order, value: &'a Value) -> (bool, u64, std::cmp::Reverse<Option<Date>>, &'a Value) {
    let rank = order.rank(value).map(|rank| rank as u64);
    let date = match order {
        Order::LatestEarliest => value.as_text().and_then(|text| text.parse::<Date>().ok()),
        _ => None,
    };
    let unranked = rank.is_none() && date.is_none();
    (unranked, rank.unwrap_or(0), std::cmp::Reverse(date), value)
}
