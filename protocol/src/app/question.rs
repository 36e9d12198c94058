//! Precedent search in one docket: article × circumstance × argument × court → response.
//!
//! A pure function of a question and a docket. A disputed field matches with each of its values.

use std::collections::BTreeSet;

use crate::{
    app::{
        control::{Answered, Found, Problem, Question},
        desk::value_problem,
    },
    record::{
        citation::{Article, ArticleForm},
        docket::{Argument, Docket},
        schema::Schema,
        section::sheet::Record,
    },
};

/// A question of which every code is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    charge: Option<Charge>,
    argument: Option<String>,
    circumstance: Option<String>,
    court: Option<String>,
    response: Option<String>,
}

/// The charge that a question asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Charge {
    /// An article or a part of it.
    Article(Article),
    /// A code of a charge that is not an article.
    Code(String),
}

impl Sought {
    /// Parses a question.
    ///
    /// # Errors
    /// A code that is not known, with the nearest known one.
    pub fn read(question: &Question) -> Result<Self, Problem> {
        let Question { article, argument, circumstance, court, response } = question;
        let code = |field: &str, text: &Option<String>| {
            let value = text.as_ref().map(|text| Schema::current().parse(field, text)).transpose();
            let value = value.map_err(|error| value_problem(&error))?;
            Ok::<_, Problem>(value.and_then(|value| value.as_text().map(str::to_owned)))
        };
        Ok(Self {
            charge: article.as_deref().map(charge).transpose()?,
            argument: code("docket_argument.code", argument)?,
            circumstance: code("docket_argument.circumstance", circumstance)?,
            court: code("docket.court_id", court)?,
            response: code("docket_argument.response", response)?,
        })
    }

    /// The matching charges and arguments of a docket; `None` if the docket does not answer.
    #[must_use]
    pub fn found_in(&self, docket: &Docket) -> Option<Found> {
        let articles = self.charges(docket);
        let arguments: Vec<_> = docket.arguments.iter().filter(|argument| self.is_answered(argument)).collect();
        let asks_arguments = self.argument.is_some() || self.circumstance.is_some() || self.response.is_some();
        let at_court = || self.court.as_ref().is_none_or(|court| courts(docket).contains(&**court));
        let answers = (self.charge.is_none() || !articles.is_empty())
            && if asks_arguments { !arguments.is_empty() } else { at_court() };
        let answered = |argument: &Argument| Answered {
            argument: argument.codes.clone(),
            circumstances: argument.circumstances.clone(),
            response: argument.responses.clone(),
            courts: argument.courts.clone(),
        };
        answers.then(|| Found {
            articles: articles.into_iter().map(str::to_owned).collect(),
            arguments: arguments.into_iter().map(answered).collect(),
        })
    }

    /// The charges asked for, as codes and published provisions.
    fn charges<'a>(&self, docket: &'a Docket) -> BTreeSet<&'a str> {
        let charges = docket.sheet.of_kind("docket_charge").into_iter();
        let asked = charges.filter(|record| self.charge.as_ref().is_none_or(|charge| charge.is_made_in(record)));
        asked.flat_map(|record| [record.texts("code"), record.texts("provision")].concat()).collect()
    }

    fn is_answered(&self, argument: &Argument) -> bool {
        let has = |asked: &Option<String>, said: &[String]| asked.as_ref().is_none_or(|asked| said.contains(asked));
        has(&self.argument, &argument.codes)
            && has(&self.circumstance, &argument.circumstances)
            && has(&self.court, &argument.courts)
            && has(&self.response, &argument.responses)
    }
}

impl Charge {
    fn is_made_in(&self, charge: &Record) -> bool {
        match self {
            Self::Code(code) => charge.texts("code").contains(&&**code),
            Self::Article(article) => {
                let stated = charge.texts("form");
                let has_form = |charged: &Article, form: &str| {
                    stated.contains(&form) || charged.form.as_ref().is_some_and(|charged| charged.code() == form)
                };
                let form = article.form.as_ref().map(ArticleForm::code);
                let is_it =
                    |charged: &Article| article.holds(charged) && form.is_none_or(|form| has_form(charged, form));
                articles(charge).iter().any(is_it)
            }
        }
    }
}

