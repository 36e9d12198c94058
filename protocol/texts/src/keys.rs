//! The keys of the texts and the parameters that a text names, read from the files. Tests compare them with the names
//! in the code.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast;
use protocol::record::schema::Language;

use crate::areas::Area;

/// The keys of some areas in a language, each with the parameters that its text names. The key of an attribute is the
/// key of its message, a full stop and its name.
///
/// # Panics
///
/// If a file is not well formed, if a key occurs twice, or if a text refers to another message, a term or a function:
/// our texts are flat.
#[must_use]
pub fn keys<'a>(areas: impl IntoIterator<Item = &'a Area>, language: Language) -> BTreeMap<String, BTreeSet<String>> {
    contents(areas, language).into_iter().map(|(key, content)| (key, content.parameters)).collect()
}

/// The content of a message or attribute, and the parameters that it names.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) parameters: BTreeSet<String>,
}

impl Content {
    fn pattern(&mut self, pattern: &ast::Pattern<&str>) {
        for element in &pattern.elements {
            match element {
                ast::PatternElement::TextElement { value } => self.text.push_str(value),
                ast::PatternElement::Placeable { expression } => self.expression(expression),
            }
        }
    }

    fn expression(&mut self, expression: &ast::Expression<&str>) {
        match expression {
            ast::Expression::Select { selector, variants } => {
                self.inline(selector);
                variants.iter().for_each(|variant| self.pattern(&variant.value));
            }
            ast::Expression::Inline(inline) => self.inline(inline),
        }
    }

    fn inline(&mut self, inline: &ast::InlineExpression<&str>) {
        match inline {
            ast::InlineExpression::VariableReference { id } => drop(self.parameters.insert(id.name.to_owned())),
            ast::InlineExpression::Placeable { expression } => self.expression(expression),
            ast::InlineExpression::StringLiteral { value } => self.text.push_str(value),
            ast::InlineExpression::NumberLiteral { .. } => {}
            other => panic!("our texts are flat: {other:?}"),
        }
    }
}

/// The content of every message and attribute of some areas in a language, by key.
pub(crate) fn contents<'a>(areas: impl IntoIterator<Item = &'a Area>, language: Language) -> BTreeMap<String, Content> {
    let mut found = BTreeMap::new();
    for (path, text) in areas.into_iter().filter_map(|area| area.file(language)) {
        let resource = FluentResource::try_new(text.to_owned());
        let resource = resource.unwrap_or_else(|(_, errors)| panic!("{path}: {errors:?}"));
        for entry in resource.entries() {
            let ast::Entry::Message(message) = entry else { continue };
            let attributes = message.attributes.iter().map(|attribute| (Some(attribute.id.name), &attribute.value));
            for (attribute, pattern) in message.value.iter().map(|value| (None, value)).chain(attributes) {
                let mut content = Content::default();
                content.pattern(pattern);
                let key = attribute.map_or(message.id.name.to_owned(), |name| format!("{}.{name}", message.id.name));
                assert!(found.insert(key, content).is_none(), "{path}: {} stands twice", message.id.name);
            }
        }
    }
    found
}
