//! Requests about the record: what is to be written, and what there is to read.

mod asking;
mod settling;

use protocol::record::section::root::root_of;
use std::collections::BTreeSet;

use protocol::{
    app::{
        control::{ExportedEntry, Fact, Imported, Known, Problem, Record, RecordKind, Reply, Request, Scope, codes},
        desk::{self, Stand},
        import::{self, ImportErrors},
    },
    bytes::{
        cose::{self, Domain},
        ids::{CircleId, SectionId},
        limits::{ASSERTIONS, DEPS},
        seal::hash,
        words,
    },
    membership::circle::Circle,
    record::{
        date,
        schema::{Place, Schema, Value},
        section::{
            assertion::{Assertion, BatchId, ClaimedTime, Plain, Statement},
            view::View,
        },
    },
    replication::sync::Content,
    store::{Batch, Row, Store, Table},
};

use super::{
    Opened,
    folder::{locked, store_problem},
    joined::{Joined, Pending, Prepared},
    parts::Whole,
    utc_now,
};

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;
/// Statements of an import in one entry: a small part of what one may hold, so that erasing one takes little with it.
const PER_ENTRY: usize = 500;

/// Words that name a record, if it is the only one whose words begin so.
const NAMING_WORDS: usize = 2;

/// Where a record lives.
#[derive(Clone)]
pub(super) struct Shelf {
    pub(super) circle: Circle,
    pub(super) id: CircleId,
    pub(super) section: SectionId,
    pub(super) kind: RecordKind,
}

impl Shelf {
    /// Where and when facts about it are stated.
    fn stand<'a>(&'a self, view: Option<&'a View>) -> Stand<'a> {
        let Self { circle, section, kind, .. } = self;
        Stand { kind: *kind, section, view, place: place(circle), today: date::day(utc_now()) }
    }
}

impl Joined {
    /// What a request comes to, before anything is written.
    pub(super) fn prepare(&mut self, request: Request, opened: Opened) -> Result<Prepared, Problem> {
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        match request {
            Request::CaseNew { facts } => self.begin(RecordKind::Case, &facts),
            Request::DocketNew { facts } => self.begin(RecordKind::Docket, &facts),
            Request::Set { record, facts } => {
                let shelf = self.find(&record)?;
                let view = self.whole(&shelf)?.view;
                let statements = desk::state(&facts, &shelf.stand(Some(&view)), self.folder.entropy())?;
                let stated = desk::stated(&facts, &statements);
                let entries = vec![self.entry(&shelf, statements, None)?];
                Ok(Prepared::Write(Pending::Saved(shelf.section, stated), entries))
            }
            Request::Import { dry_run, known, .. } => {
                self.bring_in(opened.import.expect("the file was read"), dry_run, known)
            }
            Request::Resolve { .. } | Request::Retract { .. } => self.settle(request),
            _ => Err(Problem::new(codes::REQUEST, "this request writes nothing")),
        }
    }

    /// Cases to the own circle, dockets to the commons; everything is checked before anything is written, and all of it
    /// is one batch. What was brought in under the same label before is the same record, unless a person says otherwise:
    /// a file that is brought in once more must not double every case.
    fn bring_in(
        &mut self,
        read: Result<Vec<import::Imported>, ImportErrors>,
        dry_run: bool,
        known: Known,
    ) -> Result<Prepared, Problem> {
        let found = read.map_err(|errors| {
            let details: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
            let message = format!("the file has {} errors; nothing was brought in", details.len());
            let problem = Problem::new(codes::IMPORT, message).saying("errors").with("count", details.len());
            let findings = errors.0.iter().map(import::ImportError::problem).collect();
            problem.with_details(details).with_findings(findings)
        })?;
        let found = self.not_known(found, known)?;
        let (mut records, mut entries, mut labels) = (Vec::new(), Vec::new(), Batch::default());
        let batch = BatchId(self.folder.entropy().bytes());
        for record in found {
            let kind = kind_of(record.kind);
            let (circle, section) = (self.home(kind), SectionId(record.root.0));
            let shelf = Shelf { id: self.state.circle_of(&circle), circle, section, kind };
            let place = place(&shelf.circle);
            let schema = Schema::current();
            for draft in record.statements.iter().chain(&record.separate) {
                if let Some(field) = schema.field(&draft.field) {
                    let may_go = schema.may_go(field, &draft.value, place);
                    may_go.map_err(|error| desk::level_problem(&error).with_details(vec![record.label.clone()]))?;
                }
            }
            let count = record.statements.len() + record.separate.len();
            let statements: Vec<_> = record.statements.into_iter().map(asserted).collect();
            let together = statements.chunks(PER_ENTRY).map(<[Statement]>::to_vec);
            // Each of several reported values is an entry of its own, so that none seems to answer another.
            let apart = record.separate.into_iter().map(|draft| vec![asserted(draft)]);
            for statements in together.chain(apart) {
                let batch = matches!(shelf.circle, Circle::Own(_)).then_some(batch);
                entries.push(self.entry(&shelf, statements, batch)?);
            }
            labels.put(label_row(&section), record.label.as_bytes().to_vec());
            labels.put(labelled_row(&record.label, &section), section.0.to_vec());
            records.push(Imported {
                label: record.label,
                kind,
                record: section,
                pseudonym: words::pseudonym(&section.0),
                statements: count as u64,
            });
        }
        if dry_run || records.is_empty() {
            return Ok(Prepared::Answer(Box::new(Reply::Imported { records, entries: 0 })));
        }
        Ok(Prepared::Write(Pending::Imported(records, labels), entries))
    }

