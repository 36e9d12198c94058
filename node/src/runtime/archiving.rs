//! Archives: read record by record between other jobs, and written beside the runtime's thread as they are read.
//!
//! A bounded channel leads from the reader to the writer. While it is full the reader does nothing, and the writer tells
//! when there is room; so the runtime never waits for a disk, and few records are in memory however many there are.
//!
//! An archive holds the records that were known when it was begun, each as it was when it was read: what changes behind
//! the reader is not read again. If fewer entries count, the archive is begun again with nothing in it. A lock, a stop, an
//! error and a client that has gone end it, and nothing is left of it.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use jiff::tz::TimeZone;
use protocol::{
    app::{
        control::{Problem, RecordKind, Reply, Unit, codes},
        library::Library,
        workspace::{RecordRef, Workspace, locked},
    },
    bytes::words,
    membership::circle::Circle,
    record::schema::Language,
    store::{Store, StoreError},
};
use tokio::sync::{Notify, mpsc};

use super::{
    Answerer,
    beside::{Beside, Permit},
    joined::Joined,
    sweep::if_shown,
    utc_now,
};
use crate::{
    archive::{ArchiveError, Archived, Head, Held, Manner, Member, Summary, Writer},
    hardening,
    store::Rocks,
};

/// Greatest number of records that wait for the writer of an archive.
const WAITING_MAX: usize = 4;

/// Greatest number of turns for which an archive waits until every record that changed is in the catalogue.
const WAITED_MAX: u32 = 1_000;

/// Archives under way, the next one first.
#[derive(Default)]
pub(super) struct Archives {
    reading: VecDeque<Reading>,
    /// Told whenever a writer has room again, or has ended.
    room: Arc<Notify>,
}

/// An archive that is being read.
struct Reading {
    /// Records that are still to be read; `None`: the archive is to be begun.
    ahead: Option<VecDeque<Ahead>>,
    /// Number of turns for which the archive waited to be begun.
    waited: u32,
    to: mpsc::Sender<Step>,
}

/// Records of a kind that are still to be read, as numbers of their lines in the catalogue.
struct Ahead {
    kind: RecordKind,
    next: u64,
    end: u64,
}

/// Step of writing an archive.
enum Step {
    /// Begins the archive, or begins it again; with the number of its records.
    Begin(Box<Head>, u64),
    Record(Box<Archived>),
    /// Completes the archive.
    End,
    /// Ends the archive with the problem of a record that cannot be read.
    Fail(Problem),
}

/// Steps of an archive, as its writer receives them.
pub(super) struct Steps {
    from: mpsc::Receiver<Step>,
    room: Arc<Notify>,
}

impl Archives {
    /// Adds an archive that is to be read. Returns its steps for the writer.
    fn add(&mut self) -> Steps {
        let (to, from) = mpsc::channel(WAITING_MAX);
        self.reading.push_back(Reading { ahead: None, waited: 0, to });
        Steps { from, room: self.room.clone() }
    }

    /// Whether an archive can be read further now.
    pub(super) fn are_ready(&self) -> bool {
        self.reading.iter().any(Reading::is_ready)
    }

    /// Whether any archive is under way. While there is one the runtime listens for room, ready or not: a writer may have
    /// made room just after it was asked.
    pub(super) fn are_under_way(&self) -> bool {
        !self.reading.is_empty()
    }

    /// Returns what is told when a writer has room again.
    pub(super) fn room(&self) -> Arc<Notify> {
        self.room.clone()
    }

    /// Begins all archives again, after fewer entries count.
    pub(super) fn begin_again(&mut self) {
        self.reading.iter_mut().for_each(|reading| (reading.ahead, reading.waited) = (None, 0));
    }

    /// Ends all archives; their writers remove what they have written.
    pub(super) fn end(&mut self) {
        self.reading.clear();
    }
}

impl Reading {
    /// Whether the writer has room for a step, or has ended, which the next step finds.
    fn is_ready(&self) -> bool {
        self.to.capacity() > 0 || self.to.is_closed()
    }
}

