//! Case files and dockets as people read them. What organisations disagree about stands first, side by side; nothing is
//! chosen for the reader.

use protocol::{
    control::{Cell, Claim, Entity, Imported, Record, RecordKind, Summary},
    ids::{EntityId, OrgId},
    schema::{Kind, Schema},
};
use serde_json::Value;

use super::{Ink, day, moment, table};
use crate::{texts, tongue::spoken};

/// One record; with who said what and when beside every value if `provenance` is wanted.
pub(crate) fn record(record: &Record, provenance: bool) -> String {
    let taken_back = record.taken_back.iter().map(|taken| {
        let (from, by) = (taken.from.join(", "), taken.by.join(", "));
        vec![texts::sharing::column_taken_back(), texts::sharing::had_until(&from, &moment(taken.since), &by)]
    });
    let readers = (record.kind == RecordKind::Case)
        .then(|| vec![texts::sharing::column_case_readers(), texts::sharing::readers(&record.readers)]);
    let head = table(
        &[""],
        [
            vec![texts::kind(record.kind), record.pseudonym.clone()],
            vec![texts::record_id(), record.record.to_string()],
            vec![texts::stage(), stage(&record.stage)],
        ]
        .into_iter()
        .chain(readers)
        .chain(taken_back),
    );
    let entities = record.entities.iter().map(|entity| self::entity(record, entity, provenance));
    let disagreement = conflicts(record).map(|(count, rows)| {
        let heading = format!("{}! {}{}", Ink::CARE, texts::conflicts_shown(count), Ink::OFF);
        let header = [&texts::conflict_columns()[..], &texts::claim_columns()].concat();
        format!("{heading}\n\n{}", table(&header, rows))
    });
    let as_of = texts::as_of(&moment(record.as_of));
    [Some(head), disagreement].into_iter().flatten().chain(entities).chain([as_of]).collect::<Vec<_>>().join("\n\n")
}

/// A list of records.
pub(crate) fn records(kind: RecordKind, records: &[Summary], now: u64) -> String {
    let as_of = texts::as_of(&moment(now));
    if records.is_empty() {
        return format!("{}\n\n{as_of}", texts::no_records(kind));
    }
    let labelled = records.iter().any(|record| record.label.is_some());
    let row = |record: &Summary| {
        let label = labelled.then(|| record.label.clone().unwrap_or_default());
        let conflicts = if record.conflicts == 0 { String::new() } else { format!("! {}", record.conflicts) };
        let rest = [record.pseudonym.clone(), stage(&record.stage), conflicts, moment(record.changed)];
        let readers = (kind == RecordKind::Case).then(|| texts::sharing::readers(&record.readers));
        label.into_iter().chain(rest).chain(readers).collect()
    };
    let header = texts::list_columns(kind, labelled);
    format!("{}\n\n{as_of}", table(&header, records.iter().map(row)))
}

/// What an import made, or would make.
pub(crate) fn imported(records: &[Imported], entries: u64, dry_run: bool) -> String {
    let row = |made: &Imported| {
        let kind = texts::kind(made.kind);
        vec![made.label.clone(), kind, made.pseudonym.clone(), made.statements.to_string()]
    };
    let rows = table(&texts::import_columns(), records.iter().map(row));
    format!("{rows}\n\n{}", texts::imported(records.len(), entries, dry_run))
}

/// How many fields are disputed, and a row for each value: field, value, who, when, grade, source.
fn conflicts(record: &Record) -> Option<(usize, Vec<Vec<String>>)> {
    let cells: Vec<&Cell> =
        record.entities.iter().flat_map(|entity| &entity.cells).filter(|cell| cell.shown == "conflict").collect();
    let row = |(nth, cell, claim): (usize, &Cell, &Claim)| {
        let field = if nth == 0 { what(&cell.field) } else { String::new() };
        [vec![field, shown(&cell.field, &claim.value)], self::claim(record, claim)].concat()
    };
    let claims =
        |cell: &&Cell| cell.claims.iter().enumerate().map(|(nth, claim)| (nth, claim.clone())).collect::<Vec<_>>();
    let rows = cells.iter().flat_map(|cell| claims(cell).into_iter().map(move |(nth, claim)| row((nth, cell, &claim))));
    (!cells.is_empty()).then(|| (cells.len(), rows.collect()))
}

/// Who says so, when, how sure, from which source: by kind, where the record is at hand and says it.
pub(crate) fn claim<'a>(record: impl Into<Option<&'a Record>>, claim: &Claim) -> Vec<String> {
    let record = record.into();
    let who = who(claim.call_sign.as_deref(), claim.petname.as_deref(), &claim.organisation);
    let who = claim.reported_by.as_ref().map_or(who.clone(), |other| texts::reported(&who, other));
    let source = |id: &EntityId| record.map_or_else(|| short(&id.to_string()), |record| source(record, *id));
    let sources: Vec<_> = claim.sources.iter().map(source).collect();
    vec![who, moment(claim.at), claim.grade.clone().unwrap_or_default(), sources.join(", ")]
}

