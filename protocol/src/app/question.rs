//! Precedent search: article × circumstance × argument × court → response.
//!
//! [`Answers`] is what a docket can be asked about: it has codes, under which the catalogue finds the docket, and it
//! tells whether the docket answers a question. A disputed field matches with each of its values.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    app::{
        catalogue::{Filter, TOO_MANY},
        control::{Answered, Found, Problem, Question},
        desk::value_problem,
    },
    record::{
        citation::{Article, ArticleForm},
        docket::Docket,
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
    pub fn found_in(&self, docket: &Answers) -> Option<Found> {
        let articles = self.charges(docket);
        let arguments: Vec<_> = docket.arguments.iter().filter(|argument| self.is_answered(argument)).collect();
        let at_court = || self.court.as_ref().is_none_or(|court| docket.courts.contains(court));
        let answers = (self.charge.is_none() || !articles.is_empty())
            && if self.asks_arguments() { !arguments.is_empty() } else { at_court() };
        answers.then(|| Found {
            articles: articles.into_iter().map(str::to_owned).collect(),
            arguments: arguments.into_iter().cloned().collect(),
        })
    }

    /// The dockets to look at, and whether each of them answers.
    #[must_use]
    pub fn filter(&self) -> (Filter, bool) {
        let (charge, is_one) = self.charge.as_ref().map(Charge::code).unzip();
        let of = |word: &str, code: &Option<String>| code.as_ref().map(|code| format!("{word} {code}"));
        let pair = self.argument.as_ref().zip(self.response.as_ref());
        let pair = pair.map(|(argument, response)| answer_code(argument, response));
        let arguments: Vec<String> = match pair {
            Some(pair) => vec![pair],
            None => of("argument", &self.argument).into_iter().chain(of("response", &self.response)).collect(),
        };
        let rest: Vec<String> =
            of("circumstance", &self.circumstance).into_iter().chain(of("court", &self.court)).collect();
        // Two codes may be those of two arguments, of which neither answers.
        let is_exact = is_one.unwrap_or(true) && (arguments.len() + rest.len() <= 1);
        let codes: Vec<String> = charge.into_iter().chain(arguments).chain(rest).collect();
        let codes = if codes.is_empty() { vec![EVERY.to_owned()] } else { codes };
        (Filter { codes, instead: Some(TOO_MANY.to_owned()) }, is_exact)
    }

    fn asks_arguments(&self) -> bool {
        self.argument.is_some() || self.circumstance.is_some() || self.response.is_some()
    }

    /// The charges asked for, as codes and published provisions.
    fn charges<'a>(&self, docket: &'a Answers) -> BTreeSet<&'a str> {
        let asked =
            docket.charges.iter().filter(|made| self.charge.as_ref().is_none_or(|charge| charge.is_made_in(made)));
        asked.flat_map(|made| made.codes.iter().chain(&made.provisions)).map(String::as_str).collect()
    }

    fn is_answered(&self, argument: &Answered) -> bool {
        let has = |asked: &Option<String>, said: &[String]| asked.as_ref().is_none_or(|asked| said.contains(asked));
        has(&self.argument, &argument.argument)
            && has(&self.circumstance, &argument.circumstances)
            && has(&self.court, &argument.courts)
            && has(&self.response, &argument.response)
    }
}

/// Answers that a docket can give: its charges, its arguments, its courts.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    charges: Vec<Made>,
    arguments: Vec<Answered>,
    /// All courts of the docket: its own, and those that decided.
    courts: BTreeSet<String>,
}

/// Shows counts, never content.
impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} charges, {} arguments)", self.charges.len(), self.arguments.len())
    }
}

/// A charge made: one code, unless disputed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    codes: Vec<String>,
    provisions: Vec<String>,
    forms: Vec<String>,
}

/// The code of every docket that can be asked.
const EVERY: &str = "every";

impl Answers {
    /// Collects the charges, arguments and courts of a docket.
    #[must_use]
    pub fn of(docket: &Docket) -> Self {
        let charges = docket.sheet.of_kind("docket_charge");
        let courts =
            ["docket", "docket_decision", "docket_event"].into_iter().flat_map(|kind| docket.sheet.of_kind(kind));
        let texts =
            |record: &Record, field: &str| record.texts(field).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let made = |charge: &Record| Made {
            codes: texts(charge, "code"),
            provisions: texts(charge, "provision"),
            forms: texts(charge, "form"),
        };
        Self {
            charges: charges.into_iter().map(made).collect(),
            arguments: docket
                .arguments
                .iter()
                .map(|argument| Answered {
                    argument: argument.codes.clone(),
                    circumstances: argument.circumstances.clone(),
                    response: argument.responses.clone(),
                    courts: argument.courts.clone(),
                })
                .collect(),
            courts: courts.flat_map(|record| texts(record, "court_id")).collect(),
        }
    }

