//! Statements: the content of an entry and its canonical bytes.
//!
//! ```text
//! plain   = [schema, section(16), claimed_time, deps [entry…], batch null | bytes16, statements […]]
//! assert  = [0, entity(16), field, value, sources [entity…], grade | null, basis | null, reported_by | null]
//! retract = [1, entry(32), index, reason]
//! resolve = [2, entity(16), field, chosen [entry, index] | null, seen [[entry, index]…], reason]
//! ```
//!
//! Deps and `seen` are sorted and unique. A statement led by a greater integer, or a greater schema number, was written
//! by a newer version: the entry is [`Content::Later`], kept and not folded.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::{
    bytes::{
        codec::{self, DecodeError},
        ids::{EntityId, EntryId, SectionId},
        limits::{self, Wire},
    },
    record::schema::{Schema, Value},
};

/// Length limit of a field's name in bytes: the longest one in the schema has 46.
pub const FIELD_BYTES: Wire = Wire(64);
/// Length limit of a code (grade, basis, reason) and of the name in `reported_by`, in bytes.
pub const CODE_BYTES: Wire = Wire(64);

/// The author's claimed time in seconds since 1970 UTC: shown, and bounded by receipts; it never decides what counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ClaimedTime(pub u64);

/// The id of an import batch, by which all entries of a wrong spreadsheet can be found and undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BatchId(#[serde(with = "serde_bytes")] pub [u8; 16]);

/// A reference to a statement: its entry, and its index there from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Reference(pub EntryId, pub u64);

/// The plaintext of an entry of kind 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Version of the author's schema, from 1.
    pub schema: u64,
    /// The section that the entry belongs to.
    pub section: SectionId,
    /// The author's claimed time of writing: to the minute in the own circle, to the day elsewhere.
    pub claimed_time: ClaimedTime,
    /// Entries of the same section that the author had read; sorted, unique, without the author's own previous entry.
    pub deps: Vec<EntryId>,
    /// The import batch of the entry.
    pub batch: Option<BatchId>,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// A statement of an entry.
#[derive(Clone, PartialEq, Eq)]
pub enum Statement {
    /// Asserts a value of a field of an entity.
    Assert(Assertion),
    /// Retracts a statement of the same organisation: an assertion or a resolution.
    Retract {
        /// The statement that is retracted.
        at: Reference,
        /// The reason, as a code.
        reason: String,
    },
    /// Resolves a dispute between claims.
    Resolve {
        /// The entity.
        entity: EntityId,
        /// The field, `entity.field`.
        field: String,
        /// The claim that is chosen, one of `seen`; `None`: none of them.
        chosen: Option<Reference>,
        /// The claims that were compared, sorted and unique. Any other claim opens the dispute again.
        seen: Vec<Reference>,
        /// The reason, as a code.
        reason: String,
    },
}

/// An assertion: a value of a field of an entity, with its sources.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The entity.
    pub entity: EntityId,
    /// The field, `entity.field`.
    pub field: String,
    /// The value of the field.
    pub value: Value,
    /// Source entities, in the author's order.
    pub sources: Vec<EntityId>,
    /// Admiralty grade, such as `B2`.
    pub grade: Option<String>,
    /// Legal basis, as a code.
    pub basis: Option<String>,
    /// The name of whoever said it, if the author only reports it.
    pub reported_by: Option<String>,
}

/// The result of reading the content of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// The content is valid and to be folded.
    Good(Plain),
    /// The content was written by a newer version: kept, not folded, no fault.
    Later,
    /// The content breaks the format: it counts as empty, for ever.
    Bad(DecodeError),
}

/// Reads the plaintext of an entry of kind 0; depends only on the bytes and this version's schema.
#[must_use]
pub fn content(bytes: &[u8]) -> Content {
    let read =
        codec::decode::<Plain>(WHAT, bytes, limits::BODY_BYTES.0).and_then(|plain| plain.check().map(|()| plain));
    match read {
        Ok(plain) if plain.schema <= Schema::VERSION => Content::Good(plain),
        Ok(_) => Content::Later,
        Err(DecodeError::TooLong { what, found, limit }) => Content::Bad(DecodeError::TooLong { what, found, limit }),
        Err(_) if is_newer(bytes) => Content::Later,
        Err(error) => Content::Bad(error),
    }
}

