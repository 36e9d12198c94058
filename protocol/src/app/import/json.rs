//! JSON values with their offsets in the file, so that an error can name its line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value of the file that is not parsed further.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    raw: &'a RawValue,
}

/// A JSON value that is parsed one level deep.
pub(super) enum Shape<'a> {
    Null,
    Bool(bool),
    /// A whole number; none if it has a sign, a fraction or too many digits.
    Number(Option<u64>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// An object in the order of the file; a repeated key occurs repeatedly.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// The offset of a value in the file: its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offset(usize);

impl<'a> Node<'a> {
    /// Parses a whole file.
    pub(super) fn file(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(|raw| Self { raw })
    }

    /// Parses one level of the value.
    pub(super) fn shape(self) -> Result<Shape<'a>, serde_json::Error> {
        let text = self.raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Shape::Null,
            Some(b't') => Shape::Bool(true),
            Some(b'f') => Shape::Bool(false),
            Some(b'"') => Shape::Text(serde_json::from_str::<Text<'a>>(text)?.0),
            Some(b'[') => {
                let items: Vec<&'a RawValue> = serde_json::from_str(text)?;
                Shape::List(items.into_iter().map(|raw| Self { raw }).collect())
            }
            Some(b'{') => Shape::Object(serde_json::from_str::<Entries<'a>>(text)?.0),
            _ => Shape::Number(text.parse().ok()),
        })
    }

    /// The offset of the value in `file`, the text that it was parsed from.
    pub(super) fn offset(self, file: &str) -> Offset {
        Offset(self.raw.get().as_ptr().addr().saturating_sub(file.as_ptr().addr()))
    }
}

impl Offset {
    /// Number of line ends in `file` between the offset `earlier` and this one.
    pub(super) fn lines_since(self, earlier: Self, file: &str) -> usize {
        file.as_bytes()[earlier.0..self.0].iter().filter(|byte| **byte == b'\n').count()
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Entries<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Text(key), raw)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    entries.push((key, Node { raw }));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_knows_its_line() {
        let file = "{\n \"a\": [1,\n  {\"b\": \"\\u0416\"}],\n \"a\": -1 }";
        let Ok(Shape::Object(entries)) = Node::file(file).expect("JSON").shape() else { panic!("an object") };
        let line = |node: Node<'_>| node.offset(file).lines_since(Offset::default(), file) + 1;
        let lines: Vec<_> = entries.iter().map(|(key, node)| (&**key, line(*node))).collect();
        assert_eq!(lines, [("a", 2), ("a", 4)]);
        let Ok(Shape::List(items)) = entries[0].1.shape() else { panic!("a list") };
        assert!(matches!(items[0].shape(), Ok(Shape::Number(Some(1)))));
        assert_eq!(line(items[1]), 3);
        let Ok(Shape::Object(inner)) = items[1].shape() else { panic!("an object") };
        assert!(matches!(inner[0].1.shape(), Ok(Shape::Text(text)) if text == "Ж"));
        assert!(matches!(entries[1].1.shape(), Ok(Shape::Number(None))));
    }
}
