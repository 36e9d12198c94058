//! Archives: what a sweep found, put together and written out.

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

/// A record as it is shown: an own case file with what others said in its shared parts, and nothing that its
/// organisation took back.
pub(super) fn find(work: &mut Workspace<'_, Rocks>, record: &RecordRef) -> Result<Option<Archived>, Problem> {
    let merged = match work.merged(record) {
        Err(problem) if problem.code == codes::TAKEN_BACK => return Ok(None),
        read => read?,
    };
    let view = merged.view.clone();
    let listed = work.summary(record, merged)?;
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

/// Everything this node can read now, with the records that were found.
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

/// How its page tells: in the zone of this name, or of this system if none is named; in UTC where that is none.
pub(super) fn manner(language: Language, zone: Option<&str>) -> Manner {
    let zone = zone.map_or_else(TimeZone::try_system, TimeZone::get);
    Manner { language, zone: zone.unwrap_or(TimeZone::UTC) }
}

/// Writes it out beside the node's work.
pub(super) fn write(archive: Archive, manner: Manner, to: String, reply: Answerer, beside: &mut Beside) {
    let permit = beside.permit();
    beside.start(reply, move |teller| {
        // Dropped last: whoever waits for the permit to end waits until nothing that was read is left.
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
        ArchiveError::Ended => codes::LOCKED,
        ArchiveError::Io { source, .. } => super::saving::disk_code(source),
    };
    Problem::new(code, error.to_string())
}
