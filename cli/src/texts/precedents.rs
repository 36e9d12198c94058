//! Texts of `habeas docket list` with a question.

use super::{kind_docket, messages};

messages! {
    column_articles();
    column_argument();
    column_circumstances();
    column_response();
    column_court();
    found(found: u64, asked: u64);
    found_so_far(found: u64, asked: u64);
    none_answers(asked: u64);
    none_has(asked: u64, typed: &str);
    found_alone(found: u64);
}

pub(crate) fn columns() -> [String; 6] {
    [kind_docket(), column_articles(), column_argument(), column_circumstances(), column_response(), column_court()]
}
