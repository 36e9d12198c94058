//! `habeas help fields`: the fields that can be stated, from the schema: label, name to type, possible values, and how
//! far they may be shared.

use std::collections::BTreeSet;

use habeas_texts::language;
use protocol::record::schema::{Commons, Entity, Field, Kind, Level, Policy, Schema};
use serde::Serialize;

use crate::{
    error::{Failure, codes},
    texts,
};

/// The topic of `habeas help` that lists fields.
pub(super) const TOPIC: &str = "fields";

/// The fields that a person asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// All parts of records.
    Parts(Vec<Part>),
    /// One part, or one field of it.
    Part(Part),
}

/// A part of a record, with what can be stated of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    /// The record part's name: the text before the full stop in a field's name.
    pub(crate) record: String,
    /// The label of the part.
    pub(crate) label: String,
    /// The kind of record that the part belongs to.
    pub(crate) of: Root,
    /// The fields of the part that can be stated.
    pub(crate) fields: Vec<Explained>,
}

/// The root of a part: the kind of record that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Root {
    /// Case files.
    Case,
    /// Dockets.
    Docket,
}

/// A field, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Explained {
    /// The field's name, as it is typed.
    pub(crate) field: String,
    /// The label of the field.
    pub(crate) label: String,
    /// The form of the value: the word of the schema.
    pub(crate) form: String,
    /// The form of the value, in words.
    pub(crate) value: String,
    /// Whether the field can have many values.
    pub(crate) many: bool,
    /// The readers that the field may go to.
    pub(crate) goes: Goes,
    /// The codes that the field accepts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) codes: Vec<Code>,
}

/// The readers that a field may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goes {
    /// The field stays in the organisation.
    Nowhere,
    /// The field is shared with the organisations that a case file is shared with.
    Shared,
    /// The field is shared like [`Self::Shared`], and its year with everyone.
    SharedAndYear,
    /// The field is shared like [`Self::Shared`], and its group with everyone.
    SharedAndGroup,
    /// The field is public: every member reads it.
    Public,
}

/// A code with its label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) label: String,
}

/// Reads what the words after `habeas help fields` ask about.
pub(super) fn about(words: &[String]) -> Result<Fields, Failure> {
    let named = words.join(" ");
    let schema = Schema::current();
    if named.is_empty() {
        return Ok(Fields::Parts(schema.entities().map(part).filter(|part| !part.fields.is_empty()).collect()));
    }
    if let Some(field) = schema.field(&named).filter(|field| can_be_stated(field)) {
        let entity = schema.entity(&field.entity).expect("a field belongs to an entity");
        return Ok(Fields::Part(Part { fields: vec![explained(field)], ..part(entity) }));
    }
    let alike = |text: &str| text.to_lowercase() == named.to_lowercase();
    let found = schema.entities().find(|entity| alike(&entity.name) || entity.labels.all().any(alike));
    match found.map(part).filter(|part| !part.fields.is_empty()) {
        Some(part) => Ok(Fields::Part(part)),
        None => Err(Failure::new(codes::NO_TOPIC, unknown(&named)).try_next(texts::fields::next_list_fields())),
    }
}

fn unknown(named: &str) -> String {
    let schema = Schema::current();
    let entities = schema.entities().map(|entity| &*entity.name);
    let fields = schema.fields().map(|field| &*field.name);
    let topic = format!("{TOPIC} {named}");
    match super::nearest_of(named, entities.chain(fields)) {
        Some(nearest) => texts::no_topic_but(&topic, &format!("{TOPIC} {nearest}")),
        None => texts::no_topic(&topic),
    }
}

fn part(entity: &Entity) -> Part {
    let fields = Schema::current().fields().filter(|field| field.entity == entity.name && can_be_stated(field));
    let (belongs, own): (Vec<_>, Vec<_>) = fields.map(explained).partition(|field| field.field.ends_with(".parent"));
    Part {
        record: entity.name.clone(),
        label: entity.labels.in_language(language::current()).to_owned(),
        of: root(&entity.name),
        // The fields that name the parent come last: the parent is nearly always known without them.
        fields: own.into_iter().chain(belongs).collect(),
    }
}

/// Whether a person can state the field: a computed or attached field cannot be stated, nor one of a docket that may
/// not be public.
fn can_be_stated(field: &Field) -> bool {
    let may_be_there = root(&field.entity) == Root::Case || field.commons != Commons::None;
    field.policy != Policy::Drv && field.kind != Kind::File && may_be_there
}

fn root(entity: &str) -> Root {
    if entity == "docket" || entity.starts_with("docket_") { Root::Docket } else { Root::Case }
}

