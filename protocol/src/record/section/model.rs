//! The reference model of the view: a slow and simple implementation for tests.
//!
//! It shares types with the product, and no code: causality is a closure over sets, *superseded* is a search through
//! all pairs, and each policy is implemented again. The document and the fold must give the same view.

use std::collections::{BTreeMap, BTreeSet};

use super::Contribution;
use super::assertion::{Assertion, Reference, Statement};
use super::view::{Cell, Claim, Fate, Former, Ignored, Resolution, Retraction, Shown, View, Why};
use crate::{
    bytes::ids::{EntityId, EntryId, SectionId},
    record::{
        date::Date,
        schema::{Order, Policy, Schema, Value},
    },
};

/// The view of a section in which exactly `entries` count; repeated ones count once.
#[must_use]
pub fn view(section: SectionId, entries: &[Contribution]) -> View {
    Model::new(entries).view(section)
}

struct Model<'a> {
    located: Vec<Located<'a>>,
    pasts: BTreeMap<EntryId, BTreeSet<EntryId>>,
}

/// A statement with its reference and entry.
#[derive(Clone, Copy)]
struct Located<'a> {
    at: Reference,
    by: &'a Contribution,
    statement: &'a Statement,
}

impl<'a> Model<'a> {
    fn new(entries: &'a [Contribution]) -> Self {
        let mut located = Vec::new();
        let mut seen = BTreeSet::new();
        for by in entries {
            if seen.insert(by.id) {
                for (index, statement) in by.plain.statements.iter().enumerate() {
                    located.push(Located { at: Reference(by.id, index as u64), by, statement });
                }
            }
        }
        located.sort_by_key(|located| located.at);
        Self { located, pasts: entries.iter().map(|entry| (entry.id, past(entry, entries))).collect() }
    }

    fn view(&self, section: SectionId) -> View {
        let mut entities: BTreeMap<EntityId, BTreeMap<String, Cell>> = BTreeMap::new();
        for located in &self.located {
            let (entity, field) = match located.statement {
                Statement::Assert(Assertion { entity, field, .. }) if policy(field) != Some(Policy::Drv) => {
                    (entity, field)
                }
                Statement::Resolve { entity, field, .. } if is_register(field) && self.stands(*located) => {
                    (entity, field)
                }
                _ => continue,
            };
            entities.entry(*entity).or_default().insert(field.clone(), self.cell(*entity, field));
        }
        View { section, entities, ignored: self.located.iter().filter_map(|located| self.ignored(*located)).collect() }
    }

    fn cell(&self, entity: EntityId, field: &str) -> Cell {
        let mut claims = Vec::new();
        let mut resolutions = Vec::new();
        let mut history = Vec::new();
        for located in &self.located {
            match located.statement {
                Statement::Assert(assertion) if assertion.entity == entity && assertion.field == field => {
                    let claim = claim(*located, assertion);
                    let retractions = self.retractions(*located);
                    if !retractions.is_empty() {
                        history.push(Former { claim, fate: Fate::Retracted(retractions) });
                    } else if self.superseded(*located) {
                        history.push(Former { claim, fate: Fate::Superseded });
                    } else {
                        claims.push(claim);
                    }
                }
                Statement::Resolve { entity: of, field: on, chosen, seen, reason }
                    if *of == entity && on == field && is_register(field) && self.stands(*located) =>
                {
                    resolutions.push(Resolution {
                        at: located.at,
                        org: located.by.org,
                        chosen: *chosen,
                        seen: seen.clone(),
                        reason: reason.clone(),
                        claimed_time: located.by.plain.claimed_time,
                    });
                }
                _ => {}
            }
        }
        let shown = shown(field, &claims, &resolutions);
        Cell { policy: policy(field), claims, shown, resolutions, history }
    }

    fn stands(&self, located: Located<'_>) -> bool {
        self.retractions(located).is_empty() && !self.superseded(located)
    }

    /// Whether a later statement supersedes this one: it has the same subject, and its author knew this one.
    fn superseded(&self, earlier: Located<'_>) -> bool {
        self.located.iter().any(|later| {
            let same = match (earlier.statement, later.statement) {
                (Statement::Assert(a), Statement::Assert(b)) => {
                    matches!(policy(&a.field), Some(Policy::Mvr | Policy::Org))
                        && (a.entity, &a.field, &a.reported_by) == (b.entity, &b.field, &b.reported_by)
                        && earlier.by.org == later.by.org
                }
                (Statement::Resolve { entity: a, field: f, .. }, Statement::Resolve { entity: b, field: g, .. }) => {
                    (a, f) == (b, g)
                }
                _ => false,
            };
            let knew = if earlier.at.0 == later.at.0 {
                earlier.at.1 < later.at.1
            } else {
                self.pasts[&later.at.0].contains(&earlier.at.0)
            };
            same && knew
        })
    }

    /// The retractions of a statement by its own organisation, at any time.
    fn retractions(&self, target: Located<'_>) -> Vec<Retraction> {
        let mut found = Vec::new();
        for located in &self.located {
            if let Statement::Retract { at, reason } = located.statement
                && *at == target.at
                && located.by.org == target.by.org
            {
                let claimed_time = located.by.plain.claimed_time;
                found.push(Retraction { at: located.at, reason: reason.clone(), claimed_time });
            }
        }
        found
    }