/// Parses an article, given by its code, by its label, or as courts write it. The vocabulary does not list a whole
/// article whose parts have codes, nor every article that exists.
fn charge(text: &str) -> Result<Charge, Problem> {
    let charges = Schema::current().vocabulary("charge").expect("the schema has charges");
    if let Some(code) = charges.code_of(text) {
        return Ok(Article::of_charge_code(code).map_or_else(|| Charge::Code(code.to_owned()), Charge::Article));
    }
    let coded = Article::of_charge_code(&text.trim().to_uppercase());
    let listed = |article: &Article| {
        charges.terms.iter().filter_map(|term| Article::of_charge_code(&term.code)).any(|known| article.holds(&known))
    };
    match (coded.filter(listed), Article::read_all(text).as_deref()) {
        (Some(article), _) => Ok(Charge::Article(article)),
        (None, Ok([article])) => Ok(Charge::Article(article.clone())),
        _ => match Schema::current().parse("docket_charge.code", text) {
            Err(error) => Err(value_problem(&error)),
            Ok(_) => unreachable!("what reads as a code or as one article was taken above"),
        },
    }
}

/// The articles of a charge: from its code, and as published.
fn articles(charge: &Record) -> Vec<Article> {
    let coded = charge.texts("code").into_iter().filter_map(Article::of_charge_code);
    let published = charge.texts("provision").into_iter().filter_map(|text| Article::read_all(text).ok()).flatten();
    coded.chain(published).collect()
}

