//! Where claims differ, how that was settled, and what became of each claim.

use serde::{Deserialize, Serialize};

use super::{Claim, RecordKind};
use crate::{
    bytes::ids::{EntityId, EntryId, OrgId, SectionId},
    record::section::assertion::Reference,
};

/// A statement by its place: the entry, and its number there from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The entry.
    pub entry: EntryId,
    /// Place in it.
    pub index: u64,
}

impl From<Reference> for At {
    fn from(Reference(entry, index): Reference) -> Self {
        Self { entry, index }
    }
}

impl From<At> for Reference {
    fn from(At { entry, index }: At) -> Self {
        Self(entry, index)
    }
}

/// A record, when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// The record.
    pub record: SectionId,
    /// Which kind.
    pub kind: RecordKind,
    /// Its words.
    pub pseudonym: String,
    /// UTC, seconds.
    pub as_of: u64,
}

/// A field whose claims differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The entity.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// Whether it is settled.
    pub settled: bool,
    /// Every live value with who said so and when.
    pub claims: Vec<Claim>,
    /// What was said to settle it, in force or not.
    pub resolutions: Vec<Resolution>,
}

/// Somebody's weighing of claims that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Where it is said.
    pub at: At,
    /// Who says so.
    #[serde(flatten)]
    pub by: By,
    /// The claim to go by; none: none of them.
    pub chosen: Option<At>,
    /// A code of `resolution_reason`.
    pub reason: String,
    /// Whether it holds: it weighed every claim that stands, and its choice still stands.
    pub holds: bool,
}

/// Who, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The organisation.
    pub organisation: OrgId,
    /// Its call-sign, if it is a member.
    pub call_sign: Option<String>,
    /// What it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// When, as claimed: UTC, seconds.
    #[serde(rename = "when")]
    pub time: u64,
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The entity.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// What was said, by whom, when, and where it is said.
    pub claim: Claim,
    /// `stands`, `superseded` or `retracted`.
    pub fate: String,
    /// Each time it was taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retractions: Vec<Retraction>,
}

/// A claim taken back by its own organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraction {
    /// Where it is said.
    pub at: At,
    /// When, as claimed: UTC, seconds.
    pub when: u64,
    /// A code of `recall_reason`.
    pub reason: String,
}
