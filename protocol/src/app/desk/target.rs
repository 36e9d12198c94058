//! Targets: which entity of its kind a fact is about, when a record may have several.
//!
//! ```text
//! charge.code=338.3       the only charge, if that overwrites nothing of this organisation; else the author is asked
//! +charge.code=352.1      another charge; the facts of charges that follow in the same command belong to it
//! charge#2.code=352.1     the second charge, as the record is shown
//! ```
//!
//! A field that is repeated in one command begins another entity. Nothing is guessed, since a second charge in the place
//! of the first one is a false record.

use std::collections::{BTreeMap, BTreeSet};

use super::{Stand, entities_of};
use crate::{
    app::control::{Problem, codes},
    bytes::{ids::EntityId, seal::Entropy},
    record::{
        schema::{Field, Policy, Schema, Value},
        section::{
            root::root_of,
            view::{Claim, View},
        },
    },
};

/// Largest number by which an entity is named.
const NUMBER_MAX: usize = 9_999;
/// Number of values that are listed for each entity of which an author has to choose one.
const LISTED: usize = 4;

/// The entity that a fact means, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Entity that the command is about, or the only one of its kind.
    Meant,
    /// New entity of the kind.
    Another,
    /// Entity with this number, from 1, as the record is shown.
    Numbered(usize),
}

/// Splits `+charge.code`, `charge#2.code` or `charge.code` into what is meant and the field. A text of another form is
/// returned whole, as a field that does not exist.
#[must_use]
pub fn split(text: &str) -> (Which, String) {
    if let Some(field) = text.strip_prefix('+') {
        return (Which::Another, field.to_owned());
    }
    let numbered = text.split_once('.').and_then(|(entity, field)| {
        let (kind, number) = entity.split_once('#')?;
        let number = number.parse().ok().filter(|number| (1..=NUMBER_MAX).contains(number))?;
        Some((Which::Numbered(number), format!("{kind}.{field}")))
    });
    numbered.unwrap_or_else(|| (Which::Meant, text.to_owned()))
}

/// The entities that the facts of one command are about.
pub(super) struct Targets<'a> {
    stand: Stand<'a>,
    /// The entity of each kind that the command began or named last.
    current: BTreeMap<String, EntityId>,
    /// Entities that the command began, the last one of each kind.
    pub(super) fresh: BTreeMap<String, EntityId>,
    /// Entities that the command began, in order, with their kinds.
    pub(super) begun: Vec<(String, EntityId)>,
    stated: BTreeSet<(EntityId, String)>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(stand: Stand<'a>) -> Self {
        Self { stand, current: BTreeMap::new(), fresh: BTreeMap::new(), begun: Vec::new(), stated: BTreeSet::new() }
    }

    /// The entity that a fact is about, which is begun if there is none.
    pub(super) fn of(
        &mut self,
        which: Which,
        field: &Field,
        value: &Value,
        entropy: &mut Entropy,
    ) -> Result<EntityId, Problem> {
        let (kind, there) = (field.entity.as_str(), self.there(&field.entity));
        let entity = match which {
            _ if kind == self.stand.kind.root_entity() => root_of(self.stand.section),
            Which::Another => self.begin(kind, entropy),
            Which::Numbered(number) => match there.get(number - 1) {
                Some(entity) => *entity,
                None => return Err(self.several(kind, &there)),
            },
            Which::Meant => match (self.current.get(kind), there.as_slice()) {
                (Some(current), _) if !self.stated.contains(&(*current, field.name.clone())) => *current,
                (Some(_), _) if is_plural(kind) => self.begin(kind, entropy),
                (Some(current), _) => *current,
                (None, []) => self.begin(kind, entropy),
                (None, [only]) if is_plural(kind) && self.overwrites(only, field, value) => {
                    return Err(self.another(field, &there));
                }
                (None, [only]) => *only,
                (None, several) => return Err(self.several(kind, several)),
            },
        };
        self.stated(kind, entity, &field.name);
        Ok(entity)
    }

    /// Notes the entity that a fact is about.
    pub(super) fn stated(&mut self, kind: &str, entity: EntityId, field: &str) {
        self.current.insert(kind.to_owned(), entity);
        self.stated.insert((entity, field.to_owned()));
    }

    /// Begins an entity.
    pub(super) fn begin(&mut self, kind: &str, entropy: &mut Entropy) -> EntityId {
        let entity = EntityId(entropy.bytes());
        self.fresh.insert(kind.to_owned(), entity);
        self.begun.push((kind.to_owned(), entity));
        entity
    }

    fn there(&self, kind: &str) -> Vec<EntityId> {
        self.stand.view.map(|view| entities_of(view, kind)).unwrap_or_default()
    }

    /// Whether stating the value would take the place of another value of this organisation.
    fn overwrites(&self, entity: &EntityId, field: &Field, value: &Value) -> bool {
        let cell = self.stand.view.and_then(|view| view.cell(entity, &field.name));
        let own = |claim: &&Claim| claim.org == *self.stand.us && claim.reported_by.is_none();
        let takes_the_place = matches!(field.policy, Policy::Mvr | Policy::Org | Policy::Imm);
        takes_the_place && cell.is_some_and(|cell| cell.claims.iter().filter(own).any(|claim| claim.value != *value))
    }

    /// The problem that a value may be a correction or belong to another entity.
    fn another(&self, field: &Field, there: &[EntityId]) -> Problem {
        let message = format!("{} has another value here: is this a correction, or one more?", field.name);
        let problem = Problem::new(codes::WHICH, message).saying("another").with("field", &field.name);
        problem.with_details(self.listed(&field.entity, there))
    }

    /// The problem that several entities may be meant, or that none has the number.
    fn several(&self, kind: &str, there: &[EntityId]) -> Problem {
        let message = format!("there are {} of «{kind}» in this record", there.len());
        let problem = Problem::new(codes::WHICH, message).saying("entity").with("entity", kind);
        problem.with("count", there.len()).with_details(self.listed(kind, there))
    }

    /// The entities with some of their values, as they are named in a command.
    fn listed(&self, kind: &str, there: &[EntityId]) -> Vec<String> {
        let Some(view) = self.stand.view else { return vec![] };
        let each = there.iter().enumerate();
        each.map(|(at, entity)| format!("{kind}#{}  {}", at + 1, values(view, entity))).collect()
    }
}

