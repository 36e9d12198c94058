//! Statements from facts, and records to read from views.
//!
//! Pure: the node passes a view and facts in, and gets statements, or a problem with a code and a next step. A field is
//! never written below its level, for any caller.

mod refusal;
pub mod settling;
pub mod sharing;
pub mod target;

use std::collections::BTreeMap;

use jiff::civil;

use crate::{
    app::{
        control::{Cell, Claim, Entity, Fact, Problem, Record, RecordKind, Stated, codes},
        names::AddressBook,
    },
    bytes::{
        ids::{EntityId, OrgId, SectionId},
        seal::Entropy,
        words,
    },
    record::{
        date::Date,
        schema::{Field, Place, Policy, Schema, Value},
        section::{
            assertion::{Assertion, Statement, is_grade},
            fold,
            sheet::{self, Sheet},
            view::{self, Shown, View},
        },
        stage,
    },
};

pub use refusal::{level_problem, value_problem};
use target::{Targets, Which};

/// The context in which facts are stated: the record, the circle and the day.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// Kind of the record.
    pub kind: RecordKind,
    /// Section of the record.
    pub section: &'a SectionId,
    /// View of the record so far; none if the record is new.
    pub view: Option<&'a View>,
    /// Kind of the circle that the facts are written in.
    pub place: Place,
    /// Day by the node's clock, UTC.
    pub today: civil::Date,
    /// The organisation that states the facts.
    pub us: &'a OrgId,
}

/// The entity kind of consent records, and the field that withdraws one.
const CONSENT: &str = "consent_record";
const WITHDRAWN: &str = "consent_record.withdrawn";

/// Converts facts into statements about a record.
///
/// # Errors
/// A fact that the schema, its level or its date does not allow there, an entity or a source that is not clear, or a
/// value that a stricter one outweighs.
pub fn state(facts: &[Fact], stand: &Stand<'_>, entropy: &mut Entropy) -> Result<Vec<Statement>, Problem> {
    let Stand { kind, view, place, today, .. } = *stand;
    let schema = Schema::current();
    let mut targets = Targets::new(*stand);
    let mut statements = Vec::new();
    for fact in facts {
        let (which, name) = target::split(&fact.field);
        let value = schema.parse(&name, &fact.value).map_err(|error| value_problem(&error))?;
        let value = schema.check(&name, &value).map_err(|error| value_problem(&error))?.into_value();
        let field = schema.field(&name).expect("parse found it");
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
            Some(entity) => {
                targets.stated(&field.entity, entity, &field.name);
                entity
            }
            None if withdraws(field, &value) && which == Which::Meant => {
                meant_by_a_withdrawal(view, &mut targets, entropy)
            }
            None => targets.of(which, field, &value, entropy)?,
        };
        if view.and_then(|view| view.cell(&entity, &field.name)).is_some_and(|cell| is_outweighed(cell, field, &value))
        {
            let message = format!("{}: a stricter value stands, and that one counts", field.name);
            return Err(Problem::new(codes::OUTWEIGHED, message).saying("field").with("field", &field.name));
        }
        let sources = sources(fact, kind, field, view, &targets.fresh)?;
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
    let parents = parents(&targets, view);
    Ok([parents, statements].concat())
}

/// Whether the value withdraws consent.
fn withdraws(field: &Field, value: &Value) -> bool {
    field.name == WITHDRAWN && *value == Value::Bool(true)
}

/// The consent record in which a withdrawal is stated. A withdrawal in any consent record hides the whole case file, so
/// the author is not asked which record he means.
fn meant_by_a_withdrawal(view: Option<&View>, targets: &mut Targets<'_>, entropy: &mut Entropy) -> EntityId {
    let there = view.map(|view| entities_of(view, CONSENT)).unwrap_or_default();
    // A record without a withdrawal comes first: there the statement of this organisation is the first one, and its own
    // to retract.
    let is_free = |entity: &&EntityId| view.and_then(|view| view.cell(entity, WITHDRAWN)).is_none();
    let found = there.iter().find(is_free).or(there.first()).copied();
    let begun = targets.fresh.get(CONSENT).copied();
    found.or(begun).unwrap_or_else(|| targets.begin(CONSENT, entropy))
}

/// Whether stating `value` would change nothing, since the strictest value of the field counts and a stricter one is
/// live.
fn is_outweighed(cell: &view::Cell, field: &Field, value: &Value) -> bool {
    match &cell.shown {
        Shown::Strictest { value: standing, .. } => fold::outweighs(&field.order, standing, value),
        _ => false,
    }
}

/// The stated values as they were understood, in the order of the facts, for the reply.
#[must_use]
pub fn stated(facts: &[Fact], statements: &[Statement]) -> Vec<Stated> {
    // Statements that are added automatically, such as parents, come before those of the facts.
    let own = statements.len().saturating_sub(facts.len());
    let said = |statement: &Statement| match statement {
        Statement::Assert(said) => {
            Some(Stated { field: said.field.clone(), value: serde_json::to_value(&said.value).unwrap_or_default() })
        }
        Statement::Retract { .. } | Statement::Resolve { .. } => None,
    };
    statements[own..].iter().filter_map(said).collect()
}

/// Whether a date can only be later than today. One day more is allowed, since in other time zones it has begun
/// already.
fn lies_ahead(value: &Value, today: civil::Date) -> bool {
    let date = value.as_text().and_then(|text| text.parse::<Date>().ok());
    let tomorrow = today.tomorrow().unwrap_or(today);
    date.and_then(|date| date.earliest()).is_some_and(|earliest| earliest > tomorrow)
}

/// The sources of a fact. A fact of a docket needs a public source: the one named, or the only one in the docket.
fn sources(
    fact: &Fact,
    kind: RecordKind,
    field: &Field,
    view: Option<&View>,
    fresh: &BTreeMap<String, EntityId>,
) -> Result<Vec<EntityId>, Problem> {
    if let Some(source) = fact.source {
        return Ok(vec![source]);
    }
    if kind == RecordKind::Case || field.entity == "docket_source" {
        return Ok(vec![]);
    }
    let there = view.map(|view| entities_of(view, "docket_source")).unwrap_or_default();
    match (there.as_slice(), fresh.get("docket_source")) {
        ([only], None) => Ok(vec![*only]),
        ([], Some(new)) => Ok(vec![*new]),
        _ => {
            let message = format!("{} needs a public source", field.name);
            let details = there.iter().map(ToString::to_string).collect();
            let problem = Problem::new(codes::NO_SOURCE, message).saying("field").with("field", &field.name);
            Err(problem.with_details(details))
        }
    }
}

/// Statements that place new entities under the only possible parent, if their kind has one.
fn parents(targets: &Targets<'_>, view: Option<&View>) -> Vec<Statement> {
    let (schema, fresh) = (Schema::current(), &targets.fresh);
    let mut statements = Vec::new();
    for (kind, entity) in &targets.begun {
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

/// Converts a folded section into a record for people to read.
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

/// Number of conflicts in a view that are not resolved.
#[must_use]
pub fn conflicts(view: &View) -> u64 {
    let open = |cell: &view::Cell| cell.shown == Shown::Conflict && cell.policy != Some(Policy::Drv);
    view.cells().filter(|(_, _, cell)| open(cell)).count() as u64
}

/// The latest claimed time of the live claims in a view.
#[must_use]
pub fn changed(view: &View) -> u64 {
    view.cells().flat_map(|(_, _, cell)| &cell.claims).map(|claim| claim.claimed_time.0).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