    /// The codes by which the docket is found.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<String> {
        let mut codes = BTreeSet::from([EVERY.to_owned()]);
        for made in &self.charges {
            codes.extend(made.codes.iter().map(|code| charge_code(code)));
            for article in made.articles() {
                let forms = made.forms_of(&article);
                let forms: Vec<Option<&str>> = [None].into_iter().chain(forms.iter().map(|form| Some(*form))).collect();
                for part in [None, article.part.as_deref()] {
                    for point in [None].into_iter().chain(article.points.iter().map(|point| Some(&**point))) {
                        codes.extend(forms.iter().map(|form| article_code(&article.article, part, point, *form)));
                    }
                }
            }
        }
        for answered in &self.arguments {
            let Answered { argument, circumstances, response, .. } = answered;
            codes.extend(argument.iter().map(|code| format!("argument {code}")));
            codes.extend(response.iter().map(|code| format!("response {code}")));
            codes.extend(circumstances.iter().map(|code| format!("circumstance {code}")));
            codes.extend(argument.iter().flat_map(|code| response.iter().map(|said| answer_code(code, said))));
        }
        codes.extend(self.courts.iter().map(|court| format!("court {court}")));
        codes
    }
}

#[cfg(test)]
impl Answers {
    /// A docket with the arguments of another one, each `times` times.
    pub(crate) fn many(of: &Self, times: usize) -> Self {
        Self { arguments: vec![of.arguments[0].clone(); times], ..of.clone() }
    }
}

impl Made {
    /// The articles of the charge: from its code, and as published.
    fn articles(&self) -> Vec<Article> {
        let coded = self.codes.iter().filter_map(|code| Article::of_charge_code(code));
        let published = self.provisions.iter().filter_map(|text| Article::read_all(text).ok()).flatten();
        coded.chain(published).collect()
    }

    /// The forms of the offence under an article of the charge: those stated, and that of the article.
    fn forms_of<'a>(&'a self, article: &'a Article) -> BTreeSet<&'a str> {
        self.forms.iter().map(String::as_str).chain(article.form.as_ref().map(ArticleForm::code)).collect()
    }
}

impl Charge {
    fn is_made_in(&self, made: &Made) -> bool {
        match self {
            Self::Code(code) => made.codes.contains(code),
            Self::Article(article) => {
                let form = article.form.as_ref().map(ArticleForm::code);
                let is_it = |charged: &Article| {
                    article.holds(charged) && form.is_none_or(|form| made.forms_of(charged).contains(form))
                };
                made.articles().iter().any(is_it)
            }
        }
    }

    /// The code under which dockets with the charge are found, and whether all of them have it.
    fn code(&self) -> (String, bool) {
        match self {
            Self::Code(code) => (charge_code(code), true),
            Self::Article(Article { article, part, points, form }) => {
                let form = form.as_ref().map(ArticleForm::code);
                let point = points.first().map(String::as_str);
                (article_code(article, part.as_deref(), point, form), points.len() <= 1)
            }
        }
    }
}

fn charge_code(code: &str) -> String {
    format!("charge {code}")
}

fn article_code(article: &str, part: Option<&str>, point: Option<&str>, form: Option<&str>) -> String {
    let or_any = |text: Option<&str>| text.unwrap_or("*").to_owned();
    format!("article {article} {} {} {}", or_any(part), or_any(point), or_any(form))
}

fn answer_code(argument: &str, response: &str) -> String {
    format!("answer {argument} {response}")
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
        Sought::read(&question(text))
            .unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
            .found_in(&Answers::of(&docket()))
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

    /// The catalogue looks at the dockets that have the codes of a question: it must miss none, and a number that it
    /// gives without looking must be right.
    #[test]
    fn the_codes_of_a_question_miss_no_docket_that_answers_and_tell_when_they_are_exact() {
        let answers = Answers::of(&docket());
        let codes = answers.codes();
        let articles = [
            "-",
            "352.1",
            "338",
            "ч. 3 ст. 338",
            "ст. 158 п. а",
            "ст. 158 п. а, в",
            "ч.1 ст.30, ст.352.1",
            "275",
            "RU-CC-other",
        ];
        let arguments = ["-", "ARG-ORDER", "ARG-RETRO", "ARG-ALIBI-FACT"];
        let circumstances = ["-", "ordered_to_surrender", "wounded"];
        let courts = ["-", "99OV0000", "99GV0002"];
        let responses = ["-", "accepted", "rej_formal", "rej_reasoned"];
        let (mut answered, mut exact, mut looked) = (0, 0, 0);
        for article in articles {
            for argument in arguments {
                for circumstance in circumstances {
                    for court in courts {
                        for response in responses {
                            let text = [article, argument, circumstance, court, response].join(" | ");
                            let Ok(sought) = Sought::read(&question(&text)) else { continue };
                            let (filter, is_exact) = sought.filter();
                            let has_all = filter.codes.iter().all(|code| codes.contains(code));
                            let is_found = sought.found_in(&answers).is_some();
                            assert!(!is_found || has_all, "{text}: missed, {:?} of {codes:?}", filter.codes);
                            assert!(!is_exact || has_all == is_found, "{text}: not exact");
                            answered += u32::from(is_found);
                            exact += u32::from(is_exact);
                            looked += u32::from(has_all && !is_found);
                        }
                    }
                }
            }
        }
        assert!(answered > 50 && exact > 50 && looked > 10, "{answered} {exact} {looked}");
    }

    #[test]
    fn no_question_is_answered_by_every_docket() {
        assert_eq!(found("-").map(|found| (found.articles.len(), found.arguments.len())), Some((4, 2)));
    }
}
