//! The kind of a record, and its root entity.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::{EntityId, SectionId};

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A case file.
    Case,
    /// A docket.
    Docket,
}

impl RecordKind {
    /// The kind of the root entity in the schema.
    #[must_use]
    pub const fn root_entity(self) -> &'static str {
        match self {
            Self::Case => "case_file",
            Self::Docket => "docket",
        }
    }
}

/// The root entity of a record: its id is that of the section.
#[must_use]
pub fn root_of(section: &SectionId) -> EntityId {
    EntityId(section.0)
}
