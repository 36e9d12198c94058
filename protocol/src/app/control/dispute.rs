//! Disputes: fields for which claims differ, their resolutions, and the status of each claim.

use serde::{Deserialize, Serialize};

use super::{Claim, RecordKind};
use crate::{
    bytes::ids::{EntityId, EntryId, OrgId, SectionId},
    record::section::assertion::Reference,
};

/// The place of a statement: the entry, and the number of the statement in it, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The entry.
    pub entry: EntryId,
    /// Number of the statement in the entry, from 0.
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

/// The heading of an answer about one record: the record, and when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// The record.
    pub record: SectionId,
    /// Kind of the record.
    pub kind: RecordKind,
    /// Pseudonym words of the record.
    pub pseudonym: String,
    /// Time of reading: UTC, seconds.
    pub as_of: u64,
}

/// A field whose claims differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The entity.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// Whether the conflict is resolved.
    pub settled: bool,
    /// Every live value, with its author and time.
    pub claims: Vec<Claim>,
    /// The resolutions of the conflict, in force or not.
    pub resolutions: Vec<Resolution>,
}

/// A resolution: how somebody decided between claims that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Place of the resolution.
    pub at: At,
    /// Author and time of the resolution.
    #[serde(flatten)]
    pub by: By,
    /// The claim that was chosen; none if the author chose none of them.
    pub chosen: Option<At>,
    /// Reason, as a code of `resolution_reason`.
    pub reason: String,
    /// Whether the resolution is in force: its author weighed every live claim, and the chosen claim is still live.
    pub holds: bool,
}

/// The author and the time of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The organisation.
    pub organisation: OrgId,
    /// Call-sign of the organisation, if it is a member.
    pub call_sign: Option<String>,
    /// Petname of the organisation on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// Time as claimed by the author: UTC, seconds.
    #[serde(rename = "when")]
    pub time: u64,
}

/// A claim and its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The entity.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// The claim: value, author, time and place.
    pub claim: Claim,
    /// Status of the claim: `stands`, `superseded` or `retracted`.
    pub fate: String,
    /// The retractions of the claim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retractions: Vec<Retraction>,
}

/// A retraction: a claim withdrawn by its own organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraction {
    /// Place of the retraction.
    pub at: At,
    /// Time as claimed by the author: UTC, seconds.
    pub when: u64,
    /// Reason, as a code of `recall_reason`.
    pub reason: String,
}
