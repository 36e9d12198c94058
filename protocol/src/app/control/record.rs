//! Case files and dockets as they are shown to people.

use serde::{Deserialize, Serialize};

use super::RecordKind;
use crate::bytes::ids::{EntityId, EntryId, OrgId, SectionId};

/// The summary of a record in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The record.
    pub record: SectionId,
    /// Pseudonym words of the record.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// Number of conflicts shown in the record.
    pub conflicts: u64,
    /// Time of the latest statement about the record, as claimed: UTC, seconds.
    pub changed: u64,
    /// Label of the record in the file it was imported from, stored on this node only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Call-signs of the other organisations that can read the record, or its shared copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Ids of the shared copies of an own case file, as its readers see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SectionId>,
}

/// A shared copy of an own case file that was recalled. Copies that readers made before the recall are not undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// Call-signs of the other organisations that had the copy.
    pub from: Vec<String>,
    /// Call-signs of the organisations that withdrew or recalled the copy.
    pub by: Vec<String>,
    /// Time of the recall, as claimed: UTC, seconds.
    pub since: u64,
}

/// A statement as the node understood it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// `entity.field`.
    pub field: String,
    /// The value, in JSON's own types.
    pub value: serde_json::Value,
}

/// A record created by an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The label in the file.
    pub label: String,
    /// Kind of the record.
    pub kind: RecordKind,
    /// The record.
    pub record: SectionId,
    /// Pseudonym words of the record.
    pub pseudonym: String,
    /// Number of statements made.
    pub statements: u64,
}

/// A case file or docket as it is shown to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The record.
    pub record: SectionId,
    /// Kind of the record.
    pub kind: RecordKind,
    /// Pseudonym words of the record.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// The entities, in schema order, each with its cells.
    pub entities: Vec<Entity>,
    /// Call-signs of the other organisations that can read the record, or its shared copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Ids of the shared copies of an own case file, as its readers see them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SectionId>,
    /// Shared copies of an own case file that were recalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
    /// Hash over the folded view.
    pub digest: String,
    /// Time of reading: UTC, seconds.
    pub as_of: u64,
}

/// An entity of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Id of the entity.
    pub entity: EntityId,
    /// Kind of the entity, such as `capture_episode`.
    pub kind: String,
    /// Fields of the entity.
    pub cells: Vec<Cell>,
}

/// A field of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// `entity.field`.
    pub field: String,
    /// Form in which the cell is shown: `agreed`, `conflict`, `union`, `log`, `per_organisation`, `strictest`,
    /// `resolved`.
    pub shown: String,
    /// Every live value, with its author and time.
    pub claims: Vec<Claim>,
}

/// A claim: a value with its author, time and grade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The value, in JSON's own types.
    pub value: serde_json::Value,
    /// The organisation that made the claim.
    pub organisation: OrgId,
    /// Call-sign of the organisation, if it is a member.
    pub call_sign: Option<String>,
    /// Petname of the organisation on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// The reporter on whose behalf the claim was made, if it is not the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// Time as claimed by the author: UTC, seconds.
    pub at: u64,
    /// Admiralty grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Source entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<EntityId>,
    /// The entry that contains the claim.
    pub entry: EntryId,
    /// Number of the statement in the entry, from 0.
    pub index: u64,
    /// Whether a resolution chose this claim.
    pub chosen: bool,
}

/// A signed entry for other programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedEntry {
    /// COSE_Sign1 with tag 18, lower-case hex.
    pub cose: String,
    /// Ed25519 public key, hex.
    pub key: String,
    /// External aad, hex.
    pub aad: String,
    /// Registry id, hex.
    pub registry: String,
    /// Entry id, hex.
    pub id: String,
}