impl Plain {
    /// Encodes the content in canonical form.
    ///
    /// # Errors
    /// The content breaks a rule of the format, or is too long; the error names the rule.
    pub fn encode(&self) -> Result<Vec<u8>, DecodeError> {
        self.check()?;
        let bytes = codec::encode(self);
        match bytes.len() {
            found if found > limits::BODY_BYTES.0 => {
                Err(DecodeError::TooLong { what: WHAT, found, limit: limits::BODY_BYTES.0 })
            }
            _ => Ok(bytes),
        }
    }

    /// Checks the rules that the types cannot express.
    fn check(&self) -> Result<(), DecodeError> {
        rule(self.schema >= 1, "schema numbers start at 1")?;
        rule(self.deps.len() <= limits::DEPS.0, "too many deps")?;
        rule(is_set(&self.deps), "deps are not sorted and unique")?;
        rule(self.statements.len() <= limits::ASSERTIONS.0, "too many statements")?;
        self.statements.iter().try_for_each(Statement::check)
    }
}

impl Statement {
    fn check(&self) -> Result<(), DecodeError> {
        match self {
            Self::Assert(Assertion { field, grade, basis, reported_by, .. }) => {
                rule(is_field(field), "not a field name")?;
                rule([grade, basis, reported_by].into_iter().flatten().all(|code| is_code(code)), "not a code")
            }
            Self::Retract { reason, .. } => rule(is_code(reason), "not a code"),
            Self::Resolve { field, chosen, seen, reason, .. } => {
                rule(is_field(field), "not a field name")?;
                rule(is_code(reason), "not a code")?;
                rule(!seen.is_empty() && is_set(seen), "what was seen is not sorted and unique, or empty")?;
                rule(chosen.is_none_or(|chosen| seen.binary_search(&chosen).is_ok()), "chosen without being seen")
            }
        }
    }
}

/// Shows subject and references, never content, which stays out of logs.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assert(assertion) => assertion.fmt(f),
            Self::Retract { at, .. } => write!(f, "retract {at:?}"),
            Self::Resolve { entity, field, seen, .. } => write!(f, "resolve {field} of {entity:?}: {seen:?}"),
        }
    }
}

/// Shows subject and kind of value, never content.
impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?} = {:?}", self.field, self.entity, self.value)
    }
}

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { schema, section, claimed_time, deps, batch, statements } = self;
        (schema, section, claimed_time, deps, batch, statements).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (schema, section, claimed_time, deps, batch, statements) = Deserialize::deserialize(deserializer)?;
        Ok(Self { schema, section, claimed_time, deps, batch, statements })
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Assert(Assertion { entity, field, value, sources, grade, basis, reported_by }) => {
                (ASSERT, entity, field, value, sources, grade, basis, reported_by).serialize(serializer)
            }
            Self::Retract { at: Reference(entry, index), reason } => {
                (RETRACT, entry, index, reason).serialize(serializer)
            }
            Self::Resolve { entity, field, chosen, seen, reason } => {
                (RESOLVE, entity, field, chosen, seen, reason).serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(StatementVisitor)
    }
}

const WHAT: &str = "statements";
const ASSERT: u64 = 0;
const RETRACT: u64 = 1;
const RESOLVE: u64 = 2;

struct StatementVisitor;

impl<'de> Visitor<'de> for StatementVisitor {
    type Value = Statement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array led by 0, 1 or 2")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Statement, A::Error> {
        Ok(match next(&mut seq)? {
            ASSERT => Statement::Assert(Assertion {
                entity: next(&mut seq)?,
                field: next(&mut seq)?,
                value: next(&mut seq)?,
                sources: next(&mut seq)?,
                grade: next(&mut seq)?,
                basis: next(&mut seq)?,
                reported_by: next(&mut seq)?,
            }),
            RETRACT => Statement::Retract { at: Reference(next(&mut seq)?, next(&mut seq)?), reason: next(&mut seq)? },
            RESOLVE => Statement::Resolve {
                entity: next(&mut seq)?,
                field: next(&mut seq)?,
                chosen: next(&mut seq)?,
                seen: next(&mut seq)?,
                reason: next(&mut seq)?,
            },
            _ => return Err(A::Error::custom("a statement of an unknown kind")),
        })
    }
}

fn next<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::custom("a statement is too short"))
}