fn explained(field: &Field) -> Explained {
    let schema = Schema::current();
    let code = |term: &protocol::record::schema::Term| Code {
        code: term.code.clone(),
        label: term.labels.in_language(language::current()).to_owned(),
    };
    // In a docket some fields accept only the codes of public proceedings.
    let public = schema.rules().commons_codes.get(&field.name).filter(|_| root(&field.entity) == Root::Docket);
    let may_stand = |term: &&protocol::record::schema::Term| {
        public.is_none_or(|codes: &BTreeSet<String>| codes.contains(&term.code))
    };
    let codes: Option<Vec<_>> =
        schema.codes_of(field).map(|codes| codes.terms.iter().filter(may_stand).map(code).collect());
    let value = match codes {
        Some(_) => texts::fields::form_code(),
        None => texts::fields::value(field, schema.rules().format(&field.name)),
    };
    let value = if schema.is_of_the_past(field) { texts::fields::of_the_past(&value) } else { value };
    Explained {
        field: field.name.clone(),
        label: field.labels.in_language(language::current()).to_owned(),
        form: field.kind.word().to_owned(),
        value,
        many: field.many,
        goes: goes(field),
        codes: codes.unwrap_or_default(),
    }
}

fn goes(field: &Field) -> Goes {
    match (&field.commons, field.level) {
        (_, Level::Local) => Goes::Nowhere,
        (Commons::Exact, _) if root(&field.entity) == Root::Docket => Goes::Public,
        (Commons::Year, _) => Goes::SharedAndYear,
        (Commons::Group(_), _) => Goes::SharedAndGroup,
        (Commons::Exact, _) => Goes::Public,
        (Commons::None, _) => Goes::Shared,
    }
}

#[cfg(test)]
mod tests {
    use protocol::record::schema::{Language, Place, Value};

    use super::*;

    fn all() -> Vec<Part> {
        match about(&[]) {
            Ok(Fields::Parts(parts)) => parts,
            other => panic!("{other:?}"),
        }
    }

    fn one(named: &str) -> Part {
        match about(&[named.to_owned()]) {
            Ok(Fields::Part(part)) => part,
            other => panic!("{named}: {other:?}"),
        }
    }

    #[test]
    fn every_field_that_can_be_stated_is_listed_once_and_no_other() {
        let listed: Vec<_> = all().into_iter().flat_map(|part| part.fields).map(|field| field.field).collect();
        let once: BTreeSet<_> = listed.iter().cloned().collect();
        assert_eq!(listed.len(), once.len());
        for field in Schema::current().fields() {
            let computed = field.policy == Policy::Drv || field.kind == Kind::File;
            let docket_only_at_home = field.entity.starts_with("docket") && field.commons == Commons::None;
            assert_eq!(once.contains(&field.name), !computed && !docket_only_at_home, "{}", field.name);
        }
    }

    #[test]
    fn each_code_that_is_listed_is_taken_by_its_field() {
        let schema = Schema::current();
        for field in all().into_iter().flat_map(|part| part.fields) {
            for Code { code, label } in &field.codes {
                assert_eq!(schema.parse(&field.field, code).ok(), Some(Value::Text(code.clone())), "{}", field.field);
                assert!(!label.is_empty());
                let known = schema.field(&field.field).expect("it is listed");
                let public = schema.may_go(known, &Value::Text(code.clone()), Place::Commons).is_ok();
                assert!(field.goes != Goes::Public || public, "{} {code}", field.field);
            }
            let coded = schema.field(&field.field).is_some_and(|known| known.kind == Kind::Code);
            assert!(!coded || !field.codes.is_empty(), "{}", field.field);
        }
    }

    #[test]
    fn how_far_a_field_may_go_is_what_the_schema_allows() {
        let check = |field: &str, expected| assert_eq!(one(field).fields[0].goes, expected, "{field}");
        check("contact.phone", Goes::Nowhere);
        check("capture_episode.date", Goes::Shared);
        check("case_file.year_of_return", Goes::SharedAndYear);
        check("case_file.category_group", Goes::SharedAndGroup);
        check("docket_charge.code", Goes::Public);
    }

    #[test]
    fn a_part_is_named_by_its_name_or_by_what_it_is_called_in_any_language() {
        for (language, named) in [
            (Language::En, "capture_episode"),
            (Language::Ru, "Пленение"),
            (Language::Uk, "capture"),
            (Language::En, "полонення"),
        ] {
            language::set(language);
            assert_eq!(one(named).record, "capture_episode", "{named}");
        }
        let failure = about(&["capture_epsode".to_owned()]).expect_err("there is no such part");
        assert!(
            failure.is(codes::NO_TOPIC) && failure.problem.message.contains("fields capture_episode"),
            "{failure:?}"
        );
    }
}
