//! Case files and dockets as people read them. Disputed values come first, side by side; none is chosen for the reader.

use habeas_texts::language;
use protocol::{
    app::control::{Cell, Claim, Entity, Imported, Record, RecordKind, Stated, Summary},
    bytes::ids::{EntityId, OrgId},
    record::schema::{Kind, Schema},
};
use serde_json::Value;

use super::{Ink, day, fits, indented, moment, moment_and_zone, only_day, stacked, table};
use crate::texts;

/// The root ids: numbers that the pseudonym already expresses.
const ROOT_IDS: &[&str] = &["case_file.case_id", "docket.docket_id", "tombstone.case_id"];

/// The number of naming words: words of a pseudonym that are shown where there is no room for all six, beside a label
/// and alone.
const NAMING_WORDS: [usize; 2] = [2, 3];
/// The fields that distinguish several parts of one kind: what a part is, and since when.
const TELLING: &[&str] = &["sequence", "purpose", "type", "code", "kind", "status", "level"];
const DATING: &[&str] = &["date", "from", "asked_on", "opened", "offered_on", "since"];

/// The depth to which a record is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Shows the provenance beside each value: who stated it, when, from which source.
    pub(crate) provenance: bool,
    /// Shows the field's name beside each value, as it is typed.
    pub(crate) fields: bool,
}

/// The text of one record.
pub(crate) fn record(record: &Record, depth: Depth) -> String {
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
    let entities = parts(record).into_iter().map(|part| self::entity(record, part, depth));
    let disagreement = conflicts(record).map(|(count, rows)| {
        let heading = format!("{}! {}{}", Ink::CARE, texts::conflicts_shown(count), Ink::OFF);
        let header = [&texts::conflict_columns()[..], &texts::claim_columns()].concat();
        let rows = if fits(&header, &rows) { table(&header, rows) } else { stacked(&rows, 2) };
        format!("{heading}\n\n{rows}")
    });
    let as_of = texts::as_of(&moment_and_zone(record.as_of));
    [Some(head), disagreement].into_iter().flatten().chain(entities).chain([as_of]).collect::<Vec<_>>().join("\n\n")
}

/// The extent of a whole list, of which a part is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Number of records in the list.
    pub(crate) all: u64,
    /// Number of records that changed and are not evaluated yet.
    pub(crate) behind: u64,
}

impl Extent {
    /// A line about records that changed and are not evaluated yet; empty if there are none.
    pub(super) fn behind(self) -> String {
        if self.behind == 0 { String::new() } else { format!("{}\n", texts::behind(self.behind)) }
    }
}

/// The list of records as a table.
pub(crate) fn records(kind: RecordKind, stage: Option<&str>, records: &[Summary], extent: Extent, now: u64) -> String {
    let as_of = format!("{}{}", extent.behind(), texts::as_of(&moment_and_zone(now)));
    if records.is_empty() {
        let none = stage.map_or_else(|| texts::no_records(kind), |code| texts::none_at_stage(&self::stage(code)));
        return format!("{none}\n\n{as_of}");
    }
    let labelled = records.iter().any(|record| record.label.is_some());
    let row = |record: &Summary| {
        let label = labelled.then(|| record.label.clone().unwrap_or_default());
        let rest = [record.pseudonym.clone(), self::stage(&record.stage), disputed(record), moment(record.changed)];
        let readers = (kind == RecordKind::Case).then(|| texts::sharing::readers(&record.readers));
        label.into_iter().chain(rest).chain(readers).collect()
    };
    let (header, rows) = (texts::list_columns(kind, labelled), records.iter().map(row).collect::<Vec<_>>());
    let list = if fits(&header, &rows) { table(&header, rows) } else { brief(kind, records, labelled) };
    let shown = records.len() as u64;
    let part = if shown < extent.all { format!("{}\n", texts::part(shown, extent.all)) } else { String::new() };
    format!("{list}\n\n{part}{as_of}")
}

/// A brief list for narrow terminals: one line each, with the first words of the pseudonym, the day, and the number of
/// readers.
fn brief(kind: RecordKind, records: &[Summary], labelled: bool) -> String {
    let row = |record: &Summary| {
        let label = labelled.then(|| record.label.clone().unwrap_or_default());
        let words = if labelled { NAMING_WORDS[0] } else { NAMING_WORDS[1] };
        let rest = [naming(&record.pseudonym, words), stage(&record.stage), disputed(record), only_day(record.changed)];
        let readers = (kind == RecordKind::Case).then(|| texts::sharing::others(&record.readers));
        label.into_iter().chain(rest).chain(readers).collect()
    };
    table(&texts::brief_columns(kind, labelled), records.iter().map(row))
}

fn disputed(record: &Summary) -> String {
    if record.conflicts == 0 { String::new() } else { format!("! {}", record.conflicts) }
}

