//! The canonical encoding: CBOR is written and read here only.
//!
//! Values are tuple structs in deterministic DAG-CBOR (arrays in fixed order; no maps, no tags, no floats). Decoding is
//! strict: a value is accepted only if encoding it again gives the bytes received. Each value thus has exactly one
//! form, and a signature or hash over the bytes is one over the value.

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Errors of [`decode`]: the bytes are not the canonical form of the value asked for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes exceed the limit for this value; nothing was parsed.
    #[error("{what}: {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// The value that was decoded.
        what: &'static str,
        /// Length of the bytes received.
        found: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// The bytes are not CBOR of the expected shape: truncated, trailing bytes, wrong type, wrong length.
    #[error("{what}: malformed ({reason})")]
    Malformed {
        /// The value that was decoded.
        what: &'static str,
        /// The parser's reason; never bytes of the content.
        reason: String,
    },
    /// The value is readable, but its encoding is not the canonical one.
    #[error("{what}: not in canonical form")]
    NotCanonical {
        /// The value that was decoded.
        what: &'static str,
    },
    /// The value breaks a rule that its type cannot express.
    #[error("{what}: {rule}")]
    Rule {
        /// The value that was decoded.
        what: &'static str,
        /// The rule that was broken.
        rule: &'static str,
    },
}

/// Encodes `value` in canonical form.
///
/// # Panics
/// If `value` has a shape that the format cannot express; wire types have none.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(value).expect("wire types are tuple structs of ids, integers, strings and byte strings")
}

/// Decodes `bytes`, at most `limit` of them, and checks that they are the canonical form.
///
/// # Errors
/// The bytes are longer than `limit`, malformed, or not canonical.
pub fn decode<T: Serialize + DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { what, found: bytes.len(), limit });
    }
    let value = serde_ipld_dagcbor::from_slice(bytes)
        .map_err(|error| DecodeError::Malformed { what, reason: reason(&error) })?;
    if encode(&value) == bytes { Ok(value) } else { Err(DecodeError::NotCanonical { what }) }
}

/// Returns the small number that leads an array: it tells a newer version's bytes from malformed ones without parsing.
#[must_use]
pub fn version_of(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [0x81..=0x97, version @ 0..=0x17, ..] => Some(*version),
        [0x81..=0x97, 0x18, version @ 0x18..=0xff, ..] => Some(*version),
        _ => None,
    }
}

/// Decodes `bytes` without requiring the canonical form. For recognising the version number of newer bytes only, never
/// for accepting a value.
pub fn peek<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_ipld_dagcbor::from_slice(bytes).ok()
}

/// The reason of a parser's error, without the bytes that caused it: content never reaches an error text.
fn reason<E: std::fmt::Debug>(error: &serde_ipld_dagcbor::DecodeError<E>) -> String {
    use serde_ipld_dagcbor::DecodeError as E;
    match error {
        E::Msg(_) | E::Mismatch { .. } | E::Unsupported { .. } | E::RequireLength { .. } => "wrong type or length",
        E::Read(_) | E::Eof { .. } => "ends too early",
        E::TrailingData => "bytes after the end",
        _ => "not deterministic CBOR",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Pair(u64, String);

    fn check(bytes: &[u8], expected: Result<Pair, &str>) {
        let found = decode::<Pair>("pair", bytes, 64);
        match expected {
            Ok(pair) => assert_eq!(found, Ok(pair)),
            Err(part) => {
                let error = found.expect_err("must be refused").to_string();
                assert!(error.contains(part), "{error} lacks {part}");
            }
        }
    }

    #[test]
    fn one_value_has_one_form() {
        check(b"\x82\x01\x61a", Ok(Pair(1, "a".into())));
        check(b"\x82\x18\x01\x61a", Err("pair")); // non-minimal integer
        check(b"\x9f\x01\x61a\xff", Err("pair")); // indefinite length
        check(b"\x82\x01\x61a\x00", Err("after the end"));
        check(b"\x82\x01\x61", Err("too early"));
        check(b"\x83\x01\x61a\x00", Err("pair")); // one element too many
        check(b"\x82\x01\x41a", Err("wrong type"));
        check(&[0x82; 65], Err("at most 64"));
    }

    #[test]
    fn a_claimed_gigabyte_in_ten_bytes_costs_nothing() {
        check(b"\x82\x01\x7a\x40\x00\x00\x00abc", Err("too early"));
        check(b"\x9b\x40\x00\x00\x00\x00\x00\x00\x00", Err("pair"));
    }
}
