//! Reads one place of the file: a value of a field, and the sources, grade and reporter given with it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Problem;
use super::json::{Node, Shape};
use super::map::Key;
use super::walk::{Walk, not_json};
use crate::{
    bytes::ids::EntityId,
    record::{
        citation::CourtNumbers,
        schema::{self, Field, Schema, Value, ValueError, nearest},
    },
};

/// A value with its sources, grade and reporter.
pub(super) struct Stated<'f> {
    pub(super) value: Node<'f>,
    pub(super) sources: Vec<EntityId>,
    pub(super) grade: Option<String>,
    pub(super) reported_by: Option<String>,
}

impl<'f> Walk<'f, '_> {
    /// The field values in the value of a key: usually one, sometimes two.
    pub(super) fn values(
        &self,
        key: &Key,
        field: &'static Field,
        node: Node<'f>,
    ) -> Result<Vec<(&'static Field, Value)>, Problem> {
        let how = &key.how;
        if let Some((word, meaning)) = &how.word {
            let text = text_of(node, field)?;
            if text != *word {
                let near = vec![word.clone()];
                return Err(ValueError::UnknownCode { field: field.name.clone(), code: short(&text), near }.into());
            }
            return Ok(vec![(field, constant(field, meaning))]);
        }
        if let Some(digit) = how.digit {
            let text = text_of(node, field)?;
            let (letter, number) = grade(&text).ok_or(Problem::Grade)?;
            return Ok(vec![(field, letter.into()), (digit, number.into())]);
        }
        if let Some(former) = how.former {
            let text = text_of(node, field)?;
            // A text that is not a court number falls through: its field refuses it, with an example.
            if let Ok(CourtNumbers { current, previous }) = text.parse() {
                let previous = previous.iter().map(|number| (former, Value::Text(number.to_string())));
                return Ok(std::iter::once((field, Value::Text(current.to_string()))).chain(previous).collect());
            }
        }
        let value = match (self.value(field, node), how.or) {
            (Err(problem @ Problem::Value(ValueError::UnknownCode { .. })), Some(other)) => {
                return self.value(other, node).map(|value| vec![(other, value)]).map_err(|_| problem);
            }
            (value, _) => value?,
        };
        let mut values = vec![(field, value)];
        if let Some((text, also, meaning)) = &how.text
            && values[0].1.as_text() == Some(text)
        {
            values.push((also, constant(also, meaning)));
        }
        Ok(values)
    }

    /// The canonical value of `field`.
    pub(super) fn value(&self, field: &'static Field, node: Node<'f>) -> Result<Value, Problem> {
        use schema::Kind as K;
        let wrong = || Problem::Type { expected: field.kind.expected() };
        let schema = Schema::current();
        match (&field.kind, node.shape().map_err(|error| not_json(&error))?) {
            (K::Bool, Shape::Bool(answer)) => Ok(Value::Bool(answer)),
            (K::Int | K::MoneyRub | K::DurationDays | K::Percent, Shape::Number(Some(number))) => {
                Ok(schema.check(&field.name, &Value::Int(number))?.into_value())
            }
            (K::Ref(entity), Shape::Text(label)) => self.labelled(entity, &label).map(Value::Ref),
            (K::Bool | K::Int | K::MoneyRub | K::DurationDays | K::Percent | K::File, _) => Err(wrong()),
            (_, Shape::Text(text)) => Ok(schema.parse(&field.name, &text)?),
            _ => Err(wrong()),
        }
    }

    fn labelled(&self, entity: &'static str, label: &str) -> Result<EntityId, Problem> {
        let name = (entity, label.to_owned());
        if let Some(id) = self.labels.get(&name).or_else(|| self.roots.get(&name)) {
            return Ok(*id);
        }
        let labels = self.labels.keys().chain(self.roots.keys()).filter(|(name, _)| *name == entity);
        let nearest = nearest(label, labels.map(|(_, name)| (&**name, &**name))).map(str::to_owned);
        Err(Problem::UnknownLabel { label: short(label), nearest })
    }

    /// Reads a value that is given directly or in `{v, src, grade, org}`.
    pub(super) fn stated(&mut self, node: Node<'f>, field: &'static Field, path: &str) -> Option<Stated<'f>> {
        match node.shape() {
            Ok(Shape::Object(_)) => self.stated_object("v", node, field, path),
            _ => Some(Stated { value: node, sources: Vec::new(), grade: None, reported_by: None }),
        }
    }

    /// Reads `{v, src, grade, org}`; nothing if it has an error, or if the value is null (not known, not answered).
    pub(super) fn stated_object(
        &mut self,
        value_key: &str,
        node: Node<'f>,
        field: &'static Field,
        path: &str,
    ) -> Option<Stated<'f>> {
        let entries = self.entries(node, path)?;
        let errors = self.errors.len();
        let mut stated = Stated { value: node, sources: Vec::new(), grade: None, reported_by: None };
        let mut value = None;
        for (name, child) in entries {
            let path = format!("{path}.{name}");
            let text = match child.shape() {
                Ok(Shape::Null) if name != value_key => continue,
                Ok(Shape::Text(text)) => Some(text.into_owned()),
                _ => None,
            };
            match (&*name, text) {
                (key, _) if key == value_key => value = Some(child),
                ("grade", Some(text)) if grade(&text).is_some() => stated.grade = Some(text),
                ("grade", _) => self.error(child, &path, Some(field), Problem::Grade),
                ("org", Some(text)) => stated.reported_by = Some(text),
                ("org", None) => {
                    self.error(child, &path, Some(field), Problem::Type { expected: "an organisation as text" });
                }
                ("src", _) => stated.sources = self.sources(child, field, &path),
                _ => {
                    let known = [value_key, "src", "grade", "org"];
                    let nearest = nearest(&name, known.iter().map(|key| (*key, *key))).map(str::to_owned);
                    self.error(child, &path, Some(field), Problem::UnmappedKey { nearest });
                }
            }
        }
        let Some(value) = value else {
            self.error(node, path, Some(field), Problem::Type { expected: field.kind.expected() });
            return None;
        };
        stated.value = value;
        let is_said = errors == self.errors.len() && !matches!(value.shape(), Ok(Shape::Null));
        is_said.then_some(stated)
    }

    /// The sources of a value: one label or a list of labels.
    fn sources(&mut self, node: Node<'f>, field: &'static Field, path: &str) -> Vec<EntityId> {
        let entity =
            if self.stack.first().is_some_and(|(root, _)| *root == "docket") { "docket_source" } else { "source" };
        let labels = match node.shape() {
            Ok(Shape::List(items)) => items,
            _ => vec![node],
        };
        let mut sources = BTreeSet::new();
        for label in labels {
            match text_of(label, field).and_then(|label| self.labelled(entity, &label)) {
                Ok(source) => {
                    sources.insert(source);
                }
                Err(problem) => self.error(label, path, Some(field), problem),
            }
        }
        sources.into_iter().collect()
    }
}

/// A constant value in the map.
pub(super) fn constant(field: &Field, text: &str) -> Value {
    Schema::current().parse(&field.name, text).expect("the map states values of its fields, which a test walks through")
}

fn text_of<'f>(node: Node<'f>, field: &Field) -> Result<Cow<'f, str>, Problem> {
    match node.shape().map_err(|error| not_json(&error))? {
        Shape::Text(text) => Ok(text),
        _ => Err(Problem::Type { expected: field.kind.expected() }),
    }
}

/// Letter and digit of a grade.
fn grade(text: &str) -> Option<(&str, &str)> {
    let (letter, digit) = text.split_at_checked(1)?;
    let fits =
        matches!(letter, "A" | "B" | "C" | "D" | "E" | "F") && matches!(digit, "1" | "2" | "3" | "4" | "5" | "6");
    fits.then_some((letter, digit))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