/// The naming words of a record: the first words of its pseudonym, where there is no room for all of them.
fn naming(pseudonym: &str, shown: usize) -> String {
    let words: Vec<_> = pseudonym.split(' ').collect();
    match words.get(..shown) {
        Some(first) if words.len() > shown => format!("{} …", first.join(" ")),
        _ => pseudonym.to_owned(),
    }
}

/// The records that were imported, or, in a dry run, would be.
pub(crate) fn imported(records: &[Imported], entries: u64, dry_run: bool) -> String {
    if records.is_empty() {
        return texts::nothing_new();
    }
    let row = |made: &Imported| {
        let kind = texts::kind(made.kind);
        vec![made.label.clone(), kind, made.pseudonym.clone(), made.statements.to_string()]
    };
    let rows = table(&texts::import_columns(), records.iter().map(row));
    format!("{rows}\n\n{}", texts::imported(records.len(), entries, dry_run))
}

/// The number of disputed fields and of their conflicts' rows, one for each value: field, value, who, when, grade,
/// source.
fn conflicts(record: &Record) -> Option<(usize, Vec<Vec<String>>)> {
    let cells: Vec<&Cell> =
        record.entities.iter().flat_map(|entity| &entity.cells).filter(|cell| cell.shown == "conflict").collect();
    let row = |(nth, cell, claim): (usize, &Cell, &Claim)| {
        let field = if nth == 0 { titled(&cell.field) } else { String::new() };
        [vec![field, shown(&cell.field, &claim.value)], self::claim(record, claim)].concat()
    };
    let claims =
        |cell: &&Cell| cell.claims.iter().enumerate().map(|(nth, claim)| (nth, claim.clone())).collect::<Vec<_>>();
    let rows = cells.iter().flat_map(|cell| claims(cell).into_iter().map(move |(nth, claim)| row((nth, cell, &claim))));
    (!cells.is_empty()).then(|| (cells.len(), rows.collect()))
}

/// The provenance of a claim: who, when, grade, source. The source is given by its kind, if the record is at hand and
/// has one.
pub(crate) fn claim<'a>(record: impl Into<Option<&'a Record>>, claim: &Claim) -> Vec<String> {
    let record = record.into();
    let who = who(claim.call_sign.as_deref(), claim.petname.as_deref(), &claim.organisation);
    let who = claim.reported_by.as_ref().map_or(who.clone(), |other| texts::reported(&who, other));
    let source = |id: &EntityId| record.map_or_else(|| short(&id.to_string()), |record| source(record, *id));
    let sources: Vec<_> = claim.sources.iter().map(source).collect();
    vec![who, moment(claim.at), claim.grade.clone().unwrap_or_default(), sources.join(", ")]
}

/// An organisation, for the column "who": its call-sign and its petname.
pub(crate) fn who(call_sign: Option<&str>, petname: Option<&str>, organisation: &OrgId) -> String {
    let call_sign = call_sign.map_or_else(|| short(&organisation.to_string()), str::to_owned);
    petname.map_or(call_sign.clone(), |petname| texts::names::called(&call_sign, petname))
}

/// A value as it is shown to people.
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

/// A text in words for people: the label of a code, a date in the form of the language.
fn worded(field: &str, text: &str) -> String {
    let schema = Schema::current();
    match schema.field(field) {
        Some(known) if known.kind == Kind::Date => day(text),
        _ => schema.label(field, text, language::current()).to_owned(),
    }
}

/// A part of a record, as it is shown.
#[derive(Clone, Copy)]
struct Part<'a> {
    entity: &'a Entity,
    /// Number of the part among those of its kind, from 1, as commands name it; `None` for the only one.
    number: Option<usize>,
}

/// The parts in the order of the record; several of one kind that follow each other are ordered by their dates.
fn parts(record: &Record) -> Vec<Part<'_>> {
    let part = |entity: &'_ Entity| {
        let same = || record.entities.iter().filter(|other| other.kind == entity.kind);
        let number = 1 + same().filter(|other| other.entity < entity.entity).count();
        (same().count() > 1).then_some(number)
    };
    let part = |entity| Part { entity, number: part(entity) };
    let mut parts: Vec<Part<'_>> = record.entities.iter().map(part).collect();
    for run in parts.chunk_by_mut(|a, b| a.entity.kind == b.entity.kind) {
        run.sort_by_key(|part| (number(part.entity), dating(part.entity).map(|(_, text)| text)));
    }
    parts
}

/// The first of these fields that a part has, with its first value.
fn telling<'a>(entity: &'a Entity, fields: &[&str]) -> Option<(&'a str, &'a Value)> {
    let cell = |name: &&str| {
        let is_it = |cell: &&Cell| cell.field.rsplit_once('.').is_some_and(|(_, field)| field == *name);
        let cell = entity.cells.iter().find(is_it)?;
        Some((&*cell.field, &cell.claims.first()?.value))
    };
    fields.iter().find_map(cell)
}

