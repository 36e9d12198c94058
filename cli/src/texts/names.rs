//! Texts of `habeas name`, and how a name of one's own stands beside a call-sign.

pub(crate) const COLUMNS: [&str; 3] = ["call-sign", "called here", "organisation id"];
pub(crate) const NO_NAMES: &str = "No organisation has a name of yours yet. Give one with `habeas name CALL-SIGN NAME`, after comparing words by voice.";
pub(crate) const STAYS_HERE: &str = "names stay on this computer: nothing that is sent or shared has them";
pub(crate) const NO_MEMBER: &str = "no member";

/// A call-sign, and what people here call whoever has it.
pub(crate) fn called(call_sign: &str, petname: &str) -> String {
    format!("{call_sign} «{petname}»")
}
