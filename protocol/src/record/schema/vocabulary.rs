//! Controlled vocabularies: stable codes, labels in three languages, and suggestions for mistyped codes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Similarity from 0 to 1 that a spelling needs to be suggested.
const THRESHOLD: f64 = 0.6;
/// Least similarity of a spelling that begins with the typed text.
const PREFIX_SIMILARITY: f64 = 0.7;
/// Largest difference in similarity between the best and a further suggestion.
const MARGIN: f64 = 0.15;
/// Largest number of suggestions.
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

/// Labels of a term in each language.
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

    /// All three labels, in the order en, ru, uk.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&*self.en, &*self.ru, &*self.uk].into_iter()
    }
}

/// A term: one code of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The code, which never changes.
    pub code: String,
    /// The labels, which may be improved.
    pub labels: Labels,
    /// Usage note in English; may be empty.
    pub note: String,
}

/// A vocabulary: a list of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Id of the vocabulary, such as `capture_circumstance`.
    pub id: String,
    /// Title in English.
    pub title: String,
    /// The terms in display order.
    pub terms: Vec<Term>,
}

impl Vocabulary {
    /// The term with this code.
    #[must_use]
    pub fn term(&self, code: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.code == code)
    }

    /// The label of `code`; a code of a newer schema is shown raw.
    #[must_use]
    pub fn label<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.term(code).map_or(code, |term| term.labels.in_language(language))
    }

    /// The code for a typed text: the code itself or a label in any language, ignoring letter case.
    #[must_use]
    pub fn code_of(&self, text: &str) -> Option<&str> {
        if let Some(term) = self.term(text) {
            return Some(&term.code);
        }
        let text = fold(text);
        let named = |term: &&Term| fold(&term.code) == text || term.labels.all().any(|label| fold(label) == text);
        self.terms.iter().find(named).map(|term| &*term.code)
    }

    /// The codes whose spelling or label is similar to `text`, the most similar first: three at most, none if nothing
    /// is similar enough.
    #[must_use]
    pub fn near(&self, text: &str) -> Vec<&str> {
        let spellings = self.terms.iter().flat_map(|term| {
            std::iter::once(&*term.code).chain(term.labels.all()).map(move |spelling| (spelling, &*term.code))
        });
        near(text, spellings)
    }
}

/// Folds a text for comparison: lower case, ё as е.
fn fold(text: &str) -> Cow<'_, str> {
    // A fast path for ASCII and lower-case Cyrillic, which most texts are: an import compares millions of them.
    let is_lower = |c: char| match c {
        'ё' => false,
        'а'..='я' | 'є' | 'і' | 'ї' | 'ґ' => true,
        c if c.is_ascii() => !c.is_ascii_uppercase(),
        c => c.to_lowercase().eq(std::iter::once(c)),
    };
    let same = text.chars().all(is_lower);
    if same { text.into() } else { text.to_lowercase().replace('ё', "е").into() }
}

/// Returns the second of the pair whose first is most similar to `text`; none if nothing is similar enough.
pub(crate) fn nearest<'a>(text: &str, spellings: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    near(text, spellings).first().copied()
}

/// Returns the second of each pair whose first is similar to `text`, the most similar first. If more than three fit
/// equally well, none is returned: with short texts every code does, and such suggestions are noise.
pub(crate) fn near<'a>(text: &str, spellings: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<&'a str> {
    let text = fold(text);
    let mut found: Vec<(f64, &str)> = Vec::new();
    for (spelling, name) in spellings {
        let similarity = similarity(&text, &fold(spelling));
        match found.iter_mut().find(|(_, known)| *known == name) {
            Some((known, _)) => *known = known.max(similarity),
            None => found.push((similarity, name)),
        }
    }
    found.retain(|(similarity, _)| *similarity >= THRESHOLD);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = found.first().map_or(0.0, |best| best.0);
    let as_good = found.iter().filter(|(similarity, _)| *similarity == best).count();
    // A candidate much less similar than the best is no alternative to it.
    found.retain(|(similarity, _)| best - *similarity <= MARGIN);
    if as_good > SUGGESTED { Vec::new() } else { found.into_iter().take(SUGGESTED).map(|(_, name)| name).collect() }
}

/// Similarity of two folded spellings, from 0 to 1. The beginning of a word counts as similar to it.
fn similarity(text: &str, spelling: &str) -> f64 {
    let begins = text.chars().count() >= 3 && spelling.starts_with(text);
    let similarity = strsim::normalized_damerau_levenshtein(text, spelling);
    if begins { similarity.max(PREFIX_SIMILARITY) } else { similarity }
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
        // Each of the seven codes of two letters is as similar as the others.
        assert_eq!(near("consent_level", "C9"), "");
        assert_eq!(near("consent_level", "x1"), "");
    }

    #[test]
    fn a_code_of_a_newer_schema_is_shown_raw() {
        assert_eq!(circumstances().label("beamed_up", Language::Uk), "beamed_up");
        assert_ne!(circumstances().label("wounded", Language::Uk), "wounded");
    }
}
