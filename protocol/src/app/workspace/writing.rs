//! Writing: prepares the entries of a request, checked before anything is written. The replica appends and commits the
//! entries; the reply is sent when they are durable.

use crate::{
    app::{
        control::{At, Fact, Problem, RecordKind, Reply, Stated, codes},
        desk::{
            self,
            settling::{self, Weighed},
        },
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

use super::{DAY, RecordRef, Workspace, locked};

const MINUTE: u64 = 60;

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
    /// Records of an import under way, which is confirmed at its end: the rows of their labels.
    Labels(Batch),
}

impl PendingWrite {
    /// Makes the reply, once the entries are durable; `None` for a part of an import.
    #[must_use]
    pub fn reply(self, entries: Vec<EntryId>) -> Option<Reply> {
        match self {
            Self::Saved(record, stated) => {
                Some(Reply::Saved { record, pseudonym: words::pseudonym(&record.0), entries, stated })
            }
            Self::Labels(_) => None,
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
        let mut statements = desk::state(facts, &record.context(None, &self.us(), self.now), self.entropy)?;
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
        let statements = desk::state(facts, &record.context(Some(&view), &self.us(), self.now), self.entropy)?;
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
            PendingWrite::Labels(labels) => batch.append(std::mem::take(labels)),
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

/// The time that an entry claims: to the minute in the own circle, to the day in other circles. Working hours are not
/// shown to other organisations.
fn claimed(circle: &Circle, now: u64) -> ClaimedTime {
    ClaimedTime(match circle {
        Circle::Own(_) => now - now % MINUTE,
        Circle::Named { .. } | Circle::Commons => now - now % DAY,
    })
}
