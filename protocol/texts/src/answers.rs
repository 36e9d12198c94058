//! The answers yes and no.

crate::messages! {
    yes();
    no();
}

/// The word yes or no, in the language of this thread.
#[must_use]
pub fn yes_no(answer: bool) -> String {
    if answer { yes() } else { no() }
}
