//! Controlled vocabularies: stable codes, labels in three languages, and the nearest code to a mistyped one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A language of the labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
    /// Ukrainian.
    Uk,
}

/// What a thing is called, in each language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Labels {
    /// English.
    pub en: String,
    /// Russian.
    pub ru: String,
    /// Ukrainian.
    pub uk: String,
}

impl Labels {
    /// The label in `language`.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Ru => &self.ru,
            Language::Uk => &self.uk,
        }
    }

    /// All three, in the order en, ru, uk.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&*self.en, &*self.ru, &*self.uk].into_iter()
    }
}

/// One code of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Stable for ever.
    pub code: String,
    /// May improve.
    pub labels: Labels,
    /// How to use it, in English; empty if there is nothing to add.
    pub note: String,
}

/// A list of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Such as `capture_circumstance`.
    pub id: String,
    /// What it lists, in English.
    pub title: String,
    /// The terms, in the order to show them.
    pub terms: Vec<Term>,
}

impl Vocabulary {
    /// The term with this code.
    #[must_use]
    pub fn term(&self, code: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.code == code)
    }

    /// Label of `code`; a code of a newer schema is shown raw.
    #[must_use]
    pub fn label<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.term(code).map_or(code, |term| term.labels.in_language(language))
    }

    /// The code a person means by `text`: the code itself or a label in any language, letter case aside.
    #[must_use]
    pub fn code_of(&self, text: &str) -> Option<&str> {
        if let Some(term) = self.term(text) {
            return Some(&term.code);
        }
        let text = fold(text);
        let named = |term: &&Term| fold(&term.code) == text || term.labels.all().any(|label| fold(label) == text);
        self.terms.iter().find(named).map(|term| &*term.code)
    }

    /// The code whose spelling or label is nearest to `text`; none if nothing is near.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<&str> {
        let spellings = self.terms.iter().flat_map(|term| {
            std::iter::once(&*term.code).chain(term.labels.all()).map(move |spelling| (spelling, &*term.code))
        });
        nearest(text, spellings)
    }
}

/// Lower case, ё as е: how two spellings are compared.
fn fold(text: &str) -> Cow<'_, str> {
    // Told without a table where it can be: most texts are ASCII or lower-case Cyrillic, and an import compares millions.
    let is_lower = |c: char| match c {
        'ё' => false,
        'а'..='я' | 'є' | 'і' | 'ї' | 'ґ' => true,
        c if c.is_ascii() => !c.is_ascii_uppercase(),
        c => c.to_lowercase().eq(std::iter::once(c)),
    };
    let same = text.chars().all(is_lower);
    if same { text.into() } else { text.to_lowercase().replace('ё', "е").into() }
}

/// The second of the pair whose first is nearest to `text`; none if less than half agrees.
pub(crate) fn nearest<'a>(text: &str, spellings: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let text = fold(text);
    let mut best = (0.0, None);
    for (spelling, name) in spellings {
        let near = strsim::normalized_damerau_levenshtein(&text, &fold(spelling));
        if near >= 0.5 && near > best.0 {
            best = (near, Some(name));
        }
    }
    best.1
}

/// A vocabulary as written in `vocab.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VocabularyRow {
    id: String,
    title: String,
    #[serde(rename = "conflict")]
    _conflict: String, // superseded by the policy of each field
    terms: Vec<TermRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermRow {
    code: String,
    en: String,
    ru: String,
    uk: String,
    #[serde(default)]
    note: String,
}

impl From<VocabularyRow> for Vocabulary {
    fn from(row: VocabularyRow) -> Self {
        let term = |TermRow { code, en, ru, uk, note }| Term { code, labels: Labels { en, ru, uk }, note };
        Self { id: row.id, title: row.title, terms: row.terms.into_iter().map(term).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn circumstances() -> &'static Vocabulary {
        Schema::current().vocabulary("capture_circumstance").expect("the vocabulary exists")
    }

    #[test]
    fn a_person_may_type_the_code_or_a_label_in_any_language() {
        let check = |text, expected| assert_eq!(circumstances().code_of(text), expected, "{text}");
        check("wounded", Some("wounded"));
        check("WOUNDED", Some("wounded"));
        let labels = &circumstances().term("wounded").expect("the code exists").labels;
        labels.all().for_each(|label| check(label, Some("wounded")));
        check("woundet", None);
    }

    #[test]
    fn a_mistyped_code_is_told_its_nearest() {
        let check = |text, expected| assert_eq!(circumstances().nearest(text), expected, "{text}");
        check("woundet", Some("wounded"));
        check("out-of-amo", Some("out_of_ammo"));
        check("zzzzzzzzzzzz", None);
    }

    #[test]
    fn a_code_of_a_newer_schema_is_shown_raw() {
        assert_eq!(circumstances().label("beamed_up", Language::Uk), "beamed_up");
        assert_ne!(circumstances().label("wounded", Language::Uk), "wounded");
    }
}
