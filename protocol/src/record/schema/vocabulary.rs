//! Controlled vocabularies: stable codes, labels in three languages, and the nearest code to a mistyped one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How alike a spelling must be to be suggested, from 0 to 1.
const NEAR: f64 = 0.6;
/// How alike a spelling is at least that begins with what was typed.
const BEGINS: f64 = 0.7;
/// How much less alike than the best a second suggestion may be.
const BESIDE: f64 = 0.15;
/// How many are suggested at most.
const SUGGESTED: usize = 3;

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

    /// The codes whose spelling or label is near to `text`, the nearest first: three at most, none if nothing is near.
    #[must_use]
    pub fn near(&self, text: &str) -> Vec<&str> {
        let spellings = self.terms.iter().flat_map(|term| {
            std::iter::once(&*term.code).chain(term.labels.all()).map(move |spelling| (spelling, &*term.code))
        });
        near(text, spellings)
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

/// The second of the pair whose first is nearest to `text`; none if nothing is near.
pub(crate) fn nearest<'a>(text: &str, spellings: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    near(text, spellings).first().copied()
}

/// The second of each pair whose first is near to `text`, the nearest first. What is merely similar is noise: of a short
/// text every other letter would be, and what fits everything suggests nothing.
pub(crate) fn near<'a>(text: &str, spellings: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<&'a str> {
    let text = fold(text);
    let mut found: Vec<(f64, &str)> = Vec::new();
    for (spelling, name) in spellings {
        let alike = likeness(&text, &fold(spelling));
        match found.iter_mut().find(|(_, known)| *known == name) {
            Some((known, _)) => *known = known.max(alike),
            None => found.push((alike, name)),
        }
    }
    found.retain(|(alike, _)| *alike >= NEAR);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = found.first().map_or(0.0, |best| best.0);
    let as_good = found.iter().filter(|(alike, _)| *alike == best).count();
    // What is much less near than the best is no alternative to it.
    found.retain(|(alike, _)| best - *alike <= BESIDE);
    if as_good > SUGGESTED { Vec::new() } else { found.into_iter().take(SUGGESTED).map(|(_, name)| name).collect() }
}

/// How alike two folded spellings are, from 0 to 1. The beginning of a word is near to it.
fn likeness(text: &str, spelling: &str) -> f64 {
    let begins = text.chars().count() >= 3 && spelling.starts_with(text);
    let alike = strsim::normalized_damerau_levenshtein(text, spelling);
    if begins { alike.max(BEGINS) } else { alike }
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
    use crate::record::schema::Schema;

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
    fn a_mistyped_code_is_told_what_is_near_and_nothing_that_is_not() {
        let check = |text, expected: &[&str]| assert_eq!(circumstances().near(text), expected, "{text}");
        check("woundet", &["wounded"]);
        check("wound", &["wounded"]);
        check("out-of-amo", &["out_of_ammo"]);
        check("zzzzzzzzzzzz", &[]);
        let near = |vocabulary: &str, text: &str| {
            Schema::current().vocabulary(vocabulary).expect("the vocabulary exists").near(text).join(" ")
        };
        assert_eq!(near("service_category", "mobilized"), "mobilised");
        // Of seven codes of two letters every one is as near as the others.
        assert_eq!(near("consent_level", "C9"), "");
        assert_eq!(near("consent_level", "x1"), "");
    }

    #[test]
    fn a_code_of_a_newer_schema_is_shown_raw() {
        assert_eq!(circumstances().label("beamed_up", Language::Uk), "beamed_up");
        assert_ne!(circumstances().label("wounded", Language::Uk), "wounded");
    }
}
