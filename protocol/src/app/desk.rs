//! The desk: what a person states becomes statements; what the record says becomes something to read.
//!
//! Pure: the node gives it a view and facts, and gets statements or a problem with a code and a next step. A field is
//! never written below its level, whoever asks.

mod refusal;
pub mod settling;
pub mod sharing;

use std::collections::BTreeMap;

use jiff::civil;

use crate::{
    app::{
        control::{Cell, Claim, Entity, Fact, Problem, Record, RecordKind, Stated, codes},
        names::AddressBook,
    },
    bytes::{
        ids::{EntityId, SectionId},
        seal::Entropy,
        words,
    },
    record::{
        date::Date,
        schema::{Field, Place, Policy, Schema, Value},
        section::{
            assertion::{Assertion, Statement, is_grade},
            fold,
            root::root_of,
            sheet::{self, Sheet},
            view::{self, Shown, View},
        },
        stage,
    },
};

pub use refusal::{level_problem, value_problem};

/// Where and when facts are stated.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// What the record is.
    pub kind: RecordKind,
    /// The record.
    pub section: &'a SectionId,
    /// What it says already; none: it is new.
    pub view: Option<&'a View>,
    /// The kind of circle it is written in.
    pub place: Place,
    /// The day by the node's clock, UTC.
    pub today: civil::Date,
}

/// A record of consent, and the field that withdraws it.
const CONSENT: &str = "consent_record";
const WITHDRAWN: &str = "consent_record.withdrawn";

/// Facts as statements about a record.
pub fn state(facts: &[Fact], stand: &Stand<'_>, entropy: &mut Entropy) -> Result<Vec<Statement>, Problem> {
    let Stand { kind, section, view, place, today } = *stand;
    let schema = Schema::current();
    let mut fresh: BTreeMap<String, EntityId> = BTreeMap::new();
    let mut statements = Vec::new();
    for fact in facts {
        let value = schema.parse(&fact.field, &fact.value).map_err(|error| value_problem(&error))?;
        let value = schema.check(&fact.field, &value).map_err(|error| value_problem(&error))?.into_value();
        let field = schema.field(&fact.field).expect("parse found it");
        if schema.is_of_the_past(field) && lies_ahead(&value, today) {
            let message = format!(
                "{} lies ahead, but this field tells what has happened; say when it was, or leave it out",
                field.name
            );
            return Err(Problem::new(codes::BAD_VALUE, message).saying("ahead").with("field", &field.name));
        }
        if let Some(grade) = &fact.grade
            && !is_grade(grade)
        {
            let message = "a grade is a letter A to F and a digit 1 to 6, as B2";
            return Err(Problem::new(codes::BAD_VALUE, message).saying("grade"));
        }
        if place == Place::Commons && !field.entity.starts_with("docket") && kind == RecordKind::Docket {
            let message = format!("{} belongs to case files; a docket holds the public side only", field.name);
            return Err(Problem::new(codes::LEVEL, message).saying("case").with("field", &field.name));
        }
        schema.may_go(field, &value, place).map_err(|error| level_problem(&error))?;
        let entity = match fact.entity {
            Some(entity) => entity,
            None if withdraws(field, &value) => meant_by_a_withdrawal(view, &mut fresh, entropy),
            None => match entity_for(&field.entity, kind, section, view)? {
                Some(entity) => entity,
                None => *fresh.entry(field.entity.clone()).or_insert_with(|| EntityId(entropy.bytes())),
            },
        };
        if view.and_then(|view| view.cell(&entity, &field.name)).is_some_and(|cell| is_outweighed(cell, field, &value))
        {
            let message = format!("{}: a stricter value stands, and that one counts", field.name);
            return Err(Problem::new(codes::OUTWEIGHED, message).saying("field").with("field", &field.name));
        }
        let sources = sources(fact, kind, &field.entity, view, &fresh)?;
        statements.push(Statement::Assert(Assertion {
            entity,
            field: field.name.clone(),
            value,
            sources,
            grade: fact.grade.clone(),
            basis: None,
            reported_by: None,
        }));
    }
    let parents = parents(&fresh, view);
    Ok([parents, statements].concat())
}

