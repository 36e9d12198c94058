//! Walks the file and the map side by side and collects statements and errors.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::json::{Node, Offset, Shape};
use super::map::{Key, Target, parent_field};
use super::{Draft, ImportError, ImportErrors, Imported, Kind, Problem};
use crate::citation::CourtNumbers;
use crate::date::Date;
use crate::ids::EntityId;
use crate::schema::{self, Field, Schema, Value, ValueError, nearest};

type Entries<'f> = Vec<(Cow<'f, str>, Node<'f>)>;

/// Reads the whole file.
pub(super) fn file(
    text: &str,
    node: Node<'_>,
    new_id: &mut dyn FnMut() -> EntityId,
) -> Result<Vec<Imported>, ImportErrors> {
    let mut walk = Walk {
        file: text,
        new_id,
        ids: BTreeMap::new(),
        labels: BTreeMap::new(),
        errors: Vec::new(),
        stack: Vec::new(),
        chained: Vec::new(),
        section: Section::default(),
    };
    let imported = walk.sections(node);
    if walk.errors.is_empty() {
        return Ok(imported);
    }
    walk.errors.sort_by_key(|error| error.line);
    Err(ImportErrors(walk.errors))
}

struct Walk<'f, 'i> {
    file: &'f str,
    new_id: &'i mut dyn FnMut() -> EntityId,
    /// Ids given to objects of the file.
    ids: BTreeMap<Offset, EntityId>,
    /// Entity type and label → entity, of the section being read and of all dockets.
    labels: BTreeMap<(&'static str, String), EntityId>,
    errors: Vec<ImportError>,
    /// The entities around the place being read, outermost first.
    stack: Vec<(&'static str, EntityId)>,
    /// Records that will name the one before them.
    chained: Vec<EntityId>,
    section: Section,
}

/// The case file or docket being read.
#[derive(Default)]
struct Section {
    statements: Vec<Draft>,
    separate: Vec<Draft>,
    origin: Option<String>,
    random: String,
}

/// A value with what the file says about it.
struct Stated<'f> {
    value: Node<'f>,
    sources: Vec<EntityId>,
    grade: Option<String>,
    reported_by: Option<String>,
}

impl<'f> Walk<'f, '_> {
    fn sections(&mut self, node: Node<'f>) -> Vec<Imported> {
        let mut imported = Vec::new();
        let Some(entries) = self.entries(node, "$") else { return imported };
        let sections = [("cases", "case_file", Kind::CaseFile), ("dockets", "docket", Kind::Docket)];
        let root = Key::root();
        for (name, value) in &entries {
            if !root.keys.contains_key(&**name) {
                self.unmapped(root, name, *value, &format!("$.{name}"));
            }
        }
        // A proceeding may name a docket of the file, so all names of sections are known first.
        for (name, entity, _) in sections {
            let Some((_, list)) = entries.iter().find(|(key, _)| key == name) else { continue };
            for (path, node) in self.items(*list, &format!("$.{name}")) {
                self.label(&root.keys[name], entity, node, &path);
            }
        }
        for (name, entity, kind) in sections {
            let Some((_, list)) = entries.iter().find(|(key, _)| key == name) else { continue };
            let Ok(Shape::List(items)) = list.shape() else { continue };
            for (at, node) in items.into_iter().enumerate() {
                let path = format!("$.{name}[{at}]");
                if let Some(section) = self.one_section(&root.keys[name], entity, kind, node, &path) {
                    imported.push(section);
                }
            }
        }
        imported
    }