impl Steps {
    /// Waits for the next step; `None` if the archive was ended.
    fn next(&mut self) -> Option<Step> {
        let step = self.from.blocking_recv();
        self.room.notify_one();
        step
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.from.close();
        while self.from.try_recv().is_ok() {}
        self.room.notify_one();
    }
}

impl Joined {
    /// Begins to read an archive. Returns the steps for its writer.
    pub(super) fn begin_archive(&mut self) -> Result<Steps, Problem> {
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        Ok(self.archives.add())
    }

    /// Reads one record for the next archive whose writer has room, if there is one.
    pub(super) fn read_for_archive(&mut self) {
        let Some(at) = self.archives.reading.iter().position(Reading::is_ready) else { return };
        let Some(mut reading) = self.archives.reading.remove(at) else { return };
        if self.step_of_archive(&mut reading) {
            self.archives.reading.push_back(reading);
        }
    }

    /// Hands the next step to the writer. Returns `false` if it was the last, or if the writer has ended.
    fn step_of_archive(&mut self, reading: &mut Reading) -> bool {
        // Records that changed a moment ago are put into the catalogue first.
        if reading.ahead.is_none() && !self.cache.due.is_empty() && reading.waited < WAITED_MAX {
            reading.waited += 1;
            return true;
        }
        let Reading { ahead, to, .. } = reading;
        let Ok(room) = to.try_reserve() else { return false };
        match self.next_step(ahead) {
            Ok(None) => true,
            Ok(Some(Step::End)) => {
                room.send(Step::End);
                false
            }
            Ok(Some(step)) => {
                room.send(step);
                true
            }
            Err(problem) => {
                room.send(Step::Fail(problem));
                false
            }
        }
    }

    /// Makes the next step of an archive; `None` for a record that is not shown.
    fn next_step(&mut self, ahead: &mut Option<VecDeque<Ahead>>) -> Result<Option<Step>, Problem> {
        let Some(kinds) = ahead else {
            let mut all = 0;
            let mut kinds = VecDeque::new();
            for kind in [RecordKind::Case, RecordKind::Docket] {
                let counts = self.workspace(|work| work.readable().and_then(|()| work.counts(kind)))?;
                all += counts.lines;
                kinds.push_back(Ahead { kind, next: 0, end: counts.end() });
            }
            *ahead = Some(kinds);
            return Ok(Some(Step::Begin(Box::new(head(self)?), all)));
        };
        let Some(Ahead { kind, next, end }) = kinds.front_mut() else { return Ok(Some(Step::End)) };
        if next == end {
            kinds.pop_front();
            return Ok(None);
        }
        let (kind, number) = (*kind, *next);
        *next += 1;
        let found = self.workspace(|work| {
            work.readable()?;
            let Some(record) = work.numbered(kind, number)? else { return Ok(None) };
            if_shown(find(work, &record))
        });
        Ok(found?.map(|record| Step::Record(Box::new(record))))
    }
}

/// Builds the archived form of a record as it is shown: an own case file merged with the claims of others in its shared
/// copies; `None` for a record that its organisation retracted.
fn find(work: &mut Workspace<'_, Rocks>, record: &RecordRef) -> Result<Option<Archived>, Problem> {
    let merged = match work.merged(record) {
        Err(problem) if problem.code == codes::TAKEN_BACK => return Ok(None),
        read => read?,
    };
    let listed = work.summary(record, &merged)?;
    let view = merged.view;
    Ok(Some(Archived {
        record: listed.record,
        kind: record.kind,
        as_of: work.now,
        pseudonym: listed.pseudonym,
        label: listed.label,
        circle: record.id,
        readers: listed.readers,
        stage: listed.stage,
        digest: data_encoding::HEXLOWER.encode(&view.digest()),
        view,
    }))
}