/// Whether it withdraws consent.
fn withdraws(field: &Field, value: &Value) -> bool {
    field.name == WITHDRAWN && *value == Value::Bool(true)
}

/// One withdrawal hides the whole case file, whichever record of consent it stands in: nobody is asked which one he means.
fn meant_by_a_withdrawal(
    view: Option<&View>,
    fresh: &mut BTreeMap<String, EntityId>,
    entropy: &mut Entropy,
) -> EntityId {
    let there = view.map(|view| entities_of(view, CONSENT)).unwrap_or_default();
    // Where nobody has withdrawn yet: there the word of this organisation is the first, and its own to take back.
    let is_free = |entity: &&EntityId| view.and_then(|view| view.cell(entity, WITHDRAWN)).is_none();
    let found = there.iter().find(is_free).or(there.first()).copied();
    found.unwrap_or_else(|| *fresh.entry(CONSENT.to_owned()).or_insert_with(|| EntityId(entropy.bytes())))
}

/// Whether saying `value` would change nothing, since the field goes by the strictest and something stricter stands.
fn is_outweighed(cell: &view::Cell, field: &Field, value: &Value) -> bool {
    match &cell.shown {
        Shown::Strictest { value: standing, .. } => fold::outweighs(&field.order, standing, value),
        _ => false,
    }
}

/// What facts came to, for whoever stated them: the values as they were understood, in the order of the facts.
#[must_use]
pub fn stated(facts: &[Fact], statements: &[Statement]) -> Vec<Stated> {
    // What is added by itself, such as what belongs to what, stands before it.
    let own = statements.len().saturating_sub(facts.len());
    let said = |statement: &Statement| match statement {
        Statement::Assert(said) => {
            Some(Stated { field: said.field.clone(), value: serde_json::to_value(&said.value).unwrap_or_default() })
        }
        Statement::Retract { .. } | Statement::Resolve { .. } => None,
    };
    statements[own..].iter().filter_map(said).collect()
}

/// Whether a date can only be later than today. A day more is allowed: elsewhere it has begun already.
fn lies_ahead(value: &Value, today: civil::Date) -> bool {
    let date = value.as_text().and_then(|text| text.parse::<Date>().ok());
    let tomorrow = today.tomorrow().unwrap_or(today);
    date.and_then(|date| date.earliest()).is_some_and(|earliest| earliest > tomorrow)
}

/// The entity of a kind that a fact without one means: the root, or the only one there is; `None`: a new one.
fn entity_for(
    entity: &str,
    kind: RecordKind,
    section: &SectionId,
    view: Option<&View>,
) -> Result<Option<EntityId>, Problem> {
    if entity == kind.root_entity() {
        return Ok(Some(root_of(section)));
    }
    let there = view.map(|view| entities_of(view, entity)).unwrap_or_default();
    match there.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(*only)),
        several => {
            let details = several.iter().map(ToString::to_string).collect();
            let message = format!("there are {} of «{entity}» in this record", several.len());
            let problem = Problem::new(codes::WHICH, message).saying("entity").with("entity", entity);
            Err(problem.with("count", several.len()).with_details(details))
        }
    }
}

/// A docket's facts rest on a public source: the one named, or the only one there is.
fn sources(
    fact: &Fact,
    kind: RecordKind,
    entity: &str,
    view: Option<&View>,
    fresh: &BTreeMap<String, EntityId>,
) -> Result<Vec<EntityId>, Problem> {
    if let Some(source) = fact.source {
        return Ok(vec![source]);
    }
    if kind == RecordKind::Case || entity == "docket_source" {
        return Ok(vec![]);
    }
    let there = view.map(|view| entities_of(view, "docket_source")).unwrap_or_default();
    match (there.as_slice(), fresh.get("docket_source")) {
        ([only], None) => Ok(vec![*only]),
        ([], Some(new)) => Ok(vec![*new]),
        _ => {
            let message = format!("{} needs a public source", fact.field);
            let details = there.iter().map(ToString::to_string).collect();
            let problem = Problem::new(codes::NO_SOURCE, message).saying("field").with("field", &fact.field);
            Err(problem.with_details(details))
        }
    }
}

