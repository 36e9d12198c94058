//! Texts of `habeas docket list` with a question.

use super::count;

pub(crate) const COLUMNS: [&str; 6] = ["docket", "articles", "argument", "circumstances", "response", "court"];

pub(crate) fn found(found: usize, asked: u64) -> String {
    format!("{found} of {} here {}", dockets(asked), if found == 1 { "answers" } else { "answer" })
}

pub(crate) fn nothing(asked: u64) -> String {
    match asked {
        0 => super::no_records(protocol::control::RecordKind::Docket).to_owned(),
        _ => format!("None of {} here answers this. Ask for less: leave out --court or --response.", dockets(asked)),
    }
}

fn dockets(number: u64) -> String {
    count(number, "docket", "dockets")
}
