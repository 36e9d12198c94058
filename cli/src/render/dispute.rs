//! Disputes: conflicting claims side by side, and the history of every claim.

use habeas_texts::language;
use protocol::{
    app::control::{At, Claim, Conflict, Heading, Past, Record, Resolution},
    record::schema::Schema,
};

use super::{
    Ink, fits, moment, moment_and_zone,
    record::{claim, short, shown, titled, who},
    stacked, table,
};
use crate::texts;

/// The conflicts, each with its values: who states them, when, grade, source; then the resolutions.
pub(crate) fn conflicts(record: &Option<Box<Record>>, of: &Heading, conflicts: &[Conflict]) -> String {
    let as_of = texts::as_of(&moment_and_zone(of.as_of));
    let head = format!("{}  {}", texts::kind(of.kind), of.pseudonym);
    if conflicts.is_empty() {
        return [head, texts::dispute::no_conflicts(), as_of].join("\n\n");
    }
    let each = conflicts.iter().map(|found| conflict(record.as_deref(), found));
    std::iter::once(head).chain(each).chain([as_of]).collect::<Vec<_>>().join("\n\n")
}

/// The history: every claim, newest first, with its fate.
pub(crate) fn history(record: &Option<Box<Record>>, of: &Heading, claims: &[Past]) -> String {
    let row = |past: &Past| {
        let own = vec![titled(&past.field), shown(&past.field, &past.claim.value), fate(past)];
        [own, claim(record.as_deref(), &past.claim), vec![place_of(&past.claim)]].concat()
    };
    let (header, rows) = (texts::dispute::history_columns(), claims.iter().map(row).collect::<Vec<_>>());
    let rows = if fits(&header, &rows) { table(&header, rows) } else { stacked(&rows, 3) };
    let head = format!("{}  {}", texts::kind(of.kind), of.pseudonym);
    [head, rows, texts::as_of(&moment_and_zone(of.as_of))].join("\n\n")
}

/// The different values of a conflict, as people read them.
pub(crate) fn values(conflict: &Conflict) -> Vec<String> {
    let mut values: Vec<_> = conflict.claims.iter().map(|claim| shown(&conflict.field, &claim.value)).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The claims that a field is left with after a retraction.
pub(crate) enum Left<'a> {
    /// The claims that are left, of any organisation.
    Claims(Vec<&'a Claim>),
    /// Nothing is left; the claim that the retracted one had replaced, if there was one.
    Nothing(Option<&'a Claim>),
}

/// The text about what is left: "Taken back: Date of return: March 2024. Nothing stands there now; before it was …".
pub(crate) fn left(taken: &serde_json::Value, field: &str, left: &Left<'_>) -> String {
    let taken = texts::dispute::taken_back(&titled(field), &shown(field, taken));
    let by = |said: &Claim| who(said.call_sign.as_deref(), said.petname.as_deref(), &said.organisation);
    let now = match left {
        Left::Claims(claims) => {
            let said = claims.iter().map(|said| format!("{} ({})", shown(field, &said.value), by(said)));
            texts::dispute::still_stands(&said.collect::<Vec<_>>().join("; "))
        }
        Left::Nothing(None) => texts::dispute::nothing_stands(),
        Left::Nothing(Some(before)) => {
            texts::dispute::nothing_stands_after(&shown(field, &before.value), &moment(before.at))
        }
    };
    format!("{taken} {now}")
}

fn conflict(record: Option<&Record>, conflict: &Conflict) -> String {
    let (ink, state) = match conflict.settled {
        true => (Ink::GOOD, texts::dispute::settled()),
        false => (Ink::CARE, texts::dispute::open()),
    };
    let heading =
        format!("{ink}{state}{} {}  {}  {}", Ink::OFF, titled(&conflict.field), conflict.field, conflict.entity);
    let row = |said: &Claim| {
        let chosen = if said.chosen { format!("  {}", texts::chosen()) } else { String::new() };
        let value = vec![format!("{}{chosen}", shown(&conflict.field, &said.value))];
        [value, claim(record, said), vec![place_of(said)]].concat()
    };
    let (header, rows) = (texts::dispute::conflict_columns(), conflict.claims.iter().map(row).collect::<Vec<_>>());
    let rows = if fits(&header, &rows) { table(&header, rows) } else { stacked(&rows, 1) };
    let said = conflict.resolutions.iter().map(|said| format!("\n{}", resolution(conflict, said))).collect::<String>();
    format!("{heading}\n{rows}{said}")
}

fn resolution(conflict: &Conflict, said: &Resolution) -> String {
    let is_it = |claim: &&Claim| Some(at(claim)) == said.chosen;
    let chosen = match (said.chosen, conflict.claims.iter().find(is_it)) {
        (None, _) => texts::dispute::none_of_them(),
        (Some(_), Some(claim)) => shown(&conflict.field, &claim.value),
        (Some(at), None) => place(&at),
    };
    let by = who(said.by.call_sign.as_deref(), said.by.petname.as_deref(), &said.by.organisation);
    texts::dispute::resolution(
        &by,
        &moment(said.by.time),
        &chosen,
        &reason("resolution_reason", &said.reason),
        said.holds,
    )
}

/// The fate of a claim, in words.
pub(super) fn fate(past: &Past) -> String {
    let back = past.retractions.first().map(|back| (moment(back.when), reason("recall_reason", &back.reason)));
    match (past.fate.as_str(), back) {
        ("retracted", Some((when, reason))) => texts::dispute::retracted(&when, &reason),
        ("stands", _) if past.claim.chosen => texts::dispute::gone_by(),
        (fate, _) => texts::dispute::fate(fate),
    }
}

fn reason(vocabulary: &str, code: &str) -> String {
    Schema::current().vocabulary(vocabulary).map_or(code, |list| list.label(code, language::current())).to_owned()
}

const fn at(claim: &Claim) -> At {
    At { entry: claim.entry, index: claim.index }
}

/// The place of a claim, as `retract` takes it.
fn place_of(claim: &Claim) -> String {
    place(&at(claim))
}

fn place(at: &At) -> String {
    format!("{}/{}", short(&at.entry.to_string()), at.index)
}
