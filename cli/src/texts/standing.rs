//! Texts of the status of a node and its peers.

use protocol::app::control::{NodeState, Problem};

use super::{codes, messages};

messages! {
    alarm(sentence: &str, next: &str, code: &str);
    alarm_dated(when: &str, alarm: &str);
    /// The first line of every status.
    shared(shared: u64, cases: u64);
    /// The first line of a status that cannot be read.
    shared_unknown();
    state_empty();
    state_wiped();
    state_sealed();
    state_alone();
    state_locked();
    state_open();
    held(names: &str);
    /// A text beside the list of peers.
    by_name(names: &str);
    no_peers();
    up_to_date(all: usize);
    partly_up_to_date(equal: usize, all: usize);
    wanted(pieces: u64);
    case_count(cases: u64, shared: u64);
    never();
    connection_held();
    connection_stands();
    connection_none();
    copy_up_to_date();
    copy_unknown();
    row_organisation();
    row_device();
    row_registry();
    row_cases();
    row_received();
    row_dockets();
    row_organisation_id();
    row_registry_id();
    row_node_id();
    row_listening();
    column_organisation();
    another_device(command: &str);
    of_yours(who: &str);
    column_device();
    column_connection();
    column_copy();
    column_last_the_same();
    column_node();
    column_circle();
    column_readers();
    column_entries();
    column_split();
    column_id();
    circle_own();
    circle_named();
    circle_commons();
}

pub(crate) fn alarm_line(problem: &Problem, when: Option<String>) -> String {
    let line = alarm(&codes::sentence(problem), &codes::next_step(problem), &problem.code);
    when.map_or_else(|| line.clone(), |when| alarm_dated(&when, &line))
}

pub(crate) fn state(state: NodeState) -> String {
    match state {
        NodeState::Empty => state_empty(),
        NodeState::Wiped => state_wiped(),
        NodeState::Sealed => state_sealed(),
        NodeState::Alone => state_alone(),
        NodeState::Locked => state_locked(),
        NodeState::Open => state_open(),
    }
}

pub(crate) fn connection(connected: bool, held: bool) -> String {
    match (connected, held) {
        (_, true) => connection_held(),
        (true, false) => connection_stands(),
        (false, false) => connection_none(),
    }
}

pub(crate) fn copy(up_to_date: bool) -> String {
    if up_to_date { copy_up_to_date() } else { copy_unknown() }
}

/// The label of a kind of circle; a kind of a newer version unchanged.
pub(crate) fn circle_kind(kind: &str) -> String {
    match kind {
        "own" => circle_own(),
        "named" => circle_named(),
        "commons" => circle_commons(),
        other => other.to_owned(),
    }
}

pub(crate) fn node_rows() -> [String; 10] {
    [
        row_organisation(),
        row_device(),
        row_registry(),
        row_cases(),
        row_received(),
        row_dockets(),
        row_organisation_id(),
        row_registry_id(),
        row_node_id(),
        row_listening(),
    ]
}

pub(crate) fn peer_columns() -> [String; 6] {
    [column_organisation(), column_device(), column_connection(), column_copy(), column_last_the_same(), column_node()]
}

pub(crate) fn circle_columns() -> [String; 5] {
    [column_circle(), column_readers(), column_entries(), column_split(), column_id()]
}
