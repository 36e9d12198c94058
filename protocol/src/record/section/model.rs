//! The reference model: what a view must be, as slowly and plainly as it can be said.
//!
//! It shares types with the product, and no code: causality is a closure over sets, *superseded* is a search through all
//! pairs, and each policy is spelled out again. Whatever the document and the fold do must come out equal to this.

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
    said: Vec<Said<'a>>,
    pasts: BTreeMap<EntryId, BTreeSet<EntryId>>,
}

/// One statement with its surroundings.
#[derive(Clone, Copy)]
struct Said<'a> {
    at: Reference,
    by: &'a Contribution,
    statement: &'a Statement,
}

impl<'a> Model<'a> {
    fn new(entries: &'a [Contribution]) -> Self {
        let mut said = Vec::new();
        let mut seen = BTreeSet::new();
        for by in entries {
            if seen.insert(by.id) {
                for (index, statement) in by.plain.statements.iter().enumerate() {
                    said.push(Said { at: Reference(by.id, index as u64), by, statement });
                }
            }
        }
        said.sort_by_key(|said| said.at);
        Self { said, pasts: entries.iter().map(|entry| (entry.id, past(entry, entries))).collect() }
    }

    fn view(&self, section: SectionId) -> View {
        let mut entities: BTreeMap<EntityId, BTreeMap<String, Cell>> = BTreeMap::new();
        for said in &self.said {
            let (entity, field) = match said.statement {
                Statement::Assert(Assertion { entity, field, .. }) if policy(field) != Some(Policy::Drv) => {
                    (entity, field)
                }
                Statement::Resolve { entity, field, .. } if is_register(field) && self.stands(*said) => (entity, field),
                _ => continue,
            };
            entities.entry(*entity).or_default().insert(field.clone(), self.cell(*entity, field));
        }
        View { section, entities, ignored: self.said.iter().filter_map(|said| self.ignored(*said)).collect() }
    }

    fn cell(&self, entity: EntityId, field: &str) -> Cell {
        let mut claims = Vec::new();
        let mut resolutions = Vec::new();
        let mut history = Vec::new();
        for said in &self.said {
            match said.statement {
                Statement::Assert(assertion) if assertion.entity == entity && assertion.field == field => {
                    let claim = claim(*said, assertion);
                    let retractions = self.retractions(*said);
                    if !retractions.is_empty() {
                        history.push(Former { claim, fate: Fate::Retracted(retractions) });
                    } else if self.superseded(*said) {
                        history.push(Former { claim, fate: Fate::Superseded });
                    } else {
                        claims.push(claim);
                    }
                }
                Statement::Resolve { entity: of, field: on, chosen, seen, reason }
                    if *of == entity && on == field && is_register(field) && self.stands(*said) =>
                {
                    resolutions.push(Resolution {
                        at: said.at,
                        org: said.by.org,
                        chosen: *chosen,
                        seen: seen.clone(),
                        reason: reason.clone(),
                        claimed_time: said.by.plain.claimed_time,
                    });
                }
                _ => {}
            }
        }
        let shown = shown(field, &claims, &resolutions);
        Cell { policy: policy(field), claims, shown, resolutions, history }
    }

    fn stands(&self, said: Said<'_>) -> bool {
        self.retractions(said).is_empty() && !self.superseded(said)
    }

    /// A later statement about the same thing supersedes an earlier one, if its author knew that one.
    fn superseded(&self, earlier: Said<'_>) -> bool {
        self.said.iter().any(|later| {
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

    /// What its own organisation said to take it back, at any time.
    fn retractions(&self, target: Said<'_>) -> Vec<Retraction> {
        let mut found = Vec::new();
        for said in &self.said {
            if let Statement::Retract { at, reason } = said.statement
                && *at == target.at
                && said.by.org == target.by.org
            {
                let claimed_time = said.by.plain.claimed_time;
                found.push(Retraction { at: said.at, reason: reason.clone(), claimed_time });
            }
        }
        found
    }

    fn ignored(&self, said: Said<'_>) -> Option<Ignored> {
        let why = match said.statement {
            Statement::Assert(assertion) if policy(&assertion.field) == Some(Policy::Drv) => Why::Derived,
            Statement::Resolve { field, .. } if !is_register(field) => Why::NoConflict,
            Statement::Retract { at, .. } if self.pasts.contains_key(&at.0) => {
                match self.said.iter().find(|said| said.at == *at) {
                    None => Why::NothingThere,
                    Some(Said { statement: Statement::Retract { .. }, .. }) => Why::NothingThere,
                    Some(target) if target.by.org != said.by.org => Why::NotOwn,
                    Some(_) => return None,
                }
            }
            _ => return None,
        };
        Some(Ignored { at: said.at, why })
    }
}

/// Everything an entry's author had seen of `entries`, the entry itself left out.
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

fn claim(said: Said<'_>, assertion: &Assertion) -> Claim {
    Claim {
        at: said.at,
        org: said.by.org,
        value: assertion.value.clone(),
        sources: assertion.sources.clone(),
        grade: assertion.grade.clone(),
        basis: assertion.basis.clone(),
        reported_by: assertion.reported_by.clone(),
        claimed_time: said.by.plain.claimed_time,
        batch: said.by.plain.batch,
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
        // Only one of them is understood: the other is the stricter.
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
