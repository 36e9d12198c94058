//! That the three languages are complete, say the same, and count as people do.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast;

use super::*;

const ALL: [Language; 3] = [Language::En, Language::Ru, Language::Uk];

/// A message or attribute: what stands in it, and the parameters it names.
#[derive(Default)]
struct Said {
    text: String,
    parameters: BTreeSet<String>,
}

impl Said {
    fn read(&mut self, pattern: &ast::Pattern<&str>) {
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
                variants.iter().for_each(|variant| self.read(&variant.value));
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

/// Every message and attribute of a language, by key.
fn messages(language: Language) -> BTreeMap<String, Said> {
    let mut found = BTreeMap::new();
    for (file, text) in files(language) {
        let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|_| panic!("{file}.ftl"));
        for entry in resource.entries() {
            let ast::Entry::Message(message) = entry else { continue };
            let attributes = message.attributes.iter().map(|attribute| (Some(attribute.id.name), &attribute.value));
            for (attribute, pattern) in message.value.iter().map(|value| (None, value)).chain(attributes) {
                let mut said = Said::default();
                said.read(pattern);
                let key = attribute.map_or(message.id.name.to_owned(), |name| format!("{}.{name}", message.id.name));
                assert!(found.insert(key, said).is_none(), "{file}.ftl: {} stands twice", message.id.name);
            }
        }
    }
    found
}

/// The keys of a language, each with the parameters its text names.
pub(crate) fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    messages(language).into_iter().map(|(key, said)| (key, said.parameters)).collect()
}

#[test]
fn every_file_is_read_without_a_fault_and_no_message_hides_another() {
    for language in ALL {
        for (file, text) in files(language) {
            let resource = FluentResource::try_new((*text).to_owned());
            assert!(resource.is_ok(), "{file}.ftl: {:?}", resource.err().map(|(_, errors)| errors));
        }
        bundle(language);
    }
}

#[test]
fn the_languages_have_the_same_keys_with_the_same_parameters() {
    let [en, ru, uk] = ALL.map(keys);
    assert_eq!(ru, uk);
    for (key, named) in en {
        assert_eq!(ru.get(&key), Some(&named), "{key}");
    }
}

#[test]
fn no_text_has_a_word_of_the_trade() {
    let never = [
        "crdt",
        "epoch",
        "epochs",
        "frontier",
        "incarnation",
        "replica",
        "digest",
        "heads",
        "peer-to-peer",
        "p2p",
        "эпоха",
        "эпохи",
        "реплика",
        "реплики",
        "фронтир",
        "хеш",
        "хэш",
        "пир",
        "пиры",
        "епоха",
        "епохи",
        "репліка",
        "репліки",
        "піри",
        "геш",
    ];
    for language in ALL {
        for (key, Said { text, .. }) in messages(language) {
            // What stands in backticks is typed, not read.
            let shown: String = text.split('`').step_by(2).collect();
            let lower = shown.to_lowercase();
            let words = lower.split(|char: char| !(char.is_alphanumeric() || char == '-'));
            let found: Vec<_> = words.filter(|word| never.contains(word)).collect();
            assert!(found.is_empty() && !shown.contains("DID"), "{key}: {found:?} in {text}");
        }
    }
}

#[test]
fn no_text_of_one_language_stands_in_another() {
    let russian = |char| "ёъыэЁЪЫЭ".contains(char);
    let ukrainian = |char| "іїєґІЇЄҐ".contains(char);
    let cyrillic = |char| ('\u{400}'..='\u{4ff}').contains(&char);
    let check = |language, foreign: &dyn Fn(char) -> bool| {
        for (key, Said { text, .. }) in messages(language) {
            assert!(!text.contains(foreign), "{key}: {text}");
        }
    };
    check(Language::En, &cyrillic);
    check(Language::Ru, &ukrainian);
    check(Language::Uk, &russian);
    let ukrainian_texts = messages(Language::Uk);
    for (key, Said { text, .. }) in messages(Language::Ru) {
        let letters = text.chars().filter(|char| cyrillic(*char)).count();
        assert!(letters < 24 || ukrainian_texts[&key].text != text, "{key} is the same in both: {text}");
    }
}

/// The noun after a number, as the languages decline it: 0 to 25 and 100 to 125.
#[test]
fn numbers_take_the_form_of_the_noun_that_people_use() {
    let noun = |count: u64| {
        let text = crate::texts::saved("x", usize::try_from(count).expect("small"));
        text.split_whitespace()
            .find(|word| word.starts_with("запис") || word.starts_with("entr"))
            .expect("a noun")
            .trim_matches(['(', ')'])
            .to_owned()
    };
    for count in (0..=25).chain(100..=125) {
        let (one, few) = (
            count % 10 == 1 && count % 100 != 11,
            (2..=4).contains(&(count % 10)) && !(12..=14).contains(&(count % 100)),
        );
        let expected = |forms: [&'static str; 3]| {
            if one {
                forms[0]
            } else if few {
                forms[1]
            } else {
                forms[2]
            }
        };
        speak(Language::Ru);
        assert_eq!(noun(count), expected(["запись", "записи", "записей"]), "{count}");
        speak(Language::Uk);
        assert_eq!(noun(count), expected(["запис", "записи", "записів"]), "{count}");
        speak(Language::En);
        assert_eq!(noun(count), if count == 1 { "entry" } else { "entries" }, "{count}");
    }
}

#[test]
fn cases_are_counted_as_people_count_them() {
    let check = |language, cases, expected: &str| {
        speak(language);
        let text = crate::texts::demo::checked(3, cases);
        assert!(text.ends_with(expected), "{text}");
    };
    for (cases, ru, uk) in [
        (1, "вышло 1 дело", "вийшла 1 справа"),
        (2, "вышли 2 дела", "вийшли 2 справи"),
        (5, "вышли 5 дел", "вийшли 5 справ"),
        (11, "вышли 11 дел", "вийшли 11 справ"),
        (21, "вышло 21 дело", "вийшла 21 справа"),
        (122, "вышли 122 дела", "вийшли 122 справи"),
    ] {
        check(Language::Ru, cases, ru);
        check(Language::Uk, cases, uk);
    }
}

#[test]
fn a_parameter_stands_as_it_is_without_marks_of_direction() {
    for language in ALL {
        speak(language);
        let text = crate::texts::written(std::path::Path::new("a{ $b }.card"));
        assert!(text.ends_with("a{ $b }.card"), "{text}");
        assert!(!text.contains(['\u{2068}', '\u{2069}']), "{text}");
    }
}

#[test]
fn a_text_whose_parameter_is_missing_is_not_shown_in_part() {
    speak(Language::Ru);
    assert_eq!(find("HB4001-name", None, &[]), None);
    assert!(find("HB4001-name", None, &[("name", "x".into())]).is_some_and(|text| text.contains("«x»")));
}
