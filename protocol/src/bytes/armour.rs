//! Text armour of the files that people exchange: cards, drafts, signatures, registry files.
//!
//! The file is text, so that a messenger does not damage it: a first line that names the kind, the bytes in Base64
//! lines, and a last line with a checksum. A truncated, edited or wrong file is recognised before its content is
//! parsed.

use data_encoding::BASE64;
use thiserror::Error;

use crate::bytes::seal;

/// The kind of an armoured file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An organisation's card.
    Card,
    /// A founding draft, not yet signed.
    Draft,
    /// A founder's signature of a draft.
    Signature,
    /// A registry file: all that a founder's node needs to join.
    Registry,
    /// A further device's request to its own organisation.
    Device,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Card, Self::Draft, Self::Signature, Self::Registry, Self::Device];

    /// The word that names the kind in the first line.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Draft => "draft",
            Self::Signature => "signature",
            Self::Registry => "registry",
            Self::Device => "device",
        }
    }
}

/// Errors of [`unwrap`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ArmourError {
    /// The text has no first line of an armoured file.
    #[error("this is not a {} file of Habeas", expected.label())]
    NotOurs {
        /// The kind that was expected.
        expected: Kind,
    },
    /// The text is an armoured file of another kind.
    #[error("this is a {} file, a {} file is needed", found.label(), expected.label())]
    OtherKind {
        /// The kind that was expected.
        expected: Kind,
        /// The kind that was found.
        found: Kind,
    },
    /// The last line is missing: the file was truncated.
    #[error("the {} file is cut off: its last line is missing", expected.label())]
    Truncated {
        /// The kind that was expected.
        expected: Kind,
    },
    /// The checksum does not match: the file was edited or damaged.
    #[error("the {} file was changed on its way: its checksum does not fit", expected.label())]
    Changed {
        /// The kind that was expected.
        expected: Kind,
    },
}

const LINE: usize = 76;

/// Armours `bytes` as the text of a file.
#[must_use]
pub fn wrap(kind: Kind, bytes: &[u8]) -> String {
    let encoded = BASE64.encode(bytes);
    let mut text = format!("habeas {} 1\n", kind.label());
    for line in encoded.as_bytes().chunks(LINE) {
        text.push_str(std::str::from_utf8(line).expect("Base64 is ASCII"));
        text.push('\n');
    }
    text.push_str(&format!("end {}\n", checksum(kind, bytes)));
    text
}

/// Returns the bytes of an armoured file.
///
/// # Errors
/// Another kind of file, a truncated file, or one whose Base64 or checksum is wrong.
pub fn unwrap(expected: Kind, text: &str) -> Result<Vec<u8>, ArmourError> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let found = Kind::ALL.into_iter().find(|kind| first == format!("habeas {} 1", kind.label()));
    match found {
        None => return Err(ArmourError::NotOurs { expected }),
        Some(found) if found != expected => return Err(ArmourError::OtherKind { expected, found }),
        Some(_) => {}
    }
    let (mut encoded, mut sum) = (String::with_capacity(text.len()), None);
    for line in lines {
        if sum.is_some() {
            return Err(ArmourError::Changed { expected });
        }
        match line.strip_prefix("end ") {
            Some(line) => sum = Some(line.to_owned()),
            None => encoded.push_str(line),
        }
    }
    let sum = sum.ok_or(ArmourError::Truncated { expected })?;
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| ArmourError::Changed { expected })?;
    if checksum(expected, &bytes) == sum { Ok(bytes) } else { Err(ArmourError::Changed { expected }) }
}

fn checksum(kind: Kind, bytes: &[u8]) -> String {
    let sum = seal::hash("habeas 1 file checksum", &[kind.label().as_bytes(), bytes]);
    data_encoding::HEXLOWER.encode(&sum[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_survives_a_messenger_that_breaks_lines_differently() {
        let text = wrap(Kind::Card, &[5; 1000]);
        assert_eq!(unwrap(Kind::Card, &text), Ok(vec![5; 1000]));
        assert_eq!(unwrap(Kind::Card, &text.replace('\n', "\r\n\r\n  ")), Ok(vec![5; 1000]));
    }

    #[test]
    fn a_damaged_file_is_told_apart() {
        let text = wrap(Kind::Card, &[5; 1000]);
        let (expected, found) = (Kind::Registry, Kind::Card);
        assert_eq!(unwrap(Kind::Registry, &text), Err(ArmourError::OtherKind { expected, found }));
        let expected = Kind::Card;
        assert_eq!(unwrap(expected, &text[..200]), Err(ArmourError::Truncated { expected }));
        assert_eq!(unwrap(expected, &text.replacen("BQUF", "BQUG", 1)), Err(ArmourError::Changed { expected }));
        let more = format!("{text}end 0011223344556677\n{}", text.lines().last().expect("a last line"));
        assert_eq!(unwrap(expected, &more), Err(ArmourError::Changed { expected }));
        assert_eq!(unwrap(expected, "hello"), Err(ArmourError::NotOurs { expected }));
        assert_eq!(unwrap(expected, ""), Err(ArmourError::NotOurs { expected }));
    }
}
