//! Writing: prepares the entries of a request, checked before anything is written. The replica appends and commits the
//! entries; the reply is sent when they are durable.

use std::collections::BTreeSet;

use crate::{
    app::{
        control::{At, Fact, Imported, Known, Problem, RecordKind, Reply, Stated, codes},
        desk::{
            self,
            settling::{self, Weighed},
        },
        import::{self, ImportErrors},
    },
    bytes::{
        ids::{CircleId, EntryId, SectionId},
        limits::{ASSERTIONS, DEPS},
        words,
    },
    membership::circle::Circle,
    record::{
        schema::{Schema, Value},
        section::{
            assertion::{Assertion, BatchId, ClaimedTime, Plain, Statement},
            root::root_of,
        },
    },
    replication::sync::Content,
    store::{Batch, Store},
};

use super::{
    DAY, RecordRef, Workspace, locked,
    records::{label_row, labelled_row, place},
};

const MINUTE: u64 = 60;
/// Statements of an import in one entry: a small part of the maximum, so that erasing an entry loses little.
const PER_ENTRY: usize = 500;

/// The result of preparing a request.
pub enum Prepared {
    /// A reply at once, with nothing to write.
    Answer(Box<Reply>),
    /// Entries to write, and the reply to send once they are durable.
    Write(PendingWrite, Vec<(CircleId, Content)>),
}

/// A write that is not durable yet, with the data of its reply.
#[derive(Debug)]
pub enum PendingWrite {
    /// Facts about a record, to be confirmed with [`Reply::Saved`].
    Saved(SectionId, Vec<Stated>),
    /// Imported records, to be confirmed with [`Reply::Imported`], and the rows of their labels.
    Imported(Vec<Imported>, Batch),
}

impl PendingWrite {
    /// Makes the reply, once the entries are durable.
    #[must_use]
    pub fn reply(self, entries: Vec<EntryId>) -> Reply {
        match self {
            Self::Saved(record, stated) => {
                Reply::Saved { record, pseudonym: words::pseudonym(&record.0), entries, stated }
            }
            Self::Imported(records, _) => Reply::Imported { records, entries: entries.len() as u64 },
        }
    }
}