    fn ignored(&self, located: Located<'_>) -> Option<Ignored> {
        let why = match located.statement {
            Statement::Assert(assertion) if policy(&assertion.field) == Some(Policy::Drv) => Why::Derived,
            Statement::Resolve { field, .. } if !is_register(field) => Why::NoConflict,
            Statement::Retract { at, .. } if self.pasts.contains_key(&at.0) => {
                match self.located.iter().find(|located| located.at == *at) {
                    None => Why::NothingThere,
                    Some(Located { statement: Statement::Retract { .. }, .. }) => Why::NothingThere,
                    Some(target) if target.by.org != located.by.org => Why::NotOwn,
                    Some(_) => return None,
                }
            }
            _ => return None,
        };
        Some(Ignored { at: located.at, why })
    }
}

/// The causal past of an entry within `entries`, without the entry itself.
fn past(entry: &Contribution, entries: &[Contribution]) -> BTreeSet<EntryId> {
    let mut past = BTreeSet::new();
    let mut open = vec![entry];
    while let Some(entry) = open.pop() {
        let before = entries
            .iter()
            .filter(|other| (other.feed, other.run) == (entry.feed, entry.run) && other.seq < entry.seq)
            .max_by_key(|other| other.seq);
        let deps = entries.iter().filter(|other| entry.plain.deps.contains(&other.id));
        for known in deps.chain(before) {
            if past.insert(known.id) {
                open.push(known);
            }
        }
    }
    past
}

fn policy(field: &str) -> Option<Policy> {
    Some(Schema::current().field(field)?.policy)
}

fn is_register(field: &str) -> bool {
    policy(field) == Some(Policy::Mvr) || policy(field) == Some(Policy::Imm)
}

fn claim(located: Located<'_>, assertion: &Assertion) -> Claim {
    Claim {
        at: located.at,
        org: located.by.org,
        value: assertion.value.clone(),
        sources: assertion.sources.clone(),
        grade: assertion.grade.clone(),
        basis: assertion.basis.clone(),
        reported_by: assertion.reported_by.clone(),
        claimed_time: located.by.plain.claimed_time,
        batch: located.by.plain.batch,
    }
}

fn shown(field: &str, claims: &[Claim], resolutions: &[Resolution]) -> Shown {
    if claims.is_empty() {
        return Shown::Nothing;
    }
    match policy(field) {
        None | Some(Policy::Set) => Shown::Union,
        Some(Policy::Log) => Shown::Log,
        Some(Policy::Org) => Shown::PerOrg,
        Some(Policy::Mvr | Policy::Imm) => weighed(claims, resolutions),
        Some(Policy::Strict) => strictest(field, claims),
        Some(Policy::Drv) => unreachable!("a derived field has no cell"),
    }
}

fn weighed(claims: &[Claim], resolutions: &[Resolution]) -> Shown {
    let mut verdicts: Vec<Option<Value>> = Vec::new();
    let mut by = Vec::new();
    for resolution in resolutions {
        let all_seen = claims.iter().all(|claim| resolution.seen.contains(&claim.at));
        let chosen = claims.iter().find(|claim| Some(claim.at) == resolution.chosen);
        let still_there = resolution.chosen.is_none() || chosen.is_some();
        if all_seen && still_there {
            verdicts.push(chosen.map(|claim| claim.value.clone()));
            by.push(resolution.at);
        }
    }
    let agreed = claims.iter().all(|claim| claim.value == claims[0].value);
    let verdict_agreed = verdicts.iter().all(|verdict| *verdict == verdicts[0]);
    if verdicts.is_empty() && agreed {
        Shown::Agreed(claims[0].value.clone())
    } else if verdicts.is_empty() || !verdict_agreed {
        Shown::Conflict
    } else if agreed && verdicts[0].is_some() {
        Shown::Agreed(claims[0].value.clone())
    } else {
        Shown::Resolved { chosen: verdicts[0].clone(), by }
    }
}

fn strictest(field: &str, claims: &[Claim]) -> Shown {
    let order = &Schema::current().field(field).expect("a strict field is known").order;
    let rank = |value: &Value| -> Option<usize> {
        let Order::Ranked(words) = order else { return None };
        let word = match value {
            Value::Text(text) => text.clone(),
            Value::Bool(answer) => answer.to_string(),
            _ => return None,
        };
        words.iter().position(|known| *known == word)
    };
    let date = |value: &Value| -> Option<Date> {
        if *order == Order::LatestEarliest { value.as_text()?.parse().ok() } else { None }
    };
    let stricter = |a: &Value, b: &Value| match (rank(a), rank(b), date(a), date(b)) {
        (Some(a), Some(b), _, _) => a > b,
        (_, _, Some(a), Some(b)) => a < b,
        // Only one of the two can be ranked: the other is the stricter.
        (None, Some(_), _, _) | (_, _, None, Some(_)) => true,
        (Some(_), None, _, _) | (_, _, Some(_), None) => false,
        (None, None, None, None) => a > b,
    };
    if matches!(order, Order::None | Order::Union) {
        return Shown::Union;
    }
    let mut value = &claims[0].value;
    for claim in claims {
        if stricter(&claim.value, value) {
            value = &claim.value;
        }
    }
    let why = claims.iter().filter(|claim| claim.value == *value).map(|claim| claim.at).collect();
    Shown::Strictest { value: value.clone(), why }
}
