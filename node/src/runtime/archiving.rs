//! Archives: what can be read is gathered here, between two steps, so that all of it is true at one moment.

use std::path::Path;

use protocol::{
    circle::Circle,
    control::{Problem, Reply, codes},
    library::Library,
    schema::Language,
    store::{Store, StoreError},
    words,
};

use super::{
    Answerer,
    beside::Beside,
    folder::{locked, store_problem},
    joined::Joined,
    utc_now,
};
use crate::archive::{Archive, ArchiveError, Archived, Held, Member, Summary};

/// Everything this node can read now.
pub(super) fn gather(joined: &mut Joined) -> Result<Archive, Problem> {
    if joined.folder.pens().is_none() {
        return Err(locked());
    }
    let replica = joined.state.replica();
    let members = &replica.members;
    let organisations = members.organisations();
    let archive = Archive {
        schema: Archive::SCHEMA,
        as_of: utc_now(),
        registry: members.registry(),
        registry_words: words::fingerprint(&members.registry().0),
        organisation: joined.state.organisation(),
        organisations: organisations
            .map(|(org, sign)| Member {
                organisation: *org,
                call_sign: sign.to_owned(),
                name: joined.names.petname(org),
            })
            .collect(),
        circles: replica
            .circles()
            .map(|(id, held)| Held {
                circle: *id,
                kind: kind(&held.circle).to_owned(),
                organisations: members
                    .organisations()
                    .map(|(org, _)| *org)
                    .filter(|org| held.circle.admits(org))
                    .collect(),
            })
            .collect(),
        unread: unread(&joined.folder.store).map_err(|error| store_problem(&error))?,
        records: vec![],
    };
    let mut records = records(joined)?;
    records.sort_by_key(|record| record.kind);
    Ok(Archive { records, ..archive })
}

/// Writes it out beside the node's work.
pub(super) fn write(
    archive: Archive,
    language: Language,
    to: String,
    reply: Answerer,
    beside: &mut Beside,
) -> Option<(Result<Reply, Problem>, Answerer)> {
    beside.start(reply, move || {
        let written = archive.write(language, Path::new(&to));
        let told = |Summary { records, bytes }| Reply::Archived { records, bytes, unread: archive.unread };
        written.map(told).map_err(|error| problem(&error))
    });
    None
}

/// Every record that is shown, as it is shown: an own case file with what others said in its shared parts, and nothing
/// that its organisation took back.
fn records(joined: &mut Joined) -> Result<Vec<Archived>, Problem> {
    let circles = [vec![Circle::Own(joined.us())], joined.circles_with_others()].concat();
    let mut records = Vec::new();
    for circle in circles {
        for shelf in joined.shelves(&circle)? {
            let Some(listed) = joined.listed(&shelf)? else { continue };
            let view = joined.whole(&shelf)?.view;
            records.push(Archived {
                record: listed.record,
                kind: shelf.kind,
                pseudonym: listed.pseudonym,
                label: listed.label,
                circle: shelf.id,
                readers: listed.readers,
                stage: listed.stage,
                digest: data_encoding::HEXLOWER.encode(&view.digest()),
                view,
            });
        }
    }
    Ok(records)
}

/// Entries that are here and say nothing yet: for want of a key, or of a newer version.
fn unread(store: &impl Store) -> Result<u64, StoreError> {
    Ok(Library::unread(store)?.len() as u64 + Library::later(store)?)
}

const fn kind(circle: &Circle) -> &'static str {
    match circle {
        Circle::Own(_) => "own",
        Circle::Named { .. } => "named",
        Circle::Commons => "commons",
    }
}

fn problem(error: &ArchiveError) -> Problem {
    let code = match error {
        ArchiveError::Exists => codes::FILE_EXISTS,
        ArchiveError::Io { source, .. } => super::saving::disk_code(source),
    };
    Problem::new(code, error.to_string())
}
