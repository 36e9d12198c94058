//! Texts of `habeas name`, and the petname beside a call-sign.

use super::{messages, row_organisation_id};

messages! {
    column_call_sign();
    column_called_here();
    no_names();
    stays_here();
    no_member();
}

/// A call-sign, followed by what its organisation is called here.
pub(crate) fn called(call_sign: &str, petname: &str) -> String {
    format!("{call_sign} «{petname}»")
}

pub(crate) fn columns() -> [String; 3] {
    [column_call_sign(), column_called_here(), row_organisation_id()]
}