/// An organisation: its call-sign, and what it is called here.
pub(crate) fn who(call_sign: Option<&str>, petname: Option<&str>, organisation: &OrgId) -> String {
    let call_sign = call_sign.map_or_else(|| short(&organisation.to_string()), str::to_owned);
    petname.map_or(call_sign.clone(), |petname| texts::names::called(&call_sign, petname))
}

/// A value as people read it.
pub(crate) fn shown(field: &str, value: &Value) -> String {
    match value {
        Value::String(text) => worded(field, text),
        Value::Bool(answer) => texts::yes_no(*answer),
        Value::Object(object) => {
            let named = object.get("ref").or_else(|| object.get("org")).and_then(Value::as_str);
            named.map_or_else(texts::file_value, short)
        }
        other => other.to_string(),
    }
}

/// A text as people read it: the label of a code, a date in the form of the language.
fn worded(field: &str, text: &str) -> String {
    let schema = Schema::current();
    match schema.field(field) {
        Some(known) if known.kind == Kind::Date => day(text),
        _ => schema.label(field, text, spoken()).to_owned(),
    }
}

fn entity(record: &Record, entity: &Entity, provenance: bool) -> String {
    let label =
        Schema::current().entity(&entity.kind).map_or(&*entity.kind, |known| known.labels.in_language(spoken()));
    let id = if provenance { format!("  {}", entity.entity) } else { String::new() };
    let heading = format!("{}{label}{}{id}", Ink::STRONG, Ink::OFF);
    // What stands under what is seen by its place; the field for it is for those who look closely.
    let shown = |cell: &&Cell| !cell.claims.is_empty() && (provenance || !cell.field.ends_with(".parent"));
    let cells = entity.cells.iter().filter(shown);
    let body = if provenance {
        let header = [&texts::field_columns()[..], &texts::claim_columns(), &texts::entry_columns()].concat();
        table(&header, cells.flat_map(|cell| with_provenance(record, cell)))
    } else {
        table(&texts::plain_columns(), cells.map(|cell| vec![what(&cell.field), joined(cell), cell.field.clone()]))
    };
    format!("{heading}\n{body}")
}

fn with_provenance(record: &Record, cell: &Cell) -> Vec<Vec<String>> {
    let row = |(nth, claim): (usize, &Claim)| {
        let first = |text: &str| if nth == 0 { text.to_owned() } else { String::new() };
        let chosen = if claim.chosen { format!("  {}", texts::chosen()) } else { String::new() };
        let entry = format!("{}/{}", short(&claim.entry.to_string()), claim.index);
        let value = format!("{}{chosen}", raw(&claim.value));
        let own = [first(&cell.field), value, first(&texts::shown_as(&cell.shown))];
        own.into_iter().chain(self::claim(record, claim)).chain([entry]).collect()
    };
    cell.claims.iter().enumerate().map(row).collect()
}

/// All values of a cell in one line: once each, the chosen one alone where one was chosen.
fn joined(cell: &Cell) -> String {
    let chosen = cell.claims.iter().any(|claim| claim.chosen);
    let per_organisation = cell.shown == "per_organisation";
    let mut values = Vec::new();
    for claim in cell.claims.iter().filter(|claim| !chosen || claim.chosen) {
        let value = shown(&cell.field, &claim.value);
        let value = match claim.call_sign.as_deref() {
            call_sign @ Some(_) if per_organisation => {
                format!("{}: {value}", who(call_sign, claim.petname.as_deref(), &claim.organisation))
            }
            _ => value,
        };
        if !values.contains(&value) {
            values.push(value);
        }
    }
    if cell.shown == "conflict" { format!("! {}", values.join(" ≠ ")) } else { values.join(", ") }
}

pub(crate) fn raw(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn what(field: &str) -> String {
    Schema::current().field(field).map_or(field, |known| known.labels.in_language(spoken())).to_owned()
}

fn stage(code: &str) -> String {
    Schema::current().vocabulary("stage").map_or(code, |stages| stages.label(code, spoken())).to_owned()
}

/// The kind of a source, if the record says so.
fn source(record: &Record, source: EntityId) -> String {
    let entity = record.entities.iter().find(|entity| entity.entity == source);
    let cell = entity.and_then(|entity| entity.cells.iter().find(|cell| cell.field.ends_with(".type")));
    cell.map_or_else(|| short(&source.to_string()), joined)
}

/// The beginning of an id, enough to tell a few apart.
pub(crate) fn short(id: &str) -> String {
    let mut short: String = id.chars().take(14).collect();
    if short.len() < id.len() {
        short.push('…');
    }
    short
}
