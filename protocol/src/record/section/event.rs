//! The timeline: everything in a section that happened on a day, whichever record says so.
//!
//! Entities imply events: a capture with a date is a capture on that date. One table says which field dates
//! which event; the event's code comes with it or from another field of the record. Dates in dispute count from the
//! earliest; what was superseded or withdrawn stays in the list, marked.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::view::View;
use crate::{
    bytes::ids::EntityId,
    record::{
        date::Date,
        schema::{Kind, Schema, Value},
    },
};

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The record that says so.
    pub entity: EntityId,
    /// What kind of record, such as `detention_episode`.
    pub kind: String,
    /// What happened.
    pub what: What,
    /// When; `None`: nobody says. The earliest date claimed, if they differ.
    #[serde(serialize_with = "date_text")]
    pub date: Option<Date>,
    /// The proceeding it belongs to.
    pub proceeding: Option<EntityId>,
    /// The court, as the record gives it.
    pub court: Option<String>,
    /// The date, or what happened, is claimed differently by different people.
    pub disputed: bool,
    /// A later record replaces this one, or it was withdrawn: shown, not reckoned with.
    pub superseded: bool,
}

/// What happened, as a code of one of two vocabularies.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A code of `event`.
    Event(String),
    /// A decision with this code of `outcome`.
    Decision(String),
}

/// Which record tells, never what.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} told by {} {:?}", self.what, self.kind, self.entity)
    }
}

/// Of which vocabulary, never what.
impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event(_) => "event",
            Self::Decision(_) => "decision",
        })
    }
}

/// Where the code of a dated event comes from.
enum Code {
    /// It is always this.
    Is(&'static str),
    /// This field holds it.
    In(&'static str),
    /// This field holds the outcome of a decision.
    Outcome(&'static str),
    /// This field holds the type of detention; filtration has codes of its own.
    Detention { filtration: &'static str, other: &'static str },
}

/// The field that dates an event, and the event.
const DATED: [(&str, Code); 21] = [
    ("service_record.enlisted", Code::Is("service.enlisted")),
    ("service_record.deployed", Code::Is("service.deployed")),
    ("capture_episode.date", Code::Is("capture")),
    ("captivity_episode.family_notified_on", Code::Is("family.notified")),
    ("captivity_statement.date", Code::Is("captivity.statement")),
    ("transfer_episode.date", Code::Is("exchange.done")),
    ("detention_episode.from", Code::Detention { filtration: "filtration.start", other: "detention.start" }),
    ("detention_episode.to", Code::Detention { filtration: "filtration.end", other: "detention.end" }),
    ("interrogation.date", Code::Is("interrogation")),
    ("procedural_event.date", Code::In("procedural_event.type")),
    ("preventive_measure.from", Code::Is("measure.set")),
    ("decision.date", Code::Outcome("decision.outcome")),
    ("benefit_loss.from", Code::Is("benefit.loss")),
    ("health_record.since", Code::Is("health.event")),
    ("stigma_event.date", Code::Is("stigma")),
    ("family_appeal.date", Code::Is("family.appeal")),
    ("international_action.date", Code::In("international_action.type")),
    ("consent_record.withdrawn_on", Code::Is("consent.withdrawn")),
    ("docket_event.date", Code::In("docket_event.type")),
    ("docket_decision.date", Code::Outcome("docket_decision.outcome")),
    ("docket_statement.date", Code::Is("publicity")),
];

/// All events of a section, by date; those without one last.
#[must_use]
pub fn timeline(view: &View) -> Vec<Event> {
    let superseded = superseded(view);
    let mut events: Vec<Event> = view
        .entities
        .keys()
        .flat_map(|entity| DATED.iter().map(move |(field, code)| (*entity, *field, code)))
        .flat_map(|(entity, field, code)| happened(view, entity, field, code))
        .map(|event| Event { superseded: superseded.contains(&event.entity), ..event })
        .collect();
    events.sort_by(|a, b| {
        let key = |event: &Event| (event.date.is_none(), event.date);
        (key(a), &a.what, a.entity).cmp(&(key(b), &b.what, b.entity))
    });
    events
}

/// The events one dated field stands for: none, one, or one for each code claimed.
fn happened(view: &View, entity: EntityId, field: &str, code: &Code) -> Vec<Event> {
    let (kind, _) = field.split_once('.').expect("field names have two parts");
    let values = |field: &str| view.cell(&entity, field).map(super::view::Cell::values).unwrap_or_default();
    let texts = |field: &str| values(field).into_iter().filter_map(Value::as_text).collect::<Vec<_>>();
    let dates: BTreeSet<Date> = texts(field).into_iter().filter_map(|text| text.parse().ok()).collect();
    let event = |code: &str| What::Event(code.to_owned());
    // Without a date only a record that is an event by itself tells of one.
    let what: Vec<What> = match code {
        Code::In(field) => texts(field).into_iter().map(event).collect(),
        Code::Outcome(field) => texts(field).into_iter().map(|code| What::Decision(code.to_owned())).collect(),
        _ if dates.is_empty() => Vec::new(),
        Code::Is(code) => vec![event(code)],
        Code::Detention { filtration, other } => {
            let is_filtration = texts("detention_episode.type").contains(&"filtration_unit");
            vec![event(if is_filtration { filtration } else { other })]
        }
    };
    let disputed = dates.len() > 1 || what.len() > 1;
    let court = texts(&format!("{kind}.court_id")).first().map(|court| (*court).to_owned());
    let event = |what| Event {
        entity,
        kind: kind.to_owned(),
        what,
        date: dates.first().copied(),
        proceeding: proceeding(view, entity, kind),
        court: court.clone(),
        disputed,
        superseded: false,
    };
    what.into_iter().map(event).collect()
}

/// The proceeding that a record names, or is part of.
fn proceeding(view: &View, entity: EntityId, kind: &str) -> Option<EntityId> {
    ["proceeding", "parent"].iter().find_map(|name| {
        let field = Schema::current().field(&format!("{kind}.{name}"))?;
        if !matches!(&field.kind, Kind::Ref(target) if target == "proceeding") {
            return None;
        }
        view.cell(&entity, &field.name)?.values().into_iter().find_map(|value| match value {
            Value::Ref(proceeding) => Some(*proceeding),
            _ => None,
        })
    })
}

/// Records that another one replaces, or that were withdrawn.
fn superseded(view: &View) -> BTreeSet<EntityId> {
    let mut superseded = BTreeSet::new();
    for (entity, field, cell) in view.cells() {
        if field.ends_with(".supersedes") {
            superseded.extend(cell.values().into_iter().filter_map(|value| match value {
                Value::Ref(earlier) if earlier != entity => Some(*earlier),
                _ => None,
            }));
        }
        if field == "procedural_event.retracted_reason" && !cell.claims.is_empty() {
            superseded.insert(*entity);
        }
    }
    superseded
}

fn date_text<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    date.map(|date| date.to_string()).serialize(serializer)
}