/// Whether bytes that this version cannot read were written by a newer one. The loose parsing is harmless, since
/// nothing read here becomes a value.
fn is_newer(bytes: &[u8]) -> bool {
    type Frame = (u64, IgnoredAny, IgnoredAny, IgnoredAny, IgnoredAny, Vec<Lead>);
    codec::peek(bytes).is_some_and(|Lead(schema)| schema > Schema::VERSION)
        || codec::peek::<Frame>(bytes)
            .is_some_and(|frame| frame.0 >= 1 && frame.5.iter().any(|Lead(lead)| *lead > RESOLVE))
}

/// The integer that leads an array, whatever follows.
struct Lead(u64);

impl<'de> Deserialize<'de> for Lead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LeadVisitor;
        impl<'de> Visitor<'de> for LeadVisitor {
            type Value = Lead;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array led by an unsigned integer")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lead, A::Error> {
                let lead = next(&mut seq)?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Lead(lead))
            }
        }
        deserializer.deserialize_seq(LeadVisitor)
    }
}

fn rule(kept: bool, rule: &'static str) -> Result<(), DecodeError> {
    if kept { Ok(()) } else { Err(DecodeError::Rule { what: WHAT, rule }) }
}

fn is_set<T: Ord>(items: &[T]) -> bool {
    items.is_sorted_by(|a, b| a < b)
}

/// Whether `name` has the form `entity.field` in lower-case words. The keys of the document depend on it (see
/// `document.rs`).
fn is_field(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    name.len() <= FIELD_BYTES.0 && name.split_once('.').is_some_and(|(entity, field)| word(entity) && word(field))
}

fn is_code(code: &str) -> bool {
    (1..=CODE_BYTES.0).contains(&code.len()) && !code.contains(char::is_control)
}

