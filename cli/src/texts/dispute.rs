//! Texts of `conflicts`, `resolve`, `retract` and `history`.

use super::{column_entry, column_grade, column_source, column_value, column_what, column_when, column_who, messages};

messages! {
    no_conflicts();
    open();
    settled();
    none_of_them();
    gone_by();
    column_fate();
    column_who_said();
    next_resolve();
    nothing_said();
    nothing_of(field: &str);
    several_claims(field: &str);
    which_claim();
    taken_back(what: &str, value: &str);
    still_stands(said: &str);
    nothing_stands();
    nothing_stands_after(value: &str, when: &str);
    next_again();
    several_entries();
    whole_id();
    choose_one();
    not_disputed(field: &str);
    several_places(field: &str);
    not_said(field: &str);
    settled_by(by: &str, when: &str, chosen: &str, reason: &str);
    settled_before(by: &str, when: &str, chosen: &str, reason: &str);
    retracted(when: &str, reason: &str);
    fate_stands();
    fate_superseded();
    fate_retracted();
    entry_form();
    index_form();
}

pub(crate) fn resolution(by: &str, when: &str, chosen: &str, reason: &str, holds: bool) -> String {
    let say = if holds { settled_by } else { settled_before };
    format!("  {}", say(by, when, chosen, reason))
}

/// The fate of a claim; one of a newer version unchanged.
pub(crate) fn fate(fate: &str) -> String {
    match fate {
        "stands" => fate_stands(),
        "superseded" => fate_superseded(),
        "retracted" => fate_retracted(),
        other => other.to_owned(),
    }
}

pub(crate) fn conflict_columns() -> [String; 6] {
    [column_value(), column_who(), column_when(), column_grade(), column_source(), column_entry()]
}

pub(crate) fn history_columns() -> [String; 8] {
    [
        column_what(),
        column_value(),
        column_fate(),
        column_who_said(),
        column_when(),
        column_grade(),
        column_source(),
        column_entry(),
    ]
}
