//! Texts of `habeas docket list` with a question.

use super::{kind_docket, messages, no_dockets};

messages! {
    column_articles();
    column_argument();
    column_circumstances();
    column_response();
    column_court();
    found(found: usize, asked: u64);
    none_answers(asked: u64);
}

pub(crate) fn nothing(asked: u64) -> String {
    if asked == 0 { no_dockets() } else { none_answers(asked) }
}

pub(crate) fn columns() -> [String; 6] {
    [kind_docket(), column_articles(), column_argument(), column_circumstances(), column_response(), column_court()]
}
