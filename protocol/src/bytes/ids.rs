//! Ids: fixed-length byte strings, each with its own type and one text form.
//!
//! Text form: Bech32m (BIP 350) with the type's prefix. The checksum catches mistyped characters, and the prefix keeps
//! ids of different kinds apart. `Debug` shows the prefix and eight hex digits: enough to follow an id in a log, too
//! short to reveal it.

use std::fmt;

use bech32::{Bech32m, Hrp};
use thiserror::Error;

/// Errors of parsing an id from text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// The checksum is wrong, or the text is not Bech32m.
    #[error("not a valid {expected} id: a character is wrong, missing or too many")]
    Garbled {
        /// Prefix of the expected kind.
        expected: &'static str,
    },
    /// The text is a valid id of another kind.
    #[error("expected a {expected} id, got a {found} id")]
    OtherKind {
        /// Prefix of the expected kind.
        expected: &'static str,
        /// Prefix that was found.
        found: String,
    },
    /// The text is valid Bech32m of the expected kind, but of the wrong length.
    #[error("a {expected} id has {length} bytes, this one has {found}")]
    Length {
        /// Prefix of the expected kind.
        expected: &'static str,
        /// Length of an id of this kind, in bytes.
        length: usize,
        /// Length that was found, in bytes.
        found: usize,
    },
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $len:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// Prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// The bytes of the id.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_text(Self::PREFIX, &self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}:", Self::PREFIX)?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = parse(Self::PREFIX, text)?;
                let found = bytes.len();
                bytes.try_into().map(Self).map_err(|_| IdError::Length {
                    expected: Self::PREFIX,
                    length: Self::LEN,
                    found,
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    serde_bytes::ByteArray::<$len>::deserialize(deserializer).map(|bytes| Self(bytes.into_array()))
                }
            }
        }
    )*};
}

ids! {
    /// A registry: hash of its founding charter, without signatures.
    RegistryId = "registry", 32;
    /// A version of the charter.
    CharterHash = "charter", 32;
    /// An organisation: hash of its root key.
    OrgId = "org", 32;
    /// A device of an organisation: 16 random bytes fixed at its certification.
    DeviceId = "device", 16;
    /// A link of an organisation's roster.
    LinkId = "link", 32;
    /// A key's certificate; `prev` of the first entry of a feed.
    CertificateId = "cert", 32;
    /// An Ed25519 key that signs entries.
    FeedKey = "feedkey", 32;
    /// An Ed25519 key that names a node on the network.
    NodeKey = "node", 32;
    /// An incarnation of a key: a random number, renewed when earlier entries may have been lost (restore, copied
    /// folder).
    Incarnation = "run", 8;
    /// A circle.
    CircleId = "circle", 16;
    /// An entry: hash of its header, without the signature.
    EntryId = "entry", 32;
    /// Merkle root over the segments of a body.
    BodyRoot = "body", 32;
    /// An epoch of a circle's key.
    EpochId = "epoch", 16;
    /// A section: the part of a case file, or a docket, that lives in one circle.
    SectionId = "section", 16;
    /// An entity that a record describes (a person, a charge, an episode).
    EntityId = "entity", 16;
    /// An epoch of a database: renewed on restore, so that peers do not rely on what the earlier database confirmed.
    DatabaseEpoch = "db", 16;
}

/// The `prev` field of an entry: the id of the entry before it, or of the key's certificate for the first one.
pub type Prev = EntryId;

impl From<CertificateId> for Prev {
    fn from(certificate: CertificateId) -> Self {
        Self(certificate.0)
    }
}

/// Length limit of an id while parsing, in bytes: far above the longest id, below the limit of the checksum.
const MAX: usize = 64;

fn to_text(prefix: &'static str, bytes: &[u8]) -> String {
    let hrp = Hrp::parse(prefix).expect("prefixes in this file are lower-case ASCII");
    bech32::encode::<Bech32m>(hrp, bytes).expect("an id is shorter than Bech32m's limit")
}

fn parse(expected: &'static str, text: &str) -> Result<Vec<u8>, IdError> {
    let given = text.trim();
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(given)
        .map_err(|_| IdError::Garbled { expected })?;
    let found = checked.hrp().to_lowercase();
    if found != expected {
        return Err(IdError::OtherKind { expected, found });
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    // Padding bits of the last character carry no data, but the checksum covers them: only zero bits are accepted.
    if bytes.len() > MAX || to_text(expected, &bytes) != given.to_lowercase() {
        return Err(IdError::Garbled { expected });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use bech32::primitives::iter::Fe32IterExt;

    use super::*;

    #[test]
    fn text_form_returns_the_same_id() {
        let id = EntryId([7; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("entry1"));
        assert_eq!(format!("{id:?}"), "entry:07070707");
    }

    #[test]
    fn every_single_wrong_character_is_caught() {
        let sound = OrgId([42; 32]).to_string();
        for at in 0..sound.len() {
            let mut wrong = sound.clone().into_bytes();
            wrong[at] = if wrong[at] == b'q' { b'p' } else { b'q' };
            let wrong = String::from_utf8(wrong).expect("ASCII");
            assert!(wrong.parse::<OrgId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_id_has_one_text_in_either_case() {
        let id = EntryId([7; 32]);
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        // 32 bytes fill 52 characters except for four bits: set one of those and compute a matching checksum.
        let hrp = Hrp::parse("entry").expect("a prefix of ours");
        let sound = id.to_string();
        let data = sound["entry1".len()..sound.len() - 6].chars();
        let mut symbols: Vec<_> = data.map(|c| bech32::Fe32::from_char(c).expect("of the alphabet")).collect();
        let last = symbols.pop().expect("52 of them");
        symbols.push(bech32::Fe32::try_from(last.to_u8() | 1).expect("below 32"));
        let other: String = symbols.into_iter().with_checksum::<Bech32m>(&hrp).chars().collect();
        assert_ne!(other, sound);
        assert_eq!(other.parse::<EntryId>(), Err(IdError::Garbled { expected: "entry" }));
    }

    #[test]
    fn an_id_of_another_kind_is_named() {
        let error = CircleId([1; 16]).to_string().parse::<EpochId>().expect_err("a circle is not an epoch");
        assert_eq!(error, IdError::OtherKind { expected: "epoch", found: "circle".into() });
    }
}
