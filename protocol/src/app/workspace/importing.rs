//! Import: brings in the records of a file, some at a time between other jobs.
//!
//! Everything is checked before anything is written. Each record is written whole, in one batch with its label, so an
//! import that a crash, a lock or a full disk ends has brought in some records of the file and none in part; importing
//! the other ones brings in the rest.

use std::{collections::BTreeSet, vec};

use crate::{
    app::{
        control::{Imported, Known, Problem, RecordKind, Reply, codes},
        desk,
        import::{self, ImportErrors},
    },
    bytes::{
        ids::{CircleId, SectionId},
        words,
    },
    membership::circle::Circle,
    record::{
        schema::Schema,
        section::assertion::{Assertion, BatchId, Statement},
    },
    replication::sync::Content,
    store::{Batch, Store},
};

use super::{
    PendingWrite, RecordRef, Workspace,
    records::{label_row, labelled_row, place},
};

/// Statements of an import in one entry: a small part of the maximum, so that erasing an entry loses little.
const PER_ENTRY: usize = 500;
/// Records that are checked in one step: a few milliseconds.
const CHECKED: usize = 256;
/// Records that are written in one step: some twenty milliseconds.
const WRITTEN: usize = 12;

/// An import under way.
pub struct ImportRun {
    known: Known,
    dry_run: bool,
    batch: BatchId,
    /// Number of records in the file.
    all: usize,
    phase: Phase,
    /// Records brought in, or that would be.
    records: Vec<Imported>,
    entries: u64,
}

/// The phase of an import.
enum Phase {
    /// Some records are still to be checked, from `next` on; `here` are those that are known.
    Checking { found: Vec<import::Imported>, next: usize, here: Vec<usize> },
    /// Some records are still to be written.
    Writing(vec::IntoIter<import::Imported>),
}

/// One step of an import.
pub enum ImportStep {
    /// Some records were checked.
    Checked,
    /// Entries to write; the next step is due when they are durable.
    Write(PendingWrite, Vec<(CircleId, Content)>),
    /// The import has ended.
    Done(Box<Reply>),
}

impl ImportRun {
    /// Number of records written, and of all that are to be written; `None` while they are checked.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, u64)> {
        match &self.phase {
            Phase::Checking { .. } => None,
            Phase::Writing(left) => Some((self.records.len() as u64, (self.records.len() + left.len()) as u64)),
        }
    }

    /// The problem that ended the import, with the number of records that it had brought in.
    #[must_use]
    pub fn ended_by(&self, problem: Problem) -> Problem {
        let done = self.records.len();
        if self.dry_run || done == 0 {
            return problem;
        }
        let message =
            format!("{}; {done} of {} records are in, with --new the others follow", problem.message, self.all);
        Problem { message, ..problem }
    }
}

