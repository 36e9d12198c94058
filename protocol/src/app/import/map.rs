//! Map of the keys of the file to fields: `data/import_map.tsv`, read once into a tree of keys.
//!
//! ```text
//! path                       target                  how (separated by "; ")
//! $.cases[]                  entity NAME             chain FIELD      each supersedes the one before, by date
//!                                                    link FIELD       names the enclosing entity of the field's type
//!                                                    same FIELD       repeats the random id of the section
//! $.cases[].a.b[]            FIELD                   each ENTITY      each value is an entity of its own
//!                                                    with FIELD=VALUE also stated
//!                                                    position FIELD   from 1
//!                                                    former FIELD     court numbers in brackets
//!                                                    digit FIELD      «B2»: the letter here, the digit to FIELD
//!                                                    or FIELD         a code of FIELD's vocabulary goes to FIELD
//!                                                    when KEY=TEXT FIELD   goes to FIELD if the sibling KEY is TEXT
//!                                                    word TEXT=VALUE  the only text allowed, and its value
//!                                                    text TEXT: FIELD=VALUE also stated if the text is TEXT
//!                                                    by origin_org    reported by the organisation of origin
//!                                                    preset           expands to grants
//!                                                    label            the key also names its entity in the file
//!                            conflict FIELD          value KEY        the key of the value, if not "v"
//!                            label                   random FIELD     the section's field that takes a random id
//!                            ignored
//! ```

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::record::schema::{Field, Kind, Schema};

/// A key of the file, with the keys below it.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) target: Target,
    /// Whether the key holds a list.
    pub(super) list: bool,
    pub(super) how: How,
    pub(super) keys: BTreeMap<String, Key>,
}