/// Whether `grade` is an Admiralty grade: the reliability of a source, A to F, and the credibility of the information,
/// 1 to 6.
#[must_use]
pub fn is_grade(grade: &str) -> bool {
    matches!(grade.as_bytes(), [b'A'..=b'F', b'1'..=b'6'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(statements: Vec<Statement>) -> Plain {
        Plain {
            schema: Schema::VERSION,
            section: SectionId([1; 16]),
            claimed_time: ClaimedTime(1_700_000_040),
            deps: vec![EntryId([2; 32]), EntryId([3; 32])],
            batch: Some(BatchId([4; 16])),
            statements,
        }
    }

    fn assertion() -> Assertion {
        Assertion {
            entity: EntityId([5; 16]),
            field: "capture_episode.date".into(),
            value: Value::from("2023-06-10~"),
            sources: vec![EntityId([7; 16]), EntityId([6; 16])],
            grade: Some("B2".into()),
            basis: None,
            reported_by: Some("maple-river".into()),
        }
    }

    fn resolve(chosen: Option<u64>, seen: &[u64]) -> Statement {
        let at = |index: &u64| Reference(EntryId([2; 32]), *index);
        Statement::Resolve {
            entity: EntityId([5; 16]),
            field: "capture_episode.date".into(),
            chosen: chosen.as_ref().map(at),
            seen: seen.iter().map(at).collect(),
            reason: "document".into(),
        }
    }

    fn check(plain: &Plain, broken: Option<&str>) {
        let found = content(&codec::encode(plain));
        match broken {
            None => assert_eq!(found, Content::Good(plain.clone())),
            Some(part) => {
                assert!(matches!(&found, Content::Bad(error) if error.to_string().contains(part)), "{part}: {found:?}");
            }
        }
        assert_eq!(plain.encode().is_err(), broken.is_some(), "what we write is what we accept");
    }

    #[test]
    fn each_kind_of_statement_returns_from_its_bytes() {
        let retract = Statement::Retract { at: Reference(EntryId([9; 32]), 3), reason: "error".into() };
        check(&plain(vec![]), None);
        check(
            &plain(vec![Statement::Assert(assertion()), retract, resolve(Some(1), &[0, 1]), resolve(None, &[4])]),
            None,
        );
        for value in [
            Value::Int(u64::MAX),
            Value::Bool(false),
            Value::Ref(EntityId([1; 16])),
            Value::Org(crate::bytes::ids::OrgId([2; 32])),
            Value::File { blake3: [3; 32], bytes: 9, media: "image/jpeg".into() },
        ] {
            check(&plain(vec![Statement::Assert(Assertion { value, ..assertion() })]), None);
        }
    }

    #[test]
    fn each_rule_of_the_format_is_kept_or_named() {
        check(&Plain { schema: 0, ..plain(vec![]) }, Some("start at 1"));
        check(&Plain { deps: vec![EntryId([3; 32]), EntryId([2; 32])], ..plain(vec![]) }, Some("sorted and unique"));
        check(&Plain { deps: vec![EntryId([3; 32]); 2], ..plain(vec![]) }, Some("sorted and unique"));
        let many = |count: u8| (0..count).map(|byte| EntryId([byte; 32])).collect();
        check(&Plain { deps: many(64), ..plain(vec![]) }, None);
        check(&Plain { deps: many(65), ..plain(vec![]) }, Some("too many deps"));
        let retract = || Statement::Retract { at: Reference(EntryId([9; 32]), 3), reason: "error".into() };
        check(&plain(vec![retract(); 4097]), Some("bytes, at most"));
        for field in
            ["date", "Capture.date", "capture/x.date", "capture.date.day", ".date", "capture.", &"a".repeat(65)]
        {
            check(
                &plain(vec![Statement::Assert(Assertion { field: field.into(), ..assertion() })]),
                Some("field name"),
            );
        }
        for code in ["", "B\n2", &"x".repeat(65)] {
            check(&plain(vec![Statement::Assert(Assertion { grade: Some(code.into()), ..assertion() })]), Some("code"));
            check(
                &plain(vec![Statement::Retract { at: Reference(EntryId([9; 32]), 3), reason: code.into() }]),
                Some("code"),
            );
        }
        let longest = format!("a.{}", "b".repeat(62));
        check(&plain(vec![Statement::Assert(Assertion { field: longest.clone(), ..assertion() })]), None);
        let longer = Assertion { field: longest + "b", ..assertion() };
        check(&plain(vec![Statement::Assert(longer)]), Some("field name"));
        let settled = |field: &str, reason: &str| Statement::Resolve {
            entity: EntityId([1; 16]),
            field: field.into(),
            chosen: None,
            seen: vec![Reference(EntryId([9; 32]), 0)],
            reason: reason.into(),
        };
        check(&plain(vec![settled("capture_episode.date", "error")]), None);
        check(&plain(vec![settled("capture/x.date", "error")]), Some("field name"));
        check(&plain(vec![settled("capture_episode.date", "")]), Some("code"));
        check(&plain(vec![resolve(None, &[])]), Some("empty"));
        check(&plain(vec![resolve(Some(0), &[1, 0])]), Some("sorted"));
        check(&plain(vec![resolve(Some(2), &[0, 1])]), Some("without being seen"));
    }

    #[test]
    fn too_many_statements_are_refused_even_when_they_fit() {
        let tiny = Statement::Retract { at: Reference(EntryId([0; 32]), 0), reason: "e".into() };
        let rule = plain(vec![tiny; 4097]).encode().expect_err("one too many");
        assert!(rule.to_string().contains("too many statements"), "{rule}");
    }

    #[test]
    fn a_newer_version_is_later_and_a_broken_one_is_bad() {
        let frame = |schema: u64, statements: &[&[u64]]| {
            let none: [EntryId; 0] = [];
            codec::encode(&(schema, SectionId([1; 16]), 0u64, none, None::<BatchId>, statements))
        };
        assert_eq!(content(&frame(1, &[&[3], &[4, 5, 6]])), Content::Later, "unknown kinds of statement");
        assert_eq!(content(&frame(Schema::VERSION + 1, &[])), Content::Later, "a newer schema of the same shape");
        assert_eq!(content(&codec::encode(&(Schema::VERSION + 1, "another shape"))), Content::Later);
        assert!(matches!(content(&frame(1, &[&[1, 2]])), Content::Bad(_)), "a known kind of the wrong shape");
        assert!(matches!(content(&frame(0, &[&[3]])), Content::Bad(_)), "schema 0 never existed");
        let mut trailing = frame(Schema::VERSION + 1, &[]);
        trailing.push(0);
        assert!(matches!(content(&trailing), Content::Bad(_)), "not one value");
        assert!(matches!(content(&[]), Content::Bad(_)));
        assert!(matches!(content(&vec![0; 128 * 1024 + 1]), Content::Bad(DecodeError::TooLong { .. })));
    }

    #[test]
    fn debug_shows_where_but_not_what() {
        let retract = Statement::Retract { at: Reference(EntryId([9; 32]), 3), reason: "coerced".into() };
        let shown = format!("{:?}", plain(vec![Statement::Assert(assertion()), retract, resolve(None, &[1])]));
        assert!(shown.contains("capture_episode.date"));
        for content in ["2023", "maple", "B2", "coerced", "document"] {
            assert!(!shown.contains(content), "{content}: {shown}");
        }
    }
}