    fn one_section(
        &mut self,
        key: &'static Key,
        entity: &'static str,
        kind: Kind,
        node: Node<'f>,
        path: &str,
    ) -> Option<Imported> {
        let entries = self.entries(node, path)?;
        let text = |wanted: &dyn Fn(&str) -> bool| {
            entries.iter().filter(|(name, _)| wanted(name)).find_map(|(_, node)| match node.shape() {
                Ok(Shape::Text(text)) => Some(text.into_owned()),
                _ => None,
            })
        };
        let label = text(&|name| is_label(key, name)).unwrap_or_else(|| path.trim_start_matches("$.").to_owned());
        self.section = Section { origin: text(&|name| name == "origin_org"), ..Section::default() };
        let random = (self.new_id)();
        self.section.random = data_encoding::HEXLOWER.encode(&random.0);
        self.labels.retain(|(entity, _), _| matches!(*entity, "case_file" | "docket"));
        self.inner_labels(key, node, path);
        let root = self.id_at(node);
        if let Some(field) = key.keys.values().find_map(|key| key.how.random) {
            self.state(root, field, Value::Text(self.section.random.clone()));
        }
        self.object(key, entity, node, path);
        let Section { statements, separate, .. } = std::mem::take(&mut self.section);
        Some(Imported { label, kind, root, statements, separate })
    }

    /// Gives ids to all labelled entities inside a section, so that a reference may come before what it names.
    fn inner_labels(&mut self, key: &'static Key, node: Node<'f>, path: &str) {
        let Ok(Shape::Object(entries)) = node.shape() else { return };
        for (name, child) in entries {
            let Some((key, entity)) = key.keys.get(&*name).and_then(|key| match &key.target {
                Target::Entity(entity) => Some((key, &**entity)),
                _ => None,
            }) else {
                continue;
            };
            let path = format!("{path}.{name}");
            let items = match child.shape() {
                Ok(Shape::List(items)) if key.list => items,
                _ => vec![child],
            };
            for (at, item) in items.into_iter().enumerate() {
                let path = if key.list { format!("{path}[{at}]") } else { path.clone() };
                self.label(key, entity, item, &path);
                self.inner_labels(key, item, &path);
            }
        }
    }

    fn label(&mut self, key: &'static Key, entity: &'static str, node: Node<'f>, path: &str) {
        let Ok(Shape::Object(entries)) = node.shape() else { return };
        let Some((name, value)) = entries.iter().find(|(name, _)| is_label(key, name)) else { return };
        let Ok(Shape::Text(label)) = value.shape() else { return };
        let id = self.id_at(node);
        if self.labels.insert((entity, label.into_owned()), id).is_some() {
            self.error(*value, &format!("{path}.{name}"), None, Problem::RepeatedLabel);
        }
    }

    /// One entity: its links, then its keys, then what follows from them.
    fn object(&mut self, key: &'static Key, entity: &'static str, node: Node<'f>, path: &str) {
        let Some(entries) = self.entries(node, path) else { return };
        let id = self.id_at(node);
        self.enter(key, entity, id);
        let mut preset = None;
        for (name, child) in &entries {
            let path = format!("{path}.{name}");
            match key.keys.get(&**name) {
                None => self.unmapped(key, name, *child, &path),
                Some(key) => {
                    if key.how.preset {
                        preset = Some(&key.target);
                    }
                    self.key(key, *child, &path, &entries);
                }
            }
        }
        if let Some(Target::Field(level)) = preset {
            self.grant(id, level);
        }
        if let Some(field) = key.keys.values().find_map(|key| key.how.chain) {
            self.chain(id, field);
        }
        if key.how.chain.is_some() {
            self.chained.push(id);
        }
        self.stack.pop();
    }

    /// Opens an entity: states what it belongs to and what the map says of it.
    fn enter(&mut self, key: &'static Key, entity: &'static str, id: EntityId) {
        if let Some((field, parent)) = parent_field(entity)
            && let Some(around) = self.around(parent)
        {
            self.state(id, field, Value::Ref(around));
        }
        if let Some(field) = key.how.link
            && let schema::Kind::Ref(target) = &field.kind
            && let Some(around) = self.around(target)
        {
            self.state(id, field, Value::Ref(around));
        }
        if let Some(field) = key.how.same {
            self.state(id, field, Value::Text(self.section.random.clone()));
        }
        if matches!(key.target, Target::Entity(_)) {
            self.also(key, id);
        }
        self.stack.push((entity, id));
    }

