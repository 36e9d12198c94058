//! Archives: everything that a node can read, written to a folder of its own as JSON lines and HTML pages.
//!
//! ```text
//! archive.html              what the archive is, and the first part of the list of its records
//! index/0002.html …         the further parts of the list: at most 500 records each
//! records/0001/000001.html  a page for each record; at most 1,000 in a folder
//! archive.json              what the archive is, and the files of its records
//! json/0001.jsonl …         the records, one JSON object a line (JSON Lines); at most 1,000 in a file
//! style.css                 the look of the pages
//! ```
//!
//! An archive is readable without Habeas: nothing in it is encrypted or needs a network. It is written while it is read,
//! record by record, so each record has a time of its own at which it was read. The folder is renamed to its name once it
//! is complete and on the disk, so that name never holds an incomplete archive.

use std::io;

use jiff::tz::TimeZone;
use protocol::{
    app::control::RecordKind,
    bytes::ids::{CircleId, OrgId, RegistryId, SectionId},
    record::{schema::Language, section::view::View},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod brief;
mod folder;
mod index;
mod page;
mod text;
mod writer;

pub use writer::Writer;

/// Content of `archive.json`: what the archive is, and the files of its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Version of the JSON format.
    pub schema: u32,
    /// Description of the archive.
    #[serde(flatten)]
    pub head: Head,
    /// Number of case files. They come first.
    pub case_files: u64,
    /// Number of dockets.
    pub dockets: u64,
    /// Files of the records, in order.
    pub files: Vec<Part>,
}

/// Description of an archive: the state of the node when the archive was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Time at which the archive was begun: UTC, seconds. Records that arrived later are not in it.
    pub as_of: u64,
    /// Id of the registry.
    pub registry: RegistryId,
    /// The six words of the registry.
    pub registry_words: String,
    /// The organisation whose node wrote the archive.
    pub organisation: OrgId,
    /// Members of the registry.
    pub organisations: Vec<Member>,
    /// The circles that the node holds.
    pub circles: Vec<Held>,
    /// Number of entries that are held and could not be read: no key on this device, or written by a newer version.
    pub unread: u64,
}

/// A file of records: JSON Lines (jsonlines.org), an [`Archived`] a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Path of the file in the archive.
    pub file: String,
    /// Number of records in the file.
    pub records: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// A member of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Id of the organisation.
    pub organisation: OrgId,
    /// Call-sign of the organisation.
    pub call_sign: String,
    /// Petname of the organisation on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A circle that the node holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Id of the circle.
    pub circle: CircleId,
    /// Kind of the circle: `own`, `named` or `commons`.
    pub kind: String,
    /// Organisations that may read the circle.
    pub organisations: Vec<OrgId>,
}

/// A case file or docket with its full history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// Id of the record.
    pub record: SectionId,
    /// Kind of the record.
    pub kind: RecordKind,
    /// Time at which the record was read: UTC, seconds. What changed later is not in it.
    pub as_of: u64,
    /// Pseudonym words of the record.
    pub pseudonym: String,
    /// Label under which the record was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The circle of the record.
    pub circle: CircleId,
    /// Call-signs of the other organisations that can read the record or a shared part of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Stage code.
    pub stage: String,
    /// Hash of the view, as the node shows it.
    pub digest: String,
    /// The view: every field with every claim, its author, time and source; resolutions; replaced and retracted values.
    /// In JSON what claims have in common stands once, in `said`.
    #[serde(with = "brief")]
    pub view: View,
}

/// Presentation of the pages: language and time zone.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Language of the pages' own texts.
    pub language: Language,
    /// Time zone of the pages; the JSON has UTC.
    pub zone: TimeZone,
}

/// Size of a written archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Number of records.
    pub records: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Error of writing an archive.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The target exists already: an archive never overwrites anything.
    #[error("something of this name is there already")]
    Exists,
    /// The system refused an operation.
    #[error("cannot {attempted}: {source}")]
    Io {
        /// The attempted operation, as a verb phrase.
        attempted: &'static str,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

impl Archive {
    /// Current version of the JSON format. Version 1 was one JSON object with all records.
    pub const SCHEMA: u32 = 2;
}

impl ArchiveError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Io { attempted, source },
        }
    }
}

#[cfg(test)]
mod tests;
