//! Refusals of the schema, as problems with codes and parameters: names of fields and codes, never a value that could
//! be content of a case.

use crate::{
    app::control::{Problem, codes},
    record::{
        date::DateError,
        schema::{Commons, LevelError, Schema, ValueError},
    },
};

/// Converts a value error into a problem with its code.
#[must_use]
pub fn value_problem(error: &ValueError) -> Problem {
    let message = error.to_string();
    let bad = |about, field: &String| Problem::new(codes::BAD_VALUE, &message).saying(about).with("field", field);
    match error {
        ValueError::UnknownField { field, nearest } => {
            let problem = Problem::new(codes::NO_FIELD, message).saying("field").with("field", field);
            match nearest {
                Some(nearest) => problem.saying("nearest").with("nearest", nearest),
                None => problem,
            }
        }
        ValueError::Computed { field } => {
            Problem::new(codes::NO_FIELD, message).saying("computed").with("field", field)
        }
        ValueError::UnknownCode { field, code, near } => {
            let problem = Problem::new(codes::UNKNOWN_CODE, message);
            let problem = problem.saying("code").with("field", field).with("code", code);
            if near.is_empty() { problem } else { problem.saying("nearest").with("nearest", near.join(", ")) }
        }
        ValueError::Type { field, .. } => bad("type", field).with("form", form(field)),
        ValueError::Form { field, .. } => bad("form", field).with("form", form(field)),
        ValueError::Date { field, source } => bad(date(source), field),
        ValueError::TooLong { field, found, limit, unit } => {
            bad("long", field).with("found", *found).with("limit", *limit).with("unit", *unit)
        }
        ValueError::TooLarge { field, limit } => bad("large", field).with("limit", *limit),
        ValueError::Empty { field } => bad("empty", field),
    }
}

/// Converts a level error into a problem with its code.
#[must_use]
pub fn level_problem(error: &LevelError) -> Problem {
    let problem = Problem::new(codes::LEVEL, error.to_string());
    match error {
        LevelError::Local { field } => problem.saying("own").with("field", field),
        LevelError::LocalTerm { field, twin: None } => problem.saying("own-code").with("field", field),
        LevelError::LocalTerm { field, twin: Some(twin) } => {
            problem.saying("own-code-field").with("field", field).with("twin", twin)
        }
        LevelError::NameOfOrganisation { field } => problem.saying("name").with("field", field),
        LevelError::NotForCommons { field } => problem.saying("commons").with("field", field),
        LevelError::TooFine { field, .. } => {
            problem.saying("fine").with("field", field).with("allowed", allowed(field))
        }
    }
}

/// The name of the form that values of a field have.
fn form(field: &str) -> &'static str {
    Schema::current().field(field).map_or("other", |field| field.kind.word())
}

/// The name of what the commons may hold of a field.
fn allowed(field: &str) -> &'static str {
    match Schema::current().field(field).map(|field| &field.commons) {
        Some(Commons::Year) => "year",
        Some(Commons::Group(_)) => "group",
        Some(Commons::Exact) => "exact",
        Some(Commons::None) | None => "nothing",
    }
}

const fn date(error: &DateError) -> &'static str {
    match error {
        DateError::Form => "date",
        DateError::NoSuchDay => "no-such-day",
        DateError::Year => "year",
        DateError::Reversed => "reversed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::control::SITUATIONS;

    /// Checks that the situation of the problem is known, with exactly the parameters in the table.
    fn check(problem: &Problem, expected: &str) {
        let situation = problem.situation.as_ref().expect("it is about something");
        assert_eq!(situation.about, expected);
        let row = SITUATIONS.iter().find(|(code, about, _)| (*code, *about) == (&*problem.code, expected));
        let (.., parameters) = row.unwrap_or_else(|| panic!("{problem:?} is in no table"));
        let mut parameters = parameters.to_vec();
        parameters.sort_unstable();
        assert_eq!(situation.params.keys().collect::<Vec<_>>(), parameters, "{problem:?}");
    }

    #[test]
    fn every_refusal_of_a_value_says_what_it_is_about_with_the_parameters_of_the_table() {
        let field = || "docket_penalty.months".to_owned();
        let nearest = || Some("docket_penalty.type".to_owned());
        let code = || "fine".to_owned();
        let problem = |error: ValueError| value_problem(&error);
        check(&problem(ValueError::UnknownField { field: field(), nearest: None }), "field");
        check(&problem(ValueError::UnknownField { field: field(), nearest: nearest() }), "nearest");
        check(&problem(ValueError::Computed { field: field() }), "computed");
        check(&problem(ValueError::UnknownCode { field: field(), code: code(), near: vec![] }), "code");
        let near = vec![code()];
        check(&problem(ValueError::UnknownCode { field: field(), code: code(), near }), "nearest");
        check(&problem(ValueError::Type { field: field(), expected: "a number" }), "type");
        check(&problem(ValueError::Form { field: field(), expected: "a number" }), "form");
        check(&problem(ValueError::TooLong { field: field(), found: 3, limit: 2, unit: "bytes" }), "long");
        check(&problem(ValueError::TooLarge { field: field(), limit: 2 }), "large");
        check(&problem(ValueError::Empty { field: field() }), "empty");
        for (source, about) in [
            (DateError::Form, "date"),
            (DateError::NoSuchDay, "no-such-day"),
            (DateError::Year, "year"),
            (DateError::Reversed, "reversed"),
        ] {
            check(&problem(ValueError::Date { field: field(), source }), about);
        }
    }

    #[test]
    fn every_refusal_of_a_level_says_what_it_is_about_with_the_parameters_of_the_table() {
        let field = || "capture_episode.date".to_owned();
        check(&level_problem(&LevelError::Local { field: field() }), "own");
        check(&level_problem(&LevelError::LocalTerm { field: field(), twin: None }), "own-code");
        check(&level_problem(&LevelError::LocalTerm { field: field(), twin: Some(field()) }), "own-code-field");
        check(&level_problem(&LevelError::NameOfOrganisation { field: field() }), "name");
        check(&level_problem(&LevelError::NotForCommons { field: field() }), "commons");
        check(&level_problem(&LevelError::TooFine { field: field(), allowed: "the year" }), "fine");
    }
}