    fn around(&self, entity: &str) -> Option<EntityId> {
        self.stack.iter().rev().find(|(name, _)| *name == entity).map(|(_, id)| *id)
    }

    /// States the constants of a row.
    fn also(&mut self, key: &'static Key, id: EntityId) {
        for (field, text) in &key.how.with {
            self.state(id, field, constant(field, text));
        }
    }

    fn key(&mut self, key: &'static Key, node: Node<'f>, path: &str, siblings: &Entries<'f>) {
        if matches!(key.target, Target::Ignored) || matches!(node.shape(), Ok(Shape::Null)) {
            return;
        }
        let items = if key.list { self.items(node, path) } else { vec![(path.to_owned(), node)] };
        for (at, (path, node)) in items.into_iter().enumerate() {
            match &key.target {
                _ if matches!(node.shape(), Ok(Shape::Null)) => {}
                Target::Entity(entity) => self.object(key, entity, node, &path),
                Target::Field(field) => self.field(key, field, at, node, &path, siblings),
                Target::Conflict(field) => self.conflict(key, field, node, &path),
                Target::Label if !matches!(node.shape(), Ok(Shape::Text(_))) => {
                    self.error(node, &path, None, Problem::Type { expected: "a label as text" });
                }
                Target::Label | Target::Ignored | Target::Inner => {}
            }
        }
    }

    fn field(
        &mut self,
        key: &'static Key,
        field: &'static Field,
        at: usize,
        node: Node<'f>,
        path: &str,
        siblings: &Entries<'f>,
    ) {
        let field = match &key.how.when {
            Some((name, text, other)) if says(siblings, name, text) => other,
            _ => field,
        };
        let Some(mut stated) = self.stated(node, field, path) else { return };
        if key.how.by_origin && stated.reported_by.is_none() {
            stated.reported_by.clone_from(&self.section.origin);
        }
        let values = match self.values(key, field, stated.value) {
            Ok(values) => values,
            Err(problem) => return self.error(stated.value, path, Some(field), problem),
        };
        let id = match &key.how.each {
            Some(entity) => {
                let id = (self.new_id)();
                self.enter(key, entity, id);
                self.stack.pop();
                id
            }
            None => self.stack.last().expect("a field stands inside an entity").1,
        };
        if let Some(position) = key.how.position {
            self.state(id, position, Value::Int(at as u64 + 1));
        }
        for (field, value) in values {
            let draft = self.draft(id, field, value, &stated);
            self.section.statements.push(draft);
        }
        self.also(key, id);
    }

