//! Texts of case files and dockets: their tables, and the results of commands.

use protocol::app::control::RecordKind;

use super::{messages, sharing};

messages! {
    record_id();
    stage();
    kind_case();
    kind_docket();
    no_cases();
    no_dockets();
    file_value();
    chosen();
    conflicts_shown(fields: usize);
    reported(who: &str, other: &str);
    saved(pseudonym: &str, entries: usize);
    nothing_new();
    none_at_stage(stage: &str);
    part(shown: u64, all: u64);
    behind(count: u64);
    next_part();
    brought_in(records: usize, entries: u64);
    would_bring_in(records: usize);
    shown_conflict();
    shown_resolved();
    shown_union();
    shown_log();
    shown_per_organisation();
    shown_strictest();
    shown_agreed();
    shown_nothing();
    column_what();
    column_value();
    column_field();
    column_shown_as();
    column_entry();
    column_who();
    column_when();
    column_grade();
    column_source();
    column_label();
    column_disagreement();
    column_disputed();
    column_shared_with();
    column_changed();
    column_last_stated();
    column_in_the_file();
    column_kind();
    column_pseudonym();
    column_statements();
}

pub(crate) fn kind(kind: RecordKind) -> String {
    match kind {
        RecordKind::Case => kind_case(),
        RecordKind::Docket => kind_docket(),
    }
}

pub(crate) fn no_records(kind: RecordKind) -> String {
    match kind {
        RecordKind::Case => no_cases(),
        RecordKind::Docket => no_dockets(),
    }
}

pub(crate) fn imported(records: usize, entries: u64, dry_run: bool) -> String {
    if dry_run { would_bring_in(records) } else { brought_in(records, entries) }
}

/// The way in which a field with several values is shown; a way of a newer version unchanged.
pub(crate) fn shown_as(shown: &str) -> String {
    match shown {
        "conflict" => shown_conflict(),
        "resolved" => shown_resolved(),
        "union" => shown_union(),
        "log" => shown_log(),
        "per_organisation" => shown_per_organisation(),
        "strictest" => shown_strictest(),
        "agreed" => shown_agreed(),
        "nothing" => shown_nothing(),
        other => other.to_owned(),
    }
}

pub(crate) fn list_columns(kind: RecordKind, labelled: bool) -> Vec<String> {
    let label = labelled.then(column_label);
    let rest = [self::kind(kind), stage(), column_disagreement(), column_last_stated()];
    let readers = (kind == RecordKind::Case).then(sharing::column_case_readers);
    label.into_iter().chain(rest).chain(readers).collect()
}

/// The columns of a brief table, for a narrow terminal.
pub(crate) fn brief_columns(kind: RecordKind, labelled: bool) -> Vec<String> {
    let label = labelled.then(column_label);
    let rest = [self::kind(kind), stage(), column_disputed(), column_changed()];
    let readers = (kind == RecordKind::Case).then(column_shared_with);
    label.into_iter().chain(rest).chain(readers).collect()
}

pub(crate) fn claim_columns() -> [String; 4] {
    [column_who(), column_when(), column_grade(), column_source()]
}

pub(crate) fn conflict_columns() -> [String; 2] {
    [column_what(), column_value()]
}

pub(crate) fn field_columns() -> [String; 3] {
    [column_field(), column_value(), column_shown_as()]
}

pub(crate) fn entry_columns() -> [String; 1] {
    [column_entry()]
}

pub(crate) fn import_columns() -> [String; 4] {
    [column_in_the_file(), column_kind(), column_pseudonym(), column_statements()]
}
