//! Dockets that answer a question, with what in them does.

use protocol::control::{Answered, Precedent};
use serde_json::Value;

use super::{moment, record::shown, table};
use crate::texts;

/// One line for each argument, or for the docket if it has none that was asked for.
pub(crate) fn precedents(found: &[Precedent], asked: u64, as_of: u64) -> String {
    let as_of = texts::as_of(&moment(as_of));
    if found.is_empty() {
        return format!("{}\n\n{as_of}", texts::precedents::nothing(asked));
    }
    let rows = table(&texts::precedents::columns(), found.iter().flat_map(rows));
    format!("{rows}\n\n{}\n{as_of}", texts::precedents::found(found.len(), asked))
}

fn rows(precedent: &Precedent) -> Vec<Vec<String>> {
    let label = |field: &str, codes: &[String]| {
        let shown: Vec<_> = codes.iter().map(|code| shown(field, &Value::from(code.as_str()))).collect();
        shown.join(" ≠ ")
    };
    let argument = |answered: Option<&Answered>| match answered {
        None => vec![String::new(); 4],
        Some(answered) => vec![
            label("docket_argument.code", &answered.argument),
            answered
                .circumstances
                .iter()
                .map(|code| label("docket_argument.circumstance", std::slice::from_ref(code)))
                .collect::<Vec<_>>()
                .join(", "),
            label("docket_argument.response", &answered.response),
            answered.courts.join(", "),
        ],
    };
    let arguments: Vec<_> = match precedent.found.arguments.as_slice() {
        [] => vec![argument(None)],
        some => some.iter().map(|answered| argument(Some(answered))).collect(),
    };
    let line = |(nth, rest): (usize, Vec<String>)| {
        let first = |text: String| if nth == 0 { text } else { String::new() };
        [vec![first(precedent.summary.pseudonym.clone()), first(precedent.found.articles.join(", "))], rest].concat()
    };
    arguments.into_iter().enumerate().map(line).collect()
}
