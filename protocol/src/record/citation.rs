//! Court numbers, articles and terms of punishment: parsing the ways in which they are written, and the normal form.
//!
//! Courts renumber cases at the turn of the year, articles come in any order with attempts and complicity in front,
//! life imprisonment is not a number of months: `vectors/citations.json` has real examples.

mod article;
mod court;
mod term;

pub use article::{Article, ArticleForm};
pub use court::{CourtNumber, CourtNumbers, CourtUid, is_court_id};
pub use term::Term;

use thiserror::Error;

/// Errors of parsing a citation. They never contain the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CitationError {
    /// The text is not a court number.
    #[error("not a court number; write it as 1-117/2022, former numbers in brackets: 1-5/2022 (1-205/2021)")]
    CourtNumber,
    /// The text is not a UID.
    #[error("not a UID; write it as 27GV0008-01-2019-000081-20")]
    CourtUid,
    /// The text is not a list of articles.
    #[error("not a list of articles; write them as ст. 158 ч. 3 п. в, ст. 352.1")]
    Articles,
    /// The text is not a term.
    #[error("not a term; write it as 1 год 6 месяцев, or пожизненно")]
    Term,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::record::date::Date;

    /// Reads every example of `vectors/citations.json`; the count shows that none was skipped.
    fn check_all(list: &str, count: usize, read: impl Fn(&str) -> Value) {
        let vectors: Value =
            serde_json::from_str(include_str!("../../vectors/citations.json")).expect("the vectors are JSON");
        let vectors = vectors[list].as_array().expect("a list of examples");
        assert_eq!(vectors.len(), count, "{list}");
        for vector in vectors {
            let text = vector["in"].as_str().expect("an example has a text");
            assert_eq!(read(text), vector["out"], "{list}: {text}");
        }
    }

    #[test]
    fn court_numbers_of_the_vectors() {
        let number = |number: &CourtNumber| serde_json::json!({ "seq": number.seq(), "year": number.year() });
        check_all("court_case_number", 7, |text| {
            let numbers: CourtNumbers = text.parse().expect(text);
            let mut out = number(&numbers.current);
            out["kind"] = numbers.current.kind().into();
            if !numbers.previous.is_empty() {
                out["previous"] = numbers.previous.iter().map(number).collect();
            }
            out
        });
    }

    #[test]
    fn court_uids_of_the_vectors() {
        check_all("court_uid", 1, |text| {
            let uid: CourtUid = text.parse().expect(text);
            assert_eq!(uid.to_string(), text);
            serde_json::json!({
                "court_id": uid.court_id(), "group": uid.group(), "year": uid.year(), "seq": uid.seq(), "check": uid.check()
            })
        });
    }

    #[test]
    fn articles_of_the_vectors() {
        check_all("articles", 10, |text| {
            let articles = Article::read_all(text).expect(text);
            let out = articles.iter().map(|article| {
                let mut out = serde_json::json!({ "art": article.article });
                if let Some(part) = &article.part {
                    out["part"] = (**part).into();
                }
                if !article.points.is_empty() {
                    out["points"] = article.points.clone().into();
                }
                if let Some(form) = &article.form {
                    out["form"] = form.code().into();
                }
                if let Some(ArticleForm::Complicity { part }) = &article.form {
                    out["complicity_part"] = (**part).into();
                }
                out
            });
            out.collect()
        });
    }

    #[test]
    fn dates_of_the_vectors() {
        let read = |text: &str| Date::read(text).expect(text).map_or(Value::Null, |date| date.to_string().into());
        check_all("dates", 6, read);
    }

    #[test]
    fn terms_of_the_vectors() {
        check_all("terms", 5, |text| match Term::read(text).expect(text) {
            Term::Months(months) => serde_json::json!({ "months": months }),
            Term::Life => serde_json::json!({ "months": null, "life": true }),
        });
    }
}
