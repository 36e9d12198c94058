//! Walks the file and the map in parallel and collects statements and errors.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::json::{Node, Offset, Shape};
use super::map::{Key, Target, parent_field};
use super::said::{Stated, constant};
use super::{Draft, ERRORS, ImportError, ImportErrors, Imported, Kind, PATH_CHARS, Problem};
use crate::{
    bytes::ids::EntityId,
    record::schema::{self, Field, Schema, Value, nearest},
};

type Labels = BTreeMap<(&'static str, String), EntityId>;
type Entries<'f> = Vec<(Cow<'f, str>, Node<'f>)>;

/// Imports the whole file.
pub(super) fn file(
    text: &str,
    node: Node<'_>,
    new_id: &mut dyn FnMut() -> EntityId,
    told: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Imported>, ImportErrors> {
    let mut walk = Walk {
        file: text,
        new_id,
        ids: BTreeMap::new(),
        roots: Labels::new(),
        labels: Labels::new(),
        errors: Vec::new(),
        more: 0,
        stack: Vec::new(),
        chained: Vec::new(),
        section: Section::default(),
    };
    let imported = walk.sections(node, told);
    let (mut errors, more) = (walk.errors, walk.more);
    if errors.is_empty() {
        return Ok(imported);
    }
    // Lines are counted once for all errors.
    errors.sort_by_key(|(offset, _)| *offset);
    let (mut line, mut counted) = (1, Offset::default());
    let with_line = |(offset, error): (Offset, ImportError)| {
        line += offset.lines_since(counted, text);
        counted = offset;
        ImportError { line, ..error }
    };
    let mut errors: Vec<_> = errors.into_iter().map(with_line).collect();
    if more > 0 {
        let problem = Problem::More { count: more };
        errors.push(ImportError { line, path: "$".to_owned(), field: None, problem });
    }
    Err(ImportErrors(errors))
}

pub(super) struct Walk<'f, 'i> {
    pub(super) file: &'f str,
    pub(super) new_id: &'i mut dyn FnMut() -> EntityId,
    /// Ids given to objects of the file.
    ids: BTreeMap<Offset, EntityId>,
    /// Entity type and label → entity, of all sections of the file.
    pub(super) roots: Labels,
    /// Entity type and label → entity, inside the section being read.
    pub(super) labels: Labels,
    /// Errors with their offsets; the line is filled in at the end.
    pub(super) errors: Vec<(Offset, ImportError)>,
    /// Number of errors beyond those that are listed.
    more: usize,
    /// Entities that enclose the current place, outermost first.
    pub(super) stack: Vec<(&'static str, EntityId)>,
    /// Records that will each name the one before.
    pub(super) chained: Vec<EntityId>,
    pub(super) section: Section,
}

/// The case file or docket being read.
#[derive(Default)]
pub(super) struct Section {
    pub(super) statements: Vec<Draft>,
    separate: Vec<Draft>,
    origin: Option<String>,
    random: String,
}

impl<'f> Walk<'f, '_> {
    fn sections(&mut self, node: Node<'f>, told: &mut dyn FnMut(usize, usize)) -> Vec<Imported> {
        let (mut imported, mut all, mut read) = (Vec::new(), 0, 0);
        let Some(entries) = self.entries(node, "$") else { return imported };
        let sections = [("cases", "case_file", Kind::CaseFile), ("dockets", "docket", Kind::Docket)];
        let root = Key::root();
        for (name, value) in &entries {
            if !root.keys.contains_key(&**name) {
                self.unmapped(root, name, *value, &format!("$.{name}"));
            }
        }
        // A proceeding may name a docket of the file, so the labels of all sections are collected first.
        for (name, entity, _) in sections {
            let Some((_, list)) = entries.iter().find(|(key, _)| key == name) else { continue };
            for (path, node) in self.items(*list, &format!("$.{name}")) {
                self.label(&root.keys[name], entity, node, &path);
                all += 1;
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
                read += 1;
                told(read, all);
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
        self.labels.clear();
        self.inner_labels(key, node, path);
        let root = self.id_at(node);
        if let Some(field) = key.keys.values().find_map(|key| key.how.random) {
            self.state(root, field, Value::Text(self.section.random.clone()));
        }
        self.object(key, entity, node, path);
        let Section { statements, separate, .. } = std::mem::take(&mut self.section);
        Some(Imported { label, kind, root, statements, separate })
    }

    /// Assigns ids to all labelled entities inside a section, so that a reference may come before its target.
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
        let labels = if matches!(entity, "case_file" | "docket") { &mut self.roots } else { &mut self.labels };
        if labels.insert((entity, label.into_owned()), id).is_some() {
            self.error(*value, &format!("{path}.{name}"), None, Problem::RepeatedLabel);
        }
    }

    /// Reads one entity: its links, then its keys, then the statements that follow from them.
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

    /// Opens an entity: states its parent, its links and the constants of the map.
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

    /// Reads one of several conflicting values, with its reporter.
    fn conflict(&mut self, key: &'static Key, field: &'static Field, node: Node<'f>, path: &str) {
        let value_key = key.how.value.as_deref().unwrap_or("v");
        let Some(stated) = self.stated_object(value_key, node, field, path) else { return };
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

    /// Adds a statement that follows from the structure of the file.
    pub(super) fn state(&mut self, entity: EntityId, field: &'static Field, value: Value) {
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

    pub(super) fn entries(&mut self, node: Node<'f>, path: &str) -> Option<Entries<'f>> {
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
        if self.errors.len() >= ERRORS {
            self.more += 1;
            return;
        }
        let nearest = nearest(name, key.keys.keys().map(|key| (&**key, &**key))).map(str::to_owned);
        self.error(node, path, None, Problem::UnmappedKey { nearest });
    }

    pub(super) fn error(&mut self, node: Node<'f>, path: &str, field: Option<&Field>, problem: Problem) {
        if self.errors.len() >= ERRORS {
            self.more += 1;
            return;
        }
        let field = field.map(|field| field.name.clone());
        let mut shown = path.to_owned();
        if let Some((end, _)) = path.char_indices().nth(PATH_CHARS) {
            shown.replace_range(end.., "…");
        }
        let error = ImportError { line: 0, path: shown, field, problem };
        self.errors.push((node.offset(self.file), error));
    }
}

/// The field that takes the value: its local twin if the code must stay in the own circle.
fn routed(field: &'static Field, value: &Value) -> &'static Field {
    let schema = Schema::current();
    let local = schema.rules().term_local(&field.name, value);
    local.and_then(|local| schema.field(local.twin.as_deref()?)).unwrap_or(field)
}

fn is_label(key: &Key, name: &str) -> bool {
    key.keys.get(name).is_some_and(Key::is_label)
}

fn says(siblings: &Entries<'_>, name: &str, text: &str) -> bool {
    siblings.iter().any(|(key, node)| key == name && matches!(node.shape(), Ok(Shape::Text(found)) if found == text))
}

pub(super) fn not_json(error: &serde_json::Error) -> Problem {
    Problem::NotJson { reason: super::syntax(error).to_owned() }
}