impl<S: Store> Workspace<'_, S> {
    /// Begins an import: case files go to the own circle, dockets to the commons. A record with a label that was
    /// imported before is the same record, unless the request says otherwise: importing a file once more must not
    /// double every case.
    ///
    /// # Errors
    /// The errors of the file.
    pub fn begin_import(
        &mut self,
        read: Result<Vec<import::Imported>, ImportErrors>,
        dry_run: bool,
        known: Known,
    ) -> Result<ImportRun, Problem> {
        self.readable()?;
        let found = read.map_err(|errors| {
            let details: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
            let message = format!("the file has {} errors; nothing was brought in", details.len());
            let problem = Problem::new(codes::IMPORT, message).saying("errors").with("count", details.len());
            let findings = errors.0.iter().map(import::ImportError::problem).collect();
            problem.with_details(details).with_findings(findings)
        })?;
        Ok(ImportRun {
            known,
            dry_run,
            batch: BatchId(self.entropy.bytes()),
            all: found.len(),
            phase: Phase::Checking { found, next: 0, here: vec![] },
            records: vec![],
            entries: 0,
        })
    }

    /// Takes the next step of an import.
    ///
    /// # Errors
    /// Records that are known, or values that are not allowed in their circle: nothing was brought in. Or a section
    /// that cannot be read.
    pub fn import_step(&mut self, run: &mut ImportRun) -> Result<ImportStep, Problem> {
        self.readable()?;
        match &mut run.phase {
            Phase::Checking { found, next, here } => {
                let end = found.len().min(*next + CHECKED);
                for (at, imported) in found.iter().enumerate().take(end).skip(*next) {
                    if run.known != Known::Again && self.is_labelled(imported)? {
                        here.push(at);
                    } else {
                        check(imported, &self.home(kind_of(imported.kind)))?;
                    }
                }
                *next = end;
                if end == found.len() {
                    let (found, here) = (std::mem::take(found), std::mem::take(here));
                    run.phase = Phase::Writing(chosen(found, &here, run.known)?.into_iter());
                }
                Ok(ImportStep::Checked)
            }
            Phase::Writing(left) => {
                let slice: Vec<_> = left.take(WRITTEN).collect();
                if slice.is_empty() {
                    let records = std::mem::take(&mut run.records);
                    return Ok(ImportStep::Done(Box::new(Reply::Imported { records, entries: run.entries })));
                }
                let (mut entries, mut labels) = (Vec::new(), Batch::default());
                for imported in slice {
                    let record = self.bring_in(imported, run.batch, &mut entries, &mut labels)?;
                    run.records.push(record);
                }
                if run.dry_run {
                    return Ok(ImportStep::Checked);
                }
                run.entries += entries.len() as u64;
                Ok(ImportStep::Write(PendingWrite::Labels(labels), entries))
            }
        }
    }

    /// Makes the entries of one record, and the rows of its label.
    fn bring_in(
        &mut self,
        imported: import::Imported,
        batch: BatchId,
        entries: &mut Vec<(CircleId, Content)>,
        labels: &mut Batch,
    ) -> Result<Imported, Problem> {
        let kind = kind_of(imported.kind);
        let (circle, section) = (self.home(kind), SectionId(imported.root.0));
        let record = RecordRef { id: self.state.circle_of(&circle), circle, section, kind };
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
        Ok(Imported {
            label: imported.label,
            kind,
            record: section,
            pseudonym: words::pseudonym(&section.0),
            statements: count as u64,
        })
    }

    /// Whether a record of the same kind was imported under the label.
    fn is_labelled(&self, imported: &import::Imported) -> Result<bool, Problem> {
        let kind = kind_of(imported.kind);
        Ok(self.all_labelled(&imported.label)?.iter().any(|record| record.kind == kind))
    }
}

/// Checks that every value of a record may go to its circle.
fn check(imported: &import::Imported, circle: &Circle) -> Result<(), Problem> {
    let (schema, place) = (Schema::current(), place(circle));
    for draft in imported.statements.iter().chain(&imported.separate) {
        if let Some(field) = schema.field(&draft.field) {
            let may_go = schema.may_go(field, &draft.value, place);
            may_go.map_err(|error| desk::level_problem(&error).with_details(vec![imported.label.clone()]))?;
        }
    }
    Ok(())
}

/// The records to be written. `here`: places of those that are known.
fn chosen(found: Vec<import::Imported>, here: &[usize], known: Known) -> Result<Vec<import::Imported>, Problem> {
    if known == Known::Refuse && !here.is_empty() {
        let all = found.len();
        let message =
            format!("{} of the {all} records of the file are here already; nothing was brought in", here.len());
        let problem = Problem::new(codes::KNOWN_LABELS, message).saying("some").with("count", all);
        let labels = here.iter().map(|at| found[*at].label.clone()).collect();
        return Err(problem.with("known", here.len()).with_details(labels));
    }
    let here: BTreeSet<usize> = here.iter().copied().collect();
    Ok(found.into_iter().enumerate().filter(|(at, _)| !here.contains(at)).map(|(_, imported)| imported).collect())
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
