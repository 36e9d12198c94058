//! What a record is, and the entity that it is about.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::{EntityId, SectionId};

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A case file.
    Case,
    /// A docket.
    Docket,
}

impl RecordKind {
    /// The kind of the root entity, as the schema names it.
    #[must_use]
    pub const fn root_entity(self) -> &'static str {
        match self {
            Self::Case => "case_file",
            Self::Docket => "docket",
        }
    }
}

/// The root entity of a record: the one with the id of its section.
#[must_use]
pub fn root_of(section: &SectionId) -> EntityId {
    EntityId(section.0)
}
