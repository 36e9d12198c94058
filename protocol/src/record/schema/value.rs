//! A value of a record: a scalar that can be decoded without a schema.
//!
//! Binary (canonical DAG-CBOR): text string, unsigned integer, boolean, byte string of 16 (`Ref`) or 32 (`Org`), array
//! `[bytes32, uint, text]` (`File`). JSON: text, number, boolean, `{"ref": …}`, `{"org": …}`, `{"file": …}`. The field
//! determines the meaning of a text (code, date, region …); a reader that does not know the field still keeps and shows
//! the value.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};
use serde_bytes::ByteArray;

use crate::bytes::ids::{EntityId, OrgId};

/// A value as it is signed and stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Codes, dates, regions, identifiers, hashes, lines and paragraphs, each in the canonical text of its kind.
    Text(String),
    /// Counts, days, per cent, whole roubles.
    Int(u64),
    /// A yes or a no; without an assertion the answer is unknown.
    Bool(bool),
    /// An entity of the same section.
    Ref(EntityId),
    /// An organisation of the registry.
    Org(OrgId),
    /// An attachment: hash, length and type, never its name.
    File {
        /// BLAKE3 of the ciphertext.
        blake3: [u8; 32],
        /// Length of the ciphertext in bytes.
        bytes: u64,
        /// Media type, such as `image/jpeg`.
        media: String,
    },
}

impl Value {
    /// The text, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Shows kind and size only: content never reaches a log or an error.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Int(_) => f.write_str("Int"),
            Self::Bool(_) => f.write_str("Bool"),
            Self::Ref(entity) => write!(f, "Ref({entity:?})"),
            Self::Org(org) => write!(f, "Org({org:?})"),
            Self::File { bytes, .. } => write!(f, "File({bytes} bytes)"),
        }
    }
}

/// JSON form of [`Value::File`].
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    blake3: String,
    bytes: u64,
    media: String,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let human = serializer.is_human_readable();
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_u64(*number),
            Self::Bool(answer) => serializer.serialize_bool(*answer),
            Self::Ref(entity) if human => tagged(serializer, "ref", entity),
            Self::Org(org) if human => tagged(serializer, "org", org),
            Self::File { blake3, bytes, media } if human => {
                let blake3 = data_encoding::HEXLOWER.encode(blake3);
                tagged(serializer, "file", &FileJson { blake3, bytes: *bytes, media: media.clone() })
            }
            Self::Ref(entity) => entity.serialize(serializer),
            Self::Org(org) => org.serialize(serializer),
            Self::File { blake3, bytes, media } => {
                let mut file = serializer.serialize_tuple(3)?;
                file.serialize_element(&ByteArray::new(*blake3))?;
                file.serialize_element(bytes)?;
                file.serialize_element(media)?;
                file.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

fn tagged<S: Serializer, T: Serialize>(serializer: S, tag: &str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, an unsigned integer, a boolean, 16 or 32 bytes, or a file")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_bool<E: de::Error>(self, answer: bool) -> Result<Value, E> {
        Ok(Value::Bool(answer))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        if let Ok(entity) = bytes.try_into() {
            Ok(Value::Ref(EntityId(entity)))
        } else if let Ok(org) = bytes.try_into() {
            Ok(Value::Org(OrgId(org)))
        } else {
            Err(E::invalid_length(bytes.len(), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Value, A::Error> {
        let blake3 = next::<ByteArray<32>, _>(&mut parts)?.into_array();
        let bytes = next(&mut parts)?;
        let media = next(&mut parts)?;
        if parts.next_element::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::invalid_length(4, &self));
        }
        Ok(Value::File { blake3, bytes, media })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let tag: Option<String> = map.next_key()?;
        let value = match tag.as_deref() {
            Some("ref") => Value::Ref(map.next_value()?),
            Some("org") => Value::Org(map.next_value()?),
            Some("file") => {
                let FileJson { blake3, bytes, media } = map.next_value()?;
                let blake3 = data_encoding::HEXLOWER.decode(blake3.as_bytes()).ok();
                let blake3 = blake3.and_then(|hash| hash.try_into().ok());
                let blake3 = blake3.ok_or_else(|| de::Error::custom("blake3 is 64 lower-case hex digits"))?;
                Value::File { blake3, bytes, media }
            }
            _ => return Err(de::Error::custom("expected one of ref, org, file")),
        };
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(de::Error::custom("expected exactly one of ref, org, file"));
        }
        Ok(value)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
    parts.next_element()?.ok_or_else(|| de::Error::custom("a file is [blake3, bytes, media type]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::codec;

    fn samples() -> Vec<Value> {
        vec![
            "2022-10~".into(),
            Value::Int(0),
            Value::Int(u64::MAX),
            Value::Bool(true),
            Value::Ref(EntityId([1; 16])),
            Value::Org(OrgId([2; 32])),
            Value::File { blake3: [3; 32], bytes: 70_000, media: "image/jpeg".into() },
        ]
    }

    #[test]
    fn both_forms_return_the_same_value() {
        for value in samples() {
            let bytes = codec::encode(&value);
            assert_eq!(codec::decode::<Value>("value", &bytes, 128), Ok(value.clone()));
            let json = serde_json::to_string(&value).expect("a value has a JSON form");
            assert_eq!(serde_json::from_str::<Value>(&json).expect(&json), value);
        }
    }

    #[test]
    fn the_binary_form_is_an_untyped_scalar() {
        let check = |value: Value, expected: &[u8]| assert_eq!(codec::encode(&value), expected, "{value:?}");
        check("x".into(), b"\x61x");
        check(Value::Int(24), b"\x18\x18");
        check(Value::Bool(false), b"\xf4");
        check(Value::Ref(EntityId([1; 16])), &[&[0x50][..], &[1; 16]].concat());
        check(Value::Org(OrgId([2; 32])), &[&[0x58, 0x20][..], &[2; 32]].concat());
        let file = Value::File { blake3: [3; 32], bytes: 5, media: "a/b".into() };
        check(file, &[&[0x83, 0x58, 0x20][..], &[3; 32], b"\x05\x63a/b"].concat());
    }

    #[test]
    fn nothing_else_is_a_value() {
        let refused: [&[u8]; 7] = [
            b"\xf6",                                 // null
            b"\x20",                                 // -1
            b"\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", // 1.5
            b"\x41\x00",                             // one byte
            b"\xa1\x63ref\x61x",                     // a map
            b"\x80",                                 // an empty array
            b"\x18\x05",                             // 5, not in its shortest form
        ];
        for bytes in refused {
            assert!(codec::decode::<Value>("value", bytes, 128).is_err(), "{bytes:02x?}");
        }
        let long_file = [&[0x84, 0x58, 0x20][..], &[3; 32], b"\x05\x63a/b\x00"].concat();
        assert!(codec::decode::<Value>("value", &long_file, 128).is_err());
        for json in
            ["null", "-1", "1.5", "[]", "{}", r#"{"ref":"x"}"#, r#"{"file":{"blake3":"00","bytes":1,"media":"a/b"}}"#]
        {
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn debug_never_shows_content() {
        let shown = format!("{:?}", Value::from("СИН Берёзкин"));
        assert_eq!(shown, "Text(23 bytes)");
        assert_eq!(format!("{:?}", Value::Int(7)), "Int");
    }
}
