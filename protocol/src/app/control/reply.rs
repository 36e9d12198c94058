//! What a node answers when it has done what was asked.

use serde::{Deserialize, Serialize};

use super::{
    Conflict, Examination, ExportedEntry, Heading, Imported, Named, Past, Peer, Precedent, Record, Share, SharePreview,
    Stated, Status, Summary,
};
use crate::bytes::ids::{EntryId, SectionId};

/// The answer to a request that was carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Status`](super::Request::Status), [`Request::Settle`](super::Request::Settle), [`Request::Init`](super::Request::Init), [`Request::Unlock`](super::Request::Unlock), [`Request::Lock`](super::Request::Lock),
    /// [`Request::FoundAlone`](super::Request::FoundAlone), [`Request::Join`](super::Request::Join).
    Status(Box<Status>),
    /// To [`Request::Stop`](super::Request::Stop).
    Stopping,
    /// To [`Request::BackupCreate`](super::Request::BackupCreate), [`Request::BackupVerify`](super::Request::BackupVerify), [`Request::BackupRestore`](super::Request::BackupRestore).
    Backup {
        /// Files in it.
        files: u64,
        /// Bytes in it.
        bytes: u64,
        /// Entries that count, if it was opened.
        entries: Option<u64>,
    },
    /// To [`Request::Archive`](super::Request::Archive).
    Archived {
        /// Case files and dockets in it.
        records: u64,
        /// Bytes of its files.
        bytes: u64,
        /// Entries held here that could not be read, and so are not in it.
        unread: u64,
    },
    /// To [`Request::Metrics`](super::Request::Metrics).
    Metrics {
        /// OpenMetrics text.
        text: String,
    },
    /// A file to hand to others.
    File {
        /// Its text.
        text: String,
        /// Words to compare by voice: of the card, the draft or the registry.
        words: String,
        /// The organisations it names, by call-sign.
        organisations: Vec<String>,
    },
    /// To [`Request::Peers`](super::Request::Peers), [`Request::Hold`](super::Request::Hold), [`Request::Release`](super::Request::Release).
    Peers {
        /// One for each node of a member but this one.
        peers: Vec<Peer>,
    },
    /// To [`Request::Name`](super::Request::Name), [`Request::Unname`](super::Request::Unname), [`Request::Names`](super::Request::Names).
    Names {
        /// One for each organisation that has a name here.
        names: Vec<Named>,
    },
    /// To [`Request::Examine`](super::Request::Examine).
    Examined(Examination),
    /// To [`Request::CaseNew`](super::Request::CaseNew), [`Request::DocketNew`](super::Request::DocketNew), [`Request::Set`](super::Request::Set), [`Request::Resolve`](super::Request::Resolve), [`Request::Retract`](super::Request::Retract).
    Saved {
        /// The record.
        record: SectionId,
        /// Its five words and a check word.
        pseudonym: String,
        /// The entries written, durable.
        entries: Vec<EntryId>,
        /// What was stated, as it was understood.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stated: Vec<Stated>,
    },
    /// To [`Request::Show`](super::Request::Show).
    Record(Box<Record>),
    /// To [`Request::List`](super::Request::List).
    Records {
        /// One line each.
        records: Vec<Summary>,
    },
    /// To [`Request::Ask`](super::Request::Ask).
    Precedents {
        /// The dockets that answer, in order of arrival.
        found: Vec<Precedent>,
        /// Dockets asked.
        asked: u64,
        /// UTC, seconds.
        as_of: u64,
    },
    /// To [`Request::Conflicts`](super::Request::Conflicts).
    Conflicts {
        /// Of which record, and when.
        #[serde(flatten)]
        of: Heading,
        /// Open ones first.
        conflicts: Vec<Conflict>,
    },
    /// To [`Request::History`](super::Request::History).
    History {
        /// Of which record, and when.
        #[serde(flatten)]
        of: Heading,
        /// Every claim ever made, newest first.
        claims: Vec<Past>,
    },
    /// To [`Request::Import`](super::Request::Import).
    Imported {
        /// The records made, with the labels of the file.
        records: Vec<Imported>,
        /// Entries written.
        entries: u64,
    },
    /// To [`Request::SharePreview`](super::Request::SharePreview).
    SharePreview(SharePreview),
    /// To [`Request::Share`](super::Request::Share), [`Request::Shares`](super::Request::Shares), [`Request::ShareCancel`](super::Request::ShareCancel): what waits.
    Shares {
        /// The earliest first.
        shares: Vec<Share>,
    },
    /// To [`Request::Digest`](super::Request::Digest).
    Digest {
        /// Lower-case hex.
        digest: String,
        /// Records in it.
        records: u64,
        /// Entries that count in the circle.
        entries: u64,
        /// Conflicts shown.
        conflicts: u64,
    },
    /// To [`Request::Export`](super::Request::Export).
    Exported {
        /// One for each entry.
        entries: Vec<ExportedEntry>,
    },
}
