//! Replies: the answers of a node to requests that it carried out.

use serde::{Deserialize, Serialize};

use super::{
    Conflict, Examination, ExportedEntry, Heading, Imported, Named, Past, Peer, Precedent, Record, Share, SharePreview,
    Stated, Status, Summary,
};
use crate::bytes::ids::{EntryId, SectionId};

/// The reply to a request that was carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reply {
    /// Reply to [`Request::Status`](super::Request::Status), [`Request::Settle`](super::Request::Settle),
    /// [`Request::Init`](super::Request::Init), [`Request::Unlock`](super::Request::Unlock),
    /// [`Request::Lock`](super::Request::Lock), [`Request::FoundAlone`](super::Request::FoundAlone),
    /// [`Request::Join`](super::Request::Join).
    Status(Box<Status>),
    /// Reply to [`Request::Stop`](super::Request::Stop).
    Stopping,
    /// Reply to [`Request::BackupCreate`](super::Request::BackupCreate),
    /// [`Request::BackupVerify`](super::Request::BackupVerify),
    /// [`Request::BackupRestore`](super::Request::BackupRestore).
    Backup {
        /// Number of files in the backup.
        files: u64,
        /// Size of the backup in bytes.
        bytes: u64,
        /// Number of entries that count, if the backup was opened.
        entries: Option<u64>,
    },
    /// Reply to [`Request::Archive`](super::Request::Archive).
    Archived {
        /// Number of case files and dockets in the archive.
        records: u64,
        /// Size of the archive's files in bytes.
        bytes: u64,
        /// Number of entries held here that could not be read, and so are not in the archive.
        unread: u64,
    },
    /// Reply to [`Request::Metrics`](super::Request::Metrics).
    Metrics {
        /// Metrics as OpenMetrics text.
        text: String,
    },
    /// A file to hand to other organisations.
    File {
        /// Text of the file.
        text: String,
        /// Words to compare by voice: of the card, the draft or the registry.
        words: String,
        /// Call-signs of the organisations that the file names.
        organisations: Vec<String>,
    },
    /// Reply to [`Request::Peers`](super::Request::Peers), [`Request::Hold`](super::Request::Hold),
    /// [`Request::Release`](super::Request::Release).
    Peers {
        /// The nodes of members, without this one.
        peers: Vec<Peer>,
    },
    /// Reply to [`Request::Name`](super::Request::Name), [`Request::Unname`](super::Request::Unname),
    /// [`Request::Names`](super::Request::Names).
    Names {
        /// The organisations that have a petname here.
        names: Vec<Named>,
    },
    /// Reply to [`Request::Examine`](super::Request::Examine).
    Examined(Examination),
    /// Reply to [`Request::CaseNew`](super::Request::CaseNew), [`Request::DocketNew`](super::Request::DocketNew),
    /// [`Request::Set`](super::Request::Set), [`Request::Resolve`](super::Request::Resolve),
    /// [`Request::Retract`](super::Request::Retract).
    Saved {
        /// The record.
        record: SectionId,
        /// Pseudonym of the record: five words and a check word.
        pseudonym: String,
        /// The entries written; they are durable.
        entries: Vec<EntryId>,
        /// The statements as the node understood them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stated: Vec<Stated>,
    },
    /// Reply to [`Request::Show`](super::Request::Show).
    Record(Box<Record>),
    /// Reply to [`Request::List`](super::Request::List).
    Records {
        /// The records, the newest first, with one summary each.
        records: Vec<Summary>,
        /// Number of records in the whole list.
        all: u64,
        /// Where the next part begins: [`Page::after`](super::Page::after); `None` if these were the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
        /// Number of records that changed and are not evaluated yet: the list shows them as they were, or not at all.
        behind: u64,
    },
    /// Reply to [`Request::Ask`](super::Request::Ask).
    Precedents {
        /// The dockets that answer, the newest first.
        found: Vec<Precedent>,
        /// Number of dockets that answer; `None` if it is not known without reading all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        all: Option<u64>,
        /// Where the next part begins: [`Page::after`](super::Page::after); `None` if these were the last. A part may
        /// have fewer dockets than asked for, or none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
        /// Number of dockets that were searched.
        asked: u64,
        /// Number of records that changed and are not evaluated yet.
        behind: u64,
        /// Time of reading: UTC, seconds.
        as_of: u64,
    },
    /// Reply to [`Request::Conflicts`](super::Request::Conflicts).
    Conflicts {
        /// The record, and when it was read.
        #[serde(flatten)]
        of: Heading,
        /// The conflicts, open ones first.
        conflicts: Vec<Conflict>,
    },
    /// Reply to [`Request::History`](super::Request::History).
    History {
        /// The record, and when it was read.
        #[serde(flatten)]
        of: Heading,
        /// Every claim ever made, newest first.
        claims: Vec<Past>,
    },
    /// Reply to [`Request::Import`](super::Request::Import).
    Imported {
        /// The records created, with the labels of the file.
        records: Vec<Imported>,
        /// Number of entries written.
        entries: u64,
    },
    /// Reply to [`Request::SharePreview`](super::Request::SharePreview).
    SharePreview(SharePreview),
    /// Reply to [`Request::Share`](super::Request::Share), [`Request::Shares`](super::Request::Shares),
    /// [`Request::ShareCancel`](super::Request::ShareCancel): the shares that wait.
    Shares {
        /// The waiting shares, the earliest first.
        shares: Vec<Share>,
    },
    /// Reply to [`Request::Digest`](super::Request::Digest).
    Digest {
        /// Digest in lower-case hex.
        digest: String,
        /// Number of records in the digest.
        records: u64,
        /// Number of entries that count in the circle.
        entries: u64,
        /// Number of conflicts shown.
        conflicts: u64,
    },
    /// Reply to [`Request::Export`](super::Request::Export).
    Exported {
        /// The signed entries of the record.
        entries: Vec<ExportedEntry>,
    },
}