impl<S: Store> Workspace<'_, S> {
    /// Prepares a new record with its first facts.
    ///
    /// # Errors
    /// A fact that the schema or its level does not allow in this circle.
    pub fn new_record(&mut self, kind: RecordKind, facts: &[Fact]) -> Result<Prepared, Problem> {
        self.readable()?;
        let circle = self.home(kind);
        let section = SectionId(self.entropy.bytes());
        let record = RecordRef { id: self.state.circle_of(&circle), circle, section, kind };
        let mut statements = desk::state(facts, &record.context(None, self.now), self.entropy)?;
        let stated = desk::stated(facts, &statements);
        statements.insert(0, first_statement(kind, &section));
        let entries = vec![self.entry(&record, statements, None)?];
        Ok(Prepared::Write(PendingWrite::Saved(section, stated), entries))
    }

    /// Prepares facts about an existing record.
    ///
    /// # Errors
    /// A record that is not found, or a fact that the schema or its level does not allow in its circle.
    pub fn set(&mut self, record: &str, facts: &[Fact]) -> Result<Prepared, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let view = self.merged(&record)?.view;
        let statements = desk::state(facts, &record.context(Some(&view), self.now), self.entropy)?;
        let stated = desk::stated(facts, &statements);
        let entries = vec![self.entry(&record, statements, None)?];
        Ok(Prepared::Write(PendingWrite::Saved(record.section, stated), entries))
    }

    /// Prepares a resolution of a dispute between exactly the claims in `weighed`.
    ///
    /// # Errors
    /// A record or dispute that is not found, or claims that are not the current ones.
    pub fn resolve(&mut self, record: &str, weighed: &Weighed<'_>) -> Result<Prepared, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let view = self.correctable(&record)?;
        self.correction(&record, settling::resolve(&view, weighed)?)
    }

    /// Prepares a retraction of a statement of this organisation. `reason`: a code of `recall_reason`.
    ///
    /// # Errors
    /// A record or claim that is not found, or a claim of another organisation.
    pub fn retract(&mut self, record: &str, at: At, reason: &str) -> Result<Prepared, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let view = self.correctable(&record)?;
        self.correction(&record, settling::retract(&view, &self.us(), at, reason)?)
    }

    fn correction(&mut self, record: &RecordRef, statement: Statement) -> Result<Prepared, Problem> {
        let entries = vec![self.entry(record, vec![statement], None)?];
        Ok(Prepared::Write(PendingWrite::Saved(record.section, vec![]), entries))
    }

    /// Prepares an import: case files go to the own circle, dockets to the commons. Everything is checked before
    /// anything is written, and all of it is one batch. A record with a label that was imported before is the same
    /// record, unless the request says otherwise: importing a file once more must not double every case.
    ///
    /// # Errors
    /// The errors of the file, records that are known, or values that are not allowed in their circle.
    pub fn import(
        &mut self,
        read: Result<Vec<import::Imported>, ImportErrors>,
        dry_run: bool,
        known: Known,
    ) -> Result<Prepared, Problem> {
        self.readable()?;
        let found = read.map_err(|errors| {
            let details: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
            let message = format!("the file has {} errors; nothing was brought in", details.len());
            let problem = Problem::new(codes::IMPORT, message).saying("errors").with("count", details.len());
            let findings = errors.0.iter().map(import::ImportError::problem).collect();
            problem.with_details(details).with_findings(findings)
        })?;
        let found = self.unknown_records(found, known)?;
        let (mut records, mut entries, mut labels) = (Vec::new(), Vec::new(), Batch::default());
        let batch = BatchId(self.entropy.bytes());
        for imported in found {
            let kind = kind_of(imported.kind);
            let (circle, section) = (self.home(kind), SectionId(imported.root.0));
            let record = RecordRef { id: self.state.circle_of(&circle), circle, section, kind };
            let place = place(&record.circle);
            let schema = Schema::current();
            for draft in imported.statements.iter().chain(&imported.separate) {
                if let Some(field) = schema.field(&draft.field) {
                    let may_go = schema.may_go(field, &draft.value, place);
                    may_go.map_err(|error| desk::level_problem(&error).with_details(vec![imported.label.clone()]))?;
                }
            }
            let count = imported.statements.len() + imported.separate.len();
            let statements: Vec<_> = imported.statements.into_iter().map(asserted).collect();
            let together = statements.chunks(PER_ENTRY).map(<[Statement]>::to_vec);
            // Each of several reported values is an entry of its own, so that none seems to answer another.
            let apart = imported.separate.into_iter().map(|draft| vec![asserted(draft)]);
            for statements in together.chain(apart) {
                let batch = matches!(record.circle, Circle::Own(_)).then_some(batch);
                entries.push(self.entry(&record, statements, batch)?);
            }
            labels.put(label_row(&section), imported.label.as_bytes().to_vec());
            labels.put(labelled_row(&imported.label, self.row_number(&section)), section.0.to_vec());
            records.push(Imported {
                label: imported.label,
                kind,
                record: section,
                pseudonym: words::pseudonym(&section.0),
                statements: count as u64,
            });
        }
        if dry_run || records.is_empty() {
            return Ok(Prepared::Answer(Box::new(Reply::Imported { records, entries: 0 })));
        }
        Ok(Prepared::Write(PendingWrite::Imported(records, labels), entries))
    }

    /// The records of a file that are to be created.
    fn unknown_records(
        &self,
        mut found: Vec<import::Imported>,
        known: Known,
    ) -> Result<Vec<import::Imported>, Problem> {
        if known == Known::Again {
            return Ok(found);
        }
        let all = found.len();
        let mut here = Vec::new();
        for imported in &found {
            let kind = kind_of(imported.kind);
            let is_here = self.all_labelled(&imported.label)?.iter().any(|record| record.kind == kind);
            here.extend(is_here.then(|| (imported.kind, imported.label.clone())));
        }
        if known == Known::Refuse && !here.is_empty() {
            let message =
                format!("{} of the {all} records of the file are here already; nothing was brought in", here.len());
            let problem = Problem::new(codes::KNOWN_LABELS, message).saying("some").with("count", all);
            let labels = here.iter().map(|(_, label)| label.clone()).collect();
            return Err(problem.with("known", here.len()).with_details(labels));
        }
        let here: BTreeSet<_> = here.into_iter().collect();
        found.retain(|imported| !here.contains(&(imported.kind, imported.label.clone())));
        Ok(found)
    }

    /// Makes one entry with `statements`, which depends on every entry of the section that is held here.
    pub(super) fn entry(
        &mut self,
        record: &RecordRef,
        statements: Vec<Statement>,
        batch: Option<BatchId>,
    ) -> Result<(CircleId, Content), Problem> {
        if statements.len() > ASSERTIONS.0 {
            let problem = Problem::new(codes::TOO_LARGE, format!("{} statements at once", statements.len()));
            return Err(problem.saying("statements").with("count", statements.len()).with("limit", ASSERTIONS.0));
        }
        let chain = self.state.chain(&record.circle).ok_or_else(locked)?;
        let heads = self.cache.library.heads(self.state, self.store, &record.id, &record.section, chain);
        let mut deps = heads.map_err(|error| self.not_shown(error))?;
        deps.truncate(DEPS.0);
        let plain = Plain {
            schema: Schema::VERSION,
            section: record.section,
            claimed_time: claimed(&record.circle, self.now),
            deps,
            batch,
            statements,
        };
        let bytes = plain.encode().map_err(|error| Problem::new(codes::TOO_LARGE, error.to_string()))?;
        Ok((record.id, Content::Assertions(bytes)))
    }

    /// Completes the batch of a write with the rows that become durable with it: the labels of an import, and the mark
    /// that the shared copies of a case file have to follow.
    ///
    /// # Errors
    /// The error of the store.
    pub fn complete(&mut self, pending: &mut PendingWrite, batch: &mut Batch) -> Result<(), Problem> {
        match pending {
            PendingWrite::Imported(_, labels) => batch.append(std::mem::take(labels)),
            PendingWrite::Saved(section, _) => self.note_changed(*section, batch)?,
        }
        Ok(())
    }
}

/// The first statement of a record: its own id, so that the record exists and has a kind before any other statement.
fn first_statement(kind: RecordKind, section: &SectionId) -> Statement {
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

/// The time that an entry claims: to the minute in the own circle, to the day in other circles. Working hours are not
/// shown to other organisations.
fn claimed(circle: &Circle, now: u64) -> ClaimedTime {
    ClaimedTime(match circle {
        Circle::Own(_) => now - now % MINUTE,
        Circle::Named { .. } | Circle::Commons => now - now % DAY,
    })
}