    /// The records of a file that are to be made.
    fn not_known(&self, mut found: Vec<import::Imported>, known: Known) -> Result<Vec<import::Imported>, Problem> {
        if known == Known::Again {
            return Ok(found);
        }
        let all = found.len();
        let mut here = Vec::new();
        for record in &found {
            let kind = kind_of(record.kind);
            let is_here = self.all_labelled(&record.label)?.iter().any(|shelf| shelf.kind == kind);
            here.extend(is_here.then(|| (record.kind, record.label.clone())));
        }
        if known == Known::Refuse && !here.is_empty() {
            let message =
                format!("{} of the {all} records of the file are here already; nothing was brought in", here.len());
            let problem = Problem::new(codes::KNOWN_LABELS, message).saying("some").with("count", all);
            let labels = here.iter().map(|(_, label)| label.clone()).collect();
            return Err(problem.with("known", here.len()).with_details(labels));
        }
        let here: BTreeSet<_> = here.into_iter().collect();
        found.retain(|record| !here.contains(&(record.kind, record.label.clone())));
        Ok(found)
    }

    fn begin(&mut self, kind: RecordKind, facts: &[Fact]) -> Result<Prepared, Problem> {
        let circle = self.home(kind);
        let section = SectionId(self.folder.entropy().bytes());
        let shelf = Shelf { id: self.state.circle_of(&circle), circle, section, kind };
        let mut statements = desk::state(facts, &shelf.stand(None), self.folder.entropy())?;
        let stated = desk::stated(facts, &statements);
        statements.insert(0, self.first_statement(kind, &section));
        let entries = vec![self.entry(&shelf, statements, None)?];
        Ok(Prepared::Write(Pending::Saved(section, stated), entries))
    }

    /// A record begins with its own id: it is there, and of its kind, before anything else is said.
    fn first_statement(&self, kind: RecordKind, section: &SectionId) -> Statement {
        let field = match kind {
            RecordKind::Case => "case_file.case_id",
            RecordKind::Docket => "docket.docket_id",
        };
        Statement::Assert(Assertion {
            entity: root_of(section),
            field: field.to_owned(),
            value: Value::Text(data_encoding::HEXLOWER.encode(&section.0)),
            sources: vec![],
            grade: None,
            basis: None,
            reported_by: None,
        })
    }

    /// The circle a new record of this kind begins in.
    fn home(&self, kind: RecordKind) -> Circle {
        match kind {
            RecordKind::Case => Circle::Own(self.state.organisation()),
            RecordKind::Docket => Circle::Commons,
        }
    }

    /// One entry that says `statements`, after everything known of the section.
    pub(super) fn entry(
        &mut self,
        shelf: &Shelf,
        statements: Vec<Statement>,
        batch: Option<BatchId>,
    ) -> Result<(CircleId, Content), Problem> {
        if statements.len() > ASSERTIONS.0 {
            let problem = Problem::new(codes::TOO_LARGE, format!("{} statements at once", statements.len()));
            return Err(problem.saying("statements").with("count", statements.len()).with("limit", ASSERTIONS.0));
        }
        let chain = self.state.chain(&shelf.circle).ok_or_else(locked)?;
        let heads = self.library.heads(&self.state, &self.folder.store, &shelf.id, &shelf.section, chain);
        let mut deps = heads.map_err(|error| self.not_shown(&error))?;
        deps.truncate(DEPS.0);
        let plain = Plain {
            schema: Schema::VERSION,
            section: shelf.section,
            claimed_time: claimed(&shelf.circle),
            deps,
            batch,
            statements,
        };
        let bytes = plain.encode().map_err(|error| Problem::new(codes::TOO_LARGE, error.to_string()))?;
        Ok((shelf.id, Content::Assertions(bytes)))
    }