/// Describes an archive that is begun now.
fn head(joined: &Joined) -> Result<Head, Problem> {
    let replica = joined.state.replica();
    let members = &replica.members;
    let organisations = members.organisations();
    Ok(Head {
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
    })
}

/// Chooses the presentation of the pages: the zone of this name, or the system's if none is named; UTC if there is no
/// such zone.
pub(super) fn manner(language: Language, zone: Option<&str>) -> Manner {
    let zone = zone.map_or_else(TimeZone::try_system, TimeZone::get);
    Manner { language, zone: zone.unwrap_or(TimeZone::UTC) }
}

/// Writes an archive as background work, step by step.
pub(super) fn write(steps: Steps, manner: Manner, to: PathBuf, reply: Answerer, beside: &mut Beside) {
    let permit = beside.permit();
    beside.start(reply, move |reply| {
        let mut writer = Writer::new(manner, &to).map_err(|error| problem(&error))?;
        let answer = take(steps, &mut writer, &permit, reply);
        writer.drop_texts();
        hardening::overwrite_stack();
        // Waiting for the permit to be dropped is waiting until the archive is out of memory. Removing one that was not
        // completed may take longer.
        drop(permit);
        drop(writer);
        answer
    });
}

/// Takes the steps of an archive until it is written, or until nobody waits for it or may read it any more.
fn take(mut steps: Steps, writer: &mut Writer, permit: &Permit, reply: &mut Answerer) -> Result<Reply, Problem> {
    let (mut done, mut all, mut unread) = (0, 0, 0);
    loop {
        let step = steps.next().filter(|_| permit.stands() && !reply.is_alone());
        match step.ok_or_else(ended)? {
            Step::Begin(head, records) => {
                (done, all, unread) = (0, records, head.unread);
                writer.begin(*head).map_err(|error| problem(&error))?;
            }
            Step::Record(record) => {
                writer.add(&record).map_err(|error| problem(&error))?;
                done += 1;
            }
            Step::Fail(problem) => return Err(problem),
            Step::End => {
                let Summary { records, bytes } = writer.end().map_err(|error| problem(&error))?;
                return Ok(Reply::Archived { records, bytes, unread });
            }
        }
        reply.teller.tell(Unit::Written, done, all);
    }
}