/// New entities stand under the only possible parent, if their kind has one.
fn parents(fresh: &BTreeMap<String, EntityId>, view: Option<&View>) -> Vec<Statement> {
    let schema = Schema::current();
    let mut statements = Vec::new();
    for (kind, entity) in fresh {
        let field = format!("{kind}.parent");
        let Some(parent) = schema.field(&field).and_then(|_| schema.entity(kind)?.parent.clone()) else { continue };
        let there = view.map(|view| entities_of(view, &parent)).unwrap_or_default();
        let parent = match (there.as_slice(), fresh.get(&parent)) {
            ([only], None) => *only,
            ([], Some(new)) => *new,
            _ => continue,
        };
        statements.push(Statement::Assert(Assertion {
            entity: *entity,
            field,
            value: Value::Ref(parent),
            sources: vec![],
            grade: None,
            basis: None,
            reported_by: None,
        }));
    }
    statements
}

fn entities_of(view: &View, kind: &str) -> Vec<EntityId> {
    let is_kind = |field: &String| field.split_once('.').is_some_and(|(entity, _)| entity == kind);
    view.entities.iter().filter(|(_, cells)| cells.keys().any(is_kind)).map(|(entity, _)| *entity).collect()
}

/// A folded section as people read it.
#[must_use]
pub fn record(view: &View, kind: RecordKind, names: &AddressBook, as_of: u64) -> Record {
    let mut entities = Vec::new();
    let sheet = Sheet::new(view);
    let mut open: Vec<&sheet::Record> = sheet.records.iter().rev().collect();
    while let Some(record) = open.pop() {
        let cells = record.fields.iter().map(|(field, cell)| show(field, cell, names)).collect();
        entities.push(Entity { entity: record.entity, kind: record.kind.clone(), cells });
        open.extend(record.children.iter().rev());
    }
    Record {
        record: view.section,
        kind,
        pseudonym: words::pseudonym(&view.section.0),
        stage: stage::stage(view).code,
        entities,
        readers: vec![],
        parts: vec![],
        taken_back: vec![],
        digest: data_encoding::HEXLOWER.encode(&view.digest()),
        as_of,
    }
}

fn show(field: &str, cell: &view::Cell, names: &AddressBook) -> Cell {
    let (shown, chosen) = match &cell.shown {
        Shown::Nothing => ("nothing", None),
        Shown::Agreed(_) => ("agreed", None),
        Shown::Conflict => ("conflict", None),
        Shown::Resolved { chosen, .. } => ("resolved", chosen.as_ref()),
        Shown::Union => ("union", None),
        Shown::Log => ("log", None),
        Shown::PerOrg => ("per_organisation", None),
        Shown::Strictest { value, .. } => ("strictest", Some(value)),
    };
    let claims = cell.claims.iter().map(|claim| self::claim(claim, chosen == Some(&claim.value), names));
    Cell { field: field.to_owned(), shown: shown.to_owned(), claims: claims.collect() }
}

fn claim(claim: &view::Claim, chosen: bool, names: &AddressBook) -> Claim {
    Claim {
        value: serde_json::to_value(&claim.value).unwrap_or_default(),
        organisation: claim.org,
        call_sign: names.call_sign(&claim.org),
        petname: names.petname(&claim.org),
        reported_by: claim.reported_by.clone(),
        at: claim.claimed_time.0,
        grade: claim.grade.clone(),
        sources: claim.sources.clone(),
        entry: claim.at.0,
        index: claim.at.1,
        chosen,
    }
}

/// Conflicts that a view shows and nobody has settled.
#[must_use]
pub fn conflicts(view: &View) -> u64 {
    let open = |cell: &view::Cell| cell.shown == Shown::Conflict && cell.policy != Some(Policy::Drv);
    view.cells().filter(|(_, _, cell)| open(cell)).count() as u64
}

/// The latest time anything standing in a view was claimed.
#[must_use]
pub fn changed(view: &View) -> u64 {
    view.cells().flat_map(|(_, _, cell)| &cell.claims).map(|claim| claim.claimed_time.0).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
