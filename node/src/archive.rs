//! Archives: everything a node can read, in a folder of its own, for whoever has no Habeas: JSON and one page.
//!
//! The promise of a way out. Nothing in it is encrypted, nothing in it needs a network or a program of ours. The folder
//! gets its name when it is whole and on the disk: half an archive never stands under the name asked for.

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

/// Everything a node can read, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Version of this form.
    pub schema: u32,
    /// UTC, seconds.
    pub as_of: u64,
    /// The registry.
    pub registry: RegistryId,
    /// Its six words.
    pub registry_words: String,
    /// Whose archive it is.
    pub organisation: OrgId,
    /// All members.
    pub organisations: Vec<Member>,
    /// The circles held.
    pub circles: Vec<Held>,
    /// Entries that are held and could not be read: locked away from this device, or from a newer version.
    pub unread: u64,
    /// Case files, then dockets, each in order of arrival.
    pub records: Vec<Archived>,
}

/// A member of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub organisation: OrgId,
    /// Its call-sign.
    pub call_sign: String,
    /// What this node calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub circle: CircleId,
    /// `own`, `named` or `commons`.
    pub kind: String,
    /// Who may read it.
    pub organisations: Vec<OrgId>,
}

/// A case file or docket, with all that was ever said in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// The record.
    pub record: SectionId,
    /// Which kind.
    pub kind: RecordKind,
    /// Its words.
    pub pseudonym: String,
    /// The label it was imported under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The circle it lives in.
    pub circle: CircleId,
    /// Call-signs of the other organisations that can read it, or a shared part of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// Stage code.
    pub stage: String,
    /// Hash over the view, as the node shows it.
    pub digest: String,
    /// Every field with every claim, who made it, when and from which source; resolutions; and what no longer stands.
    pub view: View,
}

/// How the page of an archive tells what is in it.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The language of its own texts.
    pub language: Language,
    /// The zone of its times; archive.json has them in UTC.
    pub zone: TimeZone,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records in it.
    pub records: u64,
    /// Bytes of both files.
    pub bytes: u64,
}

/// Why there is no archive.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It was ended before it was whole; nothing is left of it.
    #[error("the folder was locked while the archive was written; nothing is left of it")]
    Ended,
    /// Something has the name: an archive is never written over it.
    #[error("something of this name is there already")]
    Exists,
    /// The system refused.
    #[error("cannot {attempted}: {source}")]
    Io {
        /// What was attempted, as a verb.
        attempted: &'static str,
        /// The system's reason.
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
    /// Version of the form.
    pub const SCHEMA: u32 = SCHEMA;

    /// Writes it to the new folder `to`, for this user alone, with a page.
    /// `told` hears how many records are written, and says whether to go on.
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
        // One that a crash left behind; anything else of that name is somebody's, and stays.
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
        // A record is written when it stands in both files.
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
    /// As one JSON object, record by record, as long as `each` says to go on.
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

/// Removes a folder that holds nothing but files of an archive. A link to one is nobody's crash.
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