/// Problem of an archive that was ended before it was complete.
fn ended() -> Problem {
    let message = "the folder was locked, or the node stopped, while the archive was written; nothing is left of it";
    Problem::new(codes::LOCKED, message)
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
        ArchiveError::Io { source, .. } => super::saving::disk_code(source),
    };
    Problem::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use protocol::{
        bytes::ids::{CircleId, OrgId, RegistryId, SectionId},
        record::section::view::View,
    };

    use super::*;

    fn head() -> Box<Head> {
        Box::new(Head {
            as_of: 1,
            registry: RegistryId([1; 32]),
            registry_words: String::new(),
            organisation: OrgId([2; 32]),
            organisations: vec![],
            circles: vec![],
            unread: 3,
        })
    }

    fn record(number: u64) -> Step {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let view = View { section: SectionId(id), entities: [].into(), ignored: vec![] };
        Step::Record(Box::new(Archived {
            record: view.section,
            kind: RecordKind::Case,
            as_of: 1,
            pseudonym: "words".into(),
            label: None,
            circle: CircleId([1; 16]),
            readers: vec![],
            stage: String::new(),
            digest: String::new(),
            view,
        }))
    }

    /// An archive under way, with the channel to its writer.
    async fn under_way(to: &Path) -> (Archives, mpsc::Sender<Step>, Beside, super::super::Awaited) {
        let (mut archives, mut beside) = (Archives::default(), Beside::default());
        let steps = archives.add();
        let sender = archives.reading[0].to.clone();
        let (reply, awaited) = Answerer::new();
        write(steps, manner(Language::En, Some("UTC")), to.to_owned(), reply, &mut beside);
        let _ended_already = sender.send(Step::Begin(head(), 1_000)).await;
        (archives, sender, beside, awaited)
    }

    /// Waits until the archive has ended, and returns the code of its problem.
    async fn problem_of(beside: &mut Beside, awaited: super::super::Awaited) -> String {
        beside.next().await.expect("it ends").tell();
        awaited.reply.await.expect("answered").expect_err("not written").code
    }

    /// An archive of 50,000 case files took more than 9 GB: all of them, and each rendering, were in memory at once.
    #[tokio::test]
    async fn few_records_are_in_memory_however_many_there_are_and_the_reader_never_waits() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let to = root.path().join("archive");
        let (archives, sender, mut beside, awaited) = under_way(&to).await;
        let mut sent = 0;
        while sent < 1_000 {
            // What the runtime does: a step while there is room, and otherwise nothing until it is told.
            if let Ok(room) = sender.try_reserve() {
                sent += 1;
                room.send(record(sent));
                // The writer has one more: it drops a record before it takes the next.
                let waiting = sender.max_capacity() - sender.capacity();
                assert!(waiting <= WAITING_MAX, "{waiting} wait");
            } else {
                archives.room().notified().await;
            }
        }
        sender.send(Step::End).await.expect("it waits");
        beside.next().await.expect("it ends").tell();
        let reply = awaited.reply.await.expect("answered").expect("written");
        assert!(matches!(reply, Reply::Archived { records: 1_000, unread: 3, .. }), "{reply:?}");
        assert!(to.is_dir());
    }

    #[tokio::test]
    async fn a_lock_a_problem_and_a_client_that_has_gone_end_an_archive_and_leave_nothing() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let to = root.path().join("archive");
        let nothing = || assert_eq!(fs::read_dir(root.path()).expect("there").count(), 0, "something is left");

        let (mut archives, sender, mut beside, awaited) = under_way(&to).await;
        sender.send(record(1)).await.expect("it waits");
        drop(sender);
        archives.end();
        assert!(beside.revoke().await, "it still holds texts");
        assert_eq!(awaited.reply.await.expect("answered").expect_err("not written").code, codes::LOCKED);
        nothing();

        let (_archives, sender, mut beside, awaited) = under_way(&to).await;
        sender.send(record(1)).await.expect("it waits");
        sender.send(Step::Fail(Problem::new(codes::BROKEN, "x"))).await.expect("it waits");
        assert_eq!(problem_of(&mut beside, awaited).await, codes::BROKEN);
        nothing();

        let (archives, sender, mut beside, awaited) = under_way(&to).await;
        drop(awaited);
        // The writer sees it at the next step; then its reader finds it ended.
        let _ended_meanwhile = sender.send(record(1)).await;
        beside.next().await.expect("it ends").tell();
        assert!(sender.is_closed() && archives.are_ready());
        nothing();

        // The disk refuses: the folder that the archive is to stand in is gone.
        let below = to.join("no/such");
        let (_archives, sender, mut beside, awaited) = under_way(&below).await;
        assert_eq!(problem_of(&mut beside, awaited).await, codes::PLACE);
        assert!(sender.is_closed());
        nothing();
    }

    #[tokio::test]
    async fn an_archive_that_is_begun_again_holds_only_what_came_since() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let (mut archives, sender, mut beside, awaited) = under_way(&root.path().join("archive")).await;
        for number in 0..10 {
            sender.send(record(number)).await.expect("it waits");
        }
        archives.begin_again();
        assert!(archives.reading[0].ahead.is_none());
        // Regression: an archive stood still when its writer made room between the two questions of the runtime.
        assert!(archives.are_under_way());
        sender.send(Step::Begin(head(), 1)).await.expect("it waits");
        sender.send(record(1)).await.expect("it waits");
        sender.send(Step::End).await.expect("it waits");
        beside.next().await.expect("it ends").tell();
        let reply = awaited.reply.await.expect("answered").expect("written");
        assert!(matches!(reply, Reply::Archived { records: 1, .. }), "{reply:?}");
    }
}
