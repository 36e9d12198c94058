//! Archives: everything that a node can read, written to a folder of its own as JSON and one HTML page.
//!
//! An archive is readable without Habeas: nothing in it is encrypted or needs a network. The folder is renamed to its
//! name once it is complete and on the disk, so that name never holds an incomplete archive.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use jiff::tz::TimeZone;
use protocol::{
    app::control::{RecordKind, SCHEMA},
    bytes::ids::{CircleId, OrgId, RegistryId, SectionId},
    record::{schema::Language, section::view::View},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::durable;

mod page;
mod text;

pub use page::page;

const JSON: &str = "archive.json";
const PAGE: &str = "archive.html";

/// Content of an archive: everything that a node can read, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Version of the JSON format.
    pub schema: u32,
    /// Time of the archive: UTC, seconds.
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
    /// Case files, then dockets, each in order of arrival.
    pub records: Vec<Archived>,
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
    pub view: View,
}

/// Presentation of the page: language and time zone.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Language of the page's own texts.
    pub language: Language,
    /// Time zone of the page; `archive.json` has UTC.
    pub zone: TimeZone,
}

/// Size of a written archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Number of records.
    pub records: u64,
    /// Bytes of both files.
    pub bytes: u64,
}

/// Error of writing an archive.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive was cancelled before it was complete; nothing is left of it.
    #[error("the folder was locked while the archive was written; nothing is left of it")]
    Ended,
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

impl ArchiveError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Io { attempted, source },
        }
    }
}

impl Archive {
    /// Current version of the JSON format.
    pub const SCHEMA: u32 = SCHEMA;

    /// Writes the archive to the new folder `to`, readable by this user alone, as JSON and as a page. `told` is called
    /// with the number of written records and returns whether to continue.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Ended`] if `told` returns `false`, [`ArchiveError::Exists`] if anything has the name `to` or the
    /// name of the unfinished folder, [`ArchiveError::Io`].
    pub fn write(
        &self,
        manner: &Manner,
        to: &Path,
        told: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Summary, ArchiveError> {
        if durable::is_taken(to).map_err(ArchiveError::io("look for a file"))? {
            return Err(ArchiveError::Exists);
        }
        let fresh = durable::beside(to, ".unfinished");
        // The unfinished archive of an earlier crash is removed; anything else of that name is kept.
        let _not_ours = discard(&fresh);
        durable::make_new_folder(&fresh).map_err(ArchiveError::io("make the folder"))?;
        let written = self.fill(manner, &fresh, told);
        let named = written.and_then(|bytes| {
            durable::name(&fresh, to).map_err(ArchiveError::io("name the archive"))?;
            Ok(Summary { records: self.records.len() as u64, bytes })
        });
        if named.is_err() {
            let _left_behind = discard(&fresh);
        }
        named
    }

    fn fill(&self, manner: &Manner, folder: &Path, told: &mut dyn FnMut(u64) -> bool) -> Result<u64, ArchiveError> {
        let failed = ArchiveError::io("write the archive");
        let mut json = BufWriter::new(new_file(&folder.join(JSON)).map_err(&failed)?);
        // A record counts as written once it is in both files.
        let (mut halves, mut ended) = (0, false);
        let mut half = || {
            halves += 1;
            ended |= !told(halves / 2);
            !ended
        };
        self.write_json(&mut json, &mut half).map_err(&failed)?;
        let json = json.into_inner().map_err(io::IntoInnerError::into_error).map_err(&failed)?;
        let page = page(self, manner, &mut half);
        if ended {
            return Err(ArchiveError::Ended);
        }
        let whole = || {
            let mut html = new_file(&folder.join(PAGE))?;
            html.write_all(page.as_bytes())?;
            for file in [&json, &html] {
                file.sync_all()?;
            }
            File::open(folder)?.sync_all()?;
            Ok(json.metadata()?.len() + html.metadata()?.len())
        };
        whole().map_err(failed)
    }
}

impl Archive {
    /// Writes the archive as one JSON object, record by record, until `each` returns `false`.
    fn write_json(&self, to: &mut impl Write, each: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let Self { schema, as_of, registry, organisation, unread, .. } = *self;
        let (registry_words, organisations) = (self.registry_words.clone(), self.organisations.clone());
        let circles = self.circles.clone();
        let head = Self {
            schema,
            as_of,
            registry,
            registry_words,
            organisation,
            organisations,
            circles,
            unread,
            records: vec![],
        };
        let head = serde_json::to_string(&head)?;
        to.write_all(head.strip_suffix("]}").expect("the records come last").as_bytes())?;
        for (nth, record) in self.records.iter().enumerate() {
            if nth > 0 {
                to.write_all(b",")?;
            }
            serde_json::to_writer(&mut *to, record)?;
            if !each() {
                break;
            }
        }
        to.write_all(b"]}")
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    durable::make_file(path)
}

/// Removes a folder that holds only files of an archive. A link to such a folder is not one that a crash left.
fn discard(folder: &Path) -> io::Result<()> {
    if !folder.symlink_metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    for name in [JSON, PAGE] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests;
