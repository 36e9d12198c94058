//! Requirements on a new passphrase, wherever one is set.

use protocol::{
    app::control::Passphrase,
    bytes::limits::{PASSPHRASE_CHARS, PASSPHRASE_LETTERS},
};

use super::{VaultError, cost::normal};

/// Checks that a passphrase is not easy to guess by machine.
///
/// # Errors
///
/// [`VaultError::Weak`] if it is too short, or repeats few characters.
pub fn strong(passphrase: &Passphrase) -> Result<(), VaultError> {
    let normal = normal(passphrase);
    let mut letters: Vec<char> = normal.chars().collect();
    let characters = letters.len();
    letters.sort_unstable();
    letters.dedup();
    let is_strong = characters >= PASSPHRASE_CHARS.0 && letters.len() >= PASSPHRASE_LETTERS.0;
    if is_strong { Ok(()) } else { Err(VaultError::Weak) }
}

/// Whether two passphrases are equal after normalisation, whatever keyboards they were typed on.
#[must_use]
pub fn same(one: &Passphrase, other: &Passphrase) -> bool {
    normal(one) == normal(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Passphrase {
        Passphrase::new(text.into())
    }

    #[test]
    fn a_passphrase_has_twelve_characters_of_at_least_six_kinds() {
        for (text, expected) in [
            ("", false),
            ("elevenchars", false),
            ("twelve chars", true),
            ("двенадцать12", true),
            ("пятьпятьпятьпять", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("abcdefabcdef", true),
            ("abcdeabcdeabcde", false),
            // Eleven letters: й takes two characters on this keyboard.
            ("одиннадцат\u{438}\u{306}", false),
        ] {
            assert_eq!(strong(&typed(text)).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn one_passphrase_from_two_keyboards_is_the_same() {
        assert!(same(&typed("пой\u{439}"), &typed("пой\u{438}\u{306}")));
        assert!(!same(&typed("one"), &typed("One")));
    }
}