/// All courts of a docket: its own, and those that decided.
fn courts(docket: &Docket) -> BTreeSet<&str> {
    let kinds = ["docket", "docket_decision", "docket_event"];
    let records = kinds.into_iter().flat_map(|kind| docket.sheet.of_kind(kind));
    records.flat_map(|record| record.texts("court_id")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::control::codes;
    use crate::record::section::sample::{self, refers, says};

    fn docket() -> Docket {
        Docket::new(&sample::view(&[
            vec![
                says(1, "docket.court_id", "99GV0002"),
                says(3, "docket_charge.code", "RU-CC-352.1"),
                says(3, "docket_charge.form", "preparation"),
                says(4, "docket_charge.code", "RU-CC-338.3"),
                says(8, "docket_charge.code", "RU-CC-other"),
                says(8, "docket_charge.provision", "ст. 158 ч. 3 п. а, в"),
                says(5, "docket_decision.court_id", "99OV0000"),
                says(6, "docket_argument.code", "ARG-ORDER"),
                says(6, "docket_argument.response", "accepted"),
                says(6, "docket_argument.circumstance", "ordered_to_surrender"),
                refers(6, "docket_argument.decision", 5),
                says(7, "docket_argument.code", "ARG-RETRO"),
            ],
            vec![says(7, "docket_argument.response", "ignored")],
            vec![says(7, "docket_argument.response", "rej_formal")],
        ]))
    }

    /// Parses a question from `article argument circumstance court response`, each `-` if not asked.
    fn question(text: &str) -> Question {
        let mut parts = text.split(" | ").map(|part| (part != "-").then(|| part.to_owned()));
        let mut next = || parts.next().flatten();
        Question { article: next(), argument: next(), circumstance: next(), court: next(), response: next() }
    }

    fn found(text: &str) -> Option<Found> {
        Sought::read(&question(text)).unwrap_or_else(|problem| panic!("{text}: {problem:?}")).found_in(&docket())
    }

    #[test]
    fn an_article_is_asked_by_code_by_label_or_as_courts_write_it_and_holds_its_parts() {
        let label =
            &Schema::current().vocabulary("charge").expect("charges").term("RU-CC-352.1").expect("it is listed").labels;
        let check = |article: &str, expected: &[&str]| {
            let articles = found(article).map(|found| found.articles).unwrap_or_default();
            assert_eq!(articles, expected, "{article}");
        };
        for article in ["RU-CC-352.1", "ru-cc-352.1", "352.1", "ст. 352.1", "352¹", "ч.1 ст.30, ст.352.1", &label.uk]
        {
            check(article, &["RU-CC-352.1"]);
        }
        check("RU-CC-338", &["RU-CC-338.3"]);
        check("ст. 338 ч. 3", &["RU-CC-338.3"]);
        check("ст. 158", &["RU-CC-other", "ст. 158 ч. 3 п. а, в"]);
        check("RU-CC-other", &["RU-CC-other", "ст. 158 ч. 3 п. а, в"]);
        for absent in ["ч. 3 ст. 30, ст. 352.1", "ст. 338 ч. 2", "352", "ст. 158 ч. 2", "RU-CC-275"] {
            check(absent, &[]);
        }
        assert_eq!(found("352.1").expect("it is charged").arguments.len(), 2, "nothing narrows the arguments");
    }

    #[test]
    fn an_argument_is_found_with_the_response_of_the_court_that_gave_it() {
        let check = |text: &str, expected: &[(&str, &[&str], &str)]| {
            let arguments = found(text).map(|found| found.arguments).unwrap_or_default();
            let said: Vec<_> = arguments
                .iter()
                .map(|argument| {
                    (
                        &*argument.argument[0],
                        argument.response.iter().map(|code| &**code).collect::<Vec<_>>(),
                        &*argument.courts[0],
                    )
                })
                .collect();
            let expected: Vec<_> =
                expected.iter().map(|(code, responses, court)| (*code, responses.to_vec(), *court)).collect();
            assert_eq!(said, expected, "{text}");
        };
        let order: (&str, &[&str], &str) = ("ARG-ORDER", &["accepted"], "99OV0000");
        let retro: (&str, &[&str], &str) = ("ARG-RETRO", &["ignored", "rej_formal"], "99GV0002");
        check("352.1 | ARG-ORDER", &[order]);
        check("- | arg-order | - | 99ov0000 | accepted", &[order]);
        check("- | - | ordered_to_surrender", &[order]);
        check("- | - | - | - | rej_formal", &[retro]);
        check("- | - | - | 99GV0002", &[retro]);
        check("- | ARG-ORDER | - | 99GV0002", &[]);
        check("- | ARG-ORDER | - | - | rej_formal", &[]);
        check("275 | ARG-ORDER", &[]);
        check("- | ARG-ALIBI-FACT", &[]);
    }

    #[test]
    fn a_code_that_is_none_is_answered_with_the_nearest() {
        let check = |text: &str, code: &str, part: &str| {
            let problem = Sought::read(&question(text)).expect_err("it is no code");
            assert!(problem.code == code && problem.message.contains(part), "{text}: {problem:?}");
        };
        check("RU-CC-352.2", codes::UNKNOWN_CODE, "did you mean RU-CC-352.1 or");
        check("352.1, 338", codes::UNKNOWN_CODE, "docket_charge.code");
        check("- | ARG-ORDR", codes::UNKNOWN_CODE, "did you mean ARG-ORDER?");
        check("- | - | woundet", codes::UNKNOWN_CODE, "did you mean wounded?");
        check("- | - | - | - | acepted", codes::UNKNOWN_CODE, "did you mean accepted?");
        check("- | - | - | the court", codes::BAD_VALUE, "code of a court");
        // A note is refused where only a code is allowed.
        check("- | our friends argued this", codes::UNKNOWN_CODE, "docket_argument.code");
    }

    #[test]
    fn no_question_is_answered_by_every_docket() {
        assert_eq!(found("-").map(|found| (found.articles.len(), found.arguments.len())), Some((4, 2)));
    }
}