/// Whether a record may have several entities of a kind.
fn is_plural(kind: &str) -> bool {
    Schema::current().entity(kind).is_some_and(|entity| entity.many)
}

/// Some values of an entity: `code=RU-CC-338.3, form=attempt`.
fn values(view: &View, entity: &EntityId) -> String {
    let Some(cells) = view.entities.get(entity) else { return String::new() };
    let shown = cells.iter().filter(|(field, _)| !field.ends_with(".parent")).filter_map(|(field, cell)| {
        let values: Vec<String> = cell.values().into_iter().map(text).collect();
        let name = field.split_once('.').map_or(field.as_str(), |(_, name)| name);
        (!values.is_empty()).then(|| format!("{name}={}", values.join(" ≠ ")))
    });
    shown.take(LISTED).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_text().map_or_else(|| serde_json::to_value(value).unwrap_or_default().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;
    use crate::{
        app::control::{Fact, RecordKind},
        bytes::ids::{OrgId, SectionId},
        record::{
            schema::Place,
            section::{
                assertion::Statement,
                sample::{says, view, view_of_one},
            },
        },
    };

    /// The statements of one command, as number of the entity in order of appearance and field with value; or the
    /// situation of the problem. `org`: who states them; organisation 1 made the view.
    fn stated(view: &View, org: u8, facts: &[&str]) -> Result<Vec<String>, Problem> {
        let fact = |text: &&str| {
            let (field, value) = text.split_once('=').expect("field and value");
            Fact { field: field.to_owned(), value: value.to_owned(), entity: None, source: None, grade: None }
        };
        let facts: Vec<Fact> = facts.iter().map(fact).collect();
        let us = OrgId([org; 32]);
        let (section, today) = (SectionId([1; 16]), civil::date(2026, 11, 30));
        let stand =
            Stand { kind: RecordKind::Case, section: &section, view: Some(view), place: Place::Own, today, us: &us };
        let statements = super::super::state(&facts, &stand, &mut Entropy::new([3; 32]))?;
        let mut known = Vec::new();
        let mut told = Vec::new();
        for statement in statements {
            let Statement::Assert(said) = statement else { panic!("a fact is asserted") };
            if said.field.ends_with(".parent") {
                continue;
            }
            let number = known.iter().position(|entity| *entity == said.entity).unwrap_or_else(|| {
                known.push(said.entity);
                known.len() - 1
            });
            let there = if view.entities.contains_key(&said.entity) { "old" } else { "new" };
            told.push(format!("{there}{number} {}={}", said.field, said.value.as_text().unwrap_or("?")));
        }
        Ok(told)
    }

    fn asked(view: &View, org: u8, facts: &[&str]) -> (String, Vec<String>) {
        let problem = stated(view, org, facts).expect_err("it is asked");
        assert_eq!(problem.code, codes::WHICH);
        (problem.situation.expect("it says what").about, problem.details)
    }

    fn one_charge() -> View {
        view_of_one(&[vec![says(5, "charge.code", "RU-CC-338.3")]])
    }

    fn two_charges() -> View {
        view_of_one(&[vec![
            says(5, "charge.code", "RU-CC-338.3"),
            says(6, "charge.code", "RU-CC-352.1"),
            says(6, "charge.form", "attempt"),
        ]])
    }

    #[test]
    fn what_is_typed_is_split_into_what_is_meant_and_the_field() {
        let check = |text: &str, which, field: &str| assert_eq!(split(text), (which, field.to_owned()), "{text}");
        check("charge.code", Which::Meant, "charge.code");
        check("+charge.code", Which::Another, "charge.code");
        check("charge#2.code", Which::Numbered(2), "charge.code");
        check("charge#9999.code", Which::Numbered(9999), "charge.code");
        // These name no field that exists, and the schema says so.
        for text in ["charge#0.code", "charge#10000.code", "charge#-1.code", "charge#.code", "charge#2", "#2.code"] {
            assert!(Schema::current().field(&split(text).1).is_none(), "{text}");
        }
    }

    /// A second charge was written over the first one, and the answer was "saved".
    #[test]
    fn a_second_charge_never_takes_the_place_of_the_first_unasked() {
        let (about, details) = asked(&one_charge(), 1, &["charge.code=352.1"]);
        assert_eq!((about.as_str(), details), ("another", vec!["charge#1  code=RU-CC-338.3".to_owned()]));
        let kept = |facts: &[&str]| stated(&one_charge(), 1, facts).expect("it is clear");
        assert_eq!(kept(&["charge#1.code=352.1"]), ["old0 charge.code=RU-CC-352.1"]);
        assert_eq!(kept(&["+charge.code=352.1"]), ["new0 charge.code=RU-CC-352.1"]);
        // The same value again, and a value that is not there yet, belong to the only charge.
        assert_eq!(kept(&["charge.code=338.3"]), ["old0 charge.code=RU-CC-338.3"]);
        assert_eq!(kept(&["charge.form=attempt"]), ["old0 charge.form=attempt"]);
        // The statement of another organisation is disputed, not overwritten.
        let others = stated(&one_charge(), 2, &["charge.code=352.1"]).expect("a dispute");
        assert_eq!(others, ["old0 charge.code=RU-CC-352.1"]);
    }

    #[test]
    fn a_field_that_is_repeated_in_one_command_begins_another() {
        let none = view(&[vec![]]);
        let new = |facts: &[&str]| stated(&none, 1, facts).expect("it is clear");
        assert_eq!(
            new(&["charge.code=338.3", "charge.code=352.1", "charge.form=attempt", "charge.code=337.5"]),
            [
                "new0 charge.code=RU-CC-338.3",
                "new1 charge.code=RU-CC-352.1",
                "new1 charge.form=attempt",
                "new2 charge.code=RU-CC-337.5"
            ]
        );
        assert_eq!(
            new(&["+stigma_event.date=2024-05", "+stigma_event.date=2024-06"]),
            ["new0 stigma_event.date=2024-05", "new1 stigma_event.date=2024-06"]
        );
        // Facts of another kind between them do not part what belongs together.
        assert_eq!(
            new(&["charge.code=338.3", "capture_episode.date=2023-06", "charge.form=attempt"]),
            ["new0 charge.code=RU-CC-338.3", "new1 capture_episode.date=2023-06", "new0 charge.form=attempt"]
        );
        let added = stated(&two_charges(), 1, &["+charge.code=337.5", "charge.form=attempt"]).expect("it is clear");
        assert_eq!(added, ["new0 charge.code=RU-CC-337.5", "new0 charge.form=attempt"]);
    }

    #[test]
    fn of_several_the_author_is_asked_with_what_tells_them_apart() {
        let (about, details) = asked(&two_charges(), 1, &["charge.form=preparation"]);
        assert_eq!(about, "entity");
        assert_eq!(details, ["charge#1  code=RU-CC-338.3", "charge#2  code=RU-CC-352.1, form=attempt"]);
        let second = stated(&two_charges(), 1, &["charge#2.form=preparation"]).expect("it is clear");
        assert_eq!(second, ["old0 charge.form=preparation"]);
        assert_eq!(asked(&two_charges(), 1, &["charge#3.form=preparation"]).1.len(), 2);
        // A person has one of each of these: the newest value counts.
        let person = view_of_one(&[vec![says(8, "person.region_home", "RU-PRI")]]);
        let moved = stated(&person, 1, &["person.region_home=RU-KHA"]).expect("no question");
        assert_eq!(moved, ["old0 person.region_home=RU-KHA"]);
    }
}