fn number(entity: &Entity) -> Option<u64> {
    telling(entity, &["sequence"]).and_then(|(_, value)| value.as_u64())
}

fn dating(entity: &Entity) -> Option<(&str, String)> {
    telling(entity, DATING).and_then(|(field, value)| Some((field, value.as_str()?.to_owned())))
}

/// The heading of a part: its kind and, if it is one of several, what distinguishes it.
fn heading(part: Part<'_>) -> String {
    let label = kind(&part.entity.kind);
    if part.number.is_none() {
        return label;
    }
    let what = telling(part.entity, TELLING).map(|(field, value)| shown(field, value));
    let when = dating(part.entity).map(|(_, text)| day(&text));
    let told: Vec<_> = what.into_iter().chain(when).collect();
    // The text in brackets explains the kind; with a distinguishing value it is not needed.
    let short = label.split(" (").next().unwrap_or(&label);
    if told.is_empty() { label } else { format!("{short}: {}", told.join(", ")) }
}

/// The label of a kind of part.
pub(crate) fn kind(name: &str) -> String {
    Schema::current().entity(name).map_or(name, |known| known.labels.in_language(language::current())).to_owned()
}

fn entity(record: &Record, part: Part<'_>, depth: Depth) -> String {
    let entity = part.entity;
    let id = if depth.provenance { format!("  {}", entity.entity) } else { String::new() };
    let heading = format!("{}{}{}{id}", Ink::STRONG, heading(part), Ink::OFF);
    // A part's parent is visible from its place, and the record's number is its pseudonym; both are shown only with
    // provenance or fields.
    let technical = |field: &str| field.ends_with(".parent") || ROOT_IDS.contains(&field);
    let shown = |cell: &&Cell| !cell.claims.is_empty() && (depth.provenance || !technical(&cell.field));
    let cells = entity.cells.iter().filter(shown);
    let body = if depth.provenance {
        let header = [&texts::field_columns()[..], &texts::claim_columns(), &texts::entry_columns()].concat();
        let rows: Vec<_> = cells.flat_map(|cell| with_provenance(record, cell)).collect();
        if fits(&header, &rows) { table(&header, rows) } else { stacked(&rows, 3) }
    } else if depth.fields {
        indented(cells.map(|cell| vec![what(&cell.field), joined(cell), typed(&cell.field, part.number)]))
    } else {
        indented(cells.map(|cell| vec![what(&cell.field), joined(cell)]))
    };
    format!("{heading}\n{body}")
}

/// A field as `set` takes it: of one of several parts with the part's number.
fn typed(field: &str, number: Option<usize>) -> String {
    match (number, field.split_once('.')) {
        (Some(number), Some((kind, name))) => format!("{kind}#{number}.{name}"),
        _ => field.to_owned(),
    }
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

/// The values of a cell joined in one line: each once, or the chosen one alone if one was chosen.
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
    if cell.shown == "conflict" { format!("! {}", values.join(" ≠ ")) } else { values.join("; ") }
}

pub(crate) fn raw(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The label of a field.
pub(crate) fn what(field: &str) -> String {
    Schema::current().field(field).map_or(field, |known| known.labels.in_language(language::current())).to_owned()
}

/// The title of a field: its label, with the kind of its part where several fields have one label: "Captivity: From".
pub(crate) fn titled(field: &str) -> String {
    let schema = Schema::current();
    let Some(known) = schema.field(field) else { return field.to_owned() };
    let label = known.labels.in_language(language::current());
    let alike = schema.fields().filter(|other| other.labels.in_language(language::current()) == label).count();
    if alike > 1 { format!("{}: {label}", kind(&known.entity)) } else { label.to_owned() }
}

/// The stated facts, one line each.
pub(crate) fn stated(stated: &[Stated]) -> String {
    stated
        .iter()
        .map(|said| format!("  {}: {}", titled(&said.field), shown(&said.field, &said.value)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The label of a stage.
pub(crate) fn stage(code: &str) -> String {
    Schema::current().vocabulary("stage").map_or(code, |stages| stages.label(code, language::current())).to_owned()
}

/// The kind of a source, if the record has one.
fn source(record: &Record, source: EntityId) -> String {
    let entity = record.entities.iter().find(|entity| entity.entity == source);
    let cell = entity.and_then(|entity| entity.cells.iter().find(|cell| cell.field.ends_with(".type")));
    cell.map_or_else(|| short(&source.to_string()), joined)
}

/// The shortened id, long enough to distinguish a few.
pub(crate) fn short(id: &str) -> String {
    let mut short: String = id.chars().take(14).collect();
    if short.len() < id.len() {
        short.push('…');
    }
    short
}
