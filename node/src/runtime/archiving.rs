//! Archives: put together from the records that a sweep found, and written out.

use std::path::Path;

use jiff::tz::TimeZone;
use protocol::{
    app::{
        control::{Problem, Reply, Unit, codes},
        library::Library,
        workspace::{RecordRef, Workspace},
    },
    bytes::words,
    membership::circle::Circle,
    record::schema::Language,
    store::{Store, StoreError},
};

use super::{Answerer, beside::Beside, joined::Joined, utc_now};
use crate::{
    archive::{Archive, ArchiveError, Archived, Held, Manner, Member, Summary},
    hardening,
    store::Rocks,
};

/// Builds the archived form of a record as it is shown: an own case file merged with the claims of others in its shared
/// copies; `None` for a record that its organisation retracted.
pub(super) fn find(work: &mut Workspace<'_, Rocks>, record: &RecordRef) -> Result<Option<Archived>, Problem> {
    let merged = match work.merged(record) {
        Err(problem) if problem.code == codes::TAKEN_BACK => return Ok(None),
        read => read?,
    };
    let listed = work.summary(record, &merged)?;
    let view = merged.view;
    Ok(Some(Archived {
        record: listed.record,
        kind: record.kind,
        pseudonym: listed.pseudonym,
        label: listed.label,
        circle: record.id,
        readers: listed.readers,
        stage: listed.stage,
        digest: data_encoding::HEXLOWER.encode(&view.digest()),
        view,
    }))
}

/// Builds the archive of everything this node can read, from the records that were found.
pub(super) fn archive(joined: &Joined, mut records: Vec<Archived>) -> Result<Archive, Problem> {
    records.sort_by_key(|record| record.kind);
    let replica = joined.state.replica();
    let members = &replica.members;
    let organisations = members.organisations();
    Ok(Archive {
        schema: Archive::SCHEMA,
        as_of: utc_now(),
        registry: members.registry(),
        registry_words: words::fingerprint(&members.registry().0),
        organisation: joined.state.organisation(),
        organisations: organisations
            .map(|(org, sign)| Member {
                organisation: *org,
                call_sign: sign.to_owned(),
                name: joined.cache.names.petname(org),
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
        unread: unread(&joined.folder.store)?,
        records,
    })
}

/// Chooses the presentation of the page: the zone of this name, or the system's if none is named; UTC if there is no
/// such zone.
pub(super) fn manner(language: Language, zone: Option<&str>) -> Manner {
    let zone = zone.map_or_else(TimeZone::try_system, TimeZone::get);
    Manner { language, zone: zone.unwrap_or(TimeZone::UTC) }
}

/// Writes the archive as background work.
pub(super) fn write(archive: Archive, manner: Manner, to: String, reply: Answerer, beside: &mut Beside) {
    let permit = beside.permit();
    beside.start(reply, move |teller| {
        // Dropped last: waiting for the permit to be dropped is waiting until the archive is out of memory.
        let permit = permit;
        let all = archive.records.len() as u64;
        let mut each = |done| {
            teller.tell(Unit::Written, done, all);
            permit.stands()
        };
        let written = archive.write(&manner, Path::new(&to), &mut each);
        let told = |Summary { records, bytes }| Reply::Archived { records, bytes, unread: archive.unread };
        let answer = written.map(told).map_err(|error| problem(&error));
        drop(archive);
        hardening::overwrite_stack();
        answer
    });
}

/// Counts entries that are held and not read: for want of a key, or of a newer version.
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
        ArchiveError::Ended => codes::LOCKED,
        ArchiveError::Io { source, .. } => super::saving::disk_code(source),
    };
    Problem::new(code, error.to_string())
}