/// The target of a key.
#[derive(Debug, Default)]
pub(super) enum Target {
    /// An object without a target of its own, such as the file itself: only its keys are mapped.
    #[default]
    Inner,
    Ignored,
    /// The label of the entity within the file.
    Label,
    Entity(String),
    Field(&'static Field),
    /// Several values of one field, each with a reporter.
    Conflict(&'static Field),
}

/// The third column of the map: how the value is converted.
#[derive(Debug, Default)]
pub(super) struct How {
    pub(super) chain: Option<&'static Field>,
    pub(super) link: Option<&'static Field>,
    pub(super) same: Option<&'static Field>,
    pub(super) random: Option<&'static Field>,
    pub(super) each: Option<String>,
    pub(super) with: Vec<(&'static Field, String)>,
    pub(super) position: Option<&'static Field>,
    pub(super) former: Option<&'static Field>,
    pub(super) digit: Option<&'static Field>,
    pub(super) or: Option<&'static Field>,
    pub(super) when: Option<(String, String, &'static Field)>,
    pub(super) word: Option<(String, String)>,
    pub(super) text: Option<(String, &'static Field, String)>,
    pub(super) value: Option<String>,
    pub(super) by_origin: bool,
    pub(super) preset: bool,
    pub(super) label: bool,
}

impl Key {
    /// The key tree of the embedded map; its root is the file.
    pub(super) fn root() -> &'static Self {
        static ROOT: LazyLock<Key> = LazyLock::new(|| {
            load(include_str!("../../record/schema/data/import_map.tsv"))
                .unwrap_or_else(|row| panic!("import map, row «{row}»"))
        });
        &ROOT
    }

    /// Whether the value of this key labels its entity in the file.
    pub(super) const fn is_label(&self) -> bool {
        matches!(self.target, Target::Label) || self.how.label
    }
}

/// Loads the key tree; the error is the row that does not fit the schema.
fn load(tsv: &str) -> Result<Key, String> {
    let mut root = Key::default();
    for row in tsv.lines().skip(1) {
        add(&mut root, row).ok_or_else(|| row.to_owned())?;
    }
    Ok(root)
}

fn add(root: &mut Key, row: &str) -> Option<()> {
    let [path, target, how] = <[&str; 3]>::try_from(row.split('\t').collect::<Vec<_>>()).ok()?;
    let mut at = root;
    let (parents, name) =
        path.strip_prefix("$.")?.rsplit_once('.').map_or((None, &path[2..]), |(up, name)| (Some(up), name));
    for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
        at = at.keys.get_mut(parent.trim_end_matches("[]"))?;
    }
    let (name, list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
    let target = match target.split_once(' ') {
        Some(("entity", entity)) => Target::Entity(Schema::current().entity(entity)?.name.clone()),
        Some(("conflict", name)) => Target::Conflict(field(name)?),
        None if target == "ignored" => Target::Ignored,
        None if target == "label" => Target::Label,
        None => Target::Field(field(target)?),
        Some(_) => return None,
    };
    let key = Key { target, list, how: how_of(how)?, keys: BTreeMap::new() };
    at.keys.insert(name.to_owned(), key).is_none().then_some(())
}

fn how_of(text: &str) -> Option<How> {
    let mut how = How::default();
    for part in text.split("; ").filter(|part| *part != "-") {
        let (verb, rest) = part.split_once(' ').unwrap_or((part, ""));
        match verb {
            "chain" => how.chain = Some(field(rest)?),
            "link" => how.link = Some(field(rest)?),
            "same" => how.same = Some(field(rest)?),
            "random" => how.random = Some(field(rest)?),
            "each" => how.each = Some(Schema::current().entity(rest)?.name.clone()),
            "with" => how.with.push(stated(rest)?),
            "position" => how.position = Some(field(rest)?),
            "former" => how.former = Some(field(rest)?),
            "digit" => how.digit = Some(field(rest)?),
            "or" => how.or = Some(field(rest)?),
            "when" => {
                let (condition, name) = rest.split_once(' ')?;
                let (key, text) = condition.split_once('=')?;
                how.when = Some((key.to_owned(), text.to_owned(), field(name)?));
            }
            "word" => how.word = rest.split_once('=').map(|(word, value)| (word.to_owned(), value.to_owned())),
            "text" => {
                let (text, also) = rest.split_once(": ")?;
                let (field, value) = stated(also)?;
                how.text = Some((text.to_owned(), field, value));
            }
            "value" => how.value = Some(rest.to_owned()),
            "by" if rest == "origin_org" => how.by_origin = true,
            "preset" => how.preset = true,
            "label" => how.label = true,
            _ => return None,
        }
    }
    Some(how)
}

fn stated(text: &str) -> Option<(&'static Field, String)> {
    let (name, value) = text.split_once('=')?;
    Some((field(name)?, value.to_owned()))
}

fn field(name: &str) -> Option<&'static Field> {
    Schema::current().field(name)
}

/// The parent field of an entity kind, with the kind of the parent.
pub(super) fn parent_field(entity: &str) -> Option<(&'static Field, &'static str)> {
    let field = field(&format!("{entity}.parent"))?;
    match &field.kind {
        Kind::Ref(parent) => Some((field, parent)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::schema::Policy;

    /// Collects every field that a key may write, with the entity kind it is written for.
    fn walk(key: &Key, entity: &str, seen: &mut Vec<(String, &'static Field)>) {
        let entity = match (&key.target, &key.how.each) {
            (_, Some(each)) | (Target::Entity(each), _) => each,
            _ => entity,
        };
        if let Target::Field(field) | Target::Conflict(field) = &key.target {
            seen.push((entity.to_owned(), field));
        }
        let how = &key.how;
        let single = [how.chain, how.link, how.same, how.random, how.position, how.former, how.digit, how.or];
        let also = how.with.iter().map(|with| with.0).chain(how.when.iter().map(|when| when.2));
        let also = also.chain(how.text.iter().map(|text| text.1)).chain(single.into_iter().flatten());
        seen.extend(also.map(|field| (entity.to_owned(), field)));
        key.keys.values().for_each(|key| walk(key, entity, seen));
    }

    #[test]
    fn every_key_writes_a_field_of_its_own_entity_that_may_be_written() {
        let mut seen = Vec::new();
        walk(Key::root(), "file", &mut seen);
        assert!(seen.len() > 200, "{} fields", seen.len());
        for (entity, field) in seen {
            assert_eq!(field.entity, entity, "{}", field.name);
            assert_ne!(field.policy, Policy::Drv, "{} is computed", field.name);
        }
    }

    #[test]
    fn a_row_that_does_not_fit_the_schema_is_named() {
        let row = "$.cases[].risk[]\tcase_file.risk\t-";
        let map = format!("path\ttarget\thow\n$.cases[]\tentity case_file\t-\n{row}\n");
        assert!(load(&map).is_ok());
        for wrong in ["case_file.riskk", "entity case", "case_file.risk\tnonsense x", "case_file.risk\twith x=y"] {
            let wrong = map.replace("case_file.risk\t-", &format!("{wrong}\t-")).replace("\t-\t-", "\t-");
            let wrong = wrong.replace("x\t-", "x").replace("y\t-", "y");
            assert!(load(&wrong).is_err(), "{wrong}");
        }
        assert!(load(&format!("{map}{row}\n")).is_err(), "a key is mapped once");
    }
}
