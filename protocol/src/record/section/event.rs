//! The timeline: all dated events of a section, from every kind of record.
//!
//! Entities imply events: a capture with a date is a capture on that date. One table lists the fields that date events;
//! the event's code is fixed or comes from another field of the record. Disputed dates count from the earliest;
//! superseded and withdrawn events stay in the list, marked.

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

/// An event of the timeline.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The record that implies the event.
    pub entity: EntityId,
    /// The kind of the record, such as `detention_episode`.
    pub kind: String,
    /// The code of the event.
    pub what: What,
    /// The date; `None` if unknown, the earliest claimed if claims differ.
    #[serde(serialize_with = "date_text")]
    pub date: Option<Date>,
    /// The proceeding that the event belongs to.
    pub proceeding: Option<EntityId>,
    /// The court, as the record gives it.
    pub court: Option<String>,
    /// Whether claims about the date or the code differ.
    pub disputed: bool,
    /// Whether a later record replaces this one, or it was withdrawn: shown, and ignored otherwise.
    pub superseded: bool,
}

/// The code of an event, from one of two vocabularies.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A code of `event`.
    Event(String),
    /// A decision with this code of `outcome`.
    Decision(String),
}

/// Shows the record, never content.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} told by {} {:?}", self.what, self.kind, self.entity)
    }
}

/// Shows the vocabulary, never the code.
impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event(_) => "event",
            Self::Decision(_) => "decision",
        })
    }
}

/// The source of a dated event's code.
enum Code {
    /// A fixed code.
    Fixed(&'static str),
    /// The code in another field.
    FromField(&'static str),
    /// The outcome of a decision in another field.
    Outcome(&'static str),
    /// A code by the type of detention; filtration has codes of its own.
    Detention { filtration: &'static str, other: &'static str },
}

/// The fields that date events, with the source of the event's code.
const DATED: [(&str, Code); 21] = [
    ("service_record.enlisted", Code::Fixed("service.enlisted")),
    ("service_record.deployed", Code::Fixed("service.deployed")),
    ("capture_episode.date", Code::Fixed("capture")),
    ("captivity_episode.family_notified_on", Code::Fixed("family.notified")),
    ("captivity_statement.date", Code::Fixed("captivity.statement")),
    ("transfer_episode.date", Code::Fixed("exchange.done")),
    ("detention_episode.from", Code::Detention { filtration: "filtration.start", other: "detention.start" }),
    ("detention_episode.to", Code::Detention { filtration: "filtration.end", other: "detention.end" }),
    ("interrogation.date", Code::Fixed("interrogation")),
    ("procedural_event.date", Code::FromField("procedural_event.type")),
    ("preventive_measure.from", Code::Fixed("measure.set")),
    ("decision.date", Code::Outcome("decision.outcome")),
    ("benefit_loss.from", Code::Fixed("benefit.loss")),
    ("health_record.since", Code::Fixed("health.event")),
    ("stigma_event.date", Code::Fixed("stigma")),
    ("family_appeal.date", Code::Fixed("family.appeal")),
    ("international_action.date", Code::FromField("international_action.type")),
    ("consent_record.withdrawn_on", Code::Fixed("consent.withdrawn")),
    ("docket_event.date", Code::FromField("docket_event.type")),
    ("docket_decision.date", Code::Outcome("docket_decision.outcome")),
    ("docket_statement.date", Code::Fixed("publicity")),
];

/// All events of a section, by date; undated ones last.
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

/// The events of one dated field: none, one, or one for each code claimed.
fn happened(view: &View, entity: EntityId, field: &str, code: &Code) -> Vec<Event> {
    let (kind, _) = field.split_once('.').expect("field names have two parts");
    let values = |field: &str| view.cell(&entity, field).map(super::view::Cell::values).unwrap_or_default();
    let texts = |field: &str| values(field).into_iter().filter_map(Value::as_text).collect::<Vec<_>>();
    let dates: BTreeSet<Date> = texts(field).into_iter().filter_map(|text| text.parse().ok()).collect();
    let event = |code: &str| What::Event(code.to_owned());
    // Without a date only a record with a code of its own implies an event.
    let what: Vec<What> = match code {
        Code::FromField(field) => texts(field).into_iter().map(event).collect(),
        Code::Outcome(field) => texts(field).into_iter().map(|code| What::Decision(code.to_owned())).collect(),
        _ if dates.is_empty() => Vec::new(),
        Code::Fixed(code) => vec![event(code)],
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
