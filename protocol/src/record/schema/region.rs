//! Regions (ISO 3166-2) by name, for the three countries that occur most in records.
//!
//! Occupied regions keep their Ukrainian codes: Crimea is UA-43, Sevastopol UA-40. Regions of other countries are
//! accepted by their form and shown raw.

use super::{Labels, Term, Vocabulary};

/// Countries whose regions are listed completely; an unlisted code of these is a mistake.
const LISTED: [&str; 3] = ["RU", "UA", "BY"];

/// Parses the table `data/regions.tsv`: `code`, three labels.
pub(super) fn table(tsv: &str) -> Vocabulary {
    let terms = tsv.lines().skip(1).map(|row| {
        let [code, en, ru, uk]: [&str; 4] =
            row.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("four columns, not: {row}"));
        let labels = Labels { en: en.into(), ru: ru.into(), uk: uk.into() };
        Term { code: code.into(), labels, note: String::new() }
    });
    Vocabulary { id: "region".into(), title: "Regions (ISO 3166-2)".into(), terms: terms.collect() }
}

/// Whether `code` has the form of ISO 3166-2: two letters, hyphen, one to three letters or digits.
pub(super) fn well_formed(code: &str) -> bool {
    let Some((country, part)) = code.split_once('-') else { return false };
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=3).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether the table lists all regions of the country of `code`.
pub(super) fn is_listed(code: &str) -> bool {
    LISTED.iter().any(|country| code.starts_with(country))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::record::schema::Schema;

    #[test]
    fn each_country_is_complete_and_each_name_is_its_own() {
        let terms = &Schema::current().regions().terms;
        let count = |country: &str| terms.iter().filter(|term| term.code.starts_with(country)).count();
        assert_eq!((count("RU-"), count("UA-"), count("BY-"), terms.len()), (83, 27, 7, 117));
        assert_eq!(terms.iter().map(|term| &term.code).collect::<BTreeSet<_>>().len(), 117);
        for language in 0..3 {
            let names: BTreeSet<_> = terms.iter().filter_map(|term| term.labels.all().nth(language)).collect();
            assert_eq!(names.len(), 117, "a name is used twice");
        }
        assert!(terms.iter().all(|term| well_formed(&term.code) && term.labels.all().all(|label| !label.is_empty())));
    }

    #[test]
    fn occupied_regions_are_ukrainian() {
        let regions = Schema::current().regions();
        for (code, name) in
            [("UA-43", "Крым"), ("UA-40", "Севастополь"), ("UA-14", "Донецкая"), ("UA-23", "Запорожская")]
        {
            assert!(regions.term(code).expect(code).labels.ru.contains(name));
        }
        assert!(regions.term("RU-CR").is_none());
        assert!(regions.term("RU-SEV").is_none());
    }
}