    /// Requests that only look.
    pub(super) fn look(&mut self, request: Request) -> Result<Reply, Problem> {
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        match request {
            Request::Show { record } => {
                let shelf = self.find(&record)?;
                let Whole { view, readers, parts, taken_back } = self.whole(&shelf)?;
                Ok(Reply::Record(Box::new(Record { readers, parts, taken_back, ..self.shown(&view, shelf.kind) })))
            }
            Request::Shares => Ok(self.shares()),
            Request::ShareCancel { share } => self.cancel_share(&share),
            Request::Ask { question } => self.precedents(&question),
            Request::Conflicts { record } => self.conflicts(&record),
            Request::History { record } => self.history(&record),
            Request::Digest { circle } => self.digest(circle),
            Request::Export { record } => self.export(&record),
            _ => Err(Problem::new(codes::REQUEST, "this request is not for a node in a registry")),
        }
    }

    fn shown(&self, view: &View, kind: RecordKind) -> Record {
        desk::record(view, kind, &self.names, utc_now())
    }

    pub(super) fn label(&self, section: &SectionId) -> Result<Option<String>, Problem> {
        let label = self.folder.store.get(&label_row(section)).map_err(|error| store_problem(&error))?;
        Ok(label.and_then(|label| String::from_utf8(label).ok()))
    }

    /// A name for all that is read of some circles; equal on every node that reads the same.
    fn digest(&mut self, scope: Scope) -> Result<Reply, Problem> {
        let circles = match scope {
            Scope::Own => vec![Circle::Own(self.us())],
            Scope::Commons => vec![Circle::Commons],
            Scope::Shared => self.circles_with_others(),
        };
        let (mut digests, mut conflicts, mut entries) = (Vec::new(), 0, 0);
        for circle in circles {
            for shelf in self.shelves(&circle)? {
                let view = self.alone(&shelf)?;
                conflicts += desk::conflicts(&view);
                digests.push((shelf.section, view.digest()));
            }
            let held = self.state.replica().circle(&self.state.circle_of(&circle));
            entries += held.map_or(0, |held| held.lines().map(|(_, line)| line.counted()).sum::<u64>());
        }
        digests.sort_unstable();
        let bytes: Vec<u8> = digests.iter().flat_map(|(section, digest)| [&section.0[..], digest].concat()).collect();
        Ok(Reply::Digest {
            digest: data_encoding::HEXLOWER.encode(&hash("habeas 1 circle digest", &[&bytes])),
            records: digests.len() as u64,
            entries,
            conflicts,
        })
    }

    fn export(&mut self, record: &str) -> Result<Reply, Problem> {
        let shelf = self.find(record)?;
        let entries = self.library.entries(&self.state, &self.folder.store, &shelf.id, &shelf.section);
        let registry = self.state.replica().members.registry();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let exported = entries.map_err(|error| store_problem(&error))?.into_iter().map(|entry| ExportedEntry {
            cose: hex(&cose::tagged(&entry.envelope())),
            key: hex(&entry.header().feed.key.0),
            aad: hex(&Domain::Entry.aad(&registry.0)),
            registry: hex(&registry.0),
            id: hex(&entry.id().0),
        });
        Ok(Reply::Exported { entries: exported.collect() })
    }

    pub(super) fn shelves(&self, circle: &Circle) -> Result<Vec<Shelf>, Problem> {
        let id = self.state.circle_of(circle);
        let sections = self.library.sections(&self.folder.store, &id).map_err(|error| store_problem(&error))?;
        let shelf = |(section, kind)| Shelf { circle: circle.clone(), id, section, kind };
        Ok(sections.into_iter().map(shelf).collect())
    }

    /// The record that a text names: by id, or by its words. The shared part of an own case file leads to that.
    pub(super) fn find(&mut self, text: &str) -> Result<Shelf, Problem> {
        let shelf = self.found(text)?;
        if matches!(shelf.circle, Circle::Own(_)) || shelf.kind == RecordKind::Docket {
            return Ok(shelf);
        }
        Ok(match self.own_of(&shelf.section)? {
            None => shelf,
            Some(section) => {
                let circle = Circle::Own(self.us());
                Shelf { id: self.state.circle_of(&circle), circle, section, ..shelf }
            }
        })
    }

    /// The record that was brought in under this label.
    fn labelled(&self, label: &str) -> Result<Option<Shelf>, Problem> {
        let mut found = self.all_labelled(label)?;
        if found.len() > 1 {
            let details = found.iter().map(|shelf| words::pseudonym(&shelf.section.0)).collect();
            let message = format!("{} records were brought in as «{label}»", found.len());
            return Err(Problem::new(codes::NO_RECORD, message).with_details(details));
        }
        Ok(found.pop())
    }

