//! Texts of sheets: the headers of lists for other programs.

use protocol::app::control::RecordKind;

use super::{
    column_entry, column_field, column_grade, column_label, column_last_the_same, column_source, column_value,
    column_what, column_when, column_who, dispute, kind, messages, names, precedents as asked, record_id, sharing,
    stage,
};

messages! {
    column_conflicts();
    column_part();
    column_settled();
    column_gone_by();
    column_for_whom();
    column_connected();
    column_up_to_date();
    column_on_hold();
    in_utc(title: &str);
}

pub(crate) fn records(kind: RecordKind) -> [String; 7] {
    let changed = in_utc(&super::column_last_stated());
    let readers = sharing::column_case_readers();
    [column_label(), self::kind(kind), stage(), column_conflicts(), changed, readers, record_id()]
}

pub(crate) fn precedents() -> [String; 7] {
    let [docket, articles, argument, circumstances, response, court] = asked::columns();
    [docket, articles, argument, circumstances, response, court, record_id()]
}

pub(crate) fn peers() -> [String; 7] {
    let [connected, current, held] = [column_connected(), column_up_to_date(), column_on_hold()];
    let [sign, called] = [names::column_call_sign(), names::column_called_here()];
    [sign, called, connected, current, held, in_utc(&column_last_the_same()), super::row_node_id()]
}

pub(crate) fn conflicts() -> Vec<String> {
    let own = [column_what(), column_field(), column_part(), column_settled(), column_value(), column_gone_by()];
    own.into_iter().chain(claim()).collect()
}

pub(crate) fn history() -> Vec<String> {
    let own = [column_what(), column_field(), column_part(), column_value(), dispute::column_fate()];
    own.into_iter().chain(claim()).collect()
}

fn claim() -> [String; 7] {
    let [who, called, whom] = [column_who(), names::column_called_here(), column_for_whom()];
    [who, called, whom, in_utc(&column_when()), column_grade(), column_source(), column_entry()]
}
