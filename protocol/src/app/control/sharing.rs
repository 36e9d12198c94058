//! Sharing: readers, previews with the reason for each value held back, and shares that wait.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::{EntityId, OrgId, SectionId};

/// The readers of a share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// Organisations, by name: a circle of exactly these.
    Organisations(Vec<Guest>),
    /// All members. They read a year, a group, a family of articles and one bit, nothing else.
    Everyone,
}

/// An organisation to share with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// Call-sign or id.
    pub organisation: String,
    /// Country where the organisation works, ISO 3166-1 alpha-2, if it is to be set or corrected; it is stored on this
    /// node, and never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// The preview of a share: which values would go to which readers, and which would not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharePreview {
    /// Digest that identifies this preview; it is passed back when sharing.
    pub seen: String,
    /// The organisations that would read; empty if all members would.
    pub readers: Vec<Reader>,
    /// Preview of each case file.
    pub cases: Vec<CasePreview>,
    /// Time of reading: UTC, seconds.
    pub as_of: u64,
}

/// An organisation that would read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Id of the organisation.
    pub organisation: OrgId,
    /// Call-sign of the organisation.
    pub call_sign: String,
    /// Country where the organisation works, ISO 3166-1 alpha-2, if it is known here.
    pub country: Option<String>,
}

/// The preview of one case file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasePreview {
    /// The case file.
    pub record: SectionId,
    /// Pseudonym words of the case file.
    pub pseudonym: String,
    /// Label of the case file in the file it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The values that go, by field; empty if the whole case is held back.
    pub goes: Vec<GoesField>,
    /// The parts held back, each with its reason.
    pub held_back: Vec<HeldBack>,
    /// Notices that a person should read first: `review_due`, `conditions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// The values of a field that go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesField {
    /// `entity.field`.
    pub field: String,
    /// The entity.
    pub entity: EntityId,
    /// Number of values.
    pub values: u64,
}

/// A part of a case file that is held back, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The part that is held back.
    pub what: HeldBackWhat,
    /// Reason as a stable code.
    pub code: String,
    /// Subject of the reason: the circumstance that caps the value, a consent level, or the field that a code belongs
    /// in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Number of organisations that the reason applies to; none if it applies to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisations: Option<u64>,
    /// Reason in English.
    pub reason: String,
    /// Next step for a person, in English.
    pub next: String,
}

/// The extent of what is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBackWhat {
    /// The whole case file.
    Case,
    /// A record of this kind, with all its fields.
    Record {
        /// The record.
        entity: EntityId,
        /// Kind of the record, such as `health_record`.
        kind: String,
    },
    /// Values of this field.
    Field {
        /// The entity.
        entity: EntityId,
        /// `entity.field`.
        field: String,
    },
}

/// A share that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Name of the share, by which it is cancelled.
    pub share: String,
    /// Call-signs of the organisations that will read; empty if all members will.
    pub readers: Vec<String>,
    /// The case files.
    pub records: Vec<SectionId>,
    /// Time when the share goes: UTC, seconds. Until then it can be cancelled.
    pub due_at: u64,
}

impl CasePreview {
    /// The reasons for which the whole case is held back; none if it is not.
    pub fn whole(&self) -> impl Iterator<Item = &HeldBack> {
        self.held_back.iter().filter(|held| held.what == HeldBackWhat::Case)
    }
}