    /// What the value of a key says: usually one field, sometimes two.
    fn values(
        &self,
        key: &Key,
        field: &'static Field,
        node: Node<'f>,
    ) -> Result<Vec<(&'static Field, Value)>, Problem> {
        let how = &key.how;
        if let Some((word, meaning)) = &how.word {
            let text = text_of(node, field)?;
            if text != *word {
                let nearest = Some(word.clone());
                return Err(ValueError::UnknownCode { field: field.name.clone(), code: short(&text), nearest }.into());
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
            // A text that is not a number falls through and is refused by its field, with an example.
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

    /// One canonical value of `field`.
    fn value(&self, field: &Field, node: Node<'f>) -> Result<Value, Problem> {
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

    fn labelled(&self, entity: &str, label: &str) -> Result<EntityId, Problem> {
        let labels = || self.labels.iter().filter(|((name, _), _)| *name == entity);
        if let Some((_, id)) = labels().find(|((_, name), _)| name == label) {
            return Ok(*id);
        }
        let nearest = nearest(label, labels().map(|((_, name), _)| (&**name, &**name))).map(str::to_owned);
        Err(Problem::UnknownLabel { label: short(label), nearest })
    }

    /// A value that stands alone, or in `{v, src, grade, org}`.
    fn stated(&mut self, node: Node<'f>, field: &'static Field, path: &str) -> Option<Stated<'f>> {
        match node.shape() {
            Ok(Shape::Object(_)) => self.stated_object("v", node, field, path),
            _ => Some(Stated { value: node, sources: Vec::new(), grade: None, reported_by: None }),
        }
    }

    fn stated_object(
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
                Ok(Shape::Null) => continue,
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
        if errors < self.errors.len() {
            return None;
        }
        // Without a value the object itself is refused as one.
        stated.value = value.unwrap_or(node);
        Some(stated)
    }

    /// The sources a value names: one label or a list.
    fn sources(&mut self, node: Node<'f>, field: &'static Field, path: &str) -> Vec<EntityId> {
        let entity =
            if self.stack.first().is_some_and(|(root, _)| *root == "docket") { "docket_source" } else { "source" };
        let labels = match node.shape() {
            Ok(Shape::List(items)) => items,
            _ => vec![node],
        };
        let mut sources = BTreeSet::new();
        for label in labels {
            let found = text_of(label, field).and_then(|label| self.labelled(entity, &label));
            match found {
                Ok(source) => drop(sources.insert(source)),
                Err(problem) => self.error(label, path, Some(field), problem),
            }
        }
        sources.into_iter().collect()
    }

    /// One of several values, reported by somebody.
    fn conflict(&mut self, key: &'static Key, field: &'static Field, node: Node<'f>, path: &str) {
        let value_key = key.how.value.as_deref().unwrap_or("v");
        let Some(stated) = self.stated_object(value_key, node, field, path) else { return };
        if stated.value.offset(self.file) == node.offset(self.file) {
            return; // nothing is said: null, or the organisation has not answered
        }
        if stated.reported_by.is_none() {
            return self.error(node, path, Some(field), Problem::NoReporter);
        }
        let id = self.stack.last().expect("a field stands inside an entity").1;
        match self.value(field, stated.value) {
            Ok(value) => {
                let draft = self.draft(id, field, value, &stated);
                self.section.separate.push(draft);
            }
            Err(problem) => self.error(stated.value, &format!("{path}.{value_key}"), Some(field), problem),
        }
    }

    fn draft(&self, entity: EntityId, field: &'static Field, value: Value, stated: &Stated<'f>) -> Draft {
        let Stated { sources, grade, reported_by, .. } = stated;
        let field = routed(field, &value);
        Draft {
            entity,
            field: field.name.clone(),
            value,
            sources: sources.clone(),
            grade: grade.clone(),
            reported_by: reported_by.clone(),
        }
    }

    /// A statement that follows from the shape of the file.
    fn state(&mut self, entity: EntityId, field: &'static Field, value: Value) {
        let field = field.name.clone();
        self.section.statements.push(Draft {
            entity,
            field,
            value,
            sources: Vec::new(),
            grade: None,
            reported_by: None,
        });
    }

    /// Expands the preset of a consent record to its grants; a denial subtracts.
    fn grant(&mut self, record: EntityId, level: &'static Field) {
        let of = |entity: EntityId, field: &str| {
            let mut drafts = self.section.statements.iter();
            drafts.find(|draft| draft.entity == entity && draft.field == field).map(|draft| draft.value.clone())
        };
        let Some(preset) = of(record, &level.name).and_then(|level| level.as_text().map(str::to_owned)) else { return };
        let grants = self
            .section
            .statements
            .iter()
            .filter(|draft| draft.field == "consent_grant.parent" && draft.value == Value::Ref(record));
        let denied: BTreeSet<_> = grants.filter_map(|grant| of(grant.entity, "consent_grant.purpose")).collect();
        let schema = Schema::current();
        let field = |name: &str| schema.field(name).expect("the schema has grants");
        for purpose in schema.rules().consent_presets.get(&preset).into_iter().flatten() {
            let purpose = Value::from(&**purpose);
            if denied.contains(&purpose) {
                continue;
            }
            let grant = (self.new_id)();
            self.state(grant, field("consent_grant.parent"), Value::Ref(record));
            self.state(grant, field("consent_grant.purpose"), purpose);
            self.state(grant, field("consent_grant.answer"), "granted".into());
            self.state(grant, field("consent_grant.permitted"), Value::Bool(true));
        }
    }

    /// Orders records by their earliest date, the present one last on the same day; each names the one before it.
    fn chain(&mut self, present: EntityId, field: &'static Field) {
        let mut records = std::mem::take(&mut self.chained);
        records.push(present);
        let date_of = |record: &EntityId| {
            let dates = self.section.statements.iter().filter(|draft| draft.entity == *record);
            let is_date =
                |name: &str| Schema::current().field(name).is_some_and(|field| field.kind == schema::Kind::Date);
            let dates = dates.filter(|draft| is_date(&draft.field)).filter_map(|draft| draft.value.as_text());
            let earliest = dates.filter_map(|text| text.parse::<Date>().ok()).min();
            (earliest.is_none(), earliest)
        };
        records.sort_by_cached_key(date_of);
        for pair in records.windows(2) {
            self.state(pair[1], field, Value::Ref(pair[0]));
        }
    }

    fn id_at(&mut self, node: Node<'f>) -> EntityId {
        *self.ids.entry(node.offset(self.file)).or_insert_with(&mut *self.new_id)
    }

    fn items(&mut self, node: Node<'f>, path: &str) -> Vec<(String, Node<'f>)> {
        match node.shape() {
            Ok(Shape::List(items)) => {
                items.into_iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect()
            }
            Ok(Shape::Null) => Vec::new(),
            Ok(_) => {
                self.error(node, path, None, Problem::Type { expected: "a list" });
                Vec::new()
            }
            Err(error) => {
                self.error(node, path, None, not_json(&error));
                Vec::new()
            }
        }
    }

    fn entries(&mut self, node: Node<'f>, path: &str) -> Option<Entries<'f>> {
        let problem = match node.shape() {
            Ok(Shape::Object(entries)) => {
                let mut seen = BTreeSet::new();
                for (name, child) in &entries {
                    if !seen.insert(name) {
                        self.error(*child, &format!("{path}.{name}"), None, Problem::RepeatedKey);
                    }
                }
                return Some(entries);
            }
            Ok(_) => Problem::Type { expected: "an object" },
            Err(error) => not_json(&error),
        };
        self.error(node, path, None, problem);
        None
    }

    fn unmapped(&mut self, key: &Key, name: &str, node: Node<'f>, path: &str) {
        let nearest = nearest(name, key.keys.keys().map(|key| (&**key, &**key))).map(str::to_owned);
        self.error(node, path, None, Problem::UnmappedKey { nearest });
    }

    fn error(&mut self, node: Node<'f>, path: &str, field: Option<&Field>, problem: Problem) {
        let field = field.map(|field| field.name.clone());
        self.errors.push(ImportError {
            line: node.offset(self.file).line(self.file),
            path: path.to_owned(),
            field,
            problem,
        });
    }
}

/// The field that takes the value: its local twin if the code must stay at home.
fn routed(field: &'static Field, value: &Value) -> &'static Field {
    let schema = Schema::current();
    let local = value.as_text().and_then(|code| schema.rules().term_local(&field.name, code));
    local.and_then(|local| schema.field(local.twin.as_deref()?)).unwrap_or(field)
}

/// A value the map itself states.
fn constant(field: &Field, text: &str) -> Value {
    Schema::current().parse(&field.name, text).expect("the map states values of its fields, which a test walks through")
}

fn is_label(key: &Key, name: &str) -> bool {
    key.keys.get(name).is_some_and(Key::is_label)
}

fn says(siblings: &Entries<'_>, name: &str, text: &str) -> bool {
    siblings.iter().any(|(key, node)| key == name && matches!(node.shape(), Ok(Shape::Text(found)) if found == text))
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

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::NotJson { reason: super::syntax(error).to_owned() }
}
