//! Yes and no.

crate::messages! {
    yes();
    no();
}

/// Whether something is so, as a word.
#[must_use]
pub fn yes_no(answer: bool) -> String {
    if answer { yes() } else { no() }
}
