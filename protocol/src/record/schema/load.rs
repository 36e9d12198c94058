//! Loading the embedded tables; a table that is incomplete or contradicts another is refused.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Commons, Entity, Field, Kind, Labels, Level, Order, Policy, Rules, Schema, Term, Vocabulary, region};

const HEADER: &str = "entity\tfield\ttype\tvocab\tcard\tlevel\tcommons\tpolicy\torder\tderived_from\ten\tru\tuk";
/// Parents whose children need no parent field: the roots of a section.
const ROOTS: [&str; 2] = ["case_file", "docket"];

/// Errors of loading the tables.
#[derive(Debug, Error)]
pub(super) enum LoadError {
    #[error("row «{row}»: {rule}")]
    Row { row: String, rule: &'static str },
    #[error("{name}: {rule}")]
    Name { name: String, rule: &'static str },
    #[error("{table}")]
    Json { table: &'static str, source: serde_json::Error },
}

/// Loads the schema from the tables compiled into this program.
pub(super) fn embedded() -> Result<Schema, LoadError> {
    load(include_str!("data/schema.tsv"), include_str!("data/vocab.json"), include_str!("data/rules.json"))
}

fn load(tsv: &str, vocabularies: &str, rules: &str) -> Result<Schema, LoadError> {
    let vocabularies: Vec<super::vocabulary::VocabularyRow> =
        serde_json::from_str(vocabularies).map_err(|source| LoadError::Json { table: "vocab.json", source })?;
    let vocabularies = vocabularies.into_iter().map(Vocabulary::from).map(|list| (list.id.clone(), list)).collect();
    let rules: Rules = serde_json::from_str(rules).map_err(|source| LoadError::Json { table: "rules.json", source })?;
    let regions = region::table(include_str!("data/regions.tsv"));
    let (entities, mut fields) = rows(tsv)?;
    add_parents(&entities, &mut fields);
    let by_name: BTreeMap<_, _> = fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
    if by_name.len() != fields.len() {
        return Err(LoadError::Name { name: "schema.tsv".into(), rule: "a field is listed twice" });
    }
    let tokens = tokens(&rules)?;
    let schema = Schema { entities, fields, by_name, vocabularies, regions, rules, tokens };
    schema.fields.iter().try_for_each(|field| agree(&schema, field))?;
    rules_agree(&schema)?;
    Ok(schema)
}

fn rows(tsv: &str) -> Result<(Vec<Entity>, Vec<Field>), LoadError> {
    let mut lines = tsv.lines();
    if lines.next() != Some(HEADER) {
        return Err(LoadError::Name { name: "schema.tsv".into(), rule: "the header is another one" });
    }
    let (mut entities, mut fields) = (Vec::<Entity>::new(), Vec::new());
    for line in lines {
        let wrong = |rule| LoadError::Row { row: line.to_owned(), rule };
        let cells: [&str; 13] =
            line.split('\t').collect::<Vec<_>>().try_into().map_err(|_| wrong("thirteen columns"))?;
        let [entity, name, kind, vocabulary, card, level, commons, policy, order, derived, en, ru, uk] = cells;
        let labels = [en, ru, uk];
        if labels.iter().any(|label| label.trim().is_empty() || *label == "-") {
            return Err(wrong("a label is missing"));
        }
        let labels = Labels { en: en.into(), ru: ru.into(), uk: uk.into() };
        let (required, many) = match card {
            "1" => (true, false),
            "0..1" => (false, false),
            "0..n" => (false, true),
            _ => return Err(wrong("cardinality is 1, 0..1 or 0..n")),
        };
        if name == "-" {
            let parent = (kind != "-").then(|| kind.to_owned());
            if parent.as_ref().is_some_and(|parent| !entities.iter().any(|entity| entity.name == *parent)) {
                return Err(wrong("the parent comes later or not at all"));
            }
            entities.push(Entity { name: entity.into(), parent, many, labels });
            continue;
        }
        if entities.last().is_none_or(|last| last.name != entity) {
            return Err(wrong("a field stands under its entity"));
        }
        fields.push(Field {
            name: format!("{entity}.{name}"),
            entity: entity.into(),
            kind: Kind::of_word(kind).ok_or_else(|| wrong("unknown type"))?,
            vocabulary: (vocabulary != "-").then(|| vocabulary.to_owned()),
            many,
            required,
            level: Level::of_word(level).ok_or_else(|| wrong("level is local or sealed"))?,
            commons: Commons::of_word(commons).ok_or_else(|| wrong("commons is none, year, group:… or exact"))?,
            policy: Policy::of_word(policy).ok_or_else(|| wrong("unknown policy"))?,
            order: Order::of_word(order).ok_or_else(|| wrong("unknown order"))?,
            derived_from: derived.split(',').filter(|input| *input != "-").map(str::to_owned).collect(),
            labels,
        });
    }
    Ok((entities, fields))
}

/// Adds the implied field `<entity>.parent` to each entity whose parent is not the root of the section. The field is
/// local if the entity has no shared fields: a shared parent would reveal that the entity exists.
fn add_parents(entities: &[Entity], fields: &mut Vec<Field>) {
    for entity in entities {
        let Some(parent) = entity.parent.as_deref().filter(|parent| !ROOTS.contains(parent)) else { continue };
        let own = || fields.iter().filter(|field| field.entity == entity.name);
        let level = if own().any(|field| field.level == Level::Sealed) { Level::Sealed } else { Level::Local };
        let public = own().any(|field| field.commons == Commons::Exact);
        let first = fields.iter().position(|field| field.entity == entity.name).unwrap_or(fields.len());
        let parent_field = Field {
            name: format!("{}.parent", entity.name),
            entity: entity.name.clone(),
            kind: Kind::Ref(parent.to_owned()),
            vocabulary: None,
            many: false,
            required: true,
            level,
            commons: if public { Commons::Exact } else { Commons::None },
            policy: Policy::Imm,
            order: Order::None,
            derived_from: Vec::new(),
            labels: Labels {
                en: "Belongs to".into(), ru: "Относится к".into(), uk: "Належить до".into()
            },
        };
        fields.insert(first, parent_field);
    }
}

/// Converts the closed lists of identifier fields to vocabularies.
fn tokens(rules: &Rules) -> Result<BTreeMap<String, Vocabulary>, LoadError> {
    let term = |token: &String| match rules.token_labels.get(token) {
        Some(labels) => Ok(Term { code: token.clone(), labels: labels.clone(), note: String::new() }),
        None => Err(LoadError::Name { name: token.clone(), rule: "every token has labels" }),
    };
    let list = |(field, tokens): (&String, &Vec<String>)| {
        let terms = tokens.iter().map(term).collect::<Result<_, _>>()?;
        Ok((field.clone(), Vocabulary { id: field.clone(), title: String::new(), terms }))
    };
    rules.tokens.iter().map(list).collect()
}

/// Checks one field against the other tables.
fn agree(schema: &Schema, field: &Field) -> Result<(), LoadError> {
    let rule = |holds, rule| if holds { Ok(()) } else { Err(LoadError::Name { name: field.name.clone(), rule }) };
    let vocabulary = field.vocabulary.as_deref().map(|id| schema.vocabulary(id));
    rule((field.kind == Kind::Code) == vocabulary.is_some(), "a code has a vocabulary, nothing else has")?;
    rule(vocabulary != Some(None), "the vocabulary exists")?;
    if let Kind::Ref(entity) = &field.kind {
        rule(schema.entity(entity).is_some(), "the entity referred to exists")?;
    }
    rule(field.commons == Commons::None || field.level == Level::Sealed, "what the commons may hold is not local")?;
    if let Commons::Group(map) = &field.commons {
        let map = schema.rules.commons_maps.get(map);
        rule(map.is_some(), "the map of groups exists")?;
        let covers =
            |list: &Vocabulary| list.terms.iter().all(|term| map.is_some_and(|map| map.contains_key(&term.code)));
        rule(vocabulary.flatten().is_some_and(covers), "the map of groups covers the vocabulary")?;
    }
    rule((field.policy == Policy::Strict) == (field.order != Order::None), "strict fields have an order, others none")?;
    rule((field.policy == Policy::Drv) != field.derived_from.is_empty(), "computed fields name their inputs")?;
    for input in &field.derived_from {
        let input = schema.field(input);
        rule(input.is_some(), "each input exists")?;
        rule(input.is_some_and(|input| input.level <= field.level), "no input is more sensitive than the result")?;
        let public = |field: &Field| field.commons == Commons::Exact;
        rule(input.is_some_and(|input| !public(field) || public(input)), "the commons may hold each input")?;
    }
    match &field.order {
        Order::None => Ok(()),
        Order::Union => rule(field.many, "a union needs several values"),
        Order::LatestEarliest => rule(field.kind == Kind::Date, "the earliest of dates"),
        Order::Ranked(values) => {
            let tokens = schema.rules.tokens.get(&field.name);
            let is_value = |value: &String| match field.kind {
                Kind::Bool => value == "true" || value == "false",
                Kind::Code => vocabulary.flatten().is_some_and(|list| list.term(value).is_some()),
                _ => tokens.is_some_and(|tokens| tokens.contains(value)),
            };
            rule(values.iter().all(is_value), "each ranked value is a value of the field")
        }
    }
}

/// Checks that everything the rules name exists.
fn rules_agree(schema: &Schema) -> Result<(), LoadError> {
    let rules: &Rules = &schema.rules;
    let known = |name: &String| match schema.field(name) {
        Some(field) => Ok(field),
        None => Err(LoadError::Name { name: name.clone(), rule: "the rules name a field that does not exist" }),
    };
    let rule = |holds, name: &str, rule| {
        if holds { Ok(()) } else { Err(LoadError::Name { name: name.to_owned(), rule }) }
    };
    let has_code = |field: &Field, code: &String| {
        let list = field.vocabulary.as_deref().and_then(|id| schema.vocabulary(id));
        let tokens = rules.tokens.get(&field.name);
        list.is_some_and(|list| list.term(code).is_some()) || tokens.is_some_and(|tokens| tokens.contains(code))
    };
    for name in rules.tokens.keys().chain(rules.formats.values().flatten()) {
        rule(known(name)?.kind == Kind::Identifier, name, "tokens and formats are of identifiers")?;
    }
    for name in &rules.may_lie_ahead {
        rule(known(name)?.kind == Kind::Date, name, "only dates lie ahead")?;
    }
    for (name, codes) in &rules.commons_codes {
        let field = known(name)?;
        rule(codes.iter().all(|code| has_code(field, code)), name, "commons_codes: unknown code")?;
    }
    for local in &rules.term_locals {
        let field = known(&local.field)?;
        rule(local.codes.iter().all(|code| has_code(field, code)), &field.name, "term_locals: unknown code")?;
        if let Some(twin) = &local.twin {
            let twin = known(twin)?;
            let alike = twin.level == Level::Local && twin.vocabulary == field.vocabulary && twin.many == field.many;
            rule(alike, &twin.name, "a twin is the same field, local")?;
        }
    }
    let purposes = schema.vocabulary("consent_purpose");
    for (level, granted) in &rules.consent_presets {
        let exist = granted.iter().all(|code| purposes.is_some_and(|list| list.term(code).is_some()));
        rule(exist, level, "a preset grants purposes of the vocabulary")?;
    }
    for cap in &rules.caps {
        for condition in &cap.any {
            let field = known(&condition.field)?;
            let fits = match &condition.test {
                super::Test::Is(_) => field.kind == Kind::Bool,
                super::Test::Has(code) => has_code(field, code),
                super::Test::In(codes) => codes.iter().all(|code| has_code(field, code)),
            };
            rule(fits, &cap.name, "a condition asks for a value of its field")?;
        }
        cap.fields.iter().try_for_each(|name| known(name).map(drop))?;
        rule(cap.entities.iter().all(|name| schema.entity(name).is_some()), &cap.name, "each capped entity exists")?;
        rule(!(cap.entities.is_empty() && cap.fields.is_empty()), &cap.name, "a cap covers something")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TSV: &str = include_str!("data/schema.tsv");
    const VOCAB: &str = include_str!("data/vocab.json");
    const RULES: &str = include_str!("data/rules.json");

    /// Loads the table with `from` replaced once by `to`, and checks the error.
    fn check(from: &str, to: &str, expected: &str) {
        assert!(TSV.contains(from), "{from}");
        let error = load(&TSV.replacen(from, to, 1), VOCAB, RULES).map(drop).expect_err("must be refused").to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
    }

    #[test]
    fn the_embedded_tables_are_complete() {
        let schema = load(TSV, VOCAB, RULES).expect("the tables agree");
        assert_eq!(schema.entities.len(), 54);
        assert_eq!(schema.fields.iter().filter(|field| !field.name.ends_with(".parent")).count(), 648);
        assert_eq!(schema.vocabularies.len(), 55);
        assert_eq!(schema.vocabularies.values().map(|list| list.terms.len()).sum::<usize>(), 712);
        assert_eq!(schema.rules.caps.len(), 11);
    }

    #[test]
    fn a_field_without_level_commons_rule_policy_or_label_is_refused() {
        let row = "capture_episode\tdate\tdate\t-\t0..1\tsealed\tnone\tmvr\t-\t-\tDate of capture\tДата пленения";
        let without = |column: usize| {
            let mut cells: Vec<_> = row.split('\t').collect();
            cells[column] = "-";
            cells.join("\t")
        };
        check(row, &without(5), "level is local or sealed");
        check(row, &without(6), "commons is none");
        check(row, &without(7), "unknown policy");
        check(row, &without(10), "a label is missing");
        check(row, &without(11), "a label is missing");
        check(row, &row[..row.rfind('\t').expect("columns")], "thirteen columns");
    }

    #[test]
    fn every_field_has_level_policy_commons_rule_and_three_labels() {
        // The types exclude an unstated rule; this counts what a type cannot express.
        let schema = load(TSV, VOCAB, RULES).expect("the tables agree");
        let unlabelled = |labels: &Labels| labels.all().any(|label| label.trim().is_empty());
        assert_eq!(schema.fields.iter().filter(|field| unlabelled(&field.labels)).count(), 0);
        assert_eq!(schema.entities.iter().filter(|entity| unlabelled(&entity.labels)).count(), 0);
        let terms = || schema.vocabularies.values().flat_map(|list| &list.terms);
        assert_eq!(terms().filter(|term| unlabelled(&term.labels)).count(), 0);
        assert!(terms().all(|term| term.code.len() <= 40 && term.code.is_ascii()));
    }

    #[test]
    fn tables_that_contradict_each_other_are_refused() {
        check("\tcapture_circumstance\t0..n\tsealed", "\tno_such_list\t0..n\tsealed", "the vocabulary exists");
        check("ref:capture_episode", "ref:no_such_thing", "the entity referred to exists");
        check("sealed\tyear\tmvr", "local\tyear\tmvr", "what the commons may hold is not local");
        check("strict\tlow,normal,high,24h", "strict\t-", "strict fields have an order");
        check("strict\tlow,normal,high,24h", "strict\tlow,mild", "each ranked value");
        check("drv\t-\tcase_file.case_id", "drv\t-\t-", "computed fields name their inputs");
        check(
            "person\tbirth\tdate\t-\t0..1\tsealed",
            "person\tbirth\tdate\t-\t0..1\tlocal",
            "no input is more sensitive",
        );
        check("person_name\t-\tperson", "person_name\t-\tnobody", "the parent comes later");
    }

    #[test]
    fn rules_that_name_nothing_are_refused() {
        for (from, to) in [
            ("\"proceeding.nda\"", "\"proceeding.ndaa\""),
            ("\"has\": \"nda\"", "\"has\": \"ndaa\""),
            ("\"drone_guided\"", "\"drone\""),
            ("circumstances_local", "circumstances_locale"),
            ("\"task.due_on\"", "\"task.title\""),
            ("\"widowed\": {", "\"widow\": {"),
        ] {
            assert!(RULES.contains(from), "{from}");
            assert!(load(TSV, VOCAB, &RULES.replacen(from, to, 1)).is_err(), "{from}");
        }
    }

    #[test]
    fn each_child_of_another_entity_has_a_parent() {
        let schema = load(TSV, VOCAB, RULES).expect("the tables agree");
        let parents = schema.fields.iter().filter(|field| field.name.ends_with(".parent"));
        let parents: Vec<_> = parents.map(|field| (&*field.entity, field.level, &field.commons)).collect();
        assert_eq!(parents.len(), 15);
        assert!(parents.contains(&("charge", Level::Sealed, &Commons::None)));
        assert!(parents.contains(&("docket_penalty", Level::Sealed, &Commons::Exact)));
        assert!(
            parents.contains(&("identity_document", Level::Local, &Commons::None)),
            "it would tell that one exists"
        );
    }
}
