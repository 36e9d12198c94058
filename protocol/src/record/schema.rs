//! The schema of records as data: entities, fields, vocabularies and rules, read once from `schema/data/`.
//!
//! The tables define the schema: to add a field, add a row. Reading is lenient, writing is strict: an unknown field or
//! code in others' entries belongs to a newer schema and is shown raw; [`Schema::check`] applies to this node's own
//! writing.
//! * Every field states its level, its policy, its commons rule and three labels; a table that does not is not loaded.
//! * Only `level.rs` decides which circles a value may be written to.

mod check;
mod field;
mod form;
mod level;
mod load;
mod region;
mod rules;
mod value;
mod vocabulary;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use check::{Canonical, ValueError};
pub use field::{Commons, Entity, Field, Kind, Level, Order, Policy};
pub use level::{LevelError, Place};
pub use rules::{Audience, Cap, CapLevel, Condition, Format, Rules, TermLocal, Test};
pub use value::Value;
pub(crate) use vocabulary::nearest;
pub use vocabulary::{Labels, Language, Term, Vocabulary};

/// The schema: all entities, fields, vocabularies and rules.
#[derive(Clone, Debug)]
pub struct Schema {
    entities: Vec<Entity>,
    /// Fields in the order of the table, each entity's fields together.
    fields: Vec<Field>,
    by_name: BTreeMap<String, usize>,
    vocabularies: BTreeMap<String, Vocabulary>,
    regions: Vocabulary,
    rules: Rules,
    /// The closed lists of identifier fields, by field.
    tokens: BTreeMap<String, Vocabulary>,
}

impl Schema {
    /// Version of the schema, written into each body.
    pub const VERSION: u64 = 1;

    /// The schema of this program.
    ///
    /// # Panics
    /// If the embedded tables contradict each other: our bug, and the message names the row.
    #[must_use]
    pub fn current() -> &'static Self {
        static CURRENT: LazyLock<Schema> =
            LazyLock::new(|| load::embedded().unwrap_or_else(|error| panic!("embedded schema: {error}")));
        &CURRENT
    }

    /// The field named `entity.field`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|&at| &self.fields[at])
    }

    /// All fields in display order; each entity's fields together.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// The entity named `name`.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// All entities in display order.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.iter()
    }

    /// The vocabulary with this id.
    #[must_use]
    pub fn vocabulary(&self, id: &str) -> Option<&Vocabulary> {
        self.vocabularies.get(id)
    }

    /// All vocabularies, by id.
    pub fn vocabularies(&self) -> impl Iterator<Item = &Vocabulary> {
        self.vocabularies.values()
    }

    /// The regions known by name.
    #[must_use]
    pub fn regions(&self) -> &Vocabulary {
        &self.regions
    }

    /// Tokens, formats, maps, caps and presets.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The codes that a field takes, each with its labels: those of its vocabulary or closed list; none if it takes
    /// other values.
    #[must_use]
    pub fn codes_of(&self, field: &Field) -> Option<&Vocabulary> {
        self.tokens_of(field).or_else(|| self.vocabulary(field.vocabulary.as_deref()?))
    }

    /// The closed list of an identifier field.
    fn tokens_of(&self, field: &Field) -> Option<&Vocabulary> {
        self.tokens.get(&field.name)
    }

    /// Whether a date of `field` may not be later than today, since it dates a past event.
    #[must_use]
    pub fn is_of_the_past(&self, field: &Field) -> bool {
        field.kind == Kind::Date && field.policy != Policy::Drv && !self.rules.may_lie_ahead.contains(&field.name)
    }

    /// The text that a reader sees for a code or region: its label, or the text itself.
    #[must_use]
    pub fn label<'a>(&'a self, field: &str, text: &'a str, language: Language) -> &'a str {
        let Some(field) = self.field(field) else { return text };
        match field.kind {
            Kind::Region => self.regions.label(text, language),
            _ => self.codes_of(field).map_or(text, |codes| codes.label(text, language)),
        }
    }

    /// The field name most similar to a mistyped one.
    #[must_use]
    pub fn nearest_field(&self, name: &str) -> Option<&str> {
        nearest(name, self.fields.iter().map(|field| (&*field.name, &*field.name)))
    }
}
