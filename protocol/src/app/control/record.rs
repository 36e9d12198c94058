//! Case files and dockets as people see them.

use serde::{Deserialize, Serialize};

use super::RecordKind;
use crate::bytes::ids::{EntityId, EntryId, OrgId, SectionId};

/// A record in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The record.
    pub record: SectionId,
    /// Its words.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// Conflicts shown in it.
    pub conflicts: u64,
    /// When anything about it was last stated: UTC, seconds, as claimed.
    pub changed: u64,
    /// The file label it was imported under, kept in the own circle only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Call-signs of the other organisations that can read it, or its shared part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Of an own case file: what its shared parts are called where they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SectionId>,
}

/// A shared part of an own case file that was taken back. What was read until then stays read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// Call-signs of the others that had it.
    pub from: Vec<String>,
    /// Call-signs of those who withdrew or recalled it.
    pub by: Vec<String>,
    /// Since when, as claimed: UTC, seconds.
    pub since: u64,
}

/// Something stated, as it was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// `entity.field`.
    pub field: String,
    /// The value, in JSON's own types.
    pub value: serde_json::Value,
}

/// A record made by an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The label in the file.
    pub label: String,
    /// Which kind.
    pub kind: RecordKind,
    /// The record.
    pub record: SectionId,
    /// Its words.
    pub pseudonym: String,
    /// Statements made.
    pub statements: u64,
}

/// A case file or docket as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The record.
    pub record: SectionId,
    /// Which kind.
    pub kind: RecordKind,
    /// Its words.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// The entities, in schema order, each with its cells.
    pub entities: Vec<Entity>,
    /// Call-signs of the other organisations that can read it, or its shared part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Of an own case file: what its shared parts are called where they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SectionId>,
    /// Of an own case file: its shared parts that were taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
    /// Hash over the folded view.
    pub digest: String,
    /// UTC, seconds.
    pub as_of: u64,
}

/// An entity of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its id.
    pub entity: EntityId,
    /// Its kind, as `capture_episode`.
    pub kind: String,
    /// Its fields.
    pub cells: Vec<Cell>,
}

/// A field of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// `entity.field`.
    pub field: String,
    /// `agreed`, `conflict`, `union`, `log`, `per_organisation`, `strictest`, `resolved`.
    pub shown: String,
    /// Every live value with who said so and when.
    pub claims: Vec<Claim>,
}

/// Who said what, when, and how sure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The value, in JSON's own types.
    pub value: serde_json::Value,
    /// The organisation that says so.
    pub organisation: OrgId,
    /// Its call-sign, if it is a member.
    pub call_sign: Option<String>,
    /// What it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// On whose behalf, if it was reported by someone else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// When, as claimed: UTC, seconds.
    pub at: u64,
    /// Admiralty grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Source entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<EntityId>,
    /// The entry and the place in it.
    pub entry: EntryId,
    /// Place in the entry, from 0.
    pub index: u64,
    /// Whether a resolution chose this one.
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
