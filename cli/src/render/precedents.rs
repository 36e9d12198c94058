//! Precedents: dockets that match a question, with the matching arguments.

use protocol::app::control::{Answered, Precedent};
use serde_json::Value;

use super::{
    indented, moment_and_zone,
    record::{Extent, shown},
    table,
};
use crate::texts;

/// The precedents, one line for each argument, or for the docket if it has no argument that was asked for. If none
/// matches, `alone` has the number of dockets that each part of the question finds without the others.
/// `all`: the number that match, if it is known; `dockets`: all dockets here.
pub(crate) fn precedents(
    found: &[Precedent],
    alone: &[(String, u64)],
    all: Option<u64>,
    dockets: Extent,
    as_of: u64,
) -> String {
    let (asked, as_of) = (dockets.all, texts::as_of(&moment_and_zone(as_of)));
    let behind = dockets.behind();
    if found.is_empty() {
        return format!("{}\n\n{behind}{as_of}", nothing(alone, asked));
    }
    let rows = table(&texts::precedents::columns(), found.iter().flat_map(rows));
    let number = match all {
        Some(all) => texts::precedents::found(all, asked),
        None => texts::precedents::found_so_far(found.len() as u64, asked),
    };
    format!("{rows}\n\n{number}\n{behind}{as_of}")
}

fn nothing(alone: &[(String, u64)], asked: u64) -> String {
    match alone {
        _ if asked == 0 => texts::no_dockets(),
        [(typed, _)] => texts::precedents::none_has(asked, typed),
        parts => {
            let rows = parts.iter().map(|(typed, found)| vec![typed.clone(), texts::precedents::found_alone(*found)]);
            format!("{}\n{}", texts::precedents::none_answers(asked), indented(rows))
        }
    }
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
