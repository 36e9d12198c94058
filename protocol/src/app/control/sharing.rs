//! Sharing, as people see it: whom with, what would go, what is held back and why, what waits.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::{EntityId, OrgId, SectionId};

/// Whom to share with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// Organisations, by name: a circle of exactly these.
    Organisations(Vec<Guest>),
    /// All members: a year, a group, a family of articles and one bit, nothing else.
    Everyone,
}

/// An organisation to share with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// Call-sign or id.
    pub organisation: String,
    /// Where it works, ISO 3166-1 alpha-2, if it is to be told or corrected; it is remembered here, and sent nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// What would go to whom, and what would not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharePreview {
    /// Names this very preview: to be given back when sharing.
    pub seen: String,
    /// Who would read; nobody is named if it is everyone.
    pub readers: Vec<Reader>,
    /// One for each case file.
    pub cases: Vec<CasePreview>,
    /// UTC, seconds.
    pub as_of: u64,
}

/// An organisation that would read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Its id.
    pub organisation: OrgId,
    /// Its call-sign.
    pub call_sign: String,
    /// Where it works, ISO 3166-1 alpha-2, if it is known here.
    pub country: Option<String>,
}

/// What of a case file would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasePreview {
    /// The case file.
    pub record: SectionId,
    /// Its words.
    pub pseudonym: String,
    /// The label of the file it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What goes, by field; nothing if the case is held back whole.
    pub goes: Vec<GoesField>,
    /// What does not, each with its reason.
    pub held_back: Vec<HeldBack>,
    /// `review_due`, `conditions`: what a person should read first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// Values of a field that go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesField {
    /// `entity.field`.
    pub field: String,
    /// The entity.
    pub entity: EntityId,
    /// How many.
    pub values: u64,
}

/// Something that does not go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// How much.
    pub what: HeldBackWhat,
    /// Why: a stable code.
    pub code: String,
    /// What the reason is about: a circumstance that takes it away, a consent level, the field a code belongs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many of the organisations it is for; none: all alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisations: Option<u64>,
    /// Why, in English.
    pub reason: String,
    /// What to do about it, in English.
    pub next: String,
}

/// How much does not go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBackWhat {
    /// The whole case file.
    Case,
    /// A record of this kind, with all its fields.
    Record {
        /// The record.
        entity: EntityId,
        /// As `health_record`.
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

/// Something shared that has not gone yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// To cancel it by.
    pub share: String,
    /// Call-signs of who will read; nobody is named if it is everyone.
    pub readers: Vec<String>,
    /// The case files.
    pub records: Vec<SectionId>,
    /// When it goes: UTC, seconds. Until then it can be cancelled.
    pub due_at: u64,
}

impl CasePreview {
    /// Why the whole case is held back; nothing if it is not.
    pub fn whole(&self) -> impl Iterator<Item = &HeldBack> {
        self.held_back.iter().filter(|held| held.what == HeldBackWhat::Case)
    }
}
