//! The meaning of codes: the cause for `habeas help CODE`, the sentence and the next step of a problem.
//!
//! A problem comes with both in English. In another language they are the message that is named by the code, or by the
//! code and the subject of the problem, with its parameters filled in.

use habeas_texts::{Parameter as _, find, text};
use protocol::app::control::{Parameter, Problem};

use crate::error::known;

/// The cause that a code stands for, in a sentence or two.
pub(crate) fn cause(code: &str) -> Option<String> {
    find(code, Some("cause"), &[])
}

/// The next step after any problem with this code.
pub(crate) fn next_of(code: &str) -> String {
    let in_english = || known().find(|(known, ..)| *known == code).map_or("", |(_, _, next)| next);
    find(code, Some("next"), &[]).unwrap_or_else(|| in_english().to_owned())
}

/// The sentence that says what happened and why: of exactly this situation, else of its code, else as the node sent it.
pub(crate) fn sentence(problem: &Problem) -> String {
    let Problem { code, message, .. } = problem;
    let exact = problem.situation.as_ref().and_then(|situation| {
        let given: Vec<_> = situation.params.iter().map(|(name, value)| (&**name, value.value())).collect();
        find(&format!("{code}-{}", situation.about), None, &given)
    });
    let general = || find(code, None, &[("message", message.as_str().into())]);
    exact.or_else(general).unwrap_or_else(|| message.clone())
}

/// The next step; if it names a field, the field of the problem.
pub(crate) fn next_step(problem: &Problem) -> String {
    let next = find(&problem.code, Some("next"), &[]).unwrap_or_else(|| problem.next.clone());
    let field = problem.situation.as_ref().and_then(|situation| situation.params.get("field"));
    let placeholder = find("value_field", None, &[]).unwrap_or_else(|| "FIELD".to_owned());
    match field {
        Some(Parameter::Text(field)) => next.replace(&format!("fields {placeholder}"), &format!("fields {field}")),
        _ => next,
    }
}

/// The details, one line each: those that are problems themselves, in the current language.
pub(crate) fn details(problem: &Problem) -> Vec<String> {
    let findings = problem.situation.as_ref().map(|situation| &*situation.findings).unwrap_or_default();
    let line = |finding: &Problem| {
        let params = finding.situation.as_ref().map(|situation| &situation.params);
        let place = |name| params.and_then(|params| params.get(name)).map(habeas_texts::Parameter::value);
        match (place("line"), place("path")) {
            (Some(line), Some(path)) => {
                text("finding", &[("line", line), ("path", path), ("sentence", sentence(finding).into())])
            }
            _ => sentence(finding),
        }
    };
    if findings.is_empty() { problem.details.clone() } else { findings.iter().map(line).collect() }
}