    fn all_labelled(&self, label: &str) -> Result<Vec<Shelf>, Problem> {
        let (mut sections, mut found) = (Vec::new(), Vec::new());
        let scanned = self.folder.store.scan(Table::Desk, &labelled_rows(label), 0, &mut |_, section| {
            sections.extend(section.try_into().map(SectionId));
            true
        });
        scanned.map_err(|error| store_problem(&error))?;
        for section in sections {
            for circle in [Circle::Own(self.us()), Circle::Commons] {
                let id = self.state.circle_of(&circle);
                let kind = self.library.shelf(&self.folder.store, &id, &section);
                let kind = kind.map_err(|error| store_problem(&error))?;
                found.extend(kind.map(|kind| Shelf { circle, id, section, kind }));
            }
        }
        Ok(found)
    }

    /// The record whose words begin so: a list has no room for all six. Own records first, as in [`Self::found`].
    fn beginning(&self, text: &str) -> Result<Option<Shelf>, Problem> {
        let begins = |shelf: &Shelf| words::pseudonym(&shelf.section.0).starts_with(&format!("{text} "));
        if text.split(' ').count() < NAMING_WORDS {
            return Ok(None);
        }
        for circles in [vec![Circle::Own(self.us())], self.circles_with_others()] {
            let mut found = Vec::new();
            for circle in circles {
                found.extend(self.shelves(&circle)?.into_iter().filter(begins));
            }
            if found.len() > 1 {
                let details = found.iter().map(|shelf| words::pseudonym(&shelf.section.0)).collect();
                let message = format!("the words of {} records begin with «{text}»", found.len());
                return Err(Problem::new(codes::NO_RECORD, message).with_details(details));
            }
            if let Some(shelf) = found.pop() {
                return Ok(Some(shelf));
            }
        }
        Ok(None)
    }

    fn found(&self, text: &str) -> Result<Shelf, Problem> {
        let (store, by_id) = (&self.folder.store, text.trim().parse::<SectionId>().ok());
        // The fewer may write in a circle, the sooner its record is meant: nobody takes the id of another's record.
        let mut circles: Vec<_> = self.state.replica().circles().collect();
        circles.sort_by_key(|(_, held)| match held.circle {
            Circle::Own(_) => 0,
            Circle::Named { .. } => 1,
            Circle::Commons => 2,
        });
        for (id, held) in circles {
            let found = match by_id {
                Some(section) => self.library.shelf(store, id, &section).map(|kind| kind.map(|kind| (section, kind))),
                None => self.library.named(store, id, &spaced(text)),
            };
            if let Some((section, kind)) = found.map_err(|error| store_problem(&error))? {
                return Ok(Shelf { circle: held.circle.clone(), id: *id, section, kind });
            }
        }
        let message = format!("no case file or docket here is called «{text}»");
        // An id is no label, and looking through all labels takes long: whoever asks for a record that has not arrived
        // yet, again and again, would hold up what brings it.
        if by_id.is_none()
            && let Some(shelf) = self.labelled(text.trim())?
        {
            return Ok(shelf);
        }
        if let Some(shelf) = self.beginning(&spaced(text))? {
            return Ok(shelf);
        }
        Err(Problem::new(codes::NO_RECORD, message).saying("name").with("name", text))
    }
}

fn asserted(draft: import::Draft) -> Statement {
    let import::Draft { entity, field, value, sources, grade, reported_by } = draft;
    Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by })
}

const fn kind_of(kind: import::Kind) -> RecordKind {
    match kind {
        import::Kind::CaseFile => RecordKind::Case,
        import::Kind::Docket => RecordKind::Docket,
    }
}

/// What the file called a record: kept here, since it may be a name.
fn label_row(section: &SectionId) -> Row {
    Row::new(Table::Desk, [b"label", &section.0[..]].concat(), 0)
}

/// The records that have a label.
fn labelled_rows(label: &str) -> Vec<u8> {
    [b"records of the label ", label.as_bytes()].concat()
}

/// One of them, under a number of its own.
fn labelled_row(label: &str, section: &SectionId) -> Row {
    let number = section.0.first_chunk().expect("an id has 16 bytes");
    Row::new(Table::Desk, labelled_rows(label), u64::from_be_bytes(*number))
}

/// Words however they were separated: `able-acid…`, `able acid …`.
fn spaced(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn place(circle: &Circle) -> Place {
    match circle {
        Circle::Own(_) => Place::Own,
        Circle::Named { .. } => Place::Named,
        Circle::Commons => Place::Commons,
    }
}

/// When something is said to be written: to the minute at home, to the day elsewhere. Working hours stay at home.
fn claimed(circle: &Circle) -> ClaimedTime {
    let now = utc_now();
    ClaimedTime(match circle {
        Circle::Own(_) => now - now % MINUTE,
        Circle::Named { .. } | Circle::Commons => now - now % DAY,
    })
}
