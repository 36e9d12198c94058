//! Errors of an import file, as problems with codes and parameters: names of keys, fields and codes, and the labels in
//! the file.

use super::{FILE_BYTES, ImportError, Problem};
use crate::{
    app::{
        control::{self, codes},
        desk::value_problem,
    },
    record::schema::Schema,
};

impl ImportError {
    /// Converts the error into a problem; `line` and `path` give the place.
    #[must_use]
    pub fn problem(&self) -> control::Problem {
        let of_file = |about| control::Problem::new(codes::IMPORT, self.problem.to_string()).saying(about);
        let problem = match &self.problem {
            Problem::TooLong { found } => of_file("large").with("found", *found).with("limit", FILE_BYTES),
            Problem::NotText => of_file("text"),
            Problem::NotJson { .. } => of_file("json"),
            Problem::UnmappedKey { nearest: None } => of_file("key"),
            Problem::UnmappedKey { nearest: Some(nearest) } => of_file("key-nearest").with("nearest", nearest),
            Problem::RepeatedKey => of_file("key-twice"),
            Problem::Type { expected } => of_file("type").with("form", self.form(expected)),
            Problem::Value(error) => value_problem(error),
            Problem::UnknownLabel { label, nearest: None } => of_file("label").with("label", label),
            Problem::UnknownLabel { label, nearest: Some(nearest) } => {
                of_file("label-nearest").with("label", label).with("nearest", nearest)
            }
            Problem::RepeatedLabel => of_file("label-twice"),
            Problem::Grade => control::Problem::new(codes::BAD_VALUE, self.problem.to_string()).saying("grade"),
            Problem::More { count } => of_file("more").with("count", *count),
            Problem::NoReporter => of_file("reporter"),
        };
        problem.with("line", self.line).with("path", &self.path)
    }

    /// The name of the expected form: that of the field, or that of the file's own structure.
    fn form(&self, expected: &str) -> &'static str {
        match expected {
            "a list" => "list",
            "an object" => "object",
            "a label as text" => "label",
            "an organisation as text" => "org",
            _ => self
                .field
                .as_ref()
                .and_then(|field| Schema::current().field(field))
                .map_or("other", |field| field.kind.word()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::control::SITUATIONS, record::schema::ValueError};

    #[test]
    fn every_fault_of_a_file_is_a_situation_of_the_table_with_its_place() {
        let check = |problem: Problem, about: &str| {
            let field = Some("docket_penalty.months".to_owned());
            let error = ImportError { line: 7, path: "$.cases[0]".to_owned(), field, problem };
            let told = error.problem();
            let situation = told.situation.as_ref().expect("it is about something");
            assert_eq!(situation.about, about);
            let row = SITUATIONS.iter().find(|(code, known, _)| (*code, *known) == (&*told.code, about));
            let (.., parameters) = row.unwrap_or_else(|| panic!("{told:?} is in no table"));
            let mut expected = [*parameters, &["line", "path"]].concat();
            expected.sort_unstable();
            assert_eq!(situation.params.keys().collect::<Vec<_>>(), expected, "{about}");
            assert_eq!(error.to_string(), format!("line 7: $.cases[0]: {}", told.message));
        };
        let (label, nearest) = (|| "p1".to_owned(), || Some("p2".to_owned()));
        check(Problem::TooLong { found: 9 }, "large");
        check(Problem::NotText, "text");
        check(Problem::NotJson { reason: "it ends too early".into() }, "json");
        check(Problem::UnmappedKey { nearest: None }, "key");
        check(Problem::UnmappedKey { nearest: nearest() }, "key-nearest");
        check(Problem::RepeatedKey, "key-twice");
        check(Problem::Type { expected: "a list" }, "type");
        check(Problem::Value(ValueError::Empty { field: "docket_penalty.months".into() }), "empty");
        check(Problem::UnknownLabel { label: label(), nearest: None }, "label");
        check(Problem::UnknownLabel { label: label(), nearest: nearest() }, "label-nearest");
        check(Problem::RepeatedLabel, "label-twice");
        check(Problem::Grade, "grade");
        check(Problem::More { count: 9 }, "more");
        check(Problem::NoReporter, "reporter");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_by_the_word_of_its_field() {
        let form = |expected, field: Option<&str>| {
            let error = ImportError {
                line: 1,
                path: "$".to_owned(),
                field: field.map(str::to_owned),
                problem: Problem::Type { expected },
            };
            error.form(expected)
        };
        assert_eq!(form("a whole number", Some("docket_penalty.months")), "int");
        assert_eq!(form("an organisation as text", Some("docket_penalty.months")), "org");
        assert_eq!(form("a label as text", None), "label");
        assert_eq!(form("an object", None), "object");
    }
}
